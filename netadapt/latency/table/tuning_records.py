"""Tuning records of TVM's AutoTVM and TopHub, read into rows of a lookup table.

Both line formats (0.1, 2018-2019, and 0.2, since 2020) are read, each record on its own; what
several records of one shape, or several files, mean together is left to `record_merging`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.latency.table.table_row import ANY_ACTIVATION
from netadapt.outside import outside_text

# A failed measurement carries TVM's error number here, 0 when it succeeded.
_SUCCEEDED = 0
# TVM writes this in place of a time when a schedule failed to build or run.
_FAILED_SECONDS = 1e9


class SkippedRecord(Exception):
    """A record that is well-formed but can't become a row; the text is the reason."""


@dataclass(frozen=True, slots=True)
class TuningRecord:
    """One tuned kernel: its shape, the mean of its timed runs, and where it was recorded.

    `template` is the schedule template: 'direct' for all but special algorithms. `target` is
    TVM's target kind ('cuda', 'llvm'), `model` the board that it names ('tx2'), `processor` the
    architecture ('sm_62', 'core-avx2'); empty where it names none.
    """

    shape: LayerShape
    latency_ms: float
    samples: int
    template: str
    target: str
    model: str
    processor: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that gave no row, and why."""

    file: str
    line: int
    reason: str


def read_records(path: Path) -> tuple[list[TuningRecord], list[Skipped]]:
    """Read one file of tuning records.

    Returns the records that can stand in a table, and what was skipped with the reason. Raises
    TableError when the file can't be read or holds no tuning record at all.
    """
    lines = outside_text(path, TableError).splitlines()
    records: list[TuningRecord] = []
    skipped: list[Skipped] = []
    malformed = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(parse_record(line, file=path.name, line_number=number))
        except SkippedRecord as reason:
            skipped.append(Skipped(path.name, number, str(reason)))
        except ValueError as error:
            malformed += 1
            skipped.append(Skipped(path.name, number, f"not a tuning record: {error}"))
    if malformed and malformed == len(skipped) and not records:
        raise TableError(
            f"{path} holds no tuning records (line {skipped[0].line}: {skipped[0].reason}); "
            f"expected a log of AutoTVM or TopHub, one JSON record a line"
        )
    return records, skipped


def parse_record(line: str, file: str = "", line_number: int = 0) -> TuningRecord:
    """Read one line of either format.

    Raises SkippedRecord for a record that is no row (another algorithm, a failed measurement,
    another dtype or batch size, an operator without a LayerShape), ValueError for a line that is
    no record.
    """
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg})") from error
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    version = record.get("version", record.get("v"))
    try:
        if version == 0.2:
            target, task, arguments = record["input"][:3]
            template = _template_of_task(task)
            times, failure = record["result"][:2]
        elif version == 0.1:
            target, task, arguments = record["i"][:3]
            template = str(record["i"][5]["t"])
            times, failure = record["r"][:2]
        else:
            raise ValueError(f"version {version!r}, expected 0.1 or 0.2")
        operator = _operator_of_task(str(task))
        if template != "direct":
            raise SkippedRecord(f"schedule '{template}': another algorithm than the direct one")
        if failure != _SUCCEEDED:
            raise SkippedRecord(f"the measurement failed (error {failure})")
        seconds = [float(time) for time in times]
        if not seconds or not all(0 < s < _FAILED_SECONDS and math.isfinite(s) for s in seconds):
            raise SkippedRecord(f"no valid time in {times}")
        shape = _SHAPES[operator](_Arguments(arguments))
        kind, model, processor = _read_target(target)
    except OverflowError as error:
        raise ValueError("a size that is no number") from error
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    except (IndexError, TypeError, AttributeError) as error:
        raise ValueError("its parts are not those of a record") from error
    return TuningRecord(
        shape=shape,
        latency_ms=1e3 * math.fsum(seconds) / len(seconds),
        samples=len(seconds),
        template=template,
        target=kind,
        model=model,
        processor=processor,
        file=file,
        line=line_number,
    )


def _read_target(target: object) -> tuple[str, str, str]:
    """Kind, model and processor of TVM's target: words ('cuda -model=tx2'), or JSON."""
    if isinstance(target, str) and target.lstrip().startswith("{"):
        target = json.loads(target)
    if isinstance(target, dict):
        named = target
        kind = str(target.get("kind") or target["tag"])
    else:
        kind, *words = str(target).split()
        named = {
            word.lstrip("-").partition("=")[0]: word.partition("=")[2]
            for word in words
            if word.startswith("-")
        }
    model, arch, mcpu = (str(named.get(key) or "") for key in ("model", "arch", "mcpu"))
    return kind, "" if model == "unknown" else model, arch or mcpu


class _Arguments:
    """The arguments of a task: tensors, pairs of numbers, and names, in the order recorded."""

    def __init__(self, arguments: list[Any]) -> None:
        self.tensors: list[list[int]] = []
        self.pairs: list[list[int]] = []
        self.numbers: list[int] = []
        for argument in arguments:
            if isinstance(argument, list) and argument and argument[0] == "TENSOR":
                shape, dtype = argument[1], argument[2]
                if dtype != "float32":
                    raise SkippedRecord(f"dtype {dtype}: tables are float32")
                self.tensors.append([int(size) for size in shape])
            elif isinstance(argument, list):
                self.pairs.append([int(number) for number in argument])
            elif isinstance(argument, int):
                self.numbers.append(argument)
            elif isinstance(argument, str):
                self._check_name(argument)
        if len(self.tensors) < 2:
            raise SkippedRecord("no weight tensor: not a convolution or a linear layer")
        batch = self.tensors[0][0]
        if batch != 1:
            raise SkippedRecord(f"batch {batch}: tables are batch 1")

    @staticmethod
    def _check_name(name: str) -> None:
        if name.startswith(("float", "int", "uint", "bfloat")):
            if name != "float32":
                raise SkippedRecord(f"dtype {name}: tables are float32")
        elif name != "NCHW":
            raise SkippedRecord(f"layout {name}: expected NCHW")

    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of the input."""
        if len(self.tensors[0]) != 4 or len(self.tensors[1]) != 4:
            raise SkippedRecord(f"data {self.tensors[0]}: expected [1, C, H, W]")
        _, channels, height, width = self.tensors[0]
        return channels, height, width

    def pair(self, index: int, default: Pair | None = None) -> Pair:
        """The index-th pair: strides, then padding, then dilation where it was recorded."""
        if default is not None and index >= len(self.pairs):
            return default
        numbers = self.pairs[index]
        if len(numbers) == 4:  # padding as top, left, bottom, right
            top, left, bottom, right = numbers
            if (top, left) != (bottom, right):
                raise SkippedRecord(f"padding {numbers}: not the same on both sides")
            return (top, left)
        height, width = numbers
        return (height, width)


def _conv2d(arguments: _Arguments) -> LayerShape:
    channels, height, width = arguments.image()
    out_channels, in_per_group, *kernel = arguments.tensors[1]
    groups = arguments.numbers[0] if arguments.numbers else 1
    if in_per_group * groups != channels:
        raise ValueError(f"weights {arguments.tensors[1]} don't fit {channels} channels")
    return LayerShape(
        op="conv2d",
        in_channels=channels,
        out_channels=out_channels,
        kernel=(kernel[0], kernel[1]),
        stride=arguments.pair(0),
        padding=arguments.pair(1),
        dilation=arguments.pair(2, default=(1, 1)),
        groups=groups,
        in_height=height,
        in_width=width,
        activation=ANY_ACTIVATION,
    )


def _depthwise(arguments: _Arguments) -> LayerShape:
    channels, height, width = arguments.image()
    weight_channels, multiplier, *kernel = arguments.tensors[1]
    if weight_channels != channels:
        raise ValueError(f"weights {arguments.tensors[1]} don't fit {channels} channels")
    return LayerShape(
        op="conv2d",
        in_channels=channels,
        out_channels=channels * multiplier,
        kernel=(kernel[0], kernel[1]),
        stride=arguments.pair(0),
        padding=arguments.pair(1),
        dilation=arguments.pair(2, default=(1, 1)),
        groups=channels,
        in_height=height,
        in_width=width,
        activation=ANY_ACTIVATION,
    )


def _transposed(arguments: _Arguments) -> LayerShape:
    channels, height, width = arguments.image()
    _, out_channels, *kernel = arguments.tensors[1]
    return LayerShape(
        op="conv_transpose2d",
        in_channels=channels,
        out_channels=out_channels,
        kernel=(kernel[0], kernel[1]),
        stride=arguments.pair(0),
        padding=arguments.pair(1),
        dilation=(1, 1),
        groups=1,
        in_height=height,
        in_width=width,
        activation=ANY_ACTIVATION,
        output_padding=arguments.pair(2, default=(0, 0)),
    )


def _linear(arguments: _Arguments) -> LayerShape:
    if len(arguments.tensors[0]) != 2 or len(arguments.tensors[1]) != 2:
        raise SkippedRecord(f"data {arguments.tensors[0]}: expected [1, features]")
    out_features, in_features = arguments.tensors[1]
    return LayerShape(
        op="linear",
        in_channels=in_features,
        out_channels=out_features,
        kernel=(1, 1),
        stride=(1, 1),
        padding=(0, 0),
        dilation=(1, 1),
        groups=1,
        in_height=1,
        in_width=1,
        activation=ANY_ACTIVATION,
    )


_SHAPES = {
    "depthwise_conv2d": _depthwise,
    "group_conv2d": _conv2d,
    "conv2d_transpose": _transposed,
    "conv2d": _conv2d,
    "dense": _linear,
}


def _operator_of_task(task: str) -> str:
    """The operator a task's name speaks of: 'topi_nn_conv2d' and 'conv2d_nchw.cuda' → 'conv2d'.

    TopHub's x86 records of format 0.1 say 'topi_x86_conv2d_NCHWc'. The layout of others stands in
    the name alone: 'conv2d_nhwc_spatial_pack.arm_cpu'.
    """
    name = task.removeprefix("topi_").removeprefix("nn_").removeprefix("x86_")
    if any(layout in name.lower() for layout in ("nhwc", "hwcn")):
        raise SkippedRecord(f"operator '{task}': expected the layout NCHW")
    for operator in _longest_first(_SHAPES):
        if name == operator or name.startswith((f"{operator}_", f"{operator}.")):
            return operator
    raise SkippedRecord(f"operator '{task}': no layer shape stands for it")


def _template_of_task(task: str) -> str:
    """Format 0.2 names the algorithm in the task: 'conv2d_nchw_winograd.cuda' → 'winograd'."""
    return "winograd" if "winograd" in str(task) else "direct"


def _longest_first(names: dict[str, Any]) -> Iterator[str]:
    return iter(sorted(names, key=len, reverse=True))
