"""`netadapt finetune` for a task that isn't depth: a user's own module, and runs from Python."""

from __future__ import annotations

import json
import resource
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from command import call, one_line

import netadapt as package
from netadapt.pruning.long_term import LONG_TERM_COURSE, LongTerm, finetune_run
from netadapt.training import epochs

OWN = '''
import itertools
import torch
from torch import nn
from netadapt import ClassificationTask

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, 1, 1)
        self.second = nn.Conv2d(width, width, 3, 2, 1)
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, image):
        return self.head(self.second(self.first(image).relu()).relu()).mean((2, 3))

def network():
    torch.manual_seed(0)
    return Net(32)

def draw(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=generator)
    images = torch.rand(count, 3, 8, 8, generator=generator)
    images[torch.arange(count), labels] += 0.3
    return images, labels

def task():
    return ClassificationTask(draw(160, 1), draw(96, 2))

class Unlabelled:
    """A task as the protocol asks, no more; its batches have no labels."""
    metrics = ("accuracy",)

    def loss(self, output, target):
        raise RuntimeError("there are no labels")

    def training_batches(self, batch_size, seed, start_step=0):
        for step in itertools.count(start_step):
            yield draw(batch_size, 1000 * seed + step)[0], None

    def evaluate(self, model):
        return {"accuracy": task().evaluate(model)["accuracy"]}

def unlabelled():
    return Unlabelled()

def _odd(**members):
    return type("Odd", (Unlabelled,), members)()

def odd_count():
    return _odd(training_count=160.5)

def failing_count():
    return _odd(training_count=property(lambda self: 1 / 0))

def odd_facts():
    return _odd(facts=["a"])

def known_column():
    return _odd(facts={"epoch": "x"})

def odd_options():
    return _odd(long_term_options={"loss": torch.zeros(2)})

def no_task():
    return _odd(for_long_training=lambda self: None)

def failing_change():
    return _odd(for_long_training=lambda self: 1 / 0)

def failing_samples():
    return _odd(draw_samples=lambda self, model, path: 1 / 0, loss=lambda self, y, _: y.sum())
'''
PRUNE = ("--model", "own_net:network", "--task", "own_net:task", "--input-shape", "1x3x8x8")
SHORT = ("--epochs", 3, "--learning-rate", 0.01)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder where the user's module lies and the commands are run."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_net.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        yield folder
    sys.modules.pop("own_net", None)


@pytest.fixture(scope="module")
def pruned(place) -> Path:
    """A run of the command line, which trained next to nothing."""
    options = ("--device", "macs", "--budget-ms", "70%", "--finetune-steps", 1, "--out", "pruned")
    assert call("prune", *PRUNE, *options, "--first-reduction", 0.2, "--quiet") == 0
    return place / "pruned"


@pytest.fixture
def run(pruned, tmp_path) -> Path:
    return Path(shutil.copytree(pruned, tmp_path / "run"))


@pytest.fixture(scope="module")
def from_python(place) -> Path:
    """A run that says neither its task nor what builds its network."""
    import own_net

    package.prune(
        own_net.network(),
        torch.zeros(1, 3, 8, 8),
        task=own_net.task(),
        budget={"macs": "70%"},
        short_term=package.FineTuning(steps=1),
        first_reduction=0.2,
        out=place / "python",
    )
    return place / "python"


def test_a_run_for_a_user_s_task_is_fine_tuned(netadapt, run):
    code, out, err = netadapt("finetune", run, *SHORT, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["after"]["accuracy"] > report["before"]["accuracy"] + 0.2
    history = pd.read_csv(run / "final" / "history.csv")
    assert history["accuracy"].max() == report["after"]["accuracy"]
    assert [*history] == [
        *("epoch", "learning_rate", "loss", "accuracy", "cross_entropy"),
        *("images_per_second", "seconds"),
    ]
    import own_net

    network = package.load_model(run)
    assert own_net.task().evaluate(network)["accuracy"] == report["after"]["accuracy"]
    widths = {name: value.shape for name, value in network.state_dict().items()}
    last = pd.read_csv(run / "trajectory.csv")["checkpoint"].iloc[-1]
    before = package.load_model(run / last).state_dict()
    assert widths == {name: value.shape for name, value in before.items()}

    code, _, err = netadapt("report", run / "final")
    assert code == 0, err
    assert (run / "final" / "history.png").is_file()


@pytest.mark.slow
def test_what_was_fine_tuned_is_exported_and_timed(netadapt, run, tmp_path):
    code, _, err = netadapt("finetune", run, *SHORT, "--quiet")
    assert code == 0, err
    assert netadapt("export", run, "--out", tmp_path / "own.onnx", "--quiet")[0] == 0
    int8 = ("--precision", "int8", "--out", tmp_path / "int8.onnx", "--max-loss", 0.05, "--json")
    code, out, err = netadapt("export", run, *int8)  # judged by the run's own task
    assert code == 0, err
    assert (
        json.loads(out)["metrics"]["accuracy"]
        >= json.loads(out)["metrics_float32"]["accuracy"] - 0.05
    )
    (tmp_path / "paper.toml").write_text('name = "paper"\nruntime = "fake"\n')
    paper = ("--device", "paper", "--profile", tmp_path / "paper.toml", "--json")
    code, out, err = netadapt("bench", run, *paper)
    assert code == 0, err
    assert json.loads(out)["measured_ms"] > 0


class Killed(Exception):
    pass


def test_a_killed_distillation_without_labels_goes_on_to_the_same(netadapt, pruned, tmp_path):
    """The teacher is the network that the run began with."""
    whole, killed = (Path(shutil.copytree(pruned, tmp_path / name)) for name in ("a", "b"))
    options = ("--task", "own_net:unlabelled", "--distill", "--steps", 25)
    code, _, err = netadapt("finetune", whole, *options, "--batch-size", 8)
    assert code == 0, err
    assert "holdout accuracy 0." in err

    def kill(progress):
        if (progress.epoch, progress.step) == (7, 1):
            raise Killed

    asked = LongTerm(
        replace(LONG_TERM_COURSE, batch_size=8), task="own_net:unlabelled", distill=True, steps=25
    )
    with pytest.raises(Killed):
        finetune_run(killed, asked, after_step=kill)
    code, _, err = netadapt("finetune", killed, *options, "--batch-size", 8, "--resume", "-q")
    assert code == 0, err
    names = {file.name for file in (whole / "final").iterdir()}
    assert names == {file.name for file in (killed / "final").iterdir()}
    for name in names - {"history.csv"}:
        assert (whole / "final" / name).read_bytes() == (killed / "final" / name).read_bytes()
    histories = [pd.read_csv(folder / "final" / "history.csv") for folder in (whole, killed)]
    same = ["epoch", "learning_rate", "loss", "accuracy"]
    pd.testing.assert_frame_equal(*(history[same] for history in histories))
    assert histories[0]["epoch"].tolist() == [*range(1, 11)]


def test_a_full_disk_and_an_interruption_leave_what_goes_on(netadapt, run, monkeypatch):
    """The weights fit, the state beside them doesn't; then Ctrl-C in the second epoch."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    weights = next(run.glob("iter_*/model.safetensors")).stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (weights + 1000, limits[1]))
        code, _, err = netadapt("finetune", run, *SHORT, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert "cannot write" in one_line(err)
    assert "state.safetensors" in err
    assert not [*(run / "final").glob(".*")]

    def interrupt(*given, when, **named):
        if when == " in epoch 2":
            raise KeyboardInterrupt
        return train_step(*given, when=when, **named)

    train_step = epochs.train_step
    with monkeypatch.context() as patch:
        patch.setattr(epochs, "train_step", interrupt)
        code, _, err = netadapt("finetune", run, *SHORT, "--resume")
    assert code == 130
    assert f"continue with: netadapt finetune {run} " in err
    code, _, err = netadapt("finetune", run, *SHORT, "--resume", "--quiet")
    assert code == 0, err
    assert pd.read_csv(run / "final" / "history.csv")["epoch"].tolist() == [1, 2, 3]


def test_a_run_from_python_is_told_its_task_and_what_builds_its_network(
    netadapt, from_python, tmp_path
):
    run = Path(shutil.copytree(from_python, tmp_path / "run"))
    code, _, err = netadapt("finetune", run, *SHORT)
    assert code == 2
    assert "pruned from Python" in one_line(err)
    assert "--task package.module:function" in one_line(err)
    code, _, err = netadapt("finetune", run, *SHORT, "--task", "own_net:task")
    assert code == 2
    assert "with --model package.module:function" in one_line(err)
    code, _, err = netadapt("finetune", run, *SHORT, "--task", "depth")
    assert code == 2
    assert "add --data FOLDER" in one_line(err)
    assert not (run / "final").exists()
    named = ("--task", "own_net:task", "--model", "own_net:network", "--distill")
    code, _, err = netadapt("finetune", run, *SHORT, *named)
    assert code == 0, err
    assert "which is kept" in err
    assert package.load_model(run) is not None


def test_a_damaged_network_is_not_taken(netadapt, run):
    (run / "iter_000" / "model.safetensors").write_bytes(b"")
    code, _, err = netadapt("finetune", run, *SHORT, "--distill")
    assert code == 2
    assert one_line(err).endswith("; leave out --distill")
    last = run / pd.read_csv(run / "trajectory.csv")["checkpoint"].iloc[-1]
    (last / "model.safetensors").write_bytes(b"")
    code, _, err = netadapt("finetune", run, *SHORT)
    assert code == 2
    assert f"make it again with netadapt prune --resume --out {run}" in one_line(err)
    assert not (run / "final").exists()


def test_what_diverged_is_begun_anew_as_is_said(netadapt, run):
    code, _, err = netadapt("finetune", run, "--steps", 4, "--learning-rate", 1e30, "-q")
    assert code == 2
    assert "the loss became" in one_line(err)
    code, _, err = netadapt("finetune", run, "--steps", 4)
    assert code == 2
    assert one_line(err).endswith("or move it away to begin anew")
    code, _, err = netadapt("finetune", run, "--steps", 4, "--resume")
    assert code == 2
    assert one_line(err).endswith("resume it as it was, or move it away to begin anew")
    (run / "final").rename(run / "away")
    assert netadapt("finetune", run, "--steps", 4, "--quiet")[0] == 0


@pytest.mark.parametrize("task", ["own_net:task", "own_net:known_column"])
def test_a_user_s_own_files_in_the_folder_stay(netadapt, run, task):
    (run / "final").mkdir()
    (run / "final" / "config.json").write_text("{}")
    assert netadapt("finetune", run, "--steps", 4, "--task", task)[0] == 2
    assert [file.name for file in (run / "final").iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--loss", "l1"), "the task own_net:task has no loss to choose; leave out --loss"),
        (("--max-scale", 1.2), "has no max_scale to choose; leave out --max-scale"),
        (("--data", "rooms"), "opens its own data; leave out --data rooms"),
        (("--epochs", 2, "--steps", 9), "epochs and steps exclude each other"),
        (("--batch-size", 500), "160 training images are fewer than a batch of 500"),
        (("--batch-size", 1), "batch norm needs at least 2 images"),
        (("--task", "own_net:unlabelled", "--epochs", 2), "give --steps in place of --epochs"),
        (("--task", "own_net:odd_count"), "training_count of the task Odd is 160.5; expected"),
        (("--task", "own_net:failing_count"), "training_count of the task Odd failed: own_net.py"),
        (("--task", "own_net:odd_facts"), "facts of the task Odd are ['a']; expected cells"),
        (("--task", "own_net:known_column"), "has 'epoch' among its metrics or facts"),
        (("--task", "own_net:odd_options"), "long_term_options of the task Odd are {'loss': ten"),
        (("--task", "own_net:no_task"), "what for_long_training of the task Odd gave"),
        (("--task", "own_net:failing_change"), "for_long_training of the task Odd failed"),
        (("--task", "own_net:failing_samples", "--steps", 2), "draw_samples of the task Odd fail"),
        (("--task", "own_net:unlabelled", "--steps", 2), "there are no labels"),
        (("--seed", -1), "the seed is -1; expected 0 to 4294967295"),
        (("--seed", 10**30), "; expected 0 to 4294967295"),
        (("--task", "own_net:nothing"), "module 'own_net' has no function 'nothing'"),
        (("--task", "nothing"), "there is no task called 'nothing'; choose one"),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_leaves_nothing(netadapt, pruned, options, said):
    code, _, err = netadapt("finetune", pruned, *options)
    assert code == 2
    assert said in one_line(err)
    assert not (pruned / "final").exists()
