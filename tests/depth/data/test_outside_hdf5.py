"""HDF5 from a stranger: nothing is read from outside the file, nor more than it holds."""

from __future__ import annotations

import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from mat_files import write_mat

from netadapt.depth.data.hdf5_pairs import read_frame_file, split_names
from netadapt.depth.data.labeled_mat import LabeledMat
from netadapt.errors import DataError

RGB = np.full((3, 8, 12), 90, np.uint8)
DEPTH = np.full((8, 12), 2.0, np.float32)
SECRET = b"nobody else's business" * 100


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


def outside_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset("rgb", (3, 8, 12), np.uint8, external=[(str(secret), 0, 288)])


def soft_link(file: h5py.File, secret: Path) -> None:
    file["other"] = RGB
    file["rgb"] = h5py.SoftLink("/other")


def dangling_link(file: h5py.File, secret: Path) -> None:
    file["rgb"] = h5py.SoftLink("/rgb")


def other_file(file: h5py.File, secret: Path) -> None:
    file["rgb"] = h5py.ExternalLink("../other\x1b[31m.h5", "/rgb")


def virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((3, 8, 12), np.uint8)
    layout[...] = h5py.VirtualSource("../other.h5", "rgb", (3, 8, 12))
    file.create_virtual_dataset("rgb", layout)


def no_shape(file: h5py.File, secret: Path) -> None:
    file["rgb"] = h5py.Empty(np.uint8)


def group(file: h5py.File, secret: Path) -> None:
    file.create_group("rgb")


def huge(file: h5py.File, secret: Path) -> None:
    file.create_dataset("rgb", (3, 40_000, 40_000), np.uint8, chunks=(3, 100, 100))


def huge_chunks(file: h5py.File, secret: Path) -> None:
    file.create_dataset(
        "rgb", (3, 8, 12), np.uint8, maxshape=(None, None, None), chunks=(3, 20_000, 20_000)
    )


def packed_twice(file: h5py.File, secret: Path) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((3, 8, 12))
    settings.set_deflate(9)
    settings.set_filter(h5py.h5z.FILTER_DEFLATE, h5py.h5z.FLAG_OPTIONAL, (9,))
    space = h5py.h5s.create_simple((3, 8, 12))
    h5py.h5d.create(file.id, b"rgb", h5py.h5t.NATIVE_UINT8, space, settings)


def bomb(file: h5py.File, secret: Path) -> None:
    """A chunk of 288 bytes whose stored form unpacks to 300 MB."""
    array = file.create_dataset("rgb", (3, 8, 12), np.uint8, chunks=(3, 8, 12), compression="gzip")
    array.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(300_000_000)))


def texts(file: h5py.File, secret: Path) -> None:
    file.create_dataset("rgb", (3, 8, 12), h5py.string_dtype())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (outside_storage, "the data of 'rgb' lie in other files"),
        (soft_link, "'rgb' is a link to /other"),
        (dangling_link, "'rgb' is a link to /rgb"),
        (other_file, r"'rgb' is a link to \.\./other\?\[31m\.h5 /rgb"),
        (virtual, "the data of 'rgb' lie in other files"),
        (no_shape, "'rgb' is empty, without a shape"),
        (group, "no dataset 'rgb' in it; it holds depth, rgb"),
        (huge, "'rgb' is 3 x 40000 x 40000, more than one image"),
        (huge_chunks, "'rgb' is stored in chunks of 3 x 20000 x 20000"),
        (packed_twice, "'rgb' is packed in a way that no set is"),
        (bomb, "a chunk of 'rgb' unpacks to more than its 288 bytes"),
        (texts, "rgb is object, expected uint8"),
    ],
)
def test_a_strangers_array_is_refused_in_a_line(
    tmp_path: Path, secret: Path, make: Callable[[h5py.File, Path], None], message: str
) -> None:
    path = tmp_path / "train" / "s" / "00002.h5"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file["depth"] = DEPTH
        make(file, secret)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=message) as refused:
        read_frame_file(path)
    assert str(path) in str(refused.value)
    assert str(refused.value).isprintable()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 100_000


def test_a_note_of_the_camera_is_a_number_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.h5"
    for note in ("9", [1.0, 2.0], h5py.Empty(np.float32), np.zeros(20_000)[:5000]):
        with h5py.File(path, "w") as file:
            file["rgb"], file["depth"] = RGB, DEPTH
            file.attrs["focal_px"] = note
        with pytest.raises(DataError, match="its focal_px is no number"):
            read_frame_file(path)
    with h5py.File(path, "w") as file:
        file["rgb"], file["depth"] = RGB, DEPTH
        file.attrs["focal_px"], file.attrs["focal_height_px"] = np.array([12.0]), 8
    assert read_frame_file(path).focal_px == 12.0


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.h5", "train/../../x.h5", "..\\x.h5", "C:\\x.h5", "", "a\0.h5"]
)
def test_splits_name_nothing_outside_the_folder(tmp_path: Path, name: str) -> None:
    import json

    (tmp_path / "splits.json").write_text(json.dumps({"train": [name], "holdout": [], "val": []}))
    with pytest.raises(DataError, match="isn't below its own folder"):
        split_names(tmp_path)


@pytest.mark.parametrize("key", ["images", "depths", "scenes"])
def test_the_labelled_set_is_read_from_its_own_file(tmp_path: Path, key: str) -> None:
    rgb, depth = np.ones((2, 3, 6, 8), np.uint8), np.ones((2, 6, 8), np.float32)
    path = write_mat(tmp_path / "it.mat", rgb, depth, ["k", "k"])
    with LabeledMat(path) as mat:
        assert mat.scenes == ["k", "k"]
    with h5py.File(path, "r+") as file:
        del file[key]
        file[key] = h5py.ExternalLink("other.mat", key)
    with pytest.raises(DataError, match=f"'{key}' is a link to other.mat"):
        LabeledMat(path)


def test_a_labelled_set_that_declares_more_than_there_can_be_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "it.mat"
    with h5py.File(path, "w") as file:
        count = 1 << 40
        file.create_dataset("images", (count, 3, 8, 6), np.uint8, chunks=(1, 3, 8, 6))
        file.create_dataset("depths", (count, 8, 6), np.float32, chunks=(1, 8, 6))
    with pytest.raises(DataError, match="more than such a file holds"):
        LabeledMat(path)
