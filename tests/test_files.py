"""Files that nobody sees half of, and what a killed process leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netadapt.errors import OutputError
from netadapt.files import (
    atomic_path,
    clear_half_written,
    clear_half_written_of,
    holds_others,
)

WRITE = (
    "import sys, time; from pathlib import Path; from netadapt.files import atomic_path\n"
    "with atomic_path(sys.argv[1]) as path:\n"
    "    path.write_text('half'); print('half', flush=True); time.sleep(60)"
)


def test_a_killed_writer_leaves_the_old_file_and_litter_that_is_cleared(tmp_path: Path) -> None:
    file = tmp_path / "scene" / "00001.h5"
    file.parent.mkdir()
    file.write_text("old")
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(file)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"half\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert file.read_text() == "old"
    (tmp_path / ".hidden.h5").write_text("somebody else's")
    (litter,) = {*file.parent.iterdir()} - {file}
    other = litter.with_name(litter.name.replace("00001", "00002"))
    litter.rename(other)
    clear_half_written_of(file)
    assert other.exists()
    other.rename(litter)
    clear_half_written_of(file)
    assert list(file.parent.iterdir()) == [file]
    litter.write_text("half")
    clear_half_written(tmp_path, ".h5")
    assert list(file.parent.iterdir()) == [file]
    assert (tmp_path / ".hidden.h5").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot write"), atomic_path(tmp_path / "file" / "a.csv"):
        pass


def test_what_a_kill_in_the_very_first_write_leaves_is_no_others(tmp_path: Path) -> None:
    for name in (".run-x1.json", ".lock"):
        (tmp_path / name).touch()
    assert not holds_others(tmp_path, "run.json")
    assert not holds_others(tmp_path / "new", "run.json")
    assert holds_others(tmp_path / ".lock", "run.json")
    (tmp_path / "notes.txt").touch()
    assert holds_others(tmp_path, "run.json")
