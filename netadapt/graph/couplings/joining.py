"""Concatenation and its opposites: split, chunk, slice, unbind, stack.

A cut network runs the user's own code again, so a tensor that was split into n equal parts must
still have n equal parts: the same positions are then cut from each. Sizes that a module holds in
its attributes may change each by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any

import numpy as np
from torch import fx

from netadapt.graph.couplings.pointwise import FILLED, LIKE
from netadapt.graph.labels import Ints
from netadapt.graph.operator_calls import Call
from netadapt.graph.walk import Result, StoredNumber, Value, Walk, handles


@handles("cat", "concat", "concatenate")
def concat(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Channels one after the other; or, along another axis, on top of each other."""
    values = [value for value in given["tensors"] if isinstance(value, Value)]
    shape = call.shapes[0]
    along = int(given["dim"]) % len(shape)
    labelled = [value for value in values if value.labels is not None]
    if not labelled:
        return walk.fixed(call)
    axis = labelled[0].axis
    if axis is None or any(value.axis != axis for value in labelled):
        return walk.stopped(call, labelled, f"{call.where} joins channels along two axes")
    parts: list[Ints] = []
    for value in values:
        labels = value.labels
        if labels is None:
            labels = walk.labels.fresh(value.shape[axis])
            walk.labels.freeze(labels, f"{call.where} joins it with {value.origin}")
        parts.append(labels)
    if along == axis:
        return Value(shape, axis, np.concatenate(parts))
    for part in parts[1:]:
        walk.labels.unify(parts[0], part, call.where)
    return Value(shape, axis, parts[0])


@handles("stack")
def stack(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A new axis; the channels lie on top of each other."""
    values = [value for value in given["tensors"] if isinstance(value, Value)]
    shape = call.shapes[0]
    new = int(given["dim"]) % len(shape)
    labelled = [value for value in values if value.labels is not None]
    if not labelled:
        return walk.fixed(call)
    first = labelled[0]
    if len(labelled) < len(values) or any(value.axis != first.axis for value in labelled):
        return walk.stopped(call, labelled, f"{call.where} joins it with tensors of other channels")
    assert first.labels is not None
    assert first.axis is not None
    for value in labelled[1:]:
        assert value.labels is not None
        walk.labels.unify(first.labels, value.labels, call.where)
    return Value(shape, first.axis + (new <= first.axis), first.labels)


@handles("chunk", "split", "split_with_sizes", "tensor_split", "unbind", numbered=True)
def split(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Several outputs: parts along one axis."""
    x = next(value for value in given.values() if isinstance(value, Value))
    dim = int(given.get("dim") or 0) % x.ndim
    if x.labels is None or x.axis is None:
        return [Value(shape, origin=x.origin) for shape in call.shapes]
    if call.op == "unbind":
        if dim == x.axis:
            return _each_fixed(walk, call, x, f"{call.where} takes channels one by one")
        axis = x.axis - (dim < x.axis)
        return [Value(shape, axis, x.labels) for shape in call.shapes]
    if dim != x.axis:
        return [Value(shape, x.axis, x.labels) for shape in call.shapes]
    parts = np.split(x.labels, np.cumsum([shape[dim] for shape in call.shapes])[:-1])
    _tie_parts(walk, call, parts)
    return [Value(shape, x.axis, part) for shape, part in zip(call.shapes, parts, strict=True)]


def _tie_parts(walk: Walk, call: Call, parts: list[Ints]) -> None:
    """Unify what the user's code says of the parts' sizes, and nothing else would say.

    A list of sizes that the module holds lets every part have its own. A number that it holds, or
    that it may have from its input, is that of all parts of this size. Sizes that stand nowhere
    are shares of the whole; where some do stand, the others are numbers in the code.
    """
    sizes = [len(part) for part in parts]
    same = _list_of(walk.numbers.get(call.module, ()), sizes)
    if same is not None:
        for index, part in enumerate(parts):
            walk.guessed.setdefault((call.module, same, index), part)
        return
    by_size: dict[int, list[Ints]] = {}
    for part in parts:
        by_size.setdefault(len(part), []).append(part)
    told = {size for size in by_size if walk.is_told(call, size)}
    if len(by_size) > 1 and told:
        for size, alike in by_size.items():
            if size in told:
                walk.merge_rows(np.stack(alike), call.where)
                walk.may_tie(call, alike[0])
            else:
                reason = f"{call.where} makes a part of {size} channels"
                walk.labels.freeze(np.concatenate(alike), reason)
        return
    _share(walk, call, np.concatenate(parts), gcd(*sizes), f"makes parts of {sizes}")


def _list_of(held: Sequence[StoredNumber], sizes: list[int]) -> str | None:
    """The attribute that holds just these sizes."""
    lists: dict[str, list[int]] = {}
    for number in held:
        if number.index is not None:
            lists.setdefault(number.attribute, []).append(number.value)
    return next((name for name, values in lists.items() if values == sizes), None)


def _share(walk: Walk, call: Call, labels: Ints, share: int, what: str) -> None:
    """The code takes shares of the channels: the same positions go from each share."""
    rows = labels.reshape(-1, share)
    if len(rows) > 1:
        walk.merge_rows(rows, f"{call.where} {what}")


def _each_fixed(walk: Walk, call: Call, x: Value, reason: str) -> list[Value]:
    walk.freeze(x, reason)
    return [Value(shape, origin=f"the output of {call.where}") for shape in call.shapes]


@handles("getitem")
def item(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """One of the outputs of an operator that has several."""
    values = given["0"]
    if isinstance(values, Value):
        return values
    one: Result = values[int(given["1"])]
    return one


def _operator(node: fx.Node) -> str:
    return str(getattr(node.target, "_opname", ""))


@handles("slice", "narrow", numbered=True)
def slice_(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A range along one axis: of the channels only an equal part, or every n-th."""
    x = given["self"]
    if not isinstance(x, Value) or x.labels is None or x.axis is None:
        return walk.fixed(call, x.origin if isinstance(x, Value) else "a slice")
    dim = int(given["dim"]) % x.ndim
    if dim != x.axis:
        return walk.passed(call, x)
    total, length = x.shape[dim], call.shapes[0][dim]
    start = int(given["start"] or 0)
    start += total if start < 0 else 0
    step = int(given.get("step") or 1)
    if length == total:
        return walk.passed(call, x)
    if length == 1 and all(_operator(user) in (*LIKE, *FILLED) for user in call.node.users):
        return walk.fixed(call, "a tensor of which the shape alone counts")
    if step > 1 and total % step == 0 and length == total // step:
        walk.merge_rows(x.labels.reshape(-1, step).T, f"{call.where} takes every {step}th")
        return walk.passed(call, x, x.labels[start::step])
    stop = start + length
    what = f"takes channels {start} to {stop}"
    if step > 1 or not length:
        return walk.stopped(call, x, f"{call.where} {what}")
    part = x.labels[start:stop]
    bounds = {start, stop} - {0, total}
    if all(walk.is_told(call, bound) for bound in bounds):
        for bound in bounds:
            walk.guess_number(call, x.labels[:bound])
        return walk.passed(call, x, part)
    share = gcd(total, start, stop)
    if share == 1:
        return walk.stopped(call, x, f"{call.where} {what}")
    _share(walk, call, x.labels, share, what)
    return walk.passed(call, x, part)


@handles("select")
def select(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """One position of an axis, which goes away."""
    x = given["self"]
    if x.labels is None or x.axis is None:
        return walk.fixed(call, x.origin)
    dim = int(given["dim"]) % x.ndim
    if dim == x.axis:
        return walk.stopped(call, x, f"{call.where} takes channel {given['index']}")
    return Value(call.shapes[0], x.axis - (dim < x.axis), x.labels)


@handles("index")
def index(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Positions of some axes, chosen by number; channels lie along another axis, or stay whole."""
    x, chosen = given["self"], list(given["indices"])
    if x.labels is None or x.axis is None:
        return walk.fixed(call, x.origin)
    axes = [axis for axis, item in enumerate(chosen) if item is not None]
    if not axes or x.axis in axes or axes != list(range(axes[0], axes[-1] + 1)):
        return walk.stopped(call, x, f"{call.where} picks channels by number")
    wide = len(call.shapes[0]) - (x.ndim - len(axes))
    axis = x.axis if x.axis < axes[0] else x.axis - len(axes) + wide
    return Value(call.shapes[0], axis, x.labels)


@handles("index_select", "gather")
def index_select(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """Positions of one axis, chosen by number."""
    x = given["self"]
    if x.labels is None or x.axis is None:
        return walk.fixed(call, x.origin)
    if int(given["dim"]) % x.ndim == x.axis or call.op == "gather":
        return walk.stopped(call, x, f"{call.where} picks channels by number")
    return walk.passed(call, x)


@handles("embedding", weighted=True)
def embedding(walk: Walk, call: Call, given: dict[str, Any]) -> Result:
    """A row of the weight [N, C] for each index."""
    weight = given["weight"]
    if weight.parameter is None:
        return walk.stopped(call, weight, f"{call.where} looks rows up in a computed table")
    labels = walk.tie(weight, 1, "out")
    walk.size(call, "embedding_dim", labels)
    return Value(call.shapes[0], len(call.shapes[0]) - 1, labels)
