"""Reads the JSON that says what a data set holds: a split list, an index, a shard's note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netadapt.errors import DataError
from netadapt.outside import MOST_TEXT_BYTES, outside_json_object


def read_json(path: Path, expected: str = "a JSON object") -> dict[str, Any]:
    """The JSON object in a file. Raises DataError when it isn't one, saying what was `expected`."""
    return outside_json_object(path, DataError, MOST_TEXT_BYTES, expected)
