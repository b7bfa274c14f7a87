"""FastDepth and its published variants at any widths, model folders, and checkpoint import.

What a network is made of and how its weights are stored; which channels can be cut is the graph's
work, training is the training room's.
"""

from __future__ import annotations

from netadapt.depth.fastdepth.mobilenet import FastDepth
from netadapt.depth.fastdepth.variants import named_config
from netadapt.networks.build import build, describe
from netadapt.networks.config import FactoryConfig, ModelConfig, NetworkConfig
from netadapt.networks.store import load_model, read_config, save_model

__all__ = [
    "FactoryConfig",
    "FastDepth",
    "ModelConfig",
    "NetworkConfig",
    "build",
    "describe",
    "load_model",
    "named_config",
    "read_config",
    "save_model",
]
