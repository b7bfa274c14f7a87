"""The command line, called in this process as a person calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from netadapt.cli import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def netadapt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Call `netadapt ARGUMENTS…`; gives the exit code, what went to stdout and to stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["netadapt", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return run
