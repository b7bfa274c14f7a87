"""Batches in every form that a network takes: a tensor, several in order, a dict by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netadapt.errors import InputError, ModelError
from netadapt.networks.network_inputs import changed, fed, in_order, parameter_names, tensors_in


class Difference(nn.Module):
    def forward(self, image: Tensor, depth: Tensor, scale: float = 1.0) -> Tensor:
        return (image - depth) * scale


A, B = torch.full((2, 3), 5.0), torch.full((2, 3), 3.0)


@pytest.mark.parametrize(
    "inputs", [(A, B), [A, B], {"image": A, "depth": B}, {"depth": B, "image": A}]
)
def test_several_inputs_go_where_they_belong(inputs: Any) -> None:
    model = Difference()
    assert torch.equal(fed(model, inputs), A - B)
    first, second = in_order(model, inputs)
    assert torch.equal(first, A)
    assert torch.equal(second, B)
    halved = changed(inputs, lambda tensor: tensor[:1])
    assert torch.equal(fed(model, halved), (A - B)[:1])
    assert len(tensors_in(inputs, "the task")) == 2


def test_one_tensor_is_one_input() -> None:
    assert torch.equal(fed(nn.Identity(), A), A)
    assert in_order(nn.Identity(), A) == (A,)
    assert parameter_names(Difference()) == ["image", "depth", "scale"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("picture", "inputs of the kind str; expected a tensor, a tuple of tensors, or a dict"),
        ((A, "depth"), "inputs of the kind tuple with str"),
        ((), "inputs of the kind tuple"),
        ((A, B[:1]), "inputs of 2, 1 examples; expected as many in each"),
        (A[:0], "inputs of 0 examples"),
        (torch.tensor(1.0), "inputs of 0 examples"),
    ],
)
def test_other_inputs_are_refused_by_what_they_are(inputs: Any, said: str) -> None:
    with pytest.raises(InputError, match=f"the task gave {said}"):
        tensors_in(inputs, "the task")


def test_a_dict_that_no_order_gives_is_refused() -> None:
    with pytest.raises(ModelError, match=r"takes no picture by position; it takes image, depth"):
        in_order(Difference(), {"picture": A})
    with pytest.raises(ModelError, match="takes image before depth: a saved network is called"):
        in_order(Difference(), {"depth": B})
