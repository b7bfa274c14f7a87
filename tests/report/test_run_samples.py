"""Pictures of a run's networks: only of data that are here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netadapt.errors import DataError, InputError
from netadapt.networks.trusted_functions import trusting_folders
from netadapt.pruning.records import StepRecord, frame_of
from netadapt.pruning.run_json import RUN_JSON, RunAbout, write_run_json
from netadapt.pruning.settings import SearchSettings
from netadapt.report.run_layers import graph_of
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.report.run_samples import draw_run_samples, refuse_to_make
from netadapt.training.tasks import TaskRequest, open_task


def test_data_are_never_rendered_for_a_page(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = TaskRequest("rooms", ((1, 3, 64, 64),), progress=refuse_to_make)
    with pytest.raises(DataError, match="aren't here yet, and would have to be made first"):
        open_task("depth", request)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("look", [graph_of, draw_run_samples])
@pytest.mark.parametrize("named", ["model", "task"])
def test_a_page_of_a_strangers_run_runs_nothing_of_theirs(
    look: Callable[[RunOnDisk], object],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = f"theirs_{look.__name__}_{named}"
    (tmp_path / f"{module}.py").write_text(
        "open('ran', 'w').close()\ndef made(): open('ran', 'w').close()\n"
    )
    monkeypatch.chdir(tmp_path)
    opened = {"model": "fastdepth", "task": "depth", "data": "rooms", named: f"{module}:made"}
    network = {"factory": f"{module}:made", "widths": {}, "input_shapes": [[1, 3, 8, 8]]}
    write_run_json(tmp_path, RunAbout({"macs": 1.0}, SearchSettings(), network, "0", {}, opened))
    step = StepRecord(iteration=0, metrics={"d": 1.0}, checkpoint="iter_000", widths={"a": 8})
    frame_of([step]).to_csv("trajectory.csv", index=False)
    content = json.loads(Path(RUN_JSON).read_text())
    del content["seal"]  # by which it would be the user's own
    Path(RUN_JSON).write_text(json.dumps(content))
    run = RunOnDisk.read(tmp_path)
    with pytest.raises(InputError, match="as your own program"):
        look(run)
    assert not Path("ran").exists()
    if look is graph_of:
        with trusting_folders(), pytest.raises(InputError):  # what it makes is no network
            look(run)
        assert Path("ran").exists()
