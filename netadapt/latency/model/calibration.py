"""What a whole network costs beyond the sum of its tabulated kernels, from whole networks' times.

A table made of convolution records knows nothing of the layers that only move data, nor of what
single-kernel timing leaves out. Its .toml says which price whole networks settle (`[calibration]
price`). Published ones stand in `[[network]]`: those with the role 'calibration' fit that one
price, those with the role 'test' are never fitted to.

'traffic'  the bandwidth of memory-bound layers that the table has no rows for.
'weights'  a price on every byte of weights: reading them from memory instead of a warm cache, and
           packing them where the runtime packs at run time (AutoTVM's timing leaves both out);
           memory-bound layers are priced by the traffic of the table's own depthwise kernels.
'layers'   a factor on every layer: what `lut build` found whole networks to take on the device over
           the sum of their layers (`[calibration] networks`).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.network_shapes import read_shapes
from netadapt.latency.table.table import LookupTable

PRICES = ("traffic", "weights", "layers")
ROLES = ("calibration", "test")


@dataclass(frozen=True, slots=True)
class PublishedNetwork:
    """A whole network with a measured total: its layers, milliseconds, and where that stands."""

    name: str
    layers: tuple[LayerShape, ...]
    latency_ms: float
    role: str
    reference: str


def calibration_price(table: LookupTable) -> str | None:
    """'traffic', 'weights', 'layers', or None where the .toml calibrates nothing.

    Raises TableError for another value.
    """
    price = table.meta.get("calibration", {}).get("price")
    if price is None:
        return None
    if price not in PRICES:
        raise TableError(
            f"[calibration] of the table of {table.name} has price '{price}'; "
            f"expected one of {', '.join(PRICES)}"
        )
    return str(price)


@dataclass(frozen=True, slots=True)
class NetworkFactor:
    """What layers take in a network over what they take alone; `log_sd`: how networks differ."""

    factor: float = 1.0
    log_sd: float = 0.0


def network_factor(table: LookupTable) -> NetworkFactor:
    """The factor that `[calibration] networks` give; 1 where the table has no such calibration.

    Raises TableError for an entry that is incomplete or wrong.
    """
    if calibration_price(table) != "layers":
        return NetworkFactor()
    networks = table.meta["calibration"].get("networks", [])
    try:
        logs = [math.log(float(n["measured_ms"]) / float(n["layers_ms"])) for n in networks]
        mean = statistics.fmean(logs)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise TableError(
            f"[calibration] of the table of {table.name} lacks or garbles {error}; expected "
            f"networks with measured_ms and layers_ms > 0"
        ) from error
    return NetworkFactor(math.exp(mean), statistics.stdev(logs) if len(logs) > 1 else 0.0)


def published_networks(table: LookupTable) -> list[PublishedNetwork]:
    """The `[[network]]` entries of a table's .toml that name their layers.

    `layers` is the path of a CSV of layer shapes, relative to the table. Raises TableError for an
    entry that is incomplete or wrong.
    """
    folder = table.path.parent if table.path is not None else Path()
    return [
        _network(entry, folder, table.name)
        for entry in table.meta.get("network", [])
        if "layers" in entry
    ]


def _network(entry: dict[str, Any], folder: Path, table: str) -> PublishedNetwork:
    try:
        name, latency_ms, role = str(entry["name"]), float(entry["latency_ms"]), entry["role"]
    except (KeyError, TypeError, ValueError) as error:
        raise TableError(
            f"a [[network]] of the table of {table} lacks or garbles {error}; expected name, "
            f"latency_ms, role and layers"
        ) from error
    if role not in ROLES or not latency_ms > 0:
        raise TableError(
            f"[[network]] '{name}' of the table of {table} has role '{role}' and latency_ms "
            f"{latency_ms:g}; expected {' or '.join(ROLES)}, and more than 0"
        )
    layers = read_shapes(folder / str(entry["layers"]))
    return PublishedNetwork(
        name=name,
        layers=tuple(shape for shape, count in layers for _ in range(count)),
        latency_ms=latency_ms,
        role=role,
        reference=str(entry.get("reference", "")),
    )
