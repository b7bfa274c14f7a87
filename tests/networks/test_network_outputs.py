"""Outputs in every form that a network gives: found by name, changed in place of each other."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from netadapt.errors import InputError
from netadapt.networks.network_outputs import changed_outputs, main_output, named_outputs

Heads = namedtuple("Heads", "out aux")


@dataclass
class Scores:
    loss: Tensor | None
    logits: Tensor
    hidden: tuple[Tensor, ...] = ()


class Dictlike(OrderedDict):  # type: ignore[type-arg]
    """As Hugging Face's: a dict of a class of its own, made by its fields."""


A, B = torch.zeros(2, 3), torch.ones(2, 5)


@pytest.mark.parametrize(
    ("output", "names", "main"),
    [
        (A, [""], A),
        ((A, B), ["0", "1"], A),
        ([B, [A]], ["0", "1.0"], B),
        ({"aux": B, "logits": A}, ["aux", "logits"], A),
        ({"first": B, "second": {"logits": A}}, ["first", "second.logits"], B),
        (Heads(A, B), ["out", "aux"], A),
        (Scores(None, A, (B, B)), ["logits", "hidden.0", "hidden.1"], A),
        (Dictlike(hidden=B, logits=A), ["hidden", "logits"], A),
        ((None, 3, A), ["2"], A),
    ],
)
def test_every_tensor_has_a_name_and_one_is_the_main_one(
    output: Any, names: list[str], main: Tensor
) -> None:
    assert [name for name, _ in named_outputs(output)] == names
    assert main_output(output) is main
    doubled = changed_outputs(output, lambda tensor: tensor.double())
    assert type(doubled) is type(output)
    assert all(tensor.dtype == torch.float64 for _, tensor in named_outputs(doubled))
    assert [name for name, _ in named_outputs(doubled)] == names


@pytest.mark.parametrize("output", [None, 3, {}, (), {"logits": None}])
def test_an_output_without_a_tensor_is_refused(output: Any) -> None:
    with pytest.raises(InputError, match=f"gave {type(output).__name__}, in which there is no ten"):
        main_output(output)
