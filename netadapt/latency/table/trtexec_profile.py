"""TensorRT's profile of a network: what trtexec writes with --exportProfile and --exportLayerInfo.

The profile has names and times, the layer info (with --profilingVerbosity=detailed) what each of
them is. TensorRT fuses as it likes: a layer that took in more than an activation is no layer that a
table could have a row of, and is left out by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.precision import FLOAT32
from netadapt.latency.table.engine_profile import (
    EngineProfile,
    LeftOut,
    ProfiledLayer,
    Untold,
    checked,
    image_of,
    is_time,
    is_whole,
    pair_of,
)
from netadapt.latency.table.table_row import ANY_ACTIVATION
from netadapt.outside import MOST_TEXT_BYTES, outside_json

ENGINE = "TensorRT"
Entry = Mapping[str, Any]

_PRECISIONS = {"Int8": "int8", "FP16": "float16", "Half": "float16", "BF16": "bfloat16"}
"""Words in 'Format/Datatype' of what a layer reads; float32 where there is none of them."""

_ACTIVATIONS = {"NONE": "none", "RELU": "relu", "": "none"}
"""TensorRT's names; another one is a cheap activation that it has taken in."""


def is_trtexec_profile(content: Any) -> bool:
    """Whether JSON is what trtexec writes with --exportProfile."""
    return (
        isinstance(content, list)
        and any(isinstance(item, dict) and "count" in item for item in content)
        and any(isinstance(item, dict) and "averageMs" in item for item in content)
    )


def read_trtexec_profile(content: Any, layer_info: Path | None) -> EngineProfile:
    """The layers of a profile, by what the file `layer_info` says of them.

    Raises TableError where there is no such file, or it isn't trtexec's.
    """
    infos = _layer_infos(layer_info) if layer_info is not None else {}
    entries = [item for item in content if isinstance(item, dict)]
    counts = [item["count"] for item in entries if is_whole(item.get("count"))]
    runs = max([1, *counts])
    layers, left_out = [], []
    for item in entries:
        if "averageMs" not in item:
            continue
        name, ms = str(item.get("name", "")), item["averageMs"]
        try:
            if not is_time(ms):
                raise Untold(f"averageMs is {item['averageMs']!r}, expected milliseconds")
            if layer_info is None:
                raise Untold("what it is doesn't stand in the profile; give --layer-info FILE")
            if name not in infos:
                raise Untold("the layer info has no layer of this name")
            shape, precision = _layer_of(infos[name])
            layers.append(ProfiledLayer(name, shape, float(ms), runs, precision))
        except Untold as reason:
            took = float(ms) if is_time(ms) else 0.0
            left_out.append(LeftOut(name, took, str(reason)))
    return EngineProfile(ENGINE, tuple(layers), tuple(left_out))


def _layer_infos(path: Path) -> dict[str, Entry]:
    content = outside_json(path, TableError, MOST_TEXT_BYTES)
    layers = content.get("Layers") if isinstance(content, dict) else None
    if not isinstance(layers, list):
        raise TableError(
            f"{path} has no list 'Layers'; expected what trtexec writes with --exportLayerInfo"
        )
    detailed = [layer for layer in layers if isinstance(layer, dict) and "Name" in layer]
    if not detailed:
        raise TableError(
            f"{path} has names of layers alone; run trtexec with --profilingVerbosity=detailed"
        )
    return {str(layer["Name"]): layer for layer in detailed}


def _layer_of(info: Entry) -> tuple[LayerShape, str]:
    """Shape and precision of a layer. Raises Untold."""
    kind = str(info.get("ParameterType") or info.get("LayerType") or "")
    reader = _READERS.get(kind)
    if reader is None:
        raise Untold(f"a {kind or 'nameless'} layer: no layer shape stands for it")
    return reader(info), _precision(info)


def _convolution(info: Entry) -> LayerShape:
    """Convolution and Deconvolution."""
    if len(_tensors(info, "Inputs")) != 1:
        raise Untold("fused with what reads another tensor")
    transposed = info.get("ParameterType") == "Deconvolution"
    channels, height, width = image_of(_dimensions(info, "Inputs"), "its input")
    out = image_of(_dimensions(info, "Outputs"), "its output")
    kernel, stride = pair_of(info.get("Kernel"), "Kernel"), pair_of(info.get("Stride"), "Stride")
    dilation = pair_of(info.get("Dilation", [1, 1]), "Dilation")
    padding = pair_of(info.get("PrePadding"), "PrePadding")
    after = pair_of(info.get("PostPadding", list(padding)), "PostPadding")
    groups, maps = info.get("Groups", 1), info.get("OutMaps", out[0])
    if not all(is_whole(number) and number > 0 for number in (groups, maps)):
        raise Untold(f"Groups is {groups!r} and OutMaps {maps!r}, expected numbers")
    output_padding = (0, 0)
    if transposed:
        output_padding = (padding[0] - after[0], padding[1] - after[1])
        if min(output_padding) < 0:
            raise Untold(f"padding {padding} before and {after} after")
    elif padding != after:
        raise Untold(f"padding {padding} before and {after} after: not the same on both sides")
    shape = LayerShape(
        "conv_transpose2d" if transposed else "conv2d",
        *(channels, maps, kernel, stride, padding, dilation, groups, height, width),
        activation=_ACTIVATIONS.get(str(info.get("Activation", "")), ANY_ACTIVATION),
        output_padding=output_padding,
    )
    return checked(shape, out)


def _pooling(info: Entry) -> LayerShape:
    modes = {"kMAX": "max", "MAX": "max", "kAVERAGE": "avg", "AVERAGE": "avg"}
    mode = modes.get(str(info.get("PoolingType")))
    if mode is None:
        raise Untold(f"PoolingType is {info.get('PoolingType')!r}")
    channels, height, width = image_of(_dimensions(info, "Inputs"), "its input")
    padding = pair_of(info.get("PrePadding", [0, 0]), "PrePadding")
    if padding != pair_of(info.get("PostPadding", list(padding)), "PostPadding"):
        raise Untold("padding that isn't the same on both sides")
    kernel = pair_of(info.get("WindowSize"), "WindowSize")
    stride = pair_of(info.get("Stride"), "Stride")
    shape = LayerShape(
        "pool", channels, channels, kernel, stride, padding, (1, 1), 1, height, width, mode
    )
    return checked(shape, image_of(_dimensions(info, "Outputs"), "its output"))


def _element_wise(info: Entry) -> LayerShape:
    operation = {"SUM": "add", "PROD": "mul"}.get(str(info.get("Operation")))
    if operation is None:
        raise Untold(f"Operation is {info.get('Operation')!r}: no layer shape stands for it")
    sizes = [tensor.get("Dimensions") for tensor in _tensors(info, "Inputs")]
    if len(sizes) != 2 or sizes[0] != sizes[1]:
        raise Untold(f"its inputs are {sizes}, expected two of one size")
    channels, height, width = image_of(sizes[0], "its input")
    one = (1, 1)
    shape = LayerShape(operation, channels, channels, one, one, (0, 0), one, 1, height, width)
    return checked(shape, image_of(_dimensions(info, "Outputs"), "its output"))


_READERS: dict[str, Callable[[Entry], LayerShape]] = {
    "Convolution": _convolution,
    "Deconvolution": _convolution,
    "Pooling": _pooling,
    "ElementWise": _element_wise,
}
"""By ParameterType, or LayerType where there is none."""


def _precision(info: Entry) -> str:
    kinds = str(_tensors(info, "Inputs")[0].get("Format/Datatype", "FP32"))
    return next((name for told, name in _PRECISIONS.items() if told in kinds), FLOAT32)


def _dimensions(info: Entry, side: str) -> Any:
    return _tensors(info, side)[0].get("Dimensions")


def _tensors(info: Entry, side: str) -> list[Entry]:
    tensors = info.get(side)
    if not isinstance(tensors, list) or not tensors or not isinstance(tensors[0], dict):
        raise Untold(f"it has no {side}")
    return tensors
