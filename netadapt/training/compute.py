"""Where torch computes: the device that is named, or a GPU when there is one."""

from __future__ import annotations

import torch

from netadapt.cores import usable_cores
from netadapt.errors import InputError, in_words


def compute_device(name: str | None = None) -> torch.device:
    """Where to compute: `name`, or a GPU when there is one.

    Raises InputError when the device isn't there.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"cannot compute on '{name}' ({in_words(error)}); expected cpu, cuda or cuda:N, or "
            f"leave --compute out"
        ) from None
    return device


def use_threads(number: int | None) -> None:
    """Compute with `number` threads; None: torch's own number, but no more than usable cores.

    Threads that outnumber their cores wait for each other, far longer than they compute.
    """
    torch.set_num_threads(number or min(torch.get_num_threads(), usable_cores()))
