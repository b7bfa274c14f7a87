"""`netadapt prune --dry-run`: what is possible, how many iterations, and how long they take."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from netadapt.cli.console import print_json, say
from netadapt.cli.search_progress import search_progress

if TYPE_CHECKING:
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.forecast import Forecast
    from netadapt.pruning.job import PruneJob


def show_dry_run(job: PruneJob, *, quiet: bool, as_json: bool) -> None:
    """Open network and task of `job`, try one candidate, and print what that tells."""
    from netadapt.pruning.job import look_ahead, prepare

    with search_progress(quiet) as progress:
        progress.opening(f"{job.opened.model} and its data")
        prepared = prepare(job, lambda text: say(text, quiet=quiet), progress.rendering)
        found, budget, reaches = look_ahead(job, prepared, [progress])
    if as_json:
        print_json(
            {
                "budget": budget,
                "possible": [asdict(reach) for reach in reaches],
                **asdict(found),
                "seconds_an_iteration": found.seconds_an_iteration,
                "seconds": found.seconds,
            }
        )
        return
    for line in _lines(found, reaches):
        print(line)
    if job.opened.on_demand:
        say("nothing was measured on the device; what it lacks was predicted", quiet=quiet)


def _lines(found: Forecast, reaches: list[Reach]) -> list[str]:
    lines = []
    for name in dict.fromkeys(reach.constraint for reach in reaches):
        own = {reach.name: reach for reach in reaches if reach.constraint == name}
        full, smallest = own["full"], own["smallest"]
        lines.append(
            f"{name}: {full.cost.value:.4g} {full.unit} as given, {smallest.cost.value:.4g} at the "
            f"smallest widths; the budget is {full.budget:.4g}"
        )
    if not found.iterations:
        return [*lines, "the network meets the budget as it is"]
    tries = ", ".join(
        f"{count} {stage} of {found.seconds_each[stage]:.2g} s"
        for stage, count in found.attempts.items()
    )
    return [
        *lines,
        f"{found.iterations} iterations, if each saves just what it must; the first tries {tries}",
        f"about {_time_text(found.seconds)} on this machine, as it is now",
    ]


def _time_text(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
