"""An operator as a user would add it, in one file: a gated convolution written by hand.

y = a · sigmoid(b), where a and b are the halves of one convolution's output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import netadapt
from netadapt.graph import LayerShape, Value
from netadapt.graph.ops.spec import window_places


@torch.library.custom_op("tests::gated_conv", mutates_args=())
def gated_conv(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """x [B, in, H, W], weight [2 · out, in, k, k], bias [2 · out] → [B, out, H', W']."""
    return _by_torch(x, weight, bias, stride, padding)


def _by_torch(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    value, gate = functional.conv2d(x, weight, bias, stride, padding).chunk(2, dim=1)
    return value * gate.sigmoid()


@gated_conv.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    both = functional.conv2d(x, weight, bias, stride, padding)
    return both[:, : both.shape[1] // 2].contiguous()


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.extent = inputs[3:]


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    with torch.enable_grad():
        given = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
        output = _by_torch(*given, *ctx.extent)
    return (*torch.autograd.grad(output, given, grad), None, None)


gated_conv.register_autograd(_backward, setup_context=_keep)


class GatedConv(nn.Module):
    def __init__(self, entering: int, leaving: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2 * leaving, entering, kernel, kernel) * 0.2)
        self.bias = nn.Parameter(torch.randn(2 * leaving) * 0.1)
        self.out_channels = leaving
        self.extent = (stride, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.tests.gated_conv(x, self.weight, self.bias, *self.extent)


class GatedNet(nn.Module):
    """Two gated convolutions and a head: which third of a picture is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.first = GatedConv(3, 32, 3)
        self.second = GatedConv(32, 32, 3, 2)
        self.head = nn.Linear(32, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.second(self.first(image)).mean((2, 3)))


# What netadapt must know of it.


def couple(walk: Any, call: Any, given: dict[str, Any]) -> Value:
    """A channel that leaves is a row of each half of the weight: they go together."""
    x, weight, bias = given["x"], given["weight"], given["bias"]
    if x.labels is None:
        walk.pin(weight, 1, "in", f"it reads {x.origin}")
    else:
        walk.tie(weight, 1, "in", x.labels)
    rows = walk.tie(weight, 0, "out")
    walk.tie(bias, 0, "out", rows)
    leaving = walk.merge_rows(rows.reshape(2, -1), f"{call.where} gates half of them")
    walk.size(call, "out_channels", leaving)
    return Value(call.shapes[0], 1, leaving)


def shape(call: Any, given: dict[str, Any]) -> LayerShape:
    _, entering, height, width = given["x"].shape
    kernel, stride, padding = given["weight"].shape[2:], given["stride"], given["padding"]
    return LayerShape(
        "gated_conv",
        entering,
        call.shapes[0][1],
        tuple(kernel),
        (stride, stride),
        (padding, padding),
        (1, 1),
        1,
        height,
        width,
    )


def macs(shape: LayerShape) -> int:
    height, width = window_places(shape)
    taps = shape.kernel[0] * shape.kernel[1] * shape.in_channels
    return 2 * shape.out_channels * taps * height * width


def parameters(shape: LayerShape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rows = 2 * shape.out_channels
    return (rows, shape.in_channels, *shape.kernel), (rows,)


def forward(shape: LayerShape, inputs: Any, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    return torch.ops.tests.gated_conv(inputs[0], weight, bias, shape.stride[0], shape.padding[0])


def onnx_kernel(graph: Any, shape: LayerShape, sources: list[str], name: str, values: Any) -> str:
    constants = [
        graph.constant(f"{name}.w", values.weight),
        graph.constant(f"{name}.b", values.bias),
    ]
    extent = {"strides": list(shape.stride), "pads": [*shape.padding, *shape.padding]}
    both = graph.node("Conv", [sources[0], *constants], f"{name}.both", **extent)
    graph.nodes.append(_split(both, f"{name}.value", f"{name}.gate"))
    gate = graph.node("Sigmoid", [f"{name}.gate"], f"{name}.open")
    return graph.node("Mul", [f"{name}.value", gate], name)


def _split(source: str, first: str, second: str) -> Any:
    from onnx import helper

    return helper.make_node("Split", [source], [first, second], name=first, axis=1)


SPEC = netadapt.OpSpec(
    "gated_conv",
    calls=("tests::gated_conv",),
    couple=couple,
    shape=shape,
    out_size=window_places,
    macs=macs,
    parameters=parameters,
    forward=forward,
    kernels={"onnxruntime": onnx_kernel},
)
