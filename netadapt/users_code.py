"""The one boundary around code of a user's: what it raises comes out as one line of ours.

Networks, tasks and other parts that a user writes are called within `users_code`, wherever that
is. What they may raise is anything, `sys.exit` included; what comes out is an error of
`errors.py` that names the file and line of theirs, with the error itself as its cause.
"""

from __future__ import annotations

import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netadapt.errors import InputError, NetadaptError

LONGEST = 300
"""Characters of a message of others that are shown."""

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED, _LIBRARY = (
    tuple({Path(sysconfig.get_path(name)).resolve() for name in names})
    for names in (("purelib", "platlib"), ("stdlib", "platstdlib"))
)
_FROM_A_WORKER = "Original Traceback (most recent call last):"
"""A DataLoader's worker process sends its traceback as text."""
_FRAME = re.compile(r'^ *File "(.+)", line (\d+), in (.+)$', re.MULTILINE)


@contextmanager
def users_code(
    what: str, error: type[InputError] = InputError, advice: str = "mend it"
) -> Iterator[None]:
    """Calls of a user's code in the block; whatever it raises becomes an `error` naming `what`.

    `advice` ends the line, after a semicolon. The project's own errors and Ctrl-C pass through.
    """
    try:
        yield
    except (NetadaptError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as failure:  # SystemExit too: a user's code doesn't end the program
        raise error(f"{what} failed: {told(failure)}; {advice}") from failure


def told(failure: BaseException) -> str:
    """`failure` in a line: where in the user's code it came from, its class and what it says.

        my_nets.py:23 in forward: AssertionError: expected a multiple of 16 channels

    Without the place where no line of the user's had a part in it.
    """
    for raised in causes(failure):
        where = _where(raised)
        if where:
            return f"{where}: {_said(raised)}"
    return _said(failure)


def causes(failure: BaseException) -> Iterator[BaseException]:
    """`failure`, and what it came from in turn: libraries wrap what a user's code raised."""
    seen: set[int] = set()
    following: BaseException | None = failure
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        inner = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or inner


def _where(failure: BaseException) -> str:
    """`file:line in function` of the innermost line of the user's; '' where there is none."""
    if isinstance(failure, SyntaxError) and failure.filename:
        return f"{_shown(failure.filename)}:{failure.lineno}"
    frames = [
        (frame.filename, frame.lineno or 0, frame.name)
        for frame in traceback.extract_tb(failure.__traceback__)
    ]
    text = _text(failure)
    return _place([*frames, *_frames_in(text)] if _FROM_A_WORKER in text else frames)


def place_in(text: str) -> str:
    """`file:line in function` of the innermost line of the user's in a traceback's text, or ''."""
    return _place(_frames_in(text))


def _place(frames: list[tuple[str, int, str]]) -> str:
    for is_theirs in (_is_own, _is_of_a_package):
        for file, line, function in reversed(frames):
            if is_theirs(file):
                within = "" if function.startswith("<module") else f" in {function}"
                return f"{_shown(file)}:{line}{within}"
    return ""


def _frames_in(text: str) -> list[tuple[str, int, str]]:
    return [(file, int(line), function) for file, line, function in _FRAME.findall(text)]


def _said(failure: BaseException) -> str:
    """The class and what it says, its lines after one another."""
    text = _text(failure)
    if _FROM_A_WORKER in text:
        return _short(_in_a_line(_raised_in(text)))  # 'ValueError: …'
    if isinstance(failure, SyntaxError):
        text = failure.msg
    line = _in_a_line(text)
    name = type(failure).__name__
    return f"{name}: {_short(line)}" if line else name


def _raised_in(trace: str) -> str:
    """What stands behind a traceback's last frame: 'ValueError: …', with all its lines."""
    last = list(_FRAME.finditer(trace))[-1:]
    lines = trace[last[0].end() if last else 0 :].splitlines()
    unindented = (at for at, line in enumerate(lines) if line and not line[0].isspace())
    return "\n".join(lines[next(unindented, 0) :]) or trace.strip().splitlines()[-1]


def _in_a_line(text: str) -> str:
    """The lines of `text` one after another; one that is no sentence's end is told from the next
    by a semicolon."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ended = [line if line.endswith(tuple(".,:;!?")) else f"{line};" for line in lines[:-1]]
    return " ".join([*ended, *lines[-1:]])


def _text(failure: BaseException) -> str:
    try:
        return str(failure)
    except Exception:  # what a user writes as __str__ may fail too
        return ""


def _short(line: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in line)
    return printable if len(printable) <= LONGEST else f"{printable[: LONGEST - 1]}…"


def _is_own(file: str) -> bool:
    """Whether a file is the user's: neither ours, nor Python's, nor an installed package's."""
    return not file.startswith("<") and not _is_in(file, _PACKAGE, *_INSTALLED, *_LIBRARY)


def _is_of_a_package(file: str) -> bool:
    """Whether it is of an installed package that a network may come from."""
    torch = (folder / "torch" for folder in _INSTALLED)
    return _is_in(file, *_INSTALLED) and not _is_in(file, _PACKAGE, *torch)


def _is_in(file: str, *folders: Path) -> bool:
    return any(Path(file).resolve().is_relative_to(folder) for folder in folders)


def _shown(file: str) -> str:
    """As it is seen from where the command runs."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
