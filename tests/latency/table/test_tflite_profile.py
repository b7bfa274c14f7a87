"""benchmark_model's table of operators beside a .tflite file, which is built here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.engine_profile_import import Beside, import_profiles
from netadapt.latency.table.tflite_file import read_operators

flatbuffers = pytest.importorskip("flatbuffers", reason="comes with the extra netadapt[onnx]")

ONE = (1, 1)
SAME, VALID = 0, 1


def table(builder: Any, *fields: tuple[int, str, Any]) -> int:
    """A table of (field's number, its kind, its value)."""
    builder.StartObject(1 + max((number for number, _, _ in fields), default=0))
    for number, kind, value in fields:
        if kind == "byte":
            builder.PrependInt8Slot(number, value, 0)
        elif kind == "int":
            builder.PrependInt32Slot(number, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
    return builder.EndObject()


def numbers(builder: Any, values: list[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return builder.EndVector()


def offsets(builder: Any, values: list[int]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return builder.EndVector()


Operator = tuple[int, list[list[int]], list[int], list[tuple[int, str, int]]]
"""Its code, the sizes it reads, the size it gives, its options' fields."""


def tflite(operators: list[Operator], kind: int = 0) -> bytes:
    """A .tflite file with these operators, their tensors of type `kind`."""
    builder = flatbuffers.Builder(1024)
    tensors, made = [], []
    for index, (_, reads, gives, options) in enumerate(operators):
        first = len(tensors)
        for size in (*reads, gives):
            shape = numbers(builder, size)
            tensors.append(table(builder, (0, "table", shape), (1, "byte", kind)))
        taken = numbers(builder, [*range(first, first + len(reads)), -1])
        given = numbers(builder, [len(tensors) - 1])
        held = table(builder, *options)
        made.append(
            table(
                builder,
                *((0, "int", index), (1, "table", taken), (2, "table", given)),
                *((3, "byte", 1), (4, "table", held)),
            )
        )
    tensors_at, made_at = offsets(builder, tensors), offsets(builder, made)
    subgraph = table(builder, (0, "table", tensors_at), (3, "table", made_at))
    codes = [table(builder, (0, "byte", code), (3, "int", code)) for code, *_ in operators]
    codes_at, subgraphs_at = offsets(builder, codes), offsets(builder, [subgraph])
    model = table(builder, (0, "int", 3), (1, "table", codes_at), (2, "table", subgraphs_at))
    builder.Finish(model, b"TFL3")
    return bytes(builder.Output())


CONV: Operator = (
    3,
    [[1, 14, 14, 8], [16, 3, 3, 8], [16]],
    [1, 14, 14, 16],
    [(0, "byte", SAME), (1, "int", 1), (2, "int", 1), (3, "byte", 1), (4, "int", 1), (5, "int", 1)],
)
DEPTHWISE: Operator = (
    4,
    [[1, 15, 15, 8], [1, 3, 3, 8], [8]],
    [1, 7, 7, 8],
    [(0, "byte", VALID), (1, "int", 2), (2, "int", 2), (3, "int", 1), (4, "byte", 3),
     (5, "int", 1), (6, "int", 1)],
)  # fmt: skip
POOL: Operator = (
    17,
    [[1, 14, 14, 8]],
    [1, 7, 7, 8],
    [(0, "byte", VALID), (1, "int", 2), (2, "int", 2), (3, "int", 2), (4, "int", 2)],
)
LINEAR: Operator = (9, [[1, 40], [24, 40], [24]], [1, 24], [(0, "byte", 0)])
ADD: Operator = (0, [[1, 7, 7, 8], [1, 7, 7, 8]], [1, 7, 7, 8], [(0, "byte", 1)])
UNEVEN: Operator = (
    3,
    [[1, 14, 14, 8], [16, 3, 3, 8]],
    [1, 7, 7, 16],
    [(0, "byte", SAME), (1, "int", 2), (2, "int", 2), (4, "int", 1), (5, "int", 1)],
)
PAD: Operator = (34, [[1, 14, 14, 8]], [1, 16, 16, 8], [])
OPERATORS = [CONV, DEPTHWISE, POOL, LINEAR, ADD, UNEVEN, PAD]
KINDS = ["CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED", "ADD", "CONV_2D", "PAD"]

HEADER = "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]"


def printed(kinds: list[str], *, numbered: bool = True) -> str:
    """What benchmark_model prints with --enable_op_profiling=true."""
    lines = [
        f"\t {kind}\t 9.000\t {0.5 + i:.3f}\t 1.0%\t 2.0%\t 0.000\t 1\t[net/{i}]"
        + (f":{i}" if numbered else "")
        for i, kind in enumerate(kinds)
    ]
    rows = "\n".join(lines)
    order = f"============================== Run Order ==============================\n{HEADER}\n"
    return (
        "INFO: Inference timings in us: Init: 9, First inference: 9, Inference (avg): 9\n"
        "Profiling Info for Benchmark Initialization:\n"
        f"{order}\t AllocateTensors\t 1.000\t 1.000\t 9%\t 9%\t 0.000\t 1\tAllocateTensors/0\n\n"
        "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
        f"{order}{rows}\n\n"
        f"============================== Top by Computation Time ==============================\n"
        f"{HEADER}\n{rows}\n\nNumber of nodes executed: {len(kinds)}\n"
    )


def files(tmp_path: Path, text: str, network: bytes) -> tuple[Path, Path]:
    profile, model = tmp_path / "benchmark.txt", tmp_path / "net.tflite"
    profile.write_text(text)
    model.write_bytes(network)
    return profile, model


@pytest.mark.parametrize("numbered", [True, False])
def test_operators_become_layers(tmp_path: Path, numbered: bool) -> None:
    text = printed(KINDS, numbered=numbered)
    profile, model = files(tmp_path, text, tflite(OPERATORS))
    found = import_profiles("phone", [profile], tmp_path / "phone.csv", Beside(model))
    assert {row.shape: row.latency_ms for row in found.rows} == {
        LayerShape("conv2d", 8, 16, (3, 3), ONE, ONE, ONE, 1, 14, 14, "relu"): 0.5,
        LayerShape("conv2d", 8, 8, (3, 3), (2, 2), (0, 0), ONE, 8, 15, 15, "relu6"): 1.5,
        LayerShape("pool", 8, 8, (2, 2), (2, 2), (0, 0), ONE, 1, 14, 14, "max"): 2.5,
        LayerShape("linear", 40, 24, ONE, ONE, (0, 0), ONE, 1, 1, 1): 3.5,
        LayerShape("add", 8, 8, ONE, ONE, (0, 0), ONE, 1, 7, 7, "relu"): 4.5,
    }
    reasons = [one.reason for one in found.left_out]
    assert reasons == [
        "padding 'SAME', which here isn't the same on both sides",
        "PAD: no layer shape stands for it",
    ]


def test_an_int8_network_is_an_int8_table(tmp_path: Path) -> None:
    profile, model = files(tmp_path, printed(KINDS[:1]), tflite(OPERATORS[:1], kind=9))
    found = import_profiles("phone", [profile], tmp_path / "phone.csv", Beside(model))
    assert found.precision == "int8"
    assert found.rows[0].schedule == "TFLite-int8"


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        (["TfLiteXNNPackDelegate"], "run by a delegate"),
        (["ADD"], "the file has CONV_2D in its place"),
    ],
)
def test_what_can_not_be_told_is_said(tmp_path: Path, kinds: list[str], complaint: str) -> None:
    profile, model = files(tmp_path, printed(kinds), tflite(OPERATORS))
    with pytest.raises(TableError, match=complaint):
        import_profiles("phone", [profile], tmp_path / "phone.csv", Beside(model))
    with pytest.raises(TableError, match=r"--network FILE\.tflite"):
        import_profiles("phone", [profile], tmp_path / "phone.csv", Beside())
    assert not (tmp_path / "phone.csv").exists()


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    whole = tflite(OPERATORS)
    model = tmp_path / "net.tflite"
    for content, complaint in ((b"no such file", "is no .tflite file"), (whole[:60], "damaged")):
        model.write_bytes(content)
        with pytest.raises(TableError, match=complaint) as caught:
            read_operators(model)
        assert "\n" not in str(caught.value)
    for length in range(8, len(whole), 37):  # cut anywhere: read, or said to be damaged
        model.write_bytes(whole[:length])
        try:
            read_operators(model)
        except TableError:
            continue
