"""Networks that come from outside: by decorator, by entry point, by a family of one's own."""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

import netadapt
from netadapt.errors import ModelError, WeightsError
from netadapt.networks import build, describe, load_model, named_config, read_config, save_model
from netadapt.networks import registry as networks
from netadapt.networks.config import ModelConfig
from netadapt.networks.network_family import NetworkFamily
from netadapt.networks.open_network import build_network, open_network
from netadapt.registry import Registry

TINY = """
import netadapt
from torch import nn

@netadapt.register_network("tiny", input_shapes=[(1, 3, 8, 8)])
def tiny():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 1))
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Registry[NetworkFamily]:
    """A registry of this test alone; what is installed is in it too."""
    found: Registry[NetworkFamily] = Registry(
        "network", group="netadapt.networks", error=ModelError
    )
    monkeypatch.setattr(networks, "NETWORKS", found)
    return found


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 4, 1))


def installed(folder: Path, entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip leaves it: a module with a network, and its entry point."""
    name = folder.name.replace("-", "_")
    (folder / f"{name}.py").write_text(TINY)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[netadapt.networks]\n{entry} = {name}:tiny\n")
    monkeypatch.syspath_prepend(str(folder))


def test_a_registered_function_is_built_cut_saved_and_loaded_by_its_name(tmp_path: Path) -> None:
    assert netadapt.register_network("small", input_shapes=[(1, 3, 8, 8)])(small) is small
    model, config = open_network("small")  # weights are as the function gives them
    assert not model.training
    assert config.input_shapes == ((1, 3, 8, 8),)
    graph = netadapt.trace(model, torch.zeros(1, 3, 8, 8))
    (group,) = graph.widths
    cut = netadapt.cut(model, graph, keep={group: [1, 3, 5]}).eval()
    cut_graph = graph.with_widths({group: 3})
    written = netadapt.save_model(tmp_path, cut, describe(cut, config, cut_graph))
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "network": "small",
        "widths": {group: 3},
        "input_shapes": [[1, 3, 8, 8]],
    }
    assert read_config(tmp_path) == written
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path)(image), cut(image))
    again, _ = open_network("small", str(tmp_path))
    assert again.get_parameter("0.weight").shape == (3, 3, 3, 3)
    with pytest.raises(WeightsError, match=r"holds small, not mobilenet-nnconv5dw-skipadd"):
        open_network("fastdepth", str(tmp_path))


def test_names_are_taken_once_and_can_be_written_on_a_command_line() -> None:
    netadapt.register_network("small")(small)
    for name in ("small", "fastdepth"):
        with pytest.raises(ModelError, match=f"a network called '{name}' already"):
            netadapt.register_network(name)(lambda: nn.Identity())
    for name in ("", "a:b", "a/b"):
        with pytest.raises(ModelError, match="can't be called"):
            netadapt.register_network(name)
    with pytest.raises(ModelError, match=r"write @register_network\('name'\)"):
        netadapt.register_network(small)  # the decorator without its call
    with pytest.raises(ModelError, match="input_shapes has 1, expected a list of whole numbers"):
        netadapt.register_network("flat", input_shapes=(1, 3, 8, 8))


def test_what_a_function_gets_wrong_is_one_line() -> None:
    netadapt.register_network("seven")(lambda: 7)
    netadapt.register_network("broken")(lambda: nn.Conv2d(3, 4, "wide"))
    with pytest.raises(ModelError, match="the network seven returned int"):
        build("seven")
    with pytest.raises(ModelError, match=r"network broken failed: .*\.py:\d+ in <lambda>: Ty"):
        build("broken")
    with pytest.raises(ModelError, match="unknown key 'width'"):
        build({"network": "seven", "width": 3})


def test_an_unknown_name_lists_the_known_ones() -> None:
    netadapt.register_network("small")(small)
    with pytest.raises(ModelError, match="'smal'; expected small; fastdepth, fastdepth-pruned, or"):
        named_config("smal")
    with pytest.raises(ModelError, match="network is 'smal', expected one of small, fastdepth"):
        build({"network": "smal"})
    for opened in (open_network, build_network):
        with pytest.raises(ModelError, match="no network is named 'x' and there is no model at x"):
            opened("x")


@pytest.mark.parametrize("import_first", [False, True])
def test_an_entry_point_and_a_decorator_are_one_network(
    import_first: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / f"decorated_{import_first}"
    folder.mkdir()
    installed(folder, "tiny", monkeypatch)
    if import_first:
        __import__(folder.name)
    assert named_config("tiny").input_shapes == ((1, 3, 8, 8),)
    assert isinstance(build({"network": "tiny"}), nn.Sequential)


def test_an_entry_point_may_name_a_bare_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "undecorated"
    folder.mkdir()
    installed(folder, "bare", monkeypatch)
    model, config = build_network("bare", input_size=(16, 24))
    assert isinstance(model, nn.Sequential)
    assert config.to_json()["network"] == "bare"
    assert config.input_shapes == ((1, 3, 16, 24),)


def test_another_process_finds_the_network_by_importing_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users.py").write_text(TINY)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("users")
    save_model(tmp_path / "model", build("tiny"), named_config("tiny"))
    for head, words in (
        ("import users", "Sequential"),
        ("", "imported first, where register_netw"),
    ):
        code = f"{head}\nimport netadapt\nprint(type(netadapt.load_model('model')).__name__)"
        answer = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        assert words in answer.stdout + answer.stderr, answer.stderr


def documented(protocol: type, scope: dict[str, object]) -> dict[str, object]:
    """What the example in a protocol's docstring defines."""
    text = inspect.getdoc(protocol) or ""
    exec(textwrap.dedent(text[text.index("    ") :]), scope)
    return scope


def test_the_examples_of_the_protocols_are_a_family_and_its_config(tmp_path: Path) -> None:
    scope = {"nn": nn, "dataclass": dataclasses.dataclass, "NETWORKS": networks.NETWORKS}
    scope = documented(NetworkFamily, documented(ModelConfig, scope))
    assert isinstance(scope["DenseFamily"](), NetworkFamily)
    config = named_config("dense")
    assert isinstance(config, ModelConfig)
    narrow = nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 2))
    save_model(tmp_path, narrow, config)
    assert read_config(tmp_path).widths == {"hidden": 5}
    x = torch.rand(3, 8)
    assert torch.equal(load_model(tmp_path)(x), narrow(x))


class Shouting:
    """A family that reads one kind of file."""

    expected = "loud"

    def config(self, name):
        return None

    def read_config(self, value, where):
        raise NotImplementedError

    default_weights = config

    def import_checkpoint(self, file):
        if file.read_text() != "LOUD":
            raise WeightsError(f"{file} isn't loud")
        return nn.Identity(), named_config("fastdepth")


def test_a_checkpoint_goes_to_the_family_that_recognises_it(
    tmp_path: Path, fresh: Registry[NetworkFamily]
) -> None:
    fresh.register("loud", Shouting())
    netadapt.register_network("small")(small)  # reads no files of others
    file = tmp_path / "w"
    file.write_text("LOUD")
    assert isinstance(networks.import_checkpoint(file)[0], nn.Identity)
    file.write_text("soft")
    with pytest.raises(WeightsError, match="isn't loud"):
        networks.import_checkpoint(file)
    fresh.register("half", {"neither": "a family nor a function"})
    with pytest.raises(ModelError, match="the network half is a dict, which lacks a member"):
        networks.import_checkpoint(file)


def test_only_the_networks_that_are_asked_for_are_imported(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text(TINY)
    code = """
import sys
from netadapt.networks.open_network import open_network
open_network("users:tiny", input_shapes=((1, 3, 8, 8),))
print("depth", any(name.startswith("netadapt.depth") for name in sys.modules))
from netadapt.networks import build
build("fastdepth")
print(sorted({"h5py", "PIL", "numba", "matplotlib"} & set(sys.modules)))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert answer.stdout.splitlines() == ["depth False", "[]"], answer.stderr
