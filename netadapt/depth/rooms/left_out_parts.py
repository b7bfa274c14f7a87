"""The parts of the renderer that can be left out, to see what each does for learning.

experiments/rooms trains a network without each of them and measures it on real frames.
"""

from __future__ import annotations

from collections.abc import Iterable

from netadapt.errors import InputError

PARTS = {
    "furniture": "what stands in a room and hangs on its walls; without it rooms are empty",
    "textures": "patterns on surfaces; without them each has one colour",
    "lamps": "direct light, shadows and gloss; without them light is the same everywhere",
    "poses": "where a hand-held camera looks; without them it is level, 1.4 m up, turned anyhow",
    "exposure": "what a colour camera does to a picture; without it light is shown as it is",
    "depth-noise": "holes and errors of a depth camera; without them depth is exact",
}
"""Each part's name, and what it is."""


def checked_parts(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the order of `PARTS`, once each. Raises InputError for one that isn't there."""
    chosen = set(names)
    for name in sorted(chosen):
        if name not in PARTS:
            raise InputError(
                f"rendered rooms have no part '{name}' to leave out; choose from {', '.join(PARTS)}"
            )
    return tuple(name for name in PARTS if name in chosen)
