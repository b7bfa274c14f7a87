"""What a network takes: a tensor, several in order, or a dict of them by the forward's parameters.

A batch of a task and an example of the inputs have one of these forms. A model folder keeps the
shapes in the order in which the forward takes them, and an ONNX file the parameters' names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from netadapt.errors import InputError, ModelError
from netadapt.graph.running import split_inputs

Inputs = Tensor | Sequence[Tensor] | Mapping[str, Tensor]


def fed(model: nn.Module, inputs: Inputs) -> Any:
    """What `model` gives for `inputs`."""
    arguments, keywords = split_inputs(inputs)  # type: ignore[arg-type]
    return model(*arguments, **keywords)


def tensors_in(inputs: Any, what: str) -> list[Tensor]:
    """The tensors of `inputs`, at least one, as many examples in each.

    Raises InputError, saying `what` gave them, for anything else.
    """
    if isinstance(inputs, Tensor):
        tensors: list[Any] = [inputs]
    elif isinstance(inputs, Mapping):
        tensors = list(inputs.values())
    elif isinstance(inputs, (tuple, list)):
        tensors = list(inputs)
    else:
        tensors = []
    strange = [type(item).__name__ for item in tensors if not isinstance(item, Tensor)]
    if strange or not tensors:
        found = f"{type(inputs).__name__} with {strange[0]}" if strange else type(inputs).__name__
        raise InputError(
            f"{what} gave inputs of the kind {found}; expected a tensor, a tuple of tensors, or a "
            f"dict of them by the names of the forward's parameters"
        )
    counts = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
    if len(set(counts)) > 1 or not counts[0]:
        raise InputError(
            f"{what} gave inputs of {', '.join(map(str, counts))} examples; expected as many in "
            f"each, and at least one"
        )
    return tensors


def examples_in(inputs: Any, what: str = "a batch") -> int:
    """How many examples `inputs` hold. Raises InputError as `tensors_in` does."""
    return len(tensors_in(inputs, what)[0])


def changed(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    """`inputs` in the same form, each tensor changed."""
    if isinstance(inputs, Tensor):
        return change(inputs)
    if isinstance(inputs, Mapping):
        return {name: change(tensor) for name, tensor in inputs.items()}
    return tuple(change(tensor) for tensor in inputs)


def in_order(model: nn.Module, inputs: Inputs) -> tuple[Tensor, ...]:
    """`inputs` as the forward of `model` takes them one after another.

    Raises ModelError for a dict that leaves a parameter before its last one out.
    """
    arguments, keywords = split_inputs(inputs)  # type: ignore[arg-type]
    if not keywords:
        return arguments
    names = parameter_names(model)
    missing = [name for name in keywords if name not in names]
    if missing:
        raise ModelError(
            f"{_forward(model)} takes no {', '.join(missing)} by position; it takes "
            f"{', '.join(names) or 'nothing that has a name'}"
        )
    if set(names[: len(keywords)]) != set(keywords):
        left_out = next(name for name in names if name not in keywords)
        raise ModelError(
            f"{_forward(model)} takes {left_out} before {', '.join(keywords)}: a saved network is "
            f"called with its inputs in order, so give that too, or wrap the network in a module "
            f"that takes them one after another"
        )
    return tuple(keywords[name] for name in names[: len(keywords)])


def parameter_names(model: nn.Module) -> list[str]:
    """The parameters of the forward that may be given by position, in order."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):  # a forward that isn't Python's
        return []
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind in by_position]


def _forward(model: nn.Module) -> str:
    return f"the forward of {type(model).__name__}"
