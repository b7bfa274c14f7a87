"""Any network: built from a name, a function or a config, stored as a folder, and found again.

Which channels can be cut is the graph's work, training is the training room's; what a network is
made of, and which files of others it reads, comes with its family.
"""

from __future__ import annotations

from netadapt.networks.build import build, describe
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.registry import NETWORKS, named_config, register_network
from netadapt.networks.store import load_model, read_config, save_model

__all__ = [
    "NETWORKS",
    "FactoryConfig",
    "ModelConfig",
    "build",
    "describe",
    "load_model",
    "named_config",
    "read_config",
    "register_network",
    "save_model",
]
