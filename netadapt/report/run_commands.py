"""The commands that make a run again, and those that come next, as lines to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, fields

from netadapt.pruning.constraints.registry import devices_of
from netadapt.pruning.job import OpenedBy
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.settings import OPTIONS, SearchSettings
from netadapt.report.budgets_met import COUNTS
from netadapt.report.run_on_disk import RunOnDisk


@dataclass(frozen=True)
class Command:
    """A line to paste, and what it is for."""

    purpose: str
    line: str


def reproducing(run: RunOnDisk) -> Command:
    """What makes the run again: a command, or for one from Python the call.

    Raises RunError for a run.json of another version, InputError for how it was opened.
    """
    about = RunAbout.read(run.path)
    if not about.opened:
        return Command("From Python, with the same network and task", _call(about))
    words = ["netadapt", "prune", *_budget_words(about), *_opened_words(about)]
    words += _setting_words(about.settings)
    return Command("The same run again", shlex.join([*words, "--out", f"{run.path}-again"]))


def following(run: RunOnDisk) -> list[Command]:
    """What a user does next, by where the run stands."""
    where = shlex.quote(str(run.path))
    commands = []
    if run.content and not all(budget.met for budget in run.budgets):
        line = f"netadapt prune --resume --out {where}"
        commands.append(Command("Go on to the budget", line))
    if run.tuned is None and run.content:
        purpose = "Win back what short-term fine-tuning left"
        commands.append(Command(purpose, f"netadapt finetune {where}"))
    for device in devices_of(run.content.get("budget", {})):
        line = f"netadapt bench {where} --device {shlex.quote(device)}"
        commands.append(Command(f"Time the whole network on {device}", line))
    if run.content:
        commands.append(Command("A file to deploy", f"netadapt export {where} --format onnx"))
    return commands


def _call(about: RunAbout) -> str:
    told: dict[str, object] = {"budget": dict(about.as_asked)}
    default = SearchSettings()
    for entry in fields(SearchSettings):
        value = getattr(about.settings, entry.name)
        if value != getattr(default, entry.name):
            told[entry.name] = value
    return f"netadapt.prune(model, example_input, task=…, {_keywords(told)})"


def _keywords(told: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in told.items())


def _budget_words(about: RunAbout) -> Iterator[str]:
    """The first device as --device and --budget-ms, the others by their names."""
    asked = about.as_asked
    devices = devices_of(asked)
    for name, most in asked.items():
        amount = most if isinstance(most, str) else repr(float(most)).removesuffix(".0")
        if name in COUNTS:
            yield from (f"--budget-{name}", amount)
        elif devices[:1] == [name] and len(devices) == 1:
            yield from ("--device", name, "--budget-ms", amount)
        else:
            yield from ("--budget", f"{name}={amount}")


_OPENED_OTHERWISE = {"input_shapes": "--input-shape"}


def _opened_words(about: RunAbout) -> Iterator[str]:
    """How network and task were opened, where it isn't as by default."""
    opened = OpenedBy.from_json(about.opened)
    for entry in fields(OpenedBy):
        value = getattr(opened, entry.name)
        if value is None or value is False or (entry.name == "data" and ":" in opened.task):
            continue
        option = _OPENED_OTHERWISE.get(entry.name, f"--{entry.name.replace('_', '-')}")
        if entry.name == "input_shapes":
            for shape in value:
                yield from (option, "x".join(map(str, shape)))
        elif value is True:
            yield option
        else:
            size = entry.name == "input_size"
            yield from (option, "x".join(map(str, value)) if size else str(value))


def _setting_words(settings: SearchSettings) -> Iterator[str]:
    """The settings that aren't the default, as options."""
    for option in OPTIONS:
        value = _value(settings, option.name)
        if value == option.default or value is None:
            continue
        name = f"--{option.name.replace('_', '-')}"
        yield from (name,) if value is True else (name, f"{value}")
    if settings.verify_every:
        yield from ("--verify-every", f"{settings.verify_every}")
    for pattern in settings.frozen:
        yield from ("--freeze", pattern)
    for group, width in settings.min_widths.items():
        yield from ("--min-width", f"{group}={width}")
    if settings.seed:
        yield from ("--seed", f"{settings.seed}")


_SHORT_TERM = {"finetune_steps": "steps"}
"""Options that a field of the short-term fine-tuning has under another name."""


def _value(settings: SearchSettings, option: str) -> object:
    if hasattr(settings, option):
        return getattr(settings, option)
    return getattr(settings.short_term, _SHORT_TERM.get(option, option))
