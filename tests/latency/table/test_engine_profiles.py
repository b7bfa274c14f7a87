"""Engines' own profiles of networks: small files with the fields that each engine writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.engine_profile import Untold, rows_of
from netadapt.latency.table.engine_profile_import import (
    Beside,
    ImportedProfiles,
    import_profiles,
    profile_format,
)
from netadapt.latency.table.onnxruntime_profile import read_onnxruntime_profile
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.trtexec_profile import _layer_of, read_trtexec_profile
from tests.cli.command import heard

ONE = (1, 1)
POINTWISE = LayerShape("conv2d", 8, 16, ONE, ONE, (0, 0), ONE, 1, 14, 14, "relu")


def imported(
    tmp_path: Path, content: Any, *, network: Path | None = None, layer_info: Any = None
) -> ImportedProfiles:
    """What a profile with this JSON or text comes to."""
    profile = tmp_path / "profile"
    profile.write_text(content if isinstance(content, str) else json.dumps(content))
    info = None
    if layer_info is not None:
        info = tmp_path / "layers.json"
        info.write_text(json.dumps(layer_info))
    return import_profiles("board", [profile], tmp_path / "board.csv", Beside(network, info))


def trt_layer(name: str, **fields: Any) -> dict[str, Any]:
    """A convolution of trtexec's layer info, 8→16 channels, pointwise, in FP16."""
    kind = "Two wide channel vectorized row major FP16 format"
    given = {
        "Name": name,
        "LayerType": "CaskConvolution",
        "Inputs": [{"Name": "x", "Dimensions": [1, 8, 14, 14], "Format/Datatype": kind}],
        "Outputs": [{"Name": "y", "Dimensions": [1, 16, 14, 14], "Format/Datatype": kind}],
        "ParameterType": "Convolution",
        "Kernel": [1, 1],
        "PaddingMode": "kEXPLICIT_ROUND_DOWN",
        "PrePadding": [0, 0],
        "PostPadding": [0, 0],
        "Stride": [1, 1],
        "Dilation": [1, 1],
        "OutMaps": 16,
        "Groups": 1,
        "Weights": {"Type": "Half", "Count": 128},
        "Activation": "RELU",
        "TacticName": "some_kernel",
    }
    return {**given, **fields}


def images(*sizes: list[int], kind: str = "FP16") -> list[dict[str, Any]]:
    return [{"Name": "t", "Dimensions": size, "Format/Datatype": kind} for size in sizes]


def trt_profile(*names: str) -> list[dict[str, Any]]:
    times = [
        {"name": name, "timeMs": 5.0 * (i + 1), "averageMs": 0.05 * (i + 1), "percentage": 1.0}
        for i, name in enumerate(names)
    ]
    return [{"count": 100}, *times]


def test_trtexec_s_layers_with_their_precision(tmp_path: Path) -> None:
    strided = trt_layer(
        "conv2", Kernel=[3, 3], Stride=[2, 2], PrePadding=[1, 1], PostPadding=[1, 1], Groups=8,
        OutMaps=8, Outputs=images([1, 8, 7, 7]), Activation="CLIP",
    )  # fmt: skip
    up = trt_layer(
        "up", ParameterType="Deconvolution", Kernel=[2, 2], Stride=[2, 2], OutMaps=4,
        Outputs=images([1, 4, 28, 28]), Activation="NONE",
    )  # fmt: skip
    pool = trt_layer(
        "pool", ParameterType="Pooling", PoolingType="kMAX", WindowSize=[2, 2], Stride=[2, 2],
        Outputs=images([1, 8, 7, 7]),
    )  # fmt: skip
    adding = trt_layer(
        "add", ParameterType="ElementWise", Operation="SUM",
        Inputs=images([1, 8, 14, 14], [1, 8, 14, 14]), Outputs=images([1, 8, 14, 14]),
    )  # fmt: skip
    info = {"Layers": [trt_layer("conv1 + relu1"), strided, up, pool, adding], "Bindings": ["x"]}
    names = ("conv1 + relu1", "conv2", "up", "pool", "add")
    found = imported(tmp_path, trt_profile(*names), layer_info=info)
    shapes = {row.shape: row.latency_ms for row in found.rows}
    assert shapes == {
        POINTWISE: pytest.approx(0.05),
        LayerShape("conv2d", 8, 8, (3, 3), (2, 2), ONE, ONE, 8, 14, 14, "any"): pytest.approx(0.1),
        LayerShape("conv_transpose2d", 8, 4, (2, 2), (2, 2), (0, 0), ONE, 1, 14, 14): (
            pytest.approx(0.15)
        ),
        LayerShape("pool", 8, 8, (2, 2), (2, 2), (0, 0), ONE, 1, 14, 14, "max"): pytest.approx(0.2),
        LayerShape("add", 8, 8, ONE, ONE, (0, 0), ONE, 1, 14, 14): pytest.approx(0.25),
    }
    table = LookupTable.read(tmp_path / "board.csv")
    assert table.meta["precision"] == "float16"
    assert {row.schedule for row in table.entries} == {"TensorRT-float16"}
    assert {row.source for row in table.entries} == {"published"}
    assert table.entries[0].samples == 100


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Inputs": images([1, 8, 14, 14], [1, 16, 14, 14])}, "fused with what reads another"),
        ({"Inputs": images([4, 8, 14, 14])}, "batch 4"),
        ({"Inputs": images([-1, 8, 14, 14])}, "expected [1, C, H, W]"),
        ({"PostPadding": [1, 1]}, "not the same on both sides"),
        ({"Outputs": images([1, 16, 13, 13])}, "would give 16×14×14, the profile says 16×13×13"),
        ({"Inputs": images([1, 8, 14, 14], kind="Int8")}, "in int8, while most"),
        ({"Inputs": images([1, 8, 14, 14], kind="BF16")}, "in bfloat16; a table is in one of"),
        ({"ParameterType": "Reformat"}, "a Reformat layer: no layer shape"),
        ({"ParameterType": None, "LayerType": "Myelin"}, "a Myelin layer"),
        ({"Kernel": None}, "Kernel is None"),
        ({"Inputs": []}, "it has no Inputs"),
        ({"Name": "another"}, "the layer info has no layer of this name"),
    ],
)
def test_what_trtexec_s_layers_are_left_out_for(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    odd = trt_layer("odd", **fields)
    info = {"Layers": [*(trt_layer(f"conv{i}") for i in range(4)), odd]}
    profile = trt_profile("odd", "conv0", "conv1", "conv2", "conv3")
    found = imported(tmp_path, profile, layer_info=info)
    assert [(one.name, one.latency_ms) for one in found.left_out] == [("odd", pytest.approx(0.05))]
    assert reason in found.left_out[0].reason
    assert found.rows[0].latency_ms == pytest.approx(0.175)  # the median of the four


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        (None, r"no layer's shape can be told: what it is doesn't stand .*--layer-info FILE \(1\)"),
        ({}, "has no list 'Layers'"),
        ({"Layers": ["conv1"]}, "--profilingVerbosity=detailed"),
    ],
)
def test_a_profile_of_names_alone_says_what_to_do(
    tmp_path: Path, info: Any, complaint: str
) -> None:
    with pytest.raises(TableError, match=complaint) as caught:
        imported(tmp_path, trt_profile("conv1"), layer_info=info)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "board.csv").exists()


def ort_event(name: str, op: str, us: Any, inputs: list[Any], output: list[int]) -> dict[str, Any]:
    return {
        "cat": "Node", "pid": 1, "tid": 2, "dur": us, "ts": 3, "ph": "X",
        "name": f"{name}_kernel_time",
        "args": {
            "op_name": op, "provider": "CPUExecutionProvider", "node_index": "0",
            "input_type_shape": inputs, "output_type_shape": [{"float": output}],
        },
    }  # fmt: skip


def floats(*sizes: list[int]) -> list[dict[str, list[int]]]:
    return [{"float": size} for size in sizes]


def test_onnxruntime_s_layers_by_the_network(tmp_path: Path) -> None:
    """As onnxruntime writes it: profiled here, with a network of several kinds of layers."""
    onnxruntime = pytest.importorskip("onnxruntime")
    import numpy as np

    from netadapt.latency.runtimes.onnxruntime.layer_models import repeated_model
    from netadapt.latency.runtimes.reference import reference

    layer = LayerShape("conv2d", 16, 24, (3, 3), (2, 2), ONE, ONE, 1, 28, 28, "hardswish")
    network = tmp_path / "network.onnx"
    network.write_bytes(repeated_model(layer, reference(layer), 2, 0.01))
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "ort")
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    feeds = {node.name: np.ones(node.shape, np.float32) for node in session.get_inputs()}
    for _ in range(4):
        session.run(None, feeds)
    text = Path(session.end_profiling()).read_text()
    found = imported(tmp_path, text, network=network)
    rows = {row.shape: row for row in found.rows}
    assert rows[layer].samples == 6  # three runs, of which the first doesn't count, of two
    assert rows[layer].schedule == "onnxruntime"
    assert all("conversion" in one.reason or "no kernel" in one.reason for one in found.left_out)
    events = [e for e in json.loads(text) if e["name"].startswith("layer0")]
    slowest = sum(e["dur"] for e in events) / 1e3
    assert 0 < rows[layer].latency_ms < slowest


def test_onnxruntime_s_layers_whose_sizes_say_it_all(tmp_path: Path) -> None:
    x, y = [1, 8, 14, 14], [1, 16, 14, 14]
    events = [
        {"cat": "Session", "name": "model_run", "dur": 90, "ph": "X", "args": {}},
        *(
            ort_event("conv1_nchwc", "Conv", us, floats(x, [16, 8, 1, 1], [16]), y)
            for us in (900, 30, 50)
        ),
        ort_event("conv2", "Conv", 70, floats(y, [16, 16, 3, 3]), y),
        ort_event("add", "Add", 10, floats(y, y), y),
        ort_event("mul", "Add", 10, floats(y, [1]), y),
        ort_event("pool", "MaxPool", 10, floats(y), [1, 16, 7, 7]),
        ort_event("int8", "QLinearConv", 10, [{"uint8": y}], y),
        ort_event("half", "Conv", 10, [{"float16": y}], y),
        ort_event("none", "Add", 0, floats(y, y), y),
    ]
    found = imported(tmp_path, events)
    assert {str(row.shape): row.latency_ms for row in found.rows} == {
        "conv2d 8→16 k1 @14×14 any": pytest.approx(0.04),  # the first run doesn't count
        "add 16→16 @14×14": pytest.approx(0.01),
    }
    reasons = {one.name: one.reason for one in found.left_out}
    assert "its stride and padding don't stand" in reasons["conv2"]
    assert "expected two of one size" in reasons["mul"]
    assert "--network FILE.onnx" in reasons["pool"]
    assert "a QLinearConv node" in reasons["int8"]
    assert "it reads float16" in reasons["half"]
    assert reasons["none"] == "its events have no times"


@pytest.mark.parametrize("content", [b"", b"\x00\xff nothing"])
def test_what_is_no_network_is_said(tmp_path: Path, content: bytes) -> None:
    network = tmp_path / "network.onnx"
    network.write_bytes(content)
    y = [1, 16, 14, 14]
    with pytest.raises(TableError, match=r"network\.onnx"):
        imported(tmp_path, [ort_event("a", "Add", 9, floats(y, y), y)], network=network)


def test_one_table_holds_one_engine_and_keeps_what_was_measured(tmp_path: Path) -> None:
    trt, ort = tmp_path / "trt.json", tmp_path / "ort.json"
    trt.write_text(json.dumps(trt_profile("conv1")))
    y = [1, 16, 14, 14]
    ort.write_text(json.dumps([ort_event("a", "Add", 9, floats(y, y), y)]))
    out = tmp_path / "board.csv"
    with pytest.raises(TableError, match="of TensorRT and onnxruntime; one table holds one"):
        import_profiles("board", [trt, ort], out, Beside())
    other = tmp_path / "other.log"
    other.write_text("{}")
    assert profile_format(other) is None
    with pytest.raises(TableError, match=r"other\.log is no profile that is known"):
        import_profiles("board", [ort, other], out, Beside())
    import_profiles("board", [ort], out, Beside())
    out.write_text(out.read_text().replace("published", "measured"))
    with pytest.raises(TableError, match="holds 1 measured rows"):
        import_profiles("board", [ort], out, Beside())


def test_the_command_lists_what_it_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    y = [1, 16, 14, 14]
    events = [
        ort_event("add", "Add", 10, floats(y, y), y),
        ort_event("pool", "MaxPool", 20, floats(y), [1, 16, 7, 7]),
    ]
    file, out = tmp_path / "ort.json", tmp_path / "board.csv"
    file.write_text(json.dumps(events))
    netadapt = heard(capsys)
    code, printed, told = netadapt("lut", "import", file, "--device", "board", "--out", out)
    assert code == 0
    assert printed == f"{out}: 1 row of onnxruntime in float32, 1 layer left out\n"
    assert "left out pool (0.02 ms): a MaxPool node" in told
    code, printed, _ = netadapt("lut", "import", file, "--device", "board", "--out", out, "--json")
    assert json.loads(printed)["layers_left_out"][0]["name"] == "pool"


def test_an_option_of_the_other_kind_of_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile, log = tmp_path / "ort.json", tmp_path / "tune.log"
    y = [1, 16, 14, 14]
    profile.write_text(json.dumps([ort_event("add", "Add", 10, floats(y, y), y)]))
    log.write_text("{}\n")
    netadapt = heard(capsys)
    out = ("--device", "board", "--out", tmp_path / "board.csv")
    code, _, told = netadapt("lut", "import", profile, "--also", log, *out)
    assert code == 2
    assert f"{profile} is an engine's profile; leave them out" in told
    code, _, told = netadapt("lut", "import", log, "--network", profile, *out)
    assert code == 2
    assert f"{log} is none by trtexec, onnxruntime or benchmark_model" in told
    assert not (tmp_path / "board.csv").exists()


ODD = [None, -1, 0, 10**400, 1e999, "x", True, [], {}, [10**400, 1], [[]]]


def spoiled(content: Any) -> Iterator[Any]:
    """`content` with one of its values replaced by an odd one, each in turn."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        replaced = ODD if not isinstance(value, (dict, list)) else [*ODD, *spoiled(value)]
        for odd in replaced:
            changed = dict(content) if isinstance(content, dict) else list(content)
            changed[key] = odd
            yield changed


@pytest.mark.parametrize("what", ["trtexec's profile", "layer info", "onnxruntime's profile"])
def test_whatever_stands_in_a_file_is_rows_or_a_reason(what: str) -> None:
    y = [1, 16, 14, 14]
    event = ort_event("conv", "Conv", 9, floats(y, [16, 16, 1, 1]), y)
    times = trt_profile("conv")
    good = {
        "trtexec's profile": times,
        "layer info": trt_layer("conv"),
        "onnxruntime's profile": [event],
    }[what]
    for content in spoiled(good):
        if what == "layer info":
            try:
                _layer_of(content)
            except Untold:
                continue
        elif what == "trtexec's profile":
            read_trtexec_profile(content, None)
        else:
            rows_of(read_onnxruntime_profile(content, None), "onnxruntime")
