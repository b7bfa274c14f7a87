"""How fast each form of a data set is read."""

from __future__ import annotations

from pathlib import Path

from netadapt.depth.data.pack_writer import pack
from netadapt.depth.data.reading_speed import measure_reading


def test_reading_speed_of_each_form(nyu_folder: Path, tmp_path: Path) -> None:
    speeds = list(measure_reading(nyu_folder, seconds=0.05, size=(32, 32)))
    assert [speed.form for speed in speeds] == ["hdf5", "pack", "memory"]
    assert all(speed.images == 4 for speed in speeds)
    assert all(speed.read_per_s > 0 and speed.batches_per_s > 0 for speed in speeds)
    pack(nyu_folder, tmp_path / "packed", workers=1)
    of_pack = list(measure_reading(tmp_path / "packed", images=2, seconds=0.05, size=(32, 32)))
    assert [speed.form for speed in of_pack] == ["pack", "memory"]
