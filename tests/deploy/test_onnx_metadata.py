"""What an ONNX file says of its network, as onnxruntime reads it."""

from __future__ import annotations

import json

import onnxruntime
import pytest

from netadapt.deploy.onnx_metadata import notes_of, with_metadata
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.errors import InputError
from netadapt.latency.runtimes.base import SMALL
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.reference import reference
from netadapt.networks.build import as_config
from netadapt.networks.config import FactoryConfig
from netadapt.version import __version__
from tests.depth.fastdepth.thin import thin_widths

MODEL = layer_model(SMALL, reference(SMALL))


def about(content: bytes) -> dict[str, str]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return dict(session.get_modelmeta().custom_metadata_map)


def test_the_file_says_whose_it_is() -> None:
    config = FastDepthConfig(widths=thin_widths(8), input_size=(32, 64))
    said = about(with_metadata(MODEL, config))
    assert said["netadapt.version"] == __version__
    assert said["netadapt.network"] == "mobilenet-nnconv5dw-skipadd"
    assert json.loads(said["netadapt.widths"]) == config.complete().widths
    assert as_config(json.loads(said["netadapt.config"])) == config
    assert "[batch, 3, 32, 64]" in said["netadapt.input"]
    assert "metres" in said["netadapt.output"]
    assert "divide by 255" in said["netadapt.preprocessing"]


@pytest.mark.parametrize("notes", ["metres", {"output": 1}, {1: "metres"}])
def test_notes_that_are_no_texts(notes: object) -> None:
    owner = type("Mine", (), {"deployment_notes": notes})()
    with pytest.raises(InputError, match=r"deployment_notes of Mine are .*expected texts by name"):
        notes_of(owner)


def test_what_is_added_replaces_what_was_there() -> None:
    config = FactoryConfig("my_nets:thin", widths={"conv1": 5})
    once = with_metadata(MODEL, config, {"precision": "float32"})
    said = about(with_metadata(once, config, {"precision": "int8"}))
    assert said["netadapt.precision"] == "int8"
    assert json.loads(said["netadapt.widths"]) == {"conv1": 5}
    assert "netadapt.output" not in said
