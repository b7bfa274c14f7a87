"""TensorBoard event files: the history, whole, also after a training went on."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from netadapt.errors import MissingExtraError
from netadapt.training.event_log import EventLog

ROWS = [
    {"epoch": epoch, "size": "64x64", "loss": 1 / epoch, "delta1": epoch / 10}
    for epoch in range(1, 6)
]


def write_history(out: Path, count: int) -> None:
    out.mkdir(exist_ok=True)
    pd.DataFrame(ROWS[:count]).to_csv(out / "history.csv", index=False)


def logged(out: Path) -> dict[str, list[tuple[int, float]]]:
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    events = accumulators.EventAccumulator(str(out / "tensorboard")).Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def train(out: Path, first: int, last: int) -> None:
    log = EventLog(out)
    for epoch in range(first, last + 1):
        write_history(out, epoch)
        log(ROWS[epoch - 1])
    log.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tensorboard's own
def test_a_training_that_went_on_has_each_epoch_once(tmp_path):
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    out = tmp_path / "run"
    train(out, 1, 2)
    (out / "tensorboard" / "note").write_text("of the training before")
    train(out, 4, 5)  # killed after the history's third row, before its event
    scalars = logged(out)
    assert set(scalars) == {"loss", "delta1"}
    assert [step for step, _ in scalars["loss"]] == [1, 2, 3, 4, 5]
    assert scalars["delta1"][2][1] == pytest.approx(0.3)


def test_without_tensorboard_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'netadapt\[tensorboard\]'"):
        EventLog(tmp_path)
