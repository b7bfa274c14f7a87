"""Products of tensors that the network computes: matrix products, einsum, attention.

Channels along an axis that stays pass, or are coupled where both operands have them. Where they are
summed over, a cut network sums over the kept ones, and the walk remembers where.
"""

from __future__ import annotations

from typing import Any

from netadapt.graph.labels import Ints
from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, Value, Walk, handles


@handles("scaled_dot_product_attention")
def attention(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """softmax(query · keyᵀ) · value, over the last axis: the same positions go from queries and
    keys, in all heads; others may go from the values, and so from the output."""
    query, key, value = given["query"], given["key"], given["value"]
    last = query.ndim - 1
    if not _on_axis(walk, (query, key), last) or value.axis not in (None, last):
        return walk.stopped(call, (query, key, value), f"{call.where} lies across these channels")
    operands: dict[str, tuple[int, Ints]] = {}
    if query.labels is not None:
        walk.labels.unify(query.labels, key.labels, call.where)
        operands |= dict.fromkeys(("query", "key"), (last, query.labels))
    if value.labels is None:
        if operands:
            walk.take_over(call, operands)
        return walk.fixed(call)
    walk.take_over(call, operands | {"value": (last, value.labels)}, (last, value.labels))
    return Value(call.shapes[0], last, value.labels)


def _on_axis(walk: Walk, values: tuple[Value, ...], axis: int) -> bool:
    """Whether all of these, or none, have channels along `axis`."""
    labelled = [value for value in values if value.labels is not None]
    return len(labelled) in (0, len(values)) and all(value.axis == axis for value in labelled)


@handles("matmul", "bmm", "mm")
def product(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """[…, n, k] · […, k, m]: channels along n, m, k or the batch's axes."""
    name = "other" if "other" in given else "mat2"
    first, second = given["self"], given[name]
    shape = call.shapes[0]
    places = [
        None if value.labels is None or value.axis is None else value.axis - value.ndim
        for value in (first, second)
    ]
    if places == [-1, -2]:  # summed over
        walk.labels.unify(first.labels, second.labels, call.where)
        operands = {"self": (first.axis, first.labels), name: (second.axis, second.labels)}
        walk.take_over(call, operands)
        return walk.fixed(call)
    passing = {-2: [first], -1: [second]}
    place = next((place for place in places if place is not None), None)
    if place is None:
        return walk.fixed(call)
    carriers = passing.get(place, [first, second])
    others = [value for value in (first, second) if value not in carriers]
    if (
        any(value.labels is None or value.axis != value.ndim + place for value in carriers)
        or any(value.labels is not None for value in others)
        or len(shape) < -place
    ):
        return walk.stopped(call, (first, second), f"{call.where} lies across these channels")
    for value in carriers[1:]:
        walk.labels.unify(carriers[0].labels, value.labels, call.where)
    return Value(shape, len(shape) + place, carriers[0].labels)


@handles("einsum", weighted=True)
def einsum(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Channels that operands share, and that the result keeps (a gate, `bchw,bc->bchw`) or that
    are summed over (queries by keys, `bhlk,bhtk->bhlt`)."""
    operands: list[Value] = given["tensors"]
    entering, _, leaving = given["equation"].replace(" ", "").partition("->")
    terms = entering.split(",")
    letters = {
        term[value.axis]
        for term, value in zip(terms, operands, strict=True)
        if value.axis is not None and value.axis < len(term)
    }
    letter = next(iter(letters), "")
    sharing = [
        (place, value, term.index(letter))
        for place, (term, value) in enumerate(zip(terms, operands, strict=True))
        if letter and letter in term
    ]
    summed = letter not in leaving
    known = all(value.labels is not None for _, value, _ in sharing)
    if len(letters) != 1 or "." in given["equation"] or (summed and not known):
        return walk.stopped(call, operands, f"{call.where} sums over the channels")
    first = next(value.labels for _, value, _ in sharing if value.labels is not None)
    for _, value, at in sharing:
        if value.parameter is not None:
            walk.tie(value, at, "per_channel", first)
        elif value.labels is None:
            walk.labels.freeze(first, f"{call.where} joins it with {value.origin}")
        else:
            walk.labels.unify(first, value.labels, call.where)
    if summed:
        walk.take_over(call, {f"tensors {place}": (at, first) for place, _, at in sharing})
        return walk.fixed(call)
    return Value(call.shapes[0], leaving.index(letter), first)
