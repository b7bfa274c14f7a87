"""From a device profile to the runtime that measures on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from netadapt.errors import InputError, MissingExtraError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import Runtime


@contextmanager
def open_runtime(
    profile: DeviceProfile, *, tune: int = 0, database: Path | None = None
) -> Iterator[Runtime]:
    """The profile's runtime, closed after the block.

    `tune`: MetaSchedule trials a layer (TVM only), kept in the folder `database`. Raises
    DeviceError when the device can't be reached, MissingExtraError without the runtime.
    """
    runtime: Runtime
    if tune and profile.runtime != "tvm":
        raise InputError(
            f"{profile.name} runs {profile.runtime}: only TVM can be tuned; leave out --tune"
        )
    if profile.runtime == "onnxruntime":
        from netadapt.latency.runtimes.onnxruntime.runtime import OnnxRuntime

        runtime = OnnxRuntime(profile)
    elif profile.runtime == "tvm":
        from netadapt.latency.runtimes.tvm.runtime import TvmRuntime

        if tune and find_spec("xgboost") is None:
            raise MissingExtraError("xgboost", "tune")
        runtime = TvmRuntime(profile, tune=tune, database=database)
    else:
        from netadapt.latency.runtimes.fake import FakeRuntime

        runtime = FakeRuntime(profile)
    try:
        yield runtime
    finally:
        runtime.close()
