"""Opens the data that a depth network is trained or evaluated on, and the task made of it.

`rooms` names a small set of rendered rooms that is made on first use and kept in the cache folder;
everything else is a data set's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from netadapt.cache_folder import cache_folder
from netadapt.cores import usable_cores
from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.datasets import open_all_splits, open_depth_data
from netadapt.depth.data.pack import is_pack
from netadapt.depth.data.subsets import Joined
from netadapt.depth.data.transforms import PUBLISHED_RANGE, AugmentationRange
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.recipe import RECIPES
from netadapt.errors import InputError
from netadapt.training.processes import Processes
from netadapt.training.tasks import TaskRequest

DEMO_SCENES = 160
DEMO_FRAMES_A_SCENE = 3
DEMO_SEED = 20_000
"""Far from the seeds that shipped models are trained on, so their demo rooms are unseen."""

ALL_SPLITS = "all"

SHORT_TERM_LOSS = "log-l1"
SHORT_TERM_AUGMENTATION = RECIPES["default"].augmentation
"""A handful of steps should move a network towards what the holdout asks: relative errors, on
images that aren't enlarged (experiments/few-steps)."""


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
    if not is_pack(folder) and progress is not None:
        progress(0, DEMO_SCENES * DEMO_FRAMES_A_SCENE)  # whoever won't wait can say so at once
    write_rooms_pack(
        folder,
        scenes=DEMO_SCENES,
        frames_per_scene=DEMO_FRAMES_A_SCENE,
        seed=DEMO_SEED,
        workers=usable_cores(),
        progress=progress,
        wait=True,
    )
    return folder


def open_task(
    folder: Path | Sequence[Path],
    size: tuple[int, int] = INPUT_SIZE,
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


def open_depth_task(request: TaskRequest) -> DepthTask:
    """The task `depth` of a search: its data is a data set's folder or `rooms`, or several of them
    with commas between, of which all are trained on, and the first one's holdout judges.

    Raises InputError for a network that takes no single image, DataError as reading does.
    """
    shape = request.input_shapes[0]
    if len(request.input_shapes) != 1 or len(shape) != 4:
        raise InputError(
            f"depth is of one image, and the network takes {list(request.input_shapes)}; give a "
            f"task of your own with --task package.module:function"
        )
    folders = [data_folder(name, request.progress) for name in _sets(request.data)]
    return DepthTask(
        Joined([open_depth_data(each, "train") for each in folders]),
        open_depth_data(folders[0], "holdout"),
        (shape[2], shape[3]),
        loss=SHORT_TERM_LOSS,
        holdout_images=request.holdout_images,
        compute=request.compute,
        augmentation=SHORT_TERM_AUGMENTATION,
    )


def _sets(data: str) -> list[str]:
    """The data sets that `data` names; a folder may have a comma in its name."""
    return [data] if Path(data).exists() else data.split(",")
