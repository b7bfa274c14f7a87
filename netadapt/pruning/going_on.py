"""A run that is resumed: what it was asked, where it stands, and what refuses it at once.

Its folder is opened, locked and mended by `run_folder.py`, after all else was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from netadapt.errors import ModelError, RunError, in_words
from netadapt.graph import LayerGraph
from netadapt.networks.store import TRAJECTORY_NAME
from netadapt.pruning.records import StepRecord
from netadapt.pruning.run_folder import read_steps, require_no_final
from netadapt.pruning.run_json import RUN_JSON, VERSIONS, RunAbout, read_run_json
from netadapt.pruning.settings import SearchSettings
from netadapt.remarks import remark


@dataclass(frozen=True)
class GoingOn:
    """The run in `folder`, and what it was asked."""

    folder: Path
    about: RunAbout

    @classmethod
    def of(cls, folder: Path, settings: SearchSettings) -> GoingOn | None:
        """The run in `folder`, if there is one. Raises RunError where nothing tells whether it goes
        on by what began it."""
        if not (folder / RUN_JSON).exists():
            return None
        for kind, name in (
            ("strategy", settings.strategy),
            ("importance", str(settings.importance)),
        ):
            if name.endswith("<lambda>") or name == "functools:partial":
                raise RunError(
                    f"{folder} can't be resumed with the {kind} {name}, which nothing tells from "
                    f"another; give a function with a name, or an object with one"
                )
        return cls(folder, RunAbout.read(folder))

    def require_final_fits(self, most: Mapping[str, float]) -> None:
        """Raise RunError where the run has a network fine-tuned for a higher budget than `most`."""
        if any(now < self.about.budget.get(name, 0.0) for name, now in most.items()):
            require_no_final(self.folder)

    def stands_at(self, weights_sha256: str, settings: SearchSettings) -> StepRecord | None:
        """Its last iteration; None before the first, and of a run that was begun otherwise."""
        begun = self.about
        if begun.weights_sha256 != weights_sha256 or begun.settings != settings:
            return None
        steps = read_steps(self.folder) if (self.folder / TRAJECTORY_NAME).is_file() else []
        return steps[-1] if len(steps) > 1 else None

    def say_other_environment(self) -> None:
        """Say what rounds otherwise than when the run was begun: other versions, and other threads,
        since a gradient is a sum over them."""
        told = read_run_json(self.folder).get("environment")
        environment = told if isinstance(told, dict) else {}
        changed = [
            f"{name} {was} (now {now})"
            for name, now in VERSIONS.items()
            if (was := environment.get(name)) not in (None, now)
        ]
        if changed:
            remark(
                f"{self.folder} was begun with {', '.join(changed)}: what it has stays, and what "
                f"is to come may differ in the last digits, and with them in what is chosen"
            )
        begun, now = environment.get("threads"), torch.get_num_threads()
        if begun not in (None, now):
            remark(
                f"{self.folder} was begun with {begun} threads and goes on with {now}, which may "
                f"change the last digits; to get what it would have come to, use {begun} "
                f"(--threads {begun}, in Python torch.set_num_threads({begun}))"
            )


def network_of(record: StepRecord, given: LayerGraph) -> LayerGraph:
    """The graph of an iteration of a run that began with `given`.

    Raises RunError where the record has no widths of it.
    """
    free = (group.name for group in given.groups if not group.frozen)
    try:
        return given.with_widths({name: record.widths[name] for name in free})
    except (KeyError, ModelError) as error:
        raise RunError(
            f"iteration {record.iteration} of the run has no widths of this network "
            f"({in_words(error)}); its trajectory.csv is damaged, start another run with --out"
        ) from error
