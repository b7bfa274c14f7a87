"""A look at a TVM RPC tracker, without tvm: who is registered, and who is free.

TVM's own client waits for ever where nobody answers; this one asks once, with a limit, before
anything slow is begun. The protocol (a magic number, then JSON with its length before it) is that
of tvm/rpc/tracker.py and has been the same in all releases.
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

from netadapt.errors import DeviceError

MAGIC = 0x2F271
SUMMARY = 6
LONGEST_ANSWER = 1 << 24


@dataclass(frozen=True)
class Registered:
    """What a tracker says of one key. `keys`: all there are."""

    servers: int
    free: int
    pending: int
    keys: tuple[str, ...]


def look(address: tuple[str, int], key: str, limit_s: float) -> Registered:
    """Ask the tracker at `address` for `key`.

    Raises DeviceError, one line, when nobody listens there, or what listens is no tracker.
    """
    host, port = address
    try:
        with socket.create_connection((host, port), timeout=limit_s) as connection:
            connection.settimeout(limit_s)
            answer = _summary(connection)
    except TimeoutError as error:
        raise DeviceError(
            f"what listens at {host}:{port} does not answer as a TVM tracker within {limit_s:g} s"
        ) from error
    except OSError as error:
        raise DeviceError(
            f"no tracker answers at {host}:{port} ({error.strerror or error}); start one with: "
            f"python3 -m tvm.exec.rpc_tracker --host 0.0.0.0 --port {port}"
        ) from error
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise DeviceError(f"what listens at {host}:{port} is no TVM tracker") from error
    names = [str(server["key"]) for server in answer["server_info"]]
    queue = answer["queue_info"].get(key, {})
    return Registered(
        servers=names.count(f"server:{key}"),
        free=int(queue.get("free", 0)),
        pending=int(queue.get("pending", 0)),
        keys=tuple(sorted({n.removeprefix("server:") for n in names if n.startswith("server:")})),
    )


def _summary(connection: socket.socket) -> dict[str, Any]:
    connection.sendall(struct.pack("<i", MAGIC))
    if struct.unpack("<i", _receive(connection, 4))[0] != MAGIC:
        raise ValueError("another magic number")
    request = json.dumps([SUMMARY]).encode()
    connection.sendall(struct.pack("<i", len(request)) + request)
    (length,) = struct.unpack("<i", _receive(connection, 4))
    if not 0 < length < LONGEST_ANSWER:
        raise ValueError("an answer of impossible length")
    status, answer = json.loads(_receive(connection, length))
    if status != 0:
        raise ValueError("the tracker refuses")
    return dict(answer)


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise EOFError
        received += part
    return received
