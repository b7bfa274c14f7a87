"""One small layer of every kind a table can hold, with odd widths and sizes among them."""

from __future__ import annotations

from netadapt.graph.layer_shape import LayerShape


def shape(
    op: str, ci: int, co: int, k: int = 1, s: int = 1, p: int = 0, *, d: int = 1, groups: int = 1,
    size: tuple[int, int] = (14, 14), activation: str = "none", output_padding: int = 0,
) -> LayerShape:  # fmt: skip
    return LayerShape(
        op, ci, co, (k, k), (s, s), (p, p), (d, d), groups, *size, activation,
        (output_padding, output_padding),
    )  # fmt: skip


EVERY_KIND = [
    shape("conv2d", 3, 16, 3, 2, 1, size=(33, 47), activation="relu6"),
    shape("conv2d", 16, 24, activation="relu"),
    shape("conv2d", 56, 88, size=(7, 7), activation="relu6"),
    shape("conv2d", 33, 37, size=(5, 9)),
    shape("conv2d", 24, 1, size=(28, 28), activation="relu"),
    shape("conv2d", 5, 2, size=(6, 6), activation="sigmoid"),
    shape("conv2d", 16, 20, 3, 1, 1, activation="silu"),
    shape("conv2d", 12, 16, 3, 2, 2, d=2, size=(15, 13), activation="hardswish"),
    shape("conv2d", 16, 32, 1, 2, size=(15, 15), activation="leaky_relu"),
    shape("conv2d", 32, 48, 3, 1, 1, groups=4),
    shape("conv2d", 8, 16, 3, 1, 1, groups=8, activation="elu"),
    shape("conv2d", 40, 40, 3, 1, 1, groups=40, size=(28, 28), activation="relu6"),
    shape("conv2d", 24, 24, 5, 1, 2, groups=24, size=(7, 7), activation="relu"),
    shape("conv2d", 72, 72, 5, 1, 2, groups=72, size=(56, 33), activation="relu"),
    shape("conv2d", 9, 9, 3, 2, 1, groups=9, size=(17, 16)),
    shape("conv2d", 16, 16, 3, 1, 2, d=2, groups=16, size=(11, 40), activation="tanh"),
    shape("conv_transpose2d", 16, 12, 5, 2, 2, output_padding=1, size=(7, 9), activation="relu"),
    shape("conv_transpose2d", 8, 24, 3, 1, 1, size=(6, 6)),
    shape("conv_transpose2d", 24, 24, 5, 2, 2, output_padding=1, groups=24, size=(7, 7)),
    shape("linear", 40, 24, size=(1, 1), activation="relu"),
    shape("linear", 17, 30, size=(6, 1), activation="gelu"),
    shape("upsample", 24, 24, 2, activation="nearest", size=(7, 5)),
    shape("upsample", 16, 16, 2, activation="bilinear", size=(7, 5)),
    shape("upsample_add", 40, 40, 2, activation="nearest", size=(7, 7)),
    shape("upsample_add", 12, 12, 2, activation="bilinear+relu", size=(4, 6)),
    LayerShape("resize", 8, 8, (13, 17), (1, 1), (0, 0), (1, 1), 1, 7, 9, "bilinear"),
    shape("add", 24, 24, activation="relu", size=(9, 5)),
    shape("mul", 10, 10, size=(3, 7)),
    shape("concat", 40, 40, size=(7, 7)),
    shape("pool", 24, 24, 2, 2, activation="max"),
    shape("pool", 20, 20, 3, 2, 1, activation="max", size=(15, 11)),
    shape("pool", 16, 16, 3, 1, 1, activation="avg", size=(9, 9)),
    shape("pool", 40, 40, 14, activation="avg"),
    shape("pixel_shuffle", 32, 8, 2, size=(5, 7)),
    shape("shuffle", 24, 24, groups=3, size=(5, 7)),
    shape("elementwise", 24, 24, activation="hardsigmoid", size=(9, 5)),
]
