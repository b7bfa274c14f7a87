"""Metrics against a plain numpy reading of their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netadapt.depth.training.losses import LOSSES
from netadapt.depth.training.metrics import DepthMetrics, depth_metrics


def pictures(seed: int, images: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.uniform(0.5, 10, (images, 1, 12, 16)).astype(np.float32)
    prediction = truth * random.uniform(0.7, 1.4, truth.shape).astype(np.float32)
    truth[random.random(truth.shape) < 0.3] = 0
    return prediction, truth


def lower_median(values):
    """The lower of the middle two, as torch takes it; numpy's median averages them."""
    return np.sort(values)[(len(values) - 1) // 2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_metrics_follow_their_definitions(seed):
    prediction, truth = pictures(seed)
    found = depth_metrics(torch.from_numpy(prediction), torch.from_numpy(truth))
    for image in range(len(truth)):
        valid = truth[image] > 0
        d, t = prediction[image][valid].astype(float), truth[image][valid].astype(float)
        ratio = np.maximum(d / t, t / d)
        aligned = d * lower_median(t) / lower_median(d)
        expected = {
            "delta1": (ratio < 1.25).mean(),
            "delta2": (ratio < 1.25**2).mean(),
            "rmse_m": np.sqrt(((d - t) ** 2).mean()),
            "absrel": (np.abs(d - t) / t).mean(),
            "log10": np.abs(np.log10(d) - np.log10(t)).mean(),
            "irmse_per_km": 1000 * np.sqrt(((1 / d - 1 / t) ** 2).mean()),
            "correlation": np.corrcoef(d, t)[0, 1],
            "sqrel_m": ((d - t) ** 2 / t).mean(),
            "rmse_log": np.sqrt((np.log(d / t) ** 2).mean()),
            "silog": np.log(d / t).std(),
        }
        for name, value in expected.items():
            assert float(found[name][image]) == pytest.approx(value, rel=1e-6), name
        aligned_rmse = np.sqrt(((aligned - t) ** 2).mean())
        assert float(found["aligned_rmse_m"][image]) == pytest.approx(aligned_rmse, rel=1e-6)


def test_an_image_without_valid_pixels_does_not_count():
    prediction, truth = pictures(1)
    truth[1] = 0
    metrics = DepthMetrics()
    metrics.update(torch.from_numpy(prediction), torch.from_numpy(truth))
    kept = depth_metrics(torch.from_numpy(prediction[[0, 2]]), torch.from_numpy(truth[[0, 2]]))
    assert metrics.summary()["delta1"] == pytest.approx(float(kept["delta1"].mean()))
    assert metrics.per_image(["a", "b", "c"]).loc["b"].isna().all()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_ignore_holes_and_fall_along_their_gradient(name):
    prediction, truth = (torch.from_numpy(part) for part in pictures(2))
    changed = torch.where(truth > 0, truth, torch.nan)
    guess = prediction.clone().requires_grad_(True)
    loss = LOSSES[name](guess, truth)
    assert LOSSES[name](prediction, changed).item() == pytest.approx(loss.item())
    loss.backward()
    assert guess.grad is not None
    assert torch.all(guess.grad[truth == 0] == 0)
    assert LOSSES[name](prediction - 1e-2 * guess.grad, truth) < loss
    assert LOSSES[name](truth, truth) < 1e-6


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_truth_has_no_loss(name):
    guess = torch.ones(1, 1, 8, 8, requires_grad=True)
    loss = LOSSES[name](guess, torch.zeros(1, 1, 8, 8))
    loss.backward()
    assert loss.item() == 0
    assert torch.all(guess.grad == 0)
