"""Networks built from configs: shapes, published figures, tracing, and what is refused."""

from __future__ import annotations

import pytest
import torch

from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.mobilenet import FastDepth
from netadapt.depth.fastdepth.variants import variant_names
from netadapt.errors import ModelError
from netadapt.networks import build, named_config
from netadapt.networks.registry import config_from_json


def shapes(model: torch.nn.Module) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in model.state_dict().items()}


@pytest.mark.parametrize("name", variant_names())
def test_every_variant_gives_depth_and_shows_its_widths(name: str) -> None:
    config = named_config(name)
    with torch.device("meta"):
        model = build(config)
        assert model(torch.empty(2, 3, 224, 224)).shape == (2, 1, 224, 224)
    assert config.name == name
    assert config.at_widths_of(shapes(model)) == config.complete()


def test_fastdepth_traces_without_control_flow_on_data() -> None:
    model = build("fastdepth").eval()
    image = torch.rand(1, 3, 64, 96)
    program = torch.export.export(model, (image,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(image), model(image))


@pytest.mark.parametrize("name", ["fastdepth", "mobilenet-nnconv5", "resnet18-nnconv5"])
def test_training_convolves_before_the_last_resizing_and_learns_the_same(name: str) -> None:
    model = build(name).double().train()
    image = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    outputs, gradients, statistics = [], [], []
    for as_published in (False, True):
        model.load_state_dict(before)
        model.zero_grad()
        # `finish` looks at the network's own flag alone: its batch norms go on training.
        for module in (model, getattr(model, "decoder", model)):
            module.training = not as_published
        outputs.append(model(image))
        (outputs[-1] ** 2).mean().backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        statistics.append({k: v.clone() for k, v in model.state_dict().items() if "running" in k})
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(gradients[0], gradients[1])
    # A variance over a fourth of 8192 pixels differs in its n - 1: by 3.7e-4.
    torch.testing.assert_close(statistics[0], statistics[1], rtol=5e-4, atol=1e-7)


def test_fastdepth_has_the_published_size() -> None:
    # 3.96093 M parameters by the official class: dwofk/fast-depth, discussion 33.
    assert sum(p.numel() for p in build("fastdepth").parameters()) == 3_960_930


def test_fastdepth_has_the_official_keys() -> None:
    keys = shapes(build("fastdepth"))
    assert keys["conv0.0.weight"] == (32, 3, 3, 3)
    assert keys["conv1.0.weight"] == (32, 1, 3, 3)
    assert keys["conv1.3.weight"] == (64, 32, 1, 1)
    assert keys["conv13.4.running_var"] == (1024,)
    assert keys["decode_conv1.0.0.weight"] == (1024, 1, 5, 5)
    assert keys["decode_conv1.1.0.weight"] == (512, 1024, 1, 1)
    assert keys["decode_conv6.0.weight"] == (1, 32, 1, 1)
    assert not any(key.startswith("conv14") for key in keys)


def test_skip_addition_reaches_the_output() -> None:
    model = build("fastdepth-pruned").eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for stage in range(1, 6):  # silence the decoder: only the last skip is left
            norm = model.get_submodule(f"decode_conv{stage}.1.1")
            assert isinstance(norm, torch.nn.BatchNorm2d)
            norm.weight.zero_()
        model.decode_conv6[1].bias.fill_(1.0)
        constant = model(image)
        model.decode_conv5[1][1].weight.fill_(1.0)
        moved = model(image)
    assert float(constant.std()) < 1e-6
    assert float(moved.std()) > 1e-3


def test_bilinear_and_nearest_decoders_differ_only_in_resizing() -> None:
    nearest, bilinear = build("mobilenet-nnconv5dw"), build("mobilenet-blconv5dw")
    last = nearest.get_submodule("decoder.conv6.1")
    assert isinstance(last, torch.nn.BatchNorm2d)
    last.bias.data.fill_(1.0)  # the last ReLU lets all pixels through
    bilinear.load_state_dict(nearest.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        out_nearest, out_bilinear = nearest.eval()(image), bilinear.eval()(image)
    cells = out_nearest.unfold(2, 2, 2).unfold(3, 2, 2)
    assert float((cells.amax((-1, -2)) - cells.amin((-1, -2))).abs().max()) == 0
    assert not torch.allclose(out_nearest, out_bilinear)


def test_unpooling_puts_each_pixel_at_the_top_left() -> None:
    from netadapt.depth.fastdepth.blocks import Unpool

    image = torch.arange(8.0).reshape(1, 2, 2, 2)
    out = Unpool(2)(image)
    assert torch.equal(out[:, :, ::2, ::2], image)
    assert float(out.sum()) == float(image.sum())
    assert not Unpool(2).state_dict()


def test_widths_left_out_are_full() -> None:
    model = build({"network": "fastdepth", "widths": {"conv7": 8}})
    assert isinstance(model, FastDepth)
    assert shapes(model)["conv7.3.weight"] == (8, 512, 1, 1)
    assert shapes(model)["conv8.0.weight"] == (8, 1, 3, 3)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"network": "fastdepht"}, "fastdepht"),
        ({"network": "fastdepth", "decoder": "nnconv4"}, "nnconv4"),
        ({"network": "fastdepth", "encoder": "vgg"}, "vgg"),
        ({"network": "fastdepth", "skip": "cat"}, "cat"),
        ({"network": "fastdepth", "width": {}}, "unknown key 'width'"),
        ({"network": "fastdepth", "widths": {"conv99": 8}}, "conv99"),
        ({"network": "fastdepth", "widths": {"conv1": 0}}, "conv1 is 0"),
        ({"network": "fastdepth", "widths": {"conv1": 8}}, "decode_conv4 is 64 and conv1 is 8"),
        ({"network": "fastdepth", "widths": {"decode_conv6": 2}}, "decode_conv6 is 2"),
        ({"network": "fastdepth", "input_size": [224]}, "input_size"),
        ({"network": "fastdepth", "input_size": [225, 224]}, "multiples of 32"),
        ({"network": "fastdepth", "batch_norm": "maybe"}, "maybe"),
        ({"network": "fastdepth", "decoder": "upproj"}, "skip is 'add'"),
        ({"network": "fastdepth", "encoder": "resnet50", "decoder": "nnconv5"}, "resnet50"),
        (
            {
                "network": "fastdepth",
                "decoder": "shuffle5",
                "skip": "none",
                "widths": {"conv13": 30},
            },
            "multiple of 4",
        ),
        (
            {"network": "fastdepth", "encoder": "resnet18", "skip": "none", "widths": {"conv1": 8}},
            "layer1 is 64 and conv1 is 8",
        ),
        ([], "JSON object"),
        ({"factory": "no_such_package:net"}, "no_such_package"),
        ({"factory": "numpy:no_such_function"}, "has no function 'no_such_function'"),
        ({"factory": "numpy:dot"}, "dot() failed"),
        ({"factory": "torch:get_num_threads"}, "returned int"),
        ({"factory": "time:time"}, "time is of Python's own library"),
        ({"factory": "justaname"}, "package.module:function"),
        ({"factory": "a:b", "input_shapes": [[1, "x"]]}, "input_shapes"),
    ],
)
def test_refuses_configs_in_one_line(config: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError) as caught:
        build(config)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ModelError, match="expected fastdepth, fastdepth-pruned"):
        build("fastdepth-huge")


def test_configs_go_through_json() -> None:
    for name in ("fastdepth-pruned", "resnet50-upproj"):
        config = named_config(name)
        assert config_from_json(config.to_json()) == config
    assert isinstance(config_from_json(FastDepthConfig().to_json()), FastDepthConfig)
