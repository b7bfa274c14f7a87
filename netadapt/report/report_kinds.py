"""What a report can be of, and what each kind writes: the one list of them.

A path is of the first kind that knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netadapt.errors import InputError
from netadapt.report.history_plot import draw_histories
from netadapt.report.run_page import write_page
from netadapt.report.table_page import is_table, write_table_page
from netadapt.report.training_page import write_training_page
from netadapt.report.trajectory_plot import draw_trajectories
from netadapt.training.training_folder import is_training

PageWriter = Callable[[Sequence[Path], Path, Mapping[str, str] | None], None]


@dataclass(frozen=True)
class ReportKind:
    """A kind of thing that there is a page of; perhaps a picture too, called `picture`."""

    name: str
    knows: Callable[[Path], bool]
    write_page: PageWriter
    draw: Callable[[Sequence[Path], Path], None] | None = None
    picture: str = ""

    def default_files(self, first: Path) -> list[Path]:
        """What is written where the user names no file, for `first` and what is beside it."""
        if self.draw is not None:
            return [first / self.picture, first / "report.html"]
        return [first.with_name(f"{first.name.removesuffix('.csv')}.report.html")]


PRUNING = ReportKind(
    "pruning run", lambda path: True, write_page, draw_trajectories, "trajectory.png"
)

KINDS = (
    ReportKind("training", is_training, write_training_page, draw_histories, "history.png"),
    ReportKind("lookup table", is_table, write_table_page),
    PRUNING,
)


def kind_of(paths: Sequence[Path]) -> ReportKind:
    """The kind of all `paths`. Raises InputError where they are of several."""
    kinds = [next(kind for kind in KINDS if kind.knows(path)) for path in paths]
    for path, kind in zip(paths, kinds, strict=True):
        if kind is not kinds[0]:
            raise InputError(
                f"{paths[0]} is a {kinds[0].name} and {path} a {kind.name}; a report is of one "
                f"kind: run the command once for each"
            )
    return kinds[0]


def write_report(
    paths: Sequence[Path],
    files: Sequence[Path] | None = None,
    metric_words: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write pages (.html) and pictures of `paths`; gives the files.

    `files` None: the kind's own, beside the first. Raises InputError where there is no such picture
    or page, and what reading `paths` raises.
    """
    kind = kind_of(paths)
    written = kind.default_files(paths[0]) if files is None else [*files]
    for file in written:
        if file.suffix != ".html" and (kind.draw is None or file.suffix != ".png"):
            known = "a .html" if kind.draw is None else "a .html or .png"
            raise InputError(f"--out is {file}; a report of a {kind.name} is {known}")
    for file in written:
        if file.suffix == ".html":
            kind.write_page(paths, file, metric_words)
        elif kind.draw is not None:
            kind.draw(paths, file)
    return written
