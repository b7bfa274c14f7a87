"""The runtimes there are, by the name that a device's profile says; opening one.

What ships is imported when a profile first asks for it. A user's own is registered beside its
class, or offered by an installed package as an entry point of the group 'netadapt.runtimes'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netadapt.errors import InputError
from netadapt.latency.runtimes.precision import FLOAT32
from netadapt.registry import Registry, require_members

if TYPE_CHECKING:
    from netadapt.latency.devices.profile import DeviceProfile
    from netadapt.latency.runtimes.base import Runtime

METHODS = ("describe", "reach", "prepare", "measure", "measure_network", "steps", "close")
_ROOM = "netadapt.latency.runtimes"

RUNTIMES: Registry[Callable[[DeviceProfile], Runtime]] = Registry(
    "runtime",
    {
        "tvm": f"{_ROOM}.tvm.runtime:TvmRuntime",
        "onnxruntime": f"{_ROOM}.onnxruntime.runtime:OnnxRuntime",
        "openvino": f"{_ROOM}.openvino.runtime:OpenVinoRuntime",
        "ncnn": f"{_ROOM}.ncnn.runtime:NcnnRuntime",
        "torch": f"{_ROOM}.torch.runtime:TorchRuntime",
        "command": f"{_ROOM}.command.runtime:CommandRuntime",
        "fake": f"{_ROOM}.fake:FakeRuntime",
    },
    group="netadapt.runtimes",
)


def register_runtime(
    name: str, runtime: Callable[[DeviceProfile], Runtime]
) -> Callable[[DeviceProfile], Runtime]:
    """Know a class of the protocol `Runtime` by the name that profiles ask for; gives it back.

    Raises InputError where the name is another runtime's.
    """
    return RUNTIMES.register(name, runtime)


@contextmanager
def open_runtime(
    profile: DeviceProfile, *, tune: int = 0, database: Path | None = None
) -> Iterator[Runtime]:
    """The profile's runtime, closed after the block.

    `tune`: trials a layer of a search for faster kernels, for runtimes that can, kept in the folder
    `database`. Raises InputError for a runtime that isn't known, a precision that it can't compute
    in or a profile that lacks what it needs, DeviceError when the device can't be reached,
    MissingExtraError without the runtime's package.
    """
    make = RUNTIMES[profile.runtime]
    known = getattr(make, "precisions", (FLOAT32,))
    if profile.precision not in known:
        raise InputError(
            f"{profile.path or profile.name}: precision is '{profile.precision}', but "
            f"{profile.runtime} is timed in {', '.join(known)}"
        )
    if tune:
        tuned = getattr(make, "tuned", None)
        if tuned is None:
            raise InputError(
                f"{profile.name} runs {profile.runtime}, which can't be tuned; leave out --tune"
            )
        runtime: Runtime = tuned(profile, tune, database)
    else:
        runtime = make(profile)
    what = f"the runtime {profile.runtime}"
    require_members(runtime, what, "netadapt.Runtime", METHODS, values=("schedule",))
    try:
        yield runtime
    finally:
        runtime.close()
