"""`netadapt evaluate`, `predict` and `export`: figures and files that agree with each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from command import one_line
from PIL import Image

from netadapt.depth.data.hdf5_pairs import write_pair, write_splits


def depths_set(root: Path, far_m: float) -> Path:
    """Three images, one of them held out and official at once: left half 2.4 m, the rest far."""
    names = [f"train/{root.name}/{index:05d}.h5" for index in range(1, 4)]
    depth = np.full((60, 80), far_m, np.float32)
    depth[:, :40] = 2.4
    for index, name in enumerate(names):
        write_pair(root / name, np.full((3, 60, 80), 80 * index, np.uint8), depth)
    write_splits(root, {"train": names[:2], "holdout": names[2:], "val": names[2:]})
    return root


def test_a_row_an_image_and_the_worst_of_them(netadapt, weights, frames, tmp_path):
    code, out, err = netadapt(
        "evaluate", weights, "--data", frames, "--split", "train", "--json",
        "--csv", tmp_path / "rows.csv", "--worst", tmp_path / "worst.png", "--worst-count", 3,
    )  # fmt: skip
    assert code == 0, err
    report = json.loads(out)
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert report["images"] == len(rows) == 6
    assert rows["image"].iloc[0] == "train/a/00002.h5"
    for name in ("delta1", "rmse_m", "absrel", "log10", "irmse_per_km", "mae_m", "aligned_delta1"):
        assert report[name] == pytest.approx(rows[name].mean()), name
    with Image.open(tmp_path / "worst.png") as picture:
        assert picture.size == (640, 600)


def test_several_sets_beside_constants(netadapt, weights, tmp_path):
    flat, deep = depths_set(tmp_path / "flat", 2.4), depths_set(tmp_path / "deep", 8.0)
    options = ("--data", flat, "--data", deep, "--split", "all", "--constants")
    code, out, err = netadapt("evaluate", weights, *options, "--json")
    assert code == 0, err
    of_flat, of_deep = json.loads(out)
    assert (of_flat["images"], of_deep["images"]) == (3, 3)  # each image once
    assert of_flat["constants"]["image_median"]["rmse_m"] == pytest.approx(0)
    assert of_flat["constants"]["constant"]["delta1"] == 1
    assert of_flat["constants"]["constant"]["mae_m"] == pytest.approx(0.1)
    assert of_deep["constants"]["constant"]["delta1"] == pytest.approx(0.5, abs=0.02)
    assert "correlation" not in of_deep["constants"]["constant"]
    assert "correlation" in of_deep
    code, out, _ = netadapt("evaluate", weights, *options)
    assert code == 0
    assert "image's median" in out
    assert sum(line.startswith("  delta1 ") for line in out.splitlines()) == 2


def test_a_protocol_is_chosen_by_name_and_told(netadapt, weights, frames):
    options = ("evaluate", weights, "--data", frames, "--split", "holdout")
    code, out, _ = netadapt(*options, "--json")
    assert (code, json.loads(out)["protocol"]) == (0, "fastdepth")
    code, out, err = netadapt(*options, "--protocol", "eigen", "--json", "--constants")
    assert code == 0, err
    report = json.loads(out)
    assert report["protocol"] == "eigen"
    assert report["focal_lengths_known"] == 0
    assert {"sqrel_m", "rmse_log", "log10", "delta3"} < report.keys() & report["constants"][
        "constant"
    ].keys()
    code, out, err = netadapt(*options, "--protocol", "eigen")
    assert "protocol eigen" in out
    assert "in Eigen's crop of the whole frame" in " ".join(err.split())
    assert "focal lengths: NYU's, assumed" in err
    code, _, err = netadapt(*options, "--protocol", "garg")
    assert code == 2
    assert "no protocol called 'garg'; choose one of fastdepth, eigen" in one_line(err)


def of_any_batch(file: Path, copy: Path) -> Path:
    """A copy of an ONNX file that takes any number of images, as `--dynamic-batch` makes it."""
    model = onnx.load(file)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, copy)
    return copy


def test_an_onnx_file_is_worth_what_its_network_is(netadapt, weights, exported, frames, tmp_path):
    reports = []
    for model in (weights, exported, of_any_batch(exported, tmp_path / "any.onnx")):
        code, out, err = netadapt("evaluate", model, "--data", frames, "--split", "all", "--json")
        assert code == 0, err
        reports.append(json.loads(out))
    assert reports[0]["delta1"] > 0.1
    for name in ("delta1", "rmse_m", "absrel", "aligned_delta1", "correlation"):
        for report in reports[1:]:
            assert report[name] == pytest.approx(reports[0][name], abs=1e-4), name


@pytest.mark.slow
def test_fewer_bits_are_told_beside_float32(netadapt, weights, frames, tmp_path):
    file = tmp_path / "int8.onnx"
    options = ("--precision", "int8", "--data", frames, "--max-loss", 0.1, "--dynamic-batch")
    code, out, err = netadapt("export", weights, "--out", file, *options, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["metrics_float32"]["delta1"] - report["metrics"]["delta1"] <= 0.1
    assert report["calibration_images"] == 2
    of_file = ("evaluate", file, "--data", frames, "--split", "holdout", "--json")
    code, out, err = netadapt(*of_file)
    assert code == 0, err
    assert json.loads(out)["delta1"] == pytest.approx(report["metrics"]["delta1"], abs=1e-3)


def test_photographs_of_any_size(netadapt, weights, exported, tmp_path):
    random = np.random.default_rng(0)
    for name, size in (("wide", (50, 120)), ("tall", (90, 60))):
        pixels = random.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg")
    photographs = [tmp_path / "wide.jpg", tmp_path / "tall.jpg"]
    depths = {}
    for model in (weights, exported):
        code, out, err = netadapt(
            "predict", *photographs, "--model", model, "--out", tmp_path / model.name, "--json"
        )
        assert code == 0, err
        written = json.loads(out)
        assert [one["image"] for one in written] == ["wide", "tall"]
        depths[model.name] = np.load(written[0]["metres"])
        assert depths[model.name].shape == (50, 120)
        assert np.load(written[1]["metres"]).shape == (90, 60)
        assert all(Path(one["coloured"]).stat().st_size > 0 for one in written)
    assert depths["thin"].max() > 1
    np.testing.assert_allclose(depths["thin"], depths["thin.onnx"], atol=1e-4)


def test_a_folder_with_a_focal_length_whole_or_cropped(netadapt, weights, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("10.jpg", "9.jpg", ".hidden.jpg", "9.depth.png", "notes.txt"):
        Image.new("RGB", (64, 48), (90, 90, 90)).save(folder / name, format="PNG")
    code, out, err = netadapt("predict", folder, "--model", weights, "--out", tmp_path / "both")
    assert code == 0, err
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == ["9.png", "10.png"]
    assert "2 pictures, " in err
    assert "frames a second" in err
    assert "NYU's focal length was assumed" in err
    depths = []
    for options in ((), ("--focal-px", 2 * 518.86 / 10), ("--crop",)):
        code, out, err = netadapt(
            "predict", folder / "9.jpg", "--model", weights, "--out", tmp_path, "--json", *options
        )
        assert code == 0, err
        written = json.loads(out)
        assert written[0]["network_frames_per_second"] > 0
        assert written[0]["focal_px"] == (options[1] if len(options) == 2 else None)
        depths.append(np.load(written[0]["metres"]))
        with Image.open(written[0]["millimetres"]) as image:
            assert (image.mode, image.size) == ("I;16", (64, 48))
            assert np.abs(np.asarray(image) / 1000 - depths[-1]).max() < 0.001
    whole, longer, cropped = depths
    assert (whole > 0).all()
    assert (cropped == 0).any()
    np.testing.assert_allclose(longer, 2 * whole, rtol=1e-5)
    (tmp_path / "empty").mkdir()
    code, _, err = netadapt("predict", tmp_path / "empty", "--model", weights)
    assert code == 2
    assert "no pictures in it" in one_line(err)


def test_a_photograph_lies_as_its_camera_was_held(netadapt, weights, tmp_path):
    orientation = Image.Exif()
    orientation[274] = 6  # stored lying on its side: a telephone held upright
    Image.new("RGB", (80, 60)).save(tmp_path / "room.jpg", exif=orientation)
    code, out, err = netadapt(
        "predict", tmp_path / "room.jpg", "--model", weights, "--out", tmp_path / "out", "--json"
    )
    assert code == 0, err
    assert np.load(json.loads(out)[0]["metres"]).shape == (80, 60)


@pytest.mark.parametrize(
    ("names", "file"), [(("1.png", "1.png"), "1.png"), (("1.png", "1.mm.png"), "1.mm.png")]
)
def test_two_photographs_for_one_file_are_refused(netadapt, weights, names, file, tmp_path):
    both = [tmp_path / folder / name for folder, name in zip("ab", names, strict=True)]
    for photograph in both:
        photograph.parent.mkdir()
        Image.new("RGB", (64, 48)).save(photograph)
    code, _, err = netadapt("predict", *both, "--model", weights, "--out", tmp_path / "out")
    assert code == 2
    assert f"would be written to {tmp_path / 'out' / file}" in one_line(err)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["room.png", "room.mm.png"])
def test_a_photograph_is_not_overwritten(netadapt, weights, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 48)).save("room.jpg")
    Image.new("RGB", (64, 48)).save(name)
    before = Path(name).read_bytes()
    photographs = [name] if name == "room.png" else ["room.jpg", name]
    code, _, err = netadapt("predict", *photographs, "--model", weights, "--out", ".")
    assert code == 2
    assert f"{name} would be overwritten" in one_line(err)
    assert Path(name).read_bytes() == before
    assert not Path("room.npy").exists()


def test_a_camera_needs_opencv(netadapt, weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, err = netadapt("predict", "--camera", 0, "--model", weights)
    assert code == 2
    assert "pip install 'netadapt[camera]'" in one_line(err)


def test_a_video_needs_opencv_before_anything_is_computed(netadapt, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "walk.mp4").write_bytes(b"video")
    code, _, err = netadapt("predict", tmp_path / "walk.mp4", "--model", "nowhere")
    assert code == 2
    assert "cv2 is not installed: this needs the 'camera' extra" in one_line(err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate", "{weights}", "--data", "{frames}", "--split", "best"), "no split 'best'"),
        (("evaluate", "{weights}", "--data", "{frames}", "--split", "val"), "split 'val'"),
        (("evaluate", "{weights}", "--data", "nowhere", "--split", "all"), "nowhere"),
        (("evaluate", "{weights}", "--data", "{frames}", "--worst-count", "0"), "worst-count"),
        (("evaluate", "missing.onnx", "--data", "{frames}"), "no file missing.onnx"),
        (("evaluate", "{text}.onnx", "--data", "{frames}"), "cannot load"),
        (("predict", "{text}.onnx", "--model", "{weights}"), "cannot be read as an image"),
        (("export", "nowhere", "--quiet"), "no model at nowhere"),
        (
            ("export", "{weights}", "--format", "docx"),
            "called 'docx'; choose one of onnx, tvm",
        ),
        (("export", "{weights}", "--format", "tvm", "-q"), "name it with --device"),
        (("export", "{weights}", "--device", "host", "-q"), "--device is for --format tvm"),
        (("export", "{weights}", "--unchecked", "-q"), "--unchecked is for --format tvm"),
        (
            ("export", "{weights}", "--format", "tvm", "-d", "host", "--dynamic-batch", "-q"),
            "--dynamic-batch is for --format onnx; leave it out for tvm",
        ),
        (
            ("export", "{weights}", "--format", "tvm", "--device", "host-ort", "-q"),
            "host-ort runs onnxruntime, not TVM",
        ),
    ],
)
def test_mistakes_take_one_line(
    netadapt, weights, frames, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.onnx").write_text("no network")
    named = {"weights": weights, "frames": frames, "text": tmp_path / "text"}
    code, _, err = netadapt(*(argument.format(**named) for argument in arguments))
    assert code == 2
    assert message in one_line(err)
