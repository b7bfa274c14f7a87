"""The operators of a .tflite file with their sizes, read from its flatbuffer.

Only what decides a layer's shape is read: the fields are those of TFLite's schema by their number
(tensorflow/lite/schema/schema.fbs), which never changes a number that was given once.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.precision import FLOAT32
from netadapt.latency.table.engine_profile import Untold, checked
from netadapt.latency.table.table_row import ANY_ACTIVATION
from netadapt.outside import outside_bytes

MOST_NETWORK_BYTES = 2 << 30
"""What a flatbuffer holds at most."""

IDENTIFIER = b"TFL3"
_KINDS = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    25: "SOFTMAX",
    34: "PAD",
    40: "MEAN",
    67: "TRANSPOSE_CONV",
    97: "RESIZE_NEAREST_NEIGHBOR",
    114: "QUANTIZE",
}
"""Of the schema's BuiltinOperator: the kinds that networks of images are made of."""

_ACTIVATIONS = {0: "none", 1: "relu", 3: "relu6"}
"""Of its ActivationFunctionType."""

_TYPES = {0: FLOAT32, 1: "float16", 3: "int8", 9: "int8"}
"""Of its TensorType, where 3 is uint8: both are what a profile calls int8."""

_SAME = 0
"""Of its Padding."""


@dataclass(frozen=True)
class _Tensor:
    size: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class TfliteOperator:
    """An operator: its kind, the tensors it reads and gives, its options' table."""

    kind: str
    reads: tuple[_Tensor, ...]
    gives: tuple[_Tensor, ...]
    options: _Table | None

    def layer(self) -> tuple[LayerShape, str]:
        """Its shape and its precision. Raises Untold."""
        reader = _READERS.get(self.kind)
        if reader is None:
            raise Untold(f"{self.kind}: no layer shape stands for it")
        if not self.reads or not self.gives:
            raise Untold("it reads or gives nothing")
        return reader(self), self.reads[0].kind

    def number(self, field: int, form: str, default: int = 0) -> int:
        """A field of its options, by its number in the schema."""
        return default if self.options is None else self.options.number(field, form, default)


class _Table:
    """A table of a flatbuffer at a place in it."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content = content
        self._place = place
        self._fields = place - self._read("<i", place)

    def number(self, field: int, form: str, default: int = 0) -> int:
        place = self._field(field)
        return default if place is None else self._read(form, place)

    def table(self, field: int) -> _Table | None:
        place = self._field(field)
        return None if place is None else _Table(self._content, self._behind(place))

    def numbers(self, field: int) -> tuple[int, ...]:
        """A vector of 32-bit integers."""
        place = self._field(field)
        if place is None:
            return ()
        start = self._behind(place)
        count = self._read("<I", start)
        return struct.unpack_from(f"<{count}i", self._content, start + 4)

    def tables(self, field: int) -> list[_Table]:
        place = self._field(field)
        if place is None:
            return []
        start = self._behind(place)
        places = range(start + 4, start + 4 + 4 * self._read("<I", start), 4)
        return [_Table(self._content, self._behind(one)) for one in places]

    def _field(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry >= self._read("<H", self._fields):
            return None
        offset = self._read("<H", self._fields + entry)
        return self._place + offset if offset else None

    def _behind(self, place: int) -> int:
        return place + self._read("<I", place)

    def _read(self, form: str, place: int) -> int:
        if place < 0:
            raise struct.error("a place before the beginning")
        value: int = struct.unpack_from(form, self._content, place)[0]
        return value


def read_operators(path: Path) -> list[TfliteOperator]:
    """The operators of the file's first subgraph, in their order.

    Raises TableError where it is no .tflite file.
    """
    content = outside_bytes(path, TableError, MOST_NETWORK_BYTES)
    if content[4:8] != IDENTIFIER:
        raise TableError(f"{path} is no .tflite file (it lacks {IDENTIFIER.decode()})")
    try:
        return _operators(_Table(content, struct.unpack_from("<I", content)[0]))
    except (struct.error, IndexError, RecursionError, MemoryError) as error:
        raise TableError(f"{path} is a damaged .tflite file: {error}") from error


def _operators(model: _Table) -> list[TfliteOperator]:
    # The newer field holds a kind above 127, and 0 in files from before it was there.
    codes = [max(code.number(0, "<b"), code.number(3, "<i")) for code in model.tables(1)]
    subgraph = model.tables(2)[0]
    tensors = [
        _Tensor(table.numbers(0), _TYPES.get(table.number(1, "<b"), "another type"))
        for table in subgraph.tables(0)
    ]
    found = []
    for operator in subgraph.tables(3):
        code = codes[operator.number(0, "<I")]
        found.append(
            TfliteOperator(
                _KINDS.get(code, f"operator {code}"),
                # An input that isn't there has the number -1.
                tuple(tensors[index] for index in operator.numbers(1) if index >= 0),
                tuple(tensors[index] for index in operator.numbers(2)),
                operator.table(4),
            )
        )
    return found


def _image(tensor: _Tensor) -> tuple[int, int, int]:
    """Channels, height and width of [1, H, W, C]."""
    if len(tensor.size) != 4 or min(tensor.size) < 1:
        raise Untold(f"a tensor of {list(tensor.size)}, expected [1, H, W, C]")
    batch, height, width, channels = tensor.size
    if batch != 1:
        raise Untold(f"batch {batch}: tables are batch 1")
    return channels, height, width


def _convolution(operator: TfliteOperator) -> LayerShape:
    """CONV_2D and DEPTHWISE_CONV_2D, whose options have one number more in the middle."""
    depthwise = operator.kind == "DEPTHWISE_CONV_2D"
    channels, height, width = _image(operator.reads[0])
    out = _image(operator.gives[0])
    weight = operator.reads[1].size if len(operator.reads) > 1 else ()
    if len(weight) != 4:
        raise Untold(f"weights of {list(weight)}, expected [out, height, width, in]")
    stride = (operator.number(2, "<i"), operator.number(1, "<i"))
    more = int(depthwise)
    dilation = (operator.number(5 + more, "<i", 1), operator.number(4 + more, "<i", 1))
    kernel = (weight[1], weight[2])
    groups = channels if depthwise else channels // max(1, weight[3])
    shape = LayerShape(
        "conv2d",
        *(channels, out[0], kernel, stride, _padding(operator, kernel, stride, dilation), dilation),
        *(groups, height, width),
        activation=_ACTIVATIONS.get(operator.number(3 + more, "<b"), ANY_ACTIVATION),
    )
    return checked(shape, out)


def _pooling(operator: TfliteOperator) -> LayerShape:
    channels, height, width = _image(operator.reads[0])
    stride = (operator.number(2, "<i"), operator.number(1, "<i"))
    kernel = (operator.number(4, "<i"), operator.number(3, "<i"))
    one = (1, 1)
    padding = _padding(operator, kernel, stride, one)
    mode = "max" if operator.kind == "MAX_POOL_2D" else "avg"
    shape = LayerShape(
        "pool", channels, channels, kernel, stride, padding, one, 1, height, width, mode
    )
    return checked(shape, _image(operator.gives[0]))


def _padding(
    operator: TfliteOperator,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    """Before and after each side. Raises Untold where the two aren't the same."""
    if min(*stride, *kernel, *dilation) < 1:
        raise Untold(f"stride {stride}, kernel {kernel}, dilation {dilation}")
    if operator.number(0, "<b") != _SAME:
        return (0, 0)
    sides = []
    for side, window, step, apart in zip(
        operator.reads[0].size[1:3], kernel, stride, dilation, strict=True
    ):
        covered = (math.ceil(side / step) - 1) * step + (window - 1) * apart + 1
        sides.append(max(covered - side, 0))
    if sides[0] % 2 or sides[1] % 2:
        raise Untold("padding 'SAME', which here isn't the same on both sides")
    return (sides[0] // 2, sides[1] // 2)


def _linear(operator: TfliteOperator) -> LayerShape:
    weight = operator.reads[1].size if len(operator.reads) > 1 else ()
    if len(weight) != 2 or min(weight) < 1:
        raise Untold(f"weights of {list(weight)}, expected [out, in]")
    rows = math.prod(operator.reads[0].size) // weight[1]
    activation = _ACTIVATIONS.get(operator.number(0, "<b"), ANY_ACTIVATION)
    one = (1, 1)
    return LayerShape(
        "linear", weight[1], weight[0], one, one, (0, 0), one, 1, max(1, rows), 1, activation
    )


def _pairwise(operator: TfliteOperator) -> LayerShape:
    if len(operator.reads) != 2 or operator.reads[0].size != operator.reads[1].size:
        raise Untold("it doesn't read two tensors of one size")
    channels, height, width = _image(operator.reads[0])
    activation = _ACTIVATIONS.get(operator.number(0, "<b"))
    if activation is None:
        raise Untold("an activation that no layer shape has")
    one = (1, 1)
    return LayerShape(
        *(operator.kind.lower(), channels, channels, one, one, (0, 0), one, 1, height, width),
        activation=activation,
    )


_READERS: dict[str, Callable[[TfliteOperator], LayerShape]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "MAX_POOL_2D": _pooling,
    "AVERAGE_POOL_2D": _pooling,
    "FULLY_CONNECTED": _linear,
    "ADD": _pairwise,
    "MUL": _pairwise,
}
