"""How many GPUs pay for a search on NYU Depth v2: computed from speeds measured elsewhere here.

No GPU was measured. One is taken to train faster than a process reads images, so that a candidate
takes as long as its images take to be read: what a GPU can reach at best, and with what it waits.

    python -m experiments.workers.run --out experiments/workers/results.csv
"""

from __future__ import annotations

import argparse
import csv
import io
import math
from pathlib import Path

from netadapt.files import write_text

READ_IMAGES_PER_S = {"hdf5": 144, "pack": 796}
"""Augmented batches, one process (experiments/reading)."""
SERIAL_S = 1.2
"""Of an iteration, what no candidate takes: in experiments/fastdepth-tx2-6ms the seconds of
trajectory.csv less those of its candidates are 1.0 to 1.5."""
CANDIDATES = 16
"""Of an iteration of `full` with FastDepth (the same experiment)."""
TRAINING_IMAGES = 100 * 8
"""Of a candidate: docs/training.md prunes with 100 steps of 8 images."""
HOLDOUT_IMAGES = 500
"""Read once by each worker, which keeps them."""
NETWORK_MB = 16
LINK_MB_PER_S = 1250
"""10 Gbit/s, assumed; the network goes to each worker once an iteration."""
IMAGE_MB = {"hdf5": 32_000 / 47_584, "pack": 20_000 / 47_584}
"""NYU's training images: 32 GB as they come, 20 GB packed."""
ITERATIONS = 30


def iteration_s(gpus: int, data: str) -> float:
    """Seconds of an iteration on so many GPUs."""
    busy = min(gpus, CANDIDATES)
    rounds = math.ceil(CANDIDATES / busy)
    sending = busy * NETWORK_MB / LINK_MB_PER_S
    return rounds * TRAINING_IMAGES / READ_IMAGES_PER_S[data] + SERIAL_S + sending


def run_s(gpus: int, data: str) -> float:
    """Seconds of a run, with the first reading of the holdout."""
    return ITERATIONS * iteration_s(gpus, data) + HOLDOUT_IMAGES / READ_IMAGES_PER_S[data]


def results() -> str:
    """The table as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["data", "gpus", "at_work", "iteration_s", "run_min", "times", "read_mb_per_s"])
    for data, rate in READ_IMAGES_PER_S.items():
        for gpus in (1, 8, 16, 64):
            busy = min(gpus, CANDIDATES)
            seconds = run_s(gpus, data)
            table.writerow(
                [
                    data,
                    gpus,
                    busy,
                    f"{iteration_s(gpus, data):.1f}",
                    f"{seconds / 60:.1f}",
                    f"{run_s(1, data) / seconds:.1f}",
                    f"{busy * rate * IMAGE_MB[data]:.0f}",
                ]
            )
    return text.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.csv")
    write_text(parser.parse_args().out, results())
