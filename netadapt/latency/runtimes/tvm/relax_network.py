"""Layers and networks through TVM's own operators: for GPUs (dlight's rules) and for tuning.

Here TVM chooses the loops, in torch's layout; on a CPU that is slow unless MetaSchedule searches
(`--tune`), so netadapt's own `schedules` are what a CPU table is normally made of. Which operators
a layer is made of is left to `relax_kernels`. Needs tvm; runs in a worker process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.network_steps import Network, Step
from netadapt.latency.runtimes.reference import Array, Reference
from netadapt.latency.runtimes.tvm.compiled import Program
from netadapt.latency.runtimes.tvm.kernel_source import Making
from netadapt.latency.runtimes.tvm.relax_kernels import layer
from netadapt.latency.runtimes.tvm.tuning import tuned


def build_layer(
    shape: LayerShape,
    values: Reference,
    target: Any,
    repeats: int,
    making: Making,
    *,
    compiled: bool = True,
) -> Program:
    """`shape` `repeats` times on the same inputs, each with weights of its own.

    Raises UnsupportedLayer where TVM has no operators for it.
    """
    names = tuple(f"x{i}" for i in range(len(values.inputs)))
    parts = tuple(x.shape[1] for x in values.inputs)
    steps = tuple(
        Step(shape, names, f"y{i}", values.weight, values.bias, parts) for i in range(repeats)
    )
    inputs = {name: tuple(x.shape) for name, x in zip(names, values.inputs, strict=True)}
    # All are outputs: TVM drops what nobody reads.
    network = Network(steps, inputs, {step.result: values.output.shape for step in steps})
    return _build(network, values.inputs, target, making, repeats, compiled=compiled)


def build_network(
    network: Network,
    inputs: Sequence[Array],
    target: Any,
    making: Making,
    *,
    embedded: bool = False,
) -> Program:
    """A whole network, its kernels fused and scheduled by TVM.

    With `embedded` the weights are part of the compiled program. Raises UnsupportedLayer naming
    the first layer that TVM has no operators for.
    """
    return _build(network, inputs, target, making, 1, compiled=True, embedded=embedded)


def _build(
    network: Network,
    inputs: Sequence[Array],
    target: Any,
    making: Making,
    repeats: int,
    *,
    compiled: bool,
    embedded: bool = False,
) -> Program:
    weights: dict[str, Array] = {}
    for index, step in enumerate(network.steps):
        if step.weight is not None and step.bias is not None:
            weights |= {f"w{index}": step.weight, f"b{index}": step.bias}
    output = list(network.outputs.values())[-1]
    bound, given = (weights, ()) if embedded else ({}, tuple(weights.values()))
    executable = _compile(network, target, making, bound) if compiled else None
    return Program(executable, tuple(inputs), given, output, planar_output=True, repeats=repeats)


def _compile(network: Network, target: Any, making: Making, bound: dict[str, Array]) -> Any:
    import tvm
    from tvm import relax

    passes = relax.transform
    module = passes.BindParams("main", bound)(_module(network))
    with target:
        module = tvm.ir.transform.Sequential(
            [
                passes.LegalizeOps(),
                passes.AnnotateTIROpPattern(),
                passes.FoldConstant(),
                passes.FuseOps(),
                passes.FuseTIR(),
            ]
        )(module)
        if making.trials:
            module = tuned(module, target, making)
        elif target.kind.name != "llvm":
            from tvm.s_tir import dlight

            module = dlight.ApplyDefaultSchedule(
                dlight.gpu.Matmul(),
                dlight.gpu.GEMV(),
                dlight.gpu.Reduction(),
                dlight.gpu.GeneralReduction(),
                dlight.gpu.Fallback(),
            )(module)
    return tvm.compile(module, target=target)


def _module(network: Network) -> Any:
    """The network as a Relax module: `main` over inputs, then weights and biases in order."""
    from tvm import relax

    block = relax.BlockBuilder()
    tensors = {
        name: relax.Var(f"input_{i}", relax.TensorType(size, "float32"))
        for i, (name, size) in enumerate(network.inputs.items())
    }
    parameters = list(tensors.values())
    given: list[tuple[Any, Any] | None] = []
    for index, step in enumerate(network.steps):
        if step.weight is None or step.bias is None:
            given.append(None)
            continue
        weight = relax.Var(f"w{index}", relax.TensorType(step.weight.shape, "float32"))
        bias = relax.Var(f"b{index}", relax.TensorType(step.bias.shape, "float32"))
        parameters += [weight, bias]
        given.append((weight, bias))
    with block.function("main", parameters):
        with block.dataflow():
            for step, held in zip(network.steps, given, strict=True):
                sources = [tensors[name] for name in step.sources]
                tensors[step.result] = block.emit(layer(block, step.shape, sources, held))
            results = [tensors[name] for name in network.outputs]
            result = block.emit_output(results[0] if len(results) == 1 else relax.Tuple(results))
        block.emit_func_output(result)
    return block.finalize()
