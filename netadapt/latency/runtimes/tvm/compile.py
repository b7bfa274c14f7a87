"""Compiling with TVM: a layer repeated as in a network, or a whole network, for any target.

On a CPU both are made of the kernels of `schedules`, called one after another by TVM's virtual
machine; `relax_network` has the way through TVM's own operators (GPUs, tuning).
Everything here needs tvm and runs in a worker process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.joining_ops import concat_parts
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import Network
from netadapt.latency.runtimes.reference import Array, Reference
from netadapt.latency.runtimes.tvm import schedules
from netadapt.latency.runtimes.tvm.compiled import Program


def make_target(target: dict[str, Any], threads: int) -> Any:
    """TVM's target; 'native' stands for this machine's CPU."""
    import tvm
    from tvm.target import codegen

    values = dict(target)
    if values.get("mcpu") == "native":
        values["mcpu"] = codegen.llvm_get_system_cpu()
    if values["kind"] == "llvm":
        values["num-cores"] = threads
    host = values.pop("host", None)
    made = tvm.target.Target(values)
    return made if host is None else tvm.target.Target(made, tvm.target.Target(host))


def build_layer(
    shape: LayerShape, values: Reference, target: Any, repeats: int, *, compiled: bool = True
) -> Program:
    """`shape` `repeats` times on the same inputs, each with weights of its own.

    Without `compiled`, only what to call a library with that was compiled elsewhere. Raises
    UnsupportedLayer where there is no kernel for it.
    """
    kernel = _kernel(shape, schedules.cpu_of(target), "layer")
    builder = _Builder(target)
    inputs = [builder.parameter(f"x{i}", size) for i, size in enumerate(kernel.inputs)]
    function = builder.add(kernel, "layer")
    packed: tuple[Array, ...] = ()
    if kernel.pack is not None:
        assert values.weight is not None
        assert values.bias is not None
        packed = kernel.pack(values.weight, values.bias)
    for i in range(repeats):
        given = [builder.parameter(f"w{i}_{j}", size) for j, size in enumerate(kernel.weights)]
        builder.call(function, [*inputs, *given], kernel.output)
    executable = builder.compile() if compiled else None
    arrays = tuple(_flat(x, planar=kernel.planar_input or x.ndim != 4) for x in values.inputs)
    return Program(
        executable,
        arrays,
        packed * repeats,
        values.output.shape,
        planar_output=values.output.ndim != 4,
        repeats=repeats,
    )


def build_network(
    network: Network, inputs: Sequence[Array], target: Any, *, embedded: bool = False
) -> Program:
    """A whole network of the kernels that `build_layer` times, each called once.

    With `embedded` the weights are part of the compiled program. Raises UnsupportedLayer naming
    the first layer without a kernel.
    """
    cpu = schedules.cpu_of(target)
    builder = _Builder(target)
    tensors: dict[str, tuple[Any, bool, tuple[int, ...]]] = {}
    for name, size in network.inputs.items():
        variable = builder.parameter(f"input_{len(tensors)}", int(np.prod(size)))
        tensors[name] = (variable, True, size)
    kernels: dict[tuple[LayerShape, tuple[int, ...]], tuple[Any, Any]] = {}
    weights: list[Array] = []

    def as_layout(name: str, planar: bool) -> Any:
        variable, is_planar, size = tensors[name]
        pixels = int(np.prod(size[2:])) if len(size) == 4 else 1
        if is_planar == planar or pixels == 1 or size[1] == 1:
            return variable
        title = f"layout{len(builder.calls)}"
        turn = schedules.transpose(size[1], pixels, to_planar=planar, name=title)
        variable = builder.call(builder.add(turn, title), [variable], turn.output)
        tensors[name] = (variable, planar, size)
        return variable

    for step in network.steps:
        key = (step.shape, step.parts)
        if key not in kernels:
            title = f"layer{len(kernels)}"
            kernel = _kernel(step.shape, cpu, title, step.parts)
            kernels[key] = (kernel, builder.add(kernel, title))
        kernel, function = kernels[key]
        arguments = [as_layout(name, kernel.planar_input) for name in step.sources]
        if kernel.pack is not None:
            assert step.weight is not None
            assert step.bias is not None
            for array in kernel.pack(step.weight, step.bias):
                arguments.append(builder.parameter(f"w{len(weights)}", array.size))
                weights.append(array)
        variable = builder.call(function, arguments, kernel.output)
        size = (1, step.shape.out_channels, *step.shape.out_size)
        tensors[step.result] = (variable, False, size)
    (output,) = network.outputs
    as_layout(output, planar=True)
    bound = {f"w{index}": array for index, array in enumerate(weights)} if embedded else {}
    executable = builder.compile(bound)
    return Program(
        executable,
        tuple(_flat(x, planar=True) for x in inputs),
        () if embedded else tuple(weights),
        network.outputs[output],
        planar_output=True,
    )


def export_library(executable: Any, path: Path, cross_compiler: str) -> None:
    """Write the compiled program as a shared library for the device."""
    from tvm.support import cc

    if cross_compiler:
        executable.export_library(str(path), fcompile=cc.cross_compiler(cross_compiler))
    else:
        executable.export_library(str(path))


def _kernel(
    shape: LayerShape, cpu: schedules.Cpu, name: str, parts: tuple[int, ...] = ()
) -> schedules.Kernel:
    try:
        return schedules.build(shape, cpu, name, parts or concat_parts(shape))
    except KeyError as error:
        raise UnsupportedLayer(f"{shape}: there is no kernel for {error.args[0]}") from error


def _flat(x: Array, *, planar: bool) -> Array:
    ordered = x if planar or x.ndim != 4 else x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(ordered, np.float32).reshape(-1)


@dataclass(frozen=True, eq=False)
class _Result:
    """What the call at `index` gives, before there is a Relax variable for it."""

    index: int


class _Builder:
    """A Relax module in the making: parameters, kernels, and the calls of `main`."""

    def __init__(self, target: Any) -> None:
        from tvm import relax

        self.target = target
        self.relax = relax
        self.block = relax.BlockBuilder()
        self.parameters: list[Any] = []
        self.calls: list[tuple[Any, list[Any], int]] = []

    def parameter(self, name: str, size: int) -> Any:
        variable = self.relax.Var(name, self.type(size))
        self.parameters.append(variable)
        return variable

    def add(self, kernel: schedules.Kernel, name: str) -> Any:
        return self.block.add_func(kernel.function, name)

    def call(self, function: Any, arguments: list[Any], size: int) -> _Result:
        self.calls.append((function, arguments, size))
        return _Result(len(self.calls) - 1)

    def type(self, size: int) -> Any:
        return self.relax.TensorType((size,), "float32")

    def compile(self, bound: Mapping[str, Array] | None = None) -> Any:
        """The module, compiled; `main` gives the last call's result.

        The parameters that `bound` names become constants of the module.
        """
        import tvm

        results: list[Any] = []
        with self.block.function("main", self.parameters):
            for function, arguments, size in self.calls:
                given = [results[a.index] if isinstance(a, _Result) else a for a in arguments]
                call = self.relax.call_tir(function, given, self.type(size))
                results.append(self.block.emit(call))
            self.block.emit_func_output(results[-1])
        module = self.relax.transform.BindParams("main", dict(bound or {}))(self.block.finalize())
        with tvm.transform.PassContext(opt_level=3, config=schedules.BUILD_OPTIONS):
            return tvm.compile(module, target=self.target)
