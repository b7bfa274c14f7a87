"""What is written to the files is read back as it was, whatever the figures are."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.errors import InputError, RunError
from netadapt.pruning.records import (
    MEASURED,
    CandidateRecord,
    Interval,
    StepRecord,
    columns_of_several,
    frame_of,
    metric_columns,
    read_records,
)

names = st.text("abcxyz0189._#", min_size=1, max_size=12)
figures = st.floats(allow_nan=False)
counts = st.integers(0, 10**12)
intervals = st.tuples(figures, figures, figures).map(
    lambda three: Interval(sorted(three)[1], min(three), max(three))
)
common = {
    "iteration": st.integers(0, 10**6),
    "group": names | st.just(""),
    "layers": st.lists(names, max_size=3).map(tuple),
    "width_before": st.none() | counts,
    "width_after": st.none() | counts,
    "latency": st.none() | intervals,
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


def through_csv(record: StepRecord | CandidateRecord, more: tuple[str, ...] = ()) -> dict[str, str]:
    """The row as a file holds it."""
    stream = io.StringIO(newline="")
    columns = record.columns(("delta1", "rmse_m"), more)
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    row = record.to_row()
    assert tuple(row) == columns[: len(row)]  # a network that wasn't timed has no cell for it
    writer.writerow({k: repr(v) if isinstance(v, float) else v for k, v in row.items()})
    stream.seek(0)
    return next(csv.DictReader(stream))


@given(steps)
def test_a_step_is_read_back(record: StepRecord) -> None:
    assert StepRecord.from_row(through_csv(record)) == record


@given(candidates)
def test_a_candidate_is_read_back(record: CandidateRecord) -> None:
    assert CandidateRecord.from_row(through_csv(record)) == record


devices = st.dictionaries(st.sampled_from(("tx2", "tx2-cpu", "a_ms", "low", "x.y")), intervals)


@given(steps, candidates, devices, st.none() | figures, st.sampled_from(("", "macs", "tx2")))
def test_what_several_budgets_and_a_timing_add_is_read_back(
    step: StepRecord,
    candidate: CandidateRecord,
    latencies: dict[str, Interval],
    measured: float | None,
    binding: str,
) -> None:
    more = columns_of_several(tuple(latencies))
    assert more[0] == "binding"
    step = replace(step, binding=binding, latencies=latencies, measured_ms=measured)
    assert StepRecord.from_row(through_csv(step, (*more, MEASURED))) == step
    candidate = replace(candidate, binding=binding, latencies=latencies)
    assert CandidateRecord.from_row(through_csv(candidate, more)) == candidate
    timed = replace(step, binding=None, latencies={})
    assert StepRecord.from_row(through_csv(timed, (MEASURED,))) == timed


@pytest.mark.parametrize("devices", [("latency",), ("measured",), ("target",), ("x", "x_low")])
def test_a_device_whose_columns_others_have_is_refused(devices: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=f"the device {devices[-1]} would have the columns"):
        columns_of_several(devices)


def test_a_metric_called_binding_is_one_where_there_is_one_budget() -> None:
    record = StepRecord(iteration=1, metrics={"binding": 0.5}, checkpoint="")
    row = {name: str(cell) for name, cell in record.to_row().items()}
    assert StepRecord.from_row(row) == record


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
        ({"latency_ms": "5.0"}, "latency_low_ms is '', expected a number"),
        (
            {"latency_ms": "5.0", "latency_low_ms": "5.5", "latency_high_ms": "6"},
            "latency_ms is 5, expected between latency_low_ms and latency_high_ms",
        ),
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
