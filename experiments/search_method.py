"""What an experiment says of a search: its strategy, and what differs from that one's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """Settings of a search by the names of the command line's options."""

    strategy: str
    settings: Mapping[str, Any] = field(default_factory=dict)
