"""Prunes the digits network to 60 % of what it takes on this machine: experiments/digits.

Needs the machine's table, which `netadapt lut build --device host-ort --model
examples.digits:network --input-shape 1x1x8x8 --out experiments/digits/host-ort.csv` measures.
Every network of the run is then timed whole on the same machine, beside what the table predicts.
A run that is there already is continued.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from pathlib import Path

import pandas as pd
import torch
from torch import nn

import netadapt
from netadapt.latency.devices.profile import load_profile
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.networks.onnx_export import export_onnx
from netadapt.training.finetune import fine_tune

sys.path.insert(0, str(Path(__file__).parents[2]))  # the repository: run from anywhere

from examples import digits

FOLDER = Path("experiments/digits")
RUN = Path("runs/digits")
EXAMPLE = torch.zeros(1, 1, 8, 8)
SHARE = 0.6
SHORT = netadapt.FineTuning(steps=10, learning_rate=0.01, batch_size=32)
LONG = netadapt.FineTuning(
    steps=300, learning_rate=0.02, batch_size=32, schedule="cosine", warmup_steps=20
)


def measured_ms(*models: nn.Module, rounds: int = 7) -> list[float]:
    """What each takes as a whole in onnxruntime, one thread: the median over rounds in which they
    take turns, so that what else the machine does falls on all of them."""
    programs = [export_onnx(model, EXAMPLE) for model in models]
    with open_runtime(load_profile("host-ort")) as runtime:
        times = [[runtime.measure_network(p).latency_ms for p in programs] for _ in range(rounds)]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    torch.set_num_threads(1)
    table = str(FOLDER / "host-ort.csv")
    estimator = netadapt.LatencyEstimator(netadapt.LookupTable.read(table))
    task, test = digits.task(), digits.test_task()

    given = digits.train(RUN.with_suffix(".safetensors"))
    predicted_ms = estimator.network(netadapt.trace(given, EXAMPLE)).ms
    steps = netadapt.search(
        given,
        EXAMPLE,
        task=task,
        budget={table: SHARE * predicted_ms},
        factory="examples.digits:network",
        short_term=SHORT,
        out=RUN,
        resume=True,
    )
    last = [(step.iteration, step.row["accuracy"]) for step in steps][-1]
    print(f"searched up to iteration {last[0]}, holdout accuracy {last[1]}")
    trajectory = pd.read_csv(RUN / "trajectory.csv")
    shutil.copy(RUN / "trajectory.csv", FOLDER / "trajectory.csv")

    networks = [netadapt.load_model(RUN / folder) for folder in trajectory["checkpoint"]]
    times_ms = measured_ms(*networks)
    rows = [
        row(f"iteration {i}", network, ms, times_ms[0], estimator, task, test)
        for i, (network, ms) in enumerate(zip(networks, times_ms, strict=True))
    ]
    # The table says 60 % with the last iteration, the machine perhaps with another one.
    on_machine = next(i for i, ms in enumerate(times_ms) if ms <= SHARE * times_ms[0])
    for i in sorted({on_machine, len(networks) - 1}):
        tuned = netadapt.load_model(RUN / trajectory["checkpoint"][i])
        fine_tune(tuned, task, LONG, seed=0)
        name = f"iteration {i}, fine-tuned"
        rows.append(row(name, tuned, times_ms[i], times_ms[0], estimator, task, test))
    results = pd.DataFrame(rows)
    results.to_csv(FOLDER / "results.csv", index=False)
    print(results.to_string(index=False))


def row(
    name: str,
    model: nn.Module,
    ms: float,
    first_ms: float,
    estimator: netadapt.LatencyEstimator,
    task: netadapt.Task,
    test: netadapt.Task,
) -> dict[str, object]:
    """What is known of one network."""
    graph = netadapt.trace(model, EXAMPLE)
    latency = estimator.network(graph)
    return {
        "network": name,
        "predicted_ms": round(latency.ms, 4),
        "predicted_low_ms": round(latency.low_ms, 4),
        "predicted_high_ms": round(latency.high_ms, 4),
        "measured_ms": round(ms, 4),
        "measured_share": round(ms / first_ms, 3),
        "holdout_accuracy": round(task.evaluate(model)["accuracy"], 4),
        "test_accuracy": round(test.evaluate(model)["accuracy"], 4),
        "macs": graph.macs,
        "params": graph.params,
    }


if __name__ == "__main__":
    main()
