"""Where each image of an imported set goes: the name of its file, and the split it is in.

A set comes either as one recording, whose last part in time is held out, or with an assignment of
each image to train or val, perhaps with its scene; then whole scenes are held out. Where the
assignment comes from, and what the images are, is left to the imports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from netadapt.depth.data.base import SPLITS
from netadapt.errors import DataError

HOLDOUT_OF_SCENES = 0.1
"""Share of the training images that is held out where a split is given."""

LONGEST_NAME = 255
"""Bytes of a file's name, on all that Linux writes to."""

OFFICIAL = "official"
"""FastDepth's name for the folder of the images to evaluate on."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """What is known of an image: its split (train, holdout or val), and its scene, '' if unknown.

    Images of the split 'train' may still be held out.
    """

    split: str
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """The file of each image below the set's folder, in the images' order, and the splits."""

    names: tuple[str, ...]
    splits: dict[str, list[str]]

    @property
    def counts(self) -> dict[str, int]:
        """Images a split."""
        return {split: len(names) for split, names in self.splits.items()}


def check_holdout(share: float) -> None:
    """Raise DataError unless `share` is from 0 to 1."""
    if not 0.0 <= share <= 1.0:
        raise DataError(f"--holdout is {share:g}, expected a share from 0 to 1")


def places_in_time(folder: str, count: int, holdout: float) -> Places:
    """`count` images of one recording: the last `holdout` share is holdout, and val too."""
    names = tuple(f"train/{folder}/{number:05d}.h5" for number in range(1, count + 1))
    first_held_out = count - round(holdout * count)
    held_out = list(names[first_held_out:])
    return Places(
        names, {"train": list(names[:first_held_out]), "holdout": held_out, "val": held_out}
    )


def places_by_split(
    folder: str,
    assigned: Sequence[Assigned],
    holdout: float,
    seed: int = 0,
    *,
    numbers: Sequence[int] | None = None,
) -> Places:
    """Files as FastDepth names them: train/<scene>/NNNNN.h5 and val/official/NNNNN.h5.

    NNNNN is an image's place in `assigned`, from 1, or what `numbers` say; `folder` stands for a
    scene that isn't known.
    About `holdout` of the training images are held out by `held_out`, unless some are in the split
    'holdout' already.
    """
    numbers = range(1, len(assigned) + 1) if numbers is None else numbers
    names = tuple(
        f"val/{OFFICIAL}/{number:05d}.h5"
        if image.split == "val"
        else f"train/{_folder_name(image.scene) or folder}/{number:05d}.h5"
        for number, image in zip(numbers, assigned, strict=True)
    )
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    train = [index for index, image in enumerate(assigned) if image.split == "train"]
    given = any(image.split == "holdout" for image in assigned)
    chosen = set() if given else held_out([assigned[index].scene for index in train], holdout, seed)
    moved = {train[position] for position in chosen}
    for index, (name, image) in enumerate(zip(names, assigned, strict=True)):
        splits["holdout" if index in moved else image.split].append(name)
    return Places(names, splits)


def held_out(scenes: Sequence[str], share: float, seed: int = 0) -> set[int]:
    """Which of the images, whose scenes these are, are held out: whole scenes, about `share`.

    With fewer than two scenes, images are chosen one by one. The choice depends on `seed` and on
    the names and sizes of the scenes alone.
    """
    wanted = round(share * len(scenes))
    if wanted == 0:
        return set()
    random = Random(f"netadapt holdout {seed}")
    distinct = sorted(set(scenes))
    if len(distinct) < 2:
        return set(random.sample(range(len(scenes)), wanted))
    if wanted == len(scenes):
        return set(range(len(scenes)))
    images: dict[str, list[int]] = {scene: [] for scene in distinct}
    for index, scene in enumerate(scenes):
        images[scene].append(index)
    random.shuffle(distinct)
    chosen: set[int] = set()
    for scene in distinct:
        if len(chosen) + len(images[scene]) <= wanted:
            chosen.update(images[scene])
    if not chosen:  # each scene is more than what is wanted: the smallest is nearest to it
        smallest = min(images, key=lambda scene: len(images[scene]))
        chosen.update(images[smallest])
    return chosen


def _folder_name(scene: str) -> str:
    """A scene's name as a folder's: nothing in it that leads elsewhere or is hidden.

    Raises DataError for one that no file system takes.
    """
    name = re.sub(r"[^\w.-]+", "_", scene).strip("._")
    if (length := len(name.encode())) > LONGEST_NAME:
        raise DataError(
            f"the scene '{name[:40]}…' has a name of {length} bytes, which becomes a folder's; "
            f"expected at most {LONGEST_NAME}: shorten it"
        )
    return name
