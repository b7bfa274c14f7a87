"""The batched transforms against the published per-image chain, done step by step with Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import published_transform as published
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from netadapt.depth.data import transforms
from netadapt.depth.data.geometry import to_working, working_size
from netadapt.depth.data.transforms import ONLY_MIRRORED, Augmentation
from netadapt.errors import DataError

SIZE = (224, 224)


def scene(height: int = 480, width: int = 640) -> tuple[np.ndarray, np.ndarray]:
    """A picture with texture at many scales [H, W, 3], and depth with holes [H, W]."""
    rng = np.random.default_rng(3)
    picture = np.zeros((height, width, 3))
    for blur in (2, 8, 40):
        noise = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (blur, blur, 0))
        picture += noise / noise.std()
    rows, columns = np.mgrid[:height, :width]
    depth = (1.0 + 3.0 * rows / height + columns / width).astype(np.float32)
    depth[ndimage.gaussian_filter(rng.standard_normal((height, width)), 12) > 0.05] = 0.0
    return np.clip(120 + 40 * picture, 0, 255).astype(np.uint8), depth


PICTURE, DEPTH = scene()


def batch(picture: np.ndarray, depth: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(picture).permute(2, 0, 1)[None], torch.from_numpy(depth)[None]


def pixels(x: torch.Tensor) -> np.ndarray:
    """[3, h, w] in [0, 1] → [h, w, 3] in 0 to 255."""
    return x.permute(1, 2, 0).numpy() * 255.0


def augmentation(
    scale: float = 1.0,
    degrees: float = 0.0,
    flip: bool = False,
    factors: Sequence[float] = (1, 1, 1),
    order: Sequence[int] = (0, 1, 2),
) -> Augmentation:
    return Augmentation(
        torch.tensor([scale]),
        torch.tensor([math.radians(degrees)]),
        torch.tensor([flip]),
        torch.tensor([list(factors)], dtype=torch.float32),
        torch.tensor([list(order)]),
    )


@pytest.mark.parametrize("size", [(224, 224), (112, 144)])
def test_evaluation_is_the_published_one(size: tuple[int, int]) -> None:
    x, y = transforms.for_evaluation(*batch(PICTURE, DEPTH), size)
    expected_x = published.evaluation(PICTURE, size)
    expected_y = published.evaluation(DEPTH, size)
    assert x.shape == (1, 3, *size)
    assert y.shape == (1, 1, *size)
    # Pillow adds up its positions in floating point and lands on the other side of a few ties
    # (every 25th row of 480 → 250 is one): there the neighbouring pixel is shown.
    assert (np.rint(pixels(x[0])) != expected_x).mean() < 0.03
    assert (y[0, 0].numpy() != expected_y).mean() < 0.03
    np.testing.assert_allclose(pixels(x[0]).mean(), expected_x.mean(), atol=0.2)


def test_evaluation_sees_the_same_pixels_from_the_working_size() -> None:
    small, metres = to_working(PICTURE.transpose(2, 0, 1), DEPTH)
    assert metres.shape == (250, 333)
    x, y = transforms.for_evaluation(*batch(PICTURE, DEPTH))
    again_x, again_y = transforms.for_evaluation(
        torch.from_numpy(small)[None], torch.from_numpy(metres)[None]
    )
    assert torch.equal(x, again_x)
    assert torch.equal(y, again_y)


@pytest.mark.parametrize(
    ("scale", "degrees", "flip"),
    [(1, 0, False), (1.25, 0, True), (1, 5, False), (1.37, -4.1, True), (1.5, 2, False)],
)
def test_training_geometry_is_the_published_one(scale: float, degrees: float, flip: bool) -> None:
    """Where each output pixel comes from, seen by transforming an image of coordinates."""
    rgb = torch.zeros(1, 3, 480, 640, dtype=torch.uint8)
    for coordinates in np.mgrid[1:481, 1:641].astype(np.float32):
        _, y = transforms.apply(
            augmentation(scale, degrees, flip), rgb, torch.from_numpy(coordinates)[None], SIZE
        )
        ours = y[0, 0].numpy() * scale
        theirs = published.training_geometry(coordinates, scale, degrees, flip, SIZE)
        assert ((ours > 0) != (theirs > 0)).mean() < 0.01  # inside the image or not
        apart = ((ours - theirs) / 1.92)[(ours > 0) & (theirs > 0)]  # pixels at height 250
        assert abs(apart.mean()) < 0.05
        assert apart.std() < 0.7
        assert np.abs(apart).max() < 1.5


@pytest.mark.parametrize(("scale", "degrees", "flip"), [(1, 3, False), (1.4, -4, True)])
def test_training_shows_the_published_picture(scale: float, degrees: float, flip: bool) -> None:
    x, y = transforms.apply(augmentation(scale, degrees, flip), *batch(PICTURE, DEPTH), SIZE)
    expected = published.training_geometry(PICTURE, scale, degrees, flip, SIZE).astype(float)
    expected_depth = published.training_geometry(DEPTH, scale, degrees, flip, SIZE) / scale
    ours = pixels(x[0])
    np.testing.assert_allclose(ours.mean((0, 1)), expected.mean((0, 1)), atol=0.5)
    np.testing.assert_allclose(ours.std((0, 1)), expected.std((0, 1)), rtol=0.01)
    sharpness, expected_sharpness = (np.abs(np.diff(p, axis=1)).mean() for p in (ours, expected))
    np.testing.assert_allclose(sharpness, expected_sharpness, rtol=0.1)
    depth = y[0, 0].numpy()
    assert ((depth > 0) == (expected_depth > 0)).mean() > 0.98
    both = (depth > 0) & (expected_depth > 0)
    assert np.abs(depth - expected_depth)[both].max() < 0.06


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("factors", [(1.4, 0.6, 1.3), (0.7, 1.4, 0.6), (1.3, 1.4, 1.4)])
def test_jitter_is_pillows(factors: Sequence[float], order: Sequence[int]) -> None:
    plain, _ = transforms.apply(augmentation(), *batch(PICTURE, DEPTH), SIZE)
    x, _ = transforms.apply(
        augmentation(factors=factors, order=order), *batch(PICTURE, DEPTH), SIZE
    )
    expected = published.jitter(np.rint(pixels(plain[0])).astype(np.uint8), factors, order)
    difference = np.abs(pixels(x[0]) - expected)
    assert difference.mean() < 2.0  # Pillow truncates to whole numbers after each of three steps
    assert difference.max() < 5.0


def test_tint_multiplies_each_colour_within_the_range() -> None:
    rgb, depth = batch(PICTURE, DEPTH)
    rgb = rgb.clamp(20, 180).repeat(40, 1, 1, 1)
    limits = replace(ONLY_MIRRORED, tint=0.2)
    plain, tinted = (
        transforms.for_training(rgb, depth.repeat(40, 1, 1), SIZE, seeded(), range_)
        for range_ in (ONLY_MIRRORED, limits)
    )
    assert torch.equal(plain[1], tinted[1])
    factors = (tinted[0] / plain[0].clamp(min=1e-3))[:, :, 60:160, 60:160]
    assert factors.std((2, 3)).max() < 1e-5  # one for all pixels of a colour
    each = factors.mean((2, 3))
    assert 0.8 <= each.min() < 0.82 < 1.18 < each.max() <= 1.2


def test_cut_depth_shows_depth_in_one_rectangle_of_its_share_of_images() -> None:
    rgb, depth = batch(PICTURE, DEPTH)
    count = 120
    limits = replace(ONLY_MIRRORED, cut_depth=0.75)
    many = rgb.repeat(count, 1, 1, 1), depth.repeat(count, 1, 1)
    x, y = transforms.for_training(*many, SIZE, seeded(), limits)
    plain, same = transforms.for_training(*many, SIZE, seeded(), ONLY_MIRRORED)
    assert torch.equal(y, same)
    changed = (x != plain).any(1)
    assert 0.6 < changed.flatten(1).any(1).float().mean() < 0.9
    for image, metres, pixels_changed in zip(x, y, changed, strict=True):
        rows, columns = pixels_changed.any(1).nonzero(), pixels_changed.any(0).nonzero()
        if not len(rows):
            continue
        inside = np.s_[..., rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        shown = (metres[inside] / 10.0).expand(3, -1, -1)
        assert torch.equal(image[inside], shown)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_each_image_of_a_batch_gets_its_own_parameters() -> None:
    both = Augmentation(
        *(
            torch.cat([getattr(first, name), getattr(second, name)])
            for first, second in [
                (augmentation(1.3, 3, True, (1.2, 0.8, 1.1), (2, 0, 1)), augmentation(1.1, -2))
            ]
            for name in ("scale", "angle", "flip", "jitter", "order")
        )
    )
    rgb, depth = batch(PICTURE, DEPTH)
    x, y = transforms.apply(both, rgb.repeat(2, 1, 1, 1), depth.repeat(2, 1, 1), SIZE)
    alone = augmentation(1.3, 3, True, (1.2, 0.8, 1.1), (2, 0, 1))
    alone_x, alone_y = transforms.apply(alone, rgb, depth, SIZE)
    torch.testing.assert_close(x[:1], alone_x, atol=1e-5, rtol=0)
    torch.testing.assert_close(y[:1], alone_y)
    assert not torch.allclose(x[1], x[0])


def test_random_training_batches_are_distributed_as_published() -> None:
    count = 192
    rgb, depth = batch(PICTURE, DEPTH)
    generator = torch.Generator().manual_seed(5)
    x, y = transforms.for_training(
        rgb.expand(count, -1, -1, -1), depth.expand(count, -1, -1), (56, 56), generator
    )
    rng = np.random.default_rng(6)
    pictures, depths = [], []
    for _ in range(count):
        scale, degrees, flip = rng.uniform(1, 1.5), rng.uniform(-5, 5), bool(rng.random() < 0.5)
        picture = published.training_geometry(PICTURE, scale, degrees, flip, (56, 56))
        pictures.append(published.jitter(picture, rng.uniform(0.6, 1.4, 3), rng.permutation(3)))
        depths.append(published.training_geometry(DEPTH, scale, degrees, flip, (56, 56)) / scale)
    ours = x.permute(0, 2, 3, 1).numpy() * 255.0
    theirs = np.stack(pictures).astype(float)
    # Means of images spread by 27 (brightness ±0.4): 192 of each tell them apart above ~8.
    assert abs(ours.mean() - theirs.mean()) < 9.0
    np.testing.assert_allclose(ours.mean((1, 2, 3)).std(), theirs.mean((1, 2, 3)).std(), rtol=0.25)
    np.testing.assert_allclose(ours.std((1, 2)).mean(), theirs.std((1, 2)).mean(), rtol=0.1)
    our_means = np.array([image[image > 0].mean() for image in y[:, 0].numpy()])
    their_means = np.array([image[image > 0].mean() for image in depths])
    np.testing.assert_allclose(our_means.mean(), their_means.mean(), rtol=0.03)
    np.testing.assert_allclose(our_means.std(), their_means.std(), rtol=0.25)
    valid, their_valid = (y > 0).float().mean().item(), np.mean([d > 0 for d in depths])
    assert abs(valid - their_valid) < 0.02


def test_drawn_parameters_fill_their_ranges() -> None:
    drawn = Augmentation.draw(4000, torch.Generator().manual_seed(0))
    for values, low, high in [
        (drawn.scale, 1.0, 1.5),
        (drawn.angle, -math.radians(5), math.radians(5)),
        (drawn.jitter, 0.6, 1.4),
    ]:
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
        assert abs(values.mean().item() - (low + high) / 2) < 0.02 * (high - low)
    assert 0.46 < drawn.flip.float().mean() < 0.54
    orders, counts = drawn.order.unique(dim=0, return_counts=True)
    assert len(orders) == 6
    assert counts.min() > 4000 / 6 * 0.8


def test_a_range_of_nothing_leaves_only_the_flip() -> None:
    """The pixels are evaluation's; only ties are rounded to the other neighbour."""
    seen, _ = transforms.for_evaluation(*batch(PICTURE, DEPTH), SIZE)
    flips = set()
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        images, _ = transforms.for_training(*batch(PICTURE, DEPTH), SIZE, generator, ONLY_MIRRORED)
        same = [(images == seen).float().mean(), (images.flip(-1) == seen).float().mean()]
        assert max(same) > 0.97
        flips.add(bool(same[0] > same[1]))
    assert len(flips) == 2


def test_a_seed_gives_the_same_batch() -> None:
    first, second = (
        transforms.for_training(*batch(PICTURE, DEPTH), SIZE, torch.Generator().manual_seed(9))
        for _ in range(2)
    )
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@settings(max_examples=25, deadline=None)
@given(height=st.integers(20, 1200), width=st.integers(20, 1200), seed=st.integers(0, 99))
def test_any_size_keeps_its_aspect_and_its_depths(height: int, width: int, seed: int) -> None:
    rows, columns = working_size(height, width)
    assert rows >= 250
    assert columns >= 333
    assert rows == 250 or columns == 333
    if min(height, width) >= 200:
        assert rows / columns == pytest.approx(height / width, rel=0.02)
    rgb = torch.full((1, 3, height, width), 200, dtype=torch.uint8)
    depth = torch.zeros(1, height, width)
    depth[:, :, width // 2 :] = 3.0
    x, y = transforms.for_evaluation(rgb, depth, (32, 48))
    assert x.unique().tolist() == pytest.approx([200 / 255])
    assert set(y.unique().tolist()) == {0.0, 3.0}  # never a mixture of valid and invalid
    drawn = Augmentation.draw(1, torch.Generator().manual_seed(seed))
    _, y = transforms.apply(drawn, rgb, depth, (32, 48))
    torch.testing.assert_close(y.max(), 3.0 / drawn.scale[0])
    assert len(y.unique()) == 2


def test_photographs_are_averaged_down_before_they_are_sampled() -> None:
    """Fine stripes come out grey, not as black and white speckle."""
    rgb = torch.zeros(1, 3, 1920, 2560, dtype=torch.uint8)
    rgb[..., ::2] = 200
    x, y = transforms.for_evaluation(rgb, torch.ones(1, 1920, 2560))
    assert x.sub(100 / 255).abs().max() < 0.01
    assert y.min() == 1.0
    small, _ = to_working(rgb[0].numpy(), np.ones((1920, 2560), np.float32))
    assert small.shape == (3, 250, 333)
    assert np.abs(small.astype(int) - 100).max() <= 1


def test_an_image_without_depth_is_transformed_alike() -> None:
    rgb, depth = batch(PICTURE, DEPTH)
    assert torch.equal(
        transforms.image_for_evaluation(rgb), transforms.for_evaluation(rgb, depth)[0]
    )


def test_wrong_shapes_are_named() -> None:
    rgb, depth = batch(PICTURE, DEPTH)
    with pytest.raises(DataError, match="expected uint8"):
        transforms.for_evaluation(rgb.float(), depth)
    with pytest.raises(DataError, match=r"depth has shape \(1, 479, 640\)"):
        transforms.for_evaluation(rgb, depth[:, 1:])
