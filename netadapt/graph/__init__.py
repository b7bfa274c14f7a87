"""Trace a network once: its layers with shapes, which channels go together, and how to cut them.

`trace` gives a `LayerGraph`; `LayerGraph.with_widths` changes widths without touching weights;
`cut` cuts the weights of a real network. Knows nothing of latencies, data or training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netadapt.lazy import lazy_names

if TYPE_CHECKING:
    from netadapt.graph.groups import ChannelGroup, ParamUse
    from netadapt.graph.layer_graph import Layer, LayerGraph, Uncounted
    from netadapt.graph.layer_shape import LayerShape
    from netadapt.graph.surgery import cut
    from netadapt.graph.tracing import trace
    from netadapt.graph.walk import Value
    from netadapt.graph.whole import zero_removed

_HOMES = {
    "ChannelGroup": "netadapt.graph.groups",
    "Layer": "netadapt.graph.layer_graph",
    "LayerGraph": "netadapt.graph.layer_graph",
    "LayerShape": "netadapt.graph.layer_shape",
    "ParamUse": "netadapt.graph.groups",
    "Uncounted": "netadapt.graph.layer_graph",
    "Value": "netadapt.graph.walk",
    "cut": "netadapt.graph.surgery",
    "trace": "netadapt.graph.tracing",
    "zero_removed": "netadapt.graph.whole",
}

__all__ = [
    "ChannelGroup",
    "Layer",
    "LayerGraph",
    "LayerShape",
    "ParamUse",
    "Uncounted",
    "Value",
    "cut",
    "trace",
    "zero_removed",
]

__getattr__ = lazy_names(__name__, _HOMES)
