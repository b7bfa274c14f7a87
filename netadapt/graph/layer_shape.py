"""The layers of a network as a device runs them: one `LayerShape` is one row of a lookup table.

A shape says everything that decides a kernel's latency at batch 1 in float32, and nothing else.
Batch norm is folded into the convolution before it, and the activation after it is part of the
kernel; an upsampling directly followed by an addition is one kernel too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

OPS = (
    "conv2d",  # depthwise when groups == in_channels
    "conv_transpose2d",
    "linear",  # in_height = in_width = 1, or the number of rows in in_height
    "pool",  # activation names it: max or avg; a global pool has kernel = input size
    "upsample",  # kernel is the integer scale; activation names the mode: nearest or bilinear
    "upsample_add",  # upsample, then an addition at the output's size
    "resize",  # interpolation by a non-integer scale; kernel is the output size
    "add",
    "mul",
    "concat",  # in_channels = out_channels = all channels that come out
    "pixel_shuffle",  # kernel is the upscale factor
    "shuffle",  # channel shuffle: a pure copy
    "elementwise",  # an activation or norm that no kernel before it absorbs; activation names it
)

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """The key of a lookup-table row. Channels, pixels; `(height, width)` for every pair."""

    op: str
    in_channels: int
    out_channels: int
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    in_height: int
    in_width: int
    activation: str = "none"
    output_padding: Pair = (0, 0)  # conv_transpose2d only; written after the padding: "2+1"

    @property
    def is_depthwise(self) -> bool:
        return self.op == "conv2d" and self.groups > 1 and self.groups == self.in_channels

    @property
    def is_pointwise(self) -> bool:
        return self.op == "conv2d" and self.groups == 1 and self.kernel == (1, 1)

    @property
    def out_size(self) -> Pair:
        """Height and width of the output in pixels."""
        size = (self.in_height, self.in_width)
        if self.op == "resize":
            return self.kernel
        if self.op in ("upsample", "upsample_add", "pixel_shuffle"):
            return (size[0] * self.kernel[0], size[1] * self.kernel[1])
        if self.op == "conv_transpose2d":
            return (self._out_length_transposed(0), self._out_length_transposed(1))
        if self.op in ("conv2d", "pool"):
            return (self._out_length(0), self._out_length(1))
        return size

    def _out_length(self, axis: int) -> int:
        length = (self.in_height, self.in_width)[axis]
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return (length + 2 * self.padding[axis] - reach) // self.stride[axis] + 1

    def _out_length_transposed(self, axis: int) -> int:
        length = (self.in_height, self.in_width)[axis]
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        inner = (length - 1) * self.stride[axis] - 2 * self.padding[axis]
        return inner + reach + self.output_padding[axis]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer; 0 for layers without weights."""
        if self.op == "linear":
            return self.in_channels * self.out_channels * self.in_height * self.in_width
        per_position = self.kernel[0] * self.kernel[1] * self.in_channels // self.groups
        if self.op == "conv2d":
            height, width = self.out_size
            return height * width * self.out_channels * per_position
        if self.op == "conv_transpose2d":
            taps = self.kernel[0] * self.kernel[1] * self.out_channels // self.groups
            return self.in_height * self.in_width * self.in_channels * taps
        return 0

    @property
    def weights(self) -> int:
        """Number of weights, without the folded bias."""
        if self.op == "linear":
            return self.in_channels * self.out_channels
        if self.op in ("conv2d", "conv_transpose2d"):
            return (
                self.in_channels
                * self.out_channels
                // self.groups
                * self.kernel[0]
                * self.kernel[1]
            )
        return 0

    def to_row(self) -> dict[str, str | int]:
        """The shape as the key columns of a lookup table's CSV."""
        padding = _pair_text(self.padding)
        if self.output_padding != (0, 0):
            padding += "+" + _pair_text(self.output_padding)
        return {
            "op": self.op,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "kernel": _pair_text(self.kernel),
            "stride": _pair_text(self.stride),
            "padding": padding,
            "dilation": _pair_text(self.dilation),
            "groups": self.groups,
            "in_height": self.in_height,
            "in_width": self.in_width,
            "activation": self.activation,
        }

    @classmethod
    def from_row(cls, row: dict[str, object]) -> LayerShape:
        """Read the key columns of a CSV row. Raises ValueError naming the column that is wrong."""
        op = str(row["op"])
        if op not in OPS:
            raise ValueError(f"op is '{op}', expected one of {', '.join(OPS)}")
        padding, _, output_padding = str(row["padding"]).partition("+")
        return cls(
            op=op,
            in_channels=_count(row, "in_channels"),
            out_channels=_count(row, "out_channels"),
            kernel=_pair(str(row["kernel"]), "kernel", 1),
            stride=_pair(str(row["stride"]), "stride", 1),
            padding=_pair(padding, "padding", 0),
            dilation=_pair(str(row["dilation"]), "dilation", 1),
            groups=_count(row, "groups"),
            in_height=_count(row, "in_height"),
            in_width=_count(row, "in_width"),
            activation=str(row["activation"]),
            output_padding=_pair(output_padding or "0", "padding", 0),
        )

    def __str__(self) -> str:
        """Short and readable: `conv2d 64→128 k3 s1 @56×56 relu`."""
        kind = "depthwise" if self.is_depthwise else self.op
        text = f"{kind} {self.in_channels}→{self.out_channels}"
        if self.kernel != (1, 1) or self.op == "conv2d":
            text += f" k{_pair_text(self.kernel)}"
        if self.stride != (1, 1):
            text += f" s{_pair_text(self.stride)}"
        text += f" @{self.in_height}×{self.in_width}"
        return text if self.activation == "none" else f"{text} {self.activation}"


KEY_COLUMNS = tuple(f.name for f in fields(LayerShape) if f.name != "output_padding")


def _pair_text(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _pair(text: str, column: str, least: int) -> Pair:
    parts = text.split("x")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or min(numbers) < least:
        raise ValueError(f"{column} is '{text}', expected a number ≥ {least} or HEIGHTxWIDTH")
    return (numbers[0], numbers[-1])


def _count(row: dict[str, object], column: str) -> int:
    try:
        number = int(str(row[column]))
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError(f"{column} is '{row[column]}', expected a whole number ≥ 1")
    return number
