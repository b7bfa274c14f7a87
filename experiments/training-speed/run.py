"""Times a training step of FastDepth by memory layout, allocator and convolution, on this machine:
experiments/training-speed.

    python experiments/training-speed/run.py --out experiments/training-speed/results.csv

Each way is a process of its own, since an allocator's setting lasts, and the ways take turns in
short rounds, so that what else the machine does falls on all; a row holds the median round.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch

from netadapt.files import write_text
from netadapt.networks.build import build
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.convolutions import FasterConvolutions

WAYS = {
    "contiguous": (),
    "channels-last": ("channels-last",),
    "channels-last, memory kept": ("channels-last", "memory kept"),
    "netadapt train": ("channels-last", "memory kept", "faster convolutions"),
    "netadapt train --autocast": (
        "channels-last",
        "memory kept",
        "faster convolutions",
        "bfloat16",
    ),
    "torch.autocast": ("channels-last", "memory kept", "bfloat16"),
}

CASES = (
    {"threads": 1, "batch_size": 16, "size": 128},
    {"threads": 2, "batch_size": 8, "size": 224},
    {"threads": 2, "batch_size": 16, "size": 224},
)


def compare_training_speed(out: Path, rounds: int, seconds: float) -> None:
    """A row in `out` for each case and way: images a second, and the process's largest memory."""
    rows = []
    for case in CASES:
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, speeds in found.items():
                speeds.append(_in_a_process(way, **case, seconds=seconds))
        for way, speeds in found.items():
            each = sorted(speed for speed, _ in speeds)
            row = {
                **case,
                "way": way,
                "images_per_s": round(median(each), 1),
                "least": round(each[0], 1),
                "most": round(each[-1], 1),
                "memory_mb": round(median(memory for _, memory in speeds)),
            }
            rows.append(row)
            print(*row.values(), sep="\t", flush=True)
        write_text(out, pd.DataFrame(rows).to_csv(index=False))


def _in_a_process(way: str, **settings: float) -> tuple[float, float]:
    given = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    command = [sys.executable, __file__, "--way", way, *given]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    speed, memory = done.stdout.split()
    return float(speed), float(memory)


def measure(way: str, threads: int, batch_size: int, size: int, seconds: float) -> None:
    """Print images a second, from whole steps, and the process's largest memory in MB."""
    settings = WAYS[way]
    if "memory kept" in settings and not keep_freed_memory():
        sys.exit("this C library's allocator can't be told to keep memory; glibc's can")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = build("fastdepth").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    images = torch.rand(batch_size, 3, size, size)
    if "channels-last" in settings:
        images = images.contiguous(memory_format=torch.channels_last)
    depth = torch.rand(batch_size, 1, size, size) * 3

    def context() -> AbstractContextManager[Any]:
        bfloat16 = "bfloat16" in settings
        if "faster convolutions" in settings:
            return FasterConvolutions(bfloat16=bfloat16)
        return torch.autocast("cpu", torch.bfloat16, enabled=bfloat16)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with context():
            prediction = model(images)
        (prediction.float() - depth).abs().mean().backward()
        optimizer.step()

    for _ in range(3):
        step()
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        done += batch_size
    print(done / elapsed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    one = parser.add_argument_group("one measurement, as the comparison starts it")
    one.add_argument("--way", choices=WAYS)
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--batch-size", type=int, default=8)
    one.add_argument("--size", type=int, default=224)
    given = parser.parse_args()
    if given.way is not None:
        measure(given.way, given.threads, given.batch_size, given.size, given.seconds)
    elif given.out is not None:
        compare_training_speed(given.out, given.rounds, given.seconds)
    else:
        parser.error("give --out, the CSV to write")
