"""Importing RGB-D pairs: units, invalid values, sizes, and the split by time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netadapt.depth.data import open_depth_data
from netadapt.depth.data.rgbd_import import DepthEncoding, import_folder, read_units
from netadapt.errors import DataError


def write_images(
    root: Path, number: int, depth_mm: np.ndarray | None = None, size: tuple[int, int] = (48, 64)
) -> None:
    root.mkdir(exist_ok=True)
    rgb = np.full((*size, 3), (number, 100, 200), np.uint8)
    Image.fromarray(rgb).save(root / f"frame-{number}.color.png")
    if depth_mm is None:
        depth_mm = np.full(size, 1000 + number, np.uint16)
        depth_mm[0], depth_mm[1] = 0, 65535
    Image.fromarray(depth_mm).save(root / f"frame-{number}.depth.png")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    for number in range(1, 11):
        write_images(tmp_path / "kitchen", number)
    return tmp_path / "kitchen"


def test_the_last_part_in_time_is_held_out(recording: Path, tmp_path: Path) -> None:
    imported = import_folder(recording, tmp_path / "out", holdout=0.3)
    assert (imported.train, imported.holdout, imported.alone) == (7, 3, ())
    train, holdout = (open_depth_data(tmp_path / "out", split) for split in ("train", "holdout"))
    assert train.names == [f"train/kitchen/{number:05d}.h5" for number in range(1, 8)]
    assert open_depth_data(tmp_path / "out", "val").names == holdout.names
    for source, first in ((train, 1), (holdout, 8)):
        for index in range(len(source)):
            rgb, depth = source.read(index)
            assert rgb[:, 0, 0].tolist() == [first + index, 100, 200]
            np.testing.assert_allclose(depth[2:], (1000 + first + index) / 1000, rtol=1e-6)
            assert not depth[:2].any()  # both 0 and 65535 mean no depth


@pytest.mark.parametrize(("holdout", "counts"), [(0.0, (10, 0)), (1.0, (0, 10)), (0.25, (8, 2))])
def test_any_share_may_be_held_out(
    recording: Path, tmp_path: Path, holdout: float, counts: tuple[int, int]
) -> None:
    imported = import_folder(recording, tmp_path / "out", holdout=holdout)
    assert (imported.train, imported.holdout) == counts


def test_units_and_invalid_values_are_the_users(tmp_path: Path) -> None:
    depth = np.full((48, 64), 10000, np.uint16)
    depth[0], depth[1], depth[2] = 0, 7, 65535
    write_images(tmp_path / "tum", 1, depth)
    encoding = DepthEncoding(units_per_metre=5000.0, invalid=(7,))
    import_folder(tmp_path / "tum", tmp_path / "out", encoding=encoding, holdout=0)
    _, metres = open_depth_data(tmp_path / "out", "train").read(0)
    assert metres[:, 0].tolist()[:4] == pytest.approx([0.0, 0.0, 13.107, 2.0])


def test_a_wrong_scale_is_noticed_before_anything_is_written(
    recording: Path, tmp_path: Path
) -> None:
    for scale, median in ((1.0, "expected"), (1e6, "median depth is 0.001")):
        with pytest.raises(DataError, match=median):
            import_folder(recording, tmp_path / "out", encoding=DepthEncoding(scale))
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match="--depth-scale is"):
            import_folder(recording, tmp_path / "out", encoding=DepthEncoding(scale))
    with pytest.raises(DataError, match="--holdout is 30"):
        import_folder(recording, tmp_path / "out", holdout=30)
    assert not (tmp_path / "out").exists()


def test_smaller_depth_is_brought_to_the_size_of_rgb(tmp_path: Path) -> None:
    depth = np.repeat(np.array([[1000, 0], [3000, 4000]], np.uint16), 12, 0).repeat(16, 1)
    write_images(tmp_path / "a", 1, depth)  # 24×32 beside 48×64
    import_folder(tmp_path / "a", tmp_path / "out", holdout=0)
    rgb, metres = open_depth_data(tmp_path / "out", "train").read(0)
    assert rgb.shape == (3, 48, 64)
    np.testing.assert_array_equal(metres, np.kron([[1.0, 0.0], [3.0, 4.0]], np.ones((24, 32))))
    write_images(tmp_path / "b", 1, np.full((48, 48), 1000, np.uint16))
    with pytest.raises(DataError, match=r"frame-1\.depth\.png: is 48×48 pixels and .* 48×64"):
        import_folder(tmp_path / "b", tmp_path / "out2")


@pytest.mark.parametrize("maximum", [65535, 10000, 4095])
def test_sixteen_bit_pgm_is_read_as_stored(tmp_path: Path, maximum: int) -> None:
    values = np.linspace(0, maximum, 12).round().astype(np.uint16).reshape(3, 4)
    path = tmp_path / "depth.pgm"
    head = f"P5\n# a comment\n4 3\n{maximum}\n".encode()
    path.write_bytes(head + values.astype(">u2").tobytes())
    np.testing.assert_array_equal(read_units(path), values)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"not a picture"), "cannot be read as an image"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read as an image"),
        (lambda path: Image.new("L", (64, 48)).save(path), "pixel mode L, expected .* 16 bits"),
        (lambda path: Image.new("RGB", (64, 48)).save(path), "pixel mode RGB"),
    ],
)
def test_an_image_that_is_no_depth_is_named(tmp_path: Path, write: object, message: str) -> None:
    noise = np.random.default_rng(0).integers(1000, 2000, (48, 64)).astype(np.uint16)
    write_images(tmp_path / "a", 3, noise)
    write(tmp_path / "a" / "frame-3.depth.png")  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as caught:
        import_folder(tmp_path / "a", tmp_path / "out")
    assert "frame-3.depth.png" in str(caught.value)


def test_an_import_that_was_stopped_goes_on(recording: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        import_folder(recording, tmp_path / "out", progress=stop)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    assert len(times) == 4
    import_folder(recording, tmp_path / "out")
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(open_depth_data(tmp_path / "out", "train")) == 7
    assert not (tmp_path / "out" / "importing.json").exists()
    with pytest.raises(DataError, match="holds a finished data set already"):
        import_folder(recording, tmp_path / "out")


def test_no_valid_depth_at_all_is_said(tmp_path: Path) -> None:
    write_images(tmp_path / "a", 1, np.zeros((48, 64), np.uint16))
    with pytest.raises(DataError, match="no valid depth"):
        import_folder(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize(("name", "pairs", "median_m"), [("dining", 5, 2.88), ("redwood", 5, 1.86)])
def test_real_recordings(
    shared_data: Path, tmp_path: Path, name: str, pairs: int, median_m: float
) -> None:
    imported = import_folder(shared_data / "rgbd" / name, tmp_path / name, holdout=0.4)
    assert (imported.train, imported.holdout, imported.alone) == (3, 2, ())
    assert imported.median_depth_m == pytest.approx(median_m, abs=0.01)
    rgb, depth = open_depth_data(tmp_path / name, "holdout").read(1)
    assert rgb.shape == (3, 480, 640)
    assert 0.5 < (depth > 0).mean() < 1.0
