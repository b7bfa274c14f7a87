"""The comparison as text and as a picture: `python -m experiments.search.summary` rewrites the part
of README.md between its two marks, and results.png, from results.csv. No number is typed by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments.between_marks import rewrite
from experiments.spreads import spread

FOLDER = Path(__file__).parent
MODULE = "experiments.search.summary"
HEAD = (
    "| method | seeds | predicted ms | training images | search, CPU s | delta1, searched "
    "| delta1 | RMSE, m |\n|---|---|---|---|---|---|---|---|\n"
)


def text_of(rows: pd.DataFrame) -> str:
    """A table for each case and budget; the best mean delta1 comes first."""
    parts = []
    for (case, budget_ms), found in rows.groupby(["case", "budget_ms"], sort=False):
        parts.append(f"**{case}, {budget_ms:g} ms**\n\n{HEAD}{_lines(found)}")
    return "\n".join(parts)


def _lines(found: pd.DataFrame) -> str:
    groups = sorted(found.groupby("method"), key=lambda group: -group[1]["delta1"].mean())
    return "".join(
        f"| {method} | {len(of)} | {of['latency_ms'].mean():.2f} | {of['samples'].mean():,.0f} "
        f"| {of['search_cpu_s'].mean():,.0f} | {spread(of['delta1_searched'])} "
        f"| {spread(of['delta1'])} | {spread(of['rmse_m'])} |\n"
        for method, of in groups
    )


def draw(rows: pd.DataFrame, target: Path) -> None:
    """Accuracy against the search's training images, and against latency; a mark a run."""
    cases = rows["case"].unique()
    figure = Figure(figsize=(11, 4.2 * len(cases)), layout="constrained")
    axes = figure.subplots(len(cases), 2, squeeze=False)
    colours = {method: f"C{number}" for number, method in enumerate(rows["method"].unique())}
    for (by_samples, by_latency), case in zip(axes, cases, strict=True):
        for method, of in rows[rows["case"] == case].groupby("method"):
            look = {"s": 24, "color": colours[method]}
            by_samples.scatter(of["samples"], of["delta1"], label=str(method), **look)
            by_latency.scatter(of["latency_ms"], of["delta1"], **look)
        by_samples.set_xscale("log")
        _label(by_samples, f"{case}: training images of the search")
        _label(by_latency, f"{case}: predicted ms on the TX2's GPU")
        by_samples.legend(frameon=False, fontsize=8)
    figure.savefig(target, dpi=110)


def _label(axis: Any, text: str) -> None:
    axis.set_xlabel(text)
    axis.set_ylabel("delta1 after the same fine-tuning")
    axis.grid(alpha=0.3)


def main() -> int:
    results = FOLDER / "results.csv"
    if not results.exists():
        print("no results yet: run experiments.search.run first", file=sys.stderr)
        return 2
    rows = pd.read_csv(results)
    # Of a search that goes on from a higher budget: that of the way to it counts too.
    rows["search_cpu_s"] = rows.groupby(["case", "method", "seed"])["search_cpu_s"].cumsum()
    rewrite(FOLDER / "README.md", MODULE, text_of(rows))
    draw(rows, FOLDER / "results.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
