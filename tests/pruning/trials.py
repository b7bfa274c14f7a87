"""A short search of the tiny network, and what must be the same of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny

import netadapt
from experiments.reliability.run_state import differences, state_of
from experiments.reliability.run_state import rows as rows

MACS = netadapt.trace(tiny.network(), tiny.EXAMPLE).macs
SHORT = netadapt.FineTuning(steps=2, batch_size=16, learning_rate=0.01)


class Stops(netadapt.Callback):
    """Ends a search at its `count`th candidate."""

    def __init__(self, count: int) -> None:
        self.left = count

    def candidate(self, proposal: netadapt.Proposal, index: int, count: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def pruned(out: Path, **options: Any) -> netadapt.Result:
    """The tiny network at six tenths of its multiply-accumulates, with several candidates an
    iteration."""
    given = {
        "task": tiny.task(),
        "budget": {"macs": 0.6 * MACS},
        "first_reduction": 0.1,
        "strategy": "full",
        "short_term": SHORT,
    }
    return netadapt.prune(tiny.network(), tiny.EXAMPLE, out=out, **{**given, **options})


def require_same(run: Path, other: Path) -> None:
    """Two runs decided the same and made the same networks, to the last bit."""
    assert differences(state_of(run), state_of(other)) == []
