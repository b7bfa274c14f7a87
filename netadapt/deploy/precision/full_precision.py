"""float32: the ONNX model as torch exports it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from netadapt.deploy.precision.base import Convert, Feed


class FullPrecision:
    """Nothing is changed."""

    lossy = False

    @contextmanager
    def converting(self, model: bytes, feeds: Sequence[Feed], what: str) -> Iterator[Convert]:
        yield lambda left: model


FLOAT32 = FullPrecision()
