"""From a device profile to the runtime that measures on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from netadapt.cost.devices.profile import DeviceProfile
from netadapt.cost.runtimes.base import Runtime


@contextmanager
def open_runtime(profile: DeviceProfile) -> Iterator[Runtime]:
    """The profile's runtime, closed after the block.

    Raises DeviceError when the device can't be reached, MissingExtraError without the runtime.
    """
    runtime: Runtime
    if profile.runtime == "onnxruntime":
        from netadapt.cost.runtimes.onnxruntime import OnnxRuntime

        runtime = OnnxRuntime(profile)
    elif profile.runtime == "tvm":
        from netadapt.cost.runtimes.tvm import TvmRuntime

        runtime = TvmRuntime(profile)
    else:
        from netadapt.cost.runtimes.fake import FakeRuntime

        runtime = FakeRuntime(profile)
    try:
        yield runtime
    finally:
        runtime.close()
