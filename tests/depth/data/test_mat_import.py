"""NYU's official labelled file: its layout, its split, and everything that may be wrong with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mat_files import write_mat, write_mat_splits
from PIL import Image
from scipy.io import savemat

from netadapt.depth.data import labeled_mat, open_depth_data
from netadapt.depth.data.hdf5_pairs import read_pair, split_names
from netadapt.depth.data.labeled_mat import LabeledMat
from netadapt.depth.data.mat_import import import_labeled_mat
from netadapt.depth.data.rgbd_import import import_folder
from netadapt.depth.rooms.rendering.frame import render_frames
from netadapt.errors import DataError

SCENES = ["kitchen_0001", "kitchen_0001", "café_0002", "café_0002", "study_0003", "study_0003"]


@pytest.fixture(scope="module")
def rooms() -> tuple[np.ndarray, np.ndarray]:
    """Six small rendered frames of three rooms: rgb [6, 3, 30, 40] and depth [6, 30, 40]."""
    return render_frames(0, [1, 2, 3], [0, 1], size=(30, 40))


@pytest.fixture
def mat(rooms: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    return write_mat(tmp_path / "labeled.mat", *rooms, SCENES)


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    return write_mat_splits(tmp_path / "splits.mat", [1, 2, 3, 4], [5, 6])


def test_the_official_layout_is_read_as_the_pairs_it_was_made_of(
    rooms: tuple[np.ndarray, np.ndarray], mat: Path, splits: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    imported = import_labeled_mat(
        mat,
        tmp_path / "out",
        splits=splits,
        holdout=0.5,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (imported.train, imported.holdout, imported.val) == (2, 2, 2)
    assert seen == [(done, 6) for done in range(1, 7)]
    names = split_names(tmp_path / "out")
    assert names["val"] == ["val/official/00005.h5", "val/official/00006.h5"]
    trained = {"train/kitchen_0001/00001.h5", "train/kitchen_0001/00002.h5"}
    assert trained in (set(names["train"]), set(names["holdout"]))
    assert {"train/café_0002/00003.h5", "train/café_0002/00004.h5"} in (
        set(names["train"]),
        set(names["holdout"]),
    )
    for name in [*names["train"], *names["holdout"], *names["val"]]:
        index = int(name[-8:-3]) - 1
        rgb, depth = read_pair(tmp_path / "out" / name)
        np.testing.assert_array_equal(rgb, rooms[0][index])
        np.testing.assert_array_equal(depth, rooms[1][index])
    median = np.median(rooms[1][rooms[1] > 0])
    assert imported.median_depth_m == pytest.approx(median, rel=1e-6)


def test_it_is_the_same_set_as_the_import_of_its_pairs(shared_data: Path, tmp_path: Path) -> None:
    """Real pairs, once as images with a split file, once as the official file."""
    labelled = shared_data / "nyu_labeled"
    rows = (labelled / "split.csv").read_text().splitlines()[1:]
    chosen = [1, 2, 3, 4, 5, 6]
    pairs = tmp_path / "pairs"
    for part in ("rgb", "depth"):
        (pairs / part).mkdir(parents=True)
    kept, scenes, of_split, rgb, depth = ["file,split,scene"], [], [], [], []
    for number in chosen:
        _, _, split, scene = rows[number - 1].split(",")
        kept.append(f"{number:04d},{split},{scene}")
        scenes.append(scene)
        of_split.append(split)
        for part, ending in (("rgb", "jpg"), ("depth", "png")):
            name = f"{part}/{number:04d}.{ending}"
            (pairs / name).symlink_to(labelled / name)
        rgb.append(np.asarray(Image.open(pairs / f"rgb/{number:04d}.jpg")).transpose(2, 0, 1))
        units = np.asarray(Image.open(pairs / f"depth/{number:04d}.png"))
        depth.append((units / 1000.0).astype(np.float32))
    (tmp_path / "split.csv").write_text("\n".join(kept))
    mat = write_mat(tmp_path / "labeled.mat", np.stack(rgb), np.stack(depth), scenes)
    places = {
        split: [number for number, of in zip(chosen, of_split, strict=True) if of == split]
        for split in ("train", "test")
    }
    splits = write_mat_splits(tmp_path / "splits.mat", places["train"], places["test"])
    import_folder(pairs, tmp_path / "a", split_file=tmp_path / "split.csv")
    import_labeled_mat(mat, tmp_path / "b", splits=splits)
    assert split_names(tmp_path / "a") == split_names(tmp_path / "b")
    for name in {name for names in split_names(tmp_path / "a").values() for name in names}:
        for one, other in zip(
            read_pair(tmp_path / "a" / name), read_pair(tmp_path / "b" / name), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_memory_is_bounded_and_each_chunk_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 3, 60, 80), dtype=np.uint8)
    depth = np.full((40, 60, 80), 2.0, np.float32)
    a_pair = rgb[0].nbytes + depth[0].nbytes
    mat = write_mat(tmp_path / "labeled.mat", rgb, depth, ["room"] * 40, chunk=10)
    blocks: list[int] = []
    block_of = LabeledMat._block_of

    def counted(self: LabeledMat, index: int) -> Any:
        first = block_of(self, index)
        blocks.append(first[0])
        return first

    monkeypatch.setattr(LabeledMat, "_block_of", counted)
    with LabeledMat(mat) as pairs:
        tracemalloc.start()
        for index in range(40):
            pairs.read(index)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert sorted(set(blocks)) == [0, 10, 20, 30]
    assert most < 15 * a_pair
    monkeypatch.setattr(labeled_mat, "BLOCK_BYTES", 2 * a_pair + 1)  # a chunk is more than that
    blocks.clear()
    with LabeledMat(mat) as pairs:
        for index in range(4):
            np.testing.assert_array_equal(pairs.read(index)[0], rgb[index])
    assert blocks == [0, 0, 2, 2]


def test_a_killed_import_goes_on(mat: Path, splits: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        import_labeled_mat(mat, tmp_path / "out", splits=splits, progress=stop)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.h5")}
    assert len(times) == 4
    other = write_mat_splits(tmp_path / "other.mat", [1], [2, 3])
    with pytest.raises(DataError, match="the beginnings of another data set"):
        import_labeled_mat(mat, tmp_path / "out", splits=other)
    import_labeled_mat(mat, tmp_path / "out", splits=splits)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(open_depth_data(tmp_path / "out", "val")) == 2
    with pytest.raises(DataError, match="holds a finished data set already"):
        import_labeled_mat(mat, tmp_path / "out", splits=splits)


def test_without_the_split_it_is_said_where_it_is(mat: Path, splits: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"indoor_seg_sup/splits\.mat; give it as --splits"):
        import_labeled_mat(mat, tmp_path / "out")
    with pytest.raises(DataError, match="give one of them"):
        import_labeled_mat(mat, tmp_path / "out", splits=splits, all_as="val")
    with pytest.raises(DataError, match="no split 'test'"):
        import_labeled_mat(mat, tmp_path / "out", all_as="test")
    assert not (tmp_path / "out").exists()
    assert import_labeled_mat(mat, tmp_path / "out", all_as="val").val == 6
    trained = import_labeled_mat(mat, tmp_path / "train", all_as="train", holdout=0.34)
    assert (trained.train, trained.holdout, trained.val) == (4, 2, 0)


def test_images_of_no_split_are_left_out_and_said(mat: Path, tmp_path: Path) -> None:
    splits = write_mat_splits(tmp_path / "splits.mat", [2], [5])
    imported = import_labeled_mat(mat, tmp_path / "out", splits=splits, holdout=0)
    assert (imported.train, imported.val) == (1, 1)
    assert "left out 4 images" in imported.notes[0]
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.h5")) == [
        "00002.h5",
        "00005.h5",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trainNdxs": [[1.0]]}, "no 'testNdxs' in it, it holds trainNdxs"),
        ({"trainNdxs": [[0.0]], "testNdxs": [[1.0]]}, "'trainNdxs' has 0.0, .* from 1 to 6"),
        ({"trainNdxs": [[1.0]], "testNdxs": [[7.0]]}, "'testNdxs' has 7.0, .* from 1 to 6"),
        ({"trainNdxs": [[1.5]], "testNdxs": [[1.0]]}, "'trainNdxs' has 1.5"),
        ({"trainNdxs": [[np.nan]], "testNdxs": [[1.0]]}, "'trainNdxs' has nan"),
        ({"trainNdxs": [[1.0]], "testNdxs": [[1.0]]}, "image 1 is listed twice"),
        ({"trainNdxs": "none", "testNdxs": [[1.0]]}, "expected places of images"),
        ({"trainNdxs": [], "testNdxs": []}, "lists no image"),
    ],
)
def test_a_wrong_split_is_named(
    mat: Path, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    savemat(tmp_path / "wrong.mat", wrong)
    with pytest.raises(DataError, match=message):
        import_labeled_mat(mat, tmp_path / "out", splits=tmp_path / "wrong.mat")
    assert not (tmp_path / "out").exists()


def test_a_split_that_is_no_such_file_is_named(mat: Path, splits: Path, tmp_path: Path) -> None:
    text, short = tmp_path / "text.mat", tmp_path / "short.mat"
    text.write_text("trainNdxs testNdxs")
    short.write_bytes(splits.read_bytes()[:150])
    for path, message in (
        (text, "cannot be read as a MATLAB 5 file"),
        (short, "cannot be read as a MATLAB 5 file"),
        (mat, "cannot be read as a MATLAB 5 file"),
        (tmp_path / "gone.mat", "no such file; it is at http"),
    ):
        with pytest.raises(DataError, match=message):
            import_labeled_mat(mat, tmp_path / "out", splits=path)


def _replaced(key: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        values = change(file[key][()])
        del file[key]
        file[key] = values

    return edit


def _null_reference(file: h5py.File) -> None:
    file["scenes"][0, 3] = h5py.Reference()


def _reference_to_numbers(file: h5py.File) -> None:
    file["scenes"][0, 3] = file["depths"].ref


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda file: file.pop("images"), "no array 'images' in it, it holds depths"),
        (lambda file: file.pop("depths"), "no array 'depths' in it"),
        (lambda file: file.pop("scenes"), "no array 'scenes' in it"),
        (_replaced("images", lambda v: v.transpose(0, 1, 3, 2)), r"as 'images', .*, has"),
        (_replaced("images", lambda v: v.transpose(0, 2, 3, 1)), r"expected \(images, 3, width"),
        (_replaced("images", lambda v: v[0]), r"'images' has shape \(3, 40, 30\), expected \(im"),
        (_replaced("images", lambda v: v / 255), "'images' is float64, expected uint8"),
        (_replaced("depths", lambda v: v[:-1]), r"'depths' has shape \(5, 40, 30\), expected \(6"),
        (_replaced("depths", lambda v: (v * 1000).astype("u2")), "'depths' is uint16, expected f"),
        (_replaced("depths", lambda v: v * 1000), "image 1: depth goes up to .*in millimetres"),
        (_replaced("depths", lambda v: v * 0), "the depths of its first images are all 0"),
        (_replaced("scenes", lambda v: np.arange(6)), "'scenes' is .* beside 6 images"),
        (_null_reference, "the scene of image 4 is a reference to no name"),
        (_reference_to_numbers, "the scene of image 4 is a reference to no name"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_written(
    mat: Path, splits: Path, tmp_path: Path, edit: Callable[[h5py.File], None], message: str
) -> None:
    with h5py.File(mat, "r+") as file:
        edit(file)
    with pytest.raises(DataError, match=message) as caught:
        import_labeled_mat(mat, tmp_path / "out", splits=splits)
    assert str(caught.value).startswith(str(mat))
    assert not (tmp_path / "out").exists()


def test_a_reference_to_nothing_is_named(mat: Path, splits: Path, tmp_path: Path) -> None:
    with h5py.File(mat, "r") as file:
        named = [file[reference] for reference in file["scenes"][0]]
        stored = b"".join(h5py.h5o.get_info(name.id).addr.to_bytes(8, "little") for name in named)
    whole = mat.read_bytes()
    for elsewhere in (1, 600, len(whole) - 8, 1 << 40):
        mat.write_bytes(whole.replace(stored, stored[:8] + elsewhere.to_bytes(8, "little") * 5))
        with pytest.raises(DataError, match="the scene of image 2 is a reference to no name"):
            import_labeled_mat(mat, tmp_path / "out", splits=splits)


def test_axes_that_are_all_swapped_are_noticed(
    rooms: tuple[np.ndarray, np.ndarray], splits: Path, tmp_path: Path
) -> None:
    rgb, depth = rooms
    turned = write_mat(
        tmp_path / "turned.mat", rgb.transpose(0, 1, 3, 2), depth.transpose(0, 2, 1), SCENES
    )
    with pytest.raises(DataError, match="lies on its side; expected width before height"):
        import_labeled_mat(turned, tmp_path / "out", splits=splits)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_file_that_is_cut_short_is_named(
    mat: Path, splits: Path, tmp_path: Path, share: float
) -> None:
    whole = mat.read_bytes()
    mat.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="is it cut short"):
        import_labeled_mat(mat, tmp_path / "out", splits=splits)
    assert not (tmp_path / "out").exists()


def test_damage_within_a_chunk_leaves_what_is_whole(
    mat: Path, splits: Path, tmp_path: Path
) -> None:
    with h5py.File(mat, "r") as file:
        at = file["images"].id.get_chunk_info(file["images"].id.get_num_chunks() - 1).byte_offset
    with mat.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"\xff" * 16)
    with pytest.raises(DataError, match=r"cannot be read .*download it again"):
        import_labeled_mat(mat, tmp_path / "out", splits=splits)
    assert not (tmp_path / "out/splits.json").exists()
