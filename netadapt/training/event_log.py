"""TensorBoard event files of a training, made from its history: a scalar a column, a step an epoch.

They hold nothing that history.csv doesn't, so they are written anew when a training goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from netadapt.errors import MissingExtraError, OutputError

FOLDER = "tensorboard"
LEFT_OUT = ("epoch", "size")


class EventLog:
    """Writes `out`/tensorboard beside `out`/history.csv; call it with each epoch's row.

    Raises MissingExtraError when tensorboard isn't installed.
    """

    def __init__(self, out: Path | str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError.of("tensorboard", "tensorboard") from None
        self._open = SummaryWriter
        self._out = Path(out)
        self._writer: Any = None

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Add an epoch that stands in history.csv already; the first call adds those before it."""
        try:
            if self._writer is not None:
                self._add(row)
                return
            folder = self._out / FOLDER
            shutil.rmtree(folder, ignore_errors=True)
            self._writer = self._open(str(folder))
            for earlier in pd.read_csv(self._out / "history.csv").to_dict("records"):
                self._add({str(name): value for name, value in earlier.items()})
        except OSError as error:
            raise OutputError(
                f"cannot write {self._out / FOLDER}: {error.strerror or error}; free some space, "
                f"then run the command again with --resume"
            ) from error

    def close(self) -> None:
        """Finish the event file."""
        if self._writer is not None:
            self._writer.close()

    def _add(self, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if name not in LEFT_OUT:
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()
