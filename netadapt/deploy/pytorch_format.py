"""`--format pytorch`: a state dict and one file of Python that builds the network without netadapt.

    model.safetensors    the weights
    network.py           the network's code: `load()` gives it with its weights

The code is the config's to tell where it knows it (`standalone_code`); of a network that a user's
function makes it is written in `factory_code.py`.
"""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from netadapt.deploy.base import ExportRequest, Product
from netadapt.deploy.comparison import require_same
from netadapt.deploy.factory_code import factory_code
from netadapt.deploy.onnx_metadata import notes_of
from netadapt.deploy.standalone import Standalone
from netadapt.errors import ModelError
from netadapt.files import atomic_folder
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.network_outputs import named_outputs
from netadapt.networks.store import WEIGHTS_NAME, find_model, load_model, read_config, state_of
from netadapt.users_code import users_code
from netadapt.version import __version__

CODE_NAME = "network.py"


class PytorchFormat:
    """A folder for programs that have torch and not netadapt."""

    options: frozenset[str] = frozenset()

    def export(self, request: ExportRequest) -> Product:
        """Write the folder once its code, run from there, gives what the network gives."""
        request.say(f"exporting {request.model}")
        source = find_model(request.model)
        config, model = read_config(source), load_model(source)
        name = Path(request.model).resolve().name
        folder = request.out or Path(f"{name}-pytorch")
        code = _code_of(config, model, request.model)
        weights = {**state_of(model), **code.buffers}
        with atomic_folder(folder, CODE_NAME) as made:
            held = {
                key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
                for key, value in weights.items()
            }
            (made / WEIGHTS_NAME).write_bytes(save(held, metadata={"format": "pt"}))
            (made / CODE_NAME).write_text(_file(code, name, config), encoding="utf-8")
            again = loaded(made / CODE_NAME, request.model)

            def run(inputs: list[Tensor]) -> list[Tensor]:
                with users_code(f"the exported code of {request.model}", ModelError):
                    return [tensor for _, tensor in named_outputs(again(*inputs))]

            same = require_same(
                model,
                run,
                config.input_shapes,
                request.model,
                "Its code can't be told by the network's modules alone; take --format onnx",
            )
            size = sum(file.stat().st_size for file in made.iterdir())
        return Product(
            folder,
            f"{folder}: {CODE_NAME} and {WEIGHTS_NAME}, {size / 1e6:.1f} MB; differs from the "
            f"network by at most {same.difference:.2g}",
            {
                "folder": folder,
                "code": folder / CODE_NAME,
                "weights": folder / WEIGHTS_NAME,
                "input_shapes": config.input_shapes,
                "largest_difference": same.difference,
                "largest_output": same.largest,
                "size_bytes": size,
            },
            following=f"in Python, in {folder}: from network import load; network = load()",
        )


def _code_of(config: ModelConfig, model: nn.Module, path: str) -> Standalone:
    """The code that builds the network. Raises ModelError for a config that can't tell it."""
    own: Any = getattr(config, "standalone_code", None)
    if own is not None:
        return Standalone(own())
    if isinstance(config, FactoryConfig):
        return factory_code(config, model, path)
    raise ModelError(
        f"{path}: the config of {config.name} has no standalone_code, which gives the network's "
        f"code; take --format onnx"
    )


def _file(code: Standalone, name: str, config: ModelConfig) -> str:
    """The whole network.py."""
    shapes = ", ".join(str(list(shape)) for shape in config.input_shapes)
    notes = "".join(
        f"{textwrap.fill(f'{key}: {text}', 88, subsequent_indent='    ')}\n"
        for key, text in notes_of(config).items()
    )
    needs = f"torch, safetensors{code.needs}"
    return f'''"""The network {name} ({config.name}), written by netadapt {__version__}.

It needs {needs}; not netadapt. Inputs at batch 1: {shapes}.
{notes}
    from network import load
    network = load()          # in evaluation mode, weights from {WEIGHTS_NAME} beside this file
"""

from __future__ import annotations

from pathlib import Path

{code.text.strip()}


def load(weights: Path | str = Path(__file__).with_name("{WEIGHTS_NAME}")) -> nn.Module:
    """The network with the weights of that file, in evaluation mode."""
    network, tensors = build(), load_file(weights)
{_buffers(code)}    network.load_state_dict(tensors)
    return network.eval()
'''


def _buffers(code: Standalone) -> str:
    """The lines that set the buffers which a state dict hasn't."""
    return "".join(
        f"    network.get_submodule({name.rpartition('.')[0]!r})._buffers"
        f"[{name.rpartition('.')[2]!r}] = tensors.pop({name!r})\n"
        for name in code.buffers
    )


def loaded(file: Path, path: str) -> nn.Module:
    """The network as a program would load it from there."""
    spec = importlib.util.spec_from_file_location("network_exported_by_netadapt", file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    with users_code(f"the exported code of {path}", ModelError, "take --format onnx"):
        spec.loader.exec_module(module)
        network: nn.Module = module.load()
    return network


FORMAT = PytorchFormat()
