"""Where a worker process begins: it answers its parent until that wants no more, or is gone.

What it says goes nowhere, so that the parent's progress stays whole (NETADAPT_DEBUG=1 lets it
through). Torch is imported late: from its first moment on the process ends with its parent.
"""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from typing import Any

from netadapt.orphans import end_with_parent


def serve(connection: Connection) -> None:
    """Answer one message after another: ('setup', Setup), ('ground', version, bytes),
    ('try_', Errand, tickets to forget), ('fetch', ticket)."""
    os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which ends what is in this group
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(group=True)
    if not os.environ.get("NETADAPT_DEBUG"):
        _say_nothing()
    answers = _Answers()
    connection.send(("here",))
    while True:
        try:
            name, *content = connection.recv()
        except (EOFError, OSError):
            return
        answer = getattr(answers, name)(*content)
        if answer is not None:
            connection.send(answer)


class _Answers:
    """A method a message; what it gives is sent back."""

    def __init__(self) -> None:
        self._bench: Any = None
        self._made: dict[int, Any] = {}
        """Networks that the parent hasn't given up, by their tickets."""
        self._broken: Any = None
        """What was raised when the ground was laid; told at the next errand."""

    def setup(self, setup: Any) -> tuple[str, Any]:
        from netadapt.pruning.executors.workbench import Workbench, report_of

        try:
            self._bench = Workbench(setup)
        except Exception as error:
            return "ready", report_of(-1, error)
        return "ready", None

    def ground(self, version: int, content: bytes) -> None:
        self._made.clear()
        self._broken = None
        try:
            self._bench.stand_on(version, content)
        except Exception as error:
            self._broken = error

    def try_(self, errand: Any, forgotten: list[int]) -> tuple[str, Any]:
        from netadapt.pruning.executors.workbench import report_of

        for ticket in forgotten:
            self._made.pop(ticket, None)
        if self._broken is not None:
            return "report", report_of(errand.ticket, self._broken)
        report, model = self._bench.tried(errand)
        if model is not None:
            self._made[errand.ticket] = model
        return "report", report

    def fetch(self, ticket: int) -> tuple[str, bytes | None]:
        from netadapt.pruning.executors.packing import NETWORK, packed

        model = self._made.pop(ticket, None)
        return "model", None if model is None else packed(model, NETWORK)


def _say_nothing() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
