"""What a network gives: a tensor, or tensors in tuples, lists, dicts and dataclasses, by name.

Which output a loss or a metric is of is for the task to say; for one that can't know, the main
output is here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from netadapt.errors import InputError

MAIN_NAMES = ("logits", "out", "output")
"""What Hugging Face, torchvision and others call the output that isn't an auxiliary one's."""


def named_outputs(output: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in `output` with its way there: '' for a lone one, 'logits', '0', 'aux.1'."""
    if isinstance(output, Tensor):
        yield name, output
        return
    for key, part in _parts(output):
        yield from named_outputs(part, f"{name}.{key}" if name else key)


def main_output(output: Any) -> Tensor:
    """The one tensor that classes are told by.

    Of several it is the one called as in `MAIN_NAMES`, or else the first: auxiliary heads come
    behind. Raises InputError where there is none.
    """
    named = list(named_outputs(output))
    if not named:
        raise InputError(
            f"the network gave {type(output).__name__}, in which there is no tensor; expected one, "
            f"or a tuple, dict or dataclass of them"
        )
    main = (tensor for wanted in MAIN_NAMES for name, tensor in named if name == wanted)
    return next(main, named[0][1])


def changed_outputs(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`output` in the same form, each tensor changed; what is no tensor stays."""
    if isinstance(output, Tensor):
        return change(output)
    if isinstance(output, Mapping):
        changed = {key: changed_outputs(part, change) for key, part in output.items()}
        # A class of the network's own (Hugging Face's are dicts too) is made by its fields.
        return changed if type(output) is dict else type(output)(**changed)
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        parts = {key: changed_outputs(part, change) for key, part in _parts(output)}
        return dataclasses.replace(output, **parts)
    if isinstance(output, (tuple, list)):
        items = [changed_outputs(part, change) for part in output]
        return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)
    return output


def _parts(output: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(output, Mapping):
        yield from ((str(key), part) for key, part in output.items())
    elif hasattr(output, "_fields"):  # a named tuple, as torchvision's of auxiliary heads
        yield from zip(output._fields, output, strict=True)
    elif isinstance(output, (tuple, list)):
        yield from ((str(index), part) for index, part in enumerate(output))
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        for field in dataclasses.fields(output):
            yield field.name, getattr(output, field.name)
