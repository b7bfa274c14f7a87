"""A look at a pickle before it is read: can reading it take more than the file is large?

A few bytes can ask the reader for a memo of gigabytes, or nest tuples so deep that hashing them
ends the process. `pickles.py` reads what has passed.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import IO, Any

from netadapt.errors import WeightsError

DEEPEST = 200
"""Tuples within tuples; torch nests them four deep."""

_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": None}
_PUTS = ("PUT", "BINPUT", "LONG_BINPUT")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_MARK = -1


def check_pickle(stream: IO[bytes], file: Path) -> None:
    """Look through one pickle from where `stream` stands, and go back there.

    Raises WeightsError naming what is out of bounds; ValueError, as reading it would, where it is
    no pickle or cut short.
    """
    start = stream.tell()
    depths: list[int] = []
    memo: dict[int, int] = {}
    argument: Any
    for operation, argument, place in pickletools.genops(stream):
        name = operation.name
        if name in _PUTS and argument > (place or 0) - start:
            raise WeightsError(
                f"{file}: refused a pickle that asks for a memo of {argument} places"
            )
        if name in _TUPLES:
            depth = 1 + max(_popped(depths, _TUPLES[name]), default=0)
            if depth > DEEPEST:
                raise WeightsError(f"{file}: refused a pickle with over {DEEPEST} nested tuples")
            depths.append(depth)
        elif name == "MEMOIZE":
            memo[len(memo)] = depths[-1]
        elif name in _PUTS:
            memo[argument] = depths[-1]
        elif name in _GETS:
            depths.append(memo[argument])
        else:
            _follow(operation, depths)
    stream.seek(start)


def _follow(operation: Any, depths: list[int]) -> None:
    """Keep the depths of what is on the reader's stack; all but tuples count as flat."""
    before = [kind.name for kind in operation.stack_before]
    if "mark" in before:
        _popped(depths, None)
        before = before[: before.index("mark")]
    _popped(depths, len(before))
    depths += [_MARK if kind.name == "mark" else 0 for kind in operation.stack_after]


def _popped(depths: list[int], count: int | None) -> list[int]:
    """So many taken off; or all above the last mark, with the mark."""
    if count is None:
        count = depths[::-1].index(_MARK) + 1
    if count > len(depths):
        raise ValueError("a pickle that takes more from its stack than is there")
    taken = depths[len(depths) - count :]
    del depths[len(depths) - count :]
    return taken
