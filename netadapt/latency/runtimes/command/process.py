"""One command run to its end, within a wall limit, without a shell."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from netadapt.errors import DeviceError
from netadapt.latency.runtimes.command.command_output import printed

NOT_FOUND = (126, 127)
"""What a shell, here or on the device, gives back where there is no such program."""

MOST_READ_BYTES = 16 << 20
"""Of a command's output that are kept."""


class CommandHangs(DeviceError):
    """A command took longer than its wall limit and was ended, with all that it had started."""


@dataclass(frozen=True)
class Ended:
    """A command that ended by itself: its exit code, and what it printed."""

    code: int
    output: str
    complaints: str

    @property
    def told(self) -> str:
        """For a message: the exit code and the last thing that was said."""
        return f"exit code {self.code}; {printed(self.complaints.strip() or self.output)}"


def find_program(program: str) -> str:
    """The path of a program that is called here. Raises DeviceError where there is none."""
    found = shutil.which(program)
    if found is None:
        raise DeviceError(
            f"there is no program '{program}' here; install it, put it on the PATH, or name "
            f"another in the profile's [command]"
        )
    return found


def run_command(arguments: Sequence[str], limit_s: float) -> Ended:
    """Run a command without a shell and without input.

    Raises CommandHangs after `limit_s` seconds, DeviceError where there is no such program here.
    """
    program = arguments[0]
    find_program(program)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaints,
                start_new_session=True,  # it and what it starts are ended together
            )
        except OSError as error:
            raise DeviceError(f"{program} can't be started: {error.strerror or error}") from error
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise CommandHangs(
                f"{program} took longer than {limit_s:g} s and was given up (wall_limit_s and "
                f"connect_limit_s in the profile)"
            ) from None
        finally:
            _end(process)
        return Ended(code, _text(output), _text(complaints))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it has started, if any of it still runs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(MOST_READ_BYTES).decode("utf-8", errors="replace")
