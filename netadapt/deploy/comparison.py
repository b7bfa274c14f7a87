"""Whether what was exported computes what the network does, on the same random inputs.

What runs the exported form is told by who made it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netadapt.errors import ModelError
from netadapt.networks.config import Shapes
from netadapt.networks.network_outputs import named_outputs
from netadapt.users_code import users_code

TOLERANCE = 1e-4
"""Largest difference allowed, as a share of the network's largest output: folding batch norm and
another order of additions change float32 results by some 1e-6."""

COMPARED_INPUTS = 4

Run = Callable[[list[Tensor]], list[Tensor]]
"""Inputs in order to the tensors of the output, in the order of `named_outputs`."""


@dataclass(frozen=True)
class Compared:
    """The largest difference, and torch's largest output, in the network's own unit.

    Of several outputs those of the one that differs most for its size.
    """

    difference: float
    largest: float


@torch.inference_mode()
def compared(model: nn.Module, run: Run, shapes: Shapes, path: str) -> Compared:
    """How far `run` is from `model`, which was opened at `path`, on random inputs.

    Raises ModelError where it gives other shapes.
    """
    generator = torch.Generator().manual_seed(0)
    found: dict[int, Compared] = {}
    for _ in range(COMPARED_INPUTS):
        examples = [torch.rand(shape, generator=generator) for shape in shapes]
        with users_code(f"running {path}", ModelError):
            expected = [tensor for _, tensor in named_outputs(model(*examples))]
        got = run(examples)
        if [tuple(one.shape) for one in expected] != [tuple(one.shape) for one in got]:
            raise ModelError(f"the exported {path} gives other shapes than the network")
        for index, pair in enumerate(zip(expected, got, strict=True)):
            before, now = found.get(index, Compared(0.0, 0.0)), apart(*pair)
            found[index] = Compared(
                max(before.difference, now.difference), max(before.largest, now.largest)
            )
    # Of several outputs, each by its own size: labels are larger than the scores beside them.
    return max(found.values(), key=lambda output: output.difference / max(output.largest, 1e-12))


def require_same(model: nn.Module, run: Run, shapes: Shapes, path: str, advice: str) -> Compared:
    """As `compared`. Raises ModelError, which ends with `advice`, beyond the `TOLERANCE`."""
    found = compared(model, run, shapes, path)
    if not found.difference <= TOLERANCE * found.largest:
        raise ModelError(
            f"the exported {path} differs from the network by {found.difference:.3g} where its "
            f"outputs reach {found.largest:.3g}, expected at most "
            f"{TOLERANCE * found.largest:.3g}; nothing was written. {advice}"
        )
    return found


def apart(ours: Tensor, theirs: Tensor) -> Compared:
    """The largest difference, infinite where only one has a number, and the largest of ours."""
    if not ours.numel():
        return Compared(0.0, 0.0)
    one, other = ours.double(), theirs.double()
    same = (one == other) | (one.isnan() & other.isnan())
    difference = torch.where(same, 0.0, (one - other).abs()).nan_to_num(nan=math.inf)
    return Compared(float(difference.max()), float(one.abs().nan_to_num(posinf=0.0).max()))
