"""Rows are kept, chosen and summed up; children that die leave one."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments.zoo import children, run
from experiments.zoo.measures import IN_NO_GROUP, cuttable_percent, held_by_reason, reference_macs
from experiments.zoo.netadapt_side import frozen_text, keeps
from experiments.zoo.networks import Network, zoo
from experiments.zoo.pruning_side import output_layers
from experiments.zoo.results import Row, code_of, read, write
from experiments.zoo.summary import text_of
from netadapt.graph import trace

ROWS = [
    Row("timm:one", "ResNet", 1.5, "right", "", 1e-15, 3, 2.0, 99.5, 74.25, 1.0, 8, 7,
        "0.5 %: it is the network's output", "right", "", 0.5, 75.0, 0, "abc-1"),
    Row("hf:two", "ViT", 3.0, "wrong", "half: a | b", 0.5, 3, 9.5, 40.0, 20.0, 0.9, 8, 2,
        "60 %: attention", "crash", "KeyError", 0.1, None, 0, "abc-1"),
    Row("hf:three", "ViT", None, "timeout", "no end", code="abd-2"),
]  # fmt: skip


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    assert read(tmp_path / "none.csv") == {}
    write(ROWS, tmp_path / "rows.csv")
    assert list(read(tmp_path / "rows.csv").values()) == ROWS


def test_the_summary_names_all_that_misses_an_aim() -> None:
    text = text_of(ROWS)
    assert "3 networks, of which netadapt gets 1 right, 1 wrong, 1 timeout" in text
    assert "Of the parameters 69.8 % can be cut and 47.1 % go at half widths" in text
    assert "Rows of 2 states of the code are mixed" in text
    assert "| netadapt | 1 | 1 | 0 | 5.8 | 74.2 |" in text
    assert "| torch-pruning | 1 | 0 | 1 | 0.3 | 75.0 |" in text
    assert "| hf:two | wrong | half: a \\| b |" in text
    assert "| hf:two | 40.0 | 60 %: attention |" in text
    assert "Traced in more than 8 s: hf:two 9.5." in text
    assert "as a ratio: hf:two 0.900." in text


def test_the_zoo_is_large_and_spread() -> None:
    networks = zoo()
    assert len(networks) >= 120
    assert len({network.family for network in networks.values()}) >= 20
    packages = Counter(name.partition(":")[0] for name in networks)
    assert set(packages) == {"timm", "torchvision", "smp", "monai", "ultralytics", "hf"}
    assert min(packages.values()) >= 10
    assert all(len(network.inputs()) == len(network.shapes) for network in networks.values())


def test_networks_are_chosen_by_name_or_part() -> None:
    networks = zoo()
    assert run.chosen(networks, []) == list(networks.values())
    assert [n.name for n in run.chosen(networks, ["timm:resnet18"])] == ["timm:resnet18"]
    assert {n.name for n in run.chosen(networks, ["mixnet", "timm:resnet18"])} == {
        "timm:mixnet_s",
        "timm:resnet18",
    }
    assert run.chosen(networks, ["no such"]) == []


def test_a_row_knows_the_code_and_the_network_that_made_it() -> None:
    one, other = (zoo()[name].definition for name in ("timm:resnet18", "timm:resnet50d"))
    assert code_of(one) == code_of(one)
    assert code_of(one) != code_of(other)
    assert code_of(one).partition("-")[0] == code_of(other).partition("-")[0]


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))


def network(build: Callable[[], nn.Module]) -> Network:
    return Network("own:small", "own", build, ((1, 3, 8, 8),))


def child_row(build: Callable[[], nn.Module]) -> Row:
    (row,) = children.judged([network(build)], seed=0, pruning=False)
    return row


def killed() -> nn.Module:
    os.kill(os.getpid(), signal.SIGKILL)
    return small()


def failing() -> nn.Module:
    raise RuntimeError("no such model")


def endless() -> nn.Module:
    signal.pause()
    return small()


def test_a_child_gives_its_row() -> None:
    row = child_row(small)
    assert (row.network, row.verdict, row.message) == ("own:small", "right", "")


def busy() -> nn.Module:
    while True:
        pass


def test_a_child_has_processor_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "CPU_LIMIT_S", 1)
    row = child_row(busy)
    assert (row.verdict, row.message) == ("timeout", "no end within 1 processor seconds")


@pytest.mark.parametrize(
    ("build", "verdict", "message"),
    [
        (killed, "crash", "the process died with exit code -9"),
        (failing, "crash", "zoo: RuntimeError: no such model"),
        (endless, "timeout", "no end within 1 s"),
    ],
)
def test_a_child_that_fails_leaves_a_row(
    build: Callable[[], nn.Module], verdict: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "TIME_LIMIT_S", 1)
    row = child_row(build)
    assert (row.verdict, row.message) == (verdict, message)


def test_several_at_a_time_give_a_row_each() -> None:
    networks = [network(build) for build in (small, killed, failing, small)]
    rows = list(children.judged(networks, seed=0, pruning=False, jobs=2))
    assert sorted(row.verdict for row in rows) == ["crash", "crash", "right", "right"]


def test_rows_that_are_done_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "zoo", lambda: {"own:small": network(small)})
    monkeypatch.setattr(run, "prepare", lambda: None)
    arguments = ["--alone", "--out", str(tmp_path / "rows.csv")]
    assert run.main(arguments) == 0
    assert "1/1 own:small: right" in capsys.readouterr().out
    assert run.main(arguments) == 0
    assert capsys.readouterr().out == ""
    assert run.main([*arguments, "--again"]) == 0
    assert "own:small: right" in capsys.readouterr().out
    assert run.main([*arguments, "none"]) == 2
    assert "no network is called none" in capsys.readouterr().err


def test_what_can_be_cut_is_counted_by_rows_and_columns() -> None:
    model = small().eval()
    graph = trace(model, torch.rand(1, 3, 8, 8))
    whole = 3 * 8 * 9 + 8 + 8 * 4 * 9 + 4
    assert cuttable_percent(model, graph) == pytest.approx(100 * (1 - 4 / whole))
    assert held_by_reason(model, graph) == {"it is the network's output": 4}
    assert reference_macs(model, (torch.rand(1, 3, 8, 8),)) == graph.macs
    assert frozen_text(Counter({"a": 10, IN_NO_GROUP: 5}), 1e-4) == (
        "10.00 %: a; 5.00 %: in no channel group"
    )


def test_keeps_differ_and_are_allowed() -> None:
    graph = trace(small(), torch.rand(1, 3, 8, 8))
    found = dict(keeps(graph, np.random.default_rng(0)))
    assert list(found) == ["any widths", "narrow", "half"]
    (group,) = [group for group in graph.groups if not group.frozen]
    assert len(found["half"][group.name]) == 4
    assert len(found["narrow"][group.name]) <= 3


class Stages(nn.Module):
    """Gives what two layers of one width make."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(8 if i else 3, 8, 3) for i in range(3))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        first = self.relu(self.layers[0](x))
        second = self.relu(self.layers[1](first))
        return [second, self.layers[2](second).sigmoid()]


def test_output_layers_are_found() -> None:
    assert output_layers(small(), (torch.rand(1, 3, 8, 8),)) == ["2"]
    assert output_layers(Stages(), (torch.rand(1, 3, 9, 9),)) == ["layers.1", "layers.2"]


def test_where_packages_are_installed_is_left_out(tmp_path: Path) -> None:
    frozen = (
        "9 %: it counts: /home/me/.venv-zoo/lib/python3.11/site-packages/timm/models/coat.py:132"
    )
    write([Row("timm:coat", "PVT, CoAt", frozen=frozen)], tmp_path / "rows.csv")
    (row,) = read(tmp_path / "rows.csv").values()
    assert row.frozen == "9 %: it counts: timm/models/coat.py:132"
