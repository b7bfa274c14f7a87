"""What the code of a network is that is to stand without netadapt, and what it begins with.

`pytorch_format.py` makes a file of it; a network's config or `factory_code.py` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Standalone:
    """Python that defines `build() -> nn.Module` with its imports, of `nn` and `load_file` too.

    `buffers` are tensors that the network holds and no state dict has, by name; `needs` is what
    must be importable beside torch and safetensors, in words.
    """

    text: str
    buffers: Mapping[str, Tensor] = field(default_factory=dict)
    needs: str = ""
