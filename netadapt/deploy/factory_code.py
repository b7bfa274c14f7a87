"""The code of a network that a user's function makes, at the widths it was cut to.

It imports the function, and gives each layer that the cut changed its sizes: parameters of other
shapes, and the attributes that count channels.
"""

from __future__ import annotations

import pprint
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.deploy.standalone import Standalone
from netadapt.errors import ModelError
from netadapt.networks.config import FactoryConfig

Changes = dict[str, dict[str, Any]]
"""By a layer's path: its attributes that are of another size, a tensor's by its shape."""

_PLAIN = (int, float, str, bool, tuple, list, type(None))

_BUILD = '''

def build() -> nn.Module:
    """The network as its function makes it, the layers in CHANGED at their sizes."""
    network = make()
    fresh = {}      # layers may share a parameter
    for path, changes in CHANGED.items():
        layer = network.get_submodule(path)
        for name, size in changes.items():
            if layer._parameters.get(name) is not None:
                old = layer._parameters[name]
                new = nn.Parameter(torch.empty(size), requires_grad=old.requires_grad)
                layer._parameters[name] = fresh.setdefault(old, new)
            elif layer._buffers.get(name) is not None:
                layer._buffers[name] = torch.empty(size, dtype=layer._buffers[name].dtype)
            else:
                setattr(layer, name, size)
    return network
'''


def factory_code(config: FactoryConfig, model: nn.Module, path: str) -> Standalone:
    """The code that makes `model`, which is at `path`, by the function of its config.

    Raises ModelError for a function that can't be imported, or another tree of modules than it
    makes.
    """
    module, function = _function_of(config, path)
    whole = config.whole()
    changed, buffers = _changes(whole, model, path), dict(_other_buffers(whole, model))
    sizes = pprint.pformat(changed, width=96, sort_dicts=False)
    return Standalone(
        f"import torch\nfrom safetensors.torch import load_file\nfrom torch import nn\n\n"
        f"from {module} import {function} as make\n\n"
        f"CHANGED = {sizes}\n"
        f'"""Of each layer that was cut: shapes of its tensors, and what counts its channels."""\n'
        f"{_BUILD}",
        buffers,
        f" and the module {module}, whose function {function} makes the network",
    )


def _function_of(config: FactoryConfig, path: str) -> tuple[str, str]:
    """Module and name of the function that makes the network."""
    made: Any = getattr(config, "make", None)
    name = config.factory if made is None else f"{made.__module__}:{made.__qualname__}"
    module, _, function = name.partition(":")
    if not function.isidentifier() or module == "__main__":
        raise ModelError(
            f"{path} is made by {name}, which no other program can import; move the function to "
            f"the top of a module of its own"
        )
    return module, function


def _changes(whole: nn.Module, small: nn.Module, path: str) -> Changes:
    """What is of another size in each module of `small`."""
    before, after = _modules(whole), _modules(small)
    if _kinds(before) != _kinds(after):
        raise ModelError(f"{path} has other modules than its function makes; take --format onnx")
    found = {at: _changed(before[at], module) for at, module in after.items()}
    return {at: changes for at, changes in found.items() if changes}


def _changed(before: nn.Module, after: nn.Module) -> dict[str, Any]:
    changes: dict[str, Any] = {
        name: value
        for name, value in vars(after).items()
        if name != "training"
        and isinstance(value, _PLAIN)
        and isinstance(vars(before).get(name), _PLAIN)
        and vars(before)[name] != value
    }
    for name, tensor in (*after._parameters.items(), *after._buffers.items()):
        old = before._parameters.get(name, before._buffers.get(name))
        if tensor is not None and old is not None and old.shape != tensor.shape:
            changes[name] = tuple(tensor.shape)
    return changes


def _other_buffers(whole: nn.Module, small: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Buffers that no state dict has and that aren't as the function makes them."""
    before = dict(whole.named_buffers())
    for at, module in _modules(small).items():
        for name in module._non_persistent_buffers_set:
            tensor, full = module._buffers.get(name), f"{at}.{name}" if at else name
            if tensor is not None and not (full in before and torch.equal(before[full], tensor)):
                yield full, tensor


def _kinds(modules: dict[str, nn.Module]) -> dict[str, str]:
    """Class names: each module that is parametrized has a class of its own, called alike."""
    return {
        at: f"{type(module).__module__}.{type(module).__qualname__}"
        for at, module in modules.items()
    }


def _modules(model: nn.Module) -> dict[str, nn.Module]:
    return dict(model.named_modules())
