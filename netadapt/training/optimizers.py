"""The optimizers of a training, by name, as one thing that steps, is saved and goes on.

`muon` (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon) makes each update of a
matrix orthogonal, so that it moves all directions alike; here the matrices are those of pointwise
convolutions, 97 % of FastDepth's weights, and AdamW moves the rest. Its steps are scaled to
AdamW's (Liu et al., 2025, https://arxiv.org/abs/2502.16982), so both take one learning rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.errors import InputError

OPTIMIZERS = ("sgd", "adamw", "muon")

Pairs = list[tuple[nn.Parameter, nn.Parameter]]


def make_optimizers(
    model: nn.Module, name: str, *, learning_rate: float, momentum: float, weight_decay: float
) -> Optimizers:
    """What moves all of `model`'s parameters; `name` is one of `OPTIMIZERS`, `momentum` is SGD's.

    The model must be on its device, with its parameters in place: weights and optimizers share
    memory. Raises InputError for another name, and for Muon with a torch that lacks it.
    """
    if name not in OPTIMIZERS:
        raise InputError(f"no optimizer is called '{name}'; choose one of {', '.join(OPTIMIZERS)}")
    if name == "muon" and not hasattr(torch.optim, "Muon"):
        raise InputError(
            f"the optimizer muon came with torch 2.9 and this is {torch.__version__}; update "
            f"torch, or train with adamw"
        )
    groups = parameter_groups(model, weight_decay)
    if name == "sgd":
        return Optimizers([torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)])
    pairs = _matrices(model) if name == "muon" else []
    taken = {id(weight) for weight, _ in pairs}
    for group in groups:
        group["params"] = [p for p in group["params"] if id(p) not in taken]
    parts: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99), fused=True)
    ]
    if pairs:
        parts.append(
            torch.optim.Muon(
                [matrix for _, matrix in pairs],
                lr=learning_rate,
                weight_decay=weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return Optimizers(parts, pairs)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights with decay; biases and batch-norm gains, which are vectors, without."""
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


class Optimizers:
    """Several optimizers as one; `pairs` are weights and the matrices that share their memory."""

    def __init__(self, parts: Iterable[torch.optim.Optimizer], pairs: Pairs | None = None) -> None:
        self._parts = list(parts)
        self._pairs = pairs or []
        self.have_stepped = False
        """Whether weights were moved, here or before a training that goes on."""

    def set_learning_rate(self, learning_rate: float) -> None:
        """From the next step on."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = learning_rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)
        for weight, _ in self._pairs:
            weight.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for weight, matrix in self._pairs:
            matrix.grad = None if weight.grad is None else weight.grad.reshape(matrix.shape)
        for part in self._parts:
            part.step()
        self.have_stepped = True

    def state_tensors(self) -> dict[str, Tensor]:
        """All that it remembers: `{parameter's number}.{slot}` and its tensor."""
        tensors = {}
        for first, part in self._numbered():
            for index, slots in part.state_dict()["state"].items():
                for slot, value in slots.items():
                    if value is not None:
                        tensors[f"{first + index}.{slot}"] = torch.as_tensor(value)
        return tensors

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `state_tensors` gave for the same network."""
        for first, part in self._numbered():
            state = part.state_dict()
            count = _parameters(part)
            for name, value in tensors.items():
                index, slot = name.split(".", 1)
                if first <= int(index) < first + count:
                    state["state"].setdefault(int(index) - first, {})[slot] = value
            part.load_state_dict(state)
        self.have_stepped = True

    def _numbered(self) -> Iterable[tuple[int, torch.optim.Optimizer]]:
        first = 0
        for part in self._parts:
            yield first, part
            first += _parameters(part)


def _parameters(part: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in part.param_groups)


def _matrices(model: nn.Module) -> Pairs:
    """Of every pointwise convolution with several outputs: its weight, and that as a matrix."""
    pairs = []
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d) or layer.kernel_size != (1, 1) or layer.groups > 1:
            continue
        weight = layer.weight
        if isinstance(weight, nn.Parameter) and layer.out_channels > 1:
            pairs.append((weight, nn.Parameter(weight.detach().view(weight.shape[:2]))))
    return pairs
