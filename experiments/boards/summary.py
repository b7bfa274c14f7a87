"""The draws as a table and a picture: `python -m experiments.boards.summary` rewrites, from
results.csv, what is between its marks in README.md and docs/latency.md, and results.png. No number
is typed by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from experiments.between_marks import rewrite
from experiments.boards.run import COUNTS

FOLDER = Path(__file__).parent
MODULE = "experiments.boards.summary"
KNOWN = tuple(map(str, COUNTS))
COLOURS = {"alone": "0.55", "taught": "C0"}


def text_of(rows: pd.DataFrame) -> str:
    """Errors before and after, a line a board, and how often the intervals hold."""
    head = "| board | rows | " + " | ".join(f"{count} known" for count in KNOWN) + " |\n"
    lines = [_line(rows, board) for board in rows["board"].unique()]
    total = "".join(_held(rows, way) for way in COLOURS)
    table = f"{head}|---|---|{'---|' * len(KNOWN)}\n{''.join(lines)}"
    return (
        "Mean error of a layer that isn't known, own rows alone → with what other boards teach:\n\n"
        f"{table}\n"
        "Layers inside their 90 % interval, all boards together:\n\n"
        f"{head.replace('board | rows', 'from | draws')}|---|---|{'---|' * len(KNOWN)}\n{total}"
    )


def _line(rows: pd.DataFrame, board: str) -> str:
    of = rows[rows["board"] == board]
    cells = []
    for count in KNOWN:
        means = of[of["known"] == count].groupby("way")["mean_error"].mean() * 100
        cells.append(f"{means['alone']:.1f} → {means['taught']:.1f} %" if len(means) else "")
    whole = int(of[of["known"] == "half"]["rows"].iloc[0]) * 2
    return f"| {board} | about {whole} | {' | '.join(cells)} |\n"


def _held(rows: pd.DataFrame, way: str) -> str:
    of = rows[rows["way"] == way]
    cells = [f"{of[of['known'] == count]['inside_90'].mean() * 100:.0f} %" for count in KNOWN]
    draws = int(of.groupby(["board", "known"]).size().max())
    name = {"alone": "own rows alone", "taught": "with other boards"}[way]
    return f"| {name} | {draws} a board | {' | '.join(cells)} |\n"


def draw(rows: pd.DataFrame, target: Path) -> None:
    """A part a board: the error against the known rows, a dot a draw and a line through means."""
    boards = list(rows["board"].unique())
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots(2, 3, sharey=True).ravel()
    for axis, board in zip(axes, boards, strict=True):
        for way, colour in COLOURS.items():
            of = rows[(rows["board"] == board) & (rows["way"] == way)]
            axis.scatter(of["rows"], of["mean_error"] * 100, s=10, alpha=0.4, color=colour)
            means = of.groupby("rows")["mean_error"].mean() * 100
            label = {"alone": "own rows alone", "taught": "with what other boards teach"}[way]
            axis.plot(means.index, means, color=colour, label=label)
        axis.set(title=board, ylim=(0, 40))
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize=8)
    figure.supxlabel("rows of the board that are known")
    figure.supylabel("mean error of the others, %")
    figure.savefig(target, dpi=110)


def main() -> int:
    results = FOLDER / "results.csv"
    if not results.exists():
        print("no results yet: run experiments.boards.run first", file=sys.stderr)
        return 2
    rows = pd.read_csv(results, dtype={"known": str})
    for page in (FOLDER / "README.md", FOLDER.parents[1] / "docs" / "latency.md"):
        rewrite(page, MODULE, text_of(rows))
    draw(rows, FOLDER / "results.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
