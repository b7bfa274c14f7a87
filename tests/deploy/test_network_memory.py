"""What a network holds at once, counted from its ONNX file."""

from __future__ import annotations

import onnx

from netadapt.deploy.network_memory import network_memory
from tests.deploy.small_onnx import SIDE, pointwise_chain

PLANE = 4 * SIDE * SIDE
"""Bytes of a channel."""


def test_what_is_alive_at_once() -> None:
    found = network_memory(pointwise_chain(16, 4, 16, skip=True))
    assert found is not None
    assert found.weights_bytes == 4 * (3 * 16 + 16 * 4 + 4 * 16)
    # The addition reads two tensors of 16 channels, and writes a third one.
    assert found.activations_bytes == PLANE * (16 + 16 + 16)
    assert found.peak_bytes == found.weights_bytes + found.activations_bytes


def test_a_chain_lets_go_of_what_was_read() -> None:
    found = network_memory(pointwise_chain(8, 8, 8, 8, 8))
    assert found is not None
    assert found.activations_bytes == PLANE * (8 + 8)


def test_a_size_that_isn_t_fixed_can_t_be_counted() -> None:
    proto = onnx.load_from_string(pointwise_chain(16, 4))
    for value in (proto.graph.input[0], proto.graph.output[0]):
        value.type.tensor_type.shape.dim[2].dim_param = "height"
    assert network_memory(proto.SerializeToString()) is None
