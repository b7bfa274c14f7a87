"""`netadapt train`, `finetune` and `data bench --training`, on a few frames."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from command import one_line

from netadapt.depth.training.recipe import RECIPES
from netadapt.depth.training.task_data import open_task
from netadapt.errors import RunError
from netadapt.locks import held
from netadapt.networks import build, load_model
from netadapt.networks.store import read_config
from netadapt.pruning.checkpoints import write_checkpoint
from netadapt.pruning.long_term import LONG_TERM_COURSE, LongTerm, finetune_run
from tests.depth.fastdepth.folded_archive import small_archive

SHORT = ("--epochs", 2, "--batch-size", 2, "--learning-rate", 0.05)


class Killed(Exception):
    pass


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder).state_dict()


def lose_scale(run: Path) -> Path:
    """Let the run's last network see everything much nearer than it is; gives the run."""
    checkpoint = run / pd.read_csv(run / "trajectory.csv")["checkpoint"].iloc[-1]
    network = load_model(checkpoint)
    network.get_submodule("decode_conv6")[1].bias.data.fill_(0.5)
    write_checkpoint(checkpoint, network, read_config(checkpoint).to_json())
    return run


def test_a_pruned_run_is_fine_tuned_into_final(netadapt, run_folder):
    pruned = weights_of(lose_scale(run_folder))
    code, out, err = netadapt("finetune", run_folder, *SHORT, "--tensorboard", "--json")
    assert code == 0, err
    report = json.loads(out)
    history = pd.read_csv(run_folder / "final" / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    kept = history.set_index("epoch").loc[report["after"]["epoch"]]
    assert report["after"]["delta1"] == kept["delta1"] == history["delta1"].max()
    assert set(report["before"]) >= {"delta1", "rmse_m"}
    assert len(list((run_folder / "final" / "samples").glob("*.png"))) == 2
    assert list((run_folder / "final" / "tensorboard").glob("events*"))
    training = json.loads((run_folder / "final" / "training.json").read_text())
    assert training["recipe"]["max_scale"] == RECIPES["default"].max_scale == 1.1
    tuned = weights_of(run_folder)  # a run's network is now its final one
    assert tuned.keys() == pruned.keys()
    assert any(not torch.equal(tuned[key], pruned[key]) for key in tuned)
    assert all(tuned[key].shape == pruned[key].shape for key in tuned)

    code, _, err = netadapt("finetune", run_folder, *SHORT, "--quiet")
    assert code == 2
    assert "--resume" in one_line(err)
    code, _, err = netadapt("finetune", run_folder, *SHORT, "--epochs", 3, "--resume", "-q")
    assert code == 2
    assert "another recipe" in one_line(err)


def test_a_fine_tune_that_helps_nothing_keeps_the_network(netadapt, run_folder):
    """The frames are noise: what is learned of them is worth nothing on others."""
    pruned = weights_of(run_folder)
    code, _, err = netadapt("finetune", run_folder, *SHORT, "--learning-rate", 1e-3)
    assert code == 0, err
    assert "no epoch was as good on the holdout as the network was (delta1 0." in err
    assert "try --distill, more --data, a longer fine-tune (--epochs, --steps), or a lower" in err
    tuned = weights_of(run_folder / "final")
    assert all(torch.equal(tuned[key], pruned[key]) for key in pruned)
    recipe = json.loads((run_folder / "final" / "training.json").read_text())["recipe"]
    assert (recipe["loss"], recipe["distill"], recipe["steps"]) == ("log-l1-gradient", False, 6)


@pytest.mark.slow
def test_a_killed_finetune_goes_on_to_the_same_weights(netadapt, finished_run, tmp_path):
    whole, killed = (
        lose_scale(Path(shutil.copytree(finished_run, tmp_path / name)))
        for name in ("whole", "killed")
    )
    code, _, err = netadapt("finetune", whole, *SHORT, "--quiet")
    assert code == 0, err

    def kill(progress):
        if (progress.epoch, progress.step) == (2, 2):
            raise Killed

    short = LongTerm(replace(LONG_TERM_COURSE, batch_size=2, learning_rate=0.05), epochs=2)
    with pytest.raises(Killed):
        finetune_run(killed, short, after_step=kill)
    code, _, err = netadapt("finetune", killed, *SHORT, "--resume", "--quiet")
    assert code == 0, err
    expected, got = weights_of(whole / "final"), weights_of(killed / "final")
    assert all(torch.equal(expected[key], got[key]) for key in expected)
    columns = ["epoch", "loss", "delta1"]
    histories = [pd.read_csv(run / "final" / "history.csv")[columns] for run in (whole, killed)]
    pd.testing.assert_frame_equal(*histories)


def test_autocast_decides_a_training_as_the_rest_of_the_recipe_does(
    netadapt, weights, frames, tmp_path
):
    short = (
        *("--weights", weights, "--data", frames, "--out", tmp_path),
        *("--epochs", 1, "--batch-size", 3, "-q"),
    )
    code, _, err = netadapt("train", *short, "--autocast")
    assert code == 0, err
    assert json.loads((tmp_path / "training.json").read_text())["recipe"]["autocast"] is True
    code, _, err = netadapt("train", *short, "--resume")
    assert code == 2
    assert "another recipe" in one_line(err)
    code, _, err = netadapt("train", *short, "--autocast", "--max-scale", 1.3, "--resume")
    assert code == 2
    assert "another recipe" in one_line(err)
    code, _, err = netadapt("train", *short, "--max-scale", 0.5)
    assert code == 2
    assert "max_scale is 0.5; expected a number from 1 to 4" in one_line(err)


def test_a_training_begins_where_a_kill_left_its_very_first_write_and_is_alone_there(
    netadapt, weights, frames, tmp_path
):
    out = tmp_path / "train"
    short = ("--weights", weights, "--data", frames, "--out", out, "--epochs", 1)
    short = (*short, "--batch-size", 3, "-q")
    with held(out, RunError):
        code, _, err = netadapt("train", *short)
    assert code == 2
    assert f"{out} is being written by another process" in one_line(err)
    out.mkdir(exist_ok=True)
    (out / ".training-x1.json").touch()
    (out / ".lock").write_text("1")
    code, _, err = netadapt("train", *short)
    assert code == 0, err
    assert not [file.name for file in out.iterdir() if file.name.startswith(".")]


def test_several_sets_are_trained_on_as_one(netadapt, weights, frames, tmp_path):
    """One as HDF5 files, one packed; `training.json` names both, and only both go on."""
    packed = tmp_path / "packed"
    code, _, err = netadapt("data", "pack", frames, packed, "-q")
    assert code == 0, err
    joined = open_task([frames, packed], holdout_images=None)
    alone = open_task(frames, holdout_images=None)
    assert len(joined.train) == 2 * len(alone.train)
    assert len(joined.holdout) == 2 * len(alone.holdout)

    short = ("--weights", weights, "--out", tmp_path / "run", "--epochs", 1, "--batch-size", 3)
    code, _, err = netadapt("train", "--data", frames, "--data", packed, *short)
    assert code == 0, err
    assert f"--data {frames} --data {packed}" in one_line(err.splitlines()[-1])
    told = json.loads((tmp_path / "run" / "training.json").read_text())
    assert told["data"] == f"{frames} + {packed}, from {weights}"
    code, _, err = netadapt("train", "--data", frames, *short, "--resume", "-q")
    assert code == 2
    assert "another data" in one_line(err)
    code, _, err = netadapt("train", "--data", frames, "--data", tmp_path / "none", *short, "-q")
    assert code == 2
    assert "no such folder" in one_line(err)


def test_imagenet_weights_start_the_encoder(netadapt, frames, tmp_path):
    """The file as the official MobileNet comes: a pickled dict, keys behind `module.model.`."""
    torch.manual_seed(5)
    encoder = {
        key: value
        for key, value in build("fastdepth").state_dict().items()
        if key.startswith("conv")
    }
    state = OrderedDict((f"module.model.{k.removeprefix('conv')}", v) for k, v in encoder.items())
    state["module.fc.weight"] = torch.zeros(1000, 1024)
    file = tmp_path / "model_best.pth.tar"
    torch.save({"epoch": 80, "arch": "mobilenet", "state_dict": state}, file)
    code, _, err = netadapt(
        "train", "--data", frames, "--out", tmp_path / "run", "--encoder-weights", file,
        "--epochs", 1, "--batch-size", 3, "--learning-rate", 1e-9,
    )  # fmt: skip
    assert code == 0, err
    assert f"encoder: {len(encoder)} tensors from" in err
    trained = weights_of(tmp_path / "run")
    kernels = [key for key, value in encoder.items() if value.ndim == 4]
    assert len(kernels) == 27
    for key in kernels:
        torch.testing.assert_close(trained[key], encoder[key], rtol=1e-5, atol=1e-6)

    file.write_bytes(file.read_bytes()[:5000])
    code, _, err = netadapt(
        "train", "--data", frames, "--out", tmp_path / "other", "--encoder-weights", file, "-q"
    )
    assert code == 2
    assert "model_best.pth.tar" in one_line(err)
    assert not (tmp_path / "other").exists()


def test_training_goes_on_from_given_weights(netadapt, weights, frames, tmp_path):
    given = weights_of(weights)
    code, _, err = netadapt(
        "train", "--data", frames, "--out", tmp_path / "run", "--weights", weights,
        "--epochs", 3, "--batch-size", 3, "--learning-rate", 1e-9,
    )  # fmt: skip
    assert code == 0, err
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["size"].tolist() == ["64x64"] * 3  # the network's own, none smaller at first
    trained = weights_of(tmp_path / "run")
    kernels = [key for key, value in given.items() if value.ndim == 4]
    for key in kernels:
        torch.testing.assert_close(trained[key], given[key], rtol=1e-5, atol=1e-6)


def test_a_network_for_another_input_is_trained_at_its_size(netadapt, weights, frames, tmp_path):
    short = ("--data", frames, "--epochs", 3, "--batch-size", 3, "--stages", "32=0.34,64=0.34")
    code, _, err = netadapt(
        "train", *short, "--weights", weights, "--input-size", "64x128", "--out", tmp_path / "run"
    )
    assert code == 0, err
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["size"].tolist() == ["32x64", "64x128", "64x128"]
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["input_size"] == [64, 128]

    code, _, err = netadapt("train", *short, "--input-size", "50x64", "--out", tmp_path / "other")
    assert code == 2
    assert "multiples of 32 pixels" in one_line(err)
    assert not (tmp_path / "other").exists()


def test_folded_weights_get_their_batch_norm_back_before_training(netadapt, frames, tmp_path):
    folded_file = small_archive(tmp_path / "folded.npz")
    code, _, err = netadapt(
        "train", "--data", frames, "--out", tmp_path / "run", "--weights", folded_file,
        "--epochs", 1, "--batch-size", 3,
    )  # fmt: skip
    assert code == 0, err
    assert "batch norm is folded into these weights" in err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["batch_norm"] == "restored"


def test_bench_says_what_share_of_the_speed_is_left(netadapt, weights, frames, monkeypatch):
    building = sys.modules["netadapt.networks.build"]  # the package's `build` is the function
    network = load_model(weights)
    monkeypatch.setattr(building, "build", lambda name: copy.deepcopy(network))
    options = ("--seconds", 0.1, "--rounds", 1, "--batch-size", 2, "--images", 3)
    code, out, err = netadapt("data", "bench", frames, "--training", *options, "--json")
    assert code == 0, err
    training = json.loads(out)["training"]
    assert "cores" in training["machine"]
    assert [form["form"] for form in training["forms"]] == ["hdf5", "pack", "memory"]
    assert training["forms"][2]["median_of_memory"] == 1
    code, out, _ = netadapt("data", "bench", frames, "--training", *options)
    assert code == 0
    assert "% (median of 1 rounds" in out
