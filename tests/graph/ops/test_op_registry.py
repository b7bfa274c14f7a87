"""The records of what ships, and how one is added."""

from __future__ import annotations

import doctest
import subprocess
import sys
from dataclasses import replace

import pytest

import netadapt
from netadapt.errors import InputError, ModelError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops import spec as spec_file
from netadapt.graph.ops.op_registry import OPS, specs_by_call
from netadapt.latency.model.features import FEATURES, feature_names, features

ONE = (1, 1)


def layer(op: str) -> LayerShape:
    return LayerShape(op, 8, 8, ONE, ONE, (0, 0), ONE, 1, 6, 4)


def test_every_record_has_the_name_it_is_known_by() -> None:
    assert {name: OPS[name].name for name in OPS.names()} == {name: name for name in OPS.names()}


def test_only_features_that_exist_are_named_and_families_are_of_one_operator() -> None:
    families = [family for name in OPS.names() for family in OPS[name].features]
    assert len(families) == len(set(families))
    assert {f for family in families for f in feature_names(family)} <= FEATURES.keys()
    with pytest.raises(ModelError, match="no operator has a family called 'windings'"):
        feature_names("windings")


def test_an_operator_of_the_trace_is_one_kind_of_layer() -> None:
    kinds = specs_by_call()
    assert {kinds["conv1d"].name, kinds["cat"].name, kinds["mean"].name} == {
        "conv2d",
        "concat",
        "pool",
    }
    greedy = netadapt.OpSpec("greedy", calls=("cat",))
    with OPS.temporarily("greedy", greedy), pytest.raises(ModelError, match=r"'cat' is claimed by"):
        specs_by_call()


def test_an_operator_is_registered_under_a_name_of_its_own() -> None:
    assert netadapt.register_op(OPS["add"]) is OPS["add"]
    with pytest.raises(ModelError, match="there is an operator called 'add' already"):
        netadapt.register_op(replace(OPS["add"]))


def test_a_record_that_no_table_or_trace_can_use_is_refused() -> None:
    for name in ("", "My Op", "a,b", "2d"):
        with pytest.raises(InputError, match="use lower case, digits and _"):
            netadapt.OpSpec(name)
    with pytest.raises(InputError, match="'mine::gate', expected a tuple"):
        netadapt.OpSpec("gate", calls="mine::gate")


def test_a_table_lists_the_operators_there_are() -> None:
    row = dict(layer("add").to_row())
    with pytest.raises(ValueError, match=r"op is 'sigh', expected one of conv2d, .*elementwise$"):
        LayerShape.from_row({**row, "op": "sigh"})
    with pytest.raises(ModelError, match="no operator called 'sigh'"):
        _ = layer("sigh").macs
    sigh = netadapt.OpSpec("sigh")
    with OPS.temporarily("sigh", sigh):
        shape = LayerShape.from_row({**row, "op": "sigh"})
        assert (shape.macs, shape.weights, shape.out_size) == (0, 0, (6, 4))
        assert len(features(shape)) == len(feature_names("sigh"))


def test_a_feature_that_is_not_known_lists_the_known() -> None:
    odd = netadapt.OpSpec("odd", features={"odd": ("pixels", "colour")})
    with OPS.temporarily("odd", odd), pytest.raises(ModelError, match=r"'colour'.*in_channels"):
        features(layer("odd"))


def test_a_mode_and_what_follows_are_told_apart() -> None:
    shape = replace(layer("upsample"), activation="nearest+relu")
    assert OPS["upsample"].mode_and_activation(shape) == ("nearest", "relu")
    shape = replace(layer("pool"), activation="max")
    assert OPS["pool"].mode_and_activation(shape) == ("max", "none")
    shape = replace(layer("elementwise"), activation="batch_norm+relu")
    assert OPS["elementwise"].mode_and_activation(shape) == ("", "batch_norm+relu")


def test_costs_load_no_torch() -> None:
    code = (
        "import sys; from netadapt.graph.layer_shape import LayerShape; "
        "from netadapt.graph.ops.op_registry import OPS; "
        "one = (1, 1); "
        "[LayerShape(op, 8, 8, one, one, (0, 0), one, 1, 6, 4).macs for op in OPS.names()]; "
        "print(sorted({'torch', 'pandas', 'onnx', 'tvm'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_the_records_example_runs() -> None:
    results = doctest.testmod(spec_file, extraglobs={"LayerShape": LayerShape})
    assert results.attempted
    assert not results.failed
