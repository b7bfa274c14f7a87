"""The door for text from outside: whatever lies behind it, the answer is content or one line."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netadapt.errors import DataError, InputError, RunError, TableError
from netadapt.journal import CsvJournal
from netadapt.latency.table.csv_rows import read_rows
from netadapt.outside import (
    MOST_CELL_CHARACTERS,
    MOST_NESTING,
    csv_lines,
    outside_bytes,
    outside_json,
    outside_json_object,
    outside_text,
    outside_toml,
)

READERS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: outside_text(path, DataError),
    "json": lambda path: outside_json(path, DataError),
    "object": lambda path: outside_json_object(path, DataError),
    "toml": lambda path: outside_toml(path, DataError),
    "journal": lambda path: CsvJournal.read(path, DataError),
    "table": lambda path: read_rows(path, ("op", "latency_ms"), []),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside") / "file"


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_content_or_one_line(
    file: Path, reader: Callable[[Path], Any], content: bytes
) -> None:
    file.write_bytes(content)
    refused = ""
    try:
        reader(file)
    except (DataError, TableError) as error:
        refused = str(error)
    assert not refused or str(file) in refused
    assert "\n" not in refused


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("what", ["folder", "pipe", "nothing"])
def test_what_is_no_file_is_told_without_waiting(
    tmp_path: Path, reader: Callable[[Path], Any], what: str
) -> None:
    path = tmp_path / "it"
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)  # reading it would wait for a writer
    with pytest.raises(InputError, match=f"cannot read {path}"):
        reader(path)


def test_a_file_larger_than_the_reader_says_is_not_held(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(1 << 40)  # no block of it is on disk
    with pytest.raises(RunError, match="has 1,099,511,627,776 bytes, expected at most 1,000"):
        outside_bytes(large, RunError, 1000)
    small = tmp_path / "small"
    small.write_bytes(b"abc")
    assert outside_bytes(small, RunError, 3) == b"abc"


@pytest.mark.parametrize("nest", ["[", '{"a":'])
@pytest.mark.parametrize("deep", [MOST_NESTING + 1, 200_000])
def test_json_that_is_nested_too_deep_is_refused(tmp_path: Path, nest: str, deep: int) -> None:
    end = "]" if nest == "[" else "1}"
    path = tmp_path / "deep.json"
    path.write_text(nest * deep + end + ("]" if nest == "[" else "}") * (deep - 1))
    with pytest.raises(DataError, match="is not valid JSON"):
        outside_json(path, DataError)
    path.write_text(json.dumps([[[{"a": [1]}]]]))
    assert outside_json(path, DataError) == [[[{"a": [1]}]]]


@pytest.mark.parametrize(
    ("content", "found"),
    [("[1]", "a list"), ("null", "null"), ("1e400", "a number"), ('"x"', "a text")],
)
def test_an_object_is_told_from_other_json(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(content)
    with pytest.raises(DataError, match=f"expected a run's settings, found {found}"):
        outside_json_object(path, DataError, expected="a run's settings")


def test_a_long_cell_is_read_and_one_too_long_is_refused() -> None:
    before = csv.field_size_limit()
    cell = "x" * 200_000  # more than the csv module takes by itself
    assert csv_lines(f"a,b\n\n{cell},1\n", "it", TableError) == [(1, ["a", "b"]), (3, [cell, "1"])]
    too_long = "x" * (MOST_CELL_CHARACTERS + 1)
    with pytest.raises(TableError, match="it, line 2: field larger than field limit"):
        csv_lines(f"a,b\n{too_long},1\n", "it", TableError)
    assert csv.field_size_limit() == before


def test_a_journals_torn_or_short_rows_are_no_rows_without_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n1,2,3\n4\n5,6")
    assert CsvJournal.read(path) == [
        {"a": "1", "b": "2", "c": "3"},
        {"a": "4", "b": "", "c": ""},
    ]
    path.write_bytes(b"a,b\n\xff,1\n")
    for read in (CsvJournal.read, lambda path: CsvJournal(path, ("a", "b"))):
        with pytest.raises(RunError, match=r"not a text in UTF-8 \(byte 4\)"):
            read(path)
