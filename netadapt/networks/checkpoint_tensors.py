"""The tensors in a checkpoint file, by their state-dict keys, whatever they are wrapped in.

`weight_files` tells the kind of file, `pickles` reads one without running what is in it, and
`key_prefixes` knows what wrappers do to keys. Which network the keys belong to is for others to
say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from netadapt.errors import WeightsError, in_words
from netadapt.networks.key_prefixes import is_averaged, without_wrappers
from netadapt.networks.pickles import ClassNames, Pickled, StandIn, TensorRecord, read_pickled
from netadapt.networks.store import in_float32, read_tensors
from netadapt.networks.weight_files import NPZ, SAFETENSORS, weights_kind
from netadapt.outside_arrays import arrays_of
from netadapt.remarks import remark

_WRAPPERS = ("DataParallel", "DistributedDataParallel")
_MAX_MODULES = 5000
_DEEPEST = 6
"""Dictionaries within dictionaries that are looked into for weights."""

_NAMES = (
    *("model", "state_dict", "model_state_dict", "model_state", "network", "net", "weights"),
    *("params", "module", "model_weights"),
)
"""Under which training programs keep the weights, the likeliest first."""

_OTHERS = ("optim", "sched", "scaler", "callback", "loop", "hyper", "args", "config", "history")
"""How the names begin of what else stands in a checkpoint."""

Value = TypeVar("Value")
Found = dict[str, "dict[object, object] | StandIn"]


def checkpoint_place(text: str | Path) -> tuple[Path, str]:
    """The file of `FILE` or `FILE@part`, and the part ('' for what is usual)."""
    place = Path(text)
    name, mark, part = str(text).rpartition("@")
    if mark and not place.is_file() and Path(name).is_file():
        return Path(name), part
    return place, ""


def checkpoint_tensors(
    file: Path, classes: ClassNames | None = None
) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of a checkpoint, and the class names of the pickled module, outermost first.

    `file` is safetensors, an .npz, or what torch.save wrote: a dict whose 'model' is a pickled
    module (of torch's classes and `classes`), or whose 'state_dict', or one of the other names in
    use, is one, or a bare state dict. `FILE@part` takes the weights that stand under another name,
    such as averaged ones. What was unwrapped is remarked. Raises WeightsError when it can't be read
    or holds something unexpected.
    """
    file, part = checkpoint_place(file)
    kind = weights_kind(file)
    if kind in (SAFETENSORS, NPZ):
        plain = read_tensors(file) if kind == SAFETENSORS else _of_arrays(file)
        return _unwrapped_keys(file, _of_part(file, plain, part)), []
    pickled = read_pickled(file, classes)
    value, rest = _chosen(file, pickled.value, part)
    names = []
    if isinstance(value, StandIn):
        value = _unwrapped(value)
        records = _records(value)
        names = [value.name]
        decoder = _part(value, "_modules").get("decoder")
        if isinstance(decoder, StandIn):
            names.append(decoder.name)
    else:
        records = {str(key): item for key, item in value.items() if isinstance(item, TensorRecord)}
    records = _of_part(file, records, rest)
    if not records:
        raise _no_weights(file)
    return _unwrapped_keys(file, _tensors(pickled, records)), names


def _chosen(file: Path, value: object, part: str) -> tuple[Mapping[object, object] | StandIn, str]:
    """What of a checkpoint holds the weights; and what of `part` stands in their keys instead."""
    found: Found = dict(_candidates(value, "", _DEEPEST))
    if not found:
        raise _no_weights(file)
    if part:
        named = {name: inner for name, inner in found.items() if part in (name, *name.split("."))}
        if not named and len(found) == 1:
            return next(iter(found.values())), part
        if len(named) != 1:
            raise WeightsError(f"{file} has no weights named {part}; it has {', '.join(found)}")
        return next(iter(named.values())), ""
    raw = [name for name in found if not is_averaged(name)] or list(found)
    known = [name for name in raw if _rank(name) < len(_NAMES)]
    if len(raw) > 1 and not known:
        raise WeightsError(
            f"{file} holds several networks: {', '.join(raw)}; choose one as {file}@{raw[0]}"
        )
    taken = min(known or raw, key=_rank)
    others = [name for name in found if name != taken and (is_averaged(name) or name in known)]
    if others:
        averaged = " (averaged)" if is_averaged(others[0]) else ""
        remark(
            f"{file}: took the weights under '{taken}'; there are '{others[0]}'{averaged} too: "
            f"{file}@{others[0]}"
        )
    elif taken and taken not in _NAMES[:3]:
        remark(f"{file}: took the weights under '{taken}'")
    return found[taken], ""


def _rank(name: str) -> int:
    """How likely a part's name is that of the weights meant, 0 first."""
    first = name.partition(".")[0]
    return _NAMES.index(first) if first in _NAMES else len(_NAMES)


def _candidates(
    value: object, path: str, depth: int
) -> Iterator[tuple[str, dict[object, object] | StandIn]]:
    """Every state dict and pickled module within `value`, by its path.

    Under a name that is in use for weights, or, where there is none, under any.
    """
    if isinstance(value, StandIn):
        if _part(value, "_modules") or _part(value, "_parameters"):
            yield path, value
        return
    if not isinstance(value, dict) or depth == 0:
        return
    inner = {
        str(key): item
        for key, item in value.items()
        if isinstance(item, dict | StandIn) and not str(key).lower().startswith(_OTHERS)
    }
    named = {key: item for key, item in inner.items() if key in _NAMES or is_averaged(key)}
    if not named and any(isinstance(item, TensorRecord) for item in value.values()):
        yield path, value
        return
    for key, item in (named or inner).items():
        yield from _candidates(item, f"{path}.{key}" if path else key, depth - 1)


def _of_part(file: Path, tensors: Mapping[str, Value], part: str) -> dict[str, Value]:
    """Those whose names begin with `part`, without it; all where none is asked for."""
    if not part:
        return dict(tensors)
    prefix = f"{part}."
    kept = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    if not kept:
        first = sorted({key.partition(".")[0] for key in tensors})
        raise WeightsError(
            f"{file} has no weights named {part}; its names begin with {', '.join(first[:8])}"
        )
    return kept


def _of_arrays(file: Path) -> dict[str, Tensor]:
    """An .npz of plain arrays by their names."""
    arrays = arrays_of(file, WeightsError, "arrays by the network's names")
    try:
        return in_float32({name: torch.from_numpy(array) for name, array in arrays.items()})
    except TypeError as error:  # torch has no such numbers
        raise WeightsError(
            f"cannot read {file}: {in_words(error)}; expected arrays of floating-point numbers"
        ) from error


def _unwrapped_keys(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found, taken = without_wrappers(tensors)
    if taken:
        listed = " and ".join(f"'{prefix}'" for prefix in dict.fromkeys(taken))
        remark(f"{file}: took {listed} off the names of its weights")
    return found


def _no_weights(file: Path) -> WeightsError:
    return WeightsError(
        f"{file} holds no weights: expected a dict with 'model' (a module) or 'state_dict', or "
        f"a state dict itself"
    )


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
