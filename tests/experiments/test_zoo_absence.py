"""Operators that leave out what is NaN give what they give on the rest alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.zoo.absence import WithoutNaN

KEPT = torch.tensor([0, 2, 3, 6, 7, 11])
"""Of twelve channels; in four groups of three, one or two of each are there."""


def lacking(full: Tensor, axis: int) -> Tensor:
    """`full` with NaN in the channels that aren't kept."""
    gone = torch.tensor([i for i in range(full.shape[axis]) if i not in KEPT.tolist()])
    return full.index_fill(axis, gone, torch.nan)


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize(
    "operator",
    [
        lambda x: x.mean(1),
        lambda x: x.mean((1, 2, 3)),
        lambda x: x.sum(1, keepdim=True),
        lambda x: x.var(1),
        lambda x: x.std(1, unbiased=False),
        lambda x: torch.var_mean(x, 1, correction=0),
        lambda x: x.norm(dim=1),
        lambda x: x.amax(1),
        lambda x: x.amin((1, 2)),
        lambda x: x.max(1).values,
        lambda x: x.logsumexp(1),
        lambda x: F.normalize(x, dim=1).sum(1),
        lambda x: F.rms_norm(x.movedim(1, -1), x.shape[1:2]).sum(-1),
        lambda x: F.layer_norm(x.movedim(1, -1), x.shape[1:2]).sum(-1),
        lambda x: x.softmax(1).square().sum(1),
        lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2),
        lambda x: torch.einsum("bchw,bcij->bhwij", x, x),
    ],
)
def test_what_goes_over_channels_takes_those_that_are_there(
    operator: Callable[[Tensor], Tensor | tuple[Tensor, ...]],
) -> None:
    x = drawn(2, 12, 5, 4)
    with WithoutNaN():
        found = operator(lacking(x, 1))
    torch.testing.assert_close(found, operator(x[:, KEPT]))


@pytest.mark.parametrize("operator", [F.conv2d, F.conv_transpose2d])
def test_a_convolution_drops_terms_and_rows(operator: Callable[..., Tensor]) -> None:
    x, weight, bias = drawn(2, 12, 6, 6), drawn(12, 12, 3, 3), drawn(12)
    settings = {"stride": 2, "padding": 1}
    with WithoutNaN():
        found = operator(
            lacking(x, 1), lacking(lacking(weight, 0), 1), lacking(bias, 0), **settings
        )
    expected = operator(x[:, KEPT], weight[KEPT][:, KEPT], bias[KEPT], **settings)
    torch.testing.assert_close(found[:, KEPT], expected)
    assert found.isnan().sum() == found.numel() - expected.numel()


def test_a_depthwise_channel_goes_with_its_input_whatever_its_filter() -> None:
    x, weight = drawn(1, 12, 6, 6), drawn(12, 1, 3, 3)
    with WithoutNaN():
        found = F.conv2d(lacking(x, 1), weight, padding=1, groups=12)
    expected = F.conv2d(x[:, KEPT], weight[KEPT], padding=1, groups=6)
    torch.testing.assert_close(found[:, KEPT], expected)
    assert found.isnan().sum() == found.numel() - expected.numel()


def test_a_dilated_tap_that_falls_outside_is_no_channel_that_is_gone() -> None:
    x, weight = lacking(drawn(1, 12, 2, 2), 1), drawn(4, 12, 2, 2)
    with WithoutNaN():
        found = F.conv2d(x, weight, padding=3, dilation=6)
    assert not found.isnan().any()


def test_a_channel_that_is_gone_is_gone_in_the_padding_too() -> None:
    def merged(x: Tensor) -> Tensor:
        """As a Swin transformer merges patches of an odd number of columns."""
        even = F.pad(x, (0, 1))
        pairs = torch.cat([even[..., 0::2], even[..., 1::2]], 1).movedim(1, -1)
        return F.layer_norm(pairs, pairs.shape[-1:]).square().sum(-1)

    x = drawn(2, 12, 5, 3)
    with WithoutNaN():
        found = merged(lacking(x, 1))
    torch.testing.assert_close(found, merged(x[:, KEPT]))


def test_channels_that_are_padded_on_are_there() -> None:
    x = drawn(1, 12, 2, 2)
    with WithoutNaN():
        found = F.pad(lacking(x, 1), (0, 0, 0, 0, 0, 3))
    assert found[:, 12:].eq(0).all()
    assert found[:, :12].isnan().sum() == 6 * 4


def test_group_norm_keeps_its_groups() -> None:
    x, weight, bias = drawn(2, 12, 4, 4), drawn(12), drawn(12)
    kept = torch.tensor([0, 1, 3, 5, 7, 8, 9, 10])  # two of each three
    gone = torch.tensor([2, 4, 6, 11])
    with WithoutNaN():
        found = F.group_norm(x.index_fill(1, gone, torch.nan), 4, weight, bias)
    expected = F.group_norm(x[:, kept], 4, weight[kept], bias[kept])
    torch.testing.assert_close(found[:, kept], expected)


def test_a_standardised_weight_counts_the_inputs_that_are_there() -> None:
    weight = drawn(6, 12, 3, 3)

    def standardised(weight: Tensor) -> Tensor:
        rows = weight.reshape(1, len(weight), -1)
        return F.batch_norm(rows, None, None, training=True).reshape(weight.shape)

    with WithoutNaN():
        found = standardised(lacking(weight, 1))
    torch.testing.assert_close(found[:, KEPT], standardised(weight[:, KEPT]))


@pytest.mark.parametrize("dim", [0, 3])
def test_weight_norm_counts_the_inputs_that_are_there(dim: int) -> None:
    v = drawn(6, 12, 3, 3)
    g = drawn(*[size if axis == dim else 1 for axis, size in enumerate(v.shape)])
    with WithoutNaN():
        found = torch._weight_norm(lacking(v, 1), g, dim)
    torch.testing.assert_close(found[:, KEPT], torch._weight_norm(v[:, KEPT], g, dim))


def test_attention_without_some_channels_of_keys_and_of_values() -> None:
    query, key, value = (drawn(2, 3, 5, 12) for _ in range(3))
    with WithoutNaN():
        found = F.scaled_dot_product_attention(*(lacking(t, -1) for t in (query, key, value)))
    expected = F.scaled_dot_product_attention(*(t[..., KEPT] for t in (query, key, value)))
    torch.testing.assert_close(found[..., KEPT], expected)


def test_a_channel_that_is_gone_stays_gone_through_what_lies_between() -> None:
    between = nn.Sequential(
        nn.BatchNorm2d(12), nn.Hardswish(), nn.MaxPool2d(2), nn.Sigmoid(), nn.ReLU6()
    )
    with torch.no_grad(), WithoutNaN():
        found = between.double().eval()(lacking(drawn(1, 12, 4, 4), 1))
    assert found[0, :, 0, 0].isnan().nonzero().flatten().tolist() == [1, 4, 5, 8, 9, 10]


def test_a_sum_with_a_channel_that_is_gone_shows() -> None:
    with WithoutNaN():
        assert (lacking(drawn(1, 12, 2, 2), 1) + drawn(1, 12, 2, 2)).isnan().any()
