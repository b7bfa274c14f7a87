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

import numpy
import scipy
import torch

from netadapt.errors import InputError, RunError
from netadapt.files import write_text
from netadapt.networks.trusted_functions import RUN_JSON as RUN_JSON
from netadapt.networks.trusted_functions import profile_as_function, sealed
from netadapt.outside import outside_json_object
from netadapt.pruning.constraints.amounts import budget_of
from netadapt.pruning.constraints.registry import read_budget
from netadapt.pruning.settings import SearchSettings
from netadapt.shipped import PACKAGE_DIR
from netadapt.version import __version__

VERSIONS = {
    "netadapt": __version__,
    "torch": str(torch.__version__),
    "numpy": numpy.__version__,
    "scipy": scipy.__version__,
}
"""What computes a run's numbers: another version may round otherwise."""


@dataclass(frozen=True)
class RunAbout:
    """What a run was asked.

    `budget` maps each constraint's name to the most there may be, `asked` to what the user said
    where that was a part of what the network takes; `identity` is what they must be known by again,
    `network` the config that builds the network given; `opened` is how the command line opened
    network and task, {} for a run from Python; `source` says in a line where the constraint's
    figures come from.
    """

    budget: Mapping[str, float]
    settings: SearchSettings
    network: Mapping[str, Any]
    weights_sha256: str
    identity: Mapping[str, Any] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    asked: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def as_asked(self) -> dict[str, float | str]:
        """The budget as the user said it."""
        return {**self.budget, **self.asked}

    @property
    def known_parts(self) -> dict[str, tuple[float | str, float]]:
        """Of budgets that are a part of what the network takes: what was said, and how much."""
        return {n: (asked, self.budget[n]) for n, asked in self.asked.items() if n in self.budget}

    @property
    def functions(self) -> list[str]:
        """What it names that is run: of network and task, and a device's profile, which may hold
        a command."""
        named = (self.network.get("factory"), self.opened.get("model"), self.opened.get("task"))
        profile = self.opened.get("profile")
        profiles = [] if profile is None else [profile_as_function(profile)]
        return [str(name) for name in named if name is not None] + profiles

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "budget": dict(self.budget),
            **({"budget_asked": dict(self.asked)} if self.asked else {}),
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
                {
                    name: budget_of(name, content["budget"][name])
                    for name in read_budget(content["budget"])
                },
                SearchSettings.from_json(content["settings"]),
                dict(content["network"]),
                str(content["weights_sha256"]),
                dict(content["constraint"]),
                _opened(content["opened"]),
                str(content["source"]),
                _asked(content),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise RunError(
                f"{file} is damaged, or another version's ({error}); start a new run with --out"
            ) from None


def _opened(content: Mapping[str, Any]) -> dict[str, Any]:
    """Raises TypeError where a name in it is none: it decides what is imported."""
    opened = dict(content)
    for name in ("model", "task", "data"):
        if not isinstance(opened.get(name), str | None):
            raise TypeError(f"opened.{name} is {opened[name]!r:.40}, expected a name")
    return opened


def _asked(content: Mapping[str, Any]) -> dict[str, float | str]:
    asked = content.get("budget_asked")
    return {} if asked is None else {name: a.asked for name, a in read_budget(asked).items()}


DECIDING = ("task", "data", "holdout_images")
"""Of how network and task were opened, what changes the rows; the network itself is compared by
its config and weights."""


def require_same(run: Path, old: RunAbout, new: RunAbout) -> None:
    """Raise RunError, naming the first difference, unless a run may go on as `new`.

    Its budgets may be lower.
    """
    _require_no_more(run, old.budget, new.budget)
    for before, now in (
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


def _require_no_more(run: Path, old: Mapping[str, float], new: Mapping[str, float]) -> None:
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            raise RunError(
                f"{run} was started with budgets on {', '.join(old)}, not {', '.join(new)}; resume "
                f"it as it was, or start another run with --out"
            )
        if now > was:
            raise RunError(
                f"{run} was started with the budget on {name} = {was}, not {now}; what was cut "
                f"doesn't grow back, so a run goes on to lower budgets only: start another run "
                f"with --out"
            )


def write_run_json(run: Path, about: RunAbout) -> None:
    """Write `run`/run.json, with what it runs on and when it began."""
    content = {
        **about.to_json(),
        "environment": {
            **VERSIONS,
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
            "threads": torch.get_num_threads(),
            "git_commit": _git_commit(),
        },
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **sealed(about.functions),
    }
    write_text(run / RUN_JSON, json.dumps(content, indent=2) + "\n")


def lower_budget(run: Path, about: RunAbout) -> None:
    """Let `run`/run.json say the budget of `about`, and all else as it did."""
    asked = {key: value for key, value in about.to_json().items() if key in _BUDGET}
    content = {key: value for key, value in read_run_json(run).items() if key not in _BUDGET}
    write_text(run / RUN_JSON, json.dumps({**asked, **content}, indent=2) + "\n")


_BUDGET = ("budget", "budget_asked")


def read_run_json(run: Path | str) -> dict[str, Any]:
    """The whole of a run's run.json. Raises RunError when it is missing or no JSON object."""
    file = Path(run) / RUN_JSON
    if not file.exists():
        raise RunError(f"{run} is not a run's folder: it has no {RUN_JSON}")
    try:
        return outside_json_object(file, RunError)
    except RunError as error:
        raise RunError(f"{file} is damaged ({error}); start a new run with --out") from None


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
