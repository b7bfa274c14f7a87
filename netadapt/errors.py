"""Every exception netadapt raises on purpose.

    NetadaptError               exit code
    ├── InputError              2   something the user gave is wrong
    │   ├── TableError              a lookup table or its .toml
    │   │   └── UnmeasuredError         there is none, or it lacks what is asked
    │   ├── DataError               a data set, an HDF5 file, an image pair
    │   ├── WeightsError            a checkpoint, or weights that don't fit the network
    │   ├── ModelError              a network that can't be traced, built or cut
    │   ├── RunError                a run folder: exists already, is damaged, is another run's
    │   └── MissingExtraError       an optional dependency isn't installed
    ├── OutputError             2   a file couldn't be written (a full disk, no permission)
    ├── DeviceError             3   a device, tracker or cluster can't be reached or misbehaves
    └── BudgetError             4   the budget lies below what the network can reach

A message is one line: what is wrong, where, what was expected, what to do next.
"""

from __future__ import annotations

LONGEST_MESSAGE = 2000
"""Characters; of a longer one the middle, which some file is the author of, is left out."""


class NetadaptError(Exception):
    """Base of all errors that are shown to the user as one line, without a traceback.

    What a message quotes of a file may be anything: here it becomes a line that a terminal shows.
    """

    exit_code = 2

    def __init__(self, message: object = "") -> None:
        super().__init__(_line(str(message)))


class InputError(NetadaptError):
    """Something the user gave is wrong."""


class TableError(InputError):
    """A lookup table, or the .toml beside it, is missing or malformed."""


class UnmeasuredError(TableError):
    """A table isn't there, or has not what is asked; the message ends with what measures it."""


class DataError(InputError):
    """A data set, an HDF5 file or an image pair is missing or malformed."""


class WeightsError(InputError):
    """A checkpoint is malformed, refused, or doesn't fit the network."""


class ModelError(InputError):
    """A network can't be built, traced or cut."""


class RunError(InputError):
    """A run folder exists already, is damaged, or belongs to another configuration."""


class MissingExtraError(InputError):
    """An optional dependency is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtraError:
        """That `package`, which comes with the extra, isn't there."""
        return cls(
            f"{package} is not installed: this needs the '{extra}' extra; run: pip install "
            f"'netadapt[{extra}]' (in a clone of the project: pip install '.[{extra}]')"
        )


class OutputError(NetadaptError):
    """A file couldn't be written."""


class DeviceError(NetadaptError):
    """A device, tracker or cluster can't be reached, or doesn't answer as it should."""

    exit_code = 3


class BudgetError(NetadaptError):
    """The budget lies below the least that the network can reach."""

    exit_code = 4


def _line(text: str) -> str:
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    if len(text) > LONGEST_MESSAGE:
        part = LONGEST_MESSAGE // 2 - 2
        text = f"{text[:part]} … {text[-part:]}"
    return text


def in_words(error: BaseException) -> str:
    """What an error of Python's or of a library's says: a line without its numbers and types."""
    if isinstance(error, UnicodeDecodeError):
        return f"not a text in UTF-8 (byte {error.start})"
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, SyntaxError):
        return error.msg
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing" if error.args else "a key is missing"
    first = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    lines = first.strip().splitlines()
    return lines[0] if lines else type(error).__name__
