"""A search in TensorBoard, whole after it went on too; and the logger of docs/search.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tiny

import netadapt
from netadapt.graph import trace
from netadapt.pruning.tensorboard import TensorBoard

GRAPH = trace(tiny.network(), tiny.EXAMPLE)


def begin(out: Path, callback: netadapt.Callback, **options: object) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget={"macs": 0.5 * GRAPH.macs},
        out=out, finetune_steps=0, first_reduction=0.15, callbacks=[callback], **options,
    )  # fmt: skip


def test_every_number_of_every_row_is_a_scalar(tmp_path: Path) -> None:
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    out = tmp_path / "run"
    with begin(out, TensorBoard(out)) as search:
        next(search)
        next(search)
    with begin(out, TensorBoard(out), resume=True) as search:
        list(search)
    events = accumulators.EventAccumulator(str(out / "tensorboard")).Reload()
    logged = {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }
    records = search.records
    assert logged["macs"] == [(record.iteration, record.macs) for record in records]
    assert [step for step, _ in logged["accuracy"]] == [record.iteration for record in records]
    assert "latency_ms" not in logged  # of a budget on MACs there is none
    assert "widths" not in logged


def test_the_logger_of_the_docs_logs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (code,) = [block for block in blocks if "class MyLogger" in block]
    scope: dict[str, object] = {}
    exec(code, scope)
    told: list[dict[str, float]] = []
    logger = scope["MyLogger"](told.append)  # type: ignore[operator]
    with begin(tmp_path / "run", logger) as search:
        list(search)
    assert [row["iteration"] for row in told] == [r.iteration for r in search.records[1:]]
