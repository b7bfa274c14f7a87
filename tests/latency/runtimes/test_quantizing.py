"""int8 through onnxruntime: what is quantized stays near torch, and is timed as what it is."""

from __future__ import annotations

import io
import logging
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from netadapt.errors import InputError, TableError
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.measure.table_build import open_table
from netadapt.latency.runtimes.base import SMALL, UnsupportedLayer, WrongOutput
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.onnxruntime.quantizing import quantized
from netadapt.latency.runtimes.onnxruntime.runtime import OnnxRuntime
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table_row import TableRow
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

INT8 = DeviceProfile("here", "onnxruntime", precision="int8", seconds=0.01)


def test_layers_in_int8_are_near_torch_and_timed() -> None:
    runtime = OnnxRuntime(INT8)
    for layer in EVERY_KIND[::9]:
        assert 0 < runtime.measure(layer).latency_ms < 50


def test_a_model_is_really_int8() -> None:
    import onnx

    model = onnx.load_from_string(quantized(layer_model(SMALL, reference(SMALL)), "a layer"))
    kinds = {item.data_type for item in model.graph.initializer if item.name.startswith("y.w")}
    assert onnx.TensorProto.INT8 in kinds
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in model.graph.node}


def test_float32_is_held_to_more_than_int8() -> None:
    values = reference(SMALL)
    off = values.output + 0.01 * abs(values.output).max()
    compare(SMALL, off, values.output, "int8")
    with pytest.raises(WrongOutput):
        compare(SMALL, off, values.output)


def test_a_whole_network_in_int8(caplog: pytest.LogCaptureFixture) -> None:
    layer = shape("conv2d", 8, 8, 3, 1, 1, size=(32, 32), activation="relu6")
    network = layer_model(layer, reference(layer))
    heard = io.StringIO()
    level = logging.getLogger().level
    with redirect_stderr(heard):
        assert OnnxRuntime(INT8).measure_network(network).latency_ms > 0
    assert not heard.getvalue()
    assert not caplog.records
    assert logging.getLogger().level == level


def test_what_can_not_be_quantized_is_told_in_a_line() -> None:
    with pytest.raises(UnsupportedLayer, match="can't quantize the network to int8") as caught:
        OnnxRuntime(INT8).measure_network(b"no network")
    assert "\n" not in str(caught.value)


def test_rows_of_another_precision_are_another_table_s() -> None:
    with open_runtime(load_profile("host-ort-int8", environment={})) as runtime:
        assert runtime.describe()["schedule"] == "onnxruntime-int8"
    assert load_profile("host-ort-int8", environment={}).to_meta()["precision"] == "int8"
    assert "precision" not in load_profile("host-ort", environment={}).to_meta()


def test_rows_of_two_precisions_never_stand_in_one_table(tmp_path: Path) -> None:
    path = tmp_path / "here.csv"
    float32 = DeviceProfile("here", "onnxruntime")
    with open_runtime(float32) as runtime:
        table = open_table(float32, runtime, path)
    table.append(TableRow(SMALL, 0.1, 0.01, 8, schedule="onnxruntime"))
    with open_runtime(INT8) as runtime, pytest.raises(TableError, match="don't belong in one"):
        open_table(INT8, runtime, path)


@pytest.mark.parametrize(
    ("runtime", "known"), [("onnxruntime", "float32, int8"), ("fake", "float32")]
)
def test_a_precision_that_a_runtime_has_not_is_refused(runtime: str, known: str) -> None:
    profile = DeviceProfile("here", runtime, precision="float16")
    complaint = f"precision is 'float16', but {runtime} is timed in {known}"
    with pytest.raises(InputError, match=complaint), open_runtime(profile):
        pass
