"""A run whose newest networks were damaged goes on from a whole one, to the same end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trials

import netadapt
from netadapt.networks.store import load_model
from netadapt.pruning.checkpoints import SUMS, damage_of


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    trials.pruned(out, strategy="racing")
    return out


@pytest.fixture
def run(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def remarks(caplog) -> list[str]:
    """What the user was told."""
    return [record.getMessage() for record in caplog.records if record.name == "netadapt"]


class Counts(netadapt.Callback):
    """How many candidates were tried."""

    tried = 0

    def candidate(self, proposal: netadapt.Proposal, index: int, count: int) -> None:
        self.tried += 1


def truncate(checkpoint: Path) -> None:
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-7])


def flip(name: str, place: float) -> Callable[[Path], None]:
    """One bit of a file, so far into it."""

    def damage(checkpoint: Path) -> None:
        content = bytearray((checkpoint / name).read_bytes())
        content[int(place * len(content))] ^= 1
        (checkpoint / name).write_bytes(content)

    return damage


def without(name: str) -> Callable[[Path], None]:
    return lambda checkpoint: (checkpoint / name).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "model.safetensors changed since it was written"),
        (flip("model.safetensors", 0.7), "model.safetensors changed since it was written"),
        (flip("config.json", 0.5), "config.json changed since it was written"),
        (flip(SUMS, 0.1), "model.safetensors changed since it was written"),
        (without("model.safetensors"), "it has no model.safetensors"),
        (without("config.json"), "it has no config.json"),
        (shutil.rmtree, "it has no model.safetensors"),
    ],
)
def test_a_damaged_newest_network_is_made_again(whole, run, damage, said, caplog):
    last = trials.rows(run / "trajectory.csv")[-1]
    newest = run / last["checkpoint"]
    damage(newest)
    kept = {file.name: file.read_bytes() for file in newest.glob("*")}
    trials.pruned(run, strategy="racing", resume=True)
    (word,) = remarks(caplog)
    assert "\n" not in word
    assert f"{newest} is damaged ({said}" in word
    assert f"the run goes on from iteration {int(last['iteration']) - 1}" in word
    aside = run / f"{newest.name}.damaged"
    assert {file.name: file.read_bytes() for file in aside.glob("*")} == kept
    shutil.rmtree(aside, ignore_errors=True)
    trials.require_same(run, whole)
    assert not damage_of(newest)
    caplog.clear()
    trials.pruned(run, strategy="racing", resume=True)
    assert not remarks(caplog)
    trials.require_same(run, whole)


def test_all_networks_damaged_it_begins_again_and_trains_the_chosen_alone(whole, run, caplog):
    for checkpoint in run.glob("iter_*"):
        truncate(checkpoint)
    before = trials.rows(run / "candidates.csv")
    counts = Counts()
    trials.pruned(run, strategy="racing", resume=True, callbacks=[counts])
    (word,) = remarks(caplog)
    assert word.endswith("the run begins again")
    assert word.count("is damaged (") == len(trials.rows(run / "trajectory.csv"))
    assert not counts.tried  # what they came to was on disk
    assert trials.rows(run / "candidates.csv") == before
    for aside in run.glob("*.damaged"):
        shutil.rmtree(aside)
    trials.require_same(run, whole)


def test_an_older_network_that_is_damaged_stays_as_it_is(whole, run, caplog):
    truncate(run / "iter_001")
    trials.pruned(run, strategy="racing", resume=True)
    assert not remarks(caplog)
    assert damage_of(run / "iter_001")
    assert load_model(run) is not None


def test_for_a_lower_budget_the_damaged_iteration_is_tried_anew(run):
    """What its candidates came to may be for another target."""
    last = trials.rows(run / "trajectory.csv")[-1]
    truncate(run / last["checkpoint"])
    lower, counts = 0.4 * trials.MACS, Counts()
    options = {"budget": {"macs": lower}, "callbacks": [counts], "resume": True}
    trials.pruned(run, strategy="racing", **options)
    steps, candidates = (trials.rows(run / f"{name}.csv") for name in ("trajectory", "candidates"))
    assert int(steps[-1]["macs"]) <= lower
    assert [row["iteration"] for row in candidates if row["chosen"] == "1"] == [
        row["iteration"] for row in steps[1:]
    ]
    anew = [row for row in candidates if int(row["iteration"]) >= int(last["iteration"])]
    assert counts.tried == sum(not row["stage"].startswith("finalist") for row in anew)


def test_a_network_without_sums_is_judged_by_whether_it_can_be_read(whole, run):
    """As versions before these sums wrote it."""
    newest = run / trials.rows(run / "trajectory.csv")[-1]["checkpoint"]
    (newest / SUMS).unlink()
    assert not damage_of(newest)
    truncate(newest)
    assert "model.safetensors" in damage_of(newest)
    shutil.rmtree(newest)
    shutil.copytree(whole / newest.name, newest)
    (newest / SUMS).unlink()
    (newest / "config.json").write_text("{")
    assert "config.json" in damage_of(newest)
