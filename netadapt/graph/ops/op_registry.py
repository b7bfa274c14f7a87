"""The kinds of layers there are, by name and by the torch operators that they are.

Those that ship are imported when one is first asked for; a user's own are registered beside their
code, or offered by an installed package as entry points of the group 'netadapt.ops'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.errors import ModelError
from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.graph.ops.spec import OpSpec

_ROOM = "netadapt.graph.ops"

OPS: Registry[OpSpec] = Registry(
    "operator",
    {
        "conv2d": f"{_ROOM}.convolution_ops:CONV2D",  # depthwise when groups == in_channels
        "conv_transpose2d": f"{_ROOM}.convolution_ops:CONV_TRANSPOSE2D",
        "linear": f"{_ROOM}.linear_op:LINEAR",
        "pool": f"{_ROOM}.pooling_op:POOL",
        "upsample": f"{_ROOM}.resizing_ops:UPSAMPLE",
        "upsample_add": f"{_ROOM}.resizing_ops:UPSAMPLE_ADD",
        "resize": f"{_ROOM}.resizing_ops:RESIZE",
        "add": f"{_ROOM}.joining_ops:ADD",
        "mul": f"{_ROOM}.joining_ops:MUL",
        "concat": f"{_ROOM}.joining_ops:CONCAT",
        "pixel_shuffle": f"{_ROOM}.shuffling_ops:PIXEL_SHUFFLE",
        "shuffle": f"{_ROOM}.shuffling_ops:SHUFFLE",
        "elementwise": f"{_ROOM}.elementwise_op:ELEMENTWISE",
    },
    group="netadapt.ops",
    error=ModelError,
)


def register_op(spec: OpSpec) -> OpSpec:
    """Know `spec` by its name, in tables, traces and runtimes; gives it back.

    Raises ModelError where the name is another operator's. TVM compiles in a process of its own,
    which finds the operator's functions by importing the module whose top level defines them.
    """
    return OPS.register(spec.name, spec)


def specs_by_call() -> dict[str, OpSpec]:
    """{torch operator: the kind of layer that it is}.

    Raises ModelError where two kinds claim one operator.
    """
    found: dict[str, OpSpec] = {}
    for name in OPS.names():
        spec = OPS[name]
        for call in spec.calls:
            other = found.setdefault(call, spec)
            if other is not spec:
                raise ModelError(
                    f"the operator '{call}' is claimed by '{other.name}' and by '{spec.name}'; "
                    f"leave it out of the calls of one"
                )
    return found
