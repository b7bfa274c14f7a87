"""FastDepth and its variants as a config: which encoder, decoder and skips, at which widths.

Names of variants are `variants.py`'s; reading checks every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from netadapt.depth.fastdepth import mobilenet, resnet
from netadapt.depth.fastdepth.layer_widths import full_widths, width_sources, widths_shown
from netadapt.depth.fastdepth.standalone_code import standalone_code
from netadapt.errors import ModelError
from netadapt.networks.config import BATCH_NORMS, Shapes
from netadapt.networks.config_fields import (
    refuse_unknown,
    require_inputs_fit,
    sizes,
    text_field,
    widths_field,
)

ENCODERS = ("mobilenet", "resnet18", "resnet50")
SKIPS = ("none", "add", "concat")
INPUT_SIZE = (224, 224)
"""Height and width in pixels that FastDepth was published with; the default wherever one is."""

STRIDE = 32
"""The encoders halve the image five times."""

_FIELDS = {"network", "encoder", "decoder", "skip", "widths", "input_size", "batch_norm"}


@dataclass(frozen=True)
class FastDepthConfig:
    """One of FastDepth's published variants, at any widths.

    `widths` gives output channels by layer name; a layer it leaves out has its published full
    width. `input_size` is height and width in pixels. `batch_norm` is 'trained', 'folded' (batch
    norm is an identity plus bias; it must get statistics before training) or 'restored'.
    """

    encoder: str = "mobilenet"
    decoder: str = "nnconv5dw"
    skip: str = "add"
    widths: Mapping[str, int] = field(default_factory=dict)
    input_size: tuple[int, int] = INPUT_SIZE
    batch_norm: str = "trained"

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str) -> FastDepthConfig:
        """Read what `to_json` wrote. Raises ModelError naming `where`, the key and the fault."""
        refuse_unknown(value, _FIELDS, where)
        default = cls()
        size = sizes(value.get("input_size", default.input_size), "input_size", where)
        if len(size) != 2 or size[0] % STRIDE or size[1] % STRIDE:
            raise ModelError(
                f"{where}: input_size is {list(size)}, expected [height, width], multiples of "
                f"{STRIDE}"
            )
        require_inputs_fit([(1, 3, *size)], where)
        batch_norm = text_field(value, "batch_norm", where, default.batch_norm)
        if batch_norm not in BATCH_NORMS:
            raise ModelError(
                f"{where}: batch_norm is '{batch_norm}', expected one of {', '.join(BATCH_NORMS)}"
            )
        return cls(
            encoder=text_field(value, "encoder", where, default.encoder),
            decoder=text_field(value, "decoder", where, default.decoder),
            skip=text_field(value, "skip", where, default.skip),
            widths=widths_field(value, where),
            input_size=(size[0], size[1]),
            batch_norm=batch_norm,
        )

    @property
    def name(self) -> str:
        """The published name of the variant: `mobilenet-nnconv5dw-skipadd`."""
        return f"{self.encoder}-{self.decoder}" + (
            "" if self.skip == "none" else f"-skip{self.skip}"
        )

    @property
    def input_shapes(self) -> Shapes:
        """Shapes of the network's inputs at batch 1."""
        return ((1, 3, *self.input_size),)

    @property
    def deployment_notes(self) -> dict[str, str]:
        """What who runs an exported file must know of its input and output."""
        height, width = self.input_size
        return {
            "input": f"RGB in [0, 1], [batch, 3, {height}, {width}]",
            "preprocessing": (
                "published: resize to a height of 250 pixels, crop the middle 228x304, resize to "
                f"{height}x{width}, divide by 255; no mean or deviation is taken off"
            ),
            "output": f"depth in metres, [batch, 1, {height}, {width}]",
            "camera": (
                "metres are those of NYU Depth v2's camera; of another multiply them by its focal "
                "length over NYU's, both in heights of the picture"
            ),
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "network": "fastdepth",
            "encoder": self.encoder,
            "decoder": self.decoder,
            "skip": self.skip,
            "widths": dict(self.widths),
            "input_size": list(self.input_size),
            "batch_norm": self.batch_norm,
        }

    def build(self) -> nn.Module:
        full = self.complete()
        if full.encoder == "mobilenet":
            if full.skip == "none":
                return mobilenet.MobileNetDepth(full.widths, full.decoder)
            return mobilenet.FastDepth(full.widths, full.decoder, full.skip)
        if full.skip == "none":
            return resnet.ResNetDepth(full.encoder, full.widths, full.decoder)
        return resnet.ResNetSkipDepth(full.encoder, full.widths, full.decoder, full.skip)

    def standalone_code(self) -> str:
        """Python that needs torch alone and defines `build()`, which gives this network."""
        full = self.complete()
        return standalone_code(full.encoder, full.decoder, full.skip, full.widths)

    def complete(self) -> FastDepthConfig:
        """The same config with every width written out.

        Raises ModelError for an unknown encoder, decoder, skip or layer name.
        """
        if self.encoder not in ENCODERS:
            raise ModelError(f"encoder is '{self.encoder}', expected {', '.join(ENCODERS)}")
        if self.skip not in SKIPS:
            raise ModelError(f"skip is '{self.skip}', expected {', '.join(SKIPS)}")
        full = full_widths(self.encoder, self.decoder)
        unknown = [name for name in self.widths if name not in full]
        if unknown:
            raise ModelError(
                f"{self.name} has no layer '{unknown[0]}'; its widths are named "
                f"{', '.join(list(full)[:3])} … {list(full)[-1]}"
            )
        return replace(self, widths={name: self.widths.get(name, full[name]) for name in full})

    def read_off(
        self, model: nn.Module, groups: Mapping[str, int] | None = None
    ) -> FastDepthConfig:
        return self.at_widths_of(
            {key: tuple(value.shape) for key, value in model.state_dict().items()}
        )

    def at_widths_of(self, shapes: Mapping[str, Sequence[int]]) -> FastDepthConfig:
        """The same with the widths that the shapes of a state dict's tensors show.

        Raises ModelError when a weight that shows a width is missing or has no such axis.
        """
        sources = width_sources(self.encoder, self.decoder, self.skip)
        return replace(self, widths=widths_shown(sources, shapes, self.name))

    def with_batch_norm(self, batch_norm: str) -> FastDepthConfig:
        return replace(self, batch_norm=batch_norm)

    def with_input_size(self, size: tuple[int, int]) -> FastDepthConfig:
        if size[0] % STRIDE or size[1] % STRIDE or min(size) < STRIDE:
            raise ModelError(
                f"the input size is {size[0]}x{size[1]}; this network halves it five times, so "
                f"both must be multiples of {STRIDE} pixels"
            )
        return replace(self, input_size=size)

    def with_input_shapes(self, shapes: Shapes) -> FastDepthConfig:
        raise ModelError(
            f"{self.name} takes one image of 3 channels; give its size with --input-size HxW"
        )
