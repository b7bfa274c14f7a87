"""A copy of any network, also of one that keeps tensors it has computed.

Reparametrised modules (`weight_norm` by hooks, `torch.nn.utils.prune`) hold the weight they made
last; it hangs on a gradient, which `copy.deepcopy` refuses. They make it anew at every call.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from netadapt.errors import ModelError

Network = TypeVar("Network", bound=nn.Module)


def copied(model: Network) -> Network:
    """A copy that shares nothing with `model`. Raises ModelError where there can't be one."""
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, torch.Tensor) and value.grad_fn is not None
    }
    try:
        return copy.deepcopy(model, computed)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{type(model).__name__} can't be copied, as every cut is ({line}); keep what can't be "
            f"copied out of the network's attributes"
        ) from error


def copy_fails(model: nn.Module, error: Exception) -> ModelError:
    """What to say of a network that runs, and whose copy doesn't."""
    return ModelError(
        f"a copy of {type(model).__name__} can't run ({type(error).__name__}: {error}) and cuts "
        f"are made of copies; let its hooks hold nothing of the network itself"
    )
