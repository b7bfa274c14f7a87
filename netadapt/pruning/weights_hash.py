"""Which weights a run began with: how they are known again."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from netadapt.networks.store import state_of


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all of a model's tensors, so that a run isn't resumed from other weights."""
    digest = hashlib.sha256()
    with torch.no_grad():
        for name, value in state_of(model).items():
            digest.update(name.encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())  # numpy knows no bfloat16
    return digest.hexdigest()
