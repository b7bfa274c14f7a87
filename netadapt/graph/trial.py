"""One trial cut: does the user's own code run, and say the same, with fewer channels?

A trace sees numbers, not where they come from: `x[:, :32]` reads the same whether 32 is half the
channels or written down. So an awake copy of the network is cut, and compared with the full one
whose removed channels count for nothing. Which cuts are tried is `proving.py`'s affair.
"""

from __future__ import annotations

import copy
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from netadapt.graph.awake_copy import awake_copy, awake_inputs
from netadapt.graph.labels import Ints
from netadapt.graph.layer_graph import LayerGraph
from netadapt.graph.network_copy import copied, copy_fails
from netadapt.graph.operator_calls import Program, export_program
from netadapt.graph.running import ExampleInput, in_mode, split_inputs, twice
from netadapt.graph.scalar_factors import FactorsSeen, followed, shares_left
from netadapt.graph.surgery import cut
from netadapt.graph.whole import zero_removed
from netadapt.users_code import told

ROUNDINGS = 1024
"""So many roundings of the type, relative to the largest output, may add up with depth. A mix-up
of channels is of the output's own size, as everything in an awake copy counts."""
DOUBLE_TOLERANCE = 1e-8
"""The same in float64, which is asked where float32 leaves a doubt: deep networks blow it up."""

MOST_AWAKENINGS = 3
"""Of differing random weights, where the first leave the output without numbers that differ."""

LEAST_SCALE = 1e-4
"""Of the largest number compared: what a dead ReLU lets through is rounding, and no scale."""

BY_NUMBER = "the network's code picks channels by number"
RANDOM = "the network draws random numbers when it evaluates, so no cut of it can be checked"
UNSTEADY = "the network gives another output each time, so no cut of it can be checked"
NOTHING = "the network's output holds no numbers that differ, so no cut of it can be checked"


@dataclass(frozen=True)
class Fault:
    """Why a cut doesn't hold. `module`: where the network's code raised; None where it ran.
    `training`: it did in training mode alone."""

    reason: str
    module: str | None = None
    training: bool = False


class Trial:
    """Runs a network cut and whole; keeps the copies that several cuts are tried on."""

    def __init__(
        self,
        model: nn.Module,
        graph: LayerGraph,
        example_input: ExampleInput,
        program: Program,
    ) -> None:
        """`program`: the network's calls in evaluation mode."""
        self.graph = graph
        self._programs = {_dtype_of(model): program}
        self._given = (model, example_input)
        self._tells: dict[torch.dtype, bool] = {}
        """Whether what the awake copy gives are numbers that differ."""
        self._in_range: dict[torch.dtype, bool] = {}
        """Whether all of them are finite."""
        self._known: dict[tuple[tuple[tuple[str, bytes], ...], bool], Fault | None] = {}
        """What was found about cuts of this graph."""
        self._trains: bool | None = None
        """Whether the network runs in training mode; cuts must, then. None: not tried yet."""
        self._awake: dict[torch.dtype, tuple[nn.Module, Any]] = {}
        self._dtype = self._choose_dtype()

    @property
    def says_something(self) -> bool:
        """Whether the network gives numbers that differ: others can't be compared."""
        return self._tells[self._dtype]

    def at(self, graph: LayerGraph) -> Trial:
        """The same network's copies with another grouping of its channels."""
        other = copy.copy(self)
        other.graph = graph
        other._known = {}
        graph.blueprint.factors_follow = self.graph.blueprint.factors_follow
        return other

    def fault(self, keep: Mapping[str, Ints], *, training: bool = False) -> Fault | None:
        """Why the network cut to `keep` isn't the full one without those channels, if it isn't.
        `training`: or why it can't run in that mode, where the full one can."""
        cut_as = tuple((name, units.tobytes()) for name, units in sorted(keep.items()))
        if keep and (cut_as, training) not in self._known:
            fault = self._fault(keep)
            if fault is None and training:
                fault = self._training_fault(keep)
            self._known[cut_as, training] = fault
        return self._known.get((cut_as, training))

    def _fault(self, keep: Mapping[str, Ints]) -> Fault | None:
        fault = self._compare(keep, self._dtype)
        if fault is not None and fault.reason == BY_NUMBER and self._factors_follow(keep):
            fault = self._compare(keep, self._dtype)
        if fault is not None and fault.reason == BY_NUMBER and self._dtype is torch.float32:
            with_double = self._awake_in(torch.float64)
            if with_double is not None:
                self._dtype = torch.float64  # one doubt is enough
                return self._compare(keep, self._dtype)
        return fault

    def unprovable(self) -> str | None:
        """Why nothing can be compared; None where outputs can."""
        pair = self._awake[self._dtype]
        first, again, other = (_run(*pair, seed) for seed in (0, 0, 1))
        if _difference(first, again)[1] > 1:
            return UNSTEADY
        return RANDOM if _difference(first, other)[1] > 1 else None

    def _choose_dtype(self) -> torch.dtype:
        """The precision that the network's code runs in: float32, else its own.

        Double, where numbers leave float32's range: hundreds of layers do that.
        """
        model = self._given[0]
        own = _dtype_of(model)
        for dtype in dict.fromkeys((torch.float32, own)):
            if self._awake_in(dtype) is not None:
                return self._wide_enough(dtype)
        as_it_is = (copied(model), self._given[1])  # so its trace ran
        try:
            self._tells[own] = _says_something(_run(*as_it_is))
        except (Exception, SystemExit) as error:
            raise copy_fails(model, error) from error
        self._awake[own] = as_it_is
        return own

    def _wide_enough(self, dtype: torch.dtype) -> torch.dtype:
        """Double where the awake copy's numbers leave the range of `dtype` and not of double."""
        if self._in_range[dtype] or self._awake_in(torch.float64) is None:
            return dtype
        return torch.float64 if self._in_range[torch.float64] else dtype

    def _awake_in(self, dtype: torch.dtype) -> tuple[nn.Module, Any] | None:
        """The awake copy and its inputs; None where the network's code can't run in `dtype`."""
        if dtype in self._awake:
            return self._awake[dtype]
        model, example_input = self._given
        for seed in range(MOST_AWAKENINGS):
            pair = awake_copy(model, dtype, seed), awake_inputs(example_input, dtype, seed)
            try:
                outputs = _run(*pair)
            except (Exception, SystemExit):
                return None
            self._tells[dtype] = _says_something(outputs)
            self._in_range[dtype] = all(bool(given.isfinite().all()) for given in outputs.given)
            if self._tells[dtype]:
                break
        self._awake[dtype] = pair
        return pair

    def _compare(self, keep: Mapping[str, Ints], dtype: torch.dtype) -> Fault | None:
        model, inputs = self._awake[dtype]
        smaller = cut(model, self.graph, keep)
        try:
            outputs = _run(smaller, inputs)
        except (Exception, SystemExit) as error:
            reason = f"the network's code counts on all of them: {told(error)}"
            return Fault(reason, _raising_module(smaller, error))
        try:
            program = self._program(dtype) if self.graph.blueprint.run_call_by_call else None
            reference = _run(zero_removed(model, self.graph, keep, program), inputs)
        except Exception as error:
            return Fault(f"the full network can't be run call by call ({told(error)})")
        differing = _difference(outputs, reference)[0]
        return None if differing is None else Fault(differing)

    def _training_fault(self, keep: Mapping[str, Ints]) -> Fault | None:
        """Why a cut network can't run in training mode; None where the full one can't either."""
        model, inputs = self._awake[self._dtype]
        if self._trains is None:
            try:
                _run(copied(model), twice(inputs), training=True)
                self._trains = True
            except (Exception, SystemExit):
                self._trains = False
        if not self._trains:
            return None
        smaller = cut(model, self.graph, keep)
        try:
            _run(smaller, twice(inputs), training=True)
        except (Exception, SystemExit) as error:
            reason = f"the network's code counts on all of them in training: {told(error)}"
            return Fault(reason, _raising_module(smaller, error), training=True)
        return None

    def _factors_follow(self, keep: Mapping[str, Ints]) -> bool:
        """Whether the code scales by other numbers in this cut: from now on that is reckoned
        with. False where it is already."""
        if self.graph.blueprint.factors_follow:
            return False
        model, inputs = self._awake[self._dtype]
        seen = FactorsSeen()
        with seen:
            _run(cut(model, self.graph, keep), inputs)
        shares = shares_left(self.graph, keep)
        follow = bool(followed(self._program(self._dtype), seen.factors, shares))
        self.graph.blueprint.factors_follow = follow
        return follow

    def _program(self, dtype: torch.dtype) -> Program:
        """The trace of the awake copy, whose code may make tensors of its own precision."""
        if dtype not in self._programs:
            model, inputs = self._awake[dtype]
            self._programs[dtype] = export_program(model, *split_inputs(inputs))
        return self._programs[dtype]


def _raising_module(model: nn.Module, error: BaseException) -> str:
    """The innermost module of `model` whose code was running."""
    names = {id(module): name for name, module in model.named_modules()}
    found, trace = "", error.__traceback__
    while trace is not None:
        found = names.get(id(trace.tb_frame.f_locals.get("self")), found)
        trace = trace.tb_next
    return found


def _dtype_of(model: nn.Module) -> torch.dtype:
    floats = (p.dtype for p in model.parameters() if p.is_floating_point())
    return next(floats, torch.float32)


@dataclass(frozen=True)
class _Outputs:
    """What a run gave: its tensors, and the numbers that decided its whole ones (labels, masks)."""

    given: tuple[torch.Tensor, ...]
    behind: tuple[torch.Tensor, ...]


def _run(model: nn.Module, inputs: Any, seed: int = 0, *, training: bool = False) -> _Outputs:
    arguments, keywords = split_inputs(copy.deepcopy(inputs))
    with (
        in_mode(model, training),
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
        _Deciding() as deciding,
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        leaves = tree_leaves(model(*arguments, **keywords))
    return _Outputs(
        tuple(leaf for leaf in leaves if isinstance(leaf, torch.Tensor)), tuple(deciding.seen)
    )


class _Deciding(TorchFunctionMode):
    """Keeps the last numbers that a label, an order or an activation is made of.

    A label alone hides most faults, and behind a last ReLU that is dead there is nothing to see.
    """

    NAMES = frozenset(
        (
            *("argmax", "argmin", "argsort", "topk", "sort", "max", "min", "relu", "relu_"),
            *("relu6", "hardtanh", "hardtanh_", "clamp", "clamp_", "sigmoid", "softmax"),
            *("log_softmax", "hardsigmoid", "hardswish", "silu", "gelu", "tanh"),
        )
    )
    LAST = 2

    def __init__(self) -> None:
        super().__init__()
        self.seen: deque[torch.Tensor] = deque(maxlen=self.LAST)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in self.NAMES and args and isinstance(args[0], torch.Tensor):
            self.seen.append(args[0].detach().clone())  # some work in place
        return func(*args, **(kwargs or {}))


def _difference(ours: _Outputs, full: _Outputs) -> tuple[str | None, float]:
    """What differs between two runs, and by how many times what rounding explains."""
    if len(ours.given) != len(full.given):
        return "without some, the network gives another number of outputs", 0.0
    for one, other in zip(ours.given, full.given, strict=True):
        if one.shape != other.shape:
            return f"without some, the output is {tuple(one.shape)}, not {tuple(other.shape)}", 0.0
    pairs = [
        *zip(ours.given, full.given, strict=True),
        *zip(ours.behind, full.behind, strict=False),
    ]
    # What is behind has channels that one of the two lacks, except near the output.
    alike = [(one, other) for one, other in pairs if one.shape == other.shape]
    least = LEAST_SCALE * max((_scale(other) for _, other in alike), default=0.0)
    worst = max((_times_rounding(one, other, least) for one, other in alike), default=0.0)
    if worst > 1:
        return BY_NUMBER, worst
    return (None if any(_tells(other) for _, other in alike) else NOTHING), worst


def _scale(values: torch.Tensor) -> float:
    """The largest finite number."""
    finite = values[values.isfinite()] if values.is_floating_point() else values.flatten()[:0]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _times_rounding(ours: torch.Tensor, full: torch.Tensor, least_scale: float) -> float:
    if not full.numel():
        return 0.0
    if not full.is_floating_point():
        # Labels are judged by the numbers behind them, which near a tie may fall either way.
        return 0.0 if (ours != full).float().mean() < 0.01 else float("inf")
    if not torch.equal(ours.isfinite(), full.isfinite()):
        return float("inf")
    finite = full.isfinite()
    if not finite.any():
        return 0.0
    scale = max(_scale(full), least_scale)
    error = float((ours[finite] - full[finite]).abs().max())
    if not error:
        return 0.0
    tolerance = (
        DOUBLE_TOLERANCE if full.dtype is torch.float64 else ROUNDINGS * torch.finfo(full.dtype).eps
    )
    return error / (tolerance * scale) if scale else float("inf")


def _says_something(outputs: _Outputs) -> bool:
    """Whether there are numbers that tell one network from another."""
    return any(map(_tells, (*outputs.given, *outputs.behind)))


def _tells(tensor: torch.Tensor) -> bool:
    values = tensor[tensor.isfinite()] if tensor.is_floating_point() else tensor.flatten()
    if len(values) > 1:
        return bool((values != values[0]).any())
    return len(values) == 1 and tensor.is_floating_point() and bool(values[0] != 0)
