"""TensorBoard event files, made from a CSV that grows: a scalar a column of numbers, a step a row.

They hold nothing that the CSV doesn't, so they are written anew when a training or a search goes
on.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from netadapt.errors import MissingExtraError, OutputError

FOLDER = "tensorboard"


class EventLog:
    """Writes `out`/tensorboard beside the file `rows` in `out`; call it with each new row.

    `step` is the column that counts. Raises MissingExtraError when tensorboard isn't installed.
    """

    def __init__(self, out: Path | str, rows: str = "history.csv", step: str = "epoch") -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtraError.of("tensorboard", "tensorboard") from None
        self._open = SummaryWriter
        self._out, self._rows, self._step = Path(out), rows, step
        self._writer: Any = None

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Add a row that stands in the file already; the first call adds those before it."""
        try:
            if self._writer is not None:
                self._add(row)
                return
            folder = self._out / FOLDER
            shutil.rmtree(folder, ignore_errors=True)
            self._writer = self._open(str(folder))
            for earlier in pd.read_csv(self._out / self._rows).to_dict("records"):
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
            is_number = isinstance(value, (int, float)) and not math.isnan(value)
            if is_number and name != self._step:
                self._writer.add_scalar(name, value, int(row[self._step]))
        self._writer.flush()
