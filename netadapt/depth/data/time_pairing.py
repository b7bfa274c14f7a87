"""Pairs images by the times in their names, where two cameras that ran by themselves wrote them.

What is a time, and how far apart two images may be, is decided here; which images are colour and
which are depth is `pairing`'s affair.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_APART_S = 0.02
"""Of the two images of a pair; TUM's own associate.py takes as much."""

_SECONDS = re.compile(r"(?<![\d.])(\d+\.\d{3,9})(?!\d)")
_SPLIT_SECONDS = re.compile(r"(?<!\d)(\d{10})[_-](\d{6}|\d{9})(?!\d)")
_SINCE_1970 = re.compile(r"(?<!\d)(1\d{12}|1\d{15}|1\d{18})(?!\d)")
"""Milliseconds, microseconds or nanoseconds: years 2001 to 2033 by their number of digits."""


@dataclass(frozen=True, slots=True)
class TimedPairs:
    """Pairs in the order of time, how far apart the furthest are, and by how much depth is late.

    `late_s` is the median, over the depth images, of the time since the nearest colour image.
    """

    pairs: tuple[tuple[Path, Path], ...]
    furthest_s: float
    late_s: float


def time_in_name(path: Path) -> float | None:
    """The time in a file's name, in seconds: 1305031102.175304, or 1305031102175 and longer."""
    name = path.name.removesuffix(path.suffix)
    found = _SECONDS.findall(name)
    if len(found) == 1:
        return float(found[0])
    halves = _SPLIT_SECONDS.findall(name)
    if len(halves) == 1:
        whole, part = halves[0]
        return float(f"{whole}.{part}")
    whole_numbers = _SINCE_1970.findall(name)
    if len(whole_numbers) == 1:
        digits = whole_numbers[0]
        return float(f"{digits[:10]}.{digits[10:]}")
    return None


def are_timed(paths: Sequence[Path]) -> bool:
    """Whether every one of these names has a time."""
    return bool(paths) and all(time_in_name(path) is not None for path in paths)


def furthest_apart(pairs: Sequence[Sequence[Path]]) -> float:
    """The most seconds between the two timed images of a pair."""
    return max(
        abs((time_in_name(rgb) or 0.0) - (time_in_name(depth) or 0.0)) for rgb, depth in pairs
    )


def pair_by_time(rgb: Sequence[Path], depth: Sequence[Path]) -> TimedPairs:
    """Pair timed images, each with the nearest that is free, at most MOST_APART_S away."""
    colour = sorted((time_in_name(path) or 0.0, path) for path in rgb)
    deep = sorted((time_in_name(path) or 0.0, path) for path in depth)
    times = [time for time, _ in colour]
    near: list[tuple[float, int, int]] = []
    late = []
    for j, (time, _) in enumerate(deep):
        first = bisect.bisect_left(times, time - MOST_APART_S)
        last = bisect.bisect_right(times, time + MOST_APART_S)
        near += [(abs(times[i] - time), i, j) for i in range(first, last)]
        place = bisect.bisect_left(times, time)
        around = [times[i] for i in (place - 1, place) if 0 <= i < len(times)]
        late.append(time - min(around, key=lambda other: abs(other - time)))
    partner: dict[int, int] = {}
    taken: set[int] = set()
    furthest = 0.0
    for apart, i, j in sorted(near):
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
            furthest = apart
    pairs = tuple((colour[i][1], deep[partner[i]][1]) for i in sorted(partner))
    return TimedPairs(pairs, furthest, sorted(late)[len(late) // 2] if late else 0.0)
