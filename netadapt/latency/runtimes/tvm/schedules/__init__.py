"""netadapt's own schedules for CPUs through TVM: deterministic, versioned, without a search.

`build(shape, cpu)` gives the kernel of any `LayerShape`; the same shape and CPU always give the
same code. `SCHEDULE` names the set in a table's `schedule` column and changes whenever the code
of any kernel does: latencies of different sets are not comparable.
"""

from __future__ import annotations

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.tvm.schedules.conv import conv
from netadapt.latency.runtimes.tvm.schedules.cpu import Cpu, cpu_of
from netadapt.latency.runtimes.tvm.schedules.depthwise import depthwise
from netadapt.latency.runtimes.tvm.schedules.dot import dot, suits
from netadapt.latency.runtimes.tvm.schedules.kernel import Kernel
from netadapt.latency.runtimes.tvm.schedules.movement import concat, movement, transpose

__all__ = ["BUILD_OPTIONS", "SCHEDULE", "Cpu", "Kernel", "build", "cpu_of", "transpose"]

SCHEDULE = "netadapt-cpu-1"

BUILD_OPTIONS = {"tirx.disable_storage_rewrite": True}
"""Options of the PassContext to compile under: the rewrite would move registers to the heap."""


def build(shape: LayerShape, cpu: Cpu, name: str = "main", parts: tuple[int, ...] = ()) -> Kernel:
    """The kernel of `shape` on `cpu`; `name` is the function's name in its module.

    `parts`: the channels of each tensor that a concatenation joins. Raises KeyError naming what
    there is no kernel for.
    """
    if shape.is_depthwise and shape.out_channels == shape.in_channels:
        return depthwise(shape, cpu, name)
    if suits(shape, cpu):
        return dot(shape, cpu, name)
    if shape.op in ("conv2d", "conv_transpose2d", "linear"):
        return conv(shape, cpu, name)
    if shape.op == "concat":
        return concat(shape, parts, cpu, name)
    return movement(shape, cpu, name)
