"""What depth images say of how they are to be read: rotated bits, and a scale that is another.

Looks at values only. Pairing and reading files are left to others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Units = npt.NDArray[np.uint16]

LEAST_MULTIPLES = 0.98
"""Share of a rotated set's values whose lowest three bits are those of a depth below 16.4 m."""

LEAST_EIGHTHS = 0.5
"""Share below 8.2 m, whose lowest three bits are zero; any other set has one in eight."""

LEAST_VALUES = 16
"""Different values that are needed to tell."""

FAR_FOR_A_ROOM_M = 8.0
"""A median depth that says that the scale may be another."""


def rotated_back(units: Units) -> Units:
    """Values whose bits SUN RGB-D stores rotated left by three, as they were."""
    return ((units >> 3) | (units << 13)).astype(np.uint16)


def looks_rotated(units: Units) -> bool:
    """Whether these values are SUN RGB-D's: nearly all of them multiples of 8, and of nothing more.

    Eight-bit depth that was stretched to 16 bits has multiples of 256 or 257; depth that is a
    multiple of 8 by itself can't have odd eighths as often as even ones.
    """
    valid = np.unique(units[(units > 0) & (units < 65535)])
    if valid.size < LEAST_VALUES:
        return False
    low, eighths = valid & 7, valid >> 3
    odd = float((eighths & 1).mean())
    return (
        float((low == 0).mean()) >= LEAST_EIGHTHS
        and float((low <= 1).mean()) >= LEAST_MULTIPLES
        and 0.25 < odd < 0.75
    )


def scale_note(median_m: float, units_per_metre: float, timed: bool) -> str:
    """A word on a median that rooms don't have; empty for a likely one."""
    if median_m <= FAR_FOR_A_ROOM_M:
        return ""
    like = " as TUM's sets are, whose names are times too" if timed else " (TUM's are)"
    return (
        f"the median depth is {median_m:.1f} m at {units_per_metre:g} units a metre, far for a "
        f"room; if the set is stored at 5000{like}, give --depth-scale 5000: "
        f"{median_m * units_per_metre / 5000:.2f} m"
    )
