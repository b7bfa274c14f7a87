"""What is written to the files is read back as it was, whatever the figures are."""

from __future__ import annotations

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.errors import RunError
from netadapt.pruning.records import (
    CandidateRecord,
    Interval,
    StepRecord,
    frame_of,
    metric_columns,
    read_records,
)

names = st.text("abcxyz0189._#", min_size=1, max_size=12)
figures = st.floats(allow_nan=False)
counts = st.integers(0, 10**12)
common = {
    "iteration": st.integers(0, 10**6),
    "group": names | st.just(""),
    "layers": st.lists(names, max_size=3).map(tuple),
    "width_before": st.none() | counts,
    "width_after": st.none() | counts,
    "latency": st.none() | st.builds(Interval, figures, figures, figures),
    "target_ms": st.none() | figures,
    "metrics": st.tuples(figures, figures).map(lambda pair: {"delta1": pair[0], "rmse_m": pair[1]}),
    "macs": counts,
    "params": counts,
    "score": st.none() | figures,
    "seconds": figures,
}
steps = st.builds(StepRecord, **common, checkpoint=names, widths=st.dictionaries(names, counts))
candidates = st.builds(
    CandidateRecord, **common, stage=names, chosen=st.sampled_from((None, True, False))
)


def through_csv(record: StepRecord | CandidateRecord) -> dict[str, str]:
    """The row as a file holds it."""
    stream = io.StringIO(newline="")
    columns = record.columns(("delta1", "rmse_m"))
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    row = record.to_row()
    assert tuple(row) == columns
    writer.writerow({k: repr(v) if isinstance(v, float) else v for k, v in row.items()})
    stream.seek(0)
    return next(csv.DictReader(stream))


@given(steps)
def test_a_step_is_read_back(record: StepRecord) -> None:
    assert StepRecord.from_row(through_csv(record)) == record


@given(candidates)
def test_a_candidate_is_read_back(record: CandidateRecord) -> None:
    assert CandidateRecord.from_row(through_csv(record)) == record


@given(st.lists(st.text(" =%ab.\t\u2003é", min_size=1), unique=True, max_size=4))
def test_names_that_hold_what_separates_them_are_read_back(odd: list[str]) -> None:
    record = StepRecord(
        iteration=1, group="a b", layers=tuple(odd), metrics={"delta1": 1.0, "rmse_m": 0.5},
        checkpoint="iter_001", widths=dict.fromkeys(odd, 8),
    )  # fmt: skip
    assert StepRecord.from_row(through_csv(record)) == record


def test_ordinary_names_are_written_as_they_are() -> None:
    names = ("conv1.0", "d.e,f", "layer-2/é+#")
    record = StepRecord(iteration=1, layers=names, checkpoint="", widths=dict.fromkeys(names, 8))
    assert record.to_row()["layers"] == "conv1.0 d.e,f layer-2/é+#"
    assert record.to_row()["widths"] == "conv1.0=8 d.e,f=8 layer-2/é+#=8"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"iteration": "one"}, "iteration is 'one', expected a whole number"),
        ({"latency_ms": "fast"}, "latency_ms is 'fast', expected a number"),
        ({"delta1": ""}, "delta1 is '', expected a number"),
        ({"widths": "conv0=wide"}, "widths is 'wide', expected a whole number"),
        ({"macs": None}, ""),
    ],
)
def test_a_damaged_row_is_named(cell: dict[str, str], said: str) -> None:
    row = through_csv(StepRecord(iteration=1, metrics={"delta1": 1.0, "rmse_m": 0.5},
                                 checkpoint="iter_001", widths={"conv0": 8}))  # fmt: skip
    with pytest.raises(RunError, match=rf"run/trajectory\.csv, row 2: .*{said}"):
        read_records(StepRecord, [row, {**row, **cell}], "run/trajectory.csv")
    short = {name: value for name, value in row.items() if name != "params"}
    with pytest.raises(RunError, match="row 1: lacks the column 'params'"):
        read_records(StepRecord, [short], "run/trajectory.csv")


def test_a_frame_has_numbers_where_there_are_numbers() -> None:
    first = StepRecord(iteration=0, metrics={"a": 1.0}, checkpoint="iter_000", widths={"x": 8})
    frame = frame_of([first])
    assert math.isnan(frame["score"].iloc[0])
    assert math.isnan(frame["latency_ms"].iloc[0])
    assert frame["group"].iloc[0] == ""
    assert tuple(frame.columns) == StepRecord.columns(("a",))


def test_the_metrics_are_the_tasks_whatever_they_are() -> None:
    for metrics in (("accuracy",), ("delta1", "rmse_m", "absrel")):
        assert metric_columns(StepRecord.columns(metrics)) == metrics
        assert metric_columns(CandidateRecord.columns(metrics)) == metrics
