"""What is known of a device before anything is measured on it: its profile, a TOML file.

Shipped profiles lie in `profiles/`; a user's own in ./devices, in the folder that the environment
variable NETADAPT_DEVICES names, or anywhere (`--profile FILE`). Tracker and key can be overridden
by option, then by environment. Talking to the device is the runtimes' matter, and so is whether a
profile has what a runtime needs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from netadapt.errors import InputError
from netadapt.latency.runtimes.precision import FLOAT32, PRECISIONS
from netadapt.latency.runtimes.registry import RUNTIMES
from netadapt.outside import outside_toml

SHIPPED = Path(__file__).resolve().parent / "profiles"
ENVIRONMENT = {
    "tracker": "NETADAPT_TRACKER",
    "key": "NETADAPT_KEY",
    "threads": "NETADAPT_THREADS",
    "host": "NETADAPT_HOST",
    "cross_compiler": "NETADAPT_CROSS_COMPILER",
    "wall_limit_s": "NETADAPT_WALL_LIMIT_S",
}


@dataclass(frozen=True)
class DeviceProfile:
    """How to reach a device and how to measure on it.

    `runtime`: one of `runtimes.registry.RUNTIMES`, looked up when it is opened. `precision`: one of
    `precision.PRECISIONS`, that of every row of the device's table. `target`: what the runtime is
    to run on, in its own words: TVM's target, in which 'mcpu = "native"' stands for the CPU of this
    machine, or the `device` that OpenVINO and torch know. `tracker`: HOST:PORT of a TVM RPC
    tracker, '' for this machine itself; `key`: the name under which the device is registered there.
    `host`: what ssh or adb calls the device; `command`: how the runtime 'command' calls its engine.
    `seconds`: how long one layer is repeated; `ring_mb`: megabytes of weights to rotate through,
    more than the cache nearest to a core holds. `wall_limit_s`: how long a step may take before the
    device counts as hanging; `connect_limit_s`: the same for finding it. `emulated`: the figures
    say nothing about real latencies.
    """

    name: str
    runtime: str
    description: str = ""
    precision: str = FLOAT32
    target: dict[str, Any] = field(default_factory=dict)
    tracker: str = ""
    key: str = ""
    host: str = ""
    command: dict[str, Any] = field(default_factory=dict)
    cross_compiler: str = ""
    threads: int = 1
    seconds: float = 0.4
    ring_mb: float = 4.0
    wall_limit_s: float = 12.0
    connect_limit_s: float = 10.0
    power_mode: str = ""
    clocks: str = ""
    fix_first: tuple[str, ...] = ()
    emulated: bool = False
    path: Path | None = None

    @property
    def remote(self) -> bool:
        """Whether the device is reached through a tracker."""
        return bool(self.tracker)

    @property
    def tracker_address(self) -> tuple[str, int]:
        """Host and port of the tracker. Raises InputError when they can't be read."""
        host, _, port = self.tracker.rpartition(":")
        if not host or not port.isdecimal():
            raise InputError(
                f"tracker is '{self.tracker}' for the device {self.name}; expected HOST:PORT, "
                f"as in 192.168.1.20:9190"
            )
        return host, int(port)

    def overridden(self, **values: object) -> DeviceProfile:
        """A copy with the given fields; None leaves a field as it is."""
        given = {name: value for name, value in values.items() if value is not None}
        return _checked(replace(self, **given), self.path or Path(self.name))  # type: ignore[arg-type]

    def target_over(self, defaults: Mapping[str, str]) -> dict[str, Any]:
        """`target` over `defaults`, whose keys are all that it may have.

        Raises InputError naming another one.
        """
        unknown = sorted(set(self.target) - set(defaults))
        if unknown:
            raise InputError(
                f"{self.path or self.name}: [target] has the unknown key '{unknown[0]}'; expected "
                f"{', '.join(defaults)}"
            )
        return {**defaults, **self.target}

    def to_meta(self) -> dict[str, Any]:
        """What a table's .toml keeps of it; a precision only where it isn't float32."""
        kept = ("power_mode", "clocks", "emulated")
        meta = {name: value for name, value in asdict(self).items() if name in kept and value}
        return meta if self.precision == FLOAT32 else {**meta, "precision": self.precision}


def load_profile(
    device: str,
    *,
    file: Path | None = None,
    tracker: str | None = None,
    key: str | None = None,
    threads: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> DeviceProfile:
    """The profile of `device`, or of `file`, with what options and environment say instead.

    Raises InputError: no such profile (naming those there are), or a field that is wrong.
    """
    path = file or _find(device)
    profile = _read(path)
    given = os.environ if environment is None else environment
    texts = {name: given[variable] for name, variable in ENVIRONMENT.items() if given.get(variable)}
    values: dict[str, object] = dict(texts)
    for name, kind in (("threads", int), ("wall_limit_s", float)):
        if name in texts:
            try:
                values[name] = kind(texts[name])
            except ValueError:
                raise InputError(
                    f"{ENVIRONMENT[name]} is '{texts[name]}', expected a number"
                ) from None
    for name, value in (("tracker", tracker), ("key", key), ("threads", threads)):
        if value is not None:
            values[name] = value
    return profile.overridden(**values)


def profile_names() -> list[str]:
    """The devices that have a profile, sorted."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def _folders() -> list[Path]:
    named = os.environ.get("NETADAPT_DEVICES")
    candidates = [Path("devices"), *([Path(named)] if named else []), SHIPPED]
    return [folder for folder in candidates if folder.is_dir()]


def _find(device: str) -> Path:
    for folder in _folders():
        path = folder / f"{device}.toml"
        if path.is_file():
            return path
    raise InputError(
        f"there is no profile for the device '{device}'; there are {', '.join(profile_names())}; "
        f"give one of your own with --profile FILE (docs/devices/your-own.md)"
    )


def _read(path: Path) -> DeviceProfile:
    values = outside_toml(path, InputError)
    known = {f.name: f for f in fields(DeviceProfile) if f.name not in ("path",)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"{path} has the unknown key '{unknown[0]}'; expected {', '.join(known)}")
    values.setdefault("name", path.stem)
    if "runtime" not in values:
        raise InputError(f"{path} lacks 'runtime'; expected {_runtimes()}")
    if "fix_first" in values:
        steps = values["fix_first"]
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise InputError(
                f"{path}: fix_first is {json.dumps(steps, default=str)}, expected a list of texts"
            )
        values["fix_first"] = tuple(steps)
    return _checked(DeviceProfile(**values, path=path), path)


def _runtimes() -> str:
    return ", ".join(RUNTIMES.names())


KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "dict[str, Any]": ((dict,), "a table"),
    "tuple[str, ...]": ((tuple,), "a list of texts"),
}
"""What a field of a profile may hold, by its annotation, and how a user would call it."""


def _checked(profile: DeviceProfile, path: Path) -> DeviceProfile:
    for entry in fields(profile):
        expected, called = KINDS.get(str(entry.type), ((object,), ""))
        value = getattr(profile, entry.name)
        if not isinstance(value, expected) or (isinstance(value, bool) and int in expected):
            raise InputError(
                f"{path}: {entry.name} is {json.dumps(value, default=str)}, expected {called}"
            )
    if profile.runtime not in RUNTIMES:
        raise InputError(f"{path}: runtime is '{profile.runtime}', expected {_runtimes()}")
    if profile.precision not in PRECISIONS:
        raise InputError(
            f"{path}: precision is '{profile.precision}', expected {', '.join(PRECISIONS)}"
        )
    for name in ("threads", "seconds", "ring_mb", "wall_limit_s", "connect_limit_s"):
        if getattr(profile, name) <= 0:
            raise InputError(f"{path}: {name} is {getattr(profile, name)}, expected more than 0")
    if profile.tracker and profile.tracker_address and not profile.key:
        raise InputError(
            f"{path}: a tracker without a key; name the key the device registers under"
        )
    return profile
