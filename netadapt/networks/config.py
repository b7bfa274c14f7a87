"""What a model folder's config.json says: a network of ours, or a user's own by its factory.

A config is enough to build a network that the weights beside it fit. Reading checks every field;
building is `build.py`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netadapt.errors import ModelError

BATCH_NORMS = ("trained", "folded", "restored")
INPUT_SIZE = (224, 224)


@dataclass(frozen=True)
class NetworkConfig:
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

    @property
    def name(self) -> str:
        """The published name of the variant: `mobilenet-nnconv5dw-skipadd`."""
        return f"{self.encoder}-{self.decoder}" + (
            "" if self.skip == "none" else f"-skip{self.skip}"
        )

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the network's inputs at batch 1."""
        return ((1, 3, *self.input_size),)

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


@dataclass(frozen=True)
class FactoryConfig:
    """A user's network: `factory` ('package.module:function') builds it, `widths` re-cuts it.

    `widths` gives the channels left of each channel group that was cut, by the group's name in
    the graph of the network as the factory builds it. `input_shapes` are the inputs it is traced
    with, at batch 1.
    """

    factory: str
    widths: Mapping[str, int] = field(default_factory=dict)
    input_shapes: tuple[tuple[int, ...], ...] = ((1, 3, *INPUT_SIZE),)

    @property
    def name(self) -> str:
        return self.factory

    def to_json(self) -> dict[str, Any]:
        return {
            "factory": self.factory,
            "widths": dict(self.widths),
            "input_shapes": [list(shape) for shape in self.input_shapes],
        }


ModelConfig = NetworkConfig | FactoryConfig


def config_from_json(value: object, where: str = "config") -> ModelConfig:
    """Read what `to_json` wrote. Raises ModelError naming `where`, the key and what's expected."""
    if not isinstance(value, dict):
        raise ModelError(f"{where}: expected a JSON object with 'network' or 'factory'")
    if "factory" in value:
        _refuse_unknown(value, {"factory", "widths", "input_shapes"}, where)
        shapes = value.get("input_shapes", [[1, 3, *INPUT_SIZE]])
        if not isinstance(shapes, list | tuple) or not shapes:
            raise ModelError(f"{where}: input_shapes is {shapes!r}, expected a list of shapes")
        return FactoryConfig(
            factory=_text(value, "factory", where),
            widths=_widths(value.get("widths", {}), where),
            input_shapes=tuple(_sizes(shape, "input_shapes", where) for shape in shapes),
        )
    if value.get("network") != "fastdepth":
        raise ModelError(
            f"{where}: network is {value.get('network')!r}, expected 'fastdepth' (or a 'factory' "
            f"written package.module:function)"
        )
    _refuse_unknown(
        value,
        {"network", "encoder", "decoder", "skip", "widths", "input_size", "batch_norm"},
        where,
    )
    defaults = NetworkConfig()
    size = _sizes(value.get("input_size", defaults.input_size), "input_size", where)
    if len(size) != 2 or size[0] % 32 or size[1] % 32:
        raise ModelError(
            f"{where}: input_size is {list(size)}, expected [height, width], multiples of 32"
        )
    batch_norm = _text(value, "batch_norm", where, defaults.batch_norm)
    if batch_norm not in BATCH_NORMS:
        raise ModelError(
            f"{where}: batch_norm is '{batch_norm}', expected one of {', '.join(BATCH_NORMS)}"
        )
    return NetworkConfig(
        encoder=_text(value, "encoder", where, defaults.encoder),
        decoder=_text(value, "decoder", where, defaults.decoder),
        skip=_text(value, "skip", where, defaults.skip),
        widths=_widths(value.get("widths", {}), where),
        input_size=(size[0], size[1]),
        batch_norm=batch_norm,
    )


def _refuse_unknown(value: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise ModelError(
            f"{where}: unknown key '{unknown[0]}', expected {', '.join(sorted(known))}"
        )


def _text(value: Mapping[str, object], key: str, where: str, default: str | None = None) -> str:
    text = value.get(key, default)
    if not isinstance(text, str):
        raise ModelError(f"{where}: {key} is {text!r}, expected text")
    return text


def _widths(value: object, where: str) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise ModelError(f"{where}: widths is {value!r}, expected an object {{name: channels}}")
    for name, width in value.items():
        if not isinstance(width, int) or isinstance(width, bool) or width < 1:
            raise ModelError(f"{where}: width {name} is {width!r}, expected a whole number ≥ 1")
    return {str(name): int(width) for name, width in value.items()}


def _sizes(value: object, key: str, where: str) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in value
    ):
        raise ModelError(f"{where}: {key} has {value!r}, expected a list of whole numbers ≥ 1")
    return tuple(value)
