"""Which operators a kernel takes in: the norm and the activation that alone read its output.

What kernels there are is left to `ops/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import fx

    from netadapt.graph.operator_calls import Call, Program

ACTIVATIONS = frozenset(
    {"relu", "relu6", "hardswish", "hardsigmoid", "silu", "sigmoid", "tanh", "prelu", "gelu"}
    | {"leaky_relu", "elu", "selu", "mish", "softplus"}
)
TRANSPARENT = frozenset(
    {"dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias"}
    | {"to", "_to_copy", "lift_fresh_copy"}
)
"""Operators that change nothing on a device: a kernel looks past them."""


class Fusion:
    """The calls of a program, and those among them that an earlier kernel has taken in."""

    def __init__(self, program: Program) -> None:
        self.absorbed: set[fx.Node] = set()
        self._calls = {call.node: call for call in program.calls}

    def fuse(self, call: Call, *, norm: bool = False) -> tuple[str, tuple[str, ...]]:
        """Take in the norm (if asked) and the activation that alone read the call's output.

        Gives the activation, 'none' if there is none, and the modules that are one kernel now.
        """
        modules = [call.module]
        follower = self.follower(call.node)
        if norm and follower is not None and follower.op == "batch_norm":
            self.absorbed.add(follower.node)
            modules.append(follower.module)
            follower = self.follower(follower.node)
        activation = activation_of(follower) if follower is not None else None
        if follower is not None and activation is not None:
            self.absorbed.add(follower.node)
            modules.append(follower.module)
        return activation or "none", tuple(dict.fromkeys(m for m in modules if m))

    def follower(self, node: fx.Node) -> Call | None:
        """The only call that reads `node`, past operators that change nothing."""
        while len(node.users) == 1:
            call = self._calls.get(next(iter(node.users)))
            if call is None:
                return None
            if call.op not in TRANSPARENT:
                return call
            node = call.node
        return None


def activation_of(call: Call) -> str | None:
    """The call's name as a kernel's activation; None if it is none."""
    if call.op in ("hardtanh", "clamp"):
        low = call.arguments.get("min_val", call.arguments.get("min"))
        high = call.arguments.get("max_val", call.arguments.get("max"))
        if (low, high) == (0, 6):
            return "relu6"
        return None
    if call.op == "softplus" and call.arguments.get("beta", 1) != 1:
        return None
    return call.op if call.op in ACTIVATIONS else None
