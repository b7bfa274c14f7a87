"""Pictures of trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from netadapt.cli.app import app
from netadapt.errors import RunError
from netadapt.report.history_plot import draw_histories
from netadapt.training.training_folder import is_training

HEADER = "epoch,size,learning_rate,loss,delta1,rmse_m,absrel,images_per_second,seconds\n"


def training(folder: Path, rows: str) -> Path:
    folder.mkdir()
    (folder / "history.csv").write_text(HEADER + rows)
    return folder


def test_a_picture_of_a_training(tmp_path: Path) -> None:
    rows = "1,64x64,0.01,0.8,0.4,0.9,0.4,80,150\n2,224x224,0.001,0.7,0.5,0.8,0.3,15,900\n"
    folder = training(tmp_path / "train", rows)
    assert is_training(folder)
    done = CliRunner().invoke(app, ["report", str(folder)])
    assert done.exit_code == 0, done.output
    with Image.open(folder / "history.png") as picture:
        assert picture.size[0] > 1000
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_a_training_without_an_epoch(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no epoch yet"):
        draw_histories([training(tmp_path / "train", "")], tmp_path / "out.png")


def test_a_damaged_history_is_told(tmp_path: Path) -> None:
    folder = training(tmp_path / "train", "1,64x64,0.01,much,0.4,0.9,0.4,80,150\n")
    with pytest.raises(RunError, match=r"history\.csv is damaged"):
        draw_histories([folder], tmp_path / "out.png")
    (folder / "history.csv").write_text("epoch,delta1\n1,0.5\n")
    with pytest.raises(RunError, match=r"history\.csv is damaged"):
        draw_histories([folder], tmp_path / "out.png")
