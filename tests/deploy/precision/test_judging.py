"""Fewer bits: what they cost a task, which layers are left in float32, and what refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from netadapt.deploy.onnx_file import OnnxModel, make_file
from netadapt.deploy.precision.base import Precision
from netadapt.deploy.precision.judging import Judged, judged
from netadapt.deploy.precision.onnx_module import OnnxModule
from netadapt.deploy.precision.registry import FILE_PRECISIONS
from netadapt.errors import InputError, ModelError
from netadapt.networks import save_model
from netadapt.networks.config import FactoryConfig
from netadapt.networks.network_outputs import main_output
from tests.docstring_examples import names_of_example


class Ranged(nn.Module):
    """Eight layers; between `wide` and `narrow` one channel is 3000 times as large as others."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.wide = nn.Conv2d(8, 8, 1)
        self.narrow = nn.Conv2d(8, 8, 1)
        self.rest = nn.Sequential(
            *(layer for _ in range(5) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
        )
        for parameter in self.parameters():
            parameter.data.abs_()
        self.wide.weight.data[0] *= 3000
        self.narrow.weight.data[:, 0] /= 3000

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.narrow(self.wide(self.stem(image).relu()).relu()).relu()
        return {"depth": self.rest(x)}


def ranged() -> nn.Module:
    return Ranged()


class Near:
    """How near the outputs are to those of the network in torch, 1 where they are the same."""

    metrics = ("nearness",)

    def __init__(self) -> None:
        self.images = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            self.wanted = main_output(ranged()(self.images))

    def loss(self, output: Any, target: Any) -> Tensor:
        raise NotImplementedError

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Any]:
        raise NotImplementedError

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            outputs = [main_output(model(image=part)) for part in self.images.split(4)]
        apart = (torch.cat(outputs) - self.wanted).abs().mean() / self.wanted.abs().mean()
        return {"nearness": 1 - float(apart)}


class Elsewhere(Near):
    """It evaluates another network than the one that it is given."""

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        return super().evaluate(ranged())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    folder = tmp_path_factory.mktemp("models") / "ranged"
    save_model(folder, ranged(), FactoryConfig("test_judging:ranged", input_shapes=((1, 3, 8, 8),)))
    return make_file(str(folder))


def judge(made: OnnxModel, precision: str, max_loss: float, task: Any = None) -> Judged:
    heard: list[str] = []
    found = judged(
        FILE_PRECISIONS[precision], made, task or Near(), max_loss, "ranged", heard.append
    )
    assert heard[0].startswith("nearness is")
    return found


def kinds(content: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(content).graph.node}


def test_layers_that_hurt_stay_in_float(made: OnnxModel) -> None:
    found = judge(made, "int8", 0.02)
    assert set(found.left) == {"wide", "narrow"}
    assert (found.layers, found.images) == (8, 6)
    assert found.before["nearness"] == pytest.approx(1, abs=1e-6)
    assert 0.98 <= found.after["nearness"] < 1
    assert 0 < found.compared.difference < 0.1 * found.compared.largest
    graph = onnx.load_from_string(found.content).graph
    held = {item.name: item.data_type for item in graph.initializer}
    assert held["wide.weight"] == held["narrow.weight"] == onnx.TensorProto.FLOAT
    assert held["rest.0.weight_quantized"] == onnx.TensorProto.INT8


def test_no_layer_is_left_where_none_need_be(made: OnnxModel) -> None:
    careless = judge(made, "int8", 1.0)
    assert not careless.left
    assert careless.after["nearness"] < 0.98  # what leaving two layers mends
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds(careless.content)
    half = judge(made, "float16", 0.01)
    assert not half.left
    assert len(half.content) < len(made.content)
    assert onnx.TensorProto.FLOAT16 in {
        item.data_type for item in onnx.load_from_string(half.content).graph.initializer
    }
    same = judge(made, "float32", 1e-5)
    assert same.content == made.content
    assert same.after == pytest.approx(same.before)


def test_what_costs_too_much_is_refused(made: OnnxModel) -> None:
    with pytest.raises(ModelError, match=r"of nearness .* with 2 of 8 layers .* --max-loss"):
        judge(made, "int8", 1e-6)


def test_a_task_that_looks_at_another_network(made: OnnxModel) -> None:
    with pytest.raises(ModelError, match="evaluate of the task Elsewhere didn't call the network"):
        judged(FILE_PRECISIONS["int8"], made, Elsewhere(), 0.01, "ranged", print)


def test_a_file_as_a_module(made: OnnxModel) -> None:
    module = OnnxModule(made.content, made.network, "ranged")
    images = torch.rand(3, 3, 8, 8)
    with torch.no_grad():
        expected = made.network(images)
    torch.testing.assert_close(module(images), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ModelError, match="can't run the exported ranged"):
        module(torch.rand(1, 3, 8, 9))


def test_a_precision_of_ones_own(made: OnnxModel) -> None:
    rounded = names_of_example(Precision)["Rounded"]()
    with FILE_PRECISIONS.temporarily("rounded", rounded):
        assert judge(made, "rounded", 0.01).content == made.content


def test_an_unknown_precision() -> None:
    with pytest.raises(InputError, match="'int4'; choose one of float32, float16, int8"):
        FILE_PRECISIONS["int4"]
