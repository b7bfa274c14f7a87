"""The zoo's results as text: `python -m experiments.zoo.summary` rewrites the part of README.md
between its two marks from results.csv. No number of it is typed by hand.
"""

from __future__ import annotations

import platform
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from experiments.between_marks import rewrite
from experiments.zoo.packages import PINNED
from experiments.zoo.results import Row, read, versions

FOLDER = Path(__file__).parent
MODULE = "experiments.zoo.summary"
WANTED_PERCENT = 95
WANTED_S = 8
MACS_MARGIN = 0.001


def text_of(rows: Sequence[Row]) -> str:
    """All tables; `rows` is not empty."""
    return "\n".join(
        [
            _headline(rows),
            _tools(rows),
            _by(rows, "package", lambda row: row.network.partition(":")[0]),
            _by(rows, "family", lambda row: row.family),
            *_exceptions(rows),
        ]
    )


def _headline(rows: Sequence[Row]) -> str:
    states = len({row.code.partition("-")[0] for row in rows})
    mixed = f" Rows of {states} states of the code are mixed here: run it again." * (states > 1)
    return (
        f"{len(rows)} networks, of which netadapt gets {_counts(row.verdict for row in rows)}. "
        f"Of the parameters {_mean(rows, 'cuttable_percent')} % can be cut and "
        f"{_mean(rows, 'removed_percent')} % go at half widths, in the mean over the networks. A "
        f"trace takes {_median(rows, 'trace_s')} s in the median and {_most(rows, 'trace_s')} s at "
        f"most.{mixed}\n\n"
        f"{versions(PINNED)}; {machine()}, one thread; seed {rows[0].seed}.\n"
    )


def machine() -> str:
    """The processor and the system."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = f"{names[0]} ({platform.machine()})" if names else model
    return f"{model}, {platform.system()}"


def _counts(verdicts: Iterable[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in Counter(verdicts).most_common())


def _values(rows: Iterable[Row], field: str) -> list[float]:
    found = (getattr(row, field) for row in rows)
    return [float(value) for value in found if value is not None]


def _mean(rows: Iterable[Row], field: str) -> str:
    values = _values(rows, field)
    return f"{statistics.fmean(values):.1f}" if values else "–"


def _median(rows: Iterable[Row], field: str) -> str:
    values = _values(rows, field)
    return f"{statistics.median(values):.1f}" if values else "–"


def _most(rows: Iterable[Row], field: str) -> str:
    values = _values(rows, field)
    return f"{max(values):.1f}" if values else "–"


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    text += [f"| {' | '.join(map(_cell, line))} |" for line in lines]
    return "\n".join([*text, ""])


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def _tools(rows: Sequence[Row]) -> str:
    """Both tools on the networks that both were tried on."""
    both = [row for row in rows if row.tp_verdict]
    if not both:
        return ""
    alike = [row for row in both if row.verdict == row.tp_verdict == "right"]
    lines = [
        (
            "netadapt",
            *_verdicts(row.verdict for row in both),
            _median(both, "trace_s"),
            _mean(alike, "removed_percent"),
        ),
        (
            "torch-pruning",
            *_verdicts(row.tp_verdict for row in both),
            _median(both, "tp_s"),
            _mean(alike, "tp_removed_percent"),
        ),
    ]
    return _table(
        [
            f"on {len(both)} networks",
            *("right", "wrong", "crash, refused", "planned in (s, median)"),
            f"parameters removed at half widths (%, of {len(alike)} that both get right)",
        ],
        lines,
    )


def _verdicts(kinds: Iterable[str]) -> tuple[int, int, int]:
    counted = Counter(kinds)
    return counted["right"], counted["wrong"], counted.total() - counted["right"] - counted["wrong"]


def _by(rows: Sequence[Row], title: str, key: Callable[[Row], str]) -> str:
    lines = []
    for name in dict.fromkeys(key(row) for row in rows):
        own = [row for row in rows if key(row) == name]
        lines.append(
            (
                name,
                len(own),
                sum(row.verdict == "right" for row in own),
                _mean(own, "cuttable_percent"),
                _mean(own, "removed_percent"),
                _median(own, "trace_s"),
                _most(own, "trace_s"),
                sum(row.tp_verdict == "right" for row in own),
            )
        )
    head = [
        *(title, "networks", "right", "cuttable (%)", "removed at half (%)"),
        *("traced in (s, median)", "most", "torch-pruning right"),
    ]
    return _table(head, lines)


def _exceptions(rows: Sequence[Row]) -> list[str]:
    """What misses an aim, each with the reason."""
    found = []
    bad = [row for row in rows if row.verdict != "right"]
    if bad:
        lines = [(row.network, row.verdict, row.message) for row in bad]
        found += ["Not right:\n", _table(["network", "verdict", "what happens"], lines)]
    whole = [row for row in rows if (row.cuttable_percent or 100) < WANTED_PERCENT]
    if whole:
        whole.sort(key=lambda row: row.cuttable_percent or 0)
        lines = [(row.network, f"{row.cuttable_percent:.1f}", row.frozen) for row in whole]
        head = ["network", "cuttable (%)", "what holds the rest, in % of the parameters"]
        found += [f"Less than {WANTED_PERCENT} % cuttable:\n", _table(head, lines)]
    slow = sorted(
        (row for row in rows if (row.trace_s or 0) > WANTED_S), key=lambda row: -(row.trace_s or 0)
    )
    if slow:
        listed = ", ".join(f"{row.network} {row.trace_s:.1f}" for row in slow)
        found.append(f"Traced in more than {WANTED_S} s: {listed}.\n")
    scaled = [row for row in rows if row.verdict == "right" and row.message]
    if scaled:
        listed = ", ".join(f"{row.network} {row.message}" for row in scaled)
        found.append(f"Right with numbers of their own that count channels: {listed}.\n")
    other = [row for row in rows if abs((row.macs_ratio or 1) - 1) > MACS_MARGIN]
    if other:
        listed = ", ".join(f"{row.network} {row.macs_ratio:.3f}" for row in other)
        found.append(f"MACs otherwise than torch counts them, as a ratio: {listed}.\n")
    return found


def main() -> int:
    rows = list(read(FOLDER / "results.csv").values())
    if not rows:
        print("no results yet: run experiments.zoo.run first", file=sys.stderr)
        return 2
    rewrite(FOLDER / "README.md", MODULE, text_of(rows))
    print(_headline(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
