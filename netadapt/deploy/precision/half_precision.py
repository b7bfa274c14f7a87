"""float16: weights and what flows between layers in half the bits, by onnxruntime's own converter.

Inputs and outputs stay float32, so that a program calls the file as before. A processor computes
most of it in float32 all the same; it is for GPUs and NPUs that know float16.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from netadapt.deploy.precision.base import Convert, Feed
from netadapt.errors import ModelError, in_words
from netadapt.extras import needed


class HalfPrecision:
    """float16 within, float32 at its ends."""

    lossy = True

    @contextmanager
    def converting(self, model: bytes, feeds: Sequence[Feed], what: str) -> Iterator[Convert]:
        onnx = needed("onnx", "onnx")
        tools = needed("onnxruntime.transformers.float16", "onnx")

        def convert(left: Collection[str]) -> bytes:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of each number that float16 can't hold
                    half = tools.convert_float_to_float16(
                        onnx.load_from_string(model), keep_io_types=True, node_block_list=[*left]
                    )
            except Exception as error:  # onnx's and onnxruntime's own classes share no base
                raise ModelError(
                    f"onnxruntime can't convert {what} to float16: {in_words(error)}"
                ) from error
            return bytes(half.SerializeToString())

        yield convert


FLOAT16 = HalfPrecision()
