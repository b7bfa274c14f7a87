"""The chart of runs: accuracy against what the network costs, budgets as lines, the last marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netadapt.pruning.records import StepRecord
from netadapt.report.line_chart import Chart, Point, Rule, Series
from netadapt.report.run_on_disk import RunOnDisk

LATENCY, MACS, PARAMS = "latency", "macs", "params"


def accuracy_chart(runs: Sequence[RunOnDisk]) -> Chart:
    """The first metric of the first run, over milliseconds where every iteration has them.

    Without milliseconds over multiply-accumulates, or parameters where the budgets are on these. A
    run that lacks the metric has no points; its place among the colours stays.
    """
    cost, metric = shown_cost(runs), next(iter(runs[0].first.metrics))
    labels = {
        LATENCY: "predicted latency, ms (bars: 90 % interval)",
        MACS: "multiply-accumulates, G",
        PARAMS: "parameters, M",
    }
    return Chart(
        f"{metric} against {'latency' if cost == LATENCY else 'cost'}",
        labels[cost],
        f"{metric} on the holdout",
        [Series(run.name, list(_points(run, cost, metric, len(runs) == 1))) for run in runs],
        rules=_budget_rules(runs, cost),
        falling=True,
    )


def shown_cost(runs: Sequence[RunOnDisk]) -> str:
    """What the runs' networks are compared by."""
    if all(step.latency is not None for run in runs for step in run.steps):
        return LATENCY
    asked = [set(run.content.get("budget", {})) for run in runs]
    if all(PARAMS in names and MACS not in names for names in asked):
        return PARAMS
    return MACS


def _points(run: RunOnDisk, cost: str, metric: str, named: bool) -> list[Point]:
    """A point an iteration; the final one is marked, and `named` where it is the only one."""
    points = []
    for step in run.steps:
        if metric not in step.metrics:
            return []
        at = _cost_of(step, cost)
        low = high = None
        if cost == LATENCY and step.latency is not None:
            low, high = step.latency.low, step.latency.high
        last = step is run.last
        points.append(
            Point(
                at,
                step.metrics[metric],
                f"{run.name}: {step_title(step)}",
                low,
                high,
                kind="final" if last and len(run.steps) > 1 else "",
                label="final" if last and named and len(run.steps) > 1 else "",
            )
        )
    if run.tuned is not None and metric in run.tuned.metrics and run.tuned.epoch:
        value = run.tuned.metrics[metric]
        title = f"{run.name}: after fine-tuning, epoch {run.tuned.epoch}: {metric} {value:.4f}"
        points[-1] = replace(points[-1], label="", kind="")
        label = "final, fine-tuned" if named else ""
        points.append(Point(points[-1].x, value, title, kind="final", label=label))
    return points


def step_title(step: StepRecord) -> str:
    """An iteration in a few lines, for its hover text."""
    lines = [f"iteration {step.iteration}"]
    if step.group:
        lines.append(f"{step.group}: {step.width_before} → {step.width_after}")
    if step.latency is not None:
        latency = step.latency
        lines.append(f"{latency.value:.3f} ms ({latency.low:.3f} to {latency.high:.3f})")
    if step.measured_ms is not None:
        lines.append(f"timed whole: {step.measured_ms:.3f} ms")
    lines += [f"{name} {value:.4f}" for name, value in step.metrics.items()]
    lines.append(f"{step.macs / 1e6:.1f} M MACs, {step.params / 1e6:.2f} M parameters")
    return "\n".join(lines)


def _cost_of(step: StepRecord, cost: str) -> float:
    if cost == LATENCY and step.latency is not None:
        return step.latency.value
    return step.macs / 1e9 if cost == MACS else step.params / 1e6


def _budget_rules(runs: Sequence[RunOnDisk], cost: str) -> list[Rule]:
    """A line for each budget that is in the unit of the axis: of devices the first one's."""
    scale = {LATENCY: 1.0, MACS: 1e9, PARAMS: 1e6}[cost]
    rules: dict[float, Rule] = {}
    for run in runs:
        for budget in run.budgets:
            if (budget.cost is not None) if cost == LATENCY else (budget.name == cost):
                rules.setdefault(budget.most, Rule(f"budget {budget.amount}", budget.most / scale))
                break
    return list(rules.values())
