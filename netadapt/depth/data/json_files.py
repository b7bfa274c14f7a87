"""Reads the JSON that says what a data set holds: a split list, an index, a shard's note."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netadapt.errors import DataError, in_words


def read_json(path: Path, expected: str = "a JSON object") -> dict[str, Any]:
    """The JSON object in a file. Raises DataError when it isn't one, saying what was `expected`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({in_words(error)})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected {expected}")
    return content
