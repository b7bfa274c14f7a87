"""The comparison as text and as a picture: `python -m experiments.nyu.summary` rewrites the part of
README.md between its two marks, and results.png, from results.csv. No number is typed by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.between_marks import rewrite
from experiments.nyu.cases import CASES
from experiments.spreads import spread

FOLDER = Path(__file__).parent
MODULE = "experiments.nyu.summary"

MAIN_HEAD = (
    "| method | seeds | predicted ms | GMACs | training images of the search | delta1 | RMSE, m "
    "| aligned delta1 | correlation |\n|---|---|---|---|---|---|---|---|---|\n"
)
COUNTED = ("tx2", "tx2-cpu", "rk3399")
"""Devices on which pruning by MACs is compared with pruning by latency."""


LEAST_SPAN_MS = 1.0
"""Of a plot: networks at one budget lie within some microseconds."""


def text_of(rows: pd.DataFrame) -> str:
    """All tables: each case's main budget, its other budgets, and MACs against latency."""
    parts = []
    for name, of_case in rows.groupby("case", sort=False):
        main = CASES[str(name)].main
        parts.append(f"**{name}, budget {main} ms**\n\n{MAIN_HEAD}{_main(of_case, main)}")
        others = of_case[of_case["budget"].str.startswith("tx2=") & (of_case["budget"] != main)]
        if len(others):
            parts.append(f"**{name}, other budgets: delta1, RMSE in m**\n\n{_others(others)}")
    counted = by_macs(rows)
    if counted:
        head = "| device | delta1 | by MACs, ms | by its own latency, ms |\n|---|---|---|---|\n"
        lines = "".join(
            f"| {device} | {delta1:.3f} | {macs_ms:.2f} | {latency_ms:.2f} |\n"
            for device, delta1, macs_ms, latency_ms in counted
        )
        parts.append(f"**Pruned by MACs and by latency, at equal accuracy**\n\n{head}{lines}")
    return "\n".join(parts)


def _main(of_case: pd.DataFrame, budget: str) -> str:
    """A line a method, the best mean delta1 first."""
    groups = of_case[of_case["budget"] == budget].groupby("method")
    return "".join(
        f"| {method} | {len(of)} | {_interval(of)} | {of['macs'].mean() / 1e9:.3f} "
        f"| {_images(of)} | {spread(of['delta1'])} | {spread(of['rmse_m'])} "
        f"| {spread(of['aligned_delta1'])} | {spread(of['correlation'])} |\n"
        for method, of in sorted(groups, key=lambda group: -group[1]["delta1"].mean())
    )


def _interval(of: pd.DataFrame) -> str:
    ends = (of[f"latency{end}_ms"].mean() for end in ("", "_low", "_high"))
    return "{:.2f} ({:.2f} to {:.2f})".format(*ends)


def _images(of: pd.DataFrame) -> str:
    return "" if of["samples"].isna().all() else f"{of['samples'].mean():,.0f}"


def _others(rows: pd.DataFrame) -> str:
    """A line a budget, a column a method."""
    methods = list(dict.fromkeys(rows["method"]))
    head = f"| budget | {' | '.join(methods)} |\n|---{'|---' * len(methods)}|\n"
    lines = []
    for budget, of in rows.groupby("budget", sort=False):
        found = [of[of["method"] == method] for method in methods]
        cells = (
            f"{spread(one['delta1'])}, {spread(one['rmse_m'])}" if len(one) else "" for one in found
        )
        lines.append(f"| {budget} ms | {' | '.join(cells)} |\n")
    return head + "".join(lines)


def by_macs(rows: pd.DataFrame) -> list[tuple[str, float, float, float]]:
    """Device, delta1, and the predicted ms of the network cut by MACs that has it, and of one cut
    by latency: on the line between the two networks nearest in delta1."""
    own = rows[(rows["case"] == "fastdepth") & (rows["method"] == "saliency")]
    counted = own[own["budget"].str.startswith("macs=")].sort_values("delta1")
    found = []
    for device in COUNTED:
        latency = own[own["budget"].str.startswith(f"{device}=")]
        latency = latency.groupby("budget").mean(numeric_only=True).sort_values("delta1")
        column = f"{device}_ms"
        for _, one in counted.iterrows():
            delta1 = float(one["delta1"])
            if len(latency) > 1 and latency["delta1"].min() <= delta1 <= latency["delta1"].max():
                ms = float(np.interp(delta1, latency["delta1"], latency[column]))
                found.append((device, delta1, float(one[column]), ms))
    return found


def draw(rows: pd.DataFrame, target: Path) -> None:
    """delta1 against predicted ms on the TX2's GPU: a mark a network, a colour a method."""
    cases = rows["case"].unique()
    figure = Figure(figsize=(5.6 * len(cases), 4.4), layout="constrained")
    axes = figure.subplots(1, len(cases), squeeze=False)[0]
    colours = {method: f"C{number}" for number, method in enumerate(rows["method"].unique())}
    for axis, case in zip(axes, cases, strict=True):
        of_case = rows[(rows["case"] == case) & rows["budget"].str.startswith("tx2=")]
        for method, of in of_case.groupby("method"):
            axis.scatter(of["tx2_ms"], of["delta1"], s=24, color=colours[method], label=method)
        _label(axis, f"{case}: predicted ms on the TX2's GPU")
    figure.savefig(target, dpi=110)


def _label(axis: Any, text: str) -> None:
    low, high = axis.get_xlim()
    missing = max(0.0, LEAST_SPAN_MS - (high - low)) / 2
    axis.set_xlim(low - missing, high + missing)
    axis.set_xlabel(text)
    axis.set_ylabel("delta1 on NYU's 654 test images")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=8)


def main() -> int:
    results = FOLDER / "results.csv"
    if not results.exists():
        print("no results yet: run experiments.nyu.run first", file=sys.stderr)
        return 2
    rows = pd.read_csv(results)
    rewrite(FOLDER / "README.md", MODULE, text_of(rows))
    draw(rows, FOLDER / "results.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
