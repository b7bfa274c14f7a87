"""The precisions that an ONNX file may be exported in, by the name that `--precision` gives.

An installed package offers others as entry points of the group 'netadapt.precisions'.
"""

from __future__ import annotations

from netadapt.deploy.precision.base import Precision
from netadapt.registry import Registry

_ROOM = "netadapt.deploy.precision"

FILE_PRECISIONS: Registry[Precision] = Registry(
    "precision",
    {
        "float32": f"{_ROOM}.full_precision:FLOAT32",
        "float16": f"{_ROOM}.half_precision:FLOAT16",
        "int8": f"{_ROOM}.static_int8:INT8",
    },
    group="netadapt.precisions",
)
