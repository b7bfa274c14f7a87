"""The command line, called in this process, and what every message of a mistake must be."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from netadapt.cli import main

Command = Callable[..., tuple[int, str, str]]
"""Arguments to the exit code, what went to stdout and to stderr."""


def call(*arguments: object) -> int:
    """`netadapt ARGUMENTS…`; gives the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["netadapt", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    return int(stop.value.code or 0)


def heard(capsys: pytest.CaptureFixture[str]) -> Command:
    """`call`, with what is printed."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = call(*arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def one_line(err: str) -> str:
    """`err`, which is one line and no traceback."""
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]
