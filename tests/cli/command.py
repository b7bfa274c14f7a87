"""The command line, called in this process, and what every message of a mistake must be."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from netadapt.cli import main

Command = Callable[..., tuple[int, str, str]]
"""The fixture `netadapt`: arguments to the exit code, what went to stdout and to stderr."""


def call(*arguments: object) -> int:
    """`netadapt ARGUMENTS…`; gives the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["netadapt", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    return int(stop.value.code or 0)


def one_line(err: str) -> str:
    """`err`, which is one line and no traceback."""
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]
