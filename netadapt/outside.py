"""The one door for text that comes from outside: tables, configs, runs, lists of files.

Whoever reads such a file says which error is theirs; all that can go wrong before its content means
anything is told here, in one line, and nothing is held in memory that is larger than the reader
says. What the content means is the reader's affair.
"""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from netadapt.errors import InputError, in_words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_TEXT_BYTES = 256 << 20
"""Of lists and tables: a row of a table has some 150 bytes, so this holds more than a million."""

MOST_SETTINGS_BYTES = 16 << 20
"""Of what a person or a run has set: JSON of settings, TOML, a camera's matrix."""

MOST_CELL_CHARACTERS = 1 << 20
"""Of a cell of a CSV: a run of a network of 10,000 layers names them all in one."""

MOST_NESTING = 64
"""Of JSON; netadapt's own has five levels."""

Parsed = TypeVar("Parsed")


def outside_bytes(path: Path, error: type[InputError], most_bytes: int = MOST_TEXT_BYTES) -> bytes:
    """The content of a regular file of at most `most_bytes`. Raises `error` for any other."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
            raise error(f"cannot read {path}: it is {kind}, expected a file")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except (OSError, ValueError) as fault:  # a name with a zero byte is a ValueError
        raise error(f"cannot read {path}: {in_words(fault)}") from fault
    if len(content) > most_bytes:
        size = max(found.st_size, len(content))
        raise error(f"{path} has {size:,} bytes, expected at most {most_bytes:,}")
    return content


def outside_text(path: Path, error: type[InputError], most_bytes: int = MOST_TEXT_BYTES) -> str:
    """The text in a file of UTF-8, with or without a byte-order mark. Raises `error`."""
    content = outside_bytes(path, error, most_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise error(f"{path} is not a text in UTF-8 (byte {fault.start})") from fault


def outside_json(path: Path, error: type[InputError], most_bytes: int = MOST_SETTINGS_BYTES) -> Any:
    """What a JSON file holds, nested `MOST_NESTING` deep at most. Raises `error`."""
    text = outside_text(path, error, most_bytes)
    content = _parsed(json.loads, text, f"{path} is not valid JSON", error)
    if _nesting(content) > MOST_NESTING:
        raise error(f"{path} is not valid JSON for this (nested deeper than {MOST_NESTING} levels)")
    return content


def outside_json_object(
    path: Path,
    error: type[InputError],
    most_bytes: int = MOST_SETTINGS_BYTES,
    expected: str = "a JSON object",
) -> dict[str, Any]:
    """The JSON object in a file. Raises `error` for anything else, saying what was `expected`."""
    content = outside_json(path, error, most_bytes)
    if not isinstance(content, dict):
        raise error(f"{path}: expected {expected}, found {_kind(content)}")
    return content


def outside_toml(path: Path, error: type[InputError]) -> dict[str, Any]:
    """The tables in a TOML file. Raises `error`."""
    text = outside_text(path, error, MOST_SETTINGS_BYTES)
    return _parsed(tomllib.loads, text, f"{path} is not valid TOML", error)


def name_inside(name: str, where: str, error: type[InputError]) -> str:
    """`name`, which the file `where` gives for one below its own folder; gives it back.

    Raises `error` for one that leads out of the folder: absolute, or with '..'.
    """
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or ".." in parts or not parts[0] or parts[0].endswith(":"):
        raise error(
            f"{where} names {name[:80]!r}, which isn't below its own folder; expected a path from "
            f"there, without '..'"
        )
    return name


def csv_lines(
    text: str, where: str, error: type[InputError], most: int | None = None
) -> list[tuple[int, list[str]]]:
    """The lines of a CSV that aren't empty, each with the number of its last line in the file.

    Of them the first `most`, or all.
    Raises `error`, naming `where` and the line, for a cell of more than `MOST_CELL_CHARACTERS`.
    """
    found: list[tuple[int, list[str]]] = []
    with _longest_cell(MOST_CELL_CHARACTERS):
        reader = csv.reader(io.StringIO(text, newline=""))
        try:
            found += islice(((reader.line_num, line) for line in reader if line), most)
        except csv.Error as fault:
            raise error(f"{where}, line {reader.line_num}: {in_words(fault)}") from fault
    return found


def _parsed(
    parse: Callable[[str], Parsed], text: str, otherwise: str, error: type[InputError]
) -> Parsed:
    """What `parse` makes of a text; its own ways to fail become `error`."""
    try:
        return parse(text)
    except (ValueError, RecursionError, MemoryError) as fault:  # JSON's and TOML's are ValueErrors
        raise error(f"{otherwise}: {in_words(fault)}") from fault


def _nesting(content: Any) -> int:
    """How many objects and lists lie within each other; counted without recursion."""
    deepest, waiting = 0, [(content, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, depth)
            inner = item.values() if isinstance(item, dict) else item
            waiting += ((each, depth + 1) for each in inner)
    return deepest


def _kind(content: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(content), "a number")


@contextmanager
def _longest_cell(characters: int) -> Iterator[None]:
    """Within this, the csv module takes cells of so many characters."""
    before = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(before)
