"""Every published variant of FastDepth trains, at small widths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netadapt.depth.data import ArraySource
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.variants import variant_names
from netadapt.depth.training.depth_task import DepthTask
from netadapt.networks import build, named_config
from netadapt.training.finetune import FineTuning, fine_tune

SOME = (
    "mobilenet-nnconv5dw-skipadd",
    "mobilenet-nnconv5-skipconcat",
    "mobilenet-deconv7dw",
    "mobilenet-shuffle5dw",
    "mobilenet-upproj",
    "resnet18-blconv5dw",
    "resnet18-nnconv5dw-skipadd",
    "resnet50-upconv",
)


def thin(name: str) -> nn.Module:
    """The variant at 16 channels a layer, where a variant's widths are free."""
    config = named_config(name)
    widths = dict(config.complete().widths)
    shuffles = config.decoder.startswith("shuffle")
    last_encoder = [key for key in widths if not key.startswith("decode")][-1]
    for key, width in widths.items():
        if width == 1 or (shuffles and (key.startswith("decode") or key == last_encoder)):
            continue  # pixel shuffle divides the encoder's channels by 4 at each stage
        widths[key] = 16
    return build(FastDepthConfig(config.encoder, config.decoder, config.skip, widths))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in SOME else pytest.mark.slow)
        for name in variant_names()
    ],
)
def test_a_step_of_training_changes_every_layer(name: str) -> None:
    torch.manual_seed(0)
    model = thin(name)
    random = np.random.default_rng(0)
    source = ArraySource(
        random.integers(0, 255, (4, 3, 60, 80), dtype=np.uint8),
        random.uniform(1, 5, (4, 60, 80)).astype(np.float32),
    )
    # Past the last ReLU, which would hold back every gradient where it gives zero.
    last = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)][-1]
    nn.init.constant_(last.bias, 2.5)
    # Convolutions alone: a batch norm's gain of 1 swallows a small gradient.
    before = {key: value.clone() for key, value in model.named_parameters() if value.ndim > 1}
    losses: list[float] = []
    fine_tune(
        model,
        DepthTask(source, source, (64, 64)),
        FineTuning(steps=2, batch_size=4, learning_rate=0.1, weight_decay=0),
        seed=0,
        after_step=lambda state, loss: losses.append(loss),
    )
    assert len(losses) == 2
    after = dict(model.named_parameters())
    assert not [key for key, value in before.items() if torch.equal(value, after[key])]
    model.eval()
    with torch.inference_mode():
        assert model(torch.rand(1, 3, 64, 64)).shape == (1, 1, 64, 64)


def test_all_variants_are_known() -> None:
    assert len(variant_names()) == 52
    assert set(SOME) <= set(variant_names())
