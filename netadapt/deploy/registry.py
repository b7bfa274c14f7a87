"""The forms that a network can be deployed in, by the name that `--format` gives.

What ships is imported when it is first asked for; an installed package offers others as entry
points of the group 'netadapt.formats'. Which option is for which form is decided here alone.
"""

from __future__ import annotations

from dataclasses import fields

from netadapt.deploy.base import ExportFormat, ExportRequest, Product
from netadapt.errors import InputError
from netadapt.registry import Registry

FORMATS: Registry[ExportFormat] = Registry(
    "format",
    {
        "onnx": "netadapt.deploy.onnx_format:FORMAT",
        "tvm": "netadapt.deploy.tvm_format:FORMAT",
        "pytorch": "netadapt.deploy.pytorch_format:FORMAT",
    },
    group="netadapt.formats",
)

ALWAYS = frozenset({"model", "out", "find_task", "say"})
"""Fields of a request that are no option of a format."""


def export(format: str, request: ExportRequest) -> Product:
    """Write the network that is asked for in a form, which compares it with torch.

    Raises InputError for an unknown form, or an option that it hasn't; and what the form raises.
    """
    chosen = FORMATS[format]
    for name in _given(request) - chosen.options:
        takers = [other for other in FORMATS.names() if name in FORMATS[other].options]
        raise InputError(
            f"--{name.replace('_', '-')} is for --format {' or '.join(takers)}; leave it out for "
            f"{format}"
        )
    return chosen.export(request)


def _given(request: ExportRequest) -> set[str]:
    """The options of a request that aren't as they are by default."""
    return {
        entry.name
        for entry in fields(request)
        if entry.name not in ALWAYS and getattr(request, entry.name) != entry.default
    }
