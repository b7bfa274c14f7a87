"""Times out of what a command has printed: by a regular expression, or by a path into its JSON.

A time is always given back in milliseconds. Which command is run, and what is made of its times,
is left to `runtime`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netadapt.errors import DeviceError, InputError

MS_PER = {"s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "ns": 1e-6}
"""Milliseconds in one of each unit that a command may print."""

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")
SHOWN = 120
"""Characters of a command's words that a message repeats."""


@dataclass(frozen=True)
class OutputReading:
    """Where the times stand in a text.

    `regex`: each match is a time, its group 'time' (or the only group) the number, a group 'unit'
    its unit, a group 'name' what it is the time of. `json`: the path of the numbers, or of the
    objects whose keys `name` and `time` hold one each ('layers[*]'); the JSON may stand between
    other lines. `unit` is that of the numbers.
    """

    regex: str = ""
    json: str = ""
    unit: str = "ms"
    name: str = ""
    time: str = ""

    def __post_init__(self) -> None:
        if bool(self.regex) == bool(self.json):
            raise InputError("give a 'regex' or a 'json' path, one of the two")
        if self.unit not in MS_PER:
            raise InputError(f"unit is '{self.unit}', expected one of {', '.join(MS_PER)}")
        if self.regex:
            self._check_regex()
        elif "".join(match[0] for match in _STEP.finditer(self.json)) != self.json:
            raise InputError(f"json is '{self.json}', expected a path as in 'layers[*].time'")

    def _check_regex(self) -> None:
        try:
            pattern = re.compile(self.regex)
        except re.error as error:
            raise InputError(f"regex '{self.regex}' can't be read: {error}") from error
        if "time" not in pattern.groupindex and pattern.groups != 1:
            raise InputError(
                f"regex '{self.regex}' must have one group around the number, or a group "
                f"(?P<time>…)"
            )

    @property
    def named(self) -> bool:
        """Whether every time has a name beside it."""
        if self.regex:
            return "name" in re.compile(self.regex).groupindex
        return bool(self.name and self.time)

    def times_ms(self, text: str) -> list[float]:
        """All times of `text` in milliseconds. Raises DeviceError where there is none."""
        return [ms for _, ms in self.entries(text)]

    def entries(self, text: str) -> list[tuple[str, float]]:
        """All (name, milliseconds) of `text`, the name '' where there is none.

        Raises DeviceError where no time is found, or something else stands in its place.
        """
        found = list(self._by_regex(text) if self.regex else self._by_path(text))
        if not found:
            how = f"the regex '{self.regex}'" if self.regex else f"the JSON path '{self.json}'"
            raise DeviceError(f"there is no time where {how} looks for it; {printed(text)}")
        return found

    def _by_regex(self, text: str) -> Iterator[tuple[str, float]]:
        for match in re.finditer(self.regex, text, re.MULTILINE):
            groups = match.groupdict()
            number = groups.get("time") or match[1]
            unit = groups.get("unit") or self.unit
            yield groups.get("name") or "", _milliseconds(number, unit, text)

    def _by_path(self, text: str) -> Iterator[tuple[str, float]]:
        steps = [match[1] or match[2] for match in _STEP.finditer(self.json)]
        for item in _reached(_json_in(text), steps):
            if not self.time:
                yield "", _milliseconds(item, self.unit, text)
            elif isinstance(item, Mapping) and self.time in item:
                yield str(item.get(self.name, "")), _milliseconds(item[self.time], self.unit, text)


def printed(text: str) -> str:
    """What a message says of an output: its last line, or that there was none."""
    lines = plain_lines(text)
    return f"its last line is '{lines[-1][:SHOWN]}'" if lines else "it printed nothing"


def plain_lines(text: str) -> list[str]:
    """The lines of an output that aren't empty, without what would steer a terminal."""
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines())
    return [line.strip() for line in lines if line.strip()]


def _json_in(text: str) -> Any:
    """The first JSON object or list in `text`, which may have other lines around it."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"^\s*([\[{])", text, re.MULTILINE):
        try:
            found, _ = decoder.raw_decode(text, match.start(1))
        except (ValueError, RecursionError, MemoryError):  # JSON's own is a ValueError
            continue
        return found
    raise DeviceError(f"no JSON was printed; {printed(text)}")


def _reached(value: Any, steps: list[str]) -> Iterator[Any]:
    """What lies at the end of a path; nothing where it leads nowhere."""
    if not steps:
        yield value
        return
    step, *rest = steps
    if step == "*":
        items = value.values() if isinstance(value, Mapping) else value
        for item in items if isinstance(value, (list, Mapping)) else ():
            yield from _reached(item, rest)
    elif isinstance(value, Mapping) and step in value:
        yield from _reached(value[step], rest)
    elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        yield from _reached(value[int(step)], rest)


def _milliseconds(number: Any, unit: str, text: str) -> float:
    if unit not in MS_PER:
        raise DeviceError(
            f"a time is in '{unit[:SHOWN]}', expected one of {', '.join(MS_PER)}; {printed(text)}"
        )
    try:
        value = float(number)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or isinstance(number, bool):
        raise DeviceError(f"'{str(number)[:SHOWN]}' stands where a time should; {printed(text)}")
    return value * MS_PER[unit]
