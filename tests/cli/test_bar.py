"""The bar of a long command says where it stands in a log file too."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

import netadapt.cli.console
from netadapt.cli import bar


def stderr(monkeypatch, **options) -> io.StringIO:
    """What reaches stderr from the bar, and what is said beside it."""
    stream = io.StringIO()
    console = Console(file=stream, highlight=False, soft_wrap=True, **options)
    monkeypatch.setattr(netadapt.cli.console, "messages", console)
    monkeypatch.setattr(bar, "messages", console)
    return stream


@pytest.fixture
def log(monkeypatch) -> io.StringIO:
    """A stderr that is a file."""
    return stderr(monkeypatch)


def run(quiet: bool = False) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with bar.Bar(*columns, quiet=quiet) as shown:
        line = shown.add_task("rendering", total=4)
        for done in range(1, 4):
            shown.update(line, completed=done, description=f"rendering [{done}]")


def test_a_log_gets_a_line_when_half_a_minute_has_passed(log, monkeypatch):
    monkeypatch.setattr(bar, "SPOKEN_EVERY_S", 0.0)
    run()
    assert log.getvalue().split("\n")[:3] == [
        f"rendering [{done}], {done}/4, 0:00:00 so far" for done in range(1, 4)
    ]


def test_a_short_command_and_a_quiet_one_leave_a_log_alone(log, monkeypatch):
    run()
    monkeypatch.setattr(bar, "SPOKEN_EVERY_S", 0.0)
    run(quiet=True)
    assert not log.getvalue().strip()


def test_a_log_gets_a_line_while_a_step_takes_long(log, monkeypatch):
    monkeypatch.setattr(bar, "LOOKED_EVERY_S", 0.01)
    with bar.working("fitting", quiet=False):
        time.sleep(0.05)
    assert not log.getvalue().strip()
    monkeypatch.setattr(bar, "SPOKEN_EVERY_S", 0.0)
    with bar.working("fitting", quiet=False):
        while log.getvalue().count("\n") < 3:  # each said by no call of ours
            time.sleep(0.01)
    assert log.getvalue().split("\n")[1] == "fitting, 0:00:00 so far"


def test_a_line_is_due_every_half_minute():
    assert bar.SPOKEN_EVERY_S == 30


def test_a_terminal_shows_the_bar_alone(monkeypatch):
    stream = stderr(monkeypatch, force_terminal=True, width=80)
    monkeypatch.setattr(bar, "SPOKEN_EVERY_S", 0.0)
    run()
    assert "rendering [3], 3/4" not in stream.getvalue()
