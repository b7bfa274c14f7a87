"""A whole network as an ONNX model, as torch exports it: for files, bundles and its timing.

Batch norms are folded by the export. What a deployed file's inputs and outputs are called is the
deploy room's affair.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from netadapt.errors import ModelError
from netadapt.extras import needed
from netadapt.users_code import place_in, told, users_code

if TYPE_CHECKING:
    import torch
    from torch import nn

    from netadapt.graph import LayerGraph

_NODE = re.compile(r"node %(\w+)")
_OPERATOR = re.compile(r"op='aten\.(\w+)'")

BATCH = "batch"
"""What a side of the inputs that may be any number is called."""


def export_onnx(
    model: nn.Module,
    example: torch.Tensor | tuple[torch.Tensor, ...],
    *,
    dynamic_batch: bool = False,
) -> bytes:
    """`model` in evaluation mode as an ONNX model that takes inputs of the example's shapes.

    With `dynamic_batch` the first side of every input may be any number, the same in all. The model
    gives the tensors of the network's output in the order of `named_outputs`. Raises ModelError,
    naming the layer, when torch can't export it; MissingExtraError without onnxscript.
    """
    import torch

    from netadapt.graph.running import evaluating

    needed("onnxscript", "onnx")
    inputs = example if isinstance(example, tuple) else (example,)
    name = type(model).__name__
    with evaluating(model), _quietly(), torch.no_grad():
        exported = _captured(model, inputs, dynamic_batch)
        try:
            program = torch.onnx.export(exported, (), dynamo=True, verbose=False)
        except Exception as error:  # torch.onnx's own classes share no base
            raise ModelError(
                f"torch can't export {name} to ONNX: {_untranslated(error, exported)}; write that "
                f"part of the network otherwise"
            ) from error
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def export_pruned(
    model: nn.Module,
    full: LayerGraph,
    graph: LayerGraph,
    example: torch.Tensor | tuple[torch.Tensor, ...],
) -> bytes:
    """`model`, of the graph `full`, cut to the widths of `graph` and exported.

    Latency doesn't depend on the values of weights, so that any channels may stay.
    """
    from netadapt.graph import cut

    keep = {
        name: range(width)
        for name, width in graph.widths.items()
        if width < full.group(name).full_width
    }
    return export_onnx(cut(model, full, keep), example)


def _captured(
    model: nn.Module, inputs: tuple[torch.Tensor, ...], dynamic_batch: bool
) -> torch.export.ExportedProgram:
    """The network's operators as torch captures them, before any is translated."""
    import torch

    shapes = None
    if dynamic_batch:
        # Torch takes a side of 1 for one that is always 1.
        inputs = tuple(torch.cat((tensor, tensor))[:2] for tensor in inputs)
        batch = torch.export.Dim(BATCH)
        shapes = {"inputs": tuple({0: batch} for _ in inputs)}
    name = type(model).__name__
    what = f"exporting {name} to ONNX" + (" with a dynamic batch" if dynamic_batch else "")
    try:
        with users_code(what, ModelError):
            return torch.export.export(
                _with_plain_output(model), inputs, strict=False, dynamic_shapes=shapes
            )
    except ModelError as error:
        layer = _layer_in(error.__cause__, model)
        raise ModelError(f"{layer}: {error}" if layer else str(error)) from error.__cause__


def _layer_in(failure: BaseException | None, model: nn.Module) -> str:
    """`its layer NAME`: whose forward ran when `failure` was raised; '' where none did."""
    names = {id(module): name for name, module in model.named_modules() if name}
    ran = [] if failure is None else [frame.f_locals for frame, _ in walk_tb(failure.__traceback__)]
    inside = [names[id(held.get("self"))] for held in ran if id(held.get("self")) in names]
    return f"its layer {inside[-1]}" if inside else ""


def layer_of(node: Any) -> str:
    """The layer of the network that a node of `export_onnx` computes; '' where that isn't known."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            scopes = re.findall(
                r"'([^']*)'", entry.value
            )  # ['', 'network', 'network.head', 'topk']
            return _in_the_network(scopes[-2]) if len(scopes) > 1 else ""
    return ""


def _in_the_network(path: str) -> str:
    """A module's path in `Plain` as the network has it."""
    return path.removeprefix("network").lstrip(".")


def _with_plain_output(model: nn.Module) -> nn.Module:
    """`model`, giving its tensors as a tuple: the exporter knows no dataclass, and no number."""
    from torch import nn

    from netadapt.networks.network_outputs import named_outputs

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model

        def forward(self, *inputs: Any) -> Any:
            output = self.network(*inputs)
            tensors = tuple(tensor for _, tensor in named_outputs(output))
            return tensors[0] if len(tensors) == 1 else tensors

    return Plain().train(model.training)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter prints, logs and warns of."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _untranslated(error: Exception, exported: torch.export.ExportedProgram) -> str:
    """The operator that ONNX hasn't, the layer and the user's line with it; or what torch says."""
    text, inner = "", error
    while inner.__cause__ is not None:
        inner = inner.__cause__  # type: ignore[assignment]
        text += f"{inner}\n"
    node, operator = _NODE.search(text), _OPERATOR.search(text)
    said = told(inner) if operator is None else f"ONNX has no operator for {operator[1]}"
    # Some operators are taken apart before they are translated: linalg_inv to linalg_inv_ex.
    calls = (c for c in exported.graph.nodes if node is not None and node[1].startswith(c.name))
    call = max(calls, key=lambda call: len(call.name), default=None)
    if call is None:
        return said
    within = [path for path, _ in (call.meta.get("nn_module_stack") or {}).values()]
    layer = _in_the_network(within[-1]) if within else ""
    place = place_in(call.meta.get("stack_trace") or "")
    where = [f"its layer {layer}" if layer else "", place]
    return ": ".join([part for part in where if part] + [said])
