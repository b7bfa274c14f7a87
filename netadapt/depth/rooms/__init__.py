"""Rendered rooms: random indoor scenes with depth, made by ray casting; none is a photograph.

`render_frame` gives one frame and `render_frames` several in memory; `write_rooms` writes a data
set in FastDepth's HDF5 layout, `write_rooms_pack` one that is packed for fast reading.
"""

from __future__ import annotations

from netadapt.depth.rooms.hdf5_rooms import write_rooms
from netadapt.depth.rooms.packed_rooms import write_rooms_pack
from netadapt.depth.rooms.rendering.frame import RENDERER_VERSION, render_frame, render_frames

__all__ = [
    "RENDERER_VERSION",
    "render_frame",
    "render_frames",
    "write_rooms",
    "write_rooms_pack",
]
