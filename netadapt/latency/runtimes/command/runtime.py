"""Timing through any engine that can time an ONNX file, called by a command line.

The engine may be here or anywhere that ssh or adb leads to. It is asked for the time of whole files
alone, or of every node by its name; what a profile says of that is read by `command_table`.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.errors import DeviceError
from netadapt.extras import needed
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import (
    SMALL,
    DoctorSteps,
    Timing,
    UnsupportedLayer,
    WrongOutput,
    apart,
)
from netadapt.latency.runtimes.command.command_output import (
    OutputReading,
    plain_lines,
    printed,
)
from netadapt.latency.runtimes.command.command_table import (
    Arguments,
    CommandTable,
    LayerReading,
    filled,
    placeholders,
)
from netadapt.latency.runtimes.command.process import (
    NOT_FOUND,
    CommandHangs,
    Ended,
    find_program,
    run_command,
)
from netadapt.latency.runtimes.onnxruntime.layer_models import (
    layer_model,
    repeated_model,
    told_apart,
)
from netadapt.latency.runtimes.precision import PRECISIONS, schedule_in
from netadapt.latency.runtimes.reference import Reference, compare, reference
from netadapt.latency.runtimes.repeating import repeats_for

NO_CONNECTION = 255
"""What ssh gives back when it doesn't reach the other machine."""

WAIT_S = 1.0
"""Before a command is tried again."""

# The nodes of `repeated_model`, by how their names begin: layer1, layer1.relu, layer1_nchwc.
_LAYER = re.compile(r"(?<![\w.])layer\d+")
_OTHER = re.compile(r"(?<![\w.])(?:feeder|reader|sink|other|after)\d+")


class CommandRuntime:
    """An engine behind a command.

    The files that it gets are compared with torch here, by onnxruntime; what the engine itself
    computes isn't seen. The precision is the engine's own affair, by {precision} in its commands.
    Raises InputError for a profile whose [command] is wrong.
    """

    precisions = PRECISIONS

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self.table = CommandTable.of(profile)
        self._onnxruntime = needed("onnxruntime", "onnx")
        needed("onnx", "onnx")
        self._folder = tempfile.TemporaryDirectory(prefix="netadapt-")
        # No two builds on one device may have a file of the same name.
        self._token = f"netadapt-{os.getpid()}-{secrets.token_hex(3)}"
        self._files = 0
        self._version = ""

    @property
    def schedule(self) -> str:
        return schedule_in(self.table.engine, self.profile.precision)

    def describe(self) -> dict[str, Any]:
        table = self.table
        if not self._version:
            self._version = self._asked_version() if table.version else "not asked"
        return {
            "runtime": "command",
            "runtime_version": self._version,
            "target": " ".join(table.layers.run if table.layers else table.run),
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Raises DeviceError when the device doesn't answer to the profile's `reach`.

        And when a program that is called here isn't there.
        """
        table = self.table
        self._programs()
        if table.reach:
            self._ask(table.reach)

    def prepare(self, shape: LayerShape) -> None:
        """Nothing: the engine has the device for itself."""

    def measure(self, shape: LayerShape) -> Timing:
        values = reference(shape)
        self._checked_here(shape, values)
        repeats = min(self.table.repeats, repeats_for(shape, self.profile.ring_mb))
        if self.table.layers is not None:
            model = repeated_model(shape, values, repeats, self.profile.ring_mb)
            return self._by_names(shape, model, self.table.layers, repeats)
        full, bare = told_apart(shape, values, repeats)
        around = Timing(tuple(self._times(bare, f"what surrounds {shape}")))
        return apart(Timing(tuple(self._times(full, str(shape)))), around, repeats)

    def measure_network(self, model: bytes) -> Timing:
        return Timing(tuple(self._times(model, "the network")))

    def steps(self) -> DoctorSteps:
        """The way to the engine, then a layer through it."""
        table = self.table
        yield "programs present", self._programs
        if table.reach:
            yield "device answers", lambda: self._ask(table.reach)
        if table.version:
            yield "engine's version", self._asked_version
        yield "a small layer is timed", self._small_layer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def _programs(self) -> str:
        table = self.table
        steps = (table.reach, table.convert, table.send, table.run)
        return ", ".join(dict.fromkeys(find_program(step[0]) for step in steps if step))

    def _small_layer(self) -> str:
        timing = self.measure(SMALL)
        return f"{SMALL}: {timing.latency_ms:.3g} ms by {self.table.engine}; its output isn't seen"

    def _asked_version(self) -> str:
        return self._ask(self.table.version)

    def _ask(self, arguments: Arguments) -> str:
        """Run one of the short commands; gives the first line that it prints.

        Raises DeviceError where it fails or hangs.
        """
        limit_s = self.profile.connect_limit_s
        ended = run_command(filled(arguments, placeholders(self.profile, self.table)), limit_s)
        if ended.code:
            raise DeviceError(
                f"{self.profile.name} doesn't answer to '{arguments[0]}' ({ended.told}); see "
                f"docs/devices/command.md"
            )
        lines = plain_lines(ended.output)
        return lines[0][:200] if lines else "ok"

    def _checked_here(self, shape: LayerShape, values: Reference) -> None:
        """Raises UnsupportedLayer where ONNX can't say the layer, WrongOutput where it says it
        otherwise than torch."""
        session = self._onnxruntime.InferenceSession(
            layer_model(shape, values), providers=["CPUExecutionProvider"]
        )
        feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
        compare(shape, np.asarray(session.run(None, feeds)[0]), values.output)

    def _by_names(
        self, shape: LayerShape, model: bytes, layers: LayerReading, repeats: int
    ) -> Timing:
        """The sum over the layer's own nodes in each run."""

        def read(text: str) -> list[float]:
            entries = layers.reading.entries(text)
            return [_own_ms(shape, entries, layers.skip) / repeats]

        return Timing(tuple(self._run_file(model, layers.run, read, str(shape))))

    def _times(self, model: bytes, what: str) -> list[float]:
        reading: OutputReading = self.table.time

        def read(text: str) -> list[float]:
            times = reading.times_ms(text)
            if len(times) <= self.table.warm_up:
                raise DeviceError(
                    f"it printed {len(times)} times, of which the first {self.table.warm_up} don't "
                    f"count (warm_up); {printed(text)}"
                )
            return times[self.table.warm_up :]

        return self._run_file(model, self.table.run, read, what)

    def _run_file(
        self, model: bytes, run: Arguments, read: Callable[[str], list[float]], what: str
    ) -> list[float]:
        """Take an ONNX file to the engine, run the command on it and read the times.

        Raises UnsupportedLayer where the engine refuses the file while the device still answers,
        DeviceError where it doesn't, or prints something else.
        """
        table = self.table
        self._files += 1
        file = Path(self._folder.name) / f"{self._token}-{self._files}.onnx"
        values = placeholders(self.profile, table, file)
        try:
            file.write_bytes(model)
            for step in (table.convert, table.send):
                if step:
                    self._tried(filled(step, values), what)
            times: list[float] = []
            for _ in range(table.runs):
                output = self._tried(filled(run, values), what).output
                try:
                    times += read(output)
                except (UnsupportedLayer, WrongOutput):
                    raise
                except DeviceError as error:
                    raise DeviceError(
                        f"{table.engine} on {self.profile.name}, timing {what}: {error}; mend "
                        f"[command] in {self.profile.path or 'the profile'}"
                    ) from error
            return times
        finally:
            if table.clean:
                with contextlib.suppress(DeviceError):
                    run_command(filled(table.clean, values), self.profile.connect_limit_s)
            file.unlink(missing_ok=True)
            Path(str(values["converted"])).unlink(missing_ok=True)

    def _tried(self, arguments: list[str], what: str) -> Ended:
        """Run one command of a file's way, again where its connection failed or it hung.

        Raises UnsupportedLayer or DeviceError.
        """
        tries = 1 + self.table.retries
        for left in reversed(range(tries)):
            try:
                ended = run_command(arguments, self.profile.wall_limit_s)
            except CommandHangs as error:
                if not left:
                    raise DeviceError(f"timing {what} on {self.profile.name}: {error}") from error
            else:
                if ended.code != NO_CONNECTION or not left:
                    break
            time.sleep(WAIT_S)
        if not ended.code:
            return ended
        program = arguments[0]
        if ended.code in (*NOT_FOUND, NO_CONNECTION):
            why = "there is no such program" if ended.code in NOT_FOUND else "no connection"
            raise DeviceError(
                f"{program} failed on {self.profile.name}, {why} ({ended.told}); see: netadapt lut "
                f"doctor --device {self.profile.name}"
            )
        self.reach()  # a device that is gone is another failure than a file that it can't run
        raise UnsupportedLayer(
            f"{self.table.engine} on {self.profile.name} can't run {what}: {program}, {ended.told}"
        )


def _own_ms(shape: LayerShape, entries: list[tuple[str, float]], skip: str) -> float:
    """What the layer's nodes take in one run of a file, over all its repeats.

    Raises WrongOutput where they aren't named, or an engine has fused them with what surrounds
    them.
    """
    own = [
        (name, ms)
        for name, ms in entries
        if _LAYER.search(name) and not (skip and re.search(skip, name))
    ]
    for name, _ in own:
        if _OTHER.search(name):
            raise WrongOutput(
                f"{shape}: the engine runs it as one with its neighbours ('{name[:80]}'), so that "
                f"its own time can't be told"
            )
    if not own:
        raise WrongOutput(f"{shape}: none of the engine's names is the layer's")
    return sum(ms for _, ms in own)
