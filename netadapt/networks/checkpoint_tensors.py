"""The tensors in a checkpoint file, by their state-dict keys, whatever they are wrapped in.

`pickles.py` reads the file without running what is in it. Which network the keys belong to is for
others to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from netadapt.errors import WeightsError
from netadapt.networks.pickles import ClassNames, Pickled, StandIn, TensorRecord, read_pickled
from netadapt.networks.store import in_float32, read_tensors

_WRAPPERS = ("DataParallel", "DistributedDataParallel")
_MAX_MODULES = 5000


def checkpoint_tensors(
    file: Path, classes: ClassNames | None = None
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a checkpoint, and the class names of the pickled module, outermost first.

    `file` is safetensors, or a dict whose 'model' is a pickled module (of torch's classes and
    `classes`), or whose 'state_dict' is one, or a bare state dict. Raises WeightsError when it
    can't be read or holds something unexpected.
    """
    if file.suffix == ".safetensors":
        return _without_wrapper(read_tensors(file)), []
    pickled = read_pickled(file, classes)
    value = pickled.value
    if isinstance(value, dict):
        for key in ("model", "state_dict", "model_state_dict"):
            if isinstance(value.get(key), dict | StandIn):
                value = value[key]
                break
    if isinstance(value, StandIn):
        value = _unwrapped(value)
        records = _records(value)
        names = [value.name]
        decoder = _part(value, "_modules").get("decoder")
        if isinstance(decoder, StandIn):
            names.append(decoder.name)
    elif isinstance(value, dict):
        records = {str(key): item for key, item in value.items() if isinstance(item, TensorRecord)}
        names = []
    else:
        records, names = {}, []
    if not records:
        raise WeightsError(
            f"{file} holds no weights: expected a dict with 'model' (a module) or 'state_dict', or "
            f"a state dict itself"
        )
    return _without_wrapper(_tensors(pickled, records)), names


def _records(module: StandIn) -> dict[str, TensorRecord]:
    """The parameters and buffers of a pickled module by their state-dict keys, in its order."""
    found: dict[str, TensorRecord] = {}
    waiting = [("", module)]
    for _ in range(_MAX_MODULES):
        if not waiting:
            return found
        prefix, module = waiting.pop()
        unsaved = module.state.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            for name, item in _part(module, kind).items():
                left_out = kind == "_buffers" and isinstance(unsaved, set) and name in unsaved
                if isinstance(item, TensorRecord) and not left_out:
                    found[f"{prefix}{name}"] = item
        children = [
            (f"{prefix}{name}.", child)
            for name, child in _part(module, "_modules").items()
            if isinstance(child, StandIn)
        ]
        waiting += reversed(children)
    # A module that holds itself, directly or by many ways, would go on for ever.
    raise WeightsError(f"the pickled module has more than {_MAX_MODULES} parts")


def _part(module: StandIn, kind: str) -> Mapping[str, object]:
    part = module.state.get(kind)
    return part if isinstance(part, dict) else {}


def _unwrapped(module: StandIn) -> StandIn:
    for _ in range(len(_WRAPPERS)):
        inner = _part(module, "_modules").get("module")
        if module.name.rpartition(".")[2] not in _WRAPPERS or not isinstance(inner, StandIn):
            break
        module = inner
    return module


def _tensors(pickled: Pickled, records: Mapping[str, TensorRecord]) -> dict[str, Tensor]:
    return in_float32({key: pickled.tensor(record, key) for key, record in records.items()})


def _without_wrapper(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop the `module.` that DataParallel puts before every key."""
    if all(key.startswith("module.") for key in tensors):
        return {key.removeprefix("module."): tensor for key, tensor in tensors.items()}
    return tensors
