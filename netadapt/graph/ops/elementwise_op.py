"""Activations and norms that no kernel before them takes in, one value in and one out.

Every operator that nobody else reads, and that isn't free or a mere move, is such a layer; the
activation column names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netadapt.graph.fusing import activation_of
from netadapt.graph.ops.spec import OpSpec

if TYPE_CHECKING:
    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call

_NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"})


def _read(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    activation, modules = reader.fusion.fuse(call) if call.op in _NORMS else ("none", ())
    name = activation_of(call) or call.op
    if activation != "none":
        name = f"{name}+{activation}"
    out = reader.value(call.node)
    return reader.per_channel(call, "elementwise", out, name, modules or reader.alone(call))


ELEMENTWISE = OpSpec("elementwise", read=_read)
