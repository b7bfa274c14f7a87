"""What disturbs measuring on this machine: other programs, clocks that move, heat.

Read from /proc and /sys where the system has them, at the beginning of a build and when its noise
is too large. Of a board that is reached over a network nothing of this can be read; what its own
layers show (`table_build.Sentinel`) is all there is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")
LOAD_WORTH_TELLING = 0.3
"""Of a core, that other programs keep busy."""

STOLEN_WORTH_TELLING = 0.02
SLOW_CLOCK = 0.95
"""Of the highest, that a clock is under when it counts as slowed down."""

HOT_C = 80.0


@dataclass(frozen=True)
class Conditions:
    """How a machine stands at a moment; None for what it doesn't tell.

    `load`: programs running or waiting for a core, a mean over a minute. `stolen`: the share of
    time that a virtual machine's host gave to others, since it was started, as (ticks stolen, all
    ticks). `clock`: the fastest core's clock over its highest (idle cores slow down by themselves).
    `hottest_c`: degrees Celsius.
    """

    load: float | None
    stolen: tuple[int, int] | None
    clock: float | None
    hottest_c: float | None


def conditions(proc: Path = PROC, sys: Path = SYS) -> Conditions:
    """Those of this machine now."""
    return Conditions(
        load=_load(proc),
        stolen=_stolen(proc),
        clock=_clock(sys),
        hottest_c=_hottest_c(sys),
    )


def disturbances(began: Conditions, now: Conditions, own_threads: int) -> list[str]:
    """What disturbs, a phrase each; empty where nothing of it shows.

    `own_threads`: how many cores the measuring itself keeps busy.
    """
    found = []
    others = None if now.load is None else now.load - own_threads
    if others is not None and others > LOAD_WORTH_TELLING:
        found.append(
            f"other programs ask for {others:.1f} of {os.cpu_count() or 1} cores: stop them"
        )
    if began.stolen is not None and now.stolen is not None:
        ticks = max(1, now.stolen[1] - began.stolen[1])
        share = (now.stolen[0] - began.stolen[0]) / ticks
        if share > STOLEN_WORTH_TELLING:
            found.append(
                f"the host of this virtual machine gives {share:.0%} of its time to others: "
                f"measure where the cores are yours"
            )
    if now.clock is not None and now.clock < SLOW_CLOCK:
        found.append(
            f"no core's clock is above {now.clock:.0%} of its highest: set its governor to "
            f"performance"
        )
    if now.hottest_c is not None and now.hottest_c > HOT_C:
        found.append(f"it is {now.hottest_c:.0f} °C hot: let it cool, or cool it")
    return found


def _load(proc: Path) -> float | None:
    words = _words(proc / "loadavg")
    return float(words[0]) if words else None


def _stolen(proc: Path) -> tuple[int, int] | None:
    """The first line of stat: cpu user nice system idle iowait irq softirq steal."""
    words = _words(proc / "stat")[:9]
    if len(words) < 9 or words[0] != "cpu":
        return None
    ticks = [int(word) for word in words[1:]]
    return ticks[-1], sum(ticks)


def _clock(sys: Path) -> float | None:
    shares = []
    for folder in sorted(sys.glob("devices/system/cpu/cpu[0-9]*/cpufreq")):
        now, most = (_words(folder / name) for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
        if now and most and int(most[0]) > 0:
            shares.append(int(now[0]) / int(most[0]))
    return max(shares, default=None)


def _hottest_c(sys: Path) -> float | None:
    zones = (_words(path) for path in sys.glob("class/thermal/thermal_zone*/temp"))
    return max((int(words[0]) / 1000 for words in zones if words), default=None)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
