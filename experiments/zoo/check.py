"""The judge of a cut: random weights, several cuts, and what each must equal.

It shares no code with netadapt's own trial cuts. Which channels a cut left is read off an
index-coded copy (`coding.py`); what the cut network must then give is the full one run as if the
others weren't there (`absence.py`), in float64, with every weight and statistic drawn at random.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from experiments.zoo.absence import WithoutNaN
from experiments.zoo.coding import (
    Left,
    differs,
    elements,
    encode,
    float_tensors,
    indices_left,
    remove,
    select,
)
from experiments.zoo.factors import Factors, own_counts

TOLERANCE = 1e-6
"""Of the largest number of an output. In float64 rounding makes 1e-12 of it, or 1e-9 through many
layers; a mix-up of channels makes much of it."""

SMALL_OUTPUT = 1e-3
"""An output is measured by its own largest number, and no less than this of all outputs'."""


@dataclass(frozen=True)
class Verdict:
    """`kind`: right, wrong or crash; with the largest error and what went wrong."""

    kind: str
    message: str = ""
    error: float | None = None


class Judge:
    """Knows one network with random weights, and judges cuts of it."""

    def __init__(
        self, build: Callable[[], nn.Module], inputs: tuple[Tensor, ...], seed: int
    ) -> None:
        self._build = build
        self.inputs = tuple(tensor.double() for tensor in inputs)
        self.awake = awaken(fresh(build), seed)
        """The full network, which nobody may change."""
        self.full = float_tensors(self.awake)
        self.silent = self._silent()
        """Why nothing can be compared, or ''."""

    def coded(self) -> nn.Module:
        """A copy to be cut, whose weights say where they stand."""
        return encode(_copied(self.awake, self._build))

    def left_by(self, cut: nn.Module) -> Left:
        """What is left of the full network in a coded copy that was cut."""
        return indices_left(self.full, float_tensors(cut))

    def removed_percent(self, left: Left) -> float:
        """Of the learnable numbers, how many aren't left."""
        learnable = {name for name, _ in self.awake.named_parameters()}
        whole = sum(parameter.numel() for parameter in self.awake.parameters())
        return 100 * (1 - elements(left, learnable) / whole)

    def verdict(self, cut: nn.Module, left: Left, *, filled: bool) -> Verdict:
        """Whether `cut` computes what the full network does without what isn't `left`.

        `filled`: its weights are the full network's own; a coded one is given them here.
        """
        if not filled:
            select(cut, self.full, left)
        elif changed := differs(float_tensors(cut), self.full, left):
            return Verdict("wrong", f"{changed} holds other numbers than the full network")
        factors = Factors()
        try:
            with factors:
                ours = self.run(cut)
        except Exception as error:
            return Verdict("crash", f"the cut network doesn't run: {one_line(error)}")
        try:
            return self._compared(ours, factors.seen, left)
        except Exception as error:
            return Verdict("crash", f"the full network doesn't run without: {one_line(error)}")

    def _compared(self, ours: list[Tensor], factors: list[float], left: Left) -> Verdict:
        reference = _copied(self.awake, self._build)
        remove(reference, left)
        with WithoutNaN() as strict:
            found = compare(ours, self.run(reference))
        change = own_counts(strict.seen, factors) if found.kind == "wrong" else ""
        if not change:
            return found
        with WithoutNaN(factors):
            again = compare(ours, self.run(reference))
        return replace(again, message=f"scales by {change}") if again.kind == "right" else found

    def training_fault(self, cut: nn.Module) -> str:
        """Why a cut network can't be trained any more; '' where it can, or never could."""
        try:
            _train_once(cut, self.inputs)
        except Exception as error:
            try:
                _train_once(_copied(self.awake, self._build), self.inputs)
            except Exception:
                return ""
            return f"in training: {one_line(error)}"
        return ""

    def run(self, model: nn.Module) -> list[Tensor]:
        """The outputs, of whatever form."""
        torch.manual_seed(0)
        with torch.no_grad(), operators_one_by_one():
            leaves = tree_leaves(model.eval()(*copy.deepcopy(self.inputs)))
        return [leaf for leaf in leaves if isinstance(leaf, Tensor)]

    def _silent(self) -> str:
        outputs = [tensor for tensor in self.run(self.awake) if tensor.is_floating_point()]
        if not outputs or not all(tensor.isfinite().all() for tensor in outputs):
            return "with random weights its outputs aren't all numbers"
        if not any(tensor.numel() > 1 and tensor.std() > 0 for tensor in outputs):
            return "with random weights its outputs are all alike"
        return ""


@contextmanager
def operators_one_by_one() -> Iterator[None]:
    """nn.MultiheadAttention as the operators that it is made of, not as a single one."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _train_once(model: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Forward and backward in training mode, of two images; changes `model`."""
    torch.manual_seed(0)
    outputs = tree_leaves(model.train()(*(torch.cat([x, x.flip(-1)]) for x in inputs)))
    real = [out for out in outputs if isinstance(out, Tensor) and out.requires_grad]
    torch.stack([out.square().mean() for out in real]).sum().backward()  # type: ignore[no-untyped-call]


def fresh(build: Callable[[], nn.Module]) -> nn.Module:
    """The network as its package makes it, the same each time."""
    torch.manual_seed(0)
    return build().eval()


def _copied(model: nn.Module, build: Callable[[], nn.Module]) -> nn.Module:
    """A copy; built anew where a network can't be copied."""
    try:
        return copy.deepcopy(model)
    except Exception:
        other = fresh(build).double()
        other.load_state_dict(model.state_dict())
        return other


@torch.no_grad()
def awaken(model: nn.Module, seed: int) -> nn.Module:
    """`model` itself in float64, each number drawn at random so that all of it counts.

    Weights of two axes and more keep the size of what passes; norms' gains, layer scales, biases
    and statistics differ from channel to channel. Buffers keep their sign, zeros and infinities:
    a mask stays a mask.
    """
    generator = torch.Generator().manual_seed(seed)
    model.double()
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point():
            parameter.copy_(_weight(name, parameter, generator))
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(_statistic(name, buffer, generator))
    return model


def _weight(name: str, old: Tensor, generator: torch.Generator) -> Tensor:
    matrix = old.ndim > 1 and max(old.shape) != old.numel()
    if matrix:
        terms = old.numel() / old.shape[0]
        return torch.randn(old.shape, generator=generator).double() * math.sqrt(1.5 / terms)
    bias = name.endswith(("bias", "beta"))
    return _between(old, -0.3, 0.5, generator) if bias else _between(old, 0.5, 1.5, generator)


def _statistic(name: str, old: Tensor, generator: torch.Generator) -> Tensor:
    if name.endswith("running_mean"):
        return _between(old, -0.3, 0.3, generator)
    if name.endswith("running_var"):
        return _between(old, 0.5, 1.5, generator)
    return torch.where(old == 0, old, old * _between(old, 0.8, 1.25, generator))


def _between(like: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator).double() * (high - low) + low


def compare(ours: list[Tensor], expected: list[Tensor]) -> Verdict:
    """Whether two runs gave the same outputs."""
    if len(ours) != len(expected):
        return Verdict("wrong", f"{len(ours)} outputs instead of {len(expected)}")
    for one, other in zip(ours, expected, strict=True):
        if one.shape != other.shape:
            return Verdict("wrong", f"an output of {tuple(one.shape)}, not {tuple(other.shape)}")
    real = [(o, e) for o, e in zip(ours, expected, strict=True) if o.is_floating_point()]
    if any(other.isnan().any() for _, other in real):
        return Verdict("wrong", "a removed channel reaches the network's output")
    scales = [float(other.abs().max()) if other.numel() else 0.0 for _, other in real]
    least = SMALL_OUTPUT * max(scales)
    error = max(
        float((one - other).abs().max()) / max(scale, least) if scale else 0.0
        for (one, other), scale in zip(real, scales, strict=True)
    )
    if not error <= TOLERANCE:  # NaN neither
        return Verdict("wrong", f"outputs differ by {error:.2g} of the largest", error)
    return Verdict("right", "", error)


def one_line(error: BaseException) -> str:
    """An exception as one short line."""
    lines: Any = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300]
