"""Opens what a training, an evaluation or a search works on: a device to compute on, and data.

`rooms` names a small set of rendered rooms that is made on first use and kept in the cache folder;
everything else is a data set's folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import nn

from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.datasets import open_all_splits, open_depth_data
from netadapt.depth.data.subsets import Joined
from netadapt.depth.data.transforms import PUBLISHED_RANGE, AugmentationRange
from netadapt.depth.fastdepth.folded import needs_batch_norm, restore_batch_norm
from netadapt.depth.training.recipe import RECIPES
from netadapt.errors import InputError
from netadapt.networks.config import ModelConfig, NetworkConfig
from netadapt.training.processes import Processes
from netadapt.training.task import DepthTask, Task
from netadapt.training.tasks import TaskRequest

DEMO_SCENES = 160
DEMO_FRAMES_A_SCENE = 3
DEMO_SEED = 20_000
"""Far from the seeds that shipped models are trained on, so their demo rooms are unseen."""

ALL_SPLITS = "all"

RESTORING_BATCHES = 32
"""Batches of 8 training frames that folded weights get their batch-norm statistics from."""


def compute_device(name: str | None = None) -> torch.device:
    """Where to compute: `name`, or a GPU when there is one.

    Raises InputError when the device isn't there.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"cannot compute on '{name}' ({str(error).splitlines()[0]}); expected cpu, cuda or "
            f"cuda:N, or leave --compute out"
        ) from None
    return device


def data_folder(data: str, progress: Callable[[int, int], None] | None = None) -> Path:
    """The folder of `data`: a path, or `rooms`, which is rendered into the cache on first use."""
    if not _are_demo_rooms(data):
        folder = Path(data)
        open_depth_data(folder, "train")  # says at once what is wrong with it
        return folder
    return _demo_rooms(progress)


def open_for_evaluation(data: str, split: str) -> DepthSource:
    """A split of `data`, a path or `rooms`; or, where `split` is 'all', each of its images once."""
    folder = _demo_rooms(None) if _are_demo_rooms(data) else Path(data)
    return open_all_splits(folder) if split == ALL_SPLITS else open_depth_data(folder, split)


def _are_demo_rooms(data: str) -> bool:
    return data == "rooms" and not Path(data).is_dir()


def _demo_rooms(progress: Callable[[int, int], None] | None) -> Path:
    """The folder of the demo's rooms, which are rendered when they aren't there yet."""
    from netadapt.depth.rooms import RENDERER_VERSION, write_rooms_pack

    folder = cache_folder() / f"rooms-{RENDERER_VERSION}-{DEMO_SEED}-{DEMO_SCENES}"
    write_rooms_pack(
        folder,
        scenes=DEMO_SCENES,
        frames_per_scene=DEMO_FRAMES_A_SCENE,
        seed=DEMO_SEED,
        workers=os.cpu_count() or 1,
        progress=progress,
    )
    return folder


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/netadapt, or ~/.cache/netadapt."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "netadapt"


def open_task(
    folder: Path | Sequence[Path],
    size: tuple[int, int] = (224, 224),
    *,
    loss: str = "l1",
    holdout_images: int | None = None,
    compute: torch.device | str = "cpu",
    processes: Processes | None = None,
    augmentation: AugmentationRange = PUBLISHED_RANGE,
) -> DepthTask:
    """The depth task of the train and holdout splits of a data set, or of several as one.

    `size` is (height, width). Raises DataError for a set that lacks one of the two.
    """
    processes = processes or Processes()
    folders = [folder] if isinstance(folder, Path) else folder
    return DepthTask(
        Joined([open_depth_data(each, "train") for each in folders]),
        Joined([open_depth_data(each, "holdout") for each in folders]),
        size,
        loss=loss,
        holdout_images=holdout_images,
        compute=compute,
        rank=processes.rank,
        world_size=processes.world_size,
        augmentation=augmentation,
    )


def ready_to_train(
    model: nn.Module, config: ModelConfig, task: Task, seed: int, say: Callable[[str], None]
) -> ModelConfig:
    """Give folded weights their batch norm back, in place; the config that says so.

    Weights with batch norm of their own are left as they are. `say` is told what was done.
    """
    if not needs_batch_norm(model, config):
        return config
    stream = islice(task.training_batches(8, seed), RESTORING_BATCHES)
    images = restore_batch_norm(model, (inputs for inputs, _ in stream))
    say(
        f"batch norm is folded into these weights: measured its statistics again on {images} "
        f"training frames, so that they can be trained"
    )
    return replace(config, batch_norm="restored") if isinstance(config, NetworkConfig) else config


def open_depth_task(request: TaskRequest) -> Task:
    """Depth, for a search."""
    height, width = request.input_shapes[0][-2:]
    return open_task(
        data_folder(request.data, request.progress),
        (height, width),
        loss="log-l1",
        holdout_images=request.holdout_images,
        compute=request.compute,
        augmentation=RECIPES["default"].augmentation,
    )
