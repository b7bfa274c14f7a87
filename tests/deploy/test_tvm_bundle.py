"""TVM bundles: what they hold, and that their run.py does what it says without netadapt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netadapt.deploy.tvm_bundle import export_bundle
from netadapt.errors import DeviceError, ModelError, OutputError
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.runtimes.tvm.runtime import TvmRuntime
from netadapt.networks import load_model, save_model
from netadapt.networks.config import FactoryConfig

pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")

SIZE = (1, 3, 8, 12)
AARCH64 = 183
"""The machine's number in an ELF header."""


class Summed(nn.Module):
    """A batch norm to fold, a skip, and an input beside the image."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, image: Tensor, other: Tensor) -> Tensor:
        return self.last(self.first(image) + self.second(other)).relu()


def summed() -> nn.Module:
    return Summed()


class Largest(nn.Module):
    """Torch exports it, and no kernel is known for it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.topk(4, dim=1).values


class Sorting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.head = nn.Sequential(Largest())

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.conv(image))


class TwoHeads(Sorting):
    def forward(self, image: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {"near": self.conv(image).relu(), "far": self.conv(image)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "summed"
    network = Summed()
    network.last.bias.data.fill_(1.0)
    for _ in range(3):
        network(torch.rand(4, *SIZE[1:]), torch.rand(4, *SIZE[1:]))
    config = FactoryConfig("test_tvm_bundle:summed", input_shapes=(SIZE, SIZE))
    save_model(folder, network.eval(), config)
    return folder


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for this machine, checked."""
    folder = tmp_path_factory.mktemp("bundles") / "here"
    bundle = export_bundle(str(model), load_profile("host", environment={}), folder)
    assert bundle.difference is not None
    assert bundle.difference < 1e-5
    assert bundle.input_shapes == (SIZE, SIZE)
    return folder


@pytest.fixture
def bundle(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, as on another machine."""
    return Path(shutil.copytree(exported, tmp_path / "copied"))


def run(bundle: Path, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """The bundle's script, from a folder where there is no netadapt."""
    return subprocess.run(
        [sys.executable, "-P", str(bundle / "run.py"), *map(str, arguments)]
        if sys.version_info >= (3, 11)
        else [sys.executable, str(bundle / "run.py"), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_checks_and_times_itself(bundle: Path, tmp_path: Path) -> None:
    ended = run(bundle, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    compared, timed = ended.stdout.splitlines()
    assert compared.startswith("differs from torch by at most")
    assert "ms in the median of 50 runs, 1 thread(s)" in timed

    with np.load(bundle / "check.npz") as held:
        arrays = {name: held[name] for name in held}
    arrays["expected"][0, 0, 3, 4] += 0.1
    np.savez(bundle / "check.npz", **arrays)
    ended = run(bundle, folder=tmp_path)
    assert ended.returncode == 1
    assert "this is wrong" in ended.stderr


def test_a_program_of_ones_own_calls_it(bundle: Path, model: Path, tmp_path: Path) -> None:
    inputs = [torch.rand(SIZE) for _ in range(2)]
    np.savez(tmp_path / "inputs.npz", *(x.numpy() for x in inputs))
    (bundle / "mine.py").write_text(
        "import sys, numpy\n"
        "from run import Network\n"
        "held = numpy.load('inputs.npz')\n"
        "numpy.save('out.npy', Network()(held['arr_0'], held['arr_1']))\n"
    )
    subprocess.run([sys.executable, str(bundle / "mine.py")], cwd=tmp_path, check=True)
    with torch.no_grad():
        expected = load_model(model)(*inputs).numpy()
    assert expected.max() > 0.1
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-5)


def test_a_wrong_input_is_told(bundle: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", np.zeros((3, 8, 12), np.float32))
    ended = run(bundle, "small.npy", "out.npy", folder=tmp_path)
    assert ended.returncode == 2
    assert "expected [(1, 3, 8, 12), (1, 3, 8, 12)]" in ended.stderr
    assert not (tmp_path / "out.npy").exists()


def test_it_says_what_it_is_for(exported: Path) -> None:
    about = json.loads((exported / "bundle.json").read_text())
    assert about["network"] == "summed"
    assert about["device"] == "host"
    assert about["inputs"] == [list(SIZE)] * 2
    assert about["output"] == [1, 1, 8, 12]
    assert about["schedule"].startswith("netadapt-cpu-")
    assert sorted(file.name for file in exported.iterdir()) == [
        "bundle.json", "check.npz", "network.so", "run.py",
    ]  # fmt: skip


def test_only_a_bundle_is_replaced(model: Path, bundle: Path, tmp_path: Path) -> None:
    host = load_profile("host", environment={})
    (bundle / "bundle.json").write_text("an older one")
    (bundle / "notes.txt").write_text("of an older one")
    export_bundle(str(model), host, bundle, checked=False)
    about = json.loads((bundle / "bundle.json").read_text())
    assert about["difference"] is None
    assert not (bundle / "notes.txt").exists()

    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("the only copy")
    with pytest.raises(OutputError, match="choose another --out"):
        export_bundle(str(model), host, other, checked=False)
    assert [file.name for file in other.iterdir()] == ["thesis.txt"]
    assert {folder.name for folder in tmp_path.iterdir()} == {"copied", "other"}


def test_a_board_that_is_away(model: Path, tmp_path: Path) -> None:
    board = DeviceProfile(
        name="board",
        runtime="tvm",
        target={"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57"},
        tracker="127.0.0.1:9",
        key="board",
        cross_compiler="aarch64-linux-gnu-g++",
    )
    out = tmp_path / "bundle"
    with pytest.raises(DeviceError, match=r"no tracker answers .* --unchecked"):
        export_bundle(str(model), board, out)
    assert not list(tmp_path.iterdir())
    if shutil.which(board.cross_compiler) is None:
        pytest.skip("no cross compiler: apt install g++-aarch64-linux-gnu")
    assert export_bundle(str(model), board, out, checked=False).difference is None
    header = (out / "network.so").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == AARCH64


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Sorting, "TopK .* of the layer head.0 "),
        (TwoHeads, "gives 2 tensors .*, and a bundle has one"),
    ],
)
def test_what_no_kernel_is_for_is_told_before_it_is_compiled(
    network: type[nn.Module], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    factory = f"test_tvm_bundle:{network.__name__}"
    save_model(folder, network(), FactoryConfig(factory, input_shapes=(SIZE,)))
    monkeypatch.setattr(TvmRuntime, "compile_network", None)
    with pytest.raises(ModelError, match=said):
        export_bundle(str(folder), load_profile("host", environment={}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
