"""Which images of a folder belong together, by their names alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netadapt.depth.data.pairing import find_pairs, name_key, written_key
from netadapt.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, **globs: Any) -> list[tuple[str, str]]:
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
        ("img_{}.png", "img_{}_depth.png"),
        ("rgb/image{}.png", "depth/image{}.png"),
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


def timed(root: Path, kind: str, times: list[float], name: str = "{:.6f}.png") -> None:
    touch(root, *(f"{kind}/{name.format(time)}" for time in times))


def test_names_that_are_times_pair_by_time(tmp_path: Path) -> None:
    start = 1305031102.175304
    timed(tmp_path, "rgb", [start + i / 30 for i in range(20)])
    timed(tmp_path, "depth", [start - 0.0149 + i / 30 for i in range(18)])
    pairing = find_pairs(tmp_path)
    assert pairing.timed
    assert found(tmp_path) == [
        (f"rgb/{start + i / 30:.6f}.png", f"depth/{start - 0.0149 + i / 30:.6f}.png")
        for i in range(18)
    ]
    assert found(tmp_path, rgb_glob="rgb/*.png", depth_glob="depth/*") == found(tmp_path)
    assert len(pairing.alone) == 2
    assert pairing.notes == ("paired by the times in their names, at most 14.9 ms apart",)


def test_clocks_that_differ_are_said_or_refused(tmp_path: Path) -> None:
    timed(tmp_path, "late/rgb", [1548339810 + i / 30 for i in range(20)])
    timed(tmp_path, "late/depth", [1548339810.5 + i / 30 for i in range(20)])
    for globs in ({}, {"rgb_glob": "rgb/*", "depth_glob": "depth/*"}):
        pairing = find_pairs(tmp_path / "late", **globs)
        assert [pair.rgb.name for pair in pairing.pairs] == [
            f"{1548339810 + i / 30:.6f}.png" for i in range(15, 20)
        ]
        assert "only 5 of 20 depth images" in pairing.notes[0]
    timed(tmp_path, "apart/rgb", [1548339810 + i / 30 for i in range(20)])
    timed(tmp_path, "apart/depth", [1548339820 + i / 30 for i in range(20)])
    with pytest.raises(DataError, match=r"within 20 ms of .*--associations"):
        find_pairs(tmp_path / "apart")


@pytest.mark.parametrize(
    "name", ["r-{:.6f}-77.png", "frame_{:.3f}.jpg", "{:.0f}123.png", "{:.0f}_123456.png"]
)
def test_times_are_read_off_names_as_recorders_write_them(tmp_path: Path, name: str) -> None:
    times = [1548339810.0, 1548339812.0, 1548339811.0]
    timed(tmp_path, "rgb", times, name)
    timed(tmp_path, "depth", times[1:], name.replace(".jpg", ".png"))
    assert [Path(rgb).name for rgb, _ in found(tmp_path)] == [
        name.format(time) for time in (1548339811.0, 1548339812.0)
    ]
    assert find_pairs(tmp_path).timed


def test_timed_images_may_lie_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{kind}_10.{i}0000.png" for kind in ("rgb", "depth") for i in range(3)))
    assert found(tmp_path)[2] == ("rgb_10.20000.png", "depth_10.20000.png")


def test_each_recording_has_its_own_clock(tmp_path: Path) -> None:
    for scene in ("a", "b"):
        timed(tmp_path, f"{scene}/rgb", [0.0, 0.1], "{:.3f}.png")
        timed(tmp_path, f"{scene}/depth", [0.001, 0.101], "{:.3f}.png")
    assert [rgb for rgb, depth in found(tmp_path) if rgb[0] == depth[0]] == [
        *("a/rgb/0.000.png", "a/rgb/0.100.png", "b/rgb/0.000.png", "b/rgb/0.100.png")
    ]


def test_aligned_depth_goes_before_depth(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{kind}/{i}.png" for kind in ("color", "depth") for i in range(3)))
    touch(tmp_path, *(f"aligned_depth_to_color/{i}.png" for i in range(3)))
    assert found(tmp_path)[0] == ("color/0.png", "aligned_depth_to_color/0.png")
    assert find_pairs(tmp_path).notes == ("took the 3 aligned depth images, not the others",)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("frame-007.color.png", ((1, "frame"), (0, 7))),
        ("a.1/Color/2.b.JPG", ((1, "a"), (0, 1), (0, 2), (1, "b"))),
        (".hidden.png", ((1, "hidden"),)),
        (".7", ((0, 7),)),
        ("7.", ((0, 7),)),
        ("scene_0001/x", ((1, "scene"), (0, 1), (1, "x"))),
    ],
)
def test_the_key_of_a_name_is_the_same_written_and_found(name: str, key: tuple[Any, ...]) -> None:
    assert written_key(name) == key
    for root in (Path("/"), Path("/data/1"), Path("data"), Path()):
        assert name_key(root / name, root) == key
    with pytest.raises(ValueError, match="not in the subpath"):
        name_key(Path("/data/10/7.png"), Path("/data/1"))


def test_aligned_depth_is_paired_by_time_too(tmp_path: Path) -> None:
    timed(tmp_path, "color", [10.0, 10.1])
    for kind in ("aligned_depth", "depth"):
        timed(tmp_path, kind, [10.004, 10.104])
    assert found(tmp_path)[1] == ("color/10.100000.png", "aligned_depth/10.104000.png")


def test_numbers_in_names_go_before_places(tmp_path: Path) -> None:
    touch(tmp_path, *(f"left/a{i}.png" for i in range(1, 21)))
    touch(tmp_path, *(f"z/b{i}.png" for i in range(5, 19)))
    pairing = find_pairs(tmp_path, "left/*", "z/*")
    assert len(pairing.pairs) == 14
    assert (pairing.pairs[0].rgb.name, pairing.pairs[0].depth.name) == ("a5.png", "b5.png")
    touch(tmp_path, *(f"y/b{i}.png" for i in range(20, 40)))
    with pytest.raises(
        DataError, match=r"a20\.png and b20\.png have the same number, but only 1 of"
    ):
        find_pairs(tmp_path, "left/*", "y/*")


def test_a_list_of_pairs_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "rgb/1.png", "rgb/2.png", "depth/7.png", "depth/8.png")
    file = tmp_path / "list.txt"
    file.write_text(
        "# time depth time rgb\n1.0 depth/8.png 1.1 rgb/1.png\n\n2,rgb/2.png,2,depth/7.png"
    )
    expected = [("rgb/1.png", "depth/8.png"), ("rgb/2.png", "depth/7.png")]
    assert found(tmp_path, associations=file) == expected
    file.rename(tmp_path / "associations.txt")
    assert found(tmp_path) == expected
    (tmp_path / "associations.txt").write_text("1.0 rgb/1.png 1.0 depth/9.png")
    with pytest.raises(DataError, match=r"associations\.txt, line 1: there is no depth/9\.png"):
        find_pairs(tmp_path)
    (tmp_path / "associations.txt").write_text("1.0 rgb/1.png")
    with pytest.raises(DataError, match="line 1: names 1 images, expected two"):
        find_pairs(tmp_path)
