"""An engine behind a command: a real one on this machine, and connections that go wrong."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netadapt.errors import DeviceError, InputError
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.runtimes.base import SMALL, UnsupportedLayer, WrongOutput
from netadapt.latency.runtimes.command.command_table import CommandTable, filled, placeholders
from netadapt.latency.runtimes.command.runtime import CommandRuntime, _own_ms
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.reference import reference
from netadapt.latency.runtimes.repeating import times_ms
from tests.cli.command import heard
from tests.latency.runtimes.every_kind import shape

pytest.importorskip("onnxruntime", reason="the extra netadapt[onnx] is not installed")

ENGINE = Path(__file__).with_name("onnx_engine.py")
TIME = {"regex": r"^run \d+: (?P<time>[\d.]+) (?P<unit>\w+)$"}
HERE = {
    "engine": "small-engine",
    "run": [sys.executable, str(ENGINE), "{file}", "12", "whole"],
    "time": TIME,
    "warm_up": 2,
}
Stand = Callable[[str, str], None]


def profile(command: dict[str, Any], **others: Any) -> DeviceProfile:
    return DeviceProfile(name="board", runtime="command", command=command, **others)


OPENED: list[CommandRuntime] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def opened(command: dict[str, Any], **others: Any) -> CommandRuntime:
    OPENED.append(CommandRuntime(profile(command, **others)))
    return OPENED[-1]


def test_a_layer_takes_what_it_takes_in_the_same_engine() -> None:
    """Told apart from its surroundings, by files alone; and by the engine's names of nodes."""
    import onnxruntime

    layer = shape("conv2d", 128, 128, 3, 1, 1, size=(28, 28), activation="relu6")
    values = reference(layer)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    alone = onnxruntime.InferenceSession(layer_model(layer, values), options)
    feeds = {"x0": values.inputs[0]}
    expected = min(times_ms(lambda: alone.run(None, feeds), 0.1, threads=1, most=20))
    nodes = {"run": [*HERE["run"][:-1], "nodes"], "json": "[*]", "name": "name", "time": "minMs"}
    by_files = opened({**HERE, "repeats": 4}, wall_limit_s=60.0).measure(layer)
    by_names = opened({**HERE, "layers": nodes, "repeats": 4}, wall_limit_s=60.0).measure(layer)
    # Another process has other caches; and names are timed by the wall's clock.
    assert expected / 1.5 < by_files.latency_ms < 1.5 * expected
    assert expected / 1.5 < by_names.latency_ms < 3 * expected


def test_a_whole_file_is_timed_and_nothing_stays() -> None:
    runtime = opened(HERE, wall_limit_s=60.0)
    timing = runtime.measure_network(layer_model(SMALL, reference(SMALL)))
    assert len(timing.samples_ms) == 10  # two of twelve are for warming up
    assert not list(Path(runtime._folder.name).iterdir())
    runtime.close()
    assert not Path(runtime._folder.name).exists()


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Put a program of this name, with this text as its shell script, first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(name: str, script: str) -> None:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return write


FAR = {
    "engine": "far-engine",
    "reach": "ssh {host} true",
    "send": "scp -q {file} {host}:{remote}",
    "run": "ssh {host} time-it --onnx={remote}",
    "clean": "ssh {host} rm -f {remote}",
    "time": {"regex": r"took (?P<time>\S+) ms"},
    "folder": "/tmp",
    "retries": 0,
}


def far(limit_s: float = 60.0, **others: Any) -> CommandRuntime:
    return opened({**FAR, **others}, host="nano", wall_limit_s=limit_s, connect_limit_s=limit_s)


NETWORK = b"not looked at by a stand-in"


def test_a_far_engine_gets_the_file_and_loses_it_again(stand: Stand, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for program in ("ssh", "scp"):
        stand(program, f'echo {program} "$@" >> {log}; echo took 2.5 ms')
    runtime = far()
    assert runtime.measure_network(NETWORK).samples_ms == (2.5,)
    scp, run, clean = log.read_text().splitlines()
    name = scp.rpartition("/")[2]
    assert scp.endswith(f"/{name} nano:/tmp/{name}")
    assert run == f"ssh nano time-it --onnx=/tmp/{name}"
    assert clean == f"ssh nano rm -f /tmp/{name}"


@pytest.mark.parametrize(
    ("ssh", "kind", "complaint"),
    [
        ("echo 'No route to host' >&2; exit 255", DeviceError, "no connection.*No route to host"),
        ("[ $2 = true ] || { echo 'no time-it' >&2; exit 127; }", DeviceError, "no such program"),
        ("echo took forever", DeviceError, "no time where the regex.*'took forever'"),
        ("echo took 2500 us", DeviceError, "no time where the regex.*'took 2500 us'"),
        ("echo took 0 ms", DeviceError, "expected one or more above zero"),
        ("echo took 1e999 ms", DeviceError, "'1e999' stands where a time should"),
        ("head -c 9000 /dev/zero", DeviceError, "no time where"),
        (
            "[ $2 = true ] || { echo 'Unsupported operator' >&2; exit 1; }",
            UnsupportedLayer,
            "far-engine on board can't run the network: ssh, exit code 1.*Unsupported operator",
        ),
        ("echo 'device not found' >&2; exit 1", DeviceError, "board doesn't answer to 'ssh'"),
    ],
)
def test_what_goes_wrong_is_one_line(
    stand: Stand, ssh: str, kind: type[DeviceError], complaint: str
) -> None:
    stand("scp", "exit 0")
    stand("ssh", ssh)
    runtime = far()
    with pytest.raises(DeviceError, match=complaint) as caught:
        runtime.measure_network(NETWORK)
    assert type(caught.value) is kind
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert not list(Path(runtime._folder.name).iterdir())


def test_what_hangs_is_given_up_with_all_that_it_started(stand: Stand, tmp_path: Path) -> None:
    stand("scp", "exit 0")
    stand("ssh", f"echo $$ >> {tmp_path}/pids; sleep 300 & echo $! >> {tmp_path}/pids; wait")
    start = time.monotonic()
    with pytest.raises(DeviceError, match=r"took longer than 0\.5 s and was given up"):
        far(0.5).measure_network(NETWORK)
    assert time.monotonic() - start < 60
    pids = tmp_path / "pids"  # a shell that had no time to begin has written none
    for pid in pids.read_text().split() if pids.is_file() else ():
        while not _ended(pid) and time.monotonic() - start < 60:
            time.sleep(0.05)
        assert _ended(pid)


def _ended(pid: str) -> bool:
    """Whether a process is dead and only waits to be asked for its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_connection_that_fails_once_is_tried_again(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netadapt.latency.runtimes.command.runtime.WAIT_S", 0.0)
    once = tmp_path / "once"
    stand("scp", f"[ -e {once} ] || {{ touch {once}; exit 255; }}")
    stand("ssh", "echo took 4 ms")
    assert far(retries=1).measure_network(NETWORK).latency_ms == 4
    once.unlink()
    with pytest.raises(DeviceError, match="no connection"):
        far(retries=0).measure_network(NETWORK)


def test_a_device_that_is_gone_is_told_before_anything_is_spent(stand: Stand) -> None:
    stand("scp", "exit 0")
    stand("ssh", "echo 'Connection refused' >&2; exit 255")
    with pytest.raises(DeviceError, match=r"doesn't answer to 'ssh'.*Connection refused"):
        far().reach()
    with pytest.raises(DeviceError, match="there is no program 'no-such-engine' here"):
        opened({**HERE, "run": "no-such-engine {file}"}).reach()


def test_a_build_on_a_dead_board_exits_with_3_and_writes_nothing(
    stand: Stand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stand("ssh", "echo 'No route to host' >&2; exit 255")
    stand("scp", "exit 0")
    file = tmp_path / "board.toml"
    file.write_text(
        'runtime = "command"\nhost = "nano"\n[command]\nengine = "far"\nreach = "ssh {host} true"'
        '\nrun = "ssh {host} time-it"\n[command.time]\nregex = "took (.*) ms"\n'
    )
    out = tmp_path / "tables" / "board.csv"
    code, _, err = heard(capsys)(
        *("lut", "build", "--device", "board", "--profile", file, "--out", out)
    )
    assert code == 3
    assert "board doesn't answer to 'ssh'" in err
    assert "Traceback" not in err
    assert not out.parent.exists()


def test_the_doctor_goes_the_same_way(stand: Stand) -> None:
    stand("scp", "exit 0")
    stand("ssh", "echo engine 1.2")
    steps = dict(far(version="ssh {host} time-it --version").steps())
    assert {Path(p).name for p in steps["programs present"]().split(", ")} == {"ssh", "scp"}
    assert steps["engine's version"]() == "engine 1.2"
    with pytest.raises(DeviceError, match="no time where"):
        steps["a small layer is timed"]()


def test_a_file_name_never_becomes_an_argument_or_a_command(tmp_path: Path) -> None:
    folder = tmp_path / "a b; touch gone $(touch gone)"
    table = CommandTable.of(profile({**HERE, "run": "engine --onnx={file} -t {threads}"}))
    values = placeholders(profile(HERE), table, folder / "netadapt-1.onnx")
    assert filled(table.run, values) == ["engine", f"--onnx={folder}/netadapt-1.onnx", "-t", "1"]


@pytest.mark.parametrize(
    ("change", "others", "complaint"),
    [
        ({"run": None}, {}, "lacks 'run'"),
        ({"colour": 3}, {}, "unknown key 'colour'"),
        ({"run": "engine {fiel}"}, {}, r"unknown placeholder \{fiel\}; expected one of \{file\}"),
        ({"run": "engine 'open"}, {}, "can't be split"),
        ({"run": 3}, {}, "expected a command line"),
        ({"runs": 0}, {}, "runs is 0, expected a whole number"),
        ({"time": {"regex": "("}}, {}, r"\[command\] time: regex"),
        ({"time": "ms"}, {}, r"expected a table: \[command.time\]"),
        ({"layers": {"regex": "(.)"}}, {}, "lacks 'run'"),
        ({"layers": {"run": "x", "regex": "(.)"}}, {}, "must name each time"),
        ({"run": "ssh {host} x"}, {}, "lacks 'host'.*NETADAPT_HOST"),
        ({}, {"host": "-oProxyCommand=touch gone"}, "host is '-oProxyCommand"),
        ({}, {"host": "nano; touch gone"}, "expected a name or an address"),
        ({"folder": "/tmp; touch gone"}, {}, "folder is '/tmp; touch gone'"),
        ({"converted": "{name}.tflite"}, {}, "one of 'convert' and 'converted'"),
    ],
)
def test_a_wrong_profile_is_refused_before_a_command_is_run(
    change: dict[str, Any], others: dict[str, Any], complaint: str
) -> None:
    command = {key: value for key, value in {**HERE, **change}.items() if value is not None}
    with pytest.raises(InputError, match=complaint) as caught:
        opened(command, **others)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["android-tflite", "jetson-trt", "openvino-app"])
def test_the_shipped_profiles_go_the_whole_way(stand: Stand, name: str) -> None:
    """With stand-ins that print what the engines' documentation shows."""
    whole = (
        "[I] GPU Compute Time: min = 1.1 ms, max = 1.9 ms, mean = 1.2 ms, median = 1.25 ms\n"
        "INFO: Inference timings in us: Init: 11, First inference: 5, Inference (avg): 1250\n"
        "[ INFO ]    Median:        1.25 ms"
    )
    nodes = (
        '[{"count": 9}, {"name": "feeder0.0", "timeMs": 9, "averageMs": 1, "percentage": 40},'
        '{"name": "layer0.kernel + layer0", "timeMs": 18, "averageMs": 0.5, "percentage": 60}]'
    )
    far = f"case \"$*\" in *exportProfile*) echo '{nodes}';; *) echo '{whole}';; esac"
    for program in ("ssh", "scp", "adb", "onnx2tf", "benchmark_app", "ovc"):
        stand(program, far)
    profile = load_profile(name, environment={"NETADAPT_HOST": "desk"})
    OPENED.append(CommandRuntime(profile))
    runtime = OPENED[-1]
    runtime.reach()
    assert runtime.measure_network(NETWORK).latency_ms == pytest.approx(1.25)
    if name == "jetson-trt":
        layer = shape("conv2d", 8, 8, size=(4, 4), activation="relu")
        assert runtime.measure(layer).latency_ms == pytest.approx(0.5 / 4)
        assert runtime.describe()["schedule"] == "TensorRT-float16"


def test_openvinos_own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped profile with the real benchmark_app; each call of it takes seconds."""
    pytest.importorskip("openvino", reason="the extra netadapt[openvino] is not installed")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    OPENED.append(CommandRuntime(load_profile("openvino-app", environment={})))
    runtime = OPENED[-1]
    runtime.reach()
    assert 0 < runtime.measure(shape("conv2d", 64, 64, size=(28, 28))).latency_ms < 50
    assert runtime.describe()["runtime_version"].startswith("OpenVINO")


def test_a_file_can_be_converted_on_the_way(stand: Stand, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    stand("to-lite", 'cp "$1" "$2"')
    stand("scp", f'cp "$2" {sent}')
    stand("ssh", "echo took 1 ms")
    convert = {"convert": "to-lite {file} {converted}", "converted": "{name}.tflite"}
    runtime = far(**convert, send="scp -q {converted} {host}:{remote}")
    runtime.measure_network(NETWORK)
    assert sent.read_bytes() == NETWORK
    assert not list(Path(runtime._folder.name).iterdir())


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("layer0.kernel + layer0", 1.0), ("feeder0.0", 9.0), ("layer1", 2.0)], 3.0),
        ([("Reformatting CopyNode for layer0", 1.0), ("layer0_nchwc", 2.0)], 2.0),
        ([("multilayer0", 5.0)], "none of the engine's names"),
        ([("feeder0.0 + layer0", 1.0)], "runs it as one with its neighbours"),
    ],
)
def test_only_the_layer_s_own_nodes_count(
    entries: list[tuple[str, float]], expected: float | str
) -> None:
    if isinstance(expected, str):
        with pytest.raises(WrongOutput, match=expected):
            _own_ms(SMALL, entries, "^Reformatting")
        return
    assert _own_ms(SMALL, entries, "^Reformatting") == expected
