"""Training: it learns, it goes on after a kill to the same weights, and shares work fairly."""

from __future__ import annotations

import itertools
import json
import operator
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save

from netadapt.depth.data import ArraySource
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.long_training import start_at_mean_depth, train
from netadapt.depth.training.recipe import Recipe, parse_stages, recipe_named
from netadapt.errors import InputError, RunError
from netadapt.networks import build, load_model
from netadapt.training import epochs as training
from tests.depth.fastdepth.thin import thin_widths

THIN = thin_widths(8)
CONFIG = FastDepthConfig(widths=THIN, input_size=(64, 64)).complete()
RECIPE = Recipe(
    epochs=3,
    batch_size=4,
    size=(64, 64),
    stages=(((32, 32), 0.34),),
    loss="log-l1-gradient",
    optimizer="adamw",
    learning_rate=5e-3,
    schedule="cosine",
    ema_decay=0.9,
)


def task() -> DepthTask:
    """Slopes whose brightness is their depth."""
    random = np.random.default_rng(0)
    depth = np.empty((16, 96, 128), np.float32)
    for picture in depth:
        near, far = np.sort(random.uniform(1, 6, 2))
        picture[:] = np.linspace(far, near, 96, dtype=np.float32)[:, None]
    rgb = np.repeat((depth / 6 * 255).astype(np.uint8)[:, None], 3, axis=1)
    source = ArraySource(rgb, depth)
    return DepthTask(source, source, (64, 64), loss="log-l1-gradient", holdout_images=4)


def run(out: Path, recipe: Recipe = RECIPE, **options):
    torch.manual_seed(0)
    return train(build(CONFIG), task(), recipe, out, CONFIG.to_json(), **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("train") / "whole"
    run(out, replace(RECIPE, epochs=8))
    return out


def test_it_learns_and_leaves_what_it_says(trained):
    history = pd.read_csv(trained / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 9))
    assert history["size"].tolist() == ["32x32"] * 3 + ["64x64"] * 5
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]
    assert len(list((trained / "samples").glob("*.png"))) == 8
    model = load_model(trained)
    assert task().evaluate(model)["delta1"] == history["delta1"].iloc[-1]


def test_a_teacher_has_its_share_of_the_loss_and_stays_as_it_is(trained, tmp_path):
    teacher = load_model(trained)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    losses = {}
    for share, given in [(0.0, None), (1.0, teacher)]:
        recipe = replace(RECIPE, epochs=2, teacher_share=share, cut_depth=0.5, tint=0.1)
        run(tmp_path / str(share), recipe, teacher=given)
        losses[share] = pd.read_csv(tmp_path / str(share) / "history.csv")["loss"].tolist()
    assert losses[0.0] != losses[1.0]
    assert all(torch.equal(before[name], tensor) for name, tensor in teacher.state_dict().items())


@pytest.mark.parametrize(("share", "given"), [(0.5, False), (0.0, True)])
def test_a_teacher_and_its_share_go_together(trained, tmp_path, share, given):
    teacher = load_model(trained) if given else None
    with pytest.raises(InputError, match="--teacher and --teacher-share"):
        run(tmp_path / "run", replace(RECIPE, teacher_share=share), teacher=teacher)
    assert not (tmp_path / "run").exists()


def test_autocast_multiplies_in_bfloat16_and_keeps_its_weights_in_float32(tmp_path):
    rows = {}
    for autocast in (False, True):
        recipe = replace(RECIPE, epochs=1, autocast=autocast)
        out = tmp_path / str(autocast)
        train(build(CONFIG), task(), recipe, out, CONFIG.to_json(), seed=1)
        rows[autocast] = pd.read_csv(out / "history.csv").iloc[0]
        assert {p.dtype for p in load_model(out).parameters()} == {torch.float32}
    assert rows[True]["loss"] != rows[False]["loss"]
    assert rows[True]["loss"] == pytest.approx(rows[False]["loss"], rel=0.2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, dict[str, torch.Tensor]]:
    out = tmp_path_factory.mktemp("train") / "whole"
    return out, run(out).state_dict()


class Stopped(Exception):
    pass


def test_a_training_stopped_between_two_steps_goes_on_to_the_same_weights(whole, tmp_path):
    def stop(progress):
        if (progress.epoch, progress.step) == (2, 3):
            raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "stopped", after_step=stop)
    assert_resumed_is(whole, tmp_path / "stopped")


@pytest.mark.parametrize("write", ["save_model", "CsvJournal.append", "save_training_state"])
@pytest.mark.parametrize("written", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_training_stopped_at_one_of_its_writes_goes_on_to_the_same_weights(
    write, written, whole, tmp_path, monkeypatch
):
    """Before or after that write, in the second epoch."""
    original = operator.attrgetter(write)(training)
    begun = itertools.count(1)

    def stop(*arguments):
        epoch = next(begun)
        if epoch == 1 or written:
            original(*arguments)
        if epoch == 2:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(f"netadapt.training.epochs.{write}", stop)
        with pytest.raises(Stopped):
            run(tmp_path / "stopped")
    assert_resumed_is(whole, tmp_path / "stopped")


def test_a_training_by_an_older_version_goes_on(tmp_path):
    """What its recipe couldn't say yet is as it was."""
    recipe = replace(RECIPE, epochs=1)
    run(tmp_path, recipe)
    settings = json.loads((tmp_path / "training.json").read_text())
    del settings["recipe"]["jitter"]
    (tmp_path / "training.json").write_text(json.dumps(settings))
    run(tmp_path, recipe, resume=True)
    with pytest.raises(RunError, match="another recipe"):
        run(tmp_path, replace(recipe, jitter=0.2), resume=True)


def assert_resumed_is(whole: tuple[Path, dict[str, torch.Tensor]], out: Path) -> None:
    folder, weights = whole
    resumed = run(out, resume=True)
    for name, value in weights.items():
        assert torch.equal(resumed.state_dict()[name], value), name
    columns = ["epoch", "loss", "delta1", "learning_rate"]
    first, second = (pd.read_csv(f / "history.csv") for f in (folder, out))
    pd.testing.assert_frame_equal(first[columns], second[columns])


def test_another_training_is_not_overwritten_or_continued(trained):
    with pytest.raises(RunError, match="exists already; add --resume"):
        run(trained)
    with pytest.raises(RunError, match="another seed"):
        run(trained, replace(RECIPE, epochs=8), seed=5, resume=True)


def test_resuming_what_was_never_begun_is_said(tmp_path, caplog):
    run(tmp_path / "new", replace(RECIPE, epochs=1), resume=True)
    assert "new holds no training: this begins one" in caplog.text
    caplog.clear()
    run(tmp_path / "new", replace(RECIPE, epochs=1), resume=True)
    assert not caplog.text


@pytest.mark.parametrize("damage", ["cut short", "another's"])
def test_a_damaged_state_is_named(damage, tmp_path):
    run(tmp_path / "run", replace(RECIPE, epochs=1))
    state = tmp_path / "run" / "state.safetensors"
    cut_short = state.read_bytes()[:1000]
    state.write_bytes(cut_short if damage == "cut short" else save({"weight": torch.zeros(1)}))
    with pytest.raises(RunError, match=r"state\.safetensors can't be continued from"):
        run(tmp_path / "run", replace(RECIPE, epochs=1), resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "l3"}, "no loss is called 'l3'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 1}, "at least 2 images"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"max_angle_deg": 90.0}, "max_angle_deg is 90"),
        ({"jitter": -0.1}, "jitter is -0.1"),
        ({"tint": 1.5}, "tint is 1.5; expected a number from 0 to 1"),
        ({"cut_depth": float("nan")}, "cut_depth is nan"),
        ({"teacher_share": 2.0}, "teacher_share is 2"),
        ({"optimizer": "lion"}, "optimizer is 'lion'; expected one of sgd, adamw, muon"),
        ({"size": (50, 64)}, "multiples of 32"),
        ({"colour": 1}, "a recipe has no 'colour'"),
    ],
)
def test_a_wrong_recipe_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        recipe_named("default", **changes)


def test_the_published_schedule_halves_every_five_epochs():
    recipe = recipe_named("fastdepth")
    rates = [recipe.learning_rate_at(epoch * 100, 100) for epoch in (0, 4, 5, 10, 19)]
    assert rates == [0.01, 0.01, 0.005, 0.0025, 0.00125]


def test_a_fresh_network_starts_at_the_mean_depth():
    network, data = build(CONFIG), task()
    start_at_mean_depth(network, data)
    _, depth = next(data.training_batches(32, seed=0))
    last = network.get_submodule("decode_conv6")[1]
    assert float(last.bias.detach()) == pytest.approx(float(depth[depth > 0].mean()), rel=1e-5)
    assert 1 < float(last.bias.detach()) < 6


def test_a_network_that_knows_a_depth_keeps_it():
    network = build(CONFIG)
    last = network.get_submodule("decode_conv6")[1]
    last.bias.data.fill_(0.7)
    start_at_mean_depth(network, task())
    assert float(last.bias.detach()) == pytest.approx(0.7)
    classifier = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 1), torch.nn.BatchNorm2d(8))
    start_at_mean_depth(classifier, task())
    assert not classifier[1].bias.any()


def test_recipes_say_when_images_are_small_and_how_fast_they_learn():
    recipe = recipe_named(
        "default",
        epochs=10,
        stages=(((64, 64), 0.5), ((128, 128), 0.3)),
        warmup_steps=200,
        learning_rate=None,
    )
    assert [recipe.size_at(epoch)[0] for epoch in (0, 4, 5, 7, 8)] == [64, 64, 128, 128, 224]
    assert recipe.learning_rate == recipe_named("default").learning_rate  # None: as it is
    rates = [recipe.learning_rate_at(step, 100) for step in (0, 99, 199, 200, 600, 999)]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(recipe.learning_rate)
    assert rates[2] >= rates[3] > rates[4] > rates[5] > 0
    with pytest.raises(InputError, match="no recipe is called 'secret'; choose one of fastdepth"):
        recipe_named("secret")
    with pytest.raises(InputError, match=r"stages take \[0\.6, 0\.6\] of the epochs"):
        recipe_named("default", stages=(((64, 64), 0.6), ((96, 96), 0.6)))
    with pytest.raises(InputError, match=r"input size is \(60, 64\)"):
        recipe_named("default", stages=(((60, 64), 0.5),))


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
import torch, test_long_training as t
from netadapt.training.processes import join_processes, leave_processes
from netadapt.depth.training.depth_task import DepthTask
torch.set_num_threads(1)
processes = join_processes(torch.device("cpu"))
task = t.task()
task = DepthTask(task.train, task.holdout, task.size, loss="l1", rank=processes.rank,
                 world_size=processes.world_size)
torch.manual_seed(0)
recipe = t.replace(t.RECIPE, epochs=2, optimizer="muon")
model = t.train(t.build(t.CONFIG), task, recipe, sys.argv[2],
                t.CONFIG.to_json(), processes=processes)
sums = torch.stack([p.double().sum() for p in model.parameters()])
others = [torch.empty_like(sums) for _ in range(processes.world_size)]
torch.distributed.all_gather(others, sums)
assert all(torch.equal(sums, other) for other in others)
leave_processes(processes)
"""


def test_two_processes_train_one_network(tmp_path):
    """As torchrun starts them, talking through gloo; both end with the same weights."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
        "--nproc-per-node=2", str(script), str(Path(__file__).parent), str(tmp_path / "run"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "strides" not in done.stderr
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["epoch"].tolist() == [1, 2]


def test_stages_follow_the_shape_of_a_network_s_input() -> None:
    recipe = replace(recipe_named("default"), stages=parse_stages("64=0.3,128=0.2,224=0.1"))
    assert recipe.for_input((224, 224)).stages == parse_stages("64=0.3,128=0.2")
    assert recipe.for_input((96, 128)).stages == (((64, 96), 0.3),)
    assert recipe.for_input((32, 32)).stages == ()
    assert recipe.for_input((480, 640)).size == (480, 640)


def test_stages_are_read_from_text() -> None:
    assert parse_stages("64=0.4, 128=0.2") == (((64, 64), 0.4), ((128, 128), 0.2))
    assert parse_stages("none") == ()
    for text in ("64", "64=a", "64x64=0.5", "", "64=0.1,"):
        with pytest.raises(InputError, match=r"expected pixels a side = share of the epochs"):
            parse_stages(text)
    with pytest.raises(InputError, match="expected shares"):
        recipe_named("default", stages=parse_stages("64=nan"))
