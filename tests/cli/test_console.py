"""What a command prints, what every command takes, and how one ends: signals and exit codes."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from command import Command, one_line

from netadapt.cli.app import app
from netadapt.cli.console import print_json
from netadapt.errors import TableError
from netadapt.remarks import LOGGER, remark

WORKING = """
import os, signal, sys, time
from netadapt.cli.console import run_app, say

def work(**_):
    if child := os.fork():
        time.sleep(0.5)  # right after a fork, Python loses signals
        os.kill(child, signal.SIGTERM)
        say(f"child ended by {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")
        time.sleep(60)
    time.sleep(60)

sys.exit(run_app(work))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_stopped_says_so(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING],
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored under nohup
    )
    assert process.stderr is not None
    assert process.stderr.readline() == f"child ended by {-signal.SIGTERM}\n"
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "netadapt: interrupted"


def commands(within: typer.Typer, path: str = "") -> Iterator[tuple[str, object]]:
    for command in within.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        yield f"{path}{name}", command.callback
    for group in within.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{group.name} ")


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_every_command_takes_it(option: str) -> None:
    name = {"--quiet": "quiet", "--json": "as_json"}[option]
    lacking = [
        command
        for command, function in commands(app)
        if name not in getattr(function, "__wrapped__", function).__annotations__
    ]
    assert not lacking


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(
        {
            "a": [math.nan, math.inf, -math.inf, 1.5],
            "b": {np.float32(2): np.float32(0.5), "n": np.int64(3), "x": np.array([1.0, np.nan])},
            "group": "2",
            "path": Path("x/y"),
        }
    )
    text = capsys.readouterr().out
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [None, None, None, 1.5],
        "b": {"2.0": 0.5, "n": 3, "x": [1.0, None]},
        "group": "2",
        "path": "x/y",
    }


def test_a_remark_is_said_once_and_not_when_quiet(
    netadapt: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opening(*_: object) -> object:
        remark("took 'module.' off")
        remark("took 'module.' off")
        raise TableError("no table")

    monkeypatch.setattr("netadapt.latency.table.table.LookupTable.read", opening)
    handlers = list(LOGGER.handlers)
    for flags, said in (((), ["took 'module.' off", "netadapt: no table"]), (("-q",), None)):
        code, _, err = netadapt("lut", "show", "--device", "tx2", *flags)
        assert code == 2
        assert err.splitlines() == (said or ["netadapt: no table"])
    assert LOGGER.handlers == handlers


def test_the_hint_after_a_missing_table_names_the_network(netadapt: Command) -> None:
    network = ("--model", "tests.zoo.oddities:WithUnknown", "--input-shape=1x3x32x32")
    _, _, err = netadapt("lut", "estimate", "--device", "nowhere", *network)
    assert one_line(err).endswith(
        "netadapt lut build --device nowhere --model tests.zoo.oddities:WithUnknown "
        "--input-shape 1x3x32x32"
    )
