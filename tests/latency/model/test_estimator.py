"""The estimator: rows as they are, models with honest intervals, whole networks, refusals."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.calibration import published_networks
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.features import largest_tile, traffic_bytes, weight_bytes
from netadapt.latency.model.fit import Fit
from netadapt.latency.table.network_shapes import write_shapes
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from tests.latency.layer_shapes import (
    conv,
    depthwise,
    made_up_network,
    made_up_table,
    moving,
    true_ms,
)


@dataclass(frozen=True)
class Layer:
    name: str
    shape: LayerShape


@dataclass(frozen=True)
class Network:
    layers: tuple[Layer, ...]


def network_of(shapes: list[LayerShape]) -> Network:
    return Network(tuple(Layer(f"layer{i}", shape) for i, shape in enumerate(shapes)))


@pytest.fixture(scope="module")
def made_up() -> LatencyEstimator:
    return LatencyEstimator(made_up_table(networks=12))


@pytest.fixture(scope="module")
def tx2() -> LatencyEstimator:
    return LatencyEstimator(LookupTable.read("tx2"))


def test_a_row_is_given_as_it_is(made_up: LatencyEstimator) -> None:
    row = made_up.table.entries[5]
    (found,) = made_up.layers([row.shape])
    assert found.ms == found.kernel_ms == row.latency_ms
    assert found.source == "measured"
    assert row.spread_ms is not None
    assert found.high_ms / found.ms == pytest.approx(
        np.exp(1.645 * max(row.spread_ms / row.latency_ms, 0.01))
    )


def test_whole_networks_of_unmeasured_layers(made_up: LatencyEstimator) -> None:
    random = Random(1)
    errors, inside = [], 0
    for _ in range(30):
        shapes = made_up_network(random)
        truth = sum(map(true_ms, shapes))
        latency = made_up.network(network_of(shapes))
        errors.append(abs(latency.ms / truth - 1))
        inside += latency.low_ms <= truth <= latency.high_ms
    assert len(made_up.table) <= 250
    assert np.mean(errors) < 0.04
    assert max(errors) < 0.1
    assert inside >= 24


def test_layers_are_uncertain_where_the_table_is_empty(made_up: LatencyEstimator) -> None:
    near = replace(made_up.table.entries[1].shape, activation="relu6")
    far = conv(2048, 2048, 14, kernel=7)
    known, unknown = made_up.uncertainty([near, far])
    assert unknown > 5 * known


def test_a_kernel_size_no_row_has_widens_the_interval(made_up: LatencyEstimator) -> None:
    usual, strange = conv(64, 64, 28), replace(conv(64, 64, 28), dilation=(4, 4))
    assert made_up.uncertainty([strange])[0] > made_up.uncertainty([usual])[0] + 0.1


def test_the_frame_adds_up_to_the_network(made_up: LatencyEstimator) -> None:
    network = network_of(made_up_network(Random(5)))
    latency = made_up.network(network)
    assert latency.layers.ms.sum() == pytest.approx(latency.ms)
    assert made_up.network_ms(layer.shape for layer in network.layers) == pytest.approx(latency.ms)
    assert set(latency.layers.source) <= {"measured", "modelled"}
    assert latency.low_ms < latency.ms < latency.high_ms


def test_two_fits_of_a_table_agree_to_the_last_bit() -> None:
    shapes = made_up_network(Random(9))
    first, second = (LatencyEstimator(made_up_table(networks=4)) for _ in range(2))
    assert first.layers(shapes) == second.layers(shapes)


def test_an_estimate_is_the_same_to_the_last_bit_whatever_is_asked_with_it(
    made_up: LatencyEstimator,
) -> None:
    """A search that goes on asks for other shapes together than one that was never stopped."""
    shapes = [conv(8 * i + 4, 8 * j, 28) for i in range(1, 12) for j in range(1, 12)]
    alone = LatencyEstimator(made_up.table, fit=Fit(made_up.fit.hyperparameters))
    together = LatencyEstimator(made_up.table, fit=Fit(made_up.fit.hyperparameters))
    assert [alone.layers([shape])[0] for shape in shapes] == together.layers(shapes)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_handful_of_rows_gives_an_estimate_that_knows_it(rows: int) -> None:
    shapes = [conv(16 * i, 32, 28) for i in range(1, rows + 1)]
    table = LookupTable("small", [TableRow(shape, true_ms(shape)) for shape in shapes])
    (found,) = LatencyEstimator(table).layers([conv(100, 48, 28)])
    truth = true_ms(conv(100, 48, 28))
    assert found.low_ms < truth < found.high_ms
    assert found.ms == pytest.approx(truth, rel=1.0)


def test_a_kind_of_layer_without_rows_is_refused_or_marked(made_up: LatencyEstimator) -> None:
    deconvolution = replace(conv(64, 32, 28, kernel=5), op="conv_transpose2d")
    with pytest.raises(TableError, match="made-up has no row for conv_transpose2d layers"):
        made_up.layers([deconvolution])
    lenient = LatencyEstimator(made_up.table, strict=False)
    latency = lenient.network(network_of([conv(64, 64, 28), deconvolution]))
    assert latency.unsupported == ("conv_transpose2d",)
    (found,) = lenient.layers([deconvolution])
    assert found.source == "modelled"
    assert found.high_ms / found.low_ms > 9


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(TableError, match="holds no rows"):
        LatencyEstimator(LookupTable("empty", []))


@pytest.mark.slow
def test_thousands_of_shapes_take_a_moment(tx2: LatencyEstimator) -> None:
    shapes = [
        conv(8 * i, 8 * j, size) for i in range(1, 51) for j in range(1, 51) for size in (14, 28)
    ]
    start = time.process_time()
    tx2.layers(shapes)
    assert time.process_time() - start < 1.5  # 0.8 s on a busy core
    start = time.process_time()
    tx2.network_ms(shapes)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("device", ["tx2", "tx2-cpu"])
def test_more_channels_that_tile_as_well_are_not_faster(device: str) -> None:
    estimator = LatencyEstimator(LookupTable.read(device))
    for size, most in ((56, 128), (28, 256), (14, 512), (7, 1024)):
        widths = range(16, most + 1, 8)
        by_input = [one.ms for one in estimator.layers(conv(w, most, size) for w in widths)]
        tiles = [largest_tile(width) for width in widths]
        by_output = [one.ms for one in estimator.layers(conv(most, w, size) for w in widths)]
        for i in range(1, len(widths)):
            assert by_input[i] > 0.9 * max(by_input[:i])
            rivals = [by_output[j] for j in range(i) if tiles[j] >= tiles[i]]
            assert by_output[i] > 0.85 * max(rivals, default=0)


def test_the_tables_calibration_settles_one_price(tmp_path: Path) -> None:
    """A table without memory-bound rows, and one whole network whose time is known."""
    layers = [conv(16, 32, 28), depthwise(32, 28), moving("upsample", 32, 28, "nearest")]
    write_shapes(tmp_path / "network.csv", layers)
    rows = [TableRow(shape, true_ms(shape)) for shape in (*layers[:2], conv(32, 32, 28))]
    known = sum(row.latency_ms for row in rows[:2])
    entry = {"name": "n", "layers": "network.csv", "latency_ms": known + 0.5}

    def estimator(price: str, role: str = "calibration") -> LatencyEstimator:
        meta = {"calibration": {"price": price}, "network": [{**entry, "role": role}]}
        return LatencyEstimator(LookupTable("b", rows, meta, tmp_path / "b.csv"))

    traffic = estimator("traffic")
    assert traffic.network_ms(layers) == pytest.approx(known + 0.5)
    assert traffic.layers(layers)[2].ms == pytest.approx(0.5)
    assert traffic.layers(layers)[0].overhead_ms == 0
    assert traffic.prices["traffic"] == pytest.approx(0.5e6 / traffic_bytes(layers[2]))

    weights = estimator("weights")
    assert weights.network_ms(layers) == pytest.approx(known + 0.5)
    first, second, _ = weights.layers(layers)
    assert first.kernel_ms == rows[0].latency_ms
    assert first.overhead_ms / second.overhead_ms == pytest.approx(
        weight_bytes(layers[0]) / weight_bytes(layers[1])
    )

    untouched = estimator("traffic", role="test")
    assert untouched.network_ms(layers) != pytest.approx(known + 0.5, rel=0.01)
    with pytest.raises(TableError, match="price 'hope'; expected one of traffic, weights"):
        estimator("hope")
    with pytest.raises(TableError, match="role 'fit'"):
        estimator("traffic", role="fit")


def test_measured_whole_networks_settle_a_factor(made_up: LatencyEstimator) -> None:
    table = made_up.table
    layers = [row.shape for row in table.entries[:6]]
    networks = [{"measured_ms": 1.06, "layers_ms": 1.0}, {"measured_ms": 5.5, "layers_ms": 5.0}]
    meta = {"calibration": {"price": "layers", "networks": networks}}
    told = LatencyEstimator(LookupTable("b", table.entries, meta))
    factor = np.sqrt(1.06 * 1.1)
    assert told.network_ms(layers) == pytest.approx(factor * made_up.network_ms(layers))
    (layer,) = told.layers(layers[:1])
    assert layer.kernel_ms == table.entries[0].latency_ms
    assert layer.overhead_ms == pytest.approx((factor - 1) * layer.kernel_ms)
    plain, widened = made_up.network(network_of(layers)), told.network(network_of(layers))
    assert widened.high_ms / widened.ms > plain.high_ms / plain.ms  # networks differ by 2.6 %


@pytest.mark.parametrize(
    "networks", [[], [{"measured_ms": 1.0}], [{"measured_ms": -1.0, "layers_ms": 1.0}]]
)
def test_a_wrong_calibration_is_named(networks: list[dict[str, float]]) -> None:
    meta = {"calibration": {"price": "layers", "networks": networks}}
    with pytest.raises(TableError, match=r"calibration.*measured_ms and layers_ms"):
        LatencyEstimator(LookupTable("b", made_up_table(networks=3).entries, meta))


@pytest.mark.parametrize(
    ("device", "full", "pruned", "tolerance", "left_out_tolerance"),
    [("tx2", 8.2, 5.6, 0.03, 0.10), ("tx2-cpu", 66.0, 37.0, 0.12, 0.15)],
)
def test_the_published_networks(
    device: str, full: float, pruned: float, tolerance: float, left_out_tolerance: float
) -> None:
    table = LookupTable.read(device)
    fitted, tested = published_networks(table)
    assert (fitted.role, tested.role) == ("calibration", "test")
    estimator = LatencyEstimator(table)
    assert estimator.network_ms(fitted.layers) == pytest.approx(full)
    assert estimator.network_ms(tested.layers) == pytest.approx(pruned, rel=tolerance)
    without = LatencyEstimator(table.without(tested.layers))
    assert without.network_ms(tested.layers) == pytest.approx(pruned, rel=left_out_tolerance)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"layers": "n.csv", "role": "test", "latency_ms": 1}, "lacks or garbles 'name'"),
        ({"name": "n", "layers": "n.csv", "role": "test", "latency_ms": "x"}, "garbles"),
        ({"name": "n", "layers": "n.csv", "role": "test", "latency_ms": -1}, "latency_ms -1"),
        ({"name": "n", "layers": "no.csv", "role": "test", "latency_ms": 1}, r"no\.csv"),
    ],
)
def test_a_wrong_network_entry_is_named(
    tmp_path: Path, entry: dict[str, object], complaint: str
) -> None:
    write_shapes(tmp_path / "n.csv", [conv(8, 8, 8)])
    table = LookupTable("b", [], {"network": [entry]}, tmp_path / "b.csv")
    with pytest.raises(TableError, match=complaint):
        published_networks(table)
