"""Which channels stand or fall together: a union-find over channel labels.

Every channel of every tensor in a trace carries a label, an integer. Operators that force two
channels to be cut together unify their labels; operators that forbid a cut freeze them. Nothing
here knows about operators or weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Labels:
    """Labels 0 … n−1 in classes. Roots are the smallest label of their class."""

    def __init__(self) -> None:
        self._parent: Ints = np.arange(1024, dtype=np.int64)
        self._count = 0
        self._frozen: list[tuple[Ints, str]] = []
        self._notes: list[tuple[int, str]] = []
        self._least: list[tuple[Ints, int]] = []

    def copy(self) -> Labels:
        """The same classes, to go back to."""
        other = Labels()
        other._parent, other._count = self._parent.copy(), self._count
        other._frozen, other._notes = list(self._frozen), list(self._notes)
        other._least = list(self._least)
        return other

    def fresh(self, count: int) -> Ints:
        """`count` new labels, each in a class of its own."""
        start, self._count = self._count, self._count + count
        if self._count > len(self._parent):
            grown = np.arange(2 * self._count, dtype=np.int64)
            grown[:start] = self._parent[:start]
            self._parent = grown
        return np.arange(start, self._count, dtype=np.int64)

    def find(self, labels: Ints) -> Ints:
        """The root of every label."""
        roots = self._parent[labels]
        while True:
            above = self._parent[roots]
            if np.array_equal(above, roots):
                break
            roots = above
        self._parent[labels] = roots
        return roots

    def unify(self, first: Ints, second: Ints, note: str = "") -> None:
        """Put `first[i]` and `second[i]` into one class. `note` says why, for people."""
        left, right = self.find(first), self.find(second)
        differ = left != right
        if not differ.any():
            return
        for a, b in zip(left[differ].tolist(), right[differ].tolist(), strict=True):
            root_a, root_b = self._root(a), self._root(b)
            self._parent[max(root_a, root_b)] = min(root_a, root_b)
        if note:
            self._notes.append((int(first.flat[0]), note))

    def note(self, labels: Ints, text: str) -> None:
        """Say, for people, why layers on these channels go together."""
        if labels.size:
            self._notes.append((int(labels.flat[0]), text))

    def keep_at_least(self, labels: Ints, count: int) -> None:
        """No fewer than `count` classes may stay of those that `labels` belong to."""
        self._least.append((labels, count))

    def least(self) -> dict[int, int]:
        """The largest such count for every root that has one."""
        counts: dict[int, int] = {}
        for labels, count in self._least:
            for root in np.unique(self.find(labels)).tolist():
                counts[root] = max(count, counts.get(root, 1))
        return counts

    def freeze(self, labels: Ints, reason: str) -> None:
        """No channel of these classes may be removed. The first reason given is the one shown."""
        if labels.size:
            self._frozen.append((labels, reason))

    def frozen(self) -> dict[int, str]:
        """The reason for every frozen root."""
        reasons: dict[int, str] = {}
        for labels, reason in self._frozen:
            for root in np.unique(self.find(labels)).tolist():
                reasons.setdefault(root, reason)
        return reasons

    def notes(self) -> dict[int, list[str]]:
        """Why the classes came together, by root."""
        notes: dict[int, list[str]] = {}
        for label, note in self._notes:
            root = self._root(label)
            if note not in notes.setdefault(root, []):
                notes[root].append(note)
        return notes

    def _root(self, label: int) -> int:
        while self._parent[label] != label:
            label = int(self._parent[label])
        return label
