"""The networks that have names: FastDepth, its published pruned form, and all variants.

`variant_config` turns a name into a config; `variant_names` lists what was published (FastDepth,
Wofk et al., ICRA 2019, and its repository's decoder list).
"""

from __future__ import annotations

import re
from dataclasses import replace

from netadapt.depth.fastdepth.config import ENCODERS, FastDepthConfig

_PRUNED_ENCODER = (16, 56, 88, 120, 144, 256, 408, 376, 272, 288, 296, 328, 480, 512)
_PRUNED_DECODER = (200, 256, 120, 56, 16, 1)

FASTDEPTH = FastDepthConfig()
FASTDEPTH_PRUNED = replace(
    FASTDEPTH,
    widths={f"conv{i}": width for i, width in enumerate(_PRUNED_ENCODER)}
    | {f"decode_conv{i}": width for i, width in enumerate(_PRUNED_DECODER, start=1)},
)
"""The widths NetAdapt gave the published network (0.37 GMACs)."""

NAMED = {"fastdepth": FASTDEPTH, "fastdepth-pruned": FASTDEPTH_PRUNED}


def variant_names() -> list[str]:
    """Every published combination as `encoder-decoder[-skipadd|-skipconcat]`."""
    decoders = [
        f"{family}{kernel}{depthwise}"
        for family, kernels in (
            ("nnconv", (5,)),
            ("blconv", (5,)),
            ("shuffle", (5,)),
            ("deconv", (3, 5, 7)),
        )
        for kernel in kernels
        for depthwise in ("", "dw")
    ] + ["upconv", "upproj"]
    names = [f"{encoder}-{decoder}" for encoder in ENCODERS for decoder in decoders]
    for decoder in ("nnconv5", "nnconv5dw"):
        names += [f"mobilenet-{decoder}-skipadd", f"mobilenet-{decoder}-skipconcat"]
        names += [f"resnet18-{decoder}-skipadd", f"resnet18-{decoder}-skipconcat"]
        names += [f"resnet50-{decoder}-skipconcat"]
    return names


def variant_config(name: str) -> FastDepthConfig | None:
    """The config of `fastdepth`, `fastdepth-pruned` or a variant; None for any other name."""
    if name in NAMED:
        return NAMED[name]
    match = re.fullmatch(r"([a-z0-9]+)-([a-z0-9]+?)(?:-skip(add|concat))?", name)
    if match is None or match[1] not in ENCODERS:
        return None
    return FastDepthConfig(encoder=match[1], decoder=match[2], skip=match[3] or "none")
