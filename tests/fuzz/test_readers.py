"""Damaged files of every kind: each is content or one line, in bounded memory; nothing else.

A reader is tried in a child process, forked, that may take no more memory than it is given and
whose end by a signal is seen. In CI each is tried a few times; `make fuzz` tries each
NETADAPT_FUZZ times, 1,000 where it says nothing else.
"""

from __future__ import annotations

import os
import resource
import traceback
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from netadapt.errors import LONGEST_MESSAGE, NetadaptError
from tests.fuzz.damage import damaged
from tests.fuzz.readers import READERS, Reader

CASES = int(os.environ.get("NETADAPT_FUZZ", "5"))
MEMORY_BYTES = 1 << 30
"""What reading a file of some kilobytes may take, with all that it imports."""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="a limit of memory needs /proc")
@pytest.mark.parametrize("name", READERS)
def test_any_damage_is_told_in_a_line(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    path = reader.make(tmp_path / "it")
    reader.read(path)  # sound; and what it imports is no case's memory
    told = tmp_path / "told.txt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads wait, none holds a lock
        child = os.fork()
    if child == 0:
        try:
            _limit_memory()
            _try_damage(reader, path, tmp_path / "case")
            told.write_text("all well")
        except BaseException:
            told.write_text(traceback.format_exc())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the reader ended its process: {(tmp_path / 'case').read_bytes()!r}"
    assert told.read_text() == "all well", told.read_text()


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _try_damage(reader: Reader, path: Path, case: Path) -> None:
    sound = path.read_bytes()

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=CASES < 1000,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(content=damaged(sound))
    def read(content: bytes) -> None:
        case.write_bytes(content)
        path.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader.read(path)
        except NetadaptError as error:
            line = str(error)
            assert line.isprintable(), line
            assert len(line) <= LONGEST_MESSAGE, line
            assert "more memory than there is" not in line, line

    read()
