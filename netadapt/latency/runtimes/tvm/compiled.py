"""What compiling gives: a program, its arguments, and how its result is to be read.

A program is to be loaded at once; a library is one as a file, for whoever loads it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netadapt.latency.runtimes.reference import Array


@dataclass(frozen=True)
class Program:
    """A compiled function `main`, and what to call it with.

    `inputs` come first, then `weights`; `to_output` makes of what it returns what torch gives.
    """

    executable: Any
    inputs: tuple[Array, ...]
    weights: tuple[Array, ...]
    output_shape: tuple[int, ...]
    planar_output: bool
    repeats: int = 1

    def to_output(self, returned: Any) -> Array:
        """The result (the last of several) in torch's order: [1, C, H, W], linear [rows, C]."""
        flat: Array = (returned if hasattr(returned, "numpy") else returned[-1]).numpy()
        if len(self.output_shape) != 4 or self.planar_output:
            return flat.reshape(self.output_shape)
        batch, channels, height, width = self.output_shape
        return flat.reshape(batch, height, width, channels).transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class NetworkLibrary:
    """A whole network compiled to a shared library, weights and all, and how to check it.

    Its `main` takes `inputs`, each in the shape that `arguments` says, and gives the values of
    `expected` in their order. `target` is TVM's, of that `kind`; `version` is TVM's too.
    """

    target: str
    kind: str
    version: str
    inputs: tuple[Array, ...]
    arguments: tuple[tuple[int, ...], ...]
    expected: Array
    difference: float | None
    """From `expected`, as a share of its largest value, where the device ran it; else None."""
