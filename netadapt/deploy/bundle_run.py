"""Runs the network in this folder through TVM; needs tvm and numpy alone.

    python3 run.py                      compare it with torch, then time it
    python3 run.py INPUT.npy OUT.npy    run it on an input, for depth: RGB in [0, 1], [1, 3, H, W]

In a program: `from run import Network`, then `Network()(rgb)`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent
RUNS = 50


class Network:
    """The compiled network of a bundle, ready to be called."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.about: dict[str, Any] = json.loads((folder / "bundle.json").read_text("utf-8"))
        os.environ.setdefault("TVM_NUM_THREADS", str(self.about["threads"]))
        import tvm
        from tvm.runtime.vm import VirtualMachine

        kind = self.about["kind"]
        self._tensor = tvm.runtime.tensor
        self.device = tvm.device("cpu" if kind == "llvm" else kind, 0)
        library = tvm.runtime.load_module(str(folder / "network.so"))
        self._machine = VirtualMachine(library, self.device)

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """The output for inputs of the shapes that `about["inputs"]` gives."""
        result = self._machine["main"](*self._arguments(inputs))
        output: NDArray[np.float32] = result.numpy().reshape(self.about["output"])
        return output

    def times_ms(self, *inputs: NDArray[Any], runs: int = RUNS) -> list[float]:
        """Milliseconds of each run, without the copies to and from the device."""
        timer = self._machine.time_evaluator("main", self.device, number=1, repeat=runs + 3)
        return [1e3 * result for result in timer(*self._arguments(inputs)).results[3:]]

    def _arguments(self, inputs: tuple[NDArray[Any], ...]) -> list[Any]:
        shapes = [tuple(shape) for shape in self.about["inputs"]]
        given = [np.shape(array) for array in inputs]
        if given != shapes:
            raise ValueError(f"the inputs have shapes {given}, expected {shapes}")
        return [
            self._tensor(np.ascontiguousarray(array, np.float32).reshape(shape), self.device)
            for array, shape in zip(inputs, self.about["arguments"], strict=True)
        ]


def check(network: Network, folder: Path = FOLDER) -> int:
    """Print how far the network is from torch, and its times; 1 when it is too far."""
    with np.load(folder / "check.npz") as held:
        inputs = [held[f"input_{index}"] for index in range(len(network.about["inputs"]))]
        expected = held["expected"]
    largest = float(np.abs(expected).max())
    difference = float(np.abs(network(*inputs) - expected).max())
    allowed = network.about["tolerance"] * largest
    print(f"differs from torch by at most {difference:.2g} (allowed {allowed:.2g})")
    if not difference <= allowed:
        print("this is wrong: export it again for this device", file=sys.stderr)
        return 1
    times = network.times_ms(*inputs)
    print(
        f"measured: {min(times):.4g} ms at best, {statistics.median(times):.4g} ms in the median "
        f"of {len(times)} runs, {network.about['threads']} thread(s)"
    )
    return 0


def main(arguments: list[str]) -> int:
    """The command line above; gives the exit code."""
    if not arguments:
        return check(Network())
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, target = arguments
    try:
        output = Network()(np.load(source))
    except (OSError, ValueError) as error:
        print(f"{source}: {error}", file=sys.stderr)
        return 2
    np.save(target, output)
    print(f"{target}: {list(output.shape)}, {output.min():.3g} to {output.max():.3g}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
