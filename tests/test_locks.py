"""One writer at a time, freed by the system when a process is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netadapt.errors import OutputError, RunError
from netadapt.locks import held, take_lock

HOLD = (
    "import sys, time; from pathlib import Path; from netadapt.locks import take_lock; "
    "held = take_lock(Path(sys.argv[1]), RuntimeError); print('held', flush=True); time.sleep(60)"
)


def busy(holder: str) -> RunError:
    return RunError(f"held by {holder}")


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match=f"held by {holder.pid}"):
            take_lock(path, busy)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    take_lock(path, busy).release()


def test_a_released_lock_can_be_taken_again_in_the_same_process(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "table.lock", busy)
    with pytest.raises(RunError):
        take_lock(tmp_path / "table.lock", busy)
    lock.release()
    take_lock(tmp_path / "table.lock", busy).release()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot write"):
        take_lock(tmp_path / "file" / "run.lock", busy)


HOLD_FOLDER = (
    "import sys, time; from pathlib import Path; from netadapt.errors import RunError\n"
    "from netadapt.locks import held\n"
    "with held(Path(sys.argv[1]), RunError):\n"
    "    print('held', flush=True); time.sleep(float(sys.argv[2]))\n"
    "    (Path(sys.argv[1]) / 'done').touch()"
)


def hold(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOLDER, str(folder), str(seconds)], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_a_folder_that_another_process_writes_is_refused_or_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    holder = hold(folder, 1.0)
    by = rf"set is being written by another process \({holder.pid}\)"
    with pytest.raises(RunError, match=by), held(folder, RunError):
        pytest.fail("two at once")
    with held(folder, RunError, wait=True):
        assert (folder / "done").exists()
    holder.communicate()
    assert [file.name for file in folder.iterdir()] == ["done"]


def test_a_folder_that_is_refused_is_left_as_it_was(tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "new"
    there.mkdir()
    for folder in (there, new):
        with pytest.raises(RunError), held(folder, RunError):
            raise RunError("another's")
    assert list(tmp_path.rglob("*")) == [there]
