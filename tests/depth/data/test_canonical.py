"""Focal lengths on their way: from a matrix or a lens into files, packs, training and figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pairs import make_pair

from netadapt.depth.data import ArraySource, open_depth_data
from netadapt.depth.data.base import DepthSource, read_frame
from netadapt.depth.data.canonical import Canonical
from netadapt.depth.data.focal_length import NYU_FOCAL_HEIGHTS
from netadapt.depth.data.hdf5_pairs import read_frame_file, read_pair, write_pair
from netadapt.depth.data.inspection import check_data
from netadapt.depth.data.pack_writer import pack
from netadapt.depth.data.rgbd_import import import_folder
from netadapt.depth.data.subsets import Joined, Part, once
from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.evaluation import evaluate
from netadapt.errors import DataError

NYU_PX = NYU_FOCAL_HEIGHTS * 48
"""NYU's focal length in an image of 48 rows."""


def written(root: Path, *focal_px: float | None) -> Path:
    """A set of a training image for each focal length, the first of them held out and val too."""
    for number, focal in enumerate(focal_px, start=2):
        write_pair(root / f"train/a/{number:05d}.h5", *make_pair(number), focal)
    write_pair(root / "train/a/00001.h5", *make_pair(0), focal_px[0])
    write_pair(root / "val/official/00001.h5", *make_pair(0), focal_px[0])
    return root


def focals(source: DepthSource) -> list[float | None]:
    return [read_frame(source, index).focal_px for index in range(len(source))]


def test_a_file_carries_its_focal_length_and_the_rows_it_belongs_to(tmp_path: Path) -> None:
    path = tmp_path / "00001.h5"
    write_pair(path, *make_pair(0), 70.0)
    assert read_frame_file(path).focal_px == 70.0
    np.testing.assert_array_equal(read_pair(path)[1], make_pair(0)[1])
    with h5py.File(path, "r+") as file:
        assert file.attrs["focal_height_px"] == 48
        file.attrs["focal_height_px"] = 480  # the image was made smaller by another program
    assert read_frame_file(path).focal_px == pytest.approx(7.0)
    with h5py.File(path, "r+") as file:
        del file.attrs["focal_height_px"]
    assert read_frame_file(path).focal_px == 70.0
    write_pair(path, *make_pair(0))
    assert read_frame_file(path).focal_px is None


@pytest.mark.parametrize(
    ("focal_px", "height", "message"),
    [
        (np.nan, 48, "the focal length is nan px for an image of 48 rows, expected 4.8 to 960"),
        (-50.0, 48, "the focal length is -50 px"),
        (50.0, 0, "its focal_px is 50 at 0 rows, expected two numbers"),
        ("wide", 48, "its focal_px is no number; expected one"),
    ],
)
def test_a_focal_length_that_no_camera_has_is_named(
    tmp_path: Path, focal_px: object, height: int, message: str
) -> None:
    path = tmp_path / "00001.h5"
    write_pair(path, *make_pair(0))
    with h5py.File(path, "r+") as file:
        file.attrs["focal_px"], file.attrs["focal_height_px"] = focal_px, height
    with pytest.raises(DataError, match=message) as caught:
        read_frame_file(path)
    assert str(path) in str(caught.value)
    with pytest.raises(DataError, match="the focal length is 1e"):
        write_pair(tmp_path / "new.h5", *make_pair(0), 1e9)
    assert not (tmp_path / "new.h5").exists()


def test_a_pack_carries_them_at_its_own_size(tmp_path: Path) -> None:
    source = written(tmp_path / "set", 40.0, None, 60.0)
    pack(source, tmp_path / "packed", workers=1, shard_images=2)
    packed = open_depth_data(tmp_path / "packed", "train")
    expected = [40.0 * 250 / 48, None, 60.0 * 250 / 48]
    assert focals(packed) == [focal and pytest.approx(focal) for focal in expected]
    known = check_data(tmp_path / "packed")[0]
    assert (known.images, known.focal_lengths) == (3, 2)
    assert known.focal_most == pytest.approx(60 / NYU_PX)
    index = json.loads((tmp_path / "packed/index.json").read_text())
    index["splits"]["train"][0]["focal_px"] = [1.0]
    (tmp_path / "packed/index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="train-00000 has 1 focal lengths for 2 images"):
        open_depth_data(tmp_path / "packed", "train")


def test_a_pack_without_cameras_is_as_it_was(tmp_path: Path) -> None:
    pack(written(tmp_path / "set", None, None), tmp_path / "packed", workers=1)
    index = json.loads((tmp_path / "packed/index.json").read_text())
    assert sorted(index["splits"]["train"][0]) == ["depth_sha256", "names", "rgb_sha256", "stem"]


def test_parts_and_joined_sources_pass_them_on(tmp_path: Path) -> None:
    some = open_depth_data(written(tmp_path / "a", 40.0, None, 60.0), "train")
    memory = ArraySource.at_working_size(some)
    joined = once(Joined([Part(some, [2, 1]), memory]))
    at_work = [pytest.approx(40 * 250 / 48)]
    assert focals(joined) == [60.0, None, *at_work]  # the others' names came before


def test_training_learns_the_canonical_camera_s_metres(tmp_path: Path) -> None:
    source = open_depth_data(written(tmp_path / "a", NYU_PX / 2, NYU_PX, None), "train")
    canonical = Canonical(source)
    assert list(canonical.names) == list(source.names)
    for index, factor in enumerate((2.0, 1.0, 1.0)):
        rgb, depth = canonical.read(index)
        np.testing.assert_array_equal(rgb, source.read(index)[0])
        np.testing.assert_allclose(depth, factor * source.read(index)[1], rtol=1e-6)
    np.testing.assert_array_equal(canonical.read(2)[1], source.read(2)[1])  # to the last bit
    again = Canonical(Part(canonical, [0, 1, 2]))  # a task made of another one's sources
    for index in range(3):
        np.testing.assert_array_equal(again.read(index)[1], canonical.read(index)[1])
    upright = ArraySource([np.zeros((3, 80, 60), np.uint8)], [np.ones((80, 60), np.float32)])
    once_turned = Canonical(upright)
    np.testing.assert_allclose(once_turned.read(0)[1], 3 / 4, rtol=0.01)
    np.testing.assert_array_equal(Canonical(once_turned).read(0)[1], once_turned.read(0)[1])
    task = DepthTask(Part(source, [0]), Part(source, [0]), (32, 32))
    plain = DepthTask(*[ArraySource(*zip(source.read(0), strict=True))] * 2, (32, 32))
    (_, halved), (_, whole) = (next(t.evaluation_batches()) for t in (task, plain))
    torch.testing.assert_close(halved, 2 * whole)
    (_, halved), (_, whole) = (next(t.training_batches(2, seed=1)) for t in (task, plain))
    torch.testing.assert_close(halved, 2 * whole)


@dataclass(frozen=True)
class ThreeMetres:
    """A 'network' that sees three metres of the canonical camera everywhere."""

    name: str = "three"
    size: tuple[int, int] = (32, 32)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return torch.full_like(images[:, :1], 3.0)


def test_evaluation_is_in_metres_of_each_image_s_own_camera() -> None:
    rgb = np.zeros((3, 3, 48, 64), np.uint8)
    depth = np.stack([np.full((48, 64), metres, np.float32) for metres in (3.0, 1.5, 6.0)])
    source = ArraySource(rgb, depth, focal_px=[None, NYU_PX / 2, NYU_PX * 2])
    rows = evaluate(ThreeMetres(), source)
    assert rows["rmse_m"].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert np.isnan(rows["focal_px"].iloc[0])
    assert rows["focal_px"].tolist()[1:] == pytest.approx([NYU_PX / 2, NYU_PX * 2])
    assumed = evaluate(ThreeMetres(), ArraySource(rgb, depth))
    assert assumed["rmse_m"].tolist() == pytest.approx([0, 1.5, 3], abs=1e-6)


def images(root: Path) -> Path:
    root.mkdir()
    for number in range(1, 4):
        Image.new("RGB", (64, 48)).save(root / f"{number}.color.png")
        Image.fromarray(np.full((48, 64), 2000, np.uint16)).save(root / f"{number}.depth.png")
    return root


@pytest.mark.parametrize("text", ["50 0 32\n0 51 24\n0 0 1\n", "50 51 32 24", "5e1,5.1e1,32,24"])
def test_an_import_carries_the_matrix_that_is_given(tmp_path: Path, text: str) -> None:
    root = images(tmp_path / "set")
    (tmp_path / "k.txt").write_text(text)
    imported = import_folder(root, tmp_path / "out", intrinsics=tmp_path / "k.txt")
    assert focals(open_depth_data(tmp_path / "out", "train")) == [51.0, 51.0]
    assert "51 px at 48 rows, as NYU's" in imported.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3", r"is no camera matrix; expected nine numbers, fx 0 cx, 0 fy cy, 0 0 1, or four"),
        ("525 525 319.5 239.5", "centre is in row 239.5, and the images have 48"),
        ("2000 2000 32 24", "the focal length is 2000 px for an image of 48 rows"),
    ],
)
def test_a_matrix_of_something_else_is_named(tmp_path: Path, text: str, message: str) -> None:
    root = images(tmp_path / "set")
    (tmp_path / "k.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        import_folder(root, tmp_path / "out", intrinsics=tmp_path / "k.txt")
    with pytest.raises(DataError, match=r"cannot read .*none\.txt"):
        import_folder(root, tmp_path / "out", intrinsics=tmp_path / "none.txt")
    assert not (tmp_path / "out").exists()
