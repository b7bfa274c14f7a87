"""Multiply-accumulates of operators that multiply tensors: matrix products, attention, LSTMs.

No row of a lookup table describes them, so they are counted and not timed. How their channels are
cut is told in `couplings/products.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from netadapt.graph.extents import Channels, channels_at
from netadapt.graph.operator_calls import Call


@dataclass(frozen=True)
class Product:
    """One product of a call, for its whole batch."""

    macs: int
    summed: Channels = 1
    """What is summed over, where that follows widths."""
    gives_channels: bool = True
    """Whether the call's channels come out of it."""


def _matrix_products(call: Call, given: dict[str, Any]) -> list[Product]:
    first = given["self"]
    if not first.shape:
        return [Product(macs=1)]
    summed = channels_at(first, first.ndim - 1)
    return [Product(prod(call.shapes[0]) * int(first.shape[-1]), summed)]


def _sum_and_product(call: Call, given: dict[str, Any]) -> list[Product]:
    factor = given["mat1"] if "mat1" in given else given["batch1"]
    return [Product(prod(call.shapes[0]) * int(factor.shape[-1]))]


def _attention_products(call: Call, given: dict[str, Any]) -> list[Product]:
    """Values by weights, whose channels come out; and queries by keys, summed over channels."""
    query, key = given["query"], given["key"]
    length = int(key.shape[-2])
    entering = channels_at(query, query.ndim - 1)
    return [
        Product(prod(call.shapes[0]) * length),
        Product(prod(query.shape) * length, entering, gives_channels=False),
    ]


def _recurrent_products(call: Call, given: dict[str, Any]) -> list[Product]:
    """Every weight once a step of the sequence."""
    weights = sum(prod(value.shape) for value in given["params"] if value.ndim == 2)
    return [Product(int(weights * prod(given["input"].shape[:2])))]


def _einsum_products(call: Call, given: dict[str, Any]) -> list[Product]:
    sizes: dict[str, int] = {}
    entering, _, leaving = given["equation"].replace(" ", "").partition("->")
    summed: Channels = 1
    for term, tensor in zip(entering.split(","), given["tensors"], strict=True):
        letters = term.replace("...", "")
        sizes.update(zip(reversed(letters), reversed(tensor.shape), strict=False))
        if tensor.axis is not None and term[tensor.axis : tensor.axis + 1] not in leaving:
            summed = channels_at(tensor, tensor.axis)
    return [Product(prod(sizes.values()), summed)]


PRODUCTS: dict[str, Callable[[Call, dict[str, Any]], list[Product]]] = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent_products),
    **dict.fromkeys(("matmul", "bmm", "mm"), _matrix_products),
    **dict.fromkeys(("addmm", "baddbmm"), _sum_and_product),
    "einsum": _einsum_products,
    "scaled_dot_product_attention": _attention_products,
}
"""The products in a call of each operator that multiplies tensors, from its arguments."""
