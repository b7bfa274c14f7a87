"""Figures of two networks on one device, for what shows such figures."""

from __future__ import annotations

from netadapt.deploy.network_bench import Figures
from netadapt.deploy.network_memory import NetworkMemory
from netadapt.deploy.network_timing import Bench
from netadapt.latency.runtimes.base import Timing

TIMED = Bench(Timing((2.0, 2.0, 2.1, 2.4)), memory=NetworkMemory(3_000_000, 1_500_000))
QUICK = Bench(Timing((1.0, 1.0, 1.25, 1.5)))
FIGURES = [
    Figures("runs/full", "paper", False, TIMED, {"accuracy": 0.9}, TIMED),
    Figures("a/very/long/path/" * 5 + "pruned", "paper", False, QUICK, {"accuracy": 0.88}, TIMED),
]
