"""The task of a network that is there already: the run's own, a named one, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch import nn

from netadapt.errors import InputError
from netadapt.networks import save_model
from netadapt.networks.config import FactoryConfig
from netadapt.pruning.run_json import RUN_JSON, RunAbout
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.task_of_model import task_of_model
from netadapt.training.task import Task
from netadapt.training.tasks import TASKS, TaskRequest

ASKED: list[TaskRequest] = []


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1))


class Nothing:
    metrics = ("score",)

    def loss(self, output, target):
        return output.mean()

    def training_batches(self, batch_size, seed, start_step=0):
        return iter(())

    def evaluate(self, model):
        return {"score": 0.0}


def opened(request: TaskRequest) -> Task:
    ASKED.append(request)
    return Nothing()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of the command line, of which there is the final network."""
    task = {"model": "test_task_of_model:network", "task": "mine", "data": "here"}
    about = RunAbout({"macs": 1e6}, SearchSettings(), {}, "0", opened={**task, "holdout_images": 7})
    save_model(tmp_path / "run" / "final", network(), FactoryConfig("test_task_of_model:network"))
    (tmp_path / "run" / RUN_JSON).write_text(json.dumps(about.to_json()))
    return tmp_path / "run"


def find(place: Path, task: str | None = None, data: str | None = None) -> Task:
    return task_of_model(str(place), task, data, ("depth", "rooms"))()


def test_a_run_s_own_task_and_data(run: Path) -> None:
    with TASKS.temporarily("mine", opened):
        for place in (run, run / "final"):
            assert isinstance(find(place), Nothing)
            assert (ASKED[-1].data, ASKED[-1].holdout_images) == ("here", 7)
        find(run, data="there")
        assert ASKED[-1].data == "there"


def test_another_task_needs_data_of_its_own(run: Path) -> None:
    with TASKS.temporarily("other", opened):
        with pytest.raises(InputError, match="on what data is the task other opened"):
            task_of_model(str(run), "other", None, ("depth", "rooms"))
        find(run, "other", "there")
    with pytest.raises(InputError, match="no task called 'odd'"):
        task_of_model(str(run), "odd", "here", ("depth", "rooms"))


def test_a_model_folder_of_nobody_knows_what(run: Path, tmp_path: Path) -> None:
    alone = (run / "final").rename(tmp_path / "alone")
    with pytest.raises(InputError, match=r"nothing says what task .*alone is for"):
        task_of_model(str(alone), None, None, ("depth", "rooms"))
