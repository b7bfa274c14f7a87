"""The protocol of a form that a network is deployed in: what is asked of it, and what it tells.

Which forms there are is `registry.py`'s; how one is written is in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from netadapt.training.task import Task


@dataclass(frozen=True)
class ExportRequest:
    """What the user asks of an export; all but the four fields told here are options of some forms.

    `model` is whatever `load_model` takes; `out` the file or folder to write, None for one in the
    current folder, named after the model. `find_task` is called where images are needed: it says at
    once if nothing tells what the network is for, and what it gives opens that task, which may take
    long. `say` is told what is being done.
    """

    model: str
    out: Path | None = None
    find_task: Callable[[], Callable[[], Task]] | None = None
    device: str | None = None
    profile: Path | None = None
    tracker: str | None = None
    key: str | None = None
    unchecked: bool = False
    dynamic_batch: bool = False
    precision: str = "float32"
    task: str | None = None
    data: str | None = None
    max_loss: float | None = None
    say: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Product:
    """What an export wrote: `told` in a line, `facts` for machines, and what comes next.

    `table` has a row a figure and a column a network, its first cells the heads; empty where
    nothing was judged.
    """

    place: Path
    told: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    table: tuple[tuple[str, ...], ...] = ()
    following: str = ""


class ExportFormat(Protocol):
    """A form that a network is deployed in.

    `options` are the fields of `ExportRequest` that mean something to it: an export that is asked
    for another one is refused before `export` is called. `export` raises an InputError for what
    can't be exported before it compiles or writes anything, and compares what it made with torch
    before that has its name.

    >>> import torch
    >>> from netadapt import load_model
    >>> class Weights:
    ...     options = frozenset()
    ...     def export(self, request):
    ...         path = request.out or Path("weights.pt")
    ...         torch.save(load_model(request.model).state_dict(), path)
    ...         return Product(path, f"{path}: the state dict")
    """

    options: frozenset[str]

    def export(self, request: ExportRequest) -> Product:
        """Write the network. Raises ModelError, WeightsError, DeviceError or OutputError."""
        ...
