"""Widths are multiples of a number, or of what the device's kernels take at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny

import netadapt
from netadapt.errors import InputError
from netadapt.graph import trace
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.counts import Macs
from netadapt.pruning.settings import OPTIONS, SearchSettings

GRAPH = trace(tiny.network(), tiny.EXAMPLE)


@dataclass(frozen=True)
class Padding(Macs):
    """A device whose kernels take six channels at once."""

    width_step: int = 6


class Notes(Callback):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def begin(out: Path, budget: object, **options: object) -> tuple[netadapt.Search, list[str]]:
    notes = Notes()
    search = netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget=budget, out=out,
        width_multiple="device", finetune_steps=0, callbacks=[notes], **options,
    )  # fmt: skip
    return search, notes.texts


def test_widths_take_the_steps_of_the_device(tmp_path: Path) -> None:
    search, notes = begin(tmp_path / "run", Padding(0.6 * GRAPH.macs))
    with search:
        list(search)
    widths = [width for record in search.records for width in record.widths.values()]
    assert {width % 6 for width in widths} <= {0, 3}  # the head's three outputs aren't cut
    assert notes == ["widths are multiples of 6, which the device's kernels take at once"]
    again, _ = begin(tmp_path / "run", Padding(0.6 * GRAPH.macs, width_step=12), resume=True)
    assert again.records == search.records  # a run keeps the step that it began with
    again.close()


def test_what_shows_no_step_leaves_the_usual_one(tmp_path: Path) -> None:
    search, notes = begin(tmp_path / "run", {"macs": 0.6 * GRAPH.macs})
    search.close()
    assert notes == ["no table shows a step of widths: they are multiples of 8"]
    assert '"width_multiple": 8' in (tmp_path / "run" / "run.json").read_text()


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(InputError, match="is 'half'; expected a whole number, or 'device'"):
        SearchSettings(width_multiple="half")
    with pytest.raises(InputError, match="is 0; expected 1 or more"):
        SearchSettings(width_multiple=0)


def test_the_command_line_reads_both() -> None:
    (option,) = [option for option in OPTIONS if option.name == "width_multiple"]
    assert option.parse is not None
    assert [option.parse("16"), option.parse("device")] == [16, "device"]
