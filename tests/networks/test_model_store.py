"""Model folders: what is saved comes back, and what doesn't fit is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import netadapt
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.errors import ModelError, OutputError, WeightsError
from netadapt.networks import build, load_model, named_config, save_model
from netadapt.networks.store import (
    find_model,
    fit_weights,
    load_weights,
    read_config,
    refuse_existing,
)
from tests.depth.fastdepth.thin import thin_widths

SMALL = thin_widths(8)


def small_config() -> FastDepthConfig:
    return FastDepthConfig(widths=SMALL)


@st.composite
def widths(draw: st.DrawFn) -> dict[str, int]:
    drawn = {name: draw(st.integers(1, 24)) for name in SMALL}
    for stage, conv in ((2, 5), (3, 3), (4, 1)):
        drawn[f"decode_conv{stage}"] = drawn[f"conv{conv}"]
    return drawn


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(widths=widths())
def test_any_widths_come_back_as_saved(
    widths: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("model")
    model = build(FastDepthConfig(widths=widths)).eval()
    # Saved with the full network's config, as after a cut: the widths are read off the model.
    written = save_model(folder, model, FastDepthConfig())
    loaded = load_model(folder)
    assert dict(written.widths) == widths | {"decode_conv6": 1}
    assert read_config(folder) == written
    assert model.state_dict().keys() == loaded.state_dict().keys()
    for key, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key]), key
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(image), loaded(image))


@pytest.mark.parametrize("name", ["resnet18-deconv3dw", "mobilenet-shuffle5dw"])
def test_variants_come_back_as_saved(name: str, tmp_path: Path) -> None:
    model = build(name)
    save_model(tmp_path / "m", model, named_config(name).to_json())
    loaded = load_model(tmp_path / "m" / "model.safetensors")
    assert not loaded.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[key]), key


def test_half_precision_halves_the_file_and_keeps_statistics(tmp_path: Path) -> None:
    model = build("fastdepth-pruned")
    model.get_buffer("conv0.1.running_var").fill_(1e6)  # beyond float16
    save_model(tmp_path / "full", model, named_config("fastdepth-pruned"))
    save_model(tmp_path / "half", model, named_config("fastdepth-pruned"), half_precision=True)
    size = {d: (tmp_path / d / "model.safetensors").stat().st_size for d in ("full", "half")}
    assert size["half"] < 0.56 * size["full"]
    loaded = load_model(tmp_path / "half")
    assert torch.equal(
        loaded.get_buffer("conv0.1.running_var"), model.get_buffer("conv0.1.running_var")
    )
    weight = loaded.get_parameter("conv13.3.weight")
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, model.get_parameter("conv13.3.weight"), rtol=1e-3, atol=1e-7)


def test_names_missing_and_unexpected_keys_and_shapes(tmp_path: Path) -> None:
    model = build(small_config())
    tensors = dict(model.state_dict())
    del tensors["conv3.0.weight"]
    tensors["head.weight"] = torch.zeros(1)
    tensors["conv0.0.weight"] = torch.zeros(16, 3, 3, 3)
    before = model.get_parameter("conv5.0.weight").clone()
    tensors["conv5.0.weight"] = before + 1
    with pytest.raises(WeightsError) as caught:
        fit_weights(model, tensors, "here.safetensors")
    text = str(caught.value)
    assert "1 missing: conv3.0.weight" in text
    assert "1 unexpected: head.weight" in text
    assert "conv0.0.weight (16×3×3×3, expected 8×3×3×3)" in text
    assert "here.safetensors" in text
    assert torch.equal(model.get_parameter("conv5.0.weight"), before)


def test_refuses_weights_that_are_not_finite() -> None:
    model = build(small_config())
    tensors = {key: value.clone() for key, value in model.state_dict().items()}
    tensors["conv2.0.weight"][0] = float("nan")
    with pytest.raises(WeightsError, match=r"conv2\.0\.weight"):
        fit_weights(model, tensors, "x")


def test_truncated_weights_are_one_clear_line(tmp_path: Path) -> None:
    save_model(tmp_path, build(small_config()), small_config())
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="damaged or cut short") as caught:
        load_model(tmp_path)
    assert str(file) in str(caught.value)
    file.unlink()
    with pytest.raises(WeightsError, match="incomplete"):
        load_model(tmp_path)


def test_bad_config_names_the_file(tmp_path: Path) -> None:
    save_model(tmp_path, build(small_config()), small_config())
    (tmp_path / "config.json").write_text("{not json")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"network": "other"}))
    with pytest.raises(ModelError, match=r"config\.json: network is 'other'"):
        load_model(tmp_path)


def test_config_of_other_widths_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, build(small_config()), small_config())
    config = json.loads((tmp_path / "config.json").read_text())
    config["widths"]["conv7"] = 16
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"conv7\.3\.weight \(8×8×1×1, expected 16×8×1×1\)"):
        load_model(tmp_path)


def test_run_folder_gives_the_last_finished_iteration_then_final(tmp_path: Path) -> None:
    models = {name: build(small_config()) for name in ("iter_000", "iter_001", "final")}
    with pytest.raises(WeightsError, match="holds no model"):
        find_model(tmp_path)
    rows = "iteration,group,checkpoint\n0,,iter_000\n1,g,iter_001\n2,g,iter_002\n"
    (tmp_path / "trajectory.csv").write_text(rows)
    with pytest.raises(WeightsError, match="no finished iteration"):
        find_model(tmp_path)
    save_model(tmp_path / "iter_000", models["iter_000"], small_config())
    assert find_model(tmp_path).name == "iter_000"
    save_model(tmp_path / "iter_001", models["iter_001"], small_config())
    (tmp_path / "iter_002").mkdir()
    (tmp_path / "iter_002" / "model.safetensors").write_bytes(b"half written")
    assert find_model(tmp_path).name == "iter_001"
    save_model(tmp_path / "final", models["final"], small_config())
    loaded = load_model(tmp_path)
    key = "conv4.0.weight"
    assert torch.equal(loaded.get_parameter(key), models["final"].get_parameter(key))


def test_shipped_models_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "models" / "mine", build(small_config()), small_config())
    monkeypatch.chdir(tmp_path)
    assert load_model("mine").get_parameter("conv0.0.weight").shape == (8, 3, 3, 3)
    with pytest.raises(WeightsError, match=r"shipped models: .*mine"):
        load_model("theirs")


def test_files_are_not_models(tmp_path: Path) -> None:
    file = tmp_path / "a.pth.tar"
    file.write_bytes(b"x")
    with pytest.raises(WeightsError, match="netadapt models import"):
        load_model(file)


def test_existing_models_are_not_overwritten(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new")
    refuse_existing(tmp_path)
    save_model(tmp_path, build(small_config()), small_config())
    with pytest.raises(WeightsError, match="exists already"):
        refuse_existing(tmp_path)


def test_a_folder_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        save_model(tmp_path / "file" / "model", build(small_config()), small_config())


def test_weights_load_into_an_existing_network(tmp_path: Path) -> None:
    save_model(tmp_path, build(small_config()), small_config())
    with pytest.raises(WeightsError, match="of another shape"):
        load_weights(build("fastdepth-pruned"), tmp_path / "model.safetensors")


FACTORY = """
from torch import nn
def make():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
                         nn.Conv2d(16, 4, 1))
"""


def test_a_users_network_comes_back_from_its_factory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = pytest.importorskip("netadapt.graph")
    (tmp_path / "users_network.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = {"factory": "users_network:make", "input_shapes": [[1, 3, 8, 8]]}
    model = build(config).eval()
    image = torch.rand(1, 3, 8, 8)
    traced = graph.trace(model, image)
    (name,) = traced.widths
    cut = graph.cut(model, traced, keep={name: [1, 3, 5]})
    save_model(tmp_path / "cut", cut, config | {"widths": {name: 3}})
    loaded = load_model(tmp_path / "cut")
    with torch.no_grad():
        assert torch.equal(loaded(image), cut.eval()(image))
    for widths, words in (({"nobody": 3}, "nobody"), ({name: 99}, "builds only 16")):
        with pytest.raises(ModelError, match=words):
            build(config | {"widths": widths})


@pytest.mark.parametrize(
    "name",
    ["mobilenet-upproj", "mobilenet-shuffle5dw", "mobilenet-deconv3", "resnet18-nnconv5-skipadd"],
)
def test_cut_variants_come_back_from_the_full_networks_config(name: str, tmp_path: Path) -> None:
    from netadapt.graph import cut, trace

    model = build(name).eval()
    image = torch.rand(1, 3, 32, 32)
    graph = trace(model, image, verify=False)
    keep = {group: list(range(0, width, 3)) for group, width in graph.widths.items()}
    smaller = cut(model, graph, keep=keep).eval()
    save_model(tmp_path, smaller, named_config(name))
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path)(image), smaller(image))


class TwoConvs(nn.Module):
    """A network whose class takes no arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(image).relu())


def test_a_cut_network_is_saved_with_its_graph(tmp_path: Path) -> None:
    model, example = TwoConvs(), torch.rand(1, 3, 20, 28)
    graph = netadapt.trace(model, example)
    (group,) = graph.widths
    narrow = netadapt.cut(model, graph, keep={group: [0, 3, 5, 7, 11]})
    config = netadapt.save_model(tmp_path, narrow, graph.with_widths({group: 5}))
    assert config.input_shapes == ((1, 3, 20, 28),)
    assert torch.equal(netadapt.load_model(tmp_path)(example), narrow(example))


def test_a_graph_that_builds_another_network_is_refused(tmp_path: Path) -> None:
    class Local(TwoConvs):
        pass

    model, example = TwoConvs(), torch.rand(1, 3, 20, 28)
    graph = netadapt.trace(model, example)
    (group,) = graph.widths
    narrow = netadapt.cut(model, graph, keep={group: [0, 1]})
    local = Local()
    for wrong, config, message in (
        (local, netadapt.trace(local, example), "can't be built again by its class"),
        (nn.Sequential(nn.Conv2d(3, 4, 1)), graph, "can't be built again|has other weights"),
        (model, graph.with_widths({group: 4}), "has other weights"),
        (narrow, graph, "has other weights"),
    ):
        with pytest.raises(ModelError, match=message):
            netadapt.save_model(tmp_path, wrong, config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ['{"network": [1]}', "[" * 100_000, "[1]"])
def test_a_config_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        read_config(tmp_path)


def test_a_name_too_long_for_a_file_is_no_model() -> None:
    with pytest.raises(WeightsError, match="cannot read"):
        load_model("x" * 5000)


def test_a_config_beside_far_too_few_weights_is_refused_before_it_is_built(tmp_path: Path) -> None:
    config = small_config()
    save_model(tmp_path, build(config), config)
    file = tmp_path / "config.json"
    content = json.loads(file.read_text())
    content["widths"] = dict.fromkeys(content["widths"], 60_000)  # 200 GB of weights
    content["widths"]["decode_conv6"] = 1
    file.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"describes a network of .* parameters, and model.safete"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("widths", {"conv0": 2**40}, "width conv0 is 1099511627776, expected a whole number from"),
        ("widths", {"x" * 5000: 10**4000}, "expected a whole number from 1 to"),
        ("input_size", [60_000 // 32 * 32] * 2, "million numbers"),
        ("arguments", {"a": 1}, "unknown key 'arguments'"),
        ("decoder", [["x"] * 5000], "decoder is"),
    ],
)
def test_a_config_of_sizes_that_cannot_be_is_a_line(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    content = {**small_config().to_json(), key: value}
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=said) as refused:
        read_config(tmp_path)
    assert len(str(refused.value)) < 1000
