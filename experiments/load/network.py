"""What a network of 500 layers with weights takes: its plan, its estimate, one round of proposals.

    python -m experiments.load.network

Processor seconds of one thread, on a table of 2,000 rows of a device that doesn't exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch

from experiments.load.deep_network import deep
from experiments.load.made_table import made_table
from netadapt.graph import LayerGraph, trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.pruning.proposals import propose

Found = TypeVar("Found")


def timed(what: str, work: Callable[[], Found]) -> Found:
    """The result of `work`; prints what it took."""
    started = time.process_time()
    found = work()
    print(f"{what}: {time.process_time() - started:.1f} s", flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    model, image = deep().eval(), torch.zeros(1, 3, 32, 32)
    graph = timed("traced and tried", lambda: trace(model, image))
    table = made_table(2_000, seed=0)
    estimator = timed("table fitted", lambda: LatencyEstimator(table, strict=False))

    def cost(of: LayerGraph) -> float:
        return estimator.network_ms(layer.shape for layer in of.layers)

    present = timed("first estimate", lambda: cost(graph))
    proposals = timed("proposals", lambda: propose(graph, cost, 0.98 * present))
    print(f"{len(graph.layers)} layers, {len(graph.groups)} groups, {len(proposals)} proposals")


if __name__ == "__main__":
    main()
