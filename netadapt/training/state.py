"""Where a training stands, as one safetensors file: weights, their average, the optimizer.

No pickles: tensors are tensors, and what else there is to remember is JSON in the header.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from netadapt.errors import RunError, in_words
from netadapt.files import atomic_path
from netadapt.training.optimizers import Optimizers


def save_training_state(
    path: Path,
    model: nn.Module,
    average: AveragedModel | None,
    optimizers: Optimizers,
    epoch: int,
) -> None:
    """Write what is needed to go on after `epoch` epochs, atomically."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{k}": v for k, v in average.module.state_dict().items()}
    tensors |= {f"optimizer.{k}": v for k, v in optimizers.state_tensors().items()}
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        # Written by us, so that a full disk is the OSError it is.
        temporary.write_bytes(save(contiguous, metadata={"state": json.dumps({"epoch": epoch})}))


def load_training_state(
    path: Path,
    model: nn.Module,
    average: AveragedModel | None,
    optimizers: Optimizers,
) -> int:
    """Put everything back in place; gives the number of epochs done.

    Raises RunError when the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, "pt") as stream:
            epoch = int(json.loads(stream.metadata()["state"])["epoch"])
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        model.load_state_dict(_under("model.", tensors))
        if average is not None:
            average.module.load_state_dict(_under("average.", tensors))
        optimizers.load_state_tensors(_under("optimizer.", tensors))
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{path} can't be continued from ({in_words(error)}); move {path.parent} away to begin "
            f"anew"
        ) from error
    return epoch


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
