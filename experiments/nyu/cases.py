"""What experiments/nyu prunes, down to which budgets, by which methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiments.search_method import Method
from netadapt.pruning.long_term import LONG_TERM_COURSE, LongTerm

METHODS = {
    "saliency": Method("saliency"),
    "full": Method("full"),
    "uniform": Method("uniform"),
    "published widths": Method("published-widths"),
    "torch-pruning": Method("global", {"importance": "torch-pruning"}),
    "global L2": Method("global", {"importance": "l2"}),
    "random widths": Method("random-widths"),
}
"""`saliency` is the default strategy of `netadapt prune`, `full` NetAdapt as published. Baselines
cut once; which units of a group go they say by L2, as NetAdapt, but for torch-pruning's."""

COURSE = replace(LONG_TERM_COURSE, autocast=True)

FEW = ("saliency", "full", "uniform")
"""Methods for the other budgets."""


@dataclass(frozen=True)
class Case:
    """A network and the budgets it is pruned to, each a budget as `netadapt.search` takes it."""

    budgets: Mapping[str, Mapping[str, float]]
    """By the name that a row has."""
    main: str
    """The budget that all methods are compared at."""
    afterwards: LongTerm
    """The long fine-tune that every network gets."""
    without: tuple[str, ...] = ()
    """Methods that have no meaning here."""

    def methods(self, budget: str) -> tuple[str, ...]:
        """Of a budget: all at the main one, a few elsewhere; counts and other devices have one."""
        if budget == self.main:
            return tuple(method for method in METHODS if method not in self.without)
        return FEW if set(self.budgets[budget]) == {"tx2"} else ("saliency",)


def on_tx2(*budgets_ms: float) -> dict[str, dict[str, float]]:
    """A budget on the TX2's GPU for each of these, largest first."""
    return {f"tx2={ms:g}": {"tx2": ms} for ms in sorted(budgets_ms, reverse=True)}


PUBLISHED_MS = 5.72
"""What the published widths take: 5.71 ms."""

CASES = {
    "fastdepth": Case(
        on_tx2(7, 6, PUBLISHED_MS, 5.6, 5, 4)
        | {f"macs={most:g}G": {"macs": most * 1e9} for most in (0.55, 0.4, 0.3)}
        | {f"tx2-cpu={ms:g}": {"tx2-cpu": ms} for ms in (50.0, 40.0, 30.0)}
        | {f"rk3399={ms:g}": {"rk3399": ms} for ms in (70.0, 55.0, 42.0)},
        f"tx2={PUBLISHED_MS:g}",
        # Towards what the network given says: from the labels alone it forgets (README.md).
        LongTerm(COURSE, epochs=2, options={"max_scale": 1.3}, distill=True),
    ),
    "published": Case(
        on_tx2(5, 4.5, 4), "tx2=4.5", LongTerm(COURSE, epochs=4), without=("published widths",)
    ),
}
"""`fastdepth` is full-width FastDepth, trained on NYU; `published` the authors' pruned network,
imported with `netadapt models import`."""
