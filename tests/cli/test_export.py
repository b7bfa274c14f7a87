"""`netadapt export` of a network of one's own: fewer bits, code that stands alone, mistakes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnxruntime
import pytest
from command import one_line

from netadapt.networks import build, save_model
from netadapt.networks.config import FactoryConfig

OWN = """
import torch
from torch import nn
from netadapt import ClassificationTask

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AvgPool2d(6), nn.Flatten(),
                         nn.Linear(8, 3))

def task():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(48, 3, 8, 8, generator=generator)
    with torch.no_grad():
        labels = network()(images).argmax(1)      # the network is always right
    made = ClassificationTask((images, labels), (images, labels))
    made.deployment_notes = {"output": "scores of three colours"}
    return made
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder, beside the module that makes its network and task."""
    (tmp_path / "own_export.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_export", raising=False)
    config = FactoryConfig("own_export:network", input_shapes=((1, 3, 8, 8),))
    save_model(tmp_path / "own", build(config).eval(), config)
    return tmp_path / "own"


def test_fewer_bits_beside_float32(netadapt, own):
    options = ("--precision", "int8", "--task", "own_export:task", "--max-loss", "0.1")
    code, out, err = netadapt("export", own, *options)
    assert code == 0, err
    written, judged, heads, accuracy, *_, size = out.splitlines()
    assert written.startswith("own-int8.onnx: input 1×3×8×8")
    assert judged.startswith("int8: ")
    assert "layers in float32" in judged
    assert heads.split() == ["torch", "float32", "onnx", "int8"]
    assert accuracy.split()[:2] == ["accuracy", "1.0000"]
    assert float(accuracy.split()[2]) >= 0.9
    assert size.split()[0] == "size_mb"
    session = onnxruntime.InferenceSession("own-int8.onnx", providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert about["netadapt.precision"] == "int8"
    assert about["netadapt.output"] == "scores of three colours"


def test_a_folder_that_stands_alone(netadapt, own):
    code, out, err = netadapt("export", own, "--format", "pytorch", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["folder"] == "own-pytorch"
    assert report["largest_difference"] == 0
    assert "from own_export import network as make" in Path(report["code"]).read_text()
    again = netadapt("export", own, "--format", "pytorch", "--quiet")
    assert again[0] == 0  # a folder of its own kind is replaced


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--precision", "int8"), "nothing says what task"),
        (("--precision", "int4"), "called 'int4'; choose one of float32, float16, int8"),
        (("--max-loss", "0.1"), "--max-loss is for what is judged; add --precision int8"),
        (("--precision", "int8", "--max-loss", "-1"), "--max-loss is -1.0; expected 0 or more"),
        (("--precision", "int8", "--task", "own_export:none"), "has no function 'none'"),
        (("--precision", "int8", "--task", "depth"), "on what data is the task depth opened?"),
        (
            ("--precision", "int8", "--task", "own_export:task", "--data", "here"),
            "opens its own data; leave out --data here",
        ),
        (
            ("--format", "pytorch", "--precision", "int8"),
            "--precision is for --format onnx; leave it out for pytorch",
        ),
    ],
)
def test_mistakes_take_one_line(netadapt, own, options, said):
    code, out, err = netadapt("export", own, *options, "--quiet")
    assert (code, out) == (2, "")
    assert said in one_line(err)
    assert sorted(path.name for path in Path().iterdir() if path.name[0] not in "._") == [
        "own", "own_export.py",
    ]  # fmt: skip
