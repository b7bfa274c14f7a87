"""What a command prints and where: words, JSON, and how errors reach the user and the exit code."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from types import FrameType
from typing import Any, TextIO

import typer
from rich.console import Console

from netadapt.errors import NetadaptError, UnmeasuredError
from netadapt.remarks import LOGGER

INTERRUPTED = 130

NETWORK_OPTIONS = ("--model", "--input-size", "--input-shape")

# typer's releases carry click inside or depend on it; the base class is found through typer.
UsageFault: type[Exception] = typer.BadParameter.__mro__[2]

messages = Console(stderr=True, highlight=False, soft_wrap=True)
"""Where progress, words to the user and errors go; results go to stdout."""

results = Console(highlight=False, soft_wrap=True)


def say(text: str, *, quiet: bool = False) -> None:
    """A word to the user on stderr, unless they asked for quiet."""
    if not quiet:
        messages.print(text, markup=False)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print `value` to stdout as one JSON document; null for NaN and infinity, which JSON lacks."""
    text = json.dumps(_plain(value), indent=2, default=str, allow_nan=False)
    (_JSON_TO[-1] if _JSON_TO else sys.stdout).write(text + "\n")


_JSON_TO: list[TextIO] = []
"""The real stdout, while what a user's code prints is kept from it."""


@contextmanager
def _alone_on_stdout(wanted: bool) -> Iterator[None]:
    """For `--json`: what else is printed, by a user's network for one, goes to stderr."""
    if not wanted:
        yield
        return
    _JSON_TO.append(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _JSON_TO.pop()


def run_app(app: Callable[..., Any]) -> int:
    """Call a typer app in standalone-less mode and turn what comes out into an exit code."""
    debug = "--debug" in sys.argv or bool(os.environ.get("NETADAPT_DEBUG"))
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    quiet = "--quiet" in arguments or "-q" in arguments
    _open_closed_streams()
    try:
        with (
            _terminated_like_interrupted(),
            _remarks_shown(quiet),
            _alone_on_stdout("--json" in arguments),
        ):
            code = app(args=arguments, prog_name="netadapt", standalone_mode=False)
        sys.stdout.flush()  # what it can't take is told here, and not when Python ends
    except NetadaptError as error:
        if debug:
            raise
        repeated = _of_the_network(arguments) if isinstance(error, UnmeasuredError) else ""
        say(f"netadapt: {error}{repeated}")
        return error.exit_code
    except typer.Abort:
        say("netadapt: interrupted")
        return INTERRUPTED
    except KeyboardInterrupt:
        say("netadapt: interrupted")
        return INTERRUPTED
    except UsageFault as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        if text:  # empty where typer has printed the help already
            say(f"netadapt: {NetadaptError(text)} (try --help)")
        return 2
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        _give_up_stdout()
        return 0
    except SystemExit as stop:  # click's answer to a closed pipe
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        _give_up_stdout()
        return 0
    except OSError as error:
        if debug:
            raise
        _give_up_stdout()
        say(f"netadapt: {_told_of_file(error)}")
        return 2
    except Exception as error:
        from netadapt.training.memory_shortage import lacked_memory

        why = "" if debug else lacked_memory(error)
        if not why:
            raise
        say(f"netadapt: {why} for this; give it less at a time, or use a machine that has more")
        return 2
    return code if isinstance(code, int) else 0


def _open_closed_streams() -> None:
    """Let what is printed go nowhere where the caller has closed stdout or stderr."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _give_up_stdout() -> None:
    """Let what stdout still holds go nowhere, where it can't be written: Python would say so at
    its end, with a traceback."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        with suppress(OSError, ValueError):  # a stdout of tests has no number
            os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _told_of_file(error: OSError) -> str:
    """A fault of the system's in a line: of which file, if it says so."""
    said = (error.strerror or str(error)).replace("\n", " ")
    if error.filename is None:
        return f"cannot write what was found: {said}" if error.errno == errno.ENOSPC else said
    name = str(error.filename)
    return f"cannot use {name if len(name) <= 200 else f'{name[:200]}…'}: {said}"


def _of_the_network(arguments: Sequence[str]) -> str:
    """The options that say which network it is, as they were given: a table is measured for it."""
    found = ""
    for place, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in NETWORK_OPTIONS:
            value = value or " ".join(arguments[place + 1 : place + 2])
            found += f" {name} {shlex.quote(value)}"
    return found


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Within the block SIGTERM, as a scheduler or `kill` sends it, ends the work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there can a program say what a signal does
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _remarks_shown(quiet: bool) -> Iterator[None]:
    """Within the block a remark from anywhere in the package is said, each once."""
    shown = _Remarks(quiet)
    LOGGER.addHandler(shown)
    propagated, LOGGER.propagate = LOGGER.propagate, False
    try:
        yield
    finally:
        LOGGER.removeHandler(shown)
        LOGGER.propagate = propagated


class _Remarks(logging.Handler):
    def __init__(self, quiet: bool) -> None:
        super().__init__(logging.WARNING)
        self._quiet = quiet
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._said:
            self._said.add(text)
            say(text, quiet=self._quiet)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _just_end() -> None:
    if signal.getsignal(signal.SIGTERM) is _interrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_just_end)  # a pool ends its workers by SIGTERM


def _plain(value: Any) -> Any:
    """`value` of what JSON has; null for a number that it has none for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's and torch's
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
