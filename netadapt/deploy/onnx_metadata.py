"""What an ONNX file says of its network, in its own metadata: who made it, widths, units.

onnxruntime gives it as `session.get_modelmeta().custom_metadata_map`, texts by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netadapt.errors import InputError
from netadapt.extras import needed
from netadapt.networks.config import ModelConfig
from netadapt.training.task import Task
from netadapt.users_code import users_code
from netadapt.version import __version__

PREFIX = "netadapt."


def with_metadata(
    content: bytes, config: ModelConfig, more: Mapping[str, str] | None = None
) -> bytes:
    """The ONNX model with what is known of the network; `more` is added, or replaces it.

    netadapt.version, netadapt.network          0.1.0, mobilenet-nnconv5dw-skipadd
    netadapt.config                             the model folder's config.json
    netadapt.widths                             {"conv0": 16, …}
    netadapt.input, netadapt.output, …          what the config's `deployment_notes` say
    """
    onnx = needed("onnx", "onnx")
    proto = onnx.load_from_string(content)
    described = config.complete()
    known = {
        "version": __version__,
        "network": config.name,
        "config": json.dumps(config.to_json()),
        "widths": json.dumps(dict(described.widths)),
        **notes_of(config),
        **(more or {}),
    }
    onnx.helper.set_model_props(proto, {f"{PREFIX}{name}": text for name, text in known.items()})
    return bytes(proto.SerializeToString())


def notes_of(owner: ModelConfig | Task) -> dict[str, str]:
    """What a config or a task tells of inputs and outputs: preprocessing and units, in words.

    Either may have the member `deployment_notes`, texts by name; nothing where it hasn't. Raises
    InputError where that holds anything else.
    """
    what = f"deployment_notes of {type(owner).__name__}"
    with users_code(what):
        notes: Any = getattr(owner, "deployment_notes", {})
    if not isinstance(notes, Mapping) or not all(
        isinstance(text, str) for entry in notes.items() for text in entry
    ):
        raise InputError(
            f"{what} are {notes!r:.60}; expected texts by name, {{'output': 'metres'}}"
        )
    return dict(notes)
