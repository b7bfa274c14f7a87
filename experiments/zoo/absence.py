"""A network run as if some of its channels weren't there: what a cut network must equal.

Whatever was cut away is NaN in the full network's weights, and NaN spreads from there as the
channels do. Each operator that adds up or compares several channels takes those that aren't NaN;
all others let NaN through. So nothing has to be known of which channels belong together: a wrong
cut mixes a channel that is there with one that isn't, and gives other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from experiments.zoo.factors import Factors

aten = torch.ops.aten
Rule = Callable[..., Any]
RULES: dict[Any, Rule] = {}
"""By operator: called with the operator and its arguments, some of which hold NaN."""


class WithoutNaN(Factors):
    """While it is entered, operators leave out what is NaN."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = self.replaced(func, args), kwargs or {}
        rule = RULES.get(func.overloadpacket)
        if rule is None or not any(_lacks(item) for item in args if isinstance(item, Tensor)):
            return func(*args, **kwargs)
        return rule(func, *args, **kwargs)


def rule(*operators: Any) -> Callable[[Rule], Rule]:
    """Registers how `operators` leave NaN out."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(operators, function))
        return function

    return register


def _lacks(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and bool(tensor.isnan().any())


def _zero(tensor: Tensor) -> Tensor:
    return torch.where(tensor.isnan(), 0.0, tensor)


def _there(tensor: Tensor) -> Tensor:
    """1 where there is a number, 0 where it is NaN."""
    return (~tensor.isnan()).to(tensor.dtype)


def _gone(result: Tensor, gone: Tensor) -> Tensor:
    return torch.where(gone, torch.nan, result)


# Sums of products: a term without one of its factors isn't there; a sum without terms isn't.


@rule(aten.convolution)
def _convolution(func: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Any:
    known_bias = None if bias is None else _zero(bias)
    result = func(_zero(x), _zero(weight), known_bias, *settings)
    transposed, groups = settings[3], settings[5]
    gone = _rows_gone(x, weight, transposed, groups)
    if gone is None:
        terms = func(_there(x), _there(weight), None, *settings)
        all_terms = func(torch.ones_like(x), torch.ones_like(weight), None, *settings)
        gone = (terms < 0.5) & (all_terms > 0.5)  # no terms at all: only padding is read there
    if bias is not None:
        gone = gone | bias.isnan().reshape(-1, *[1] * (result.ndim - 2))
    return _gone(result, gone)


def _rows_gone(x: Tensor, weight: Tensor, transposed: bool, groups: int) -> Tensor | None:
    """The output channels without a term, [C, 1, 1]; None where less than whole channels lack."""
    entering, kernels = x.isnan(), weight.isnan()
    channels = entering.flatten(2)[:1, :, :1]
    pairs = kernels.flatten(2)[..., :1]
    if (entering.flatten(2) != channels).any() or (kernels.flatten(2) != pairs).any():
        return None
    there = (~channels).double().reshape(groups, -1)
    reads = (~pairs[..., 0]).double()
    if transposed:
        terms = torch.einsum("gi,gio->go", there, reads.reshape(groups, -1, reads.shape[1]))
    else:
        terms = torch.einsum("gi,goi->go", there, reads.reshape(groups, -1, reads.shape[1]))
    return (terms < 0.5).reshape(-1, *[1] * (x.ndim - 2))


@rule(aten.mm, aten.bmm, aten.mv, aten.dot)
def _product(func: Any, first: Tensor, second: Tensor) -> Tensor:
    return _gone(func(_zero(first), _zero(second)), func(_there(first), _there(second)) < 0.5)


@rule(aten.addmm, aten.baddbmm)
def _sum_and_product(
    func: Any, bias: Tensor, first: Tensor, second: Tensor, *, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    product = aten.bmm if first.ndim == 3 else aten.mm
    return beta * bias + alpha * _product(product, first, second)


@rule(aten._scaled_dot_product_flash_attention_for_cpu)
def _attention(
    func: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    if scale is None:  # of the channels that are there, as the cut network's code has it
        scale = 1 / math.sqrt(max(1.0, float(_there(query).sum(-1).max())))
    scores = _matmul(query, key.transpose(-1, -2)) * scale
    if is_causal:
        scores = scores + torch.full(scores.shape[-2:], -math.inf).triu(1).to(scores)
    if attn_mask is not None:
        scores = scores + attn_mask
    return _matmul(scores.softmax(-1), value), scores.logsumexp(-1)


def _matmul(first: Tensor, second: Tensor) -> Tensor:
    return _gone(_zero(first) @ _zero(second), _there(first) @ _there(second) < 0.5)


# Padding.


@rule(aten.constant_pad_nd)
def _padded(func: Any, x: Tensor, pad: Sequence[int], *value: Any) -> Tensor:
    """What is gone all along the padded axes is gone in the padding too."""
    axes = [x.ndim - 1 - at // 2 for at, size in enumerate(pad) if size]
    gone = x.isnan().all(sorted(set(axes)), True) if axes else x.isnan()
    return torch.where(gone, torch.nan, func(x, pad, *value))


# Statistics, over what is there.


def _moments(x: Tensor, dims: tuple[int, ...], correction: float = 0) -> tuple[Tensor, Tensor]:
    """Mean and variance over `dims`, which stay with size 1."""
    count = _there(x).sum(dims, keepdim=True)
    mean = x.nansum(dims, keepdim=True) / count
    square = (x - mean).square().nansum(dims, keepdim=True)
    return mean, square / (count - correction)


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Sequence[int]) -> Tensor:
    result = x if weight is None else x * weight.reshape(shape)
    return result if bias is None else result + bias.reshape(shape)


@rule(aten.native_layer_norm)
def _layer_norm(
    func: Any,
    x: Tensor,
    shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, ...]:
    mean, variance = _moments(x, tuple(range(-len(shape), 0)))
    normed = (x - mean) / torch.sqrt(variance + eps)
    return _scaled(normed, weight, bias, shape), mean, torch.rsqrt(variance + eps)


@rule(aten.native_group_norm)
def _group_norm(
    func: Any,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    batch: int,
    channels: int,
    positions: int,
    groups: int,
    eps: float,
) -> tuple[Tensor, ...]:
    grouped = x.reshape(batch, groups, -1)
    mean, variance = _moments(grouped, (-1,))
    normed = ((grouped - mean) / torch.sqrt(variance + eps)).reshape(x.shape)
    each = (-1, *[1] * (x.ndim - 2))
    return _scaled(normed, weight, bias, each), mean, torch.rsqrt(variance + eps)


@rule(aten.native_batch_norm, aten._native_batch_norm_legit)
def _batch_norm(
    func: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, *settings: Any
) -> tuple[Tensor, ...]:
    training, _, eps = settings[-3:]
    if not training:
        return func(x, weight, bias, *settings)  # type: ignore[no-any-return]
    mean, variance = _moments(x, (0, *range(2, x.ndim)))
    normed = (x - mean) / torch.sqrt(variance + eps)
    each = (1, -1, *[1] * (x.ndim - 2))
    return _scaled(normed, weight, bias, each), mean, torch.rsqrt(variance + eps)


def _dims(x: Tensor, dim: Any) -> tuple[int, ...]:
    if dim is None or dim == []:
        return tuple(range(x.ndim))
    return (dim,) if isinstance(dim, int) else tuple(dim)


@rule(aten.mean)
def _mean(func: Any, x: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    return x.nanmean(_dims(x, dim), keepdim)


@rule(aten.sum)
def _sum(func: Any, x: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    dims = _dims(x, dim)
    return _gone(x.nansum(dims, keepdim), x.isnan().all(dims, keepdim))


@rule(aten.linalg_vector_norm, aten.norm)
def _vector_norm(
    func: Any, x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any
) -> Tensor:
    dims = _dims(x, dim)
    norm = torch.linalg.vector_norm(_zero(x), 2 if ord is None else ord, dims, keepdim)
    return _gone(norm, x.isnan().all(dims, keepdim))


@rule(aten._weight_norm_interface)
def _weight_norm(func: Any, v: Tensor, g: Tensor, dim: int = 0) -> tuple[Tensor, Tensor]:
    others = tuple(axis for axis in range(v.ndim) if axis != dim % v.ndim)
    norm = _vector_norm(func, v, 2, others, True)
    return v * (g / norm), norm


def _variance(x: Tensor, dim: Any, correction: Any, keepdim: bool) -> tuple[Tensor, Tensor]:
    dims = _dims(x, dim)
    mean, variance = _moments(x, dims, 1 if correction is None else float(correction))
    variance = _gone(variance, x.isnan().all(dims, True))
    if not keepdim:
        mean, variance = (tensor.squeeze(dims) for tensor in (mean, variance))
    return mean, variance


@rule(aten.var, aten.std, aten.var_mean, aten.std_mean)
def _spread(
    func: Any, x: Tensor, dim: Any = None, *, correction: Any = None, keepdim: bool = False
) -> Any:
    mean, variance = _variance(x, dim, correction, keepdim)
    name = func.overloadpacket.__name__
    result = variance.sqrt() if name.startswith("std") else variance
    return (result, mean) if name.endswith("mean") else result


# The largest, and shares of the whole.


def _lowered(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), -math.inf, x)


def _raised(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), math.inf, x)


@rule(aten._softmax, aten._log_softmax)
def _softmax(func: Any, x: Tensor, *settings: Any) -> Tensor:
    return _gone(func(_lowered(x), *settings), x.isnan())


@rule(aten.logsumexp)
def _logsumexp(func: Any, x: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    return _gone(func(_lowered(x), dim, keepdim), x.isnan().all(_dims(x, dim), keepdim))


@rule(aten.amax, aten.amin)
def _extreme(func: Any, x: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    filled = _lowered(x) if func.overloadpacket is aten.amax else _raised(x)
    dims = _dims(x, list(dim))
    return _gone(func(filled, dims, keepdim), x.isnan().all(dims, keepdim))


@rule(aten.max, aten.min)
def _most(func: Any, x: Tensor, *rest: Any, **named: Any) -> Any:
    filled = _lowered(x) if func.overloadpacket is aten.max else _raised(x)
    if not rest and not named:
        return _gone(func(filled), x.isnan().all())
    values, indices = func(filled, *rest, **named)
    dim, keepdim = (*rest, *named.values(), False)[:2]
    return _gone(values, x.isnan().all(dim, keepdim)), indices


@rule(aten.argmax, aten.topk, aten.sort, aten.argsort)
def _order(func: Any, x: Tensor, *rest: Any, **named: Any) -> Any:
    return func(_lowered(x), *rest, **named)
