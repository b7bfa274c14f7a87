"""A float32 ONNX model as int8: static quantization with QDQ nodes, as onnxruntime's tools do it.

Weights are int8 with a scale a channel, what flows between layers is uint8 with a scale a tensor,
calibrated on the inputs that are given. Random ones are right for what a network takes; a network
that is to be used is calibrated on its own images, which is the deploy room's affair.
"""

from __future__ import annotations

import inspect
import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.errors import in_words
from netadapt.extras import needed
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.reference import Array

WARNINGS, ERRORS = 2, 3
"""Of onnxruntime's log; it says warnings by itself."""

CALIBRATIONS = 1
"""Random inputs that scales are taken from, where none are given."""


def quantized(
    model: bytes,
    what: str,
    feeds: Mapping[str, Array] | Sequence[Mapping[str, Array]] | None = None,
    *,
    left: Collection[str] = (),
    ranges: Path | None = None,
) -> bytes:
    """The int8 model, the nodes of the names in `left` in float32.

    `feeds`: inputs by name to calibrate with, one or several; random ones if none are given. The
    file `ranges` keeps what was calibrated for the next call, where onnxruntime can do so. Raises
    UnsupportedLayer, which calls the model `what`, where it can't be quantized.
    """
    onnx = needed("onnx", "onnx")
    tools = needed("onnxruntime.quantization", "onnx")

    given = [feeds] if isinstance(feeds, Mapping) else feeds
    cached = "calibration_cache_path" in inspect.signature(tools.quantize_static).parameters
    kept = {"calibration_cache_path": ranges} if cached and ranges is not None else {}

    class Given(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self, inputs: Iterable[dict[str, Array]]) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, Array] | None:
            return next(self.left, None)

    with tempfile.TemporaryDirectory(prefix="netadapt-") as folder, _quietly():
        file = Path(folder) / "int8.onnx"
        try:
            proto = onnx.load_from_string(model)
            tools.quantize_static(
                proto,
                str(file),
                Given(_random_inputs(proto) if given is None else map(dict, given)),
                quant_format=tools.QuantFormat.QDQ,
                per_channel=True,
                activation_type=tools.QuantType.QUInt8,
                weight_type=tools.QuantType.QInt8,
                nodes_to_exclude=list(left),
                **kept,
            )
        except Exception as error:  # onnx's and onnxruntime's own classes share no base
            raise UnsupportedLayer(
                f"onnxruntime can't quantize {what} to int8: {in_words(error)}"
            ) from error
        return file.read_bytes()


def _random_inputs(proto: Any) -> Iterator[dict[str, Array]]:
    generator = np.random.default_rng(0)
    constants = {item.name for item in proto.graph.initializer}
    for _ in range(CALIBRATIONS):
        yield {
            value.name: generator.standard_normal(
                [side.dim_value for side in value.type.tensor_type.shape.dim], dtype=np.float32
            )
            for value in proto.graph.input
            if value.name not in constants
        }


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the advice that the tools log for every model, and onnxruntime for each of theirs."""
    onnxruntime = needed("onnxruntime", "onnx")
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(ERRORS)
    try:
        yield
    finally:
        logger.setLevel(level)
        onnxruntime.set_default_logger_severity(WARNINGS)
