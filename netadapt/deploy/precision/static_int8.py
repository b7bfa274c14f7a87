"""int8: onnxruntime's static quantization, calibrated on the inputs that are given.

The quantizing itself is that of the runtime which times int8, so that a table of int8 latencies and
an exported file are of one kind of network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from netadapt.deploy.precision.base import Convert, Feed
from netadapt.errors import ModelError
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.onnxruntime.quantizing import quantized


class StaticInt8:
    """Weights in int8 with a scale a channel, activations in uint8 with a scale a tensor."""

    lossy = True

    @contextmanager
    def converting(self, model: bytes, feeds: Sequence[Feed], what: str) -> Iterator[Convert]:
        with tempfile.TemporaryDirectory(prefix="netadapt-") as folder:

            def convert(left: Collection[str]) -> bytes:
                try:
                    return quantized(
                        model, what, feeds, left=left, ranges=Path(folder) / "ranges.json"
                    )
                except UnsupportedLayer as error:
                    raise ModelError(f"{error}; take --precision float16") from error

            yield convert


INT8 = StaticInt8()
