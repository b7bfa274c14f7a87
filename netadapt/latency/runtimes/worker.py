"""A process that can be killed: runs one object's methods for its parent, one call at a time.

What talks to a board can hang for ever inside a library; here it hangs in a child, and the parent
has a wall limit. Started by `Worker`; the child is this module run as a script.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from netadapt import errors
from netadapt.errors import DeviceError, NetadaptError


class WorkerDied(DeviceError):
    """The child ended, or was ended, in the middle of a call."""


class WorkerTimeout(WorkerDied):
    """A call took longer than its wall limit; the child was killed."""


class Worker:
    """A child process that holds one object, made by `factory` ('package.module:Class')."""

    def __init__(
        self, factory: str, *arguments: Any, environment: dict[str, str] | None = None
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if os.environ.get("NETADAPT_DEBUG") else subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the parent, which closes the child
            )
        self._connection = Connection(ours.detach())
        self._send((factory, arguments))

    def call(self, method: str, *arguments: Any, limit_s: float, what: str) -> Any:
        """`method(*arguments)` in the child.

        `what` says in the message what was being done. Raises WorkerTimeout after `limit_s`
        seconds, WorkerDied when the child ends, and the child's own NetadaptError.
        """
        self._send((method, arguments))
        return self.receive(limit_s, what)

    def receive(self, limit_s: float, what: str) -> Any:
        """The answer to the last call. The object's own making is the first one answered."""
        try:
            answered = self._connection.poll(limit_s)
        except BaseException:
            self.kill()
            raise
        if not answered:
            self.kill()
            raise WorkerTimeout(f"{what} took longer than {limit_s:g} s and was given up")
        try:
            failed, value = self._connection.recv()
        except (EOFError, OSError):
            code = self._process.wait()
            self.kill()
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise WorkerDied(f"{what} ended the process that did it ({how})") from None
        if failed:
            kind, text = value
            raise _class(kind)(text)
        return value

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the child and what it started, whatever it is doing."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
        self._process.wait()
        self._connection.close()

    def _send(self, message: Any) -> None:
        try:
            self._connection.send(message)
        except (BrokenPipeError, OSError):
            raise WorkerDied("the process that talks to the device has ended") from None


def _class(kind: str) -> type[NetadaptError]:
    """The exception class of that name; a DeviceError for what isn't ours."""
    from netadapt.latency.runtimes import base

    found = getattr(errors, kind, None) or getattr(base, kind, None)
    if isinstance(found, type) and issubclass(found, NetadaptError):
        return found
    return DeviceError


def _serve(connection: Connection) -> None:
    """Make the object the parent names, then answer calls until the parent is gone."""
    Thread(target=_end_with_parent, args=(connection.fileno(),), daemon=True).start()
    target: Any = None
    while True:
        try:
            name, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            if target is None:
                module, _, attribute = name.partition(":")
                target = getattr(importlib.import_module(module), attribute)(*arguments)
                answer: Any = None
            else:
                answer = getattr(target, name)(*arguments)
            reply = (False, answer)
        except NetadaptError as error:
            reply = (True, (type(error).__name__, str(error)))
        except Exception as error:
            traceback.print_exc()
            lines = [line for line in str(error).splitlines() if line.strip()]
            text = lines[-1].strip() if lines else "no message"
            reply = (True, ("DeviceError", f"{type(error).__name__}: {text}"))
        connection.send(reply)


def _end_with_parent(connection: int) -> None:
    """End this process and what it started when the other end closes, even in a call that hangs."""
    hangup = select.poll()
    hangup.register(connection, 0)  # nothing but the hang-up, which can't be left out
    hangup.poll()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
