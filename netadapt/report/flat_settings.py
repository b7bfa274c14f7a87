"""A file of settings as a page shows it: each value with its path in the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def flat_settings(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every value with its path, as text; what JSON has no word for as Python writes it.

    >>> flat_settings({"budget": {"tx2": 6.0}, "seed": None})
    [('budget.tx2', '6.0'), ('seed', 'null')]
    """

    def flat(value: Any, path: str) -> list[tuple[str, str]]:
        if isinstance(value, Mapping):
            below = (flat(inner, f"{path}.{key}" if path else key) for key, inner in value.items())
            return [pair for pairs in below for pair in pairs]
        return [(path, value if isinstance(value, str) else json.dumps(value, default=str))]

    return [pair for key, value in content.items() for pair in flat(value, str(key))]
