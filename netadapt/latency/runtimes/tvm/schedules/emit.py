"""A thin layer over TVM's statement nodes: flat float32 buffers, vector loads, loops, accumulators.

Kernels written with it state every vector and register themselves, so what LLVM gets does not
depend on a search or on a pass's heuristics. What a kernel computes is left to its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Node = Any  # a TVM expression or statement: the bindings carry no types
Index = Any  # an int or a TVM expression

FLOAT = "float32"


def buffer(size: int, name: str) -> Node:
    """A flat float32 buffer of `size` elements, a parameter of a kernel."""
    from tvm import tirx

    return tirx.decl_buffer((size,), FLOAT, name)


def load(source: Node, index: Index, lanes: int = 1) -> Node:
    """`lanes` consecutive elements from `index` on."""
    from tvm import tirx

    return tirx.BufferLoad(source, [_span(index, lanes)])


def store(target: Node, value: Node, index: Index, lanes: int = 1) -> Node:
    """Statement: write `value` to `lanes` consecutive elements from `index` on."""
    from tvm import tirx

    return tirx.BufferStore(target, value, [_span(index, lanes)])


def splat(value: Node, lanes: int) -> Node:
    """One scalar in all `lanes` of a vector."""
    from tvm import tirx

    if isinstance(value, (int, float)):
        value = tirx.const(float(value), FLOAT)
    return tirx.Broadcast(value, lanes) if lanes > 1 else value


def block(statements: Iterable[Node]) -> Node:
    """The statements one after another."""
    from tvm import tirx

    return tirx.stmt_seq(*statements)


def loop(count: Index, body: Callable[[Node], Iterable[Node]], *, parallel: bool = False) -> Node:
    """Statement: `body(i)` for i in [0, count); one iteration is written without a loop."""
    from tvm import tirx

    if isinstance(count, int) and count == 1:
        return block(body(0))
    variable = tirx.Var("i", "int32")
    kind = tirx.ForKind.PARALLEL if parallel else tirx.ForKind.SERIAL
    return tirx.For(variable, 0, count, kind, block(body(variable)))


def when(condition: Node | bool, body: Iterable[Node]) -> list[Node]:
    """`body` under `condition`, decided here where the condition is known already."""
    from tvm import tirx

    if isinstance(condition, bool):
        return list(body) if condition else []
    return [tirx.IfThenElse(condition, block(body), None)]


class Register:
    """A vector held in a register: a buffer of one vector, which LLVM promotes.

    One buffer a vector, since TVM puts what is larger than 1 KiB on the heap, and a heap buffer
    is written back in every iteration.
    """

    def __init__(self, lanes: int) -> None:
        from tvm import tirx

        self.lanes = lanes
        self._buffer = tirx.decl_buffer((lanes,), FLOAT, "acc", scope="local")
        self.declaration = tirx.AllocBuffer(
            self._buffer, {"disable_lower_builtin": tirx.IntImm("bool", 1)}
        )

    @property
    def value(self) -> Node:
        return load(self._buffer, 0, self.lanes)

    def set(self, value: Node) -> Node:
        return store(self._buffer, value, 0, self.lanes)


def function(parameters: Sequence[Node], body: Iterable[Node], name: str) -> Node:
    """A kernel: reads and writes its `parameters`, which do not overlap."""
    from tvm import tirx

    primitive = tirx.PrimFunc(list(parameters), block(body))
    return primitive.with_attr("global_symbol", name).with_attr("tirx.noalias", True)


def vectors(count: int, lanes: int) -> list[int]:
    """Split `count` channels into vectors: as many of `lanes` as fit, then halves down to one.

    >>> vectors(56, 16)
    [16, 16, 16, 8]
    """
    widths = [lanes] * (count // lanes)
    rest = count % lanes
    while rest:
        lanes //= 2
        if rest >= lanes:
            widths.append(lanes)
            rest -= lanes
    return widths


def _span(index: Index, lanes: int) -> Node:
    from tvm import tirx

    return tirx.Ramp(index, 1, lanes) if lanes > 1 else index
