"""FastDepth's transforms for whole batches, on whatever device the batch lies.

Both give exactly what the published per-image chain gives in distribution, in one gather a batch:
every output pixel shows one source pixel (the published chain is nearest throughout, for RGB as
for depth, so an invalid depth never mixes into a valid one). Reading and batching are left to
`loader`.

Source: dataloaders/nyu.py and dataloaders/transforms.py of FastDepth. Where the published chain
rounds to whole pixels after each of its four steps, this rounds once: the pixels shown lie at most
1.04 pixels (of the 250 rows) apart, 0.01 on average. In evaluation nothing is rounded but ties,
which Pillow breaks unevenly: 2 % of the pixels show their neighbour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from netadapt.depth.data.geometry import (
    CROP_HEIGHT,
    CROP_WIDTH,
    evaluation_indices,
    nearest,
    reduction,
    working_size,
)
from netadapt.depth.fastdepth.config import INPUT_SIZE
from netadapt.errors import DataError

Size = tuple[int, int]
"""Height and width in pixels."""

CUT_DEPTH_SIDE = 0.75
"""The longest side of a rectangle that shows depth, as a share of what lies beyond its corner."""

CUT_DEPTH_FAR_M = 10.0
"""NYU's farthest depth."""

LUMA = (0.299, 0.587, 0.114)
"""ITU-R 601, as Pillow's conversion to grey."""


@dataclass(frozen=True)
class AugmentationRange:
    """How far training images may be changed; as it stands, the published recipe's range."""

    max_scale: float = 1.5
    """They are enlarged up to this, and their depth divided by it."""
    max_angle_deg: float = 5.0
    """Rotated by up to this, either way."""
    jitter: float = 0.4
    """Brightness, contrast and saturation multiplied by 1 ± up to this."""
    tint: float = 0.0
    """Red, green and blue each multiplied by 1 ± up to this: the light of other lamps."""
    cut_depth: float = 0.0
    """The share of images of which a rectangle shows its depth in place of its colours."""


PUBLISHED_RANGE = AugmentationRange()
ONLY_MIRRORED = AugmentationRange(max_scale=1.0, max_angle_deg=0.0, jitter=0.0)


def for_evaluation(rgb: Tensor, depth: Tensor, size: Size = INPUT_SIZE) -> tuple[Tensor, Tensor]:
    """Resize to height 250, crop the central 228×304, resize to `size`.

    `rgb` uint8 [B, 3, H, W] and `depth` float [B, H, W] in metres, of any H×W; gives float32
    [B, 3, h, w] in [0, 1] and float32 [B, 1, h, w] in metres, 0 = invalid.
    """
    _check(rgb, depth)
    height, width = depth.shape[1:]
    working = working_size(height, width)
    colours = _sampled_for_evaluation(_reduced(rgb), working, size)
    metres = _sampled_for_evaluation(depth, working, size)
    return colours.float().div_(255.0), metres.float()[:, None]


def image_for_evaluation(rgb: Tensor, size: Size = INPUT_SIZE) -> Tensor:
    """`for_evaluation` for images that come without depth: uint8 [B, 3, H, W] → [B, 3, h, w]."""
    nothing = rgb.new_zeros(1, dtype=torch.float32).expand(rgb.shape[0], *rgb.shape[2:])
    return for_evaluation(rgb, nothing, size)[0]


def whole_image(rgb: Tensor, size: Size = INPUT_SIZE) -> Tensor:
    """Whole images at `size`, nothing cropped: uint8 [B, 3, H, W] → float32 [B, 3, h, w] in [0, 1].

    Nearest sampling as everywhere here, after a photograph is averaged down.
    """
    small = _reduced(rgb)
    rows = torch.from_numpy(nearest(size[0], small.shape[-2])).to(rgb.device)
    columns = torch.from_numpy(nearest(size[1], small.shape[-1])).to(rgb.device)
    return small.index_select(-2, rows).index_select(-1, columns).float().div_(255.0)


def for_training(
    rgb: Tensor,
    depth: Tensor,
    size: Size,
    generator: torch.Generator,
    limits: AugmentationRange = PUBLISHED_RANGE,
) -> tuple[Tensor, Tensor]:
    """Random scale, rotation, flip and colours for each image, then crop and resize to `size`.

    Shapes, types and units as in `for_evaluation`; depth is divided by its image's scale. All
    randomness is drawn from `generator`, which lies on the CPU, so that a seed means the same on
    every device.
    """
    _check(rgb, depth)
    return apply(Augmentation.draw(rgb.shape[0], generator, limits), rgb, depth, size)


@dataclass(frozen=True)
class Augmentation:
    """The random parameters of a batch, [B] each."""

    scale: Tensor
    """The image is enlarged by it and the depth divided."""
    angle: Tensor
    """Rotation in radians."""
    flip: Tensor
    """Whether left and right are swapped."""
    jitter: Tensor
    """[B, 3]: factors of brightness, contrast and saturation."""
    order: Tensor
    """[B, 3]: the order in which those three are applied."""
    tint: Tensor | None = None
    """[B, 3]: factors of red, green and blue; None = one."""
    cut: Tensor | None = None
    """[B, 4]: the rectangle that shows depth: top, bottom, left, right, as shares of the image."""

    @classmethod
    def draw(
        cls, batch: int, generator: torch.Generator, limits: AugmentationRange = PUBLISHED_RANGE
    ) -> Augmentation:
        """Parameters for `batch` images within `limits`, distributed as the published recipe's."""
        draws = torch.rand(batch, 9, generator=generator)
        tint = cut = None
        # Drawn only where they are asked for: the other parameters stay those of the seed.
        if limits.tint:
            tint = 1.0 + limits.tint * (2.0 * torch.rand(batch, 3, generator=generator) - 1.0)
        if limits.cut_depth:
            cut = _rectangles(torch.rand(batch, 5, generator=generator), limits.cut_depth)
        return cls(
            scale=1.0 + (limits.max_scale - 1.0) * draws[:, 0],
            angle=math.radians(limits.max_angle_deg) * (2.0 * draws[:, 1] - 1.0),
            flip=draws[:, 2] < 0.5,
            jitter=1.0 + limits.jitter * (2.0 * draws[:, 3:6] - 1.0),
            order=draws[:, 6:9].argsort(dim=1),
            tint=tint,
            cut=cut,
        )

    def to(self, device: torch.device) -> Augmentation:
        """The same parameters on `device`."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return Augmentation(**{name: value.to(device) for name, value in given.items()})


def apply(
    augmentation: Augmentation, rgb: Tensor, depth: Tensor, size: Size
) -> tuple[Tensor, Tensor]:
    """The training transform with these parameters; pixels outside the image become 0, invalid."""
    jittered = bool((augmentation.jitter != 1).any())
    augmentation = augmentation.to(rgb.device)
    height, width = depth.shape[1:]
    rows, columns, inside = _source_positions(augmentation, working_size(height, width), size)
    colours = _gathered(_reduced(rgb), rows, columns, inside, (height, width))
    metres = _gathered(depth[:, None], rows, columns, inside, (height, width))
    scale = augmentation.scale[:, None, None, None]
    images, metres = colours.float().div_(255.0), metres.float() / scale
    if jittered:
        images = _jittered(images, augmentation)
    if augmentation.tint is not None:
        images = images.mul_(augmentation.tint[:, :, None, None]).clamp_(0.0, 1.0)
    if augmentation.cut is not None:
        images = _cut_depth(images, metres, augmentation.cut)
    return images, metres


def _source_positions(
    augmentation: Augmentation, working: Size, size: Size
) -> tuple[Tensor, Tensor, Tensor]:
    """Where each output pixel comes from in the working-size image: rows, columns, inside.

    Each [B, h, w]. Walks the published chain backwards: resize, flip, crop, scale, rotation about
    the centre.
    """
    scale, flip = augmentation.scale[:, None, None], augmentation.flip[:, None, None]
    y = _centres(size[0], CROP_HEIGHT, scale.device)[None, :, None]
    x = _centres(size[1], CROP_WIDTH, scale.device)[None, None, :]
    x = torch.where(flip, CROP_WIDTH - x, x)
    y = _before_crop_and_scale(y, working[0], CROP_HEIGHT, scale) - working[0] / 2
    x = _before_crop_and_scale(x, working[1], CROP_WIDTH, scale) - working[1] / 2
    cosine = augmentation.angle.cos()[:, None, None]
    sine = augmentation.angle.sin()[:, None, None]
    rows = (cosine * y + sine * x + working[0] / 2).floor_().long()
    columns = (cosine * x - sine * y + working[1] / 2).floor_().long()
    inside = (rows >= 0) & (rows < working[0]) & (columns >= 0) & (columns < working[1])
    return rows.clamp_(0, working[0] - 1), columns.clamp_(0, working[1] - 1), inside


def _centres(size: int, crop: int, device: torch.device) -> Tensor:
    """Where the centres of `size` output pixels lie in a crop of `crop` pixels."""
    return (torch.arange(size, device=device) + 0.5) * (crop / size)


def _before_crop_and_scale(position: Tensor, length: int, crop: int, scale: Tensor) -> Tensor:
    scaled = (length * scale).floor()
    return (position + ((scaled - crop) / 2).round()) * (length / scaled)


def _gathered(
    values: Tensor, rows: Tensor, columns: Tensor, inside: Tensor, original: Size
) -> Tensor:
    """`values` [B, C, H, W] at working-size positions [B, h, w] → [B, C, h, w], 0 outside."""
    working = working_size(*original)
    height, width = values.shape[2:]
    row_table = torch.from_numpy(nearest(working[0], height)).to(values.device)
    column_table = torch.from_numpy(nearest(working[1], width)).to(values.device)
    flat = (row_table[rows] * width + column_table[columns]).flatten(1)
    channels = values.shape[1]
    picked = values.flatten(2).gather(2, flat[:, None].expand(-1, channels, -1))
    return picked.view(-1, channels, *rows.shape[1:]) * inside[:, None]


def _jittered(rgb: Tensor, augmentation: Augmentation) -> Tensor:
    """Brightness, contrast and saturation in each image's own order, in place.

    As Pillow's ImageEnhance: each of the three draws the image towards another one (black, its
    mean grey, its grey self) or away from it, and clips to [0, 1]; only that other one differs.
    """
    luma = rgb.new_tensor([LUMA])
    order = augmentation.order
    factors = augmentation.jitter.gather(1, order)
    for step in range(3):
        factor = factors[:, step, None, None]
        kind = order[:, step, None, None]
        grey = luma @ rgb.flatten(2)
        mean = grey.mean(2, keepdim=True)
        other = torch.where(kind == 2, grey, torch.where(kind == 1, mean, 0.0)) * (1.0 - factor)
        rgb.mul_(factor[..., None]).add_(other.view(-1, 1, *rgb.shape[2:])).clamp_(0.0, 1.0)
    return rgb


def _rectangles(draws: Tensor, probability: float) -> Tensor:
    """Rectangles for a share of the images: draws [B, 5] in [0, 1] → [B, 4], zeros for the others.

    As CutDepth draws them (Ishii and Yamashita, arXiv 2107.07684): a corner anywhere, then up to
    `CUT_DEPTH_SIDE` of what lies beyond it.
    """
    top, left = draws[:, 1], draws[:, 2]
    bottom = top + (1.0 - top) * CUT_DEPTH_SIDE * draws[:, 3]
    right = left + (1.0 - left) * CUT_DEPTH_SIDE * draws[:, 4]
    shown = draws[:, :1] < probability
    return torch.where(shown, torch.stack([top, bottom, left, right], dim=1), 0.0)


def _cut_depth(images: Tensor, metres: Tensor, cut: Tensor) -> Tensor:
    """`images` [B, 3, h, w] with each rectangle of `cut` showing depth, 1 at `CUT_DEPTH_FAR_M`."""
    y, x = ((torch.arange(side, device=images.device) + 0.5) / side for side in images.shape[2:])
    top, bottom, left, right = cut[:, :, None].unbind(1)
    rows, columns = (y >= top) & (y < bottom), (x >= left) & (x < right)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(inside, (metres / CUT_DEPTH_FAR_M).clamp(0.0, 1.0), images)


def _reduced(rgb: Tensor) -> Tensor:
    """`rgb` averaged down when it is a photograph of many times NYU's size; else itself."""
    factor = reduction(*rgb.shape[2:])
    if factor == 1:
        return rgb
    return F.avg_pool2d(rgb.float(), factor).add_(0.5).to(torch.uint8)


def _sampled_for_evaluation(values: Tensor, working: Size, size: Size) -> Tensor:
    """`values` [..., H, W] through the evaluation transform, [..., h, w]."""
    height, width = values.shape[-2:]
    rows = evaluation_indices(size[0], CROP_HEIGHT, working[0], height)
    columns = evaluation_indices(size[1], CROP_WIDTH, working[1], width)
    device = values.device
    return values.index_select(-2, torch.from_numpy(rows).to(device)).index_select(
        -1, torch.from_numpy(columns).to(device)
    )


def _check(rgb: Tensor, depth: Tensor) -> None:
    if rgb.ndim != 4 or rgb.shape[1] != 3 or rgb.dtype != torch.uint8:
        raise DataError(f"rgb is {rgb.dtype} {tuple(rgb.shape)}, expected uint8 (B, 3, H, W)")
    if depth.shape != (rgb.shape[0], *rgb.shape[2:]):
        raise DataError(
            f"depth has shape {tuple(depth.shape)}, expected "
            f"{(rgb.shape[0], *rgb.shape[2:])} as rgb has"
        )
