"""Trace a network once: its layers with shapes, which channels go together, and how to cut them.

`trace` gives a `LayerGraph`; `LayerGraph.with_widths` changes widths without touching weights;
`cut` cuts the weights of a real network. Knows nothing of latencies, data or training.
"""

from netadapt.graph.groups import ChannelGroup, ParamUse
from netadapt.graph.layer_graph import Layer, LayerGraph, Uncounted
from netadapt.graph.layers import LayerShape
from netadapt.graph.surgery import cut, zero_removed
from netadapt.graph.tracing import trace

__all__ = [
    "ChannelGroup",
    "Layer",
    "LayerGraph",
    "LayerShape",
    "ParamUse",
    "Uncounted",
    "cut",
    "trace",
    "zero_removed",
]
