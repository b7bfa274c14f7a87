"""What a profile says in [command]: how an engine is called, and where its times stand.

Each command is a text that is split into arguments as a shell would, and only then are its
placeholders filled: what is put in can't become a second argument. What is done with the commands
is left to `runtime`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from netadapt.errors import InputError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.command.command_output import OutputReading

PLACEHOLDERS = (
    *("file", "here", "name", "converted", "remote"),
    *("host", "threads", "precision", "seconds"),
)
"""A file's own five: its path, the folder it lies in, its name without ending, what it is converted
to, and the path on the device."""

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# What another machine's shell reads as plain text; a host must not look like an option either.
_PLAIN_PATH = re.compile(r"[\w./~+-]*")
_PLAIN_HOST = re.compile(r"(?:[\w.+][\w@.:%+-]*)?")

Arguments = tuple[str, ...]


@dataclass(frozen=True)
class LayerReading:
    """How the time of each node is asked for: the command, and where names and times stand."""

    run: Arguments
    reading: OutputReading
    skip: str = ""


@dataclass(frozen=True)
class CommandTable:
    """The commands of an engine, each () where there is none.

    In the order of their use: `reach` and `version` once; then for each file `convert` (here, to
    the path `converted`), `send`, `run` (`runs` times) and `clean`. `time` reads a whole file's
    time from what `run` prints; `layers`, where it is there, the time of each node by its name. The
    first `warm_up` times of each output don't count; a call that fails by its connection or hangs
    is repeated `retries` times; `repeats` is how often a layer stands in a file at most.
    """

    engine: str
    run: Arguments
    time: OutputReading
    reach: Arguments = ()
    version: Arguments = ()
    convert: Arguments = ()
    send: Arguments = ()
    clean: Arguments = ()
    layers: LayerReading | None = None
    folder: str = ""
    converted: str = ""
    warm_up: int = 0
    runs: int = 1
    retries: int = 1
    repeats: int = 16

    @classmethod
    def of(cls, profile: DeviceProfile) -> CommandTable:
        """Read [command] of a profile. Raises InputError naming the file and the key."""
        where = f"{profile.path or profile.name}: [command]"
        given = dict(profile.command)
        _check_keys(given, [f.name for f in fields(cls)], where)
        if not _PLAIN_HOST.fullmatch(profile.host):
            raise InputError(
                f"{profile.path or profile.name}: host is '{profile.host}', expected a name or an "
                f"address, as in nvidia@192.168.1.20"
            )
        for key in ("engine", "run", "time"):
            if key not in given:
                raise InputError(f"{where} lacks '{key}' (docs/devices/command.md)")
        values: dict[str, Any] = {}
        for key, value in given.items():
            values[key] = _READ[key](value, f"{where} {key}")
        table = cls(**values)
        if "{host}" in str(profile.command) and not profile.host:
            raise InputError(
                f"{profile.path or profile.name} lacks 'host', which its commands name; write it "
                f"there, or set NETADAPT_HOST, to what ssh or adb calls the device"
            )
        for key, text in (("folder", table.folder), ("converted", table.converted)):
            if not _PLAIN_PATH.fullmatch(text.replace("{name}", "")):
                raise InputError(
                    f"{where} {key} is '{text}', expected letters, digits and ./~+-_ alone"
                )
        if bool(table.convert) != bool(table.converted):
            raise InputError(f"{where} has one of 'convert' and 'converted'; expected both or none")
        return table


def filled(arguments: Arguments, values: Mapping[str, object]) -> list[str]:
    """The arguments with every placeholder replaced by its value."""
    return [_PLACEHOLDER.sub(lambda match: str(values[match[1]]), text) for text in arguments]


def placeholders(
    profile: DeviceProfile, table: CommandTable, file: Path | None = None
) -> dict[str, object]:
    """What each placeholder stands for, of one file or of none."""
    values: dict[str, object] = dict.fromkeys(PLACEHOLDERS, "")
    values |= {"host": profile.host, "threads": profile.threads, "precision": profile.precision}
    values["seconds"] = f"{profile.seconds:g}"
    if file is None:
        return values
    values |= {"file": file, "here": file.parent, "name": file.stem, "converted": file}
    if table.converted:
        # Beside the file: a template such as '{name}_float32.tflite'.
        values["converted"] = file.parent / filled((table.converted,), values)[0]
    sent = Path(str(values["converted"])).name
    values["remote"] = f"{table.folder.rstrip('/')}/{sent}" if table.folder else sent
    return values


def _check_keys(given: Mapping[str, Any], known: list[str], where: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(f"{where} has the unknown key '{unknown[0]}'; expected {', '.join(known)}")


def _arguments(value: Any, where: str) -> Arguments:
    """A command line, or a list of arguments."""
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise InputError(f"{where} can't be split into arguments: {error}") from error
    if not isinstance(value, list) or not value or not all(isinstance(a, str) for a in value):
        raise InputError(f"{where} is {value!r}, expected a command line or a list of arguments")
    for name in _PLACEHOLDER.findall(" ".join(value)):
        if name not in PLACEHOLDERS:
            raise InputError(
                f"{where} has the unknown placeholder {{{name}}}; expected one of "
                f"{', '.join(f'{{{known}}}' for known in PLACEHOLDERS)}"
            )
    return tuple(value)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where} is {value!r}, expected a text")
    return value


def _count(value: Any, where: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{where} is {value!r}, expected a whole number ≥ {least}")
    return value


def _table(value: Any, where: str, known: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {value!r}, expected a table: [command.{where.split()[-1]}]")
    _check_keys(value, known, where)
    return value


_READING_KEYS = [f.name for f in fields(OutputReading)]


def _reading(value: Any, where: str) -> OutputReading:
    given = _table(value, where, _READING_KEYS)
    try:
        return OutputReading(**{key: _text(v, f"{where}.{key}") for key, v in given.items()})
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _layers(value: Any, where: str) -> LayerReading:
    given = _table(value, where, [*_READING_KEYS, "run", "skip"])
    if "run" not in given:
        raise InputError(f"{where} lacks 'run', the command that prints the time of each node")
    reading = _reading({k: v for k, v in given.items() if k not in ("run", "skip")}, where)
    if not reading.named:
        raise InputError(f"{where} must name each time: a group (?P<name>…), or 'name' and 'time'")
    skip = _text(given.get("skip", ""), f"{where}.skip")
    try:
        re.compile(skip)
    except re.error as error:
        raise InputError(f"{where}.skip '{skip}' can't be read: {error}") from error
    return LayerReading(_arguments(given["run"], f"{where}.run"), reading, skip)


_READ: dict[str, Any] = {
    **dict.fromkeys(("run", "reach", "version", "convert", "send", "clean"), _arguments),
    **dict.fromkeys(("engine", "folder", "converted"), _text),
    "time": _reading,
    "layers": _layers,
    "warm_up": lambda value, where: _count(value, where, 0),
    "runs": lambda value, where: _count(value, where, 1),
    "retries": lambda value, where: _count(value, where, 0),
    "repeats": lambda value, where: _count(value, where, 1),
}
"""By key: how its value is read."""
