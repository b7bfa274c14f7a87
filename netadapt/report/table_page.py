"""One HTML page about lookup tables: what was measured, how, and how far it is to be trusted.

Shows what a build and a check have written: the rows, and in the .toml the whole networks that were
timed. How a missing layer is predicted is the estimator's affair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from netadapt.errors import TableError
from netadapt.latency.model.features import family
from netadapt.latency.model.leave_out import TableCheck, check_table
from netadapt.latency.table.table import LookupTable, find_table
from netadapt.latency.table.table_row import TableRow
from netadapt.report.flat_settings import flat_settings
from netadapt.report.line_chart import Chart, Layout, Point, Series
from netadapt.report.templating import write_html

TEMPLATE = "table_page.html.jinja"

COLUMNS: Mapping[str, str] = {
    "family": "Layers whose time follows one law, and teach one another.",
    "rows": "Layer shapes with a figure of their own.",
    "least, ms": "The quickest layer of the family.",
    "median, ms": "Half of the family's layers take less.",
    "most, ms": "The slowest layer of the family.",
    "latency, ms": "The lower decile of the samples: other work only ever adds time.",
    "spread": "Standard deviation of the faster half of the samples, as a share of the latency.",
    "samples": "How often the layer was timed.",
    "source": "Measured on the device, published by others, or modelled.",
    "predicted, ms": "From the table's rows, before the network was timed.",
    "measured, ms": "The network compiled and timed whole on the device.",
    "error": "Predicted over measured, less 1.",
    "shapes": "Layers that were left out, one at a time.",
    "mean error": "Of the predictions without the layer's own row, as a share of it.",
    "median error": "Half of the layers are predicted better.",
    "inside 90 %": "How often the 90 % interval held what the row says: 90 % would be right.",
    "its rows left out, ms": "Predicted from a table without the rows of all its layers.",
}

CHECK_FACTS = ("mean_error", "worst_error", "bias", "rank_correlation")
"""What `lut check --networks` writes of all its networks together."""


@dataclass(frozen=True)
class Family:
    """Rows of one family, in short."""

    name: str
    count: int
    least_ms: float
    median_ms: float
    most_ms: float


@dataclass(frozen=True)
class Check:
    """What `lut check --networks` found, as the .toml has it."""

    networks: Sequence[tuple[float, float]]
    """Measured and predicted milliseconds."""
    facts: Mapping[str, float]
    """`CHECK_FACTS`, errors as shares."""
    date: str
    chart: Layout


@dataclass(frozen=True)
class TableDetails:
    """What the page says of one table."""

    table: LookupTable
    sources: str
    families: Sequence[Family]
    rows: Sequence[TableRow]
    chart: Layout
    check: Check | None
    left_out: TableCheck | None
    """Each layer predicted without its own rows; None for a table too small for that."""
    left_out_chart: Layout | None
    spread: float | None
    """Half of the rows that have a spread stay below this share of their latency."""
    settings: Sequence[tuple[str, str]]


def write_table_page(
    tables: Sequence[Path], path: Path, metric_words: Mapping[str, str] | None = None
) -> None:
    """Write the page of `tables`, each a CSV or the name of a device.

    `metric_words` is for pages that have metrics. Raises TableError as reading a table does.
    """
    found = [_details(LookupTable.read(_as_given(table))) for table in tables]
    write_html(path, TEMPLATE, tables=found, columns=COLUMNS)


def is_table(path: Path) -> bool:
    """Whether `path` is a table's CSV, or the name of a device that has one."""
    if path.suffix == ".csv":
        return True
    if path.exists() or len(path.parts) > 1:
        return False
    try:
        find_table(str(path))
    except TableError:
        return False
    return True


def _as_given(path: Path) -> str | Path:
    return path if path.suffix == ".csv" else str(path)


def _details(table: LookupTable) -> TableDetails:
    by_family: dict[str, list[TableRow]] = {}
    for row in table.entries:
        by_family.setdefault(family(row.shape), []).append(row)
    spreads = [row.spread_ms / row.latency_ms for row in table.entries if row.spread_ms is not None]
    counts = Counter(row.source for row in table.entries)
    left_out = _left_out(table)
    told = {name: value for name, value in table.meta.items() if name != "network_check"}
    return TableDetails(
        table,
        ", ".join(f"{count} {source}" for source, count in counts.most_common()),
        [_family(name, rows) for name, rows in by_family.items()],
        sorted(table.entries, key=lambda row: -row.latency_ms),
        _cost_chart(by_family),
        _check(table),
        left_out,
        None if left_out is None else _left_out_chart(left_out, by_family),
        median(spreads) if spreads else None,
        flat_settings(told),
    )


def _family(name: str, rows: Sequence[TableRow]) -> Family:
    times = [row.latency_ms for row in rows]
    return Family(name, len(rows), min(times), median(times), max(times))


def _cost_chart(by_family: Mapping[str, Sequence[TableRow]]) -> Layout:
    """Time against arithmetic; layers that only move data have none, and aren't here."""
    series = []
    for name, rows in by_family.items():
        points = [
            Point(row.shape.macs / 1e6, row.latency_ms, f"{row.shape}: {row.latency_ms:.4g} ms")
            for row in rows
            if row.shape.macs > 0 and row.latency_ms > 0
        ]
        series.append(Series(name, points, joined=False))
    return Chart(
        "Time of each layer against its arithmetic",
        "multiply-accumulates, M",
        "latency, ms",
        series,
        logarithmic=True,
    ).laid_out()


def _left_out(table: LookupTable) -> TableCheck | None:
    try:
        return check_table(table)
    except TableError:
        return None


def _left_out_chart(checked: TableCheck, families: Iterable[str]) -> Layout:
    rows = [
        {str(name): value for name, value in row.items()}
        for row in checked.layers.to_dict("records")
    ]
    series = [
        Series(name, [_left_out_point(row) for row in rows if row["family"] == name], joined=False)
        for name in families
    ]
    return Chart(
        "Each layer predicted without its own row",
        "by its row, ms",
        "predicted, ms",
        series,
        diagonal=True,
        intervals_on_y=True,
        logarithmic=True,
    ).laid_out()


def _left_out_point(row: Mapping[str, Any]) -> Point:
    title = (
        f"{row['layer']}: {row['ms']:.4g} ms, predicted without its row "
        f"{row['predicted_ms']:.4g} ({row['low_ms']:.4g} to {row['high_ms']:.4g}), "
        f"{row['error']:+.1%}"
    )
    return Point(row["ms"], row["predicted_ms"], title, row["low_ms"], row["high_ms"])


def _check(table: LookupTable) -> Check | None:
    content = table.meta.get("network_check")
    if content is None:
        return None
    try:
        pairs = [
            (float(measured), float(predicted))
            for measured, predicted in zip(
                content["measured_ms"], content["predicted_ms"], strict=True
            )
        ]
        if not all(measured > 0 for measured, _ in pairs):
            raise ValueError("a measured time isn't above 0")
        facts = {name: float(content[name]) for name in CHECK_FACTS}
    except (KeyError, TypeError, ValueError) as error:
        raise TableError(
            f"the .toml of {table.path}: [network_check] is damaged ({error}); write it anew with "
            f"netadapt lut check --device {table.name} --networks 30"
        ) from error
    points = [
        Point(
            measured,
            predicted,
            f"network {index}: measured {measured:.3f} ms, predicted {predicted:.3f} ms, "
            f"{predicted / measured - 1:+.1%}",
        )
        for index, (measured, predicted) in enumerate(pairs)
    ]
    chart = Chart(
        "Whole networks: predicted against measured",
        "measured, ms",
        "predicted from the table, ms",
        [Series(table.name, points, joined=False)],
        diagonal=True,
    )
    return Check(pairs, facts, str(content.get("date", "")), chart.laid_out())
