"""What wrappers put before the keys of a state dict, and how it comes off.

DataParallel writes `module.`, torch.compile `_orig_mod.`, a LightningModule the name of whatever
attribute holds the network. The first two are known by name; of any other prefix the network's own
keys tell. Which weights of a checkpoint these keys are of, is for `checkpoint_tensors` to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from netadapt.errors import WeightsError

Value = TypeVar("Value")

_WRAPPERS = ("module.", "_orig_mod.")
_USUAL = ("model.", "net.", "network.", "module.")
"""Attributes that hold the network that is meant, where several would do."""

_COUNT_OF_AVERAGES = "n_averaged"
"""torch's AveragedModel keeps it beside `module.`."""

_AVERAGED = re.compile(r"(^|[_.])(ema|swa|avg|averaged?|shadow)([_.]|$)")


def is_averaged(name: str) -> bool:
    """Whether `name`, a part of a checkpoint, is that of weights averaged over a training."""
    return _AVERAGED.search(name.lower()) is not None


def without_wrappers(tensors: Mapping[str, Value]) -> tuple[dict[str, Value], list[str]]:
    """`tensors` without the prefixes that torch's own wrappers write, and which those were."""
    found = dict(tensors)
    taken: list[str] = []
    while True:
        named = [key for key in found if key != _COUNT_OF_AVERAGES]
        prefix = next(
            (p for p in _WRAPPERS if named and all(key.startswith(p) for key in named)), None
        )
        if prefix is None:
            break
        found = {key.removeprefix(prefix): found[key] for key in named}
        taken.append(prefix)
    inner = {key.replace("._orig_mod.", "."): value for key, value in found.items()}
    if any("._orig_mod." in key for key in found) and len(inner) == len(found):
        found = inner
        taken.append("_orig_mod.")
    return found, taken


def fitted_to(
    own: Sequence[str], tensors: Mapping[str, Value], where: str
) -> tuple[dict[str, Value], str]:
    """`tensors` by the network's `own` keys, and what was done, in words; as they are where not.

    A prefix is taken off all keys, or put before them, where that gives every own key. What has
    another prefix is left out. Raises WeightsError where several prefixes would do.
    """
    found, done = without_holder(own, tensors, where)
    if done or all(key in tensors for key in own):
        return found, done
    prefix = f"{own[0].partition('.')[0]}."
    bare = [key.removeprefix(prefix) for key in own if key.startswith(prefix)]
    if len(bare) == len(own) and all(key in tensors for key in bare):
        longer = {prefix + key: value for key, value in tensors.items()}
        return longer, f"{where}: put '{prefix}' before the names"
    return found, ""


def without_holder(
    own: Sequence[str], tensors: Mapping[str, Value], where: str
) -> tuple[dict[str, Value], str]:
    """As `fitted_to`, but that a prefix is only taken off."""
    if all(key in tensors for key in own):
        return dict(tensors), ""
    prefixes = _fitting_prefixes(own, tensors)
    if not prefixes:
        return dict(tensors), ""
    prefix = _chosen(prefixes, where)
    kept = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    others = [key for key in tensors if not key.startswith(prefix)]
    said = f"{where}: took '{prefix}' off the names"
    if others:
        said += f" and left {len(others)} others out ({', '.join(others[:2])}"
        said += ", …)" if len(others) > 2 else ")"
    return kept, said + _how_to_take_another(prefix, prefixes, where)


def _fitting_prefixes(own: Sequence[str], keys: Collection[str]) -> list[str]:
    ends = f".{own[0]}"
    found = [key.removesuffix(own[0]) for key in keys if key.endswith(ends)]
    return [prefix for prefix in found if all(prefix + key in keys for key in own)]


def _chosen(prefixes: Sequence[str], where: str) -> str:
    raw = [prefix for prefix in prefixes if not is_averaged(prefix)] or list(prefixes)
    usual = [prefix for prefix in _USUAL if prefix in raw]
    if len(raw) > 1 and not usual:
        names = ", ".join(prefix.rstrip(".") for prefix in raw)
        raise WeightsError(
            f"{where} holds the network several times: {names}; choose one as "
            f"{where}@{raw[0].rstrip('.')}"
        )
    return (usual or raw)[0]


def _how_to_take_another(taken: str, prefixes: Sequence[str], where: str) -> str:
    others = [prefix.rstrip(".") for prefix in prefixes if prefix != taken]
    return f"; {others[0]} has the network too: {where}@{others[0]}" if others else ""
