"""netadapt's own schedules for CPUs through TVM: deterministic, versioned, without a search.

`build(shape, cpu)` gives the kernel of any `LayerShape`; the same shape and CPU always give the
same code. `SCHEDULE` names the set in a table's `schedule` column and changes whenever the code
of any kernel does: latencies of different sets are not comparable. A record's own kernel
(`OpSpec.kernels["tvm-cpu"]`) has the signature of those here and goes before.
"""

from __future__ import annotations

from collections.abc import Callable

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.kernel_lookup import kernel_for
from netadapt.latency.runtimes.tvm.schedules.conv import conv
from netadapt.latency.runtimes.tvm.schedules.cpu import Cpu, cpu_of
from netadapt.latency.runtimes.tvm.schedules.depthwise import depthwise
from netadapt.latency.runtimes.tvm.schedules.dot import dot, suits
from netadapt.latency.runtimes.tvm.schedules.kernel import Kernel
from netadapt.latency.runtimes.tvm.schedules.movement import MOVEMENTS, concat, transpose

__all__ = ["BUILD_OPTIONS", "SCHEDULE", "Cpu", "Kernel", "build", "cpu_of", "transpose"]

SCHEDULE = "netadapt-cpu-1"

BUILD_OPTIONS = {"tirx.disable_storage_rewrite": True}
"""Options of the PassContext to compile under: the rewrite would move registers to the heap."""

CpuKernel = Callable[[LayerShape, Cpu, str, tuple[int, ...]], Kernel]
"""(shape, CPU, the function's name, channels of each tensor that is joined) → the kernel.

With the activation, unlike the other runtimes' functions: it is applied before a value is stored.
"""


def build(shape: LayerShape, cpu: Cpu, name: str = "main", parts: tuple[int, ...] = ()) -> Kernel:
    """The kernel of `shape` on `cpu`; `name` is the function's name in its module.

    `parts`: the channels of each tensor that a concatenation joins. Raises UnsupportedLayer for an
    operator without a kernel, KeyError naming an activation or a mode that there is none for.
    """
    return kernel_for(shape, "tvm-cpu", KERNELS)(shape, cpu, name, parts)


def _conv2d(shape: LayerShape, cpu: Cpu, name: str, parts: tuple[int, ...]) -> Kernel:
    if shape.is_depthwise and shape.out_channels == shape.in_channels:
        return depthwise(shape, cpu, name)
    return (dot if suits(shape, cpu) else conv)(shape, cpu, name)


def _weighted(shape: LayerShape, cpu: Cpu, name: str, parts: tuple[int, ...]) -> Kernel:
    return conv(shape, cpu, name)


def _concat(shape: LayerShape, cpu: Cpu, name: str, parts: tuple[int, ...]) -> Kernel:
    return concat(shape, parts, cpu, name)


def _moving(build_kernel: Callable[[LayerShape, Cpu, str], Kernel]) -> CpuKernel:
    return lambda shape, cpu, name, parts: build_kernel(shape, cpu, name)


KERNELS: dict[str, CpuKernel] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _weighted,
    "linear": _weighted,
    "concat": _concat,
    **{op: _moving(build_kernel) for op, build_kernel in MOVEMENTS.items()},
}
