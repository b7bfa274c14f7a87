"""Depth of videos: with OpenCV's own files where it is installed, with a stand-in everywhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netadapt.depth.prediction.framings import CROP
from netadapt.depth.prediction.timed_predictor import TimedPredictor
from netadapt.depth.prediction.videos import predict_video
from netadapt.errors import DataError, OutputError


@dataclass(frozen=True)
class Redness:
    """A 'network' whose depth is 1 m for black and 5 m for red."""

    name: str = "redness"
    size: tuple[int, int] = (32, 32)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return 1 + 4 * images[:, :1]


@dataclass
class StandIn:
    """OpenCV, as far as videos go: `frames` are read, blue first; what is written is kept."""

    frames: list[np.ndarray]
    rate: float = 10.0
    writes: bool = True
    written: list[np.ndarray] = field(default_factory=list)
    opened: list[Any] = field(default_factory=list)

    def module(self) -> SimpleNamespace:
        left = list(self.frames)
        capture = SimpleNamespace(
            isOpened=lambda: bool(self.frames) or self.rate == 0,
            get=lambda _: self.rate,
            read=lambda: (True, left.pop(0)) if left else (False, None),
            release=lambda: None,
        )

        def writer(path: str, code: int, rate: float, size: tuple[int, int]) -> SimpleNamespace:
            self.opened.append((code, rate, size))
            Path(path).write_bytes(b"video")
            return SimpleNamespace(
                isOpened=lambda: self.writes, write=self.written.append, release=lambda: None
            )

        return SimpleNamespace(
            CAP_PROP_FPS=5,
            VideoCapture=lambda _: capture,
            VideoWriter=writer,
            VideoWriter_fourcc=lambda *letters: "".join(letters),
        )


def blue_first(red: int, size: tuple[int, int] = (49, 64)) -> np.ndarray:
    frame = np.zeros((*size, 3), np.uint8)
    frame[..., 2] = red
    return frame


def test_every_frame_has_its_depth_beside_it(tmp_path: Path, monkeypatch: Any) -> None:
    video = StandIn([blue_first(0), blue_first(255)])
    monkeypatch.setitem(sys.modules, "cv2", video.module())
    predictor, seen = TimedPredictor(Redness()), []
    written = predict_video(
        predictor, tmp_path / "walk.mov", tmp_path / "out", framing=CROP, progress=seen.append
    )
    assert (written.frames, seen) == (2, [1, 2])
    assert written.coloured == tmp_path / "out/walk.depth.mp4"
    assert written.coloured.read_bytes() == b"video"
    assert video.opened == [("mp4v", 10.0, (128, 48))]  # an odd row is left out
    assert (predictor.pictures, predictor.per_second > 0) == (2, True)
    assert written.frames_per_second > 0
    ratio = CROP.ratio(None, 49, 64)  # a little narrower than NYU's frames
    for number, metres in ((1, ratio), (2, 5 * ratio)):
        with Image.open(written.millimetres / f"{number:06d}.mm.png") as image:
            assert image.mode == "I;16"
            depth = np.asarray(image)
        assert depth.shape == (49, 64)
        assert set(np.unique(depth)) == {0, round(1000 * metres)}  # 0 outside the crop
    first, second = video.written
    assert first.shape == second.shape == (48, 128, 3)
    assert first[20, 10].tolist() == [0, 0, 0]
    assert second[20, 10].tolist() == [0, 0, 255]  # the frame itself, blue first again
    assert first[24, 96].tolist() != second[24, 96].tolist()
    assert first[0, 64].tolist() == [0, 0, 0]  # black where the network didn't look


def test_what_is_no_video_leaves_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    for video, error, message in (
        (StandIn([]), DataError, r"walk\.mov: cannot be read as a video"),
        (StandIn([], rate=0), DataError, r"walk\.mov: no frame of it can be read"),
        (StandIn([blue_first(0)], writes=False), OutputError, "no encoder for MPEG-4"),
    ):
        monkeypatch.setitem(sys.modules, "cv2", video.module())
        with pytest.raises(error, match=message):
            predict_video(Redness(), tmp_path / "walk.mov", tmp_path / "out")
        assert not list(tmp_path.rglob("*.mp4"))


def test_a_video_that_does_not_say_its_rate(tmp_path: Path, monkeypatch: Any) -> None:
    video = StandIn([blue_first(0)], rate=float("nan"))
    monkeypatch.setitem(sys.modules, "cv2", video.module())
    predict_video(Redness(), tmp_path / "walk.mov", tmp_path / "out")
    assert video.opened[0][1] == 25.0


def test_opencv_s_own_video(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "walk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for red in (0, 128, 255):
        writer.write(blue_first(red, (48, 64)))
    writer.release()
    written = predict_video(Redness(), path, tmp_path / "out")
    assert written.frames == 3
    depth = [
        np.median(np.asarray(Image.open(written.millimetres / f"{number:06d}.mm.png"))) / 1000
        for number in (1, 2, 3)
    ]
    assert depth == pytest.approx([0.912, 0.912 * 3, 0.912 * 5], abs=0.1)
    shown = cv2.VideoCapture(str(written.coloured))
    received, frame = shown.read()
    assert (received, frame.shape) == (True, (48, 128, 3))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DataError, match=r"text\.mp4: cannot be read as a video"):
        predict_video(Redness(), tmp_path / "text.mp4", tmp_path / "out")
