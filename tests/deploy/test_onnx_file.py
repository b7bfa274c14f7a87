"""ONNX files: what they hold, and that a wrong one never appears."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from netadapt.deploy import onnx_file as onnx_export
from netadapt.deploy.onnx_file import export_model
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.errors import ModelError, OutputError
from netadapt.networks import build, load_model, save_model
from netadapt.networks.config import FactoryConfig
from tests.depth.fastdepth.thin import thin_widths

THIN = thin_widths(8)


class Normed(nn.Module):
    """The smallest network with a batch norm to fold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.conv(image)).relu()


class Undecided(Normed):
    """What it does depends on the values it sees: no fixed graph."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) if image.sum() > 0 else image


class Sided(nn.Module):
    """A layer that fails inside a block, and one that mixes images."""

    def __init__(self, mixed: nn.Module) -> None:
        super().__init__()
        self.stem = Normed()
        self.block = nn.Sequential(mixed)

    def forward(self, image: Tensor) -> Tensor:
        return self.block(self.stem(image))


class Mixing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, -1)


class Inverting(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.inv(x[..., :8, :8])


def mixing() -> nn.Module:
    return Sided(Mixing())


def inverting() -> nn.Module:
    return Sided(Inverting())


def deciding() -> nn.Module:
    return Sided(Undecided()).requires_grad_(False)


def normed() -> nn.Module:
    return Normed()


def undecided() -> nn.Module:
    return Undecided()


def saved(folder: Path, factory: str, network: nn.Module) -> Path:
    config = FactoryConfig(f"test_onnx_file:{factory}", input_shapes=((1, 3, 8, 12),))
    save_model(folder, network, config)
    return folder


@pytest.fixture
def small(tmp_path) -> Path:
    torch.manual_seed(0)
    network = Normed()
    for _ in range(3):
        network(torch.rand(4, 3, 8, 12))
    return saved(tmp_path / "small", "normed", network.eval())


def test_the_file_computes_what_the_network_does(tmp_path):
    torch.manual_seed(0)
    config = FastDepthConfig(widths=THIN, input_size=(64, 96))
    network = build(config)
    network.get_submodule("decode_conv6")[1].bias.data.fill_(2.5)
    network(torch.rand(4, 3, 64, 96))
    save_model(tmp_path / "thin", network, config)
    exported = export_model(str(tmp_path / "thin"), tmp_path / "thin.onnx")
    assert exported.input_shapes == ((1, 3, 64, 96),)
    assert 0 < exported.largest_difference < exported.tolerance < 1e-2
    session = onnxruntime.InferenceSession(exported.file, providers=["CPUExecutionProvider"])
    assert [(node.name, node.shape) for node in session.get_inputs()] == [("input", [1, 3, 64, 96])]
    assert [(node.name, node.shape) for node in session.get_outputs()] == [
        ("output", [1, 1, 64, 96])
    ]
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        expected = load_model(tmp_path / "thin")(image).numpy()
    got = session.run(None, {"input": image.numpy()})[0]
    assert expected.max() > 1
    np.testing.assert_allclose(got, expected, atol=1e-4)
    operators = {node.op_type for node in onnx.load(exported.file).graph.node}
    assert "BatchNormalization" not in operators
    assert b"/netadapt/" not in exported.file.read_bytes()  # no paths of this machine


def test_a_name_without_out_is_written_here(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export_model("small").file == Path("small.onnx")
    assert onnxruntime.InferenceSession("small.onnx", providers=["CPUExecutionProvider"])


def test_a_file_that_differs_is_not_written(small, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "export_onnx", slightly_wrong(1.01))
    out = tmp_path / "small.onnx"
    out.write_text("the file before")
    with pytest.raises(ModelError, match=r"differs from the network by .* nothing was written"):
        export_model(str(small), out)
    assert out.read_text() == "the file before"


class Labelled(Normed):
    """Labels that are large beside scores that are small, and numbers that are none."""

    def forward(self, image: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        scores = super().forward(image) * 1e-3
        return {"label": scores.argmax(1) + 1000, "scores": scores, "none": scores / 0}


def labelled() -> nn.Module:
    return Labelled()


def test_each_output_is_compared_by_its_own_size(tmp_path, monkeypatch):
    folder = saved(tmp_path / "labelled", "labelled", Labelled())
    exported = export_model(str(folder), tmp_path / "labelled.onnx")
    assert exported.outputs == ("label", "scores", "none")
    monkeypatch.setattr(onnx_export, "export_onnx", slightly_wrong(1.01))
    with pytest.raises(ModelError, match=r"differs from the network by .* nothing was written"):
        export_model(str(folder), tmp_path / "wrong.onnx")
    monkeypatch.setattr(onnx_export, "export_onnx", slightly_wrong(float("nan")))
    with pytest.raises(ModelError, match="differs from the network by inf"):
        export_model(str(folder), tmp_path / "wrong.onnx")
    assert not (tmp_path / "wrong.onnx").exists()


def slightly_wrong(factor: float) -> Callable[[nn.Module, tuple[Tensor, ...]], bytes]:
    """An exporter whose first weights are wrong by a factor."""
    good = onnx_export.export_onnx

    def damaged(model: nn.Module, example: tuple[Tensor, ...], **more: bool) -> bytes:
        proto = onnx.load_from_string(good(model, example, **more))
        weights = proto.graph.initializer[0]
        values = numpy_helper.to_array(weights) * np.float32(factor)
        weights.CopyFrom(numpy_helper.from_array(values, weights.name))
        return bytes(proto.SerializeToString())

    return damaged


def test_a_network_that_cannot_be_exported(tmp_path):
    folder = saved(tmp_path / "undecided", "undecided", Undecided())
    with pytest.raises(
        ModelError, match=r"to ONNX failed: .*test_onnx_file\.py:\d+ in f"
    ) as refused:
        export_model(str(folder), tmp_path / "undecided.onnx")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "undecided.onnx").exists()


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("inverting", r"its layer block\.0: .*in forward: ONNX has no operator for linalg_inv_ex"),
        ("deciding", r"its layer block\.0: exporting Sided to ONNX failed: .*in forward: Guard"),
    ],
)
def test_the_layer_that_cannot_be_exported_is_named(tmp_path, capfd, caplog, factory, said):
    folder = saved(tmp_path / factory, factory, globals()[factory]())
    with pytest.raises(ModelError, match=said):
        export_model(str(folder), tmp_path / "out.onnx")
    assert capfd.readouterr() == ("", "")
    assert not [heard for heard in caplog.records if heard.levelno >= logging.WARNING]
    assert [file.name for file in tmp_path.iterdir()] == [factory]


def test_any_number_of_images_at_a_time(small, tmp_path):
    exported = export_model(str(small), tmp_path / "small.onnx", dynamic_batch=True)
    session = onnxruntime.InferenceSession(exported.file, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 3, 8, 12]
    assert session.get_outputs()[0].shape == ["batch", 4, 8, 12]
    images = torch.rand(5, 3, 8, 12)
    with torch.no_grad():
        expected = load_model(small)(images).numpy()
    got = session.run(None, {"input": images.numpy()})[0]
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_images_that_are_mixed_have_no_dynamic_batch(tmp_path):
    folder = saved(tmp_path / "mixing", "mixing", mixing())
    with pytest.raises(ModelError, match=r"output output is .*it isn't by images; leave out"):
        export_model(str(folder), tmp_path / "any.onnx", dynamic_batch=True)
    assert not (tmp_path / "any.onnx").exists()


def test_a_folder_that_cannot_be_written(small, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(onnx_export, "make_file", None)  # told before anything is computed
    for place in (tmp_path / "file" / "deep" / "small.onnx", tmp_path):
        with pytest.raises(OutputError, match="cannot write"):
            export_model(str(small), place)
