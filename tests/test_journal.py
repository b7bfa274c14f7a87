"""A journal keeps whole rows, whatever happens to the process that writes it."""

from __future__ import annotations

import pytest

from netadapt.errors import OutputError, RunError
from netadapt.files import atomic_path, write_text
from netadapt.journal import CsvJournal


def test_rows_come_back_with_every_digit(tmp_path):
    journal = CsvJournal(tmp_path / "rows.csv", ("name", "value"))
    journal.append({"name": "a, b", "value": 0.1 + 0.2})
    assert journal.rows() == [{"name": "a, b", "value": repr(0.1 + 0.2)}]


def test_a_torn_last_line_is_dropped(tmp_path):
    path = tmp_path / "rows.csv"
    journal = CsvJournal(path, ("name", "value"))
    journal.append({"name": "a", "value": 1})
    with path.open("a") as stream:
        stream.write("b,0.12")
    reopened = CsvJournal(path, ("name", "value"))
    reopened.append({"name": "c", "value": 2})
    assert [row["name"] for row in reopened.rows()] == ["a", "c"]


def test_another_header_is_refused_by_name(tmp_path):
    CsvJournal(tmp_path / "rows.csv", ("name",))
    with pytest.raises(RunError, match="expected name, value"):
        CsvJournal(tmp_path / "rows.csv", ("name", "value"))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fill_the_disk() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_a_full_disk_is_one_clear_line():
    with pytest.raises(OutputError, match=r"cannot write /dev/full/x.*then run the command again"):
        write_text("/dev/full/x", "text")


def test_the_rows_of_an_iteration_are_written_again_without_those_before(tmp_path):
    journal = CsvJournal(tmp_path / "rows.csv", ("n", "text"))
    journal.append({"n": 1, "text": 'a "quoted"\nline, é'})
    journal.settle()
    assert journal.unsettled_rows() == []
    for number in (2, 3):
        journal.append({"n": number, "text": "x"})
    assert [row["n"] for row in journal.unsettled_rows()] == ["2", "3"]
    journal.replace_unsettled(reversed(journal.unsettled_rows()))
    assert [row["n"] for row in journal.rows()] == ["1", "3", "2"]
    assert journal.rows()[0]["text"] == 'a "quoted"\nline, é'
    journal.replace(journal.rows()[1:])
    assert [row["n"] for row in journal.unsettled_rows()] == ["3", "2"]
