"""`netadapt plan` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command

SMALL = ("--input-size", "64")
"""What follows is the same of smaller pictures, and takes less."""


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])


def test_plan_says_what_is_cut_together_what_stays_and_why(netadapt: Command) -> None:
    code, out, err = netadapt(
        "plan", "--model", "tests.zoo.oddities:WithUnknown", "--input-size", "32", "--quiet"
    )
    assert (code, err) == (0, "")
    assert "conv1  conv2d 3→16 k3 @32×32 relu" in out
    assert "2 channel groups can be cut" in out
    assert "it touches 'sort', an operator that netadapt doesn't handle" in out
    assert "sort in the network itself" in out


def test_plan_as_json(netadapt: Command) -> None:
    code, out, _ = netadapt("plan", "--model", "fastdepth", "--input-size", "64", "--json")
    assert code == 0
    result = json.loads(out)
    groups = {group["name"]: group for group in result["groups"]}
    assert groups["conv1"]["widths"] == [8, 16, 24, 32, 40, 48, 56, 64]
    assert groups["conv1"]["because"][:2] == ["conv2.0 is depthwise", "add"]
    assert groups["decode_conv6"]["frozen"]
    assert result["layers"][0]["op"] == "conv2d"
    assert result["layers"][0]["in_height"] == 64


def test_plan_of_a_network_with_two_inputs(netadapt: Command) -> None:
    shapes = ("--input-shape", "1x3x16x16") * 2
    code, out, _ = netadapt("plan", "--model", "tests.zoo.oddities:Siamese", *shapes, "--json")
    assert code == 0
    assert "trunk" in [group["name"] for group in json.loads(out)["groups"]]


def test_plan_shows_what_the_user_keeps_whole_and_how_narrow_a_group_may_be(
    netadapt: Command,
) -> None:
    model = ("--model", "fastdepth", "--input-size", "64")
    limits = ("--freeze", "conv1*", "--freeze", "decode_conv5", "--min-width", "conv[45]=20")
    code, out, _ = netadapt("plan", *model, *limits, "--json")
    assert code == 0
    groups = {group["name"]: group for group in json.loads(out)["groups"]}
    frozen = [name for name, g in groups.items() if g["reason"] == "it was frozen by the user"]
    assert frozen == ["conv1", "conv10", "conv11", "conv12", "conv13", "decode_conv5"]
    assert all(groups[name]["frozen"] for name in frozen)
    assert [groups[name]["min_width"] for name in ("conv2", "conv4", "conv5")] == [2, 20, 20]
    assert groups["conv4"]["widths"][0] == 24
    code, out, _ = netadapt("plan", *model, *limits, "--quiet")
    assert code == 0
    lines = {line.split()[0]: line for line in out.partition("channel groups")[2].splitlines()[2:]
             if line.strip()}  # fmt: skip
    assert "24, 32 … 256, at least 20" in lines["conv4"]
    assert lines["conv12"].endswith("it was frozen by the user")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SMALL, "--freeze", "nose"), "no channel group is called 'nose'; there are conv0"),
        (
            (*SMALL, "--min-width", "conv1=999"),
            "the least width of group conv1 is 999; expected 1 to",
        ),
        (("--min-width", "conv1"), "--min-width has 'conv1'; expected GROUP=N"),
        (("--model", "tests.zoo.oddities:Siamese"), "tracing Siamese failed: TypeError: "),
        (("--model", "tests.zoo.oddities:Norms", "--input-shape", "1x3xx2"), "is not a shape"),
        (("--model", "tests.zoo.oddities:Nobody"), "has no function 'Nobody'"),
        (("--model", "nowhere"), "no model at nowhere"),
    ],
)
def test_plan_refuses_in_one_line(
    netadapt: Command, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = netadapt("plan", *arguments, "--quiet")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_what_a_network_prints_is_no_part_of_the_json(
    netadapt: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talkative.py").write_text(
        "from torch import nn\n\n\ndef network():\n    print('building')\n"
        "    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 4, 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    code, out, err = netadapt(
        "plan", "--model", "talkative:network", "--input-size", "16", "--json"
    )
    assert code == 0
    assert json.loads(out)["network"] == "Sequential"
    assert "building" in err
