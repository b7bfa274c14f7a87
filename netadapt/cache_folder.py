"""Where netadapt keeps what can be made again: rendered rooms, fits of tables."""

from __future__ import annotations

import os
from pathlib import Path

from netadapt.errors import OutputError


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/netadapt, or ~/.cache/netadapt.

    Raises OutputError for a user without a home, as in a container that is run under a bare number.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "netadapt"
    except RuntimeError as error:
        raise OutputError(
            "this user has no home folder to keep what is made in; set XDG_CACHE_HOME to a folder"
        ) from error
