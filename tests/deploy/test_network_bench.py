"""Several networks beside one another, on a device of paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netadapt.deploy.network_bench import FIGURE_COLUMNS, bench_networks, figures_table
from netadapt.errors import InputError
from netadapt.latency.devices.profile import DeviceProfile
from tests.deploy.bench_figures import FIGURES
from tests.deploy.small_onnx import pointwise_chain

PROFILE = DeviceProfile(name="paper", runtime="fake")


def files(folder: Path, *widths: int) -> list[str]:
    """Networks of these widths as ONNX files."""
    for width in widths:
        (folder / f"w{width}.onnx").write_bytes(pointwise_chain(width, 1))
    return [str(folder / f"w{width}.onnx") for width in widths]


def test_each_network_on_each_device(tmp_path: Path) -> None:
    models = files(tmp_path, 64, 8)
    said: list[str] = []
    found = list(
        bench_networks(
            models,
            {"paper": PROFILE, "stone": replace(PROFILE, name="stone")},
            accuracy_of=lambda model: {"accuracy": float(len(model))},
            told=said.append,
        )
    )
    assert [(one.model, one.device) for one in found] == [
        (model, device) for device in ("paper", "stone") for model in models
    ]
    wide, narrow = found[:2]
    assert wide.speed_up == 1
    assert narrow.speed_up == pytest.approx(wide.measured_ms / narrow.measured_ms)
    assert narrow.frames_per_second == pytest.approx(1000 / narrow.median_ms)
    assert wide.memory is not None
    assert wide.memory.weights_bytes == 4 * (3 * 64 + 64)
    assert wide.accuracy == {"accuracy": len(models[0])}
    assert said[0] == f"timing {models[0]} on paper"


def test_what_is_wrong_is_told_before_anything_is_timed(tmp_path: Path) -> None:
    (model,) = files(tmp_path, 8)
    with pytest.raises(InputError, match="is named twice"):
        list(bench_networks([model, model], {"paper": PROFILE}))
    with pytest.raises(InputError, match=r"cannot read gone\.onnx"):
        next(bench_networks([model, "gone.onnx"], {"paper": PROFILE}))


def test_the_table_leaves_out_what_nothing_is_known_for() -> None:
    heads, first, second = figures_table(FIGURES)
    columns = ["ms", "median", "spread", "fps", "speed-up", "memory, MB"]
    assert heads == ["model", "device", *columns, "accuracy"]
    assert {*columns} < {*FIGURE_COLUMNS}
    assert first[2:] == ["2", "2.05", "0", "487.8", "1.00×", "4.5", "0.9000"]
    assert second[6:] == ["2.00×", "", "0.8800"]
