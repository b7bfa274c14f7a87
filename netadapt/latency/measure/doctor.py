"""`lut doctor`: every step of the path to a device, each ok or with what to do about it.

Which steps there are is the runtime's matter (`Runtime.steps`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netadapt.errors import NetadaptError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.registry import open_runtime


@dataclass(frozen=True)
class Finding:
    """One step: `ok` None when it could not be tried because an earlier one failed."""

    step: str
    ok: bool | None
    detail: str


def examine(profile: DeviceProfile) -> Iterator[Finding]:
    """Try every step of the path to the device, in order, each as soon as it is known.

    Raises InputError for a runtime that isn't known, or that can't do with the profile.
    """
    with open_runtime(profile) as runtime:
        where = profile.path or "made in Python"
        yield Finding("profile", True, f"{where}: {profile.description or profile.name}")
        failed = False
        for name, step in runtime.steps():
            if failed:
                yield Finding(name, None, "not tried: an earlier step failed")
                continue
            try:
                yield Finding(name, True, step())
            except NetadaptError as error:
                failed = True
                yield Finding(name, False, str(error))
    for advice in profile.fix_first:
        yield Finding("before measuring", True, f"do: {advice}")
