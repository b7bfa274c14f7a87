"""A tracker and servers really started on loopback, each in a process group of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from netadapt.errors import DeviceError
from netadapt.latency.runtimes.tvm.tracker import look

START_S = 90.0


class Loopback:
    """A tracker, and the servers registered at it by key."""

    def __init__(self) -> None:
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._spawn("rpc_tracker", "--port", str(self.port), "--port-end", str(self.port + 1))
        self._wait(lambda: look(("127.0.0.1", self.port), "", 2.0))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def serve(self, key: str) -> subprocess.Popen[bytes]:
        """Start a server; it is registered when this returns."""
        port = free_port()
        server = self._spawn(
            "rpc_server", "--port", str(port), "--port-end", str(port + 20),
            "--tracker", self.address, "--key", key,
        )  # fmt: skip

        def registered() -> None:
            if not look(("127.0.0.1", self.port), key, 2.0).free:
                raise DeviceError("not yet")

        self._wait(registered)
        return server

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a server and all its children, as pulling a board's plug would."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                self.end(process)

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tvm.exec.{module}", "--host", "127.0.0.1", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TVM_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def _wait(self, attempt: Callable[[], object]) -> None:
        stop = time.monotonic() + START_S
        while True:
            try:
                attempt()
                return
            except DeviceError:
                if time.monotonic() > stop:
                    raise
                time.sleep(0.2)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
