"""`make experiment NAME=…` runs the commands of an experiment one by one, without a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from netadapt.errors import InputError
from netadapt.outside import outside_toml

FILES = sorted((Path(__file__).parents[2] / "experiments").glob("*/experiment.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_each_command_runs_without_a_shell_and_leaves_the_commit_checked_out(file: Path) -> None:
    commands = outside_toml(file, InputError)["commands"]
    words = [shlex.split(command) for command in commands]
    assert words
    assert {first for first, *_ in words} <= {"python", "netadapt", "make"}
    for_a_shell = {"#", ">", ">>", "|", "&&", ";", "&"}
    assert not for_a_shell & {word for command in words for word in command}
