"""A look at a pickle before it is read: can reading it take more than the file is large?

A few bytes can ask the reader for a memo of gigabytes, or nest tuples so deep, or so often in one
another, that hashing them ends the process or never ends. `pickles.py` reads what has passed.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

from netadapt.errors import WeightsError

DEEPEST = 200
"""Tuples within tuples; torch nests them four deep."""

MOST_PARTS = 10_000
"""Of a tuple, with the parts of its parts, said as often as they are: hashing it visits each."""

MOST_OPERATIONS = 5_000_000
"""Of a pickle; each makes some hundred bytes at most. A checkpoint of 1,000 tensors has 50,000."""

_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": None}
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_CHANGES = ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD")
"""Of what lies below on the stack, and is none of the things that are hashed by their parts."""


class _Nested(NamedTuple):
    """How deep tuples are nested in something, and how many parts they have in all."""

    depth: int = 0
    parts: int = 0


_FLAT = _Nested()
_MARK = _Nested(-1)


class _Bounded:
    """A stream of which no more is asked than is left: a length in the pickle may say anything."""

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self._stream, self._left = stream, left

    def read(self, size: int) -> bytes:
        content = self._stream.read(max(0, min(size, self._left)))
        self._left -= len(content)
        return content

    def readline(self) -> bytes:
        line = self._stream.readline(self._left)
        self._left -= len(line)
        return line

    def tell(self) -> int:
        return self._stream.tell()


def check_pickle(stream: IO[bytes], file: Path) -> None:
    """Look through one pickle from where `stream` stands, and go back there.

    Raises WeightsError naming what is out of bounds; ValueError, as reading it would, where it is
    no pickle or cut short.
    """
    start, size = stream.tell(), file.stat().st_size
    stack: list[_Nested] = []
    memo: dict[int, _Nested] = {}
    argument: Any
    for count, (operation, argument, place) in enumerate(
        pickletools.genops(_Bounded(stream, size))  # type: ignore[arg-type]
    ):
        name = operation.name
        if count > MOST_OPERATIONS:
            raise WeightsError(f"{file}: refused a pickle of over {MOST_OPERATIONS:,} operations")
        if name in _PUTS and argument > (place or 0) - start:
            raise WeightsError(
                f"{file}: refused a pickle that asks for a memo of {argument} places"
            )
        if name == "FRAME" and argument > size:
            raise WeightsError(f"{file}: refused a pickle with a part of {argument:,} bytes")
        if name in _TUPLES:
            stack.append(_tuple_of(_popped(stack, _TUPLES[name]), file))
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in _PUTS:
            memo[argument] = stack[-1]
        elif name in _GETS:
            stack.append(memo[argument])
        else:
            _follow(operation, stack, file)
    stream.seek(start)


def _tuple_of(items: list[_Nested], file: Path) -> _Nested:
    made = _Nested(1 + max((item.depth for item in items), default=0), 1 + _parts(items))
    if made.depth > DEEPEST:
        raise WeightsError(f"{file}: refused a pickle with over {DEEPEST} nested tuples")
    return _bounded(made, file)


def _parts(items: Iterable[_Nested]) -> int:
    return sum(max(1, item.parts) for item in items)


def _bounded(made: _Nested, file: Path) -> _Nested:
    if made.parts > MOST_PARTS:
        raise WeightsError(f"{file}: refused a pickle with a tuple of over {MOST_PARTS:,} parts")
    return made


def _follow(operation: Any, stack: list[_Nested], file: Path) -> None:
    """Keep what is on the reader's stack.

    What is called with something may give it back, or make another tuple of its parts; what is
    changed stays what it was.
    """
    before = [kind.name for kind in operation.stack_before]
    taken: list[_Nested] = []
    if "mark" in before:
        taken += _popped(stack, None)
        before = before[: before.index("mark")]
    taken = [*_popped(stack, len(before)), *taken]
    after = [kind.name for kind in operation.stack_after]
    if operation.name in _CHANGES:
        stack += taken[:1]
    elif operation.name in ("LIST", "DICT"):
        stack.append(_FLAT)  # nothing hashes them
    elif operation.name == "DUP":
        stack += taken * 2
    else:
        within = [item for item in taken if item is not _MARK]
        made = _Nested(
            max((item.depth for item in within), default=0), sum(i.parts for i in within)
        )
        stack += (_MARK if kind == "mark" else _bounded(made, file) for kind in after)


def _popped(stack: list[_Nested], count: int | None) -> list[_Nested]:
    """So many taken off; or all above the last mark, with the mark."""
    if count is None:
        for back, item in enumerate(reversed(stack), start=1):
            if item is _MARK:
                count = back
                break
        else:
            raise ValueError("a pickle that takes from a mark that isn't there")
    if count > len(stack):
        raise ValueError("a pickle that takes more from its stack than is there")
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return [item for item in taken if item is not _MARK]
