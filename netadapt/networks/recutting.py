"""A network that a user's function makes, cut to the widths that its config names.

Only the counts of channels matter here: which ones were kept is in the weights, loaded later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from netadapt.errors import ModelError
from netadapt.networks.config_fields import Number
from netadapt.networks.named_functions import call_named
from netadapt.users_code import users_code

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph


def call_factory(factory: str) -> nn.Module:
    """The network that 'package.module:function' returns.

    Raises ModelError when there is no such module or function, when it fails, or returns
    something else.
    """
    return checked_network(call_named(factory, "factory", ModelError), f"{factory}()")


def checked_network(made: object, by: str) -> nn.Module:
    """What `by` returned, if it is a network, in float32; raises ModelError if it isn't.

    Tables, checkpoints and training are in float32, and so are the batches of most tasks.
    """
    if not isinstance(made, nn.Module):
        raise ModelError(f"{by} returned {type(made).__name__}, expected a torch.nn.Module")
    kinds = {parameter.dtype for parameter in made.parameters()}
    if any(kind.is_floating_point and kind != torch.float32 for kind in kinds):
        with users_code(f"float() of what {by} returned", ModelError):
            return made.float()
    return made


def cut_to_widths(
    model: nn.Module, widths: Mapping[str, int], input_shapes: tuple[tuple[int, ...], ...], by: str
) -> nn.Module:
    """`model`, which `by` built, with so many channels in each of the named channel groups.

    Raises ModelError when it has no such group, or fewer channels than that.
    """
    if not widths:
        return model
    from netadapt.graph import cut

    graph = _traced(model, input_shapes)
    full = {group.name: group.width for group in graph.groups}
    for name, width in widths.items():
        if name not in full:
            raise ModelError(
                f"{by} has no channel group '{name}': the function builds another network than "
                f"when it was cut"
            )
        if width > full[name]:
            raise ModelError(f"width {name} is {width}, but {by} builds only {full[name]} channels")
    keep = {name: list(range(width)) for name, width in widths.items()}
    return cut(model, graph, keep=keep)


def _traced(model: nn.Module, input_shapes: tuple[tuple[int, ...], ...]) -> LayerGraph:
    """`model`'s graph. It was checked when it was cut: no trial cut is needed.

    Which inputs are whole numbers (tokens) isn't known: those that don't run as real ones. Raises
    ModelError where none do.
    """
    from netadapt.graph import trace

    fault: ModelError | None = None
    for kinds in product((torch.float32, torch.int64), repeat=min(len(input_shapes), 4)):
        of_each = (*kinds, *[torch.float32] * (len(input_shapes) - len(kinds)))
        pairs = zip(input_shapes, of_each, strict=True)
        try:
            return trace(
                model, tuple(torch.zeros(s, dtype=kind) for s, kind in pairs), verify=False
            )
        except ModelError as error:
            fault = fault or error
    assert fault is not None
    raise fault


def numbers_held(model: nn.Module, places: Iterable[tuple[str, str]]) -> dict[str, Number]:
    """{'module.attribute': size or sizes} of these (module, attribute)."""
    held: dict[str, Number] = {}
    for module, attribute in places:
        value = getattr(model.get_submodule(module), attribute)
        name = f"{module}.{attribute}" if module else attribute
        held[name] = value if isinstance(value, int) else list(value)
    return held


def set_numbers(model: nn.Module, numbers: Mapping[str, Number], by: str) -> nn.Module:
    """`model` itself, which `by` built, with these sizes in its modules' attributes.

    Raises ModelError where a module holds no such size.
    """
    for name, number in numbers.items():
        path, _, attribute = name.rpartition(".")
        module = dict(model.named_modules(remove_duplicate=False)).get(path)
        old = getattr(module, attribute, None)
        several = isinstance(number, list)
        if not isinstance(old, (list, tuple) if several else int):
            raise ModelError(
                f"{by} holds no size '{name}': the function builds another network than when it "
                f"was cut"
            )
        kind: Any = type(old)  # a tuple stays one
        setattr(module, attribute, kind(number))
    return model
