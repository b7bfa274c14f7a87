"""Convolutions that train faster give torch's gradients."""

from unittest import mock

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netadapt.training import convolutions
from netadapt.training.convolutions import FasterConvolutions, faster_convolutions


def gradients(convolution, images, target):
    """Of input, weight and bias; and the output."""
    convolution.zero_grad()
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    output = convolution(images)
    (output * target).sum().backward()
    found = [images.grad, *(p.grad.clone() for p in convolution.parameters())]
    return [output.detach(), *found]


def name_of(tensor):
    return type(tensor.grad_fn).__name__


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 9),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    kernel=st.sampled_from((5, 7, 9)),
    bias=st.booleans(),
    channels_last=st.booleans(),
    cached_values=st.sampled_from((1, 500, 2**19)),
)
def test_a_depthwise_gradient_is_torchs(
    batch, channels, height, width, kernel, bias, channels_last, cached_values
):
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=bias)
    images, target = torch.randn(2, batch, channels, height, width)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    expected = gradients(layer, images, target)
    with FasterConvolutions(), mock.patch.object(convolutions, "CACHED_VALUES", cached_values):
        found = gradients(layer, images, target)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(channels=st.integers(1, 40), outputs=st.integers(1, 40), bias=st.booleans())
def test_a_pointwise_gradient_in_bfloat16_is_torchs_rounded(channels, outputs, bias):
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, outputs, 1, bias=bias)
    images, target = torch.randn(2, channels, 5, 4), torch.randn(2, outputs, 5, 4)
    expected = gradients(layer, images, target)
    with FasterConvolutions(bfloat16=True):
        found = gradients(layer, images, target)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        assert (one - other).norm() <= 0.02 * other.norm()


def test_only_the_convolutions_that_gain_are_replaced():
    images = torch.randn(1, 8, 6, 6)
    kinds = {
        "5x5 depthwise": nn.Conv2d(8, 8, 5, padding=2, groups=8),
        "5x5 depthwise, stride 2": nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8),
        "5x5 depthwise, dilated": nn.Conv2d(8, 8, 5, padding=4, dilation=2, groups=8),
        "5x5 depthwise, shrinking": nn.Conv2d(8, 8, 5, groups=8),
        "5x5 depthwise, two an input": nn.Conv2d(8, 16, 5, padding=2, groups=8),
        "3x3 depthwise": nn.Conv2d(8, 8, 3, padding=1, groups=8),
        "5x5": nn.Conv2d(8, 8, 5, padding="same"),
        "1x1": nn.Conv2d(8, 4, 1),
        "1x1, stride 2": nn.Conv2d(8, 4, 1, stride=2),
        "1x1, grouped": nn.Conv2d(8, 4, 1, groups=2),
    }

    def replaced(bfloat16):
        with FasterConvolutions(bfloat16=bfloat16):
            outputs = {kind: layer.requires_grad_()(images) for kind, layer in kinds.items()}
        for kind, layer in kinds.items():
            torch.testing.assert_close(outputs[kind], layer(images), rtol=0.05, atol=0.05)
        return {kind for kind, out in outputs.items() if "Convolution" not in name_of(out)}

    assert replaced(False) == {"5x5 depthwise"}
    assert replaced(True) == {"5x5 depthwise", "1x1"}


def test_other_precisions_and_frozen_weights_are_left_to_torch_or_get_no_gradient():
    layer = nn.Conv2d(4, 4, 5, padding=2, groups=4).double()
    with FasterConvolutions():
        assert name_of(layer(torch.randn(1, 4, 6, 6).double())) == "ConvolutionBackward0"
    layer = layer.float().requires_grad_(False)
    images = torch.randn(1, 4, 6, 6, requires_grad=True)
    with FasterConvolutions():
        layer(images).sum().backward()
        assert layer(images.detach()).requires_grad is False
    assert layer.weight.grad is None
    expected = torch.autograd.grad(F.conv2d(images, layer.weight, None, 1, 2, 1, 4).sum(), images)
    torch.testing.assert_close(images.grad, expected[0])


def test_a_gpu_keeps_torchs_own_ways():
    images, layer = torch.randn(1, 4, 6, 6), nn.Conv2d(4, 4, 5, padding=2, groups=4)
    with faster_convolutions(torch.device("cuda")):
        assert name_of(layer(images)) == "ConvolutionBackward0"
