"""Rendered rooms: random indoor scenes with depth, made by ray casting, clearly not photographs.

`render_frame` gives one frame, `render_frames` several in memory, `render_pack` arrays on disk and
`write_rooms` a data set in FastDepth's HDF5 layout.
"""

from __future__ import annotations

from netadapt.data.rooms.packing import write_rooms_pack
from netadapt.data.rooms.render import RENDERER_VERSION, render_frame, render_frames
from netadapt.data.rooms.writing import render_pack, write_rooms

__all__ = [
    "RENDERER_VERSION",
    "render_frame",
    "render_frames",
    "render_pack",
    "write_rooms",
    "write_rooms_pack",
]
