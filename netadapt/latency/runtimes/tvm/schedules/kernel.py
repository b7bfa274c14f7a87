"""What a scheduled layer is: the function, what it reads, and how torch's weights are packed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netadapt.latency.runtimes.tvm.schedules.emit import Node

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Kernel:
    """A layer as one function over flat float32 buffers: inputs, then weights, then the output.

    Activations lie as [height, width, channels], except an input marked planar
    ([channels, height, width], as a camera's frame or an exported network's input).
    `pack(weight, bias)` turns torch's arrays into the function's weight arguments.
    """

    function: Node
    inputs: tuple[int, ...]
    weights: tuple[int, ...]
    output: int
    planar_input: bool = False
    pack: Callable[[Array, Array], tuple[Array, ...]] | None = None
