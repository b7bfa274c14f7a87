"""Weights with folded batch norm: imported, and checked against the authors' prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from netadapt.depth.fastdepth.folded import import_folded
from netadapt.errors import WeightsError
from netadapt.networks import named_config
from netadapt.training.batch_norm_restoring import needs_batch_norm, restore_batch_norm
from tests.depth.fastdepth.folded_archive import small_archive


@pytest.fixture(scope="session")
def published(shared_data: Path) -> Path:
    return next((shared_data / "fastdepth_pruned").glob("*.npz"))


@pytest.fixture(scope="session")
def sample(shared_data: Path) -> dict[str, np.ndarray]:
    folder = shared_data / "nyu_sample"
    return {name: np.load(folder / f"{name}.npy").squeeze() for name in ("rgb", "depth", "pred")}


def as_image(rgb: np.ndarray) -> Tensor:
    return torch.from_numpy(rgb).float().permute(2, 0, 1)[None]


def test_published_weights_reproduce_the_authors_prediction(
    published: Path, sample: dict[str, np.ndarray]
) -> None:
    model, config = import_folded(published)
    assert config == replace(named_config("fastdepth-pruned"), batch_norm="folded")
    with torch.no_grad():
        depth = model(as_image(sample["rgb"]))[0, 0].numpy()
    error = depth - sample["pred"]
    assert np.sqrt((error**2).mean()) <= 0.06
    assert np.corrcoef(depth.ravel(), sample["pred"].ravel())[0, 1] >= 0.998
    valid = sample["depth"] > 0
    ratio = np.maximum(depth / sample["depth"], sample["depth"] / depth)[valid]
    assert (ratio < 1.25).mean() >= 0.77


def test_published_weights_get_their_statistics_back(
    published: Path, sample: dict[str, np.ndarray]
) -> None:
    model, config = import_folded(published)
    assert needs_batch_norm(model)
    assert needs_batch_norm(model, config)
    image = as_image(sample["rgb"])
    with torch.no_grad():
        before = model(image)
        assert restore_batch_norm(model, [image, image.flip(3)]) == 2
        after = model(image)
        torch.testing.assert_close(after, before, rtol=0, atol=2e-5)
        # In training mode the function is nearly kept too, which folded weights lose.
        folded, _ = import_folded(published)
        batch = torch.cat((image, image.flip(3)))
        lost = (folded.train()(batch) - folded.eval()(batch)).abs().mean()
        kept = (model.train()(batch)[:1] - before).abs().mean()
    assert float(lost) > 0.5
    assert float(kept) < 1e-3
    assert not needs_batch_norm(model)


def test_folded_layers_compute_convolution_plus_bias(tmp_path: Path) -> None:
    file = small_archive(tmp_path / "w.npz")
    model, config = import_folded(file)
    arrays = np.load(file)
    image = torch.rand(1, 3, 32, 32)
    expected = torch.nn.functional.conv2d(
        image,
        torch.from_numpy(arrays["encoder.conv0.weight"]),
        torch.from_numpy(arrays["encoder.conv0.bias"]),
        stride=2,
        padding=1,
    ).clamp(0, 6)
    with torch.no_grad():
        torch.testing.assert_close(model.get_submodule("conv0")(image), expected)
    assert config.widths["conv9"] == 4


def test_archives_that_are_not_folded_fastdepth_name_their_keys(tmp_path: Path) -> None:
    file = small_archive(tmp_path / "w.npz", **{"encoder.conv3.dw.bias": None, "x": np.zeros(1)})
    with pytest.raises(WeightsError) as caught:
        import_folded(file)
    assert "encoder.conv3.dw.bias" in str(caught.value)
    assert "1 unexpected (x)" in str(caught.value)
    file = small_archive(tmp_path / "w.npz", **{"encoder.conv3.pw.weight": np.zeros((4, 9, 1, 1))})
    with pytest.raises(WeightsError, match=r"conv3\.3\.weight \(4×9×1×1, expected 4×4×1×1\)"):
        import_folded(file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(WeightsError, match="cannot read"):
        import_folded(file)


def test_arrays_that_are_pickled_objects_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.npz"
    np.savez(file, **{"encoder.conv0.weight": np.array([print], dtype=object)})
    with pytest.raises(WeightsError, match="cannot read"):
        import_folded(file)
