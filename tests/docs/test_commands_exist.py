"""Every command that a page names exists, and takes the options that it is given there."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from doc_pages import GUIDES, PAGES, PROGRAMS, ROOT, Command, blocks_of, commands_of

from netadapt.cli.app import app
from netadapt.cli.console import UsageFault

COMMANDS = {command.text: command for page in PAGES for command in commands_of(page)}
OURS = [command for text, command in COMMANDS.items() if "netadapt" in command.words[:6]]
MISSING = re.compile(r"'([^']+)' does not exist")
OF_A_PART = ("Missing ", "Got unexpected extra ")
"""What is said of a command that a record of an experiment has in part, or within a function."""

A_NUMBER = "1"
"""What stands for a `…` that a page leaves to the reader."""


@cache
def root() -> Any:
    """The commands, as typer assembles them."""
    return typer.main.get_command(app)


def parse(words: list[str]) -> None:
    """Parse a call of netadapt, down to its last option; nothing is run.

    Raises UsageFault. Of a command alone, as sentences name it, the name is looked up. A file that
    it must find is made, in the present folder.
    """
    command, names = root(), []
    while hasattr(command, "commands") and words:
        name, *words = words
        if name not in command.commands:
            raise typer.BadParameter(f"no command {name}")
        command = command.commands[name]
        names.append(name)
    while words:
        try:
            command.make_context(" ".join(names), list(words))
            return
        except UsageFault as error:
            missing = MISSING.search(error.format_message())
            if missing is None or Path(missing[1]).is_absolute():
                raise
            place = Path(missing[1])
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch() if place.suffix else place.mkdir()


def arguments_of(command: Command) -> list[str]:
    """What stands behind `netadapt`, up to a shell's operator; a `…` is a number, or nothing."""
    words = command.words
    words = words[words.index("netadapt") + 1 :]
    ends = [place for place, word in enumerate(words) if word in ("|", "&&", ">", ";")]
    words = words[: ends[0]] if ends else words
    return [
        A_NUMBER if word == "…" and words[place - 1].startswith("--") else word
        for place, word in enumerate(words)
        if word != "…" or words[place - 1].startswith("--")
    ]


def test_netadapts_commands_parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = []
    for command in OURS:
        try:
            parse(arguments_of(command))
        except UsageFault as error:
            said = error.format_message()
            if command.page in GUIDES or not said.startswith(OF_A_PART):
                wrong.append(f"{command}: {said}")
    assert not wrong


def test_a_wrong_option_is_found() -> None:
    with pytest.raises(UsageFault, match="--budget-sm"):
        parse(["prune", "--budget-sm", "6"])
    with pytest.raises(UsageFault, match="prun"):
        parse(["prun"])


def test_makes_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {c.words[1] for c in COMMANDS.values() if c.words[0] == "make" and len(c.words) < 4}
    assert named - targets <= {"-j4"}  # of TVM's own build, on a board


def test_pythons_modules_and_files_exist() -> None:
    missing = []
    for command in COMMANDS.values():
        words = command.words
        if words[0] not in ("python", "python3", ".venv/bin/python") or len(words) < 2:
            continue
        if words[1] == "-m" and words[2].split(".")[0] in ("experiments", "examples", "netadapt"):
            if importlib.util.find_spec(words[2]) is None:
                missing.append(str(command))
        elif words[1].startswith(("experiments/", "scripts/")) and not (ROOT / words[1]).is_file():
            missing.append(str(command))
    assert not missing


def test_extras_exist() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = set(re.findall(r"^(\w+) = \[", section, re.MULTILINE))
    for command in COMMANDS.values():
        for named in re.findall(r"pip install .*\.\[([\w,]+)\]", command.text):
            assert set(named.split(",")) <= extras, str(command)


def test_nothing_is_installed_by_a_name_that_no_index_has() -> None:
    """netadapt isn't on an index: it is installed from its folder."""
    wrong = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in GUIDES
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1)
        if re.search(r"pip install ['\"]?netadapt", line)
    ]
    assert not wrong


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_what_it_is(page: Path) -> None:
    """Without a language a block would be neither run nor known for an output."""
    known = {"sh", "text", "python", "toml", "cpp", "cmake"}
    bare = {""} if page.parent == ROOT else set()  # pages of the root have commands alone
    assert not [str(block) for block in blocks_of(page) if block.language not in known | bare]


def test_programs_are_looked_for() -> None:
    assert {"netadapt", "make", "python"} <= set(PROGRAMS)
    assert len(OURS) > 100
