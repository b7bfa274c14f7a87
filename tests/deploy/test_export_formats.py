"""The forms a network is deployed in: one that is added from outside, and options of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from netadapt.deploy.base import ExportFormat, ExportRequest
from netadapt.deploy.registry import FORMATS, export
from netadapt.errors import InputError
from netadapt.networks import save_model
from netadapt.networks.config import FactoryConfig
from tests.docstring_examples import names_of_example


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1))


def test_a_form_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    save_model(folder, plain(), FactoryConfig("test_export_formats:plain"))
    made = names_of_example(ExportFormat)["Weights"]()
    with FORMATS.temporarily("weights", made):
        product = export("weights", ExportRequest(str(folder), tmp_path / "plain.pt"))
        with pytest.raises(InputError, match="--dynamic-batch is for --format onnx; leave it out"):
            export("weights", ExportRequest(str(folder), dynamic_batch=True))
    assert product.place == tmp_path / "plain.pt"
    assert list(torch.load(product.place)) == ["0.weight", "0.bias"]
    with pytest.raises(InputError, match="no format called 'weights'; choose one of onnx, tvm"):
        export("weights", ExportRequest(str(folder)))


def test_every_option_is_one_of_a_request() -> None:
    known = set(ExportRequest.__dataclass_fields__)
    for name in FORMATS.names():
        assert FORMATS[name].options <= known
