"""An iteration's network on disk, written so that damage that comes later is noticed.

Beside the model folder's files lie their sums, as the program sha256sum writes and checks them.
Which checkpoint a run goes on from is the run's folder's affair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import InputError, OutputError, in_words
from netadapt.files import clear_half_written_of, write_text
from netadapt.networks.store import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    read_config,
    read_tensors,
    save_model,
)

SUMS = "sha256sums.txt"
_FILES = (WEIGHTS_NAME, CONFIG_NAME)


def write_checkpoint(folder: Path, model: nn.Module, config: Mapping[str, Any]) -> None:
    """Write `model` as a model folder, then the sums of its files. Raises OutputError."""
    for name in (*_FILES, SUMS):
        clear_half_written_of(folder / name)
    save_model(folder, model, dict(config))
    lines = (f"{_sum_of(folder / name)}  {name}\n" for name in _FILES)
    write_text(folder / SUMS, "".join(lines))


def damage_of(folder: Path) -> str:
    """What is wrong with a checkpoint, in a few words; '' where it is whole.

    One without sums, of an older version, is whole where it can be read.
    """
    try:
        for name in _FILES:
            if not (folder / name).is_file():
                return f"it has no {name}"
        if not (folder / SUMS).exists():
            return _unreadable(folder)
        sums = _read_sums(folder / SUMS)
        changed = [name for name in _FILES if sums.get(name) != _sum_of(folder / name)]
    except (OSError, ValueError) as error:
        return in_words(error)
    return f"{' and '.join(changed)} changed since it was written" if changed else ""


def set_aside(folder: Path) -> Path | None:
    """Rename a damaged checkpoint to where nothing looks for one; None where there is none.

    Raises OutputError.
    """
    if not folder.exists():
        return None
    aside, number = folder.with_name(f"{folder.name}.damaged"), 1
    while aside.exists():
        number += 1
        aside = folder.with_name(f"{folder.name}.damaged-{number}")
    try:
        folder.rename(aside)
    except OSError as error:
        raise OutputError(
            f"{folder} is damaged and can't be moved aside ({in_words(error)}); move it away, then "
            f"run the command again with --resume"
        ) from error
    return aside


def _sum_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_sums(file: Path) -> dict[str, str]:
    """The sum of each file that a file of sums names."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {name: found for found, _, name in (line.partition("  ") for line in lines)}


def _unreadable(folder: Path) -> str:
    try:
        read_config(folder)
        read_tensors(folder / WEIGHTS_NAME)
    except InputError as error:
        return in_words(error)
    return ""
