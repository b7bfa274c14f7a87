"""netadapt on one network of the zoo: traced as a user traces it, cut several times, judged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from torch import nn

from experiments.zoo.check import Judge, Verdict, fresh, one_line
from experiments.zoo.coding import Ints, NotASelectionError
from experiments.zoo.measures import cuttable_percent, held_by_reason, reference_macs
from experiments.zoo.networks import Network
from experiments.zoo.results import Row
from netadapt.errors import NetadaptError
from netadapt.graph import ChannelGroup, LayerGraph, cut, trace

Keep = dict[str, Ints]


def fill(row: Row, network: Network, seed: int) -> Judge | None:
    """Trace, measure, cut and judge; what is found goes into `row`. The judge, for others."""
    model = fresh(network.build)
    inputs = network.inputs()
    row.millions_of_parameters = sum(p.numel() for p in model.parameters()) / 1e6
    row.seed = seed
    judge = Judge(network.build, inputs, seed)
    if judge.silent:
        row.verdict, row.message = "silent", judge.silent
        return None
    start = time.process_time()
    try:
        graph = trace(model, inputs[0] if len(inputs) == 1 else inputs)
    except NetadaptError as error:
        row.verdict, row.message = "refused", one_line(error)
        return judge
    except Exception as error:
        row.verdict, row.message = "crash", f"trace: {one_line(error)}"
        return judge
    finally:
        row.trace_s = time.process_time() - start
    _measure(row, model, graph, network)
    _judge_cuts(row, judge, graph, seed)
    return judge


def _measure(row: Row, model: nn.Module, graph: LayerGraph, network: Network) -> None:
    row.groups = len(graph.groups)
    row.free_groups = len(graph.widths)
    row.cuttable_percent = cuttable_percent(model, graph)
    row.frozen = frozen_text(held_by_reason(model, graph), row.millions_of_parameters or 0)
    torch_macs = reference_macs(model, network.inputs())
    row.macs_ratio = graph.macs / torch_macs if torch_macs else None


def frozen_text(held: Counter[str], millions: float, most: int = 4) -> str:
    """The reasons that hold most numbers, with their share of all."""
    shares = [(100 * count / (1e6 * millions), reason) for reason, count in held.most_common(most)]
    return "; ".join(f"{share:.2f} %: {reason}" for share, reason in shares)


def _judge_cuts(row: Row, judge: Judge, graph: LayerGraph, seed: int) -> None:
    worst = Verdict("right", "", 0.0)
    for name, keep in keeps(graph, np.random.default_rng(seed)):
        verdict, removed = _judge_cut(judge, graph, keep)
        row.cuts += 1
        if name == "half":
            row.removed_percent = removed
        if verdict.kind != "right":
            worst = Verdict(verdict.kind, f"{name}: {verdict.message}", verdict.error)
            break
        error = max(verdict.error or 0.0, worst.error or 0.0)
        worst = Verdict("right", verdict.message or worst.message, error)
    row.verdict, row.message, row.largest_error = worst.kind, worst.message, worst.error


def _judge_cut(judge: Judge, graph: LayerGraph, keep: Keep) -> tuple[Verdict, float | None]:
    """The verdict, and the percentage of the parameters that went."""
    try:
        left = judge.left_by(cut(judge.coded(), graph, keep))
        small = cut(judge.awake, graph, keep)
    except NotASelectionError as error:
        return Verdict("wrong", str(error)), None
    except Exception as error:
        return Verdict("crash", f"cut: {one_line(error)}"), None
    verdict = judge.verdict(small, left, filled=True)
    if verdict.kind == "right" and (fault := judge.training_fault(small)):
        verdict = Verdict("crash", fault, verdict.error)
    return verdict, judge.removed_percent(left)


def keeps(graph: LayerGraph, random: np.random.Generator) -> Iterator[tuple[str, Keep]]:
    """Cuts to try: widths that differ from group to group, narrow ones, and half of everything."""
    free = [group for group in graph.groups if not group.frozen]
    choices: dict[str, Callable[[ChannelGroup, tuple[int, ...]], int]] = {
        "any widths": lambda group, widths: int(random.choice(widths)),
        "narrow": lambda group, widths: int(random.choice(widths[: max(1, len(widths) // 3)])),
        "half": lambda group, widths: min(widths, key=lambda w: abs(w - group.full_width / 2)),
    }
    for name, choose in choices.items():
        keep = {}
        for group in free:
            width = choose(group, group.allowed_widths(1))
            keep[group.name] = np.sort(random.permutation(group.full_width)[:width])
        yield name, keep
