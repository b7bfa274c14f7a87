"""Official checkpoints: every variant and format comes in as it was saved."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netadapt.depth.fastdepth.checkpoint import import_weights, load_encoder_weights
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.errors import WeightsError
from netadapt.networks import build, named_config
from tests.depth.fastdepth.thin import thin_widths

ODD = {f"conv{i}": 3 + 2 * i for i in range(14)} | {
    "decode_conv1": 7,
    "decode_conv2": 13,
    "decode_conv3": 9,
    "decode_conv4": 5,
    "decode_conv5": 11,
}
THIN = thin_widths(4)
THIN_RESNET = {f"layer{n}": 4 for n in range(1, 5)} | {"conv1": 4, "conv2": 4}
THIN_RESNET |= {f"decode_conv{i}": 4 for i in range(1, 6)}

VARIANTS = {
    "mobilenet-nnconv5dw-skipadd": ("MobileNetSkipAdd", ODD),
    "mobilenet-nnconv5dw-skipconcat": ("MobileNetSkipConcat", ODD),
    "mobilenet-nnconv5": ("MobileNet", THIN),
    "mobilenet-nnconv3dw": ("MobileNet", THIN),
    "mobilenet-blconv5dw": ("MobileNet", THIN),
    "mobilenet-deconv3": ("MobileNet", THIN),
    "mobilenet-deconv7dw": ("MobileNet", THIN),
    "mobilenet-upconv": ("MobileNet", THIN),
    "mobilenet-upproj": ("MobileNet", THIN),
    "mobilenet-shuffle5dw": ("MobileNet", {f"conv{i}": 4 for i in range(13)}),
    "resnet18-nnconv5-skipadd": ("ResNetSkipAdd", THIN_RESNET),
    "resnet18-nnconv5-skipconcat": ("ResNetSkipConcat", THIN_RESNET),
    "resnet50-upproj": ("ResNet", THIN_RESNET),
}


def variant(name: str) -> tuple[FastDepthConfig, nn.Module]:
    """The variant at small widths, with statistics that differ from the initial ones."""
    plain = named_config(name)
    widths = VARIANTS[name][1]
    known = plain.complete().widths
    config = FastDepthConfig(
        plain.encoder, plain.decoder, plain.skip, {k: w for k, w in widths.items() if k in known}
    )
    model = build(config)
    for key, buffer in model.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return config.complete(), model.eval()


def assert_same(ours: nn.Module, imported: nn.Module) -> None:
    expected, got = ours.state_dict(), imported.state_dict()
    assert expected.keys() == got.keys()
    for key, value in expected.items():
        assert torch.equal(value, got[key]), key


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", VARIANTS)
def test_pickled_modules_come_in_as_saved(
    name: str, zipped: bool, tmp_path: Path, official: SimpleNamespace
) -> None:
    config, model = variant(name)
    file = tmp_path / f"{name}.pth.tar"
    with official.modules():
        official.write(
            file, official.convert(model, VARIANTS[name][0], config.decoder), zipped=zipped
        )
    assert "models" not in sys.modules
    imported, read = import_weights(file)
    assert read == config
    assert_same(model, imported)
    image = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        assert torch.equal(model(image), imported(image))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_wrapped_and_bare_modules(zipped: bool, tmp_path: Path, official: SimpleNamespace) -> None:
    config, model = variant("mobilenet-nnconv5dw-skipadd")
    with official.modules():
        module = official.convert(model, "MobileNetSkipAdd", config.decoder)
        official.save(tmp_path / "bare", module, zipped=zipped)
        official.write(tmp_path / "wrapped", nn.DataParallel(module), zipped=zipped)
    for name in ("bare", "wrapped"):
        assert_same(model, import_weights(tmp_path / name)[0])


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_state_dicts_in_every_wrapping(
    zipped: bool, tmp_path: Path, official: SimpleNamespace
) -> None:
    config, model = variant("mobilenet-nnconv5dw-skipadd")
    state = model.state_dict()
    official.save(tmp_path / "plain.pth", state, zipped=zipped)
    official.save(tmp_path / "nested.pth", {"epoch": 3, "state_dict": state}, zipped=zipped)
    prefixed = OrderedDict((f"module.{key}", value) for key, value in state.items())
    official.save(tmp_path / "prefixed.pth", {"state_dict": prefixed}, zipped=zipped)
    halves = {key: v.half() if v.is_floating_point() else v for key, v in state.items()}
    official.save(tmp_path / "half.pth", halves, zipped=zipped)
    save_file(dict(state), tmp_path / "plain.safetensors")
    for name in ("plain.pth", "nested.pth", "prefixed.pth", "plain.safetensors"):
        imported, read = import_weights(tmp_path / name)
        assert read == config
        assert_same(model, imported)
    assert import_weights(tmp_path / "half.pth")[0].get_parameter("conv0.0.weight").dtype == (
        torch.float32
    )


def test_checkpoints_from_before_batches_were_counted(
    tmp_path: Path, official: SimpleNamespace
) -> None:
    _, model = variant("mobilenet-nnconv5dw-skipadd")
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    official.save(tmp_path / "old.pth", state, zipped=False)
    assert_same(model, import_weights(tmp_path / "old.pth")[0])


def test_tensors_that_share_a_storage(tmp_path: Path, official: SimpleNamespace) -> None:
    _, model = variant("mobilenet-nnconv5dw-skipadd")
    state = dict(model.state_dict())
    big = torch.rand(2, *state["conv3.3.weight"].shape)
    state["conv3.3.weight"] = big[1]  # saved with the whole of `big`
    state["conv4.3.weight"] = state["conv4.3.weight"].transpose(0, 1).contiguous().transpose(0, 1)
    for zipped in (True, False):
        official.save(tmp_path / "w.pth", state, zipped=zipped)
        imported, _ = import_weights(tmp_path / "w.pth")
        assert torch.equal(imported.get_parameter("conv3.3.weight"), big[1])
        assert torch.equal(imported.get_parameter("conv4.3.weight"), state["conv4.3.weight"])


def test_other_networks_are_named_as_such(tmp_path: Path, official: SimpleNamespace) -> None:
    file = tmp_path / "w.pth"
    official.save(file, {"features.0.weight": torch.zeros(2)}, zipped=True)
    with pytest.raises(WeightsError, match=r"no variant of FastDepth.*features\.0\.weight"):
        import_weights(file)
    official.save(file, {"epoch": 3}, zipped=True)
    with pytest.raises(WeightsError, match="holds no weights"):
        import_weights(file)
    _, model = variant("mobilenet-nnconv5dw-skipadd")
    state = dict(model.state_dict())
    del state["conv7.1.weight"]
    state["extra.weight"] = torch.zeros(1)
    official.save(file, state, zipped=True)
    with pytest.raises(WeightsError, match=r"1 missing: conv7\.1\.weight; 1 unexpected: extra"):
        import_weights(file)
    with pytest.raises(WeightsError, match="no file"):
        import_weights(tmp_path / "nowhere.pth.tar")


def classifier_state(model: nn.Module) -> OrderedDict[str, torch.Tensor]:
    """The ImageNet MobileNet's state dict as DataParallel saves it."""
    state = OrderedDict(
        (f"module.model.{key.removeprefix('conv')}", torch.rand_like(value.float()))
        for key, value in model.state_dict().items()
        if key.startswith("conv")
    )
    state["module.fc.weight"] = torch.zeros(1000, 1024)
    return state


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_imagenet_weights_fill_the_encoder(
    zipped: bool, tmp_path: Path, official: SimpleNamespace
) -> None:
    config, model = variant("mobilenet-nnconv5dw-skipadd")
    state = classifier_state(model)
    file = tmp_path / "model_best.pth.tar"
    best = torch.tensor(70.1)
    official.save(file, {"epoch": 80, "state_dict": state, "best_prec1": best}, zipped=zipped)
    decoder = model.get_parameter("decode_conv1.0.0.weight").clone()
    counted = load_encoder_weights(model, file)
    assert counted == len(state) - 1
    assert torch.equal(model.get_parameter("conv9.3.weight"), state["module.model.9.3.weight"])
    assert torch.equal(model.get_parameter("decode_conv1.0.0.weight"), decoder)
    plain = build(
        FastDepthConfig(
            "mobilenet", "upconv", "none", {k: config.widths[k] for k in THIN if "de" not in k}
        )
    )
    assert load_encoder_weights(plain, file) == counted
    assert torch.equal(
        plain.get_parameter("mobilenet.9.3.weight"), state["module.model.9.3.weight"]
    )
    with pytest.raises(WeightsError, match="image classifier"):
        import_weights(file)


def test_encoder_weights_that_do_not_fit_change_nothing(
    tmp_path: Path, official: SimpleNamespace
) -> None:
    _, model = variant("mobilenet-nnconv5dw-skipadd")
    file = tmp_path / "model_best.pth.tar"
    official.save(file, {"state_dict": classifier_state(build("fastdepth-pruned"))}, zipped=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"of another shape: conv0\.0\.weight"):
        load_encoder_weights(model, file)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    with pytest.raises(WeightsError, match="no MobileNet or ResNet encoder"):
        load_encoder_weights(nn.Linear(2, 2), file)


def test_resnet_encoders_take_torchvision_state_dicts(
    tmp_path: Path, official: SimpleNamespace
) -> None:
    config, model = variant("resnet18-nnconv5-skipadd")
    state = {
        key: torch.rand_like(value.float())
        for key, value in model.state_dict().items()
        if key.startswith(("conv1.", "bn1.", "layer"))
    }
    official.save(tmp_path / "resnet18.pth", state | {"fc.weight": torch.zeros(10, 4)}, zipped=True)
    assert load_encoder_weights(model, tmp_path / "resnet18.pth") == len(state)
    assert torch.equal(model.get_parameter("layer4.1.conv2.weight"), state["layer4.1.conv2.weight"])
    assert config.encoder == "resnet18"
