"""Networks, tasks and what goes with them as bytes, between processes of one run.

Nothing of this is written to a file or read from one: both ends are this program.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.users_code import told

NETWORK = "the network"
"""What errors call it."""


def packed(thing: Any, what: str) -> bytes:
    """`thing` as bytes. Raises InputError, calling it `what`, for what no other process can have.

    Tensors that share memory still do afterwards.
    """
    stream = io.BytesIO()
    try:
        torch.save(thing, stream, pickle_protocol=pickle.DEFAULT_PROTOCOL)
    except Exception as error:  # whatever a class raises that can't be taken apart
        raise unsendable(what, told(error)) from error
    return stream.getvalue()


def unpacked(content: bytes, device: torch.device | None = None) -> Any:
    """What was packed, with its tensors on `device`; None leaves them as they were."""
    return torch.load(io.BytesIO(content), map_location=device, weights_only=False)


def unsendable(what: str, why: str) -> InputError:
    """The error that says why another process can't have `what`, and what to do."""
    named = (
        ""
        if what == NETWORK
        else (", or give the task as 'package.module:function', which each worker calls by itself")
    )
    return InputError(
        f"{what} can't be sent to another process ({why}); define its class and the functions that "
        f"it holds at the top of a module (no lambda, and nothing in a function or a notebook)"
        f"{named}; or run without workers"
    )


def device_of(model: nn.Module) -> torch.device:
    """Where `model` computes."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")
