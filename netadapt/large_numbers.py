"""Counts as they are shown: three digits and the prefix that fits, `1.35 M` or `48.2 k`.

What a count is of, and where it is shown, is left to who shows it.
"""

from __future__ import annotations

PREFIXES = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))

LEAST = 0.1
"""Of a prefix: a network of 0.37 G is compared with one of 0.74 G, and none is of 0.00 M."""


def in_three_digits(count: float, unit: str = "") -> str:
    """`count`, which isn't negative, with its prefix before `unit`.

    >>> in_three_digits(371_865_000, "MACs"), in_three_digits(1_344_000), in_three_digits(740)
    ('0.372 GMACs', '1.34 M', '740')
    """
    for prefix, size in PREFIXES if count >= 1000 else ():
        if count >= LEAST * size:
            return f"{count / size:#.3g}".rstrip(".") + f" {prefix}{unit}"
    return f"{count:.0f} {unit}".strip()
