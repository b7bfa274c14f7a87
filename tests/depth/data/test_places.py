"""Where imported images go: names, splits, and a holdout of whole scenes."""

from __future__ import annotations

from collections import Counter

import pytest

from netadapt.depth.data.places import Assigned, held_out, places_by_split, places_in_time
from netadapt.errors import DataError

SCENES = [f"room_{number % 40:04d}" for number in range(400)]


def test_the_holdout_is_of_whole_scenes_about_a_share_and_by_seed() -> None:
    chosen = held_out(SCENES, 0.1)
    assert len(chosen) == 40
    inside = {SCENES[index] for index in chosen}
    assert not inside & {SCENES[index] for index in range(400) if index not in chosen}
    assert chosen == held_out(SCENES, 0.1)
    assert chosen != held_out(SCENES, 0.1, seed=1)
    backwards = held_out(SCENES[::-1], 0.1)
    assert {SCENES[::-1][index] for index in backwards} == inside  # the images' order is no matter


@pytest.mark.parametrize(
    ("scenes", "share", "sizes"),
    [
        (["a"] * 10 + ["b"] * 10, 0.1, {10}),  # each is more than what is wanted: one of them
        (["a"] * 10 + ["b"] * 3, 0.1, {3}),
        (["a"] * 20, 0.1, {2}),  # one scene: image by image
        ([""] * 20, 0.25, {5}),
        (["a", "b"], 0.0, {0}),
        (["a", "b"], 1.0, {2}),
        ([], 0.5, {0}),
    ],
)
def test_few_scenes_leave_something_to_train_on(
    scenes: list[str], share: float, sizes: set[int]
) -> None:
    assert {len(held_out(scenes, share, seed)) for seed in range(5)} == sizes


def test_files_are_named_as_fastdepth_names_them() -> None:
    assigned = [Assigned("train", "bath 1"), Assigned("val", "bath 1"), Assigned("train", "../x")]
    places = places_by_split("nyu", assigned, holdout=0.0)
    assert places.names == ("train/bath_1/00001.h5", "val/official/00002.h5", "train/x/00003.h5")
    assert places.splits == {
        "train": ["train/bath_1/00001.h5", "train/x/00003.h5"],
        "holdout": [],
        "val": ["val/official/00002.h5"],
    }
    unknown = places_by_split("nyu", [Assigned("train"), Assigned("train", "..")], holdout=0.0)
    assert unknown.names == ("train/nyu/00001.h5", "train/nyu/00002.h5")


def test_a_scene_whose_name_is_longer_than_a_folder_s_may_be_is_refused() -> None:
    assert places_by_split("nyu", [Assigned("train", "s" * 255)], holdout=0.0).splits["train"]
    for scene in ("s" * 256, "é" * 128):
        with pytest.raises(DataError, match=r"a name of 256 bytes, .*; expected at most 255"):
            places_by_split("nyu", [Assigned("train", scene)], holdout=0.0)


def test_what_the_split_holds_out_itself_is_all_that_is_held_out() -> None:
    assigned = [Assigned("holdout", "a"), *[Assigned("train", scene) for scene in "bcdefghijk"]]
    places = places_by_split("set", assigned, holdout=0.5)
    assert places.splits["holdout"] == ["train/a/00001.h5"]
    moved = places_by_split("set", assigned[1:], holdout=0.5)
    assert Counter({split: len(names) for split, names in moved.splits.items()}) == Counter(
        train=5, holdout=5, val=0
    )


def test_one_recording_is_cut_in_time() -> None:
    places = places_in_time("kitchen", 10, 0.3)
    assert places.splits["holdout"] == places.splits["val"] == list(places.names[7:])
