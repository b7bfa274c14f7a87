"""`lut doctor`: every step of the path to a device, each ok or with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netadapt.errors import DeviceError, NetadaptError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import Runtime
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.runtimes.tvm.runtime import TvmRuntime

SMALL = LayerShape("conv2d", 16, 24, (3, 3), (1, 1), (1, 1), (1, 1), 1, 14, 14, "relu")
"""The layer that shows whether a compiled kernel gives the right answer."""


@dataclass(frozen=True)
class Finding:
    """One step: `ok` None when it could not be tried because an earlier one failed."""

    step: str
    ok: bool | None
    detail: str


def examine(profile: DeviceProfile) -> Iterator[Finding]:
    """Try every step of the path to the device, in order, each as soon as it is known."""
    yield Finding("profile", True, f"{profile.path}: {profile.description or profile.name}")
    with open_runtime(profile) as runtime:
        steps = _remote(profile, runtime) if isinstance(runtime, TvmRuntime) else _local(runtime)
        failed = False
        for name, step in steps:
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


def _local(runtime: Runtime) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "runtime installed", lambda: _runtime_name(runtime)
    yield "a small kernel gives the right answer", lambda: _small(runtime)


def _remote(profile: DeviceProfile, runtime: TvmRuntime) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "runtime installed", lambda: _runtime_name(runtime)
    if profile.remote:
        yield "cross compiler present", lambda: _cross_compiler(profile, runtime)
        yield "tracker reachable", lambda: _tracker(profile, runtime)
        yield "key registered and free", lambda: _done(runtime.check_key, profile.key)
        yield "session opens", lambda: _done(runtime.connect, "opened")
        yield "TVM versions equal", lambda: _versions(runtime)
    yield "target supported", lambda: _supported(profile, runtime)
    yield "a small kernel gives the right answer", lambda: _small(runtime)


def _runtime_name(runtime: Runtime) -> str:
    told = runtime.describe()
    return f"{told['runtime']} {told['runtime_version']}, {told['target']}"


def _cross_compiler(profile: DeviceProfile, runtime: TvmRuntime) -> str:
    if not profile.cross_compiler:
        return "none needed: the device has this machine's architecture"
    return runtime.check_cross_compiler()


def _tracker(profile: DeviceProfile, runtime: TvmRuntime) -> str:
    keys = runtime.check_tracker().keys
    return f"{profile.tracker}, registered: {', '.join(keys) or 'none'}"


def _versions(runtime: TvmRuntime) -> str:
    version = str(runtime.describe()["runtime_version"])
    missing = runtime.missing_functions()
    if missing:
        raise DeviceError(
            f"the device's runtime lacks {len(missing)} functions of TVM {version} (such as "
            f"{missing[0]}): it is another version; install the same on both: "
            f"pip install apache-tvm=={version}"
        )
    return f"the device's runtime has every function of TVM {version}'s virtual machine"


def _supported(profile: DeviceProfile, runtime: TvmRuntime) -> str:
    if not runtime.has_device():
        raise DeviceError(
            f"the runtime on the device can't run '{profile.target['kind']}': it was built "
            f"without it, or finds no such device (docs/devices/tx2.md has how to build one)"
        )
    return str(profile.target["kind"])


def _small(runtime: Runtime) -> str:
    timing = runtime.measure(SMALL)
    return f"{SMALL}: equal to torch's, {timing.latency_ms:.3g} ms"


def _done(check: Callable[[], None], detail: str) -> str:
    check()
    return detail
