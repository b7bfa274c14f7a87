"""What a run's networks make of some images of the holdout: pictures that the task itself draws.

Only of a task that can draw (`LongTask.draw_samples`), and only where its data are there to read.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from netadapt.errors import DataError
from netadapt.networks.store import CONFIG_NAME, FINAL_NAME, load_model, read_config
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.task_of_model import import_network_of, require_trusted_task
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.training.task import of_task
from netadapt.training.tasks import TaskRequest, open_task
from netadapt.users_code import users_code


@dataclass(frozen=True)
class Sample:
    """A PNG of what one network makes of the same images, and which network it is."""

    title: str
    png: bytes


def draw_run_samples(run: RunOnDisk) -> list[Sample]:
    """Pictures of the network given and of the last one; none where the task draws none.

    Raises what opening the task or a network raises, DataError for data yet to be made, InputError
    for a function that the user neither names nor trusts.
    """
    about = RunAbout.read(run.path)
    name, opened = about.opened.get("task"), about.opened
    if name is None:
        return []
    import_network_of(opened, run.path)  # it may register the task
    require_trusted_task(None, name, run.path)
    networks = {"The network given": run.path / run.first.checkpoint}
    networks["The network pruned"] = run.path / run.last.checkpoint
    if (run.path / FINAL_NAME / CONFIG_NAME).is_file():
        networks["The network pruned and fine-tuned"] = run.path / FINAL_NAME
    shapes = read_config(networks["The network given"]).input_shapes
    request = TaskRequest(str(opened.get("data", "")), shapes, opened.get("holdout_images"))
    if ":" not in name:
        request = TaskRequest(request.data, shapes, request.holdout_images, progress=refuse_to_make)
    task = open_task(name, request)
    draw = getattr(task, "draw_samples", None)
    if draw is None:
        return []
    samples = []
    with tempfile.TemporaryDirectory() as folder:
        for index, (title, place) in enumerate(networks.items()):
            file = Path(folder) / f"{index}.png"
            with users_code(of_task(task, "draw_samples")):
                draw(load_model(place), file)
            samples.append(Sample(title, file.read_bytes()))
    return samples


def refuse_to_make(done: int, total: int) -> None:
    """Raise DataError: a page is not worth minutes of rendering."""
    raise DataError("its data aren't here yet, and would have to be made first")
