"""Batch norm that was folded away gets its statistics back, and the function stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.folded import import_folded
from netadapt.errors import DataError, InputError
from netadapt.networks import build
from netadapt.training.batch_norm_restoring import needs_batch_norm, restore_batch_norm
from tests.depth.fastdepth.folded_archive import small_archive


def test_restoring_sees_all_batches_as_one(tmp_path: Path) -> None:
    model, _ = import_folded(small_archive(tmp_path / "w.npz"))
    other, _ = import_folded(tmp_path / "w.npz")
    images = torch.rand(6, 3, 32, 32) * torch.tensor([1.0, 1, 1, 5, 5, 5])[:, None, None, None]
    assert restore_batch_norm(model, [images]) == 6
    assert restore_batch_norm(other, images.split([1, 3, 2])) == 6
    for key, value in model.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value, rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        conv = model.get_submodule("conv0.0")(images)
    variance, mean = torch.var_mean(conv, dim=(0, 2, 3), correction=0)
    torch.testing.assert_close(model.get_buffer("conv0.1.running_mean"), mean)
    torch.testing.assert_close(model.get_buffer("conv0.1.running_var"), variance)


class Untidy(nn.Module):
    """One batch norm used twice, one unused, one on vectors, and a channel that never varies."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.unused = nn.BatchNorm2d(7)
        self.vector = nn.BatchNorm1d(4, affine=True)
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            self.conv.weight[0] = 0  # a dead filter
            for norm in (self.norm, self.vector):
                norm.bias.uniform_(-1, 1)
                norm.weight.uniform_(0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.norm(self.conv(x)).relu())
        out: Tensor = self.head(self.vector(x.mean((2, 3))))
        return out


def test_restoring_keeps_the_function_of_any_network() -> None:
    torch.manual_seed(0)
    model = Untidy().train()
    images = torch.rand(32, 3, 12, 12)
    before = model.eval()(images)
    model.train()
    restore_batch_norm(model, images.split(8))
    assert model.training
    after = model.eval()(images)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert bool((model.unused.running_var == 1).all())
    loss = model.train()(images).square().mean()
    loss.backward()
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_fresh_and_trained_networks_need_no_statistics() -> None:
    model = build("fastdepth-pruned")
    assert not needs_batch_norm(model)
    assert not needs_batch_norm(nn.Conv2d(3, 4, 1))
    model.train()(torch.rand(2, 3, 64, 64))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.bias)
    assert not needs_batch_norm(model)
    assert needs_batch_norm(model, FastDepthConfig(batch_norm="folded"))


def test_restoring_without_usable_frames_is_refused() -> None:
    model = build("fastdepth-pruned")
    with pytest.raises(DataError, match="no frames"):
        restore_batch_norm(model, [])
    with pytest.raises(DataError, match="not finite"):
        restore_batch_norm(model, [torch.full((1, 3, 32, 32), float("nan"))])


class TwoImages(Untidy):
    def forward(self, x: Tensor, other: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x + other)


@pytest.mark.parametrize("by_name", [False, True])
def test_restoring_takes_several_inputs(by_name: bool) -> None:
    torch.manual_seed(0)
    model = TwoImages()
    one, other = torch.rand(2, 32, 3, 12, 12)
    batch = {"other": other, "x": one} if by_name else (one, other)
    before = model.eval()(one, other)
    assert restore_batch_norm(model, [batch]) == 32
    torch.testing.assert_close(model(one, other), before, rtol=1e-4, atol=1e-4)
    assert model.norm.running_mean.any()
    with pytest.raises(InputError, match="TwoImages, on a batch of the task, failed: TypeError"):
        restore_batch_norm(model, [one])
