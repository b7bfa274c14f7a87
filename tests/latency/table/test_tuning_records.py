"""Tuning records: both line formats, every reason to skip one, and what several mean together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.table.record_import import import_table
from netadapt.latency.table.record_merging import merge_files
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.latency.table.tuning_records import SkippedRecord, parse_record, read_records

CONFIG = [["tile_co", "sp", [-1, 8]], ["ann_reduce", "an", ["none", "unroll"]]]


def tensor(*shape: int, dtype: str = "float32") -> list[Any]:
    return ["TENSOR", list(shape), dtype]


def first_format(
    arguments: list[Any],
    *,
    task: str = "topi_nn_conv2d",
    template: str = "direct",
    seconds: tuple[float, ...] = (0.002,),
    failure: int = 0,
    target: str = "llvm -device=arm_cpu",
) -> str:
    workload = ["conv2d"]
    config = {"i": 1, "t": template, "c": None, "e": CONFIG}
    inputs = [target, task, arguments, {}, workload, config]
    return json.dumps({"i": inputs, "v": 0.1, "r": [list(seconds), failure, 1.5, 1549478477.5]})


def second_format(
    arguments: list[Any],
    *,
    task: str = "conv2d_nchw.cuda",
    seconds: tuple[float, ...] = (0.002,),
    failure: int = 0,
    target: str = "cuda -model=tx2",
) -> str:
    return json.dumps(
        {
            "input": [target, task, arguments, {}],
            "config": {"index": 1, "code_hash": None, "entity": CONFIG},
            "result": [list(seconds), failure, 1.5, 1549478477.5],
            "version": 0.2,
            "tvm_version": "0.7.dev0",
        }
    )


def conv2d_of(
    channels: int, out: int, size: int, kernel: int = 1, stride: int = 1, padding: int = 0
) -> list[Any]:
    return [
        tensor(1, channels, size, size),
        tensor(out, channels, kernel, kernel),
        [stride, stride],
        [padding, padding],
        "NCHW",
        "float32",
    ]


@given(
    channels=st.integers(1, 64),
    out=st.integers(1, 64),
    size=st.tuples(st.integers(8, 64), st.integers(8, 64)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.integers(1, 3),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.integers(1, 2),
    microseconds=st.integers(1, 10**6),
)
def test_both_formats_give_the_same_shape_and_time(
    channels: int,
    out: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: tuple[int, int],
    dilation: int,
    microseconds: int,
) -> None:
    data, weights = tensor(1, channels, *size), tensor(out, channels, *kernel)
    strides, dilations = [stride, stride], [dilation, dilation]
    seconds = (microseconds / 1e6,)
    first = parse_record(
        first_format(
            [data, weights, strides, list(padding), dilations, "NCHW", "float32"], seconds=seconds
        )
    )
    second = parse_record(
        second_format(
            [data, weights, strides, [*padding, *padding], dilations, "float32"], seconds=seconds
        )
    )
    assert first.shape == second.shape
    assert first.latency_ms == second.latency_ms == pytest.approx(microseconds / 1e3)
    assert first.shape == LayerShape(
        op="conv2d",
        in_channels=channels,
        out_channels=out,
        kernel=kernel,
        stride=(stride, stride),
        padding=padding,
        dilation=(dilation, dilation),
        groups=1,
        in_height=size[0],
        in_width=size[1],
        activation="any",
    )


def test_other_operators_have_shapes_too() -> None:
    depthwise = parse_record(
        second_format(
            [tensor(1, 32, 56, 56), tensor(32, 1, 3, 3), [2, 2], [1, 1, 1, 1], [1, 1], "float32"],
            task="depthwise_conv2d_nchw.cuda",
        )
    ).shape
    assert depthwise.is_depthwise
    assert depthwise.out_size == (28, 28)
    grouped = parse_record(
        second_format(
            [tensor(1, 32, 9, 9), tensor(64, 8, 1, 1), [1, 1], [0, 0], [1, 1], 4, "float32"],
            task="group_conv2d_nchw.cuda",
        )
    ).shape
    assert (grouped.groups, grouped.out_channels) == (4, 64)
    transposed = parse_record(
        second_format(
            [tensor(1, 32, 7, 7), tensor(32, 16, 5, 5), [2, 2], [2, 2], "float32", [1, 1]],
            task="conv2d_transpose_nchw.cuda",
        )
    ).shape
    assert (transposed.op, transposed.out_channels) == ("conv_transpose2d", 16)
    assert transposed.out_size == (14, 14)
    linear = parse_record(
        second_format(
            [tensor(1, 512), tensor(1000, 512), None, "float32"], task="dense_small_batch.cuda"
        )
    ).shape
    assert (linear.op, linear.macs) == ("linear", 512000)


def test_the_task_names_of_tophubs_boards() -> None:
    """x86 names its own layout, but records the arguments in NCHW; so do Mali and Arm."""
    names = ("topi_x86_conv2d_NCHWc", "topi_nn_conv2d", "conv2d_nchw_spatial_pack.mali")
    shapes = {parse_record(first_format(conv2d_of(8, 16, 8), task=name)).shape for name in names}
    (shape,) = shapes
    assert (shape.in_channels, shape.out_channels) == (8, 16)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (first_format(conv2d_of(8, 8, 8), template="winograd"), "winograd"),
        (second_format(conv2d_of(8, 8, 8), task="conv2d_nchw_winograd.cuda"), "winograd"),
        (first_format(conv2d_of(8, 8, 8), failure=4), "the measurement failed"),
        (first_format(conv2d_of(8, 8, 8), seconds=(1e9,)), "no valid time"),
        (first_format(conv2d_of(8, 8, 8), seconds=()), "no valid time"),
        (second_format(conv2d_of(8, 8, 8), task="softmax.cuda"), "operator 'softmax.cuda'"),
        (second_format(conv2d_of(8, 8, 8), task="conv2d_nhwc_spatial_pack.arm_cpu"), "layout NCHW"),
        (first_format([tensor(4, 8, 8, 8), *conv2d_of(8, 8, 8)[1:]]), "batch 4"),
        (first_format([*conv2d_of(8, 8, 8)[:-1], "float16"]), "dtype float16"),
        (
            first_format([tensor(1, 8, 8, 8, dtype="int8"), *conv2d_of(8, 8, 8)[1:]]),
            "dtype int8",
        ),
        (first_format([*conv2d_of(8, 8, 8)[:-2], "NHWC", "float32"]), "layout NHWC"),
        (
            second_format(
                [tensor(1, 8, 8, 8), tensor(8, 8, 2, 2), [1, 1], [0, 0, 1, 1], "float32"]
            ),
            "not the same on both sides",
        ),
    ],
)
def test_what_is_skipped_says_why(line: str, reason: str) -> None:
    with pytest.raises(SkippedRecord, match=reason):
        parse_record(line)


@given(text=st.text(max_size=200) | st.builds(json.dumps, st.dictionaries(st.text(), st.text())))
def test_anything_else_is_no_record(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|version"):
        parse_record(text)


@given(cut=st.integers(1, 300))
def test_a_torn_line_is_no_record(cut: int) -> None:
    line = first_format(conv2d_of(8, 8, 8))
    with pytest.raises(ValueError, match="not JSON"):
        parse_record(line[:-cut] or "{")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "notes.log"
    log.write_text("epoch 1\nepoch 2\n")
    with pytest.raises(TableError, match=r"notes\.log holds no tuning records \(line 1"):
        read_records(log)
    with pytest.raises(TableError, match=r"cannot read .*absent\.log"):
        read_records(tmp_path / "absent.log")


def test_a_torn_last_line_is_skipped_by_name(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text(first_format(conv2d_of(8, 8, 8)) + "\n" + first_format([])[:40])
    records, skipped = read_records(log)
    assert len(records) == 1
    assert (skipped[0].line, skipped[0].reason[:18]) == (2, "not a tuning recor")


def write_run(path: Path, times_ms: dict[int, float], target: str = "cuda") -> Path:
    """A tuning run: pointwise convolutions 16 → width at 14×14, each with its time."""
    lines = [
        first_format(conv2d_of(16, width, 14), seconds=(ms / 1e3,), target=target)
        for width, ms in times_ms.items()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_of_repeats_the_least_counts(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a.log", {8: 1.0, 16: 2.0}),
        write_run(tmp_path / "b.log", {8: 1.2, 24: 3.0}),
    ]
    rows = {row.shape.out_channels: row for row in merge_files(runs).rows}
    assert [rows[width].latency_ms for width in (8, 16, 24)] == [1.0, 2.0, 3.0]
    assert rows[8].samples == 2
    assert rows[8].spread_ms == pytest.approx(0.1414, rel=1e-3)
    assert rows[16].spread_ms is None


def test_a_run_in_a_slower_mode_is_left_out_and_named(tmp_path: Path) -> None:
    widths = range(8, 80, 8)
    runs = [
        write_run(tmp_path / "a.log", {w: w / 10 for w in widths}),
        write_run(tmp_path / "b.log", {w: w / 10 * 1.05 for w in widths}),
        write_run(tmp_path / "slow.log", {w: w / 10 * 2 for w in (*widths, 800)}),
    ]
    merged = merge_files(runs)
    assert [(s.file, round(s.ratio, 2), s.shared_shapes) for s in merged.slow_files] == [
        ("slow.log", 2.0, 9)
    ]
    assert 800 not in {row.shape.out_channels for row in merged.rows}
    assert "slow.log: 2.00 times slower" in merged.meta()["left_out"][0]


def test_others_figures_stay_apart(tmp_path: Path) -> None:
    own = write_run(tmp_path / "own.log", {8: 1.0})
    others = write_run(tmp_path / "tophub.log", {8: 0.7, 16: 1.5})
    table = LookupTable("board", list(merge_files([own], [others]).rows))
    assert [(row.latency_ms, row.series) for row in table.entries] == [
        (1.0, ""),
        (0.7, "tophub"),
        (1.5, "tophub"),
    ]
    found = table.find(table.entries[0].shape)
    assert found is not None
    assert found.latency_ms == 1.0


def test_two_kinds_of_target_make_no_table(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "gpu.log", {8: 1.0}, target="cuda"),
        write_run(tmp_path / "cpu.log", {8: 9.0}, target="llvm -device=arm_cpu"),
    ]
    told = r"several boards: cuda \(1, gpu\.log line 1\), llvm \(1, cpu\.log line 1\).*--board"
    with pytest.raises(TableError, match=told):
        merge_files(runs)


JETSON = '{"kind": "cuda", "model": "tx2", "keys": ["cuda", "gpu"]}'


@pytest.mark.parametrize("target", ["cuda -keys=cuda,gpu -model=tx2", JETSON])
def test_of_several_boards_one_is_chosen(tmp_path: Path, target: str) -> None:
    own = write_run(tmp_path / "own.log", {8: 1.0, 16: 2.0}, target=target)
    write_run(tmp_path / "v100.log", {8: 0.1}, target="cuda -model=v100")
    own.write_text(own.read_text() + (tmp_path / "v100.log").read_text())
    for own_files, others in (([own], []), ([write_run(tmp_path / "x.log", {8: 1.0})], [own])):
        with pytest.raises(
            TableError, match=r"tx2 \(2, own.log line 1\), v100 \(1, own.log line 3"
        ):
            merge_files(own_files, others)
    merged = merge_files([own], board="tx2")
    assert [row.latency_ms for row in merged.rows] == [1.0, 2.0]
    assert merged.skip_reasons() == {"own.log: of the board v100": 1}
    with pytest.raises(TableError, match="no record is of the board nano; there are tx2"):
        merge_files([own], board="nano")


@pytest.mark.parametrize(
    ("mine", "other", "board"),
    [
        ('{"kind": "cuda", "arch": "sm_62"}', '{"kind": "cuda", "arch": "sm_70"}', "SM_62"),
        ("llvm -mcpu=core-avx2", "llvm -mcpu=skylake-avx512", "core-avx2"),
        ('{"tag": "nvidia/jetson-tx2"}', '{"tag": "nvidia/tesla-v100"}', "nvidia/jetson-tx2"),
    ],
)
def test_boards_without_a_model_are_told_apart(
    tmp_path: Path, mine: str, other: str, board: str
) -> None:
    runs = [
        write_run(tmp_path / "a.log", {8: 1.0}, target=mine),
        write_run(tmp_path / "b.log", {8: 0.1}, target=other),
    ]
    with pytest.raises(TableError, match="several boards"):
        merge_files(runs)
    assert [row.latency_ms for row in merge_files(runs, board=board).rows] == [1.0]


def test_why_no_record_can_stand_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.log", {8: 1.0})
    run.write_text(run.read_text().replace("float32", "float16") * 2)
    with pytest.raises(TableError, match=r"dtype float16: tables are float32 \(2, run\.log line 1"):
        merge_files([run])
    run.write_text("")
    with pytest.raises(TableError, match="the file is empty"):
        merge_files([run])


def test_an_import_says_what_no_hardware_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = write_run(tmp_path / "run.log", {64: 1e-6, 128: 2e-6})
    import_table("board", [run], [], tmp_path / "board.csv")
    assert "are these seconds?" in caplog.text


def test_a_record_that_names_no_board_goes_with_the_others(tmp_path: Path) -> None:
    own = write_run(tmp_path / "own.log", {8: 1.0})
    others = write_run(tmp_path / "tophub.log", {8: 0.7}, target="cuda -model=tx2")
    assert len(merge_files([own], [others]).rows) == 2


def test_a_byte_order_mark_costs_no_record(tmp_path: Path) -> None:
    run = write_run(tmp_path / "bom.log", {8: 1.0, 16: 2.0})
    run.write_bytes(b"\xef\xbb\xbf" + run.read_bytes().replace(b"\n", b"\r\n"))
    assert len(merge_files([run]).rows) == 2


def test_an_import_keeps_the_toml_and_never_replaces_measured_rows(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.log", {8: 1.0})
    target = tmp_path / "board.csv"
    target.with_suffix(".toml").write_text('power_mode = "max-N"\n[check]\nnetworks = []\n')
    import_table("board", [run], [], target)
    meta = LookupTable.read(target).meta
    assert (meta["power_mode"], meta["device"], meta["import"]["rows"]) == ("max-N", "board", 1)
    assert "check" not in meta
    row = LookupTable.read(target).entries[0]
    measured = TableRow(row.shape, 2.0, source="measured")
    LookupTable("board", [measured]).write(target)
    with pytest.raises(TableError, match="holds 1 measured rows"):
        import_table("board", [run], [], target)


@pytest.mark.parametrize(
    ("device", "own", "others", "rows", "slow"),
    [
        ("tx2", "tx2-gpu.*.log", "tophub-cuda-tx2.log", 225, []),
        ("tx2-cpu", "tx2-cpu.*.log", None, 66, ["mobilenet-nnconv5.trials"]),
        ("rk3399", "tophub-arm_cpu-rk3399.log", None, 199, []),
    ],
)
def test_the_shipped_tables_are_what_the_records_give(
    shared_data: Path,
    tmp_path: Path,
    device: str,
    own: str,
    others: str | None,
    rows: int,
    slow: list[str],
) -> None:
    records = shared_data / "tuning_records"
    merged = import_table(
        device,
        sorted(records.glob(own)),
        [records / others] if others else [],
        tmp_path / f"{device}.csv",
    )
    assert len(merged.rows) == rows
    assert len(merged.slow_files) == len(slow)
    assert all(part in found.file for part, found in zip(slow, merged.slow_files, strict=True))
    shipped = Path(__file__).parents[3] / "lookup_tables" / f"{device}.published.csv"
    assert (tmp_path / f"{device}.csv").read_text() == shipped.read_text()
