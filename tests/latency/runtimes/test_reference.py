"""`compare` stands between a kernel and its row: what it lets through, and what it doesn't."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.errors import ModelError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import UnsupportedLayer, WrongOutput
from netadapt.latency.runtimes.reference import TOLERANCE, Array, compare, reference
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

LAYER = shape("conv2d", 16, 24, 3, 1, 1, activation="relu")


@pytest.fixture(scope="module")
def right() -> Array:
    """What torch gives; its largest value is far from 1, so that shares and values differ."""
    return 7 * reference(LAYER).output


def test_equal_values_and_rounding_pass(right: Array) -> None:
    assert compare(LAYER, right.copy(), right) == 0.0
    rounded = right * (1 + np.float32(2e-7))
    assert 0 < compare(LAYER, rounded, right) < 1e-6
    half = (right.astype(np.float64) + 0.4 * TOLERANCE * right.max()).astype(np.float32)
    assert compare(LAYER, half, right) == pytest.approx(0.4 * TOLERANCE, rel=0.01)


def test_one_value_that_is_off_is_found(right: Array) -> None:
    off = right.copy()
    off[0, 5, 3, 2] += 2 * TOLERANCE * right.max()
    with pytest.raises(WrongOutput, match=r"differs from torch's by 0\.0002 "):
        compare(LAYER, off, right)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_found(right: Array, value: float) -> None:
    broken = right.copy()
    broken[0, 0, 0, 0] = value
    with pytest.raises(WrongOutput), np.errstate(invalid="ignore"):
        compare(LAYER, broken, right)


def test_another_shape_is_found(right: Array) -> None:
    for other in (right[:, :-1], right.transpose(0, 2, 3, 1), right.reshape(-1), right[0, 0, 0, 0]):
        with pytest.raises(WrongOutput, match=r"torch's \(1, 24, 14, 14\)"):
            compare(LAYER, np.asarray(other), right)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda y: np.concatenate([y[:, 1:2], y[:, 0:1], y[:, 2:]], axis=1),
        lambda y: y[:, :, ::-1],
        lambda y: y.swapaxes(2, 3),
        lambda y: 1.001 * y,
        lambda y: -y,
        np.zeros_like,
    ],
    ids=["swapped channels", "upside down", "rows for columns", "scaled", "negated", "zeros"],
)
def test_a_wrong_kernel_is_found(right: Array, mistake) -> None:
    with pytest.raises(WrongOutput, match=r"conv2d 16→24 k3 @14×14 relu: .* it is not used"):
        compare(LAYER, mistake(right), right)


def test_an_output_of_zeros_is_compared_by_itself() -> None:
    zeros = np.zeros((1, 2, 3, 3), np.float32)
    assert compare("zeros", zeros, zeros) == 0.0
    with pytest.raises(WrongOutput):
        compare("zeros", zeros + 1e-3, zeros)


@pytest.mark.parametrize("layer", EVERY_KIND, ids=str)
def test_a_reference_is_always_the_same_and_has_the_shape_it_says(layer: LayerShape) -> None:
    first, second = reference(layer), reference(layer)
    assert np.array_equal(first.output, second.output)
    assert first.output.dtype == np.float32
    if layer.op == "linear":
        assert first.output.shape == (layer.in_height * layer.in_width, layer.out_channels)
    else:
        assert first.output.shape == (1, layer.out_channels, *layer.out_size)
    assert (0 if first.weight is None else first.weight.size) == layer.weights


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (shape("pool", 8, 8, 2, 2, activation="median"), "no pooling is called 'median'"),
        (shape("conv2d", 8, 8, activation="cube"), "no kernel is known for 'cube'"),
        (
            LayerShape("pixel_shuffle", 12, 2, (2, 3), (1, 1), (0, 0), (1, 1), 1, 4, 4),
            "one factor for both sides",
        ),
    ],
    ids=["mode", "activation", "factor"],
)
def test_what_torch_cannot_run_is_named(layer: LayerShape, message: str) -> None:
    with pytest.raises(UnsupportedLayer, match=message):
        reference(layer)


def test_an_operator_nobody_knows_lists_the_known() -> None:
    with pytest.raises(ModelError, match=r"no operator called 'conv9d'; choose one of conv2d, "):
        reference(shape("conv9d", 8, 8))
