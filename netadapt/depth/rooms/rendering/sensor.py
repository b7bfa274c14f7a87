"""From the linear picture and the exact depth to what the cameras record.

The colour camera: exposure, white balance, vignetting, tone curve, blur and noise. The depth
camera: a structured-light sensor whose error grows with the square of the depth (Khoshelham and
Elberink, Sensors 2012), with quantised disparities, and holes where its projector doesn't reach or
its light doesn't come back.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import kernel
from netadapt.depth.rooms.rendering.noise import lattice, value_noise

FARTHEST_M = 10.0
NEAREST_M = 0.45
TONES = 4096
BASELINE_FOCAL = 580.0 * 0.075
"""Focal length (pixels at 640) times baseline (metres) of the Kinect's depth camera."""


def expose(image: NDArray[np.float32], rng: Random, noise_seed: int) -> NDArray[np.uint8]:
    """Linear RGB [H, W, 3] to displayed uint8 [3, H, W]."""
    height, width, _ = image.shape
    luminance = image @ np.array([0.25, 0.6, 0.15], dtype=np.float32)
    key = math.exp(float(np.mean(np.log(luminance + 0.01))))
    target = min(0.5, max(0.05, rng.lognormvariate(math.log(0.2), 0.6)))
    gain = target / max(key, 1e-3)
    mean = image.reshape(-1, 3).mean(0) + 1e-4
    grey = float(mean.mean())
    adapted = rng.uniform(0.3, 0.95)  # how far the camera corrects the light's colour
    balance = (grey / mean) ** adapted
    tint = np.array([rng.lognormvariate(0.0, 0.06) for _ in range(3)])
    saturation = min(1.8, max(0.35, rng.gauss(1.05, 0.3)))
    gamma = 1.0 / rng.uniform(1.9, 2.6)
    contrast = rng.uniform(0.0, 1.0)
    black = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.06)))
    vignette = rng.uniform(0.0, 0.45)
    scale = height / 480.0
    blur = rng.choice((0.0, 0.4, 0.7, rng.uniform(0.3, 1.6))) * scale
    smear = rng.uniform(1.0, 7.0) * scale if rng.random() < 0.12 else 0.0
    shot = rng.choice((0.002, 0.005, 0.01, rng.uniform(0.0, 0.03)))
    read = rng.uniform(0.0, 0.012)
    grain = rng.choice((1, 1, 2))
    out = np.empty((3, height, width), dtype=np.uint8)
    blurred = image if blur < 0.2 else smooth(image, blur, blur)
    if smear > 1.0:
        across = rng.random() < 0.7
        blurred = smooth(blurred, smear if across else 0.0, 0.0 if across else smear)
    v: NDArray[np.floating[Any]] = np.linspace(0.0, 2.0, TONES) ** 2  # finer where it is dark
    v = np.where(v > 0.7, 0.7 + 0.3 * (1.0 - np.exp(-(v - 0.7) / 0.3)), v) ** gamma  # a shoulder
    v += contrast * (v * v * (3.0 - 2.0 * v) - v)
    tones = (black + (1.0 - black) * v).astype(np.float32)
    develop(
        blurred,
        (balance * tint * gain).astype(np.float32),
        saturation,
        tones,
        vignette,
        shot,
        read,
        grain,
        noise_seed,
        out,
    )
    return out


def show(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Linear RGB [H, W, 3] to uint8 [3, H, W] by gamma alone, at an average brightness."""
    shown = np.clip(image * np.float32(0.2 / max(1e-3, float(image.mean()))), 0.0, 1.0) ** (1 / 2.2)
    return np.ascontiguousarray(np.moveaxis(255.0 * shown + 0.5, 2, 0).astype(np.uint8))


def smooth(image: NDArray[np.float32], sigma_x: float, sigma_y: float) -> NDArray[np.float32]:
    """Gaussian blur with the given widths in pixels."""
    for axis, sigma in ((1, sigma_x), (0, sigma_y)):
        if sigma < 0.15:
            continue
        radius = max(1, math.ceil(2.5 * sigma))
        offsets = np.arange(-radius, radius + 1)
        weights = np.exp(-0.5 * (offsets / sigma) ** 2).astype(np.float32)
        image = convolve(image, weights / weights.sum(), axis)
    return image


@kernel
def convolve(image: Any, weights: Any, axis: int) -> Any:
    """One-dimensional convolution of [H, W, 3] along an axis, edges repeated."""
    height, width, _ = image.shape
    radius = weights.shape[0] // 2
    length = 3 * width
    rows = image.reshape((height, length))
    out = np.zeros((height, length), dtype=np.float32)
    padded = np.empty(length + 6 * radius, dtype=np.float32)
    for y in range(height):
        if axis == 0:
            for k in range(-radius, radius + 1):
                weight = weights[k + radius]
                source = min(height - 1, max(0, y + k))
                for x in range(length):
                    out[y, x] += weight * rows[source, x]
            continue
        padded[3 * radius : 3 * radius + length] = rows[y]
        for k in range(radius):
            for c in range(3):
                padded[3 * k + c] = rows[y, c]
                padded[3 * (radius + width + k) + c] = rows[y, length - 3 + c]
        for k in range(2 * radius + 1):
            weight = weights[k]
            for x in range(length):
                out[y, x] += weight * padded[x + 3 * k]
    return out.reshape((height, width, 3))


@kernel
def bell(ix: int, iy: int, seed: int) -> float:
    """Nearly normal noise of unit width at a lattice point: the four bytes of a hash, summed."""
    h = int(lattice(ix, iy, seed) * 4294967296.0)
    total = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + ((h >> 24) & 255)
    return (total - 510.0) * (1.0 / 147.8)


@kernel
def develop(
    image: Any,
    gain: Any,
    saturation: float,
    tones: Any,
    vignette: float,
    shot: float,
    read: float,
    grain: int,
    seed: int,
    out: Any,
) -> None:
    """Gain, vignetting, saturation, the tone curve (over the square root of light), and noise."""
    height, width, _ = image.shape
    for y in range(height):
        dy = 2.0 * (y + 0.5) / height - 1.0
        for x in range(width):
            dx = 2.0 * (x + 0.5) / width - 1.0
            fall = 1.0 - vignette * 0.5 * (dx * dx + dy * dy)
            r = image[y, x, 0] * gain[0] * fall
            g = image[y, x, 1] * gain[1] * fall
            b = image[y, x, 2] * gain[2] * fall
            grey = 0.25 * r + 0.6 * g + 0.15 * b
            for c in range(3):
                v = r if c == 0 else (g if c == 1 else b)
                v = max(0.0, grey + saturation * (v - grey))
                v = tones[min(TONES - 1, int(math.sqrt(v) * (0.5 * (TONES - 1)) + 0.5))]
                wide = shot * math.sqrt(max(v, 0.02)) + read
                v += wide * bell(x // grain, y // grain, seed + 7 * c)
                out[c, y, x] = int(min(255.0, max(0.0, 255.0 * v + 0.5)))


@kernel
def record_depth(
    depth: Any,
    solid: Any,
    cosines: Any,
    holes_of: Any,
    seed: int,
    loss: float,
    noise: float,
    border: float,
    shadow_side: int,
) -> Any:
    """What the depth camera gives: float32 [H, W] metres, 0 = a hole.

    holes_of [N]: share of pixels lost on each solid; loss, noise: how bad this frame is (1 is
    typical); border: share of the width lost at the frame's edge.
    """
    height, width = depth.shape
    out = np.zeros((height, width), dtype=np.float32)
    pixel = 640.0 / width  # pixels of the real camera per pixel here
    edge_x = border * width
    edge_y = border * height
    reach = np.empty(width)
    for y in range(height):
        # the projector sees from the side: a point is in shadow where a nearer one's disparity
        # carries it past
        furthest = -1e30
        for s in range(width):
            x = s if shadow_side > 0 else width - 1 - s
            disparity = BASELINE_FOCAL / max(0.3, depth[y, x]) / pixel
            place = s + disparity
            reach[x] = 1.0 if place < furthest - 1.0 / pixel else 0.0
            furthest = max(furthest, place)
        for x in range(width):
            i = solid[y, x]
            z = depth[y, x]
            if i < 0 or z < NEAREST_M or z > FARTHEST_M or reach[x] > 0.5:
                continue
            wave = 0.4 * value_noise(x * pixel / 40.0, y * pixel / 40.0, seed + 3)
            if x < edge_x * (0.6 + wave) or x >= width - edge_x * (0.6 + wave):
                continue
            if y < edge_y * (0.6 + wave) or y >= height - edge_y * (0.6 + wave):
                continue
            cosine = cosines[y, x]
            blotch = 0.6 * value_noise(x * pixel / 26.0, y * pixel / 26.0, seed + i * 17)
            blotch += 0.4 * value_noise(x * pixel / 7.0, y * pixel / 7.0, seed + 5)
            lost = holes_of[i]
            if cosine < 0.2:
                lost += 3.0 * (0.2 - cosine) * (0.4 + z * 0.15)
            if z > 6.0:
                lost += 0.15 * (z - 6.0)
            if blotch < 0.12 + 0.7 * lost * loss and lost > 0.02:
                continue
            # contours wander by a pixel or so
            jx = x + math.floor(1.1 * bell(x, y, seed + 11) / pixel + 0.5)
            jy = y + math.floor(0.7 * bell(x, y, seed + 12) / pixel + 0.5)
            jx = min(width - 1, max(0, jx))
            jy = min(height - 1, max(0, jy))
            other = depth[jy, jx]
            if abs(other - z) > 0.04 * z:
                if lattice(x, y, seed + 13) < 0.35 * loss:
                    continue
                if NEAREST_M < other < FARTHEST_M:
                    z = other
            spread = noise * (0.0012 + 0.0019 * (z - 0.4) * (z - 0.4))
            slow = 2.0 * value_noise(x * pixel / 5.0, y * pixel / 5.0, seed + 21) - 1.0
            z += spread * (0.6 * bell(x, y, seed + 22) + 0.9 * slow)
            steps = math.floor(8.0 * BASELINE_FOCAL / z + 0.5)
            z = 8.0 * BASELINE_FOCAL / max(1.0, steps)
            if NEAREST_M <= z <= FARTHEST_M:
                out[y, x] = z
    return out
