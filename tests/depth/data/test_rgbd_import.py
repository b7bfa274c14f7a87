"""Importing RGB-D pairs: units, invalid values, sizes, and the split by time."""

from __future__ import annotations

import re
from collections.abc import Callable
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
        (lambda path: Image.new("L", (64, 48)).save(path), "8 bits a pixel, expected .* 16 bits"),
        (lambda path: Image.new("RGB", (64, 48)).save(path), "has colours"),
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


def noisy_set(root: Path, encode: Callable[[np.ndarray], np.ndarray], median_mm: int) -> Path:
    generator = np.random.default_rng(0)
    for number in range(1, 7):
        depth = generator.normal(median_mm, 300, (48, 64)).clip(500, 60000).astype(np.uint16)
        write_images(root, number, encode(depth))
    return root


def test_sun_rgbd_s_rotated_bits_are_turned_back_and_said(tmp_path: Path) -> None:
    def turn(v: np.ndarray) -> np.ndarray:
        return ((v << 3) | (v >> 13)).astype(np.uint16)

    noisy_set(tmp_path / "sun", turn, 1600)
    imported = import_folder(tmp_path / "sun", tmp_path / "a")
    assert imported.median_depth_m == pytest.approx(1.6, abs=0.02)
    assert "multiples of 8" in imported.notes[0]
    plain = import_folder(tmp_path / "sun", tmp_path / "b", encoding=DepthEncoding(rotated=False))
    assert plain.median_depth_m == pytest.approx(12.8, abs=0.1)
    own = import_folder(tmp_path / "sun", tmp_path / "c", encoding=DepthEncoding(8000.0))
    assert (own.median_depth_m, own.notes) == (pytest.approx(1.6, abs=0.02), ())
    noisy_set(tmp_path / "far", turn, 7900)  # a third of it beyond 8.19 m, where bits wrap round
    far = import_folder(tmp_path / "far", tmp_path / "d")
    assert far.median_depth_m == pytest.approx(7.9, abs=0.05)


@pytest.mark.parametrize(
    "encode",
    [lambda v: v, lambda v: v // 256 * 256, lambda v: v // 16 * 16, lambda v: v // 5 * 5],
    ids=["millimetres", "stretched from 8 bits", "coarse", "multiples of 5"],
)
def test_other_depth_is_not_taken_for_rotated(
    tmp_path: Path, encode: Callable[[np.ndarray], np.ndarray]
) -> None:
    noisy_set(tmp_path / "plain", encode, 3000)
    imported = import_folder(tmp_path / "plain", tmp_path / "out")
    assert imported.median_depth_m == pytest.approx(3.0, abs=0.3)
    assert not imported.notes


def test_a_median_that_rooms_do_not_have_is_said(tmp_path: Path) -> None:
    noisy_set(tmp_path / "tum", lambda v: v, 10000)
    (note,) = import_folder(tmp_path / "tum", tmp_path / "out").notes
    assert "10.0 m at 1000 units a metre" in note
    assert "--depth-scale 5000: 2.00 m" in note


def test_sixteen_bit_grey_is_no_colour_image(tmp_path: Path) -> None:
    noisy_set(tmp_path / "grey", lambda v: v, 2000)
    Image.fromarray(np.full((48, 64), 3000, np.uint16)).save(tmp_path / "grey/frame-1.color.png")
    with pytest.raises(DataError, match=r"frame-1\.color\.png: is grey with 16 bits"):
        import_folder(tmp_path / "grey", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("525 0 32\n0 35 24\n0 0 1\n", "0.67 of NYU's: .* at 1.48 of their distance"),
        ("5.19e+01 0 32 0 5.19e+01 24 0 0 1", "as NYU's; it needs no correction"),
        ("no numbers", "is no camera matrix"),
    ],
)
def test_a_camera_s_matrix_is_not_ignored(tmp_path: Path, text: str, said: str) -> None:
    noisy_set(tmp_path / "set", lambda v: v, 2000)
    (tmp_path / "set" / "K.txt").write_text(text)
    (note,) = import_folder(tmp_path / "set", tmp_path / "out").notes
    assert re.search(said, note), note
