"""Convolutions that train faster on a processor than torch's own.

oneDNN, through which torch convolves there, has a quick weight gradient for depthwise convolutions
of 3×3 and a slow one for 5×5, which FastDepth's decoder is made of: so this puts the latter
together from the former. And in bfloat16 pointwise convolutions gain, but depthwise ones lose more:
so only the pointwise ones are done in it. What both bring: experiments/training-speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

CACHED_VALUES = 2**19
"""How many float32 of an input its depthwise weight gradient reads at a time: 2 MB of them, which
is some processors' second-level cache, was the quickest of a half to 4."""

_convolution_backward = torch.ops.aten.convolution_backward.default


def faster_convolutions(
    device: torch.device, *, bfloat16: bool = False
) -> AbstractContextManager[Any]:
    """A block in which a network on `device` computes what it is to be trained by, quickly.

    With `bfloat16`, convolutions compute in that where it pays: on a GPU all of them, on a
    processor the pointwise ones.
    """
    if device.type == "cpu":
        return FasterConvolutions(bfloat16=bfloat16)
    return torch.autocast(device.type, torch.bfloat16) if bfloat16 else nullcontext()


class FasterConvolutions(TorchFunctionMode):
    """Within this block, convolutions on a processor are differentiated in the ways above.

    A network runs as it is: its modules and weights don't change. Without `bfloat16` the results
    are torch's, up to the order of sums; with it pointwise convolutions round what they read to
    bfloat16, and give float32.
    """

    def __init__(self, *, bfloat16: bool = False) -> None:
        super().__init__()
        self._bfloat16 = bfloat16

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.conv2d:
            return self._conv2d(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _conv2d(
        self,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> Tensor:
        on_processor = input.ndim == 4 and input.device.type == "cpu"
        if on_processor and input.dtype == torch.float32 and not isinstance(padding, str):
            reach = weight.shape[2] // 2
            keeps_size = (
                weight.shape[2:] == (2 * reach + 1, 2 * reach + 1)
                and _pair(padding) == (reach, reach)
                and _pair(stride) == _pair(dilation) == (1, 1)
            )
            if keeps_size and reach == 0 and groups == 1 and self._bfloat16:
                return _with_bias(_Pointwise.apply(input, weight), bias)  # type: ignore[no-untyped-call]
            if keeps_size and reach in (2, 3, 4) and groups == input.shape[1] == len(weight):
                return _with_bias(_Depthwise.apply(input, weight), bias)  # type: ignore[no-untyped-call]
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


class _Pointwise(torch.autograd.Function):
    """A 1×1 convolution whose products are of bfloat16 and whose sums are of float32."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor) -> Tensor:
        input, weight = input.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(input, weight)
        return F.conv2d(input, weight).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        input, weight = ctx.saved_tensors
        asked = [*ctx.needs_input_grad, False]
        of_input, of_weight, _ = _convolution_backward(
            gradients[0].bfloat16(), input, weight, None, *_unit(0), 1, asked
        )
        return (
            None if of_input is None else of_input.float(),
            None if of_weight is None else of_weight.float(),
        )


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution of 5×5, 7×7 or 9×9 that keeps the size."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(input, weight)
        return F.conv2d(input, weight, padding=weight.shape[2] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        input, weight = ctx.saved_tensors
        (gradient,) = gradients
        of_input = of_weight = None
        if ctx.needs_input_grad[0]:  # the same convolution, turned over: quicker than its gradient
            turned = weight.flip(2, 3)
            of_input = F.conv2d(gradient, turned, padding=weight.shape[2] // 2, groups=len(weight))
        if ctx.needs_input_grad[1]:
            of_weight = _depthwise_weight_gradient(input, gradient, weight.shape[2])
        return of_input, of_weight


def _depthwise_weight_gradient(input: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """The gradient `[C, 1, K, K]` of a depthwise weight; input and gradient `[B, C, H, W]`.

    Summed over a few images at a time, as many as a processor's cache holds.
    """
    at_once = max(1, CACHED_VALUES // gradient[0].numel())
    parts = zip(torch.split(input, at_once), torch.split(gradient, at_once), strict=True)
    return sum(
        (_of_cached_images(images, of_images, kernel) for images, of_images in parts),
        start=gradient.new_zeros(gradient.shape[1], 1, kernel, kernel),
    )


def _of_cached_images(input: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """The same over a few images, put together from tiles of 3×3.

    Each tap of the kernel has seen the input shifted by the tap's place, so any 3×3 taps have the
    gradient that a 3×3 kernel has on the input shifted by theirs. The tiles overlap by one.
    """
    channels, height, width = gradient.shape[1:]
    padded = _padded(input, kernel // 2)
    weight = gradient.new_empty(channels, 1, 3, 3)  # only its shape is read
    result = gradient.new_empty(channels, 1, kernel, kernel)
    for row in range(0, kernel - 2, 2):
        for column in range(0, kernel - 2, 2):
            shifted = padded[:, :, row : row + height + 2, column : column + width + 2]
            shifted = shifted.contiguous(memory_format=torch.channels_last)
            asked = [False, True, False]
            _, tile, _ = _convolution_backward(
                gradient, shifted, weight, None, *_unit(0), channels, asked
            )
            result[:, :, row : row + 3, column : column + 3] = tile
    return result


def _padded(input: Tensor, pixels: int) -> Tensor:
    """`input` within zeros, channels last: quicker than F.pad in this layout."""
    batch, channels, height, width = input.shape
    padded = torch.empty(
        (batch, channels, height + 2 * pixels, width + 2 * pixels),
        dtype=input.dtype,
        memory_format=torch.channels_last,
    ).zero_()
    padded[:, :, pixels : pixels + height, pixels : pixels + width] = input
    return padded


def _unit(padding: int) -> tuple[list[int], list[int], list[int], bool, list[int]]:
    """Stride, padding, dilation, transposed and output padding of an undilated stride of 1."""
    return [1, 1], [padding, padding], [1, 1], False, [0, 0]


def _with_bias(output: Tensor, bias: Tensor | None) -> Tensor:
    return output if bias is None else output + bias.view(-1, 1, 1)


def _pair(value: int | Sequence[int]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
