"""The rows of `trajectory.csv` and `candidates.csv` as typed records.

The loop makes them, the run's folder writes and reads them, and the report and the command line
show them: a number is a number from the first row to one that a resumed run has read. A float keeps
every digit, so what is read back is what was computed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from netadapt.errors import InputError, RunError
from netadapt.pruning.stages import FAILED

if TYPE_CHECKING:
    import pandas as pd

_LATENCY = ("latency_ms", "latency_low_ms", "latency_high_ms")
_BEFORE_METRICS = (
    *("iteration", "group", "layers", "width_before", "width_after"),
    *_LATENCY,
    "target_ms",
)
_AFTER_METRICS = ("macs", "params", "score", "seconds")
_LAST = ("samples", "score_error")

MISSING_NUMBERS = ("width_before", "width_after", *_LATENCY, "target_ms", "score", *_LAST)
"""Columns of numbers whose cells may be empty."""

_SEPARATING = re.compile(r"[\s=%]")
"""What separates names in a cell, or quotes: in a name it is percent-encoded, as in an address."""

_WHOLE = re.compile(r"[0-9]{1,18}")

MEASURED = "measured_ms"
"""The column that a verified run adds to its trajectory."""

_SUFFIXES = ("_ms", "_low_ms", "_high_ms")

Cell = str | int | float
Row = Mapping[str, str]


@dataclass(frozen=True)
class Interval:
    """What something costs, and the ends of its 90 % interval."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether `value` lies between the ends, or on one."""
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """What both files say of a network: what was cut, what it costs, and what it is worth.

    Of iteration 0, the network given, nothing was cut: `group` is empty, and `width_before`,
    `width_after`, `target_ms` and `score` are None. Where several groups were cut at once, `group`
    has them all, as `layers` are in the file, and the widths are sums; `widths` has each group's.
    `latency` is None where no device is asked for milliseconds. `score`: accuracy lost for each
    unit saved, smaller is better; `score_error` is its standard error over the images, None where
    the task doesn't tell images apart. `samples`: images that were trained on, a step's since the
    run began, those of losing proposals too; a candidate's by itself. None in files of old.
    """

    iteration: int
    group: str = ""
    layers: tuple[str, ...] = ()
    width_before: int | None = None
    width_after: int | None = None
    latency: Interval | None = None
    target_ms: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    macs: int = 0
    params: int = 0
    score: float | None = None
    seconds: float = 0.0
    widths: Mapping[str, int] = field(default_factory=dict)
    """Of all channel groups. In the file, as names of layers are, separated by spaces; spaces, '='
    and '%' in a name are percent-encoded."""
    samples: int | None = None
    score_error: float | None = None
    binding: str | None = None
    """Of several budgets the one that `target_ms` and `score` are for, '' for the network given;
    None where there is one budget. `latencies` then has the milliseconds on each device."""
    latencies: Mapping[str, Interval] = field(default_factory=dict)

    def to_row(self) -> dict[str, Cell]:
        """The cells, in the order of the columns; empty where there is nothing to say."""
        latency = self.latency
        return {
            "iteration": self.iteration,
            "group": self.group,
            "layers": " ".join(map(_quoted, self.layers)),
            "width_before": _cell(self.width_before),
            "width_after": _cell(self.width_after),
            "latency_ms": _cell(None if latency is None else latency.value),
            "latency_low_ms": _cell(None if latency is None else latency.low),
            "latency_high_ms": _cell(None if latency is None else latency.high),
            "target_ms": _cell(self.target_ms),
            **self.metrics,
            "macs": self.macs,
            "params": self.params,
            "score": _cell(self.score),
            "seconds": self.seconds,
            **self._own(),
            "widths": " ".join(f"{_quoted(name)}={width}" for name, width in self.widths.items()),
            "samples": _cell(self.samples),
            "score_error": _cell(self.score_error),
            **self._of_several(),
            **self._measured(),
        }

    def _measured(self) -> dict[str, Cell]:
        """The cells of what was timed on a device."""
        return {}

    def _of_several(self) -> dict[str, Cell]:
        """The cells that there are where there are several budgets."""
        if self.binding is None:
            return {}
        cells: dict[str, Cell] = {"binding": self.binding}
        for device, latency in self.latencies.items():
            figures = (latency.value, latency.low, latency.high)
            cells.update(zip((device + end for end in _SUFFIXES), figures, strict=True))
        return cells

    def _own(self) -> dict[str, Cell]:
        """The cells that one of the files has alone."""
        return {}


@dataclass(frozen=True, kw_only=True)
class StepRecord(TrialRecord):
    """A row of `trajectory.csv`: an iteration, with the network it kept."""

    checkpoint: str
    """The folder of the network, in the run's folder."""
    measured_ms: float | None = None
    """What the whole network took on the first device; None where it wasn't timed."""

    @staticmethod
    def columns(metrics: Sequence[str], more: Sequence[str] = ()) -> tuple[str, ...]:
        """The header; `metrics` are the task's (delta1, rmse_m, absrel for depth), `more` what
        `columns_of_several` gives, and MEASURED."""
        own = ("checkpoint", "widths")
        return (*_BEFORE_METRICS, *metrics, *_AFTER_METRICS, *own, *_LAST, *more)

    def _own(self) -> dict[str, Cell]:
        return {"checkpoint": self.checkpoint}

    def _measured(self) -> dict[str, Cell]:
        return {} if self.measured_ms is None else {MEASURED: self.measured_ms}

    @classmethod
    def from_row(cls, row: Row) -> StepRecord:
        """Read what `to_row` gave, as text. Raises ValueError naming the column that is wrong."""
        measured = _number(row, MEASURED) if MEASURED in _added(row) else None
        fields = _fields(row, row["widths"])
        return cls(**fields, checkpoint=row["checkpoint"], measured_ms=measured)


@dataclass(frozen=True, kw_only=True)
class CandidateRecord(TrialRecord):
    """A row of `candidates.csv`: a proposal, and how far it was taken.

    One that couldn't be tried has the stage 'failed', and neither metrics nor a score.
    """

    stage: str
    chosen: bool | None = None
    """Whether the iteration kept it; None until that is decided."""

    @staticmethod
    def columns(metrics: Sequence[str], more: Sequence[str] = ()) -> tuple[str, ...]:
        """The header, as that of a step."""
        own = ("stage", "chosen", "widths")
        return (*_BEFORE_METRICS, *metrics, *_AFTER_METRICS, *own, *_LAST, *more)

    def _own(self) -> dict[str, Cell]:
        chosen = "" if self.chosen is None else str(int(self.chosen))
        return {"stage": self.stage, "chosen": chosen}

    @classmethod
    def from_row(cls, row: Row) -> CandidateRecord:
        """Read what `to_row` gave, as text. Raises ValueError naming the column that is wrong."""
        chosen = None if row["chosen"] == "" else row["chosen"] == "1"
        stage = row["stage"]
        fields = _fields(row, row.get("widths", ""), judged=stage != FAILED)
        return cls(**fields, stage=stage, chosen=chosen)


class Tried(NamedTuple):
    """A candidate's record, and the accuracy on each image of the holdout that it was judged on."""

    record: CandidateRecord
    scores: tuple[float, ...] = ()

    def is_of(self, stage: str, widths: Mapping[str, int]) -> bool:
        """Whether the network of `widths` was taken as far as `stage` here."""
        return self.record.stage == stage and dict(self.record.widths) == dict(widths)


Record = TypeVar("Record", StepRecord, CandidateRecord)


def read_records(kind: type[Record], rows: Iterable[Row], where: str) -> list[Record]:
    """The records of `rows`. Raises RunError naming `where` and the row that is none."""
    records = []
    for number, row in enumerate(rows, start=1):
        try:
            records.append(kind.from_row(row))
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            reason = f"lacks the column {error}" if isinstance(error, KeyError) else str(error)
            raise RunError(
                f"{where}, row {number}: {reason}; the file is damaged, start another run with "
                f"--out"
            ) from error
    return records


def metric_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """The task's metrics among the columns of either file; the search keeps the first one high."""
    names = tuple(columns)
    return names[len(_BEFORE_METRICS) : names.index(_AFTER_METRICS[0])]


def columns_of_several(devices: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that several budgets add to both files; None: there is one budget.

    Raises InputError for a device whose columns would be called as others.
    """
    if devices is None:
        return ()
    taken = [*StepRecord.columns(()), *CandidateRecord.columns(()), "binding", MEASURED]
    for device in devices:
        own = [device + end for end in _SUFFIXES]
        if not {*own}.isdisjoint(taken):
            raise InputError(
                f"the device {device} would have the columns {', '.join(own)} in trajectory.csv, "
                f"where others are called so; give its table another name"
            )
        taken += own
    return ("binding", *(device + end for device in devices for end in _SUFFIXES))


def require_metric_names(metrics: Sequence[str], more: Sequence[str] = ()) -> None:
    """Raise InputError for a task's metric that is called as another column of either file."""
    others = {*StepRecord.columns((), more), *CandidateRecord.columns((), more)}
    for name in metrics:
        if name in others:
            raise InputError(
                f"the task has a metric called '{name}', which is another column of "
                f"trajectory.csv or candidates.csv; call it otherwise"
            )


def frame_of(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """The records as a DataFrame with the columns of their file; NaN where a number is missing."""
    import pandas as pd

    frame = pd.DataFrame([record.to_row() for record in records])
    for column in MISSING_NUMBERS:
        frame[column] = pd.to_numeric(frame[column])
    return frame


def _fields(row: Row, widths: str, *, judged: bool = True) -> dict[str, Any]:
    names, added = metric_columns(row), _added(row)
    pairs = (pair.rpartition("=") for pair in widths.split())
    return {
        "iteration": _whole(row["iteration"], "iteration"),
        "group": row["group"],
        "layers": tuple(map(unquote, row["layers"].split())),
        "width_before": _maybe_whole(row, "width_before"),
        "width_after": _maybe_whole(row, "width_after"),
        "latency": None if _is_missing(row, _LATENCY[0]) else _interval(row, _LATENCY),
        "target_ms": _number(row, "target_ms"),
        "metrics": {name: _required(row, name) for name in names} if judged else {},
        "macs": _whole(row["macs"], "macs"),
        "params": _whole(row["params"], "params"),
        "score": _number(row, "score"),
        "seconds": _required(row, "seconds"),
        "widths": {unquote(name): _whole(width, "widths") for name, _, width in pairs},
        "samples": _maybe_whole(row, "samples"),
        "score_error": _number(row, "score_error"),
        "binding": added.get("binding"),
        "latencies": _latencies(added),
    }


def _added(row: Row) -> dict[str, str]:
    """The cells of a row behind those that every run has."""
    columns = tuple(row)
    start = columns.index(_LAST[-1]) + 1 if _LAST[-1] in row else len(columns)
    return {name: row[name] for name in columns[start:]}


def _latencies(row: Row) -> dict[str, Interval]:
    """The milliseconds on each device, of a row's added cells."""
    names = [name.removesuffix("_ms") for name in row]
    devices = [name for name in names if f"{name}_low_ms" in row]
    return {device: _interval(row, [device + end for end in _SUFFIXES]) for device in devices}


def _interval(row: Row, columns: Sequence[str]) -> Interval:
    """The interval that three columns hold: what something costs lies between its ends."""
    found = Interval(*(_required(row, column) for column in columns))
    if not found.holds(found.value):
        of, low, high = columns
        raise ValueError(f"{of} is {found.value:g}, expected between {low} and {high}")
    return found


def names_cell(names: Sequence[str]) -> str:
    """Names as one cell of several holds them; one alone is written as it is."""
    return names[0] if len(names) == 1 else " ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return _SEPARATING.sub(lambda found: quote(found[0]), name)


def _cell(value: Cell | None) -> Cell:
    return "" if value is None else value


@lru_cache(maxsize=4096)  # a run of many candidates has few different widths
def _whole(text: str, column: str) -> int:
    """A count; 64.0 is one too, as spreadsheets and pandas write a column with empty cells."""
    for number in (text, text.removesuffix(".0")):
        if _WHOLE.fullmatch(number):
            return int(number)
    raise ValueError(f"{column} is '{text}', expected a whole number")


def _maybe_whole(row: Row, column: str) -> int | None:
    return None if _is_missing(row, column) else _whole(row[column], column)


def _number(row: Row, column: str) -> float | None:
    return None if _is_missing(row, column) else _required(row, column)


def _is_missing(row: Row, column: str) -> bool:
    """Empty, or a column that files of old lack."""
    return (column in _LAST and column not in row) or row[column] == ""


def _required(row: Row, column: str) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"{column} is '{row[column]}', expected a number")
    return number
