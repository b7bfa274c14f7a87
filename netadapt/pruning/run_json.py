"""run.json: all that a run was asked, said once, and what must be the same when it goes on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from netadapt.errors import InputError, RunError
from netadapt.files import write_text
from netadapt.pruning.constraints.registry import single_budget
from netadapt.pruning.settings import SearchSettings
from netadapt.shipped import PACKAGE_DIR
from netadapt.version import __version__

RUN_JSON = "run.json"


@dataclass(frozen=True)
class RunAbout:
    """What a run was asked.

    `budget` maps the constraint's name to the most there may be, `identity` is what the constraint
    must be known by again, `network` the config that builds the network given; `opened` is how the
    command line opened network and task, {} for a run from Python; `source` says in a line where
    the constraint's figures come from.
    """

    budget: Mapping[str, float]
    settings: SearchSettings
    network: Mapping[str, Any]
    weights_sha256: str
    identity: Mapping[str, Any] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "budget": dict(self.budget),
            "settings": self.settings.to_json(),
            "network": dict(self.network),
            "weights_sha256": self.weights_sha256,
            "constraint": dict(self.identity),
            "opened": dict(self.opened),
            "source": self.source,
        }

    @classmethod
    def read(cls, run: Path | str) -> RunAbout:
        """What the run at `run` was asked. Raises RunError without a run.json, or a damaged one."""
        file = Path(run) / RUN_JSON
        content = read_run_json(run)
        try:
            return cls(
                dict([single_budget(content["budget"])]),
                SearchSettings.from_json(content["settings"]),
                dict(content["network"]),
                str(content["weights_sha256"]),
                dict(content["constraint"]),
                dict(content["opened"]),
                str(content["source"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise RunError(
                f"{file} is damaged, or another version's ({error}); start a new run with --out"
            ) from None


DECIDING = ("task", "data", "holdout_images")
"""Of how network and task were opened, what changes the rows; the network itself is compared by
its config and weights."""


def require_same(run: Path, old: RunAbout, new: RunAbout) -> None:
    """Raise RunError, naming the first difference, unless a run may go on as `new`."""
    for before, now in (
        (_named(old.budget), _named(new.budget)),
        (old.settings.to_json(), new.settings.to_json()),
        ({"network": old.network}, {"network": new.network}),
        ({"weights_sha256": old.weights_sha256}, {"weights_sha256": new.weights_sha256}),
        (old.identity, new.identity),
        ({key: old.opened.get(key) for key in DECIDING},
         {key: new.opened.get(key) for key in DECIDING}),
    ):  # fmt: skip
        was, is_now = (json.loads(json.dumps(dict(part))) for part in (before, now))
        for key in dict.fromkeys((*was, *is_now)):
            if was.get(key) != is_now.get(key):
                raise RunError(
                    f"{run} was started with {key} = {was.get(key)}, not {is_now.get(key)}; resume "
                    f"it as it was, or start another run with --out"
                )


def _named(budget: Mapping[str, float]) -> dict[str, float]:
    return {f"the budget on {name}": most for name, most in budget.items()}


def write_run_json(run: Path, about: RunAbout) -> None:
    """Write `run`/run.json, with what it runs on and when it began."""
    content = {
        **about.to_json(),
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
    write_text(run / RUN_JSON, json.dumps(content, indent=2) + "\n")


def read_run_json(run: Path | str) -> dict[str, Any]:
    """The whole of a run's run.json. Raises RunError when it is missing or no JSON object."""
    file = Path(run) / RUN_JSON
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{run} is not a run's folder: it has no {RUN_JSON}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{file} is damaged ({error}); start a new run with --out") from None
    if not isinstance(content, dict):
        raise RunError(f"{file} is damaged (no JSON object); start a new run with --out")
    return content


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
