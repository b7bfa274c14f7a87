"""Everything that decides a search, apart from the network, the task and the constraint.

Each setting is declared once, here: Python's `netadapt.search` takes these fields as keywords, the
command line makes its options of `OPTIONS`, and run.json keeps the whole. No torch is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import Any, get_type_hints

from netadapt.errors import InputError
from netadapt.pruning.schedule import Schedule
from netadapt.training.settings import FineTuning, require_number, require_seed

OF_DEVICE = "device"
"""As a width multiple: what the device's table shows that its kernels take at once."""

NETADAPT: Mapping[str, Any] = {"importance": "l2", "first_reduction": 0.025, "decay": 0.98}
"""What goes with a strategy that doesn't say otherwise: NetAdapt's (ECCV 2018), as published."""

LONG_EPOCHS = 10
LONG_STEPS = 1000
LONG_BATCH_SIZE = 16
LONG_LEARNING_RATE = 1e-3
"""Of the long fine-tune after a search; the steps where a task doesn't say how many examples an
epoch has. `long_term.py` has the rest of its course."""

VERIFY_EVERY = 5
"""Iterations between two timings, of a run that is verified without saying how often."""


def _shown(help: str, default: Any) -> Any:
    """A field that is an option of the command line, with its default."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class SearchSettings:
    """The settings of a search; the defaults are those of Python and of the command line.

    Raises InputError for a value out of range.
    """

    strategy: str = _shown(
        "How an iteration chooses: saliency, full, racing, uniform, random, or a registered "
        "strategy.",
        "saliency",
    )
    importance: str | None = _shown(
        "Which filters stay: l2 (largest norm), l1, taylor, bn-scale, or a registered importance; "
        "default: what goes with the strategy.",
        None,
    )
    short_term: FineTuning = field(
        default=FineTuning(),
        metadata={
            "parts": {
                "finetune_steps": ("steps", "Short-term fine-tuning steps of every proposal."),
                "learning_rate": ("learning_rate", "Of the short-term fine-tuning."),
                "batch_size": ("batch_size", "Images a fine-tuning step."),
            }
        },
    )
    """What every proposal gets."""
    proposal_images: int = _shown(
        "Images of the holdout that a proposal is judged on; those that may still win get more.", 32
    )
    first_reduction: float | None = _shown(
        "What the first step must save, as a share of what the network costs; default: what goes "
        "with the strategy.",
        None,
    )
    decay: float | None = _shown(
        "How that share shrinks each step; default: what goes with the strategy.", None
    )
    distill: bool = _shown(
        "Fine-tune towards what the network given says instead of labels.", False
    )
    width_multiple: int | str = field(
        default=8,
        metadata={
            "help": "Widths are multiples of this; 'device': of the channels that the device's "
            "kernels take at once, as its table shows.",
            "parse": lambda text: int(text) if text.isdecimal() else text,
        },
    )
    confidence: float | None = _shown(
        "Stop only when the upper end of the predicted interval meets the budget: 0.9, the tables' "
        "own interval, or another share.",
        None,
    )
    verify_every: int = 0
    """Iterations between two timings of the whole network on its device; 0: none is timed."""
    frozen: tuple[str, ...] = field(default=())
    """Channel groups that keep their width, by name or glob."""
    min_widths: Mapping[str, int] = field(default_factory=dict)
    """The least width of channel groups, by name or glob."""
    seed: int = 0

    def __post_init__(self) -> None:
        self._require_types()
        if self.first_reduction is not None and not 0 < self.first_reduction < 1:
            raise InputError(
                f"the first reduction is {self.first_reduction}; expected a share between 0 and 1"
            )
        if self.decay is not None and not 0 < self.decay <= 1:
            raise InputError(f"the decay is {self.decay}; expected a number in (0, 1]")
        if self.proposal_images < 2:
            raise InputError(
                f"the images a proposal is judged on are {self.proposal_images}; expected 2 or more"
            )
        if isinstance(self.width_multiple, int) and self.width_multiple < 1:
            raise InputError(f"the width multiple is {self.width_multiple}; expected 1 or more")
        if self.confidence is not None and not (
            self.confidence > 0 and (1 + self.confidence) / 2 < 1  # rounded too
        ):
            raise InputError(
                f"the confidence is {self.confidence}; expected a share between 0 and 1, as 0.9"
            )
        if self.verify_every < 0:
            raise InputError(
                f"a network is verified every {self.verify_every} iterations; expected 1 or more"
            )
        require_seed(self.seed)

    def _require_types(self) -> None:
        """Python's callers and a run.json may hold anything."""
        for what, number in (("first reduction", self.first_reduction), ("decay", self.decay)):
            if number is not None:
                require_number(f"the {what} is", number)
        require_number("a proposal's images are", self.proposal_images, whole=True)
        if isinstance(self.width_multiple, str) and self.width_multiple != OF_DEVICE:
            raise InputError(
                f"the width multiple is '{self.width_multiple}'; expected a whole number, or "
                f"'{OF_DEVICE}'"
            )
        if not isinstance(self.width_multiple, str):
            require_number("the width multiple is", self.width_multiple, whole=True)
        require_number("the iterations between two timings are", self.verify_every, whole=True)
        if self.confidence is not None:
            require_number("the confidence is", self.confidence)
        if not isinstance(self.distill, bool):
            raise InputError(f"distill is {self.distill!r}; expected True or False")
        if not isinstance(self.short_term, FineTuning):
            raise InputError(f"short_term is {self.short_term!r}; expected a FineTuning")
        if not all(isinstance(name, str) for name in self.frozen):
            raise InputError(f"frozen is {self.frozen!r}; expected names of channel groups")
        if not isinstance(self.min_widths, Mapping):
            raise InputError(f"min_widths is {self.min_widths!r}; expected {{group: width}}")
        for name, width in self.min_widths.items():
            if not isinstance(name, str):
                raise InputError(f"min_widths has {name!r}; expected the name of a channel group")
            require_number(f"the least width of group {name} is", width, whole=True)

    @property
    def step(self) -> int:
        """What widths are multiples of, once a search knows that of its device."""
        if not isinstance(self.width_multiple, int):
            raise InputError("the width multiple is the device's, which isn't known yet")
        return self.width_multiple

    def schedule(self, cost: float) -> Schedule:
        """What each iteration must save, for a network that costs `cost` uncut."""
        if self.first_reduction is None or self.decay is None:
            raise InputError(
                "first_reduction or decay is None, as long as no strategy fills it in; set both"
            )
        return Schedule(self.first_reduction * cost, self.decay)

    def with_defaults(self, defaults: Any) -> SearchSettings:
        """With what goes with the strategy, by the names of fields, where nothing else is set.

        What a strategy says nothing of, or None, is NetAdapt's. Raises InputError where it speaks
        of others, or says what can't be.
        """
        theirs = f"the defaults of the strategy {self.strategy}"
        if not isinstance(defaults, Mapping):
            raise InputError(
                f"{theirs} are {defaults!r:.60}; expected names of settings with values, as "
                f"{{'first_reduction': 0.05}}"
            )
        for name in set(defaults) - set(NETADAPT):
            raise InputError(
                f"the strategy {self.strategy} has a default for '{name}'; it may have one for "
                f"{', '.join(NETADAPT)}"
            )
        said = {name: value for name, value in defaults.items() if value is not None}
        if not isinstance(importance := said.get("importance", ""), str):
            raise InputError(
                f"{theirs} have the importance {importance!r:.60}; expected a name, as 'taylor'"
            )
        unset = {name for name in NETADAPT if getattr(self, name) is None}
        try:
            return replace(self, **{name: {**NETADAPT, **said}[name] for name in unset})
        except InputError as error:
            raise InputError(f"{theirs}: {error}") from error

    def changed(self, options: Mapping[str, Any]) -> SearchSettings:
        """With the values of some options, by the names that they have in `OPTIONS`, or of fields.

        Raises InputError for a name that is neither.
        """
        changes: dict[str, Any] = {}
        short_term: dict[str, Any] = {}
        for name, value in options.items():
            if name in _PARTS:
                short_term[_PARTS[name]] = value
            elif name in _FIELDS:
                changes[name] = value
            else:
                known = ", ".join((*_FIELDS, *_PARTS))
                raise InputError(f"a search has no setting '{name}'; it has {known}")
        if short_term:
            changes["short_term"] = replace(
                changes.get("short_term", self.short_term), **short_term
            )
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {**asdict(self), "frozen": list(self.frozen), "min_widths": dict(self.min_widths)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SearchSettings:
        """Read what `to_json` wrote. Raises InputError for a setting that there isn't."""
        content = dict(value)
        try:
            content["short_term"] = FineTuning(**content["short_term"])
            content["frozen"] = tuple(content["frozen"])
            return cls(**content)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the settings of the run are of another version ({error})") from error


@dataclass(frozen=True)
class SettingOption:
    """A setting as an option of the command line: `--name`, its default, and what it means."""

    name: str
    kind: Any
    """What a value is: float, `str | None`, …"""
    default: Any
    help: str
    parse: Callable[[str], Any] | None = None
    """What makes a value of the text that the user types; None where the kind says it."""


def _options() -> tuple[SettingOption, ...]:
    made: list[SettingOption] = []
    kinds, kinds_of_parts = get_type_hints(SearchSettings), get_type_hints(FineTuning)
    for entry in fields(SearchSettings):
        if "help" in entry.metadata:
            kind = kinds[entry.name]
            shown = entry.metadata
            parse = shown.get("parse")
            made.append(SettingOption(entry.name, kind, entry.default, shown["help"], parse))
        for name, (part, help) in _parts_of(entry).items():
            default = getattr(entry.default, part)
            made.append(SettingOption(name, kinds_of_parts[part], default, help))
    return tuple(made)


def _parts_of(entry: Field[Any]) -> Mapping[str, tuple[str, str]]:
    parts: Mapping[str, tuple[str, str]] = entry.metadata.get("parts", {})
    return parts


_FIELDS = tuple(entry.name for entry in fields(SearchSettings))
_PARTS = {
    name: part for entry in fields(SearchSettings) for name, (part, _) in _parts_of(entry).items()
}

OPTIONS = _options()
"""The settings that the command line offers as they are; the others have options of their own."""
