"""Notices that a device is too noisy for what a build is to reach, and says so once.

What makes the noise is looked for by `disturbance`; what to do with a row that spreads is the
matter of `row_timing`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.disturbance import conditions, disturbances
from netadapt.latency.measure.row_timing import SPREAD_LIMIT

LEAST_ROWS = 5


class NoiseWatch:
    """Judges the spreads of a build's rows against its tolerance, both relative."""

    def __init__(
        self, tolerance: float, profile: DeviceProfile, tell: Callable[[str], None]
    ) -> None:
        self._tolerance = tolerance
        self._limit = max(tolerance, SPREAD_LIMIT)
        self._profile = profile
        self._tell = tell
        self._began = conditions()
        self._told = profile.emulated

    def look(self, spreads: Sequence[float]) -> None:
        """Judge the rows so far: `spreads` of those measured since the build began."""
        if self._told or len(spreads) < LEAST_ROWS:
            return
        spread = statistics.median(spreads)
        if spread <= self._limit:
            return
        self._told = True
        self._tell(
            f"the device's noise exceeds the tolerance: half of the rows spread by {spread:.0%} or "
            f"more, networks are to be predicted within {100 * self._tolerance:.3g}%; "
            f"{self._causes()}"
        )

    def _causes(self) -> str:
        if self._profile.remote:
            return (
                "on the board, stop other programs, fix its clocks and let it cool: none of that "
                "can be read from here"
            )
        found = disturbances(self._began, conditions(), self._profile.threads)
        if found:
            return f"on this machine, {'; '.join(found)}"
        return "neither load nor clocks nor heat of this machine show why"
