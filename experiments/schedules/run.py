"""Times every layer of FastDepth by netadapt's schedules and by TVM's default pipeline, and the
whole network by TVM and by onnxruntime, on this machine, one thread: experiments/schedules.

    python experiments/schedules/run.py --out experiments/schedules/results.csv

Contenders take turns in short rounds, so that what else the machine does falls on both; what
counts is each one's best round. Every kernel's output is compared with torch's first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from netadapt.files import write_text
from netadapt.graph import trace
from netadapt.latency.devices.profile import load_profile
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.onnxruntime.runtime import OnnxRuntime
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.repeating import repeats_for
from netadapt.latency.runtimes.tvm import relax_network
from netadapt.latency.runtimes.tvm.compiled import Program
from netadapt.latency.runtimes.tvm.device_worker import TvmDevice
from netadapt.latency.runtimes.tvm.kernel_source import Making
from netadapt.networks.build import build
from netadapt.networks.onnx_export import export_onnx
from netadapt.networks.registry import named_config

NETWORKS = ("fastdepth", "fastdepth-pruned")
ROUNDS = 5
ROUND_S = 0.05
SLOW_S = 0.5


def compare_schedules(out: Path) -> None:
    device = TvmDevice(load_profile("host"), Making(), Path(tempfile.mkdtemp()))
    shapes: dict[Any, None] = {}
    for name in NETWORKS:
        graph = trace(build(named_config(name)).eval(), torch.zeros(1, 3, 224, 224))
        shapes.update(dict.fromkeys(layer.shape for layer in graph.layers))
    rows = []
    for shape in shapes:
        values = reference(shape)
        repeats = repeats_for(shape, device.profile.ring_mb)
        own = device.layer(shape, values)
        default = relax_network.build_layer(shape, values, device.target, repeats, Making())
        rounds: list[Any] = []
        for program in (own, default):
            machine, arguments = device.load(program)
            got = program.to_output(machine["main"](*arguments))
            compare(shape, got, values.output)
            rounds.append((program, machine, arguments))
        ours, theirs = _take_turns(device, rounds)
        rows.append(
            {
                "layer": str(shape),
                "netadapt_ms": round(ours, 5),
                "tvm_default_ms": round(theirs, 5),
                "times_faster": round(theirs / ours, 2),
            }
        )
        print("{layer}: {netadapt_ms} against {tvm_default_ms} ms".format(**rows[-1]), flush=True)
    for name in NETWORKS:
        rows.append(_whole(device, name))
        print(rows[-1], flush=True)
    write_text(out, pd.DataFrame(rows).to_csv(index=False))


def _take_turns(device: TvmDevice, rounds: list[tuple[Program, Any, list[Any]]]) -> list[float]:
    """The best milliseconds a layer of each, over rounds in which they take turns."""
    best = [float("inf")] * len(rounds)
    for turn in range(ROUNDS):
        for i, (program, machine, arguments) in enumerate(rounds):
            if turn and best[i] > 1e3 * SLOW_S / program.repeats:
                continue  # a naive kernel of seconds is no contender
            samples = device.time(machine, arguments, ROUND_S)
            best[i] = min(best[i], Timing(tuple(samples)).latency_ms / program.repeats)
    return best


def _whole(device: TvmDevice, name: str) -> dict[str, Any]:
    model = export_onnx(build(named_config(name)).eval(), torch.zeros(1, 3, 224, 224))
    image = np.random.default_rng(0).random((1, 3, 224, 224), dtype=np.float32)
    machine, arguments = device.load(device.network(model, (image,)))
    onnxruntime = OnnxRuntime(load_profile("host-ort"))
    tvm_ms, ort_ms = [], []
    for _ in range(ROUNDS):
        tvm_ms.append(Timing(tuple(device.time(machine, arguments, 0.5))).latency_ms)
        ort_ms.append(onnxruntime.measure_network(model).latency_ms)
    return {
        "layer": f"whole {name}",
        "netadapt_ms": round(min(tvm_ms), 3),
        "onnxruntime_ms": round(min(ort_ms), 3),
        "times_faster": round(min(ort_ms) / min(tvm_ms), 2),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    compare_schedules(parser.parse_args().out)
