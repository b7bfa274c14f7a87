"""Candidates are compared image by image, and on more images until one is clearly the best."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

import netadapt
from netadapt.errors import InputError
from netadapt.graph import trace
from netadapt.pruning.paired import difference, losses
from netadapt.pruning.run_folder import read_image_scores
from netadapt.training.settings import FineTuning
from netadapt.training.task import tells_images

GRAPH = trace(tiny.network(), tiny.EXAMPLE)
accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=40)


class Fixed:
    """Each width of a group has accuracies of its own on 64 images; nothing is learned."""

    metrics = ("accuracy",)
    holdout_count = 64

    def __init__(self, of_inner: torch.Tensor, of_first: torch.Tensor) -> None:
        self.of_inner, self.of_first = of_inner, of_first
        self.asked: list[range] = []

    def loss(self, output, target):
        return output.square().mean()

    def training_batches(self, batch_size, seed, start_step=0):
        while True:
            yield torch.rand(batch_size, 3, 8, 8), torch.zeros(batch_size)

    def evaluate(self, model):
        scores = self.evaluate_images(model, range(64))
        return {"accuracy": float(scores["accuracy"].mean())}

    def evaluate_images(self, model, images):
        self.asked.append(images)
        narrow_first = model.first[0].out_channels < 24
        narrow_inner = model.inner[0].out_channels < 24
        lost = self.of_first if narrow_first else self.of_inner if narrow_inner else torch.zeros(64)
        return {"accuracy": (0.5 - lost)[images.start : images.stop]}


def run(out, task, **options):
    search = netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=task, budget={"macs": 0.9 * GRAPH.macs}, out=out,
        short_term=FineTuning(steps=0), first_reduction=0.1, proposal_images=16,
        **{"strategy": "full", **options},
    )  # fmt: skip
    with search:
        list(search)
    return search.records[1], pd.read_csv(search.out / "candidates.csv")


def test_a_clear_best_is_judged_on_few_images(tmp_path):
    task = Fixed(of_inner=torch.full((64,), 0.1), of_first=torch.full((64,), 0.3))
    record, candidates = run(tmp_path / "run", task)
    assert record.group == "inner"
    assert set(candidates["stage"]) == {"short-term"}
    assert record.metrics["accuracy"] == pytest.approx(0.4)


def test_what_chance_put_ahead_is_found_out_on_more_images(tmp_path):
    noise = torch.tensor([0.3, -0.3] * 32, dtype=torch.float64)
    flattering = 0.1 + noise
    flattering[:16] -= 0.08  # looks best on the first images
    task = Fixed(of_inner=torch.full((64,), 0.1).double(), of_first=flattering)
    record, candidates = run(tmp_path / "run", task)
    stages = list(candidates["stage"])
    assert stages.count("finalist, 32 images") == 2
    assert range(16, 32) in task.asked
    last = candidates.groupby("widths").last()
    assert record.score == last["score"].min()


def test_the_scores_of_each_image_are_kept_and_a_score_s_error_is_theirs(tmp_path):
    lost = torch.linspace(0.0, 0.2, 64).double()
    _, candidates = run(tmp_path / "run", Fixed(of_inner=lost, of_first=lost + 0.2))
    kept = read_image_scores(tmp_path / "run")
    for row in candidates.to_dict("records"):
        scores = torch.tensor(kept[str(row["iteration"]), row["stage"], row["widths"]])
        saved = GRAPH.macs - row["macs"]
        each = (0.5 - scores) / saved
        assert row["score"] == pytest.approx(float(each.mean()))
        assert row["score_error"] == pytest.approx(float(each.std()) / math.sqrt(len(each)))


def test_images_that_tell_nothing_weigh_nothing(tmp_path):
    lost = torch.linspace(0.0, 0.2, 64).double()
    lost[20:31] = math.nan
    noise = torch.tensor([0.3, -0.3] * 32, dtype=torch.float64)
    _, candidates = run(tmp_path / "run", Fixed(of_inner=lost, of_first=lost + noise))
    further = candidates[candidates["stage"] == "finalist, 32 images"]
    for row in further.to_dict("records"):
        scores = torch.tensor(read_image_scores(tmp_path / "run")["1", row["stage"], row["widths"]])
        assert row["accuracy"] == pytest.approx(float(scores.nanmean()))
    assert len(further)


def test_images_of_which_none_tells_anything_are_named(tmp_path):
    lost = torch.zeros(64).double()
    lost[:16] = math.nan
    with pytest.raises(InputError, match="NaN as accuracy of all of the holdout's images 0 to 15"):
        run(tmp_path / "run", Fixed(of_inner=lost, of_first=lost))


@pytest.mark.parametrize("count", [0, -1, None, "64"])
def test_a_holdout_of_no_number_is_refused_before_anything_is_written(tmp_path, count):
    task = Fixed(torch.zeros(64), torch.zeros(64))
    task.holdout_count = count
    with pytest.raises(InputError, match="the task has the holdout_count"):
        run(tmp_path / "run", task)
    assert not (tmp_path / "run").exists()


def test_a_task_without_images_is_judged_as_a_whole(tmp_path):
    task = tiny.task()
    members = ("metrics", "loss", "training_batches", "evaluate")
    plain = SimpleNamespace(**{name: getattr(task, name) for name in members})
    assert tells_images(task)
    assert not tells_images(plain)
    _, candidates = run(tmp_path / "run", plain)
    assert candidates["score_error"].isna().all()
    assert not read_image_scores(tmp_path / "run")


@given(accuracies)
def test_a_difference_is_the_mean_of_differences_with_its_standard_error(scores):
    first = torch.tensor(scores, dtype=torch.float64)
    found = difference(first, torch.zeros(len(scores)))
    assert found.mean == pytest.approx(float(first.mean()))
    assert found.error == pytest.approx(float(first.std()) / math.sqrt(len(scores)), abs=1e-12)


def test_images_that_tell_nothing_are_left_out():
    found = difference(torch.tensor([1.0, math.nan, 3.0]), torch.tensor([0.0, 1.0, 0.0]))
    assert found.mean == 2.0
    assert difference(torch.tensor([math.nan]), torch.tensor([0.0])).error == math.inf
    assert not difference(torch.tensor([1.0]), torch.tensor([0.0])).is_clear


def test_what_saves_nothing_loses_infinitely():
    assert losses(torch.ones(2), torch.zeros(2), 0.0).tolist() == [math.inf, math.inf]
