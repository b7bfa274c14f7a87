"""A training's folder: its files by name, how it is opened, and how it is told from a run's.

What it is written by is in `epochs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from netadapt.errors import RunError
from netadapt.files import clear_half_written_of, holds_others, write_text
from netadapt.locks import LOCK, held
from netadapt.networks.store import CONFIG_NAME, TRAJECTORY_NAME, WEIGHTS_NAME
from netadapt.outside import outside_json_object
from netadapt.remarks import remark
from netadapt.training.processes import Processes

SETTINGS_FILE = "training.json"
"""Everything that decides the training."""

HISTORY_FILE = "history.csv"
"""A row an epoch."""

STATE_FILE = "state.safetensors"
"""Where it stands: weights, their average, the optimizers."""


def history_columns(facts: Iterable[str], metrics: Iterable[str]) -> tuple[str, ...]:
    """The columns of HISTORY_FILE, for a task that has these facts and metrics."""
    before = ("epoch", *facts, "learning_rate", "loss")
    return (*before, *metrics, "images_per_second", "seconds")


def metrics_among(columns: Iterable[str]) -> list[str]:
    """Which of the columns of a HISTORY_FILE are its task's metrics, in their order."""
    names = [*columns]
    return names[names.index("loss") + 1 : names.index("images_per_second")]


def is_training(folder: Path) -> bool:
    """Whether a folder holds a training, not a pruning run."""
    return (folder / HISTORY_FILE).is_file() and not (folder / TRAJECTORY_NAME).is_file()


def require_no_training(out: Path) -> None:
    """Raise RunError where a training has begun in `out` already."""
    if (out / SETTINGS_FILE).exists():
        raise RunError(
            f"{out} exists already; add --resume to continue it, or move it away to begin anew"
        )


def discard_unbegun(out: Path) -> None:
    """Take a training away of which no epoch is whole: what is wrong with it is said, not kept."""
    if (out / STATE_FILE).exists() or not (out / SETTINGS_FILE).exists():
        return  # a whole epoch is kept, and what isn't a training's is another's
    for name in (SETTINGS_FILE, HISTORY_FILE, CONFIG_NAME, WEIGHTS_NAME, LOCK):
        (out / name).unlink(missing_ok=True)
    with suppress(OSError):  # what else a user keeps there stays
        out.rmdir()


@contextmanager
def training_folder(
    out: Path,
    settings: Mapping[str, Any],
    older_recipe: Mapping[str, Any],
    *,
    resume: bool,
    processes: Processes,
) -> Iterator[None]:
    """Begin the training that `settings` decide in `out`, or go on with it; nobody else writes it.

    `older_recipe` has the fields of 'recipe' that an older version couldn't say. Raises RunError
    where it exists and `resume` is false, was started otherwise, or is under way.
    """
    with held(out, RunError) if processes.is_first else nullcontext():
        _open(out, settings, older_recipe, resume=resume, processes=processes)
        yield


def _open(
    out: Path,
    settings: Mapping[str, Any],
    older_recipe: Mapping[str, Any],
    *,
    resume: bool,
    processes: Processes,
) -> None:
    if not resume:
        require_no_training(out)
    file = out / SETTINGS_FILE
    settings = json.loads(json.dumps(settings))
    if file.exists():
        _require_same(out, settings, older_recipe)
    elif holds_others(out, SETTINGS_FILE):
        raise RunError(f"{out} exists and is not a training's folder; move it away")
    processes.wait()
    if not processes.is_first:
        processes.wait()
        return
    for name in (SETTINGS_FILE, HISTORY_FILE, STATE_FILE, CONFIG_NAME, WEIGHTS_NAME):
        clear_half_written_of(out / name)
    if not file.exists():
        if resume:
            remark(f"{out} holds no training: this begins one")
        write_text(file, json.dumps(settings, indent=2) + "\n")
    processes.wait()


def _require_same(out: Path, settings: Mapping[str, Any], older_recipe: Mapping[str, Any]) -> None:
    """Raise RunError unless the training in `out` was begun with `settings`."""
    file = out / SETTINGS_FILE
    try:
        old = outside_json_object(file, RunError)
        if not isinstance(old.get("recipe", {}), dict):
            raise RunError(f"recipe is {old['recipe']!r}, expected an object")
    except RunError as error:
        raise RunError(f"{file} is damaged ({error}); move {out} away and start again") from None
    old["recipe"] = {**older_recipe, **old.get("recipe", {})}
    for key, value in settings.items():
        if old.get(key) != value:
            raise RunError(
                f"{out} was started with another {key} ({old.get(key)}, not {value}); resume it "
                f"as it was, or move it away to begin anew"
            )
