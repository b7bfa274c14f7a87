"""Which function makes a layer's kernel: the one its record brings, else the runtime's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def kernel_for(shape: LayerShape, runtime: str, own: Mapping[str, Kernel]) -> Kernel:
    """The function by which `runtime`, whose table of built-in operators is `own`, makes `shape`.

    Raises UnsupportedLayer naming the operator and the runtime where neither has one.
    """
    kernel: Kernel | None = OPS[shape.op].kernels.get(runtime) or own.get(shape.op)  # type: ignore[assignment]
    if kernel is None:
        raise UnsupportedLayer(
            f"{shape}: {runtime} has no kernel for the operator '{shape.op}'; its OpSpec can bring "
            f"one, kernels={{'{runtime}': …}}"
        )
    return kernel
