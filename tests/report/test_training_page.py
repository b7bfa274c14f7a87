"""The page of trainings."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from netadapt.errors import RunError
from netadapt.report.training_page import write_training_page

HEADER = "epoch,size,learning_rate,loss,delta1,rmse_m,images_per_second,seconds\n"


def training(folder: Path, rows: str, header: str = HEADER) -> Path:
    folder.mkdir()
    (folder / "history.csv").write_text(header + rows)
    return folder


def test_curves_samples_and_the_best_epoch(tmp_path: Path) -> None:
    rows = "1,64x64,0.01,0.8,0.4,0.9,80,150\n2,64x64,0.01,0.7,0.6,0.8,80,150\n"
    first = training(tmp_path / "a", rows + "3,224x224,0.001,0.6,0.5,0.7,15,900\n")
    (first / "training.json").write_text('{"recipe": {"loss": "l1"}}')
    (first / "samples").mkdir()
    for epoch in range(1, 4):
        Image.new("RGB", (8, 8)).save(first / "samples" / f"epoch_{epoch:03d}.png")
    second = training(tmp_path / "b", rows)
    write_training_page([first, second], tmp_path / "out.html", {"delta1": "Share near."})
    page = (tmp_path / "out.html").read_text()
    assert page.count("data:image/png;base64,") == 2  # after the first epoch, and the last one
    assert "<title>b: epoch 2, delta1 0.6000</title>" in page
    assert ">224x224</text>" in page  # where the size changed
    assert '<tr class="final"><td>2</td>' in page
    assert "<td>recipe.loss</td>" in page
    assert "Share near. Mean over the holdout. It is the one that is kept high." in page
    assert "a</li>" in page


def test_trainings_of_different_tasks_are_no_page(tmp_path: Path) -> None:
    first = training(tmp_path / "a", "1,64x64,0.01,0.8,0.4,0.9,80,150\n")
    other = training(tmp_path / "b", "1,0.01,0.8,0.9,80,150\n", HEADER.replace("size,", "")
                     .replace("delta1,rmse_m", "accuracy"))  # fmt: skip
    with pytest.raises(RunError, match="draw trainings of one task together"):
        write_training_page([first, other], tmp_path / "out.html")
