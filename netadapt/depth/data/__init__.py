"""Depth data: NYU Depth v2, folders of RGB-D pairs, rendered rooms, and their transforms.

A data set is opened with `open_depth_data`; `loader.batches` turns it into batches. What a
network does with them is left to training.
"""

from __future__ import annotations

from netadapt.depth.data.array_source import ArraySource
from netadapt.depth.data.base import SPLITS, DepthSource
from netadapt.depth.data.datasets import open_depth_data

__all__ = ["SPLITS", "ArraySource", "DepthSource", "open_depth_data"]
