"""The files of a training's folder, by name, and how such a folder is told from a run's."""

from __future__ import annotations

from pathlib import Path

from netadapt.networks.store import TRAJECTORY_NAME

SETTINGS_FILE = "training.json"
"""Everything that decides the training."""

HISTORY_FILE = "history.csv"
"""A row an epoch."""

STATE_FILE = "state.safetensors"
"""Where it stands: weights, their average, the optimizers."""


def is_training(folder: Path) -> bool:
    """Whether a folder holds a training, not a pruning run."""
    return (folder / HISTORY_FILE).is_file() and not (folder / TRAJECTORY_NAME).is_file()
