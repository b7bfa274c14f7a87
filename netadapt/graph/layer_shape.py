"""The layers of a network as a device runs them: one `LayerShape` is one row of a lookup table.

A shape says everything that decides a kernel's latency at batch 1 in one precision, and nothing
else. Batch norm is folded into the convolution before it, and the activation after it is part of
the kernel; an upsampling directly followed by an addition is one kernel too. What a layer costs is
asked of the record of its `op` in `ops/`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

from netadapt.graph.ops.op_registry import OPS

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LayerShape:
    """The key of a lookup-table row. Channels, pixels; `(height, width)` for every pair.

    `op` is one of `ops.op_registry.OPS`. Costs raise ModelError, listing those, where it isn't.
    """

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
        """Whether each channel is convolved by itself."""
        return self.op == "conv2d" and self.groups > 1 and self.groups == self.in_channels

    @property
    def is_pointwise(self) -> bool:
        """Whether it is a convolution of 1×1 over all channels."""
        return self.op == "conv2d" and self.groups == 1 and self.kernel == (1, 1)

    @property
    def out_size(self) -> Pair:
        """Height and width of the output in pixels."""
        return OPS[self.op].out_size(self)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer; 0 for layers without weights."""
        return OPS[self.op].macs(self)

    @property
    def weights(self) -> int:
        """Number of weights, without the folded bias."""
        return OPS[self.op].weights(self)

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
            raise ValueError(f"op is '{op}', expected one of {', '.join(OPS.names())}")
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


@lru_cache(maxsize=4096)  # a table of 100,000 rows has a dozen different ones
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
