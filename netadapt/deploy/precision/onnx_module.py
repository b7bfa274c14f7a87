"""An ONNX model as a torch module, so that a task evaluates it as it does the network itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from netadapt.deploy.onnx_file import open_session
from netadapt.deploy.precision.holdout_inputs import ordered
from netadapt.errors import ModelError, in_words
from netadapt.networks.network_outputs import changed_outputs


class OnnxModule(nn.Module):
    """Computes in onnxruntime what `network`, which it was exported from, computes in torch.

    Its output has the form of the network's: a tensor, tuple, dict or dataclass. A file of a fixed
    batch is given its images one after another.
    """

    def __init__(self, content: bytes, network: nn.Module, path: str) -> None:
        super().__init__()
        self.network = network
        self._path = path
        self._session = open_session(content, path)
        self._form: Any = None

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        inputs = ordered(self.network, arguments, keywords)
        if self._form is None:
            with torch.no_grad():
                self._form = self.network(*(tensor[:1] for tensor in inputs))
        batch = self._session.get_inputs()[0].shape[0]
        size = batch if isinstance(batch, int) else len(inputs[0])
        parts = zip(*(torch.split(tensor, size) for tensor in inputs), strict=True)
        outputs = zip(*(self.run(part) for part in parts), strict=True)
        joined = iter([torch.cat(tensors) for tensors in outputs])
        return changed_outputs(self._form, lambda tensor: next(joined))

    def run(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        """The tensors of the output, in order."""
        names = [node.name for node in self._session.get_inputs()]
        feeds = {
            name: tensor.detach().cpu().numpy() for name, tensor in zip(names, inputs, strict=True)
        }
        try:
            return [torch.from_numpy(array) for array in self._session.run(None, feeds)]
        except Exception as error:  # onnxruntime's own classes share no base
            raise ModelError(
                f"onnxruntime can't run the exported {self._path} ({in_words(error)})"
            ) from error
