"""A CSV that says which pairs are to train on and which to test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netadapt.depth.data import open_depth_data
from netadapt.depth.data.rgbd_import import import_folder
from netadapt.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pairs of six rooms, the last four images to test on; a pair's number is its red."""
    root = tmp_path / "set"
    for part in ("rgb", "depth"):
        (root / part).mkdir(parents=True)
    for number in range(1, 13):
        Image.new("RGB", (16, 12), (number, 9, 9)).save(root / f"rgb/{number:04d}.png")
        depth = np.full((12, 16), 2000, np.uint16)
        Image.fromarray(depth).save(root / f"depth/{number:04d}.png")
    return root


def write_split(path: Path, head: str = "file,mat_index0,official_split,scene") -> Path:
    rows = [
        f"{number:04d},{number - 1},{'train' if number < 9 else 'test'},room_{(number - 1) // 2}"
        for number in range(1, 13)
    ]
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def reds(root: Path, split: str) -> list[int]:
    source = open_depth_data(root, split)
    return [int(source.read(index)[0][0, 0, 0]) for index in range(len(source))]


def test_test_images_are_val_and_whole_scenes_are_held_out(folder: Path, tmp_path: Path) -> None:
    split = write_split(tmp_path / "split.csv")
    imported = import_folder(folder, tmp_path / "out", split_file=split, holdout=0.25)
    assert (imported.train, imported.holdout, imported.val) == (6, 2, 4)
    assert reds(tmp_path / "out", "val") == [9, 10, 11, 12]
    held = reds(tmp_path / "out", "holdout")
    assert held[0] % 2 == 1  # the two images of one room
    assert held[1] == held[0] + 1
    assert sorted(reds(tmp_path / "out", "train") + held) == list(range(1, 9))
    names = open_depth_data(tmp_path / "out", "val").names
    assert names[0] == "val/official/00009.h5"
    assert open_depth_data(tmp_path / "out", "holdout").names[0].startswith("train/room_")
    others = {
        tuple(import_holdout(folder, split, tmp_path / f"out{seed}", seed)) for seed in range(4)
    }
    assert len(others) > 1


def import_holdout(folder: Path, split: Path, out: Path, seed: int) -> list[int]:
    import_folder(folder, out, split_file=split, holdout=0.25, seed=seed)
    return reds(out, "holdout")


@pytest.mark.parametrize(
    "text",
    [
        "name,set\nrgb/0001.png,training\ndepth/0002.png,validation\n",
        "stem;split\n1;train\n2;val\n",
        "\ufeffImage , Partition\n/elsewhere/rgb/0001.png, TRAIN\n\n0002.png,test\n",
        "file\tscene\tsplit\n0001\ta b\ttrain\n0002\tc\ttest\n",
    ],
)
def test_files_and_columns_go_by_several_names(folder: Path, tmp_path: Path, text: str) -> None:
    split = tmp_path / "split.csv"
    split.write_text(text, encoding="utf-8")
    imported = import_folder(folder, tmp_path / "out", split_file=split, holdout=0)
    assert (imported.train, imported.val) == (1, 1)
    assert (reds(tmp_path / "out", "train"), reds(tmp_path / "out", "val")) == ([1], [2])
    (left_out,) = imported.notes
    assert "left out 10 pairs that" in left_out
    assert "0003.png" in left_out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a CSV"),
        ("file,scene\n1,a\n", r"has no column 'split' \(or official_split, .*is: file,scene"),
        ("0001,train\n", "has no column 'file'"),
        ("file,split\n", "names no image"),
        ("file,split\n1,train\n2,maybe\n", "line 3: the split is 'maybe', expected train, test"),
        ("file,split,scene\n1,train,a\n2,test,\n", "line 3: its scene is empty"),
        ("file,split\n1\n", "line 2: its split is empty"),
        ("file,split\n1,train\n0001,test\n", "line 3: '0001' is .*, which line 2 names already"),
        ("file,split\n99,train\n", "none of its 1 images is in .*'99', and the first pair is rgb"),
        ('file,split\n"1,train\n', "is no CSV"),
        ("file,split\n/,train\n", "none of its 1 images"),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_written(
    folder: Path, tmp_path: Path, text: str, message: str
) -> None:
    split = tmp_path / "split.csv"
    split.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        import_folder(folder, tmp_path / "out", split_file=split)
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match=r"cannot read .*nothing\.csv"):
        import_folder(folder, tmp_path / "out", split_file=tmp_path / "nothing.csv")


def test_a_name_that_fits_two_pairs_needs_its_folder(folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    for name in ("a", "b"):
        (both / name).symlink_to(folder, target_is_directory=True)
    # Path.rglob doesn't follow links, so the pairs are given by globs.
    globs = {"rgb_glob": "*/rgb/*.png", "depth_glob": "*/depth/*.png"}
    split = tmp_path / "split.csv"
    split.write_text("file,split\n3,train\n")
    with pytest.raises(DataError, match=r"line 2: '3' may be .*a/rgb/0003\.png and .*b/rgb/0003"):
        import_folder(both, tmp_path / "out", split_file=split, **globs)
    split.write_text("file,split\nb/3,train\na/3,test\n")
    imported = import_folder(both, tmp_path / "out", split_file=split, **globs)
    assert (imported.train, imported.val) == (1, 1)


def test_lines_end_where_those_of_a_csv_do(folder: Path, tmp_path: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text('file,split,scene\n1,train,a\x0cb\u2028c\n2,test,"d\ne"\n3,none,f\n')
    with pytest.raises(DataError, match=r"split\.csv, line 5: the split is 'none'"):
        import_folder(folder, tmp_path / "out", split_file=split)


def test_a_name_of_more_digits_than_a_number_has_names_no_image(
    folder: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    split.write_text(f"file,split\n{'1' * 5000},train\n2,test\n")
    notes = " ".join(import_folder(folder, tmp_path / "out", split_file=split).notes)
    assert "1 of the images that" in notes


def test_scenes_in_both_splits_and_images_that_are_not_there_are_said(
    folder: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    split.write_text("file,split,scene\n1,train,a\n2,test,a\n77,test,b\n")
    notes = " ".join(import_folder(folder, tmp_path / "out", split_file=split).notes)
    assert "1 of the images that" in notes
    assert "'77' of line 4" in notes
    assert "1 scenes of" in notes
    assert "figures on val will flatter" in notes


def test_the_official_split_of_nyu_has_no_scene_in_two_splits(
    shared_data: Path, tmp_path: Path
) -> None:
    """The lists alone: 1449 files of one tiny pair stand for the images."""
    from netadapt.depth.data.pairing import ImagePair
    from netadapt.depth.data.places import places_by_split
    from netadapt.depth.data.split_file import pairs_of_split, read_split_file

    split = shared_data / "nyu_labeled" / "split.csv"
    pairs = [
        ImagePair(tmp_path / f"rgb/{n:04d}.jpg", tmp_path / f"depth/{n:04d}.png")
        for n in range(1, 1450)
    ]
    named = pairs_of_split(split, read_split_file(split), tmp_path, pairs)
    assert (len(named.pairs), named.unnamed, named.missing) == (1449, (), ())
    places = places_by_split("nyu", named.assigned, 0.1)
    assert {split: len(names) for split, names in places.splits.items()} == {
        "train": 715,
        "holdout": 80,
        "val": 654,
    }
    scene_of = dict(zip(places.names, (image.scene for image in named.assigned), strict=True))
    scenes = [{scene_of[name] for name in names} for names in places.splits.values()]
    assert not scenes[0] & scenes[1]
    assert not (scenes[0] | scenes[1]) & scenes[2]
