"""The precisions that a device may compute in, and how far each may be from torch's float32.

One table holds rows of one precision. How a runtime computes in one is its own matter.
"""

from __future__ import annotations

FLOAT32 = "float32"

TOLERANCES = {FLOAT32: 1e-4, "float16": 2e-2, "int8": 0.1}
"""Largest difference from torch's float32, relative to the output's largest value: for float32
another order of up to ten thousand sums; for float16 its 11 bits, summed up likewise; for int8 a
few steps of the 255 that inputs, weights and output each have."""

PRECISIONS = tuple(TOLERANCES)


def schedule_in(schedule: str, precision: str) -> str:
    """The name of a schedule, which says the precision where it isn't float32."""
    return schedule if precision == FLOAT32 else f"{schedule}-{precision}"
