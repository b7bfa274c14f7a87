"""Depth laid back onto the photograph it was seen in, and the files that hold it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from netadapt.depth.prediction.framings import CROP, WHOLE, Framing
from netadapt.depth.prediction.photographs import predict_image, read_camera, write_prediction
from netadapt.errors import DataError, DeviceError, MissingExtraError, OutputError


@dataclass(frozen=True)
class Brightness:
    """A 'network' whose depth is 1 m for black and 5 m for white."""

    name: str = "brightness"
    size: tuple[int, int] = (224, 224)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape == (1, 3, *self.size)
        return 1 + 4 * images[:, :1]


@pytest.mark.parametrize("size", [(480, 640), (60, 80), (640, 480), (90, 400), (1200, 1600)])
@pytest.mark.parametrize("across", [True, False], ids=["across", "down"])
@pytest.mark.parametrize("framing", [CROP, WHOLE], ids=["crop", "whole"])
def test_depth_lies_where_it_was_seen(size, across, framing: Framing):
    ramp = np.linspace(0, 255, size[1] if across else size[0])
    grey = np.broadcast_to(ramp if across else ramp[:, None], size)
    rgb = np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)
    depth = predict_image(Brightness(), rgb, framing) / np.float32(framing.ratio(None, *size))
    assert depth.shape == size
    assert depth.dtype == np.float32
    seen = depth > 0
    step = 4 * 2.5 / min(size)  # two and a half pixels of the ramp
    expected = 1 + 4 * (rgb[..., 0] / 255)
    assert np.abs(depth - expected)[seen].max() < max(step, 0.06)


def test_the_whole_image_is_seen_but_smaller():
    grey = np.full((480, 640, 3), 51, np.uint8)
    depth = predict_image(Brightness(), grey)
    np.testing.assert_allclose(depth, (1 + 4 * 51 / 255) * 228 / 250, rtol=1e-5)


@pytest.mark.parametrize("framing", [CROP, WHOLE], ids=["crop", "whole"])
def test_metres_grow_with_the_focal_length(framing: Framing):
    grey = np.full((240, 320, 3), 51, np.uint8)
    assumed = predict_image(Brightness(), grey, framing)
    as_nyu = predict_image(Brightness(), grey, framing, 518.86 / 2)
    np.testing.assert_allclose(as_nyu, assumed, rtol=1e-6)
    longer = predict_image(Brightness(), grey, framing, 518.86)
    np.testing.assert_allclose(longer, 2 * assumed, rtol=1e-6)
    with pytest.raises(
        DataError, match=r"a\.jpg: the focal length is 9 px for an image of 240 rows"
    ):
        predict_image(Brightness(), grey, framing, 9.0, "a.jpg")


def test_what_the_network_did_not_see_is_zero():
    depth = predict_image(Brightness(), np.full((480, 640, 3), 128, np.uint8), CROP)
    rows, columns = np.flatnonzero(depth.any(1)), np.flatnonzero(depth.any(0))
    # FastDepth's evaluation crop: 228 of 250 rows and 304 of 333 columns, from the centre.
    assert len(rows) == pytest.approx(480 * 228 / 250, abs=2)
    assert len(columns) == pytest.approx(640 * 304 / 333, abs=2)
    assert rows[0] + rows[-1] == pytest.approx(479, abs=3)
    assert columns[0] + columns[-1] == pytest.approx(639, abs=3)
    assert (depth[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 1).all()
    assert not depth[: rows[0]].any()
    assert not depth[:, columns[-1] + 1 :].any()


def test_the_files_hold_the_same_depth(tmp_path: Path):
    depth = np.random.default_rng(0).uniform(0.3, 9, (40, 60)).astype(np.float32)
    depth[:5] = 0
    depth[-1, -1] = 70  # deeper than 16-bit millimetres go
    written = write_prediction(depth, np.zeros((40, 60, 3), np.uint8), tmp_path, "room")
    np.testing.assert_array_equal(np.load(written.metres), depth)
    with Image.open(written.millimetres) as image:
        assert image.mode == "I;16"
        millimetres = np.asarray(image).astype(np.float64)
    assert np.abs(millimetres / 1000 - depth)[:-1].max() <= 0.0005 + 1e-6
    assert not millimetres[:5].any()
    assert millimetres[-1, -1] == 65535
    with Image.open(written.coloured) as image:
        assert image.size == (960, 360)
    assert 0.3 <= written.least_m < written.median_m < written.most_m == 70


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write_prediction(
            np.ones((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), tmp_path / "file", "room"
        )


def camera(frame: np.ndarray | None) -> SimpleNamespace:
    """OpenCV, as far as a camera goes."""

    class VideoCapture:
        def __init__(self, number: int) -> None:
            assert number == 3

        def read(self) -> tuple[bool, np.ndarray | None]:
            return frame is not None, frame

        def release(self) -> None:
            pass

    return SimpleNamespace(VideoCapture=VideoCapture)


def test_a_camera_gives_red_first(monkeypatch):
    blue_first = np.zeros((2, 2, 3), np.uint8)
    blue_first[..., 0] = 200
    monkeypatch.setitem(sys.modules, "cv2", camera(blue_first))
    assert read_camera(3)[0, 0].tolist() == [0, 0, 200]


def test_a_camera_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", camera(None))
    with pytest.raises(DeviceError, match="camera 3 gives no picture"):
        read_camera(3)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"netadapt\[camera\]"):
        read_camera(3)
