"""Every block of Python and TOML on the pages runs as it stands, after what stands above it.

What a page takes for granted (`model`, `train_loader`, a run on disk) is laid out first. A block
that isn't run says so, in a comment above it: <!-- not run: an excerpt -->.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import desk
import numpy as np
import pytest
import torch
from doc_pages import GUIDES, ROOT, Block, blocks_of
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from netadapt.networks import save_model
from tests.cli.command import call

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Names = dict[str, Any]

SLOW = {"README.md", "deploy.md", "search.md", "your-own-network.md", "your-own-task.md"}
"""Pages that trace a FastDepth, export one, or prune and train."""

FIRST = "from netadapt import FineTuning, fine_tune"


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.language == "python" and not block.mark]


PAGES = [page for page in GUIDES if python_blocks(page)]


@pytest.fixture(autouse=True)
def _at_the_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of a reader's own, whose modules aren't those of another test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("my_nets", "network"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] if page.name in SLOW else [], id=page.name)
        for page in PAGES
    ],
)
def test_python_runs(page: Path, tmp_path: Path) -> None:
    names: Names = {"__name__": "__main__"}
    for block in python_blocks(page):
        for begins, prepare in PREPARED.get(page.name, {}).items():
            if block.text.startswith(begins):
                prepare(tmp_path, names)
        code = compile("\n" * block.line + block.text, str(page), "exec")
        exec(code, names)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_toml_is_toml(page: Path, tmp_path: Path) -> None:
    """And what is a device's profile is one."""
    import netadapt

    for block in blocks_of(page):
        if block.language == "toml" and not block.mark:
            said = tomllib.loads(block.text)
            if "runtime" in said:
                file = tmp_path / "devices" / f"of-{page.stem}.toml"
                file.parent.mkdir(exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
                assert netadapt.load_profile(file.stem).runtime == said["runtime"]


def test_marks_say_why() -> None:
    marks = {block.mark for page in GUIDES for block in blocks_of(page) if block.mark}
    assert marks == {"an excerpt"}


def a_run(folder: Path, names: Names) -> None:
    desk.lay_run(folder)


def a_search(folder: Path, names: Names) -> None:
    """A network, what it takes, and its task."""
    from netadapt.depth.data.array_source import ArraySource
    from netadapt.depth.training.depth_task import DepthTask

    random = np.random.default_rng(0)
    frames = ArraySource(
        random.integers(0, 255, (4, 3, 80, 100), dtype=np.uint8),
        random.uniform(1, 5, (4, 80, 100)).astype(np.float32),
    )
    names["model"] = desk.thin()[0]
    names["example_input"] = torch.zeros(1, 3, *desk.SIZE)
    names["task"] = DepthTask(frames, frames, desk.SIZE)


def an_onnx_file(folder: Path, names: Names) -> None:
    export(folder, "--out", "fastdepth.onnx")


def export(folder: Path, *options: str) -> None:
    """Export a thin FastDepth as a reader would."""
    network, config = desk.thin()
    save_model(folder / "thin", network, config)
    assert call("export", folder / "thin", *options, "--quiet") == 0


def a_pytorch_folder(folder: Path, names: Names) -> None:
    export(folder, "--format", "pytorch", "--out", "exported")
    for file in (folder / "exported").iterdir():
        shutil.move(file, folder / file.name)


def loaders(folder: Path, names: Names) -> None:
    data = TensorDataset(torch.rand(40, 1, 28, 28), torch.randint(10, (40,)))
    names["train_loader"] = names["val_loader"] = names["test_loader"] = DataLoader(data, 8)


class Lightning(nn.Module):
    """What a LightningModule has: steps that call the network, and `log`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(1, 16, 1), nn.ReLU(), nn.Conv2d(16, 10, 1))

    def log(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("no trainer is attached")

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = self._loss(batch)
        self.log("val_loss", loss)
        self.log("val_acc", -loss)

    def _loss(self, batch: Any) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images).mean((2, 3)), labels)


def a_lightning_module(folder: Path, names: Names) -> None:
    names["module"] = Lightning()
    names["example"] = torch.zeros(1, 1, 28, 28)


def my_nets(folder: Path, names: Names) -> None:
    (folder / "my_nets.py").write_text(desk.my_nets(), encoding="utf-8")


def my_task(folder: Path, names: Names) -> None:
    """The page's own task again, and a table of this machine."""
    desk.lay_table(folder)
    names["task"] = importlib.import_module("my_nets").task


PREPARED: dict[str, dict[str, Callable[[Path, Names], None]]] = {
    "README.md": {"import torch": my_nets, "with netadapt.search": a_search},
    "deploy.md": {"import onnxruntime": an_onnx_file, "from network": a_pytorch_folder},
    "files.md": {"import pandas": a_run},
    "five-minutes.md": {"import pandas": a_run},
    "search.md": {"import netadapt\nfrom": a_search},
    "your-own-network.md": {
        "import torch": my_nets,
        "from netadapt.training.loader_task": loaders,
        "from netadapt.training.lightning_task": a_lightning_module,
        FIRST: my_task,
    },
}
"""What a page takes for granted, by page and by how the block begins that needs it."""


def test_what_is_prepared_is_needed() -> None:
    pages = {page.name: page for page in PAGES}
    for name, blocks in PREPARED.items():
        texts = [block.text for block in python_blocks(pages[name])]
        assert not [begins for begins in blocks if not any(t.startswith(begins) for t in texts)]
    assert (ROOT / "docs" / "your-own-network.md") in PAGES
