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
from netadapt.users_code import told, users_code

Network = TypeVar("Network", bound=nn.Module)


def copied(model: Network) -> Network:
    """A copy that shares nothing with `model`. Raises ModelError where there can't be one."""
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, torch.Tensor) and value.grad_fn is not None
    }
    with users_code(
        f"copying {type(model).__name__}, as every cut does,",
        ModelError,
        "keep what can't be copied out of the network's attributes",
    ):
        return copy.deepcopy(model, computed)


def copy_fails(model: nn.Module, error: BaseException) -> ModelError:
    """What to say of a network that runs, and whose copy doesn't."""
    return ModelError(
        f"running a copy of {type(model).__name__}, as cuts are made of copies, failed: "
        f"{told(error)}; let its hooks hold nothing of the network itself"
    )
