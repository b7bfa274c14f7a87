"""A network as a flat list of operator calls, taken from `torch.export`.

The rest of the room reads `Program` and `Call` and knows nothing of export itself: arguments are
bound to the names in the operator's schema, in-place variants carry the name of the plain
operator, and every parameter has one name, however many modules share it.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from operator import attrgetter
from typing import Any

import torch
from torch import fx, nn
from torch.utils._pytree import tree_leaves, tree_unflatten

from netadapt.errors import ModelError
from netadapt.graph.region_inlining import inline_regions
from netadapt.graph.running import in_mode, input_shapes
from netadapt.users_code import users_code

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One operator of the network. `arguments` holds `fx.Node` where a tensor goes in."""

    node: fx.Node
    op: str
    arguments: dict[str, Any]
    module: str
    """The innermost module that made the call; '' for the network's own forward."""
    number: int
    """How many calls of this operator run before it."""

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of what comes out, batch included."""
        value = self.node.meta.get("val")
        values = value if isinstance(value, (tuple, list)) else (value,)
        return tuple(
            tuple(int(size) for size in item.shape)
            for item in values
            if isinstance(item, torch.Tensor)
        )

    @property
    def where(self) -> str:
        """For people: `add in layer1.0`."""
        return f"{self.op} in {self.module}" if self.module else self.op

    def compute(self, arguments: dict[str, Any]) -> Any:
        """What the operator gives for these arguments, by name."""
        target: Any = self.node.target
        if isinstance(target, torch._ops.OpOverload):
            return target(**arguments)
        keywords = {name: value for name, value in arguments.items() if not name.isdigit()}
        return target(*(arguments[str(i)] for i in range(len(self.node.args))), **keywords)


@dataclass(frozen=True)
class Program:
    """The calls in the order they run, and what goes in and out."""

    calls: tuple[Call, ...]
    parameters: dict[fx.Node, str]
    """Parameters and buffers, by the first name each has in the network."""
    inputs: dict[fx.Node, str]
    """The network's inputs and the constants in its code, with a word on what they are."""
    constants: frozenset[fx.Node]
    """Those of `inputs` that are constants in its code."""
    outputs: tuple[fx.Node, ...]
    unreached: tuple[str, ...]
    """Parameters that nothing reads in evaluation mode (auxiliary heads, say)."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Shapes of the tensors that it was followed with, in the order they are taken."""
    exported: torch.export.ExportedProgram
    """What it was read from; its graph holds the nodes."""

    def run(
        self,
        tensors: Mapping[str, torch.Tensor],
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
        instead: Mapping[fx.Node, Callable[[dict[str, Any]], Any]],
    ) -> Any:
        """The network's output, call by call, with these parameters and buffers.

        `instead` computes a call's result from its arguments by name, in the operator's place.
        Inputs must have the shapes that the network was followed with.
        """
        known = self._leaves(tensors, arguments, keywords)
        for call in self.calls:
            given = {name: _known(value, known) for name, value in call.arguments.items()}
            known[call.node] = instead.get(call.node, call.compute)(given)
        outputs = next(node for node in self.exported.graph.nodes if node.op == "output")
        spec = self.exported.call_spec.out_spec
        assert spec is not None
        return tree_unflatten(_known(list(outputs.args[0]), known), spec)

    def _leaves(
        self,
        tensors: Mapping[str, torch.Tensor],
        arguments: Sequence[Any],
        keywords: Mapping[str, Any],
    ) -> dict[fx.Node, Any]:
        """What is there before the first call, by node."""
        names = self.exported.call_spec.in_spec.child(1).context  # in the order they are taken
        given = iter(tree_leaves((list(arguments), [keywords[name] for name in names])))
        known: dict[fx.Node, Any] = {node: tensors[name] for node, name in self.parameters.items()}
        specs = self.exported.graph_signature.input_specs
        placeholders = [n for n in self.exported.graph.nodes if n.op == "placeholder"]
        for node, spec in zip(placeholders, specs, strict=True):
            if spec.kind.name == "USER_INPUT":
                known[node] = next(given)
            elif node not in known:
                known[node] = self.exported.constants[str(spec.target)]
        for node in self.exported.graph.nodes:
            if node.op == "get_attr":
                known[node] = attrgetter(str(node.target))(self.exported.graph_module)
        return known


def export_program(
    model: nn.Module,
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    *,
    training: bool = False,
) -> Program:
    """Export `model` in evaluation or training mode; its own flags are left as they were.

    Raises ModelError when the network's forward can't be followed (control flow that depends on
    the data, an input of another shape than it takes).
    """
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"cannot trace {type(model).__name__}: {name or 'it'} is compiled TorchScript, "
                f"which can't be cut; build it from its Python class"
            )
    with (
        users_code(
            f"tracing {type(model).__name__}",
            ModelError,
            "check the shapes of the example inputs (--input-shape, once for each), and that the "
            "forward doesn't branch on a tensor's values",
        ),
        in_mode(model, training),
        torch.no_grad(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            exported = torch.export.export(model, tuple(arguments), dict(keywords), strict=False)
        except Exception:
            # Run as it is, the network says better what is wrong: so it is run only then.
            if not learn_dataclasses(model(*arguments, **keywords)):
                raise
            exported = torch.export.export(model, tuple(arguments), dict(keywords), strict=False)
    inline_regions(exported.graph_module)
    return _read(exported, model, input_shapes(arguments, keywords))


def learn_dataclasses(output: Any) -> bool:
    """Let torch see into the dataclasses of a network's output; whether there were new ones."""
    classes = {type(leaf) for leaf in tree_leaves(output) if is_dataclass(leaf)}
    for found in classes:
        torch.export.register_dataclass(found)
    if classes:
        learn_dataclasses(output)  # those within them
    return bool(classes)


def _names_by_id(model: nn.Module) -> dict[int, str]:
    """The first name of every parameter and buffer, by the tensor's id."""
    names: dict[int, str] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        names.setdefault(id(tensor), name)
    return names


def _read(
    exported: torch.export.ExportedProgram, model: nn.Module, shapes: tuple[tuple[int, ...], ...]
) -> Program:
    names = _names_by_id(model)
    placeholders = [node for node in exported.graph.nodes if node.op == "placeholder"]
    parameters: dict[fx.Node, str] = {}
    inputs: dict[fx.Node, str] = {}
    constants: dict[fx.Node, str] = {}
    for node, spec in zip(placeholders, exported.graph_signature.input_specs, strict=True):
        kind = spec.kind.name
        if kind in ("PARAMETER", "BUFFER") and spec.target is not None:
            path, _, leaf = spec.target.rpartition(".")
            tensor = getattr(model.get_submodule(path), leaf)
            parameters[node] = names.get(id(tensor), spec.target)
        elif kind == "USER_INPUT":
            inputs[node] = f"the network's input '{node.name}'"
        else:
            constants[node] = f"the constant '{node.name}' in the network's code"
    calls: list[Call] = []
    numbers: Counter[str] = Counter()
    outputs: list[fx.Node] = []
    for node in exported.graph.nodes:
        if node.op == "call_function":
            calls.append(_call(node, numbers))
        elif node.op == "get_attr":
            constants[node] = f"the constant '{node.name}' in the network's code"
        elif node.op == "output":
            outputs = list(node.all_input_nodes)
    read = {name for node, name in parameters.items() if node.users}
    unreached = tuple(name for name, _ in model.named_parameters() if name not in read)
    return Program(
        tuple(calls),
        parameters,
        inputs | constants,
        frozenset(constants),
        tuple(outputs),
        unreached,
        shapes,
        exported,
    )


def _known(argument: Any, known: Mapping[fx.Node, Any]) -> Any:
    if isinstance(argument, fx.Node):
        return known[argument]
    if isinstance(argument, (list, tuple)):
        return [_known(item, known) for item in argument]
    return argument


def _call(node: fx.Node, numbers: Counter[str]) -> Call:
    stack = node.meta.get("nn_module_stack") or {}
    module = list(stack.values())[-1][0] if stack else ""
    module = re.sub(r"@\d+", "", module)  # export marks a module's second call 'name@1'
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        namespace, _, op = target._schema.name.partition("::")
        if op.endswith("_") and not op.startswith("_"):
            op = op[:-1]
        if namespace != "aten":
            op = f"{namespace}::{op}"
        arguments = {a.name: a.default_value for a in target._schema.arguments}
        given = [a.name for a in target._schema.arguments if not a.kwarg_only]
        arguments.update(zip(given, node.args, strict=False))
        arguments.update(node.kwargs)
    else:
        op = getattr(target, "__name__", str(target))
        arguments = {str(i): value for i, value in enumerate(node.args)}
        arguments.update(node.kwargs)
    numbers[op] += 1
    return Call(node, op, arguments, module, numbers[op] - 1)
