"""What every message of a mistake must be."""

from __future__ import annotations


def one_line(err: str) -> str:
    """`err`, which is one line and no traceback."""
    assert "Traceback" not in err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]
