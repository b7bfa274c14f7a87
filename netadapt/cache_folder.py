"""Where netadapt keeps what can be made again: rendered rooms, fits of tables."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/netadapt, or ~/.cache/netadapt."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "netadapt"
