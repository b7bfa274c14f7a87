"""Names of groups and networks where a picture has little room for them."""

from __future__ import annotations


def shortened(name: str, most: int) -> str:
    """At most so many characters: the end, which tells paths and layers apart.

    >>> shortened("features.denseblock4.conv2", 12)
    '…lock4.conv2'
    """
    return name if len(name) <= most else "…" + name[1 - most :]
