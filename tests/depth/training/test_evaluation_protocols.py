"""Evaluation protocols: what the network is shown, and which pixels count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from netadapt.depth.data import ArraySource
from netadapt.depth.data.loader import batches
from netadapt.depth.training.evaluation import evaluate, evaluate_constants
from netadapt.depth.training.metrics import ALL_METRICS, depth_metrics
from netadapt.depth.training.protocols import EIGEN, FASTDEPTH, PROTOCOLS, EvaluationProtocol
from netadapt.errors import InputError


@dataclass(frozen=True)
class Brightness:
    """A 'network' whose depth is ten metres times the red of what it is shown."""

    name: str = "brightness"
    size: tuple[int, int] = (224, 224)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return 10 * images[:, :1]


def coloured(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A pair whose red says its depth, in tenths of metres of 255 steps."""
    red = np.rint(depth * 25.5).clip(0, 255).astype(np.uint8)
    return np.repeat(red[None], 3, axis=0), depth.astype(np.float32)


def source_of(*depths: np.ndarray) -> ArraySource:
    pairs = [coloured(depth) for depth in depths]
    return ArraySource([rgb for rgb, _ in pairs], [depth for _, depth in pairs])


def test_fastdepth_s_is_what_it_was() -> None:
    random = np.random.default_rng(0)
    source = source_of(*random.uniform(0.5, 9, (5, 60, 80)))
    rows = evaluate(Brightness(), source, batch_size=2)
    (images, truth) = next(batches(source, 5, (224, 224), train=False))
    expected = depth_metrics(Brightness()(images), truth)
    for name in ALL_METRICS:
        np.testing.assert_allclose(rows[name], expected[name].numpy(), rtol=1e-6, err_msg=name)


def test_eigen_s_crop_and_depths() -> None:
    depth = torch.full((1, 480, 640), 3.0)
    depth[0, 45, 41], depth[0, 46, 41], depth[0, 47, 41] = 10.0, 0.0, 9.999
    images, truth = EIGEN.views(torch.zeros(1, 3, 480, 640, dtype=torch.uint8), depth, (224, 224))
    assert images.shape == (1, 3, 224, 224)
    assert truth.shape == (1, 1, 480, 640)
    rows, columns = truth[0, 0].any(1).nonzero(), truth[0, 0].any(0).nonzero()
    assert (rows.min(), rows.max(), len(rows)) == (45, 470, 426)
    assert (columns.min(), columns.max(), len(columns)) == (41, 600, 560)
    assert truth[0, 0, 45:48, 41].tolist() == pytest.approx([0.0, 0.0, 9.999])
    half = EIGEN.views(torch.zeros(1, 3, 240, 320, dtype=torch.uint8), depth[:, ::2, ::2], (8, 8))
    assert half[1][0, 0].any(1).sum() == round(471 / 2) - round(45 / 2)


def test_eigen_s_prediction_is_of_the_whole_frame_at_the_truth_s_size() -> None:
    predicted = torch.linspace(0, 20, 224)[None, None, :, None].expand(1, 1, 224, 224)
    compared = EIGEN.compared(predicted, torch.zeros(1, 1, 480, 640))
    assert compared.shape == (1, 1, 480, 640)
    assert compared[0, 0, 0, 0] == pytest.approx(1e-3)
    assert compared.max() == 10
    middle = compared[0, 0, 120, 0]  # a quarter down, by bilinear interpolation
    assert middle == pytest.approx(20 * (120.5 * 224 / 480 - 0.5) / 223, rel=1e-5)


def test_what_lies_outside_a_protocol_s_crop_does_not_count() -> None:
    """Near its edge everything is wrong; only FastDepth's crop, which ends before, is clean."""
    depth = np.full((480, 640), 4.0)
    rgb, metres = coloured(depth)
    metres[462:471] = 9.0  # below FastDepth's crop, within Eigen's
    source = ArraySource([rgb], [metres])
    assert evaluate(Brightness(), source)["delta1"].item() == 1
    eigen = evaluate(Brightness(), source, protocol=EIGEN)
    assert eigen["delta1"].item() == pytest.approx(1 - 9 / 426, abs=1e-6)
    # Shown whole, all is smaller and so farther: the network's 4 m are 228 / 250 of that.
    expected = 4 * 228 / 250
    assert eigen["mae_m"].item() == pytest.approx(
        (417 * (4 - expected) + 9 * (9 - expected)) / 426, abs=0.01
    )


def test_images_of_several_sizes_and_constants_by_each_protocol() -> None:
    source = source_of(np.full((60, 80), 2.5), np.full((60, 80), 5.0), np.full((90, 80), 2.5))
    for protocol in (FASTDEPTH, EIGEN):
        rows = evaluate(Brightness(), source, protocol=protocol, batch_size=2)
        assert list(rows.index) == source.names
        constant = evaluate_constants(source, (224, 224), protocol=protocol)["constant"]
        assert constant["rmse_m"].tolist() == pytest.approx([0.0, 2.5, 0.0])


def test_protocols_have_names_and_metrics_that_are_measured() -> None:
    assert PROTOCOLS.names() == ["fastdepth", "eigen"]
    for name in PROTOCOLS.names():
        protocol: EvaluationProtocol = PROTOCOLS[name]
        assert protocol.name == name
        assert set(protocol.metrics) <= set(ALL_METRICS)
    with pytest.raises(InputError, match="choose one of fastdepth, eigen"):
        PROTOCOLS["garg"]
