"""Which images of a folder belong together, by their names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from netadapt.depth.data.pairing import find_pairs
from netadapt.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, **globs: str) -> list[tuple[str, str]]:
    return [
        (pair.rgb.relative_to(root).as_posix(), pair.depth.relative_to(root).as_posix())
        for pair in find_pairs(root, **globs).pairs
    ]


@pytest.mark.parametrize(
    ("rgb", "depth"),
    [
        ("frame-{}.color.jpg", "frame-{}.depth.png"),
        ("color/{}.png", "depth/{}.pgm"),
        ("color/{}.jpg", "depth/0000{}.png"),
        ("{}.png", "{}_depth.png"),
        ("rgb_{}.JPG", "depth_{}.PNG"),
        ("seq-01/rgb{}.ppm", "seq-01/depth{}.tiff"),
    ],
)
def test_pairs_are_found_by_name_and_sorted_as_numbers(
    tmp_path: Path, rgb: str, depth: str
) -> None:
    touch(tmp_path, *(name.format(number) for name in (rgb, depth) for number in (1, 2, 10)))
    assert found(tmp_path) == [(rgb.format(number), depth.format(number)) for number in (1, 2, 10)]


def test_images_alone_are_reported_and_other_files_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "color/1.png", "depth/1.png", "color/2.png", "depth/3.png", "camera.txt")
    touch(tmp_path, ".thumbnails/color/4.png", "depth/1.jpg")
    pairing = find_pairs(tmp_path)
    assert len(pairing.pairs) == 1
    assert [path.relative_to(tmp_path).as_posix() for path in pairing.alone] == [
        "color/2.png",
        "depth/1.jpg",
        "depth/3.png",
    ]


def test_a_name_that_says_its_role_wins(tmp_path: Path) -> None:
    touch(tmp_path, "1.color.png", "1.png", "1.depth.png")
    assert found(tmp_path) == [("1.color.png", "1.depth.png")]


def test_two_images_for_one_pair_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "1.color.png", "1.color.jpg", "1.depth.png")
    with pytest.raises(DataError, match=r"1\.color\.jpg and 1\.color\.png .* --rgb GLOB"):
        find_pairs(tmp_path)


def test_where_names_fail_globs_say_it(tmp_path: Path) -> None:
    touch(tmp_path, "left/a1.png", "left/a10.png", "left/a2.png")
    touch(tmp_path, "z/17.500.png", "z/18.125.png", "z/9.250.png")
    with pytest.raises(DataError, match="6 RGB and 0 depth"):
        find_pairs(tmp_path)
    assert found(tmp_path, rgb_glob="left/*.png", depth_glob="z/*.png") == [
        ("left/a1.png", "z/9.250.png"),
        ("left/a2.png", "z/17.500.png"),
        ("left/a10.png", "z/18.125.png"),
    ]
    with pytest.raises(DataError, match=r"finds 3 files and --depth 'z/1[*].png' 2"):
        find_pairs(tmp_path, "left/*.png", "z/1*.png")
    with pytest.raises(DataError, match="go together"):
        find_pairs(tmp_path, "left/*.png")
    with pytest.raises(DataError, match="is not a glob"):
        find_pairs(tmp_path, "/left/*.png", "z/*.png")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        find_pairs(tmp_path / "nowhere")
