"""What runs inside the worker process: compiling with TVM and timing on the device.

The device is this machine or a session at an RPC server; either way the same program is loaded,
its output compared with torch, and then timed. Wall limits are the parent's matter.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.errors import DeviceError, MissingExtraError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS, register_op
from netadapt.graph.ops.spec import OpSpec
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import NETWORK_SHARE, Timing, UnsupportedLayer
from netadapt.latency.runtimes.network_steps import read_network
from netadapt.latency.runtimes.reference import Array, Reference, compare, reference
from netadapt.latency.runtimes.repeating import FEWEST_RUNS, repeats_for, times_ms
from netadapt.latency.runtimes.tvm import relax_network
from netadapt.latency.runtimes.tvm.compile import (
    build_layer,
    build_network,
    export_library,
    make_target,
)
from netadapt.latency.runtimes.tvm.compiled import NetworkLibrary, Program
from netadapt.latency.runtimes.tvm.kernel_source import Making

MOST_SAMPLES = 400
VIRTUAL_MACHINE = "vm.builtin."
LAYERS_A_SESSION = 25
"""A session keeps every library it loaded, so it is renewed before a small board runs out."""


class TvmCompiler:
    """Compiles for the profile's target; needs no device.

    `operators`: those that the parent's user has added.
    """

    def __init__(
        self, profile: DeviceProfile, making: Making, operators: tuple[OpSpec, ...] = ()
    ) -> None:
        for spec in operators:
            if spec.name not in OPS:  # importing its functions may have registered it
                register_op(spec)
        try:
            import tvm
        except ImportError as error:
            raise MissingExtraError.of("apache-tvm", "tvm") from error
        self.profile = profile
        self.making = making
        self.version = tvm.__version__
        self.target = make_target(profile.target, profile.threads)

    def describe(self) -> dict[str, str]:
        return {"version": self.version, "target": str(self.target)}

    def layer(self, shape: LayerShape, values: Reference, *, compiled: bool = True) -> Program:
        """The program that measures `shape`."""
        repeats = repeats_for(shape, self.profile.ring_mb)
        if self.making.own(self.target.kind.name):
            return build_layer(shape, values, self.target, repeats, compiled=compiled)
        return relax_network.build_layer(
            shape, values, self.target, repeats, self.making, compiled=compiled
        )

    def layer_library(self, shape: LayerShape, path: Path) -> None:
        """Compile the program that measures `shape` to a shared library."""
        program = self.layer(shape, reference(shape))
        export_library(program.executable, path, self.profile.cross_compiler)

    def network(
        self, model: bytes, inputs: tuple[Array, ...], *, embedded: bool = False
    ) -> Program:
        """The program that runs a whole network, its weights in it or beside it.

        Raises UnsupportedLayer for a network of several outputs or with a layer of no kernel.
        """
        network = read_network(model)
        if len(network.outputs) != 1:
            raise UnsupportedLayer(
                f"the network has {len(network.outputs)} outputs; through TVM one is expected"
            )
        if self.making.own(self.target.kind.name):
            return build_network(network, inputs, self.target, embedded=embedded)
        return relax_network.build_network(
            network, inputs, self.target, self.making, embedded=embedded
        )

    def network_library(self, model: bytes, path: Path) -> NetworkLibrary:
        """Compile a whole network, weights and all, to a shared library; nothing is run."""
        return self._network_library(model, path)[0]

    def _network_library(self, model: bytes, path: Path) -> tuple[NetworkLibrary, Program]:
        inputs, expected = _example(model)
        program = self.network(model, inputs, embedded=True)
        export_library(program.executable, path, self.profile.cross_compiler)
        library = NetworkLibrary(
            target=str(self.target),
            kind=str(self.target.kind.name),
            version=self.version,
            inputs=inputs,
            arguments=tuple(array.shape for array in program.inputs),
            expected=expected,
            difference=None,
        )
        return library, program


class TvmDevice(TvmCompiler):
    """Loads and times programs on the device."""

    def __init__(
        self,
        profile: DeviceProfile,
        making: Making,
        folder: Path,
        operators: tuple[OpSpec, ...] = (),
    ) -> None:
        super().__init__(profile, making, operators)
        self.folder = folder
        self.session: Any = None
        self.loaded = 0
        self.numbers = itertools.count()

    def connect(self, session_limit_s: int) -> None:
        """Open a session; the caller has looked whether there is a free server."""
        from tvm import rpc

        tracker = rpc.connect_tracker(*self.profile.tracker_address)
        self.session = tracker.request(self.profile.key, session_timeout=session_limit_s)
        self.loaded = 0
        with contextlib.suppress(Exception):  # an older server has no thread pool to set
            configure = self.session.get_function("runtime.config_threadpool")
            configure(1, self.profile.threads)

    def disconnect(self) -> None:
        self.session = None

    def is_worn(self) -> bool:
        """Whether a fresh session is due."""
        return self.session is None or self.loaded >= LAYERS_A_SESSION

    def missing_functions(self) -> list[str]:
        """What this TVM's virtual machine may call and the device's runtime doesn't have.

        RPC has no call for a version; another version shows in the functions it registers.
        """
        import tvm_ffi

        missing = []
        for name in tvm_ffi.registry.list_global_func_names():
            if name.startswith(VIRTUAL_MACHINE):
                try:
                    self.session.get_function(name)
                except Exception:
                    missing.append(name)
        return sorted(missing)

    def has_device(self) -> bool:
        """Whether the runtime on the device can run what the target needs."""
        return bool(self._device().exist)

    def measure(self, shape: LayerShape, library: Path | None, seconds: float) -> Timing:
        """Time one layer for about `seconds`; `library`: compiled already by another worker."""
        values = reference(shape)
        program = self.layer(shape, values, compiled=library is None)
        machine, arguments = self.load(program, library)
        got = program.to_output(self.run(machine, arguments))
        compare(shape, got, values.output)
        samples = self.time(machine, arguments, seconds)
        return Timing(tuple(sample / program.repeats for sample in samples))

    def measure_network(self, model: bytes, seconds: float) -> Timing:
        """Time a whole network for about `seconds`, after comparing it with onnxruntime."""
        inputs, expected = _example(model)
        program = self.network(model, inputs)
        machine, arguments = self.load(program)
        got = program.to_output(self.run(machine, arguments))
        compare("the network", got, expected)
        return Timing(tuple(self.time(machine, arguments, NETWORK_SHARE * seconds)))

    def checked_network_library(self, model: bytes, path: Path) -> NetworkLibrary:
        """`network_library`, run on the device and compared with onnxruntime."""
        import tvm
        from tvm import relax

        library, program = self._network_library(model, path)
        if self.session is None:  # the very file, as it will be used
            machine = relax.VirtualMachine(tvm.runtime.load_module(str(path)), self._device())
            arguments = [tvm.runtime.tensor(array, self._device()) for array in program.inputs]
        else:
            machine, arguments = self.load(program)
        got = program.to_output(self.run(machine, arguments))
        return replace(library, difference=compare("the network", got, library.expected))

    def load(self, program: Program, library: Path | None = None) -> tuple[Any, list[Any]]:
        """The program on the device, and what to call its `main` with."""
        from tvm import relax
        from tvm.runtime import tensor

        device = self._device()
        if self.session is None:
            machine = relax.VirtualMachine(program.executable, device)
        else:
            # A server goes on serving the old library when a name comes twice.
            name = f"netadapt-{os.getpid()}-{next(self.numbers)}.so"
            if library is None:
                library = self.folder / name
                export_library(program.executable, library, self.profile.cross_compiler)
            self.session.upload(str(library), target=name)
            try:
                machine = relax.VirtualMachine(self.session.load_module(name), device)
            except Exception as error:
                if "No such file" in str(error) or "cannot open" in str(error):
                    raise DeviceError(
                        f"the device can't load a library compiled for {self.target}: is its "
                        f"architecture another one, or its C library older? check [target] and "
                        f"cross_compiler in the profile"
                    ) from error
                raise
            finally:
                library.unlink(missing_ok=True)
            self.loaded += 1
        inputs = [tensor(array, device) for array in program.inputs]
        # Equal arrays are sent once and copied on the device: a link can be slow.
        weights: list[Any] = []
        sent: dict[int, Any] = {}
        for array in program.weights:
            known = sent.get(id(array))
            if known is None:
                sent[id(array)] = known = tensor(array, device)
                weights.append(known)
            else:
                weights.append(known.copyto(device))
        return machine, [*inputs, *weights]

    def run(self, machine: Any, arguments: list[Any]) -> Any:
        """What a loaded program's `main` gives: a tensor, or several."""
        if self.session is None:
            return machine["main"](*arguments)
        # Several tensors can't be told apart on this side of a session unless asked for one by one.
        machine.set_input("main", *arguments)
        machine.invoke_stateful("main")
        return machine.get_outputs("main")

    def _device(self) -> Any:
        import tvm

        kind = str(self.target.kind.name)
        kind = "cpu" if kind in ("llvm", "c") else kind
        if self.session is None:
            return tvm.device(kind, 0)
        return self.session.device(kind, 0)

    def time(self, machine: Any, arguments: list[Any], seconds: float) -> list[float]:
        """Milliseconds of each call of a loaded program's `main`, for about `seconds`."""
        if self.session is None and self.profile.threads == 1:
            return self._cpu_times(machine, arguments, seconds)
        first = machine.time_evaluator("main", self._device(), number=1, repeat=3)(*arguments)
        once = max(min(first.results), 1e-6)
        repeat = int(min(MOST_SAMPLES, max(FEWEST_RUNS, seconds / once)))
        timed = machine.time_evaluator("main", self._device(), number=1, repeat=repeat)
        return [1e3 * result for result in timed(*arguments).results]

    def _cpu_times(self, machine: Any, arguments: list[Any], seconds: float) -> list[float]:
        """The same by the thread's own clock, which stops while another process has the core."""
        machine.save_function("main", "timed", *arguments, include_return=False)
        return times_ms(machine["timed"], seconds, threads=1, most=MOST_SAMPLES)


def _example(model: bytes) -> tuple[tuple[Array, ...], Array]:
    """Random inputs for an ONNX model, and what onnxruntime makes of them: its first output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    feeds = {
        node.name: generator.random(node.shape, dtype=np.float32) for node in session.get_inputs()
    }
    return tuple(feeds.values()), session.run(None, feeds)[0]
