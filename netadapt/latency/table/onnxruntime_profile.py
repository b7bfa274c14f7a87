"""onnxruntime's profile of a network: the JSON that `enable_profiling` writes.

It has each node's name, its type and the sizes it read and wrote, but no stride or padding. With
the network's ONNX file beside it every layer is told; without it, those whose sizes say it all.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netadapt.errors import InputError, TableError, in_words
from netadapt.extras import needed
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import NetworkReader
from netadapt.latency.table.engine_profile import (
    EngineProfile,
    LeftOut,
    ProfiledLayer,
    Untold,
    checked,
    image_of,
    is_time,
    is_whole,
)
from netadapt.latency.table.table_row import ANY_ACTIVATION
from netadapt.outside import outside_bytes

ENGINE = "onnxruntime"
MOST_NETWORK_BYTES = 2 << 30
"""What protobuf holds at most."""

_TIMED = "_kernel_time"
Event = Mapping[str, Any]


def is_onnxruntime_profile(content: Any) -> bool:
    """Whether JSON is onnxruntime's profile."""
    return isinstance(content, list) and any(
        isinstance(event, dict) and event.get("cat") == "Node" for event in content
    )


def read_onnxruntime_profile(content: Any, network: Path | None) -> EngineProfile:
    """The layers of a profile, by the ONNX file `network` where it is given.

    A node's time is the median over its runs, without the first. Raises TableError where the file
    is no network that can be read.
    """
    events: dict[str, list[Event]] = defaultdict(list)
    for event in content:
        name = str(event.get("name", "")) if isinstance(event, dict) else ""
        if name.endswith(_TIMED) and event.get("cat") == "Node":
            events[name.removesuffix(_TIMED)].append(event)
    times = {name: found for name, same in events.items() if (found := _times_ms(same))}
    left_out = [
        LeftOut(name, 0.0, "its events have no times") for name in events if name not in times
    ]
    if network is None:
        layers, more = _by_sizes(events, times)
    else:
        layers, more = _by_network(times, nodes_of(network))
    return EngineProfile(ENGINE, tuple(layers), (*left_out, *more))


Times = Mapping[str, list[float]]


def _by_network(
    times: Times, nodes: Mapping[str, tuple[str, LayerShape | str]]
) -> tuple[list[ProfiledLayer], list[LeftOut]]:
    """Each layer is the sum over those of its nodes that ran."""
    parts: dict[str, list[str]] = defaultdict(list)
    left_out = []
    for name in times:
        node = _node_of(name, nodes)
        if node is None:
            reason = "no node of the network has this name: a conversion, or fused of several"
            left_out.append(LeftOut(name, statistics.median(times[name]), reason))
        else:
            parts[nodes[node][0]].append(name)
    shapes = dict(nodes.values())
    layers = []
    for layer, names in parts.items():
        ms = sum(statistics.median(times[name]) for name in names)
        shape = shapes[layer]
        if isinstance(shape, str):
            left_out.append(LeftOut(layer, ms, shape))
        else:
            runs = min(len(times[name]) for name in names)
            layers.append(ProfiledLayer(layer, shape, ms, runs))
    return layers, left_out


def _node_of(name: str, nodes: Mapping[str, Any]) -> str | None:
    """The node that an event is of: onnxruntime appends to names ('conv3_nchwc')."""
    if name in nodes:
        return name
    begins = [node for node in nodes if node and name.startswith(f"{node}_")]
    return max(begins, key=len, default=None)


def _by_sizes(
    events: Mapping[str, list[Event]], times: Times
) -> tuple[list[ProfiledLayer], list[LeftOut]]:
    layers, left_out = [], []
    for name, found in times.items():
        arguments = events[name][0].get("args")
        ms = statistics.median(found)
        try:
            shape = _told(arguments if isinstance(arguments, dict) else {})
            layers.append(ProfiledLayer(name, shape, ms, len(found)))
        except Untold as reason:
            left_out.append(LeftOut(name, ms, str(reason)))
    return layers, left_out


def _told(arguments: Mapping[str, Any]) -> LayerShape:
    kind = str(arguments.get("op_name"))
    reader = _READERS.get(kind)
    if reader is None:
        raise Untold(f"a {kind} node: its sizes don't say what it does; give --network FILE.onnx")
    sizes, out = (_sizes(arguments.get(f"{side}_type_shape")) for side in ("input", "output"))
    return reader(sizes, out[0])


def _sizes(items: Any) -> list[list[int]]:
    if not isinstance(items, list) or not items:
        raise Untold("its sizes don't stand in the profile")
    return [_size(item) for item in items]


def _size(item: Any) -> list[int]:
    """The size in {'float': [1, 3, 224, 224]}. Raises Untold for another type than float32."""
    if not isinstance(item, dict) or len(item) != 1:
        raise Untold("its sizes can't be read")
    kind, size = next(iter(item.items()))
    if kind != "float" or not isinstance(size, list) or not all(map(is_whole, size)):
        raise Untold(f"it reads {kind} of {size!r}; give --network FILE.onnx")
    return size


def _pointwise(sizes: list[list[int]], out: list[int]) -> LayerShape:
    channels, height, width = image_of(sizes[0], "its input")
    result = image_of(out, "its output")
    weight = sizes[1] if len(sizes) > 1 else []
    if len(weight) != 4 or weight[2:] != [1, 1] or result[1:] != (height, width):
        raise Untold("its stride and padding don't stand in the profile; give --network FILE.onnx")
    one = (1, 1)
    groups = channels // weight[1] if weight[1] else 1
    shape = LayerShape(
        "conv2d", channels, weight[0], one, one, (0, 0), one, groups, height, width, ANY_ACTIVATION
    )
    return checked(shape, result)


def _addition(sizes: list[list[int]], out: list[int]) -> LayerShape:
    if len(sizes) != 2 or sizes[0] != sizes[1]:
        raise Untold(f"its inputs are {sizes}, expected two of one size")
    channels, height, width = image_of(sizes[0], "its input")
    one = (1, 1)
    shape = LayerShape("add", channels, channels, one, one, (0, 0), one, 1, height, width)
    return checked(shape, image_of(out, "its output"))


_READERS: dict[str, Callable[[list[list[int]], list[int]], LayerShape]] = {
    "Conv": _pointwise,
    "FusedConv": _pointwise,
    "Add": _addition,
}
"""By the node's type: those whose sizes can say it all."""


def _times_ms(events: list[Event]) -> list[float]:
    """Milliseconds of each run, without the first where there are several."""
    found = [event["dur"] / 1e3 for event in events if is_time(event.get("dur"))]
    return found[1:] if len(found) > 1 else found


class _NamedSteps(NetworkReader):
    """Reads a network and keeps which of its nodes each step is made of."""

    def __init__(self, proto: Any) -> None:
        super().__init__(proto)
        self.named: dict[str, tuple[str, LayerShape | str]] = {}

    def read(self, node: Any) -> None:
        try:
            super().read(node)
        except UnsupportedLayer as error:
            self.named[node.name] = (node.name, str(error))

    def add(self, node: Any, shape: LayerShape, last: Any, **given: Any) -> None:
        super().add(node, shape, last, **given)
        resized = self.fused.get(id(node))
        for part in (node, last, *((resized[0],) if resized else ())):
            self.named[part.name] = (node.name, shape)


def nodes_of(network: Path) -> dict[str, tuple[str, LayerShape | str]]:
    """By each node's name: the name of its layer, and the layer's shape or why there is none.

    Raises TableError where the file is no ONNX network with fixed sizes and named nodes.
    """
    onnx = needed("onnx", "onnx")
    content = outside_bytes(network, TableError, MOST_NETWORK_BYTES)
    try:
        proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
        reader = _NamedSteps(proto)
        for node in reader.nodes:
            if id(node) not in reader.absorbed:
                reader.read(node)
    except InputError as error:
        raise TableError(f"{network}: {error}") from error
    except Exception as error:  # protobuf's and onnx's own classes share no base
        raise TableError(
            f"{network} is no ONNX network that can be read: {in_words(error)}"
        ) from error
    reader.named.pop("", None)
    if not reader.named:
        raise TableError(f"{network}: its nodes have no names that a profile could go by")
    return reader.named
