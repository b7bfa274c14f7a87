"""A run's folder: what it was asked, what it decided, and every network it kept.

The commit point of an iteration is its row in `trajectory.csv`; a checkpoint or a candidate beyond
the last row belongs to an iteration that was interrupted. One process at a time may write a run.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netadapt import __version__
from netadapt.errors import OutputError, RunError
from netadapt.files import PACKAGE_DIR, write_text
from netadapt.journal import CsvJournal
from netadapt.networks.store import WEIGHTS_NAME, load_weights, save_model
from netadapt.pruning.records import candidate_columns, trajectory_columns

Row = dict[str, str]


class RunFolder:
    """Open `path` for a run with `configuration`, which must stay the same when it is resumed.

    `arguments` is what the command line needs to start it again, `table` says in a line where the
    milliseconds come from. Raises RunError when the folder exists and `resume` is false, when
    another process writes it, or when the configuration differs.
    """

    def __init__(
        self,
        path: Path | str,
        configuration: Mapping[str, Any],
        metrics: tuple[str, ...],
        *,
        resume: bool = False,
        arguments: Mapping[str, Any] | None = None,
        table: str = "",
    ) -> None:
        self.path = Path(path)
        configuration = dict(json.loads(json.dumps(configuration)))
        if (self.path / "run.json").exists():
            if not resume:
                raise RunError(
                    f"{self.path} exists already; add --resume to continue it, or choose another "
                    f"folder with --out"
                )
            _require_same(self.path, read_run(self.path)["configuration"], configuration)
        else:
            if self.path.exists() and any(self.path.iterdir()):
                raise RunError(
                    f"{self.path} exists and is not a run's folder (it has no run.json); choose "
                    f"another folder with --out"
                )
            _write_run(self.path, configuration, dict(arguments or {}), table)
        self._lock = _lock(self.path)
        self.trajectory = CsvJournal(self.path / "trajectory.csv", trajectory_columns(metrics))
        self.candidates = CsvJournal(self.path / "candidates.csv", candidate_columns(metrics))

    def close(self) -> None:
        """Let another process write the run."""
        self._lock.close()

    def checkpoint(self, iteration: int) -> Path:
        """Where the network of `iteration` is kept."""
        return self.path / f"iter_{iteration:03d}"

    def save(self, iteration: int, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Keep the network of `iteration`."""
        save_model(self.checkpoint(iteration), model, dict(config))

    def load_weights(self, iteration: int, model: nn.Module) -> None:
        """Give `model`, which has the widths of `iteration`, the weights that were kept."""
        load_weights(model, self.checkpoint(iteration) / WEIGHTS_NAME)

    def commit(self, row: Mapping[str, object]) -> None:
        """Mark the chosen candidate, then append the iteration's row: the commit point."""
        chosen = [str(row[name]) for name in ("group", "width_after")]
        rows: list[Row] = self.candidates.rows()
        for candidate in rows:
            if candidate["iteration"] == str(row["iteration"]):
                same = [candidate["group"], candidate["width_after"]] == chosen
                candidate["chosen"] = "1" if same else "0"
        self.candidates.replace(rows)
        self.trajectory.append(row)


def read_run(path: Path | str) -> dict[str, Any]:
    """The contents of a run's run.json. Raises RunError when it is missing or damaged."""
    file = Path(path) / "run.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        content["configuration"], content["arguments"]
    except FileNotFoundError:
        raise RunError(f"{path} is not a run's folder: it has no run.json") from None
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged ({error}); start a new run with --out") from None
    return dict(content)


def _write_run(
    path: Path, configuration: dict[str, Any], arguments: dict[str, Any], table: str
) -> None:
    content = {
        "configuration": configuration,
        "arguments": arguments,
        "table": table,
        "environment": {
            "netadapt": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
            "threads": torch.get_num_threads(),
            "git_commit": _git_commit(),
        },
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_text(path / "run.json", json.dumps(content, indent=2) + "\n")


def _require_same(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            raise RunError(
                f"{path} was started with {key} = {old.get(key)}, not {new.get(key)}; resume it as "
                f"it was, or start another run with --out"
            )


def _lock(path: Path) -> Any:
    try:
        stream = (path / ".lock").open("w")
    except OSError as error:
        raise OutputError(f"cannot write in {path}: {error.strerror}") from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        raise RunError(
            f"{path} is being written by another process; wait for it, or choose another folder "
            f"with --out"
        ) from None
    return stream


def _git_commit() -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(PACKAGE_DIR.parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
