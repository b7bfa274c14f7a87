"""Focal lengths and what they mean for metres."""

from __future__ import annotations

import pytest

from netadapt.depth.data.focal_length import (
    NYU_FOCAL_HEIGHTS,
    assumed_focal_heights,
    ratio_in_crop,
    ratio_in_whole,
)


@pytest.mark.parametrize("size", [(480, 640), (250, 333), (60, 80), (720, 1280)])
def test_nyu_s_camera_changes_nothing_at_any_size(size: tuple[int, int]) -> None:
    assert ratio_in_crop(NYU_FOCAL_HEIGHTS, *size) == pytest.approx(1.0)
    assert ratio_in_crop(None, *size) == pytest.approx(1.0)


def test_a_longer_lens_sees_things_nearer_than_they_are() -> None:
    assert ratio_in_crop(2 * NYU_FOCAL_HEIGHTS, 480, 640) == pytest.approx(2.0)
    assert ratio_in_whole(2 * NYU_FOCAL_HEIGHTS, 480, 640) == pytest.approx(2.0 * 228 / 250)


def test_an_image_seen_whole_is_smaller() -> None:
    assert ratio_in_whole(None, 480, 640) == pytest.approx(228 / 250)
    # 16:9 is squeezed across by 3/4: half of that, as a ratio, in the mean of both directions
    assert ratio_in_whole(None, 480, 480 * 16 // 9) == pytest.approx(
        228 / 250 * (3 / 4) ** 0.5, rel=1e-3
    )


def test_a_camera_that_is_held_upright_is_the_same_camera() -> None:
    assert assumed_focal_heights(640, 480) * 640 == pytest.approx(518.86)
    assert assumed_focal_heights(480, 640) * 480 == pytest.approx(518.86)
    # Its crop is as many of its columns as of a lying image's rows and more: 304 of 333.
    assert ratio_in_crop(None, 640, 480) == pytest.approx(4 / 3, rel=2e-3)
    assert ratio_in_whole(None, 640, 480) == pytest.approx(228 / 250, rel=1e-9)
