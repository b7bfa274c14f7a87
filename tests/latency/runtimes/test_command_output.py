"""Times read from what engines print: theirs as they print them, and what isn't a time."""

from __future__ import annotations

import json

import pytest

from netadapt.errors import DeviceError, InputError
from netadapt.latency.runtimes.command.command_output import OutputReading

TRTEXEC = """\
[11/28/2026-07:00:00] [I] === Performance summary ===
[11/28/2026-07:00:00] [I] Throughput: 812.4 qps
[11/28/2026-07:00:00] [I] Latency: min = 1.20 ms, max = 2.10 ms, mean = 1.24 ms, median = 1.23 ms
[11/28/2026-07:00:00] [I] GPU Compute Time: min = 1.15 ms, max = 1.9 ms, mean = 1.18 ms, median = \
1.17 ms, percentile(99%) = 1.3 ms
"""
BENCHMARK_APP = """\
[ INFO ] Execution Devices:['CPU']
[ INFO ] Latency:
[ INFO ]    Median:        0.42 ms
[ INFO ]    Average:       0.43 ms
"""
BENCHMARK_MODEL = """\
INFO: Initialized session in 1.2ms.
INFO: Inference timings in us: Init: 1180, First inference: 5400, Warmup (avg): 5100.5, \
Inference (avg): 4980.25
"""


@pytest.mark.parametrize(
    ("regex", "unit", "text", "expected"),
    [
        (r"GPU Compute Time: .*median = ([\d.]+) ms", "ms", TRTEXEC, 1.17),
        (r"Median: +(?P<time>[\d.]+) (?P<unit>\w+)", "ms", BENCHMARK_APP, 0.42),
        (r"timings in us: .*Inference \(avg\): ([\d.e+]+)", "us", BENCHMARK_MODEL, 4.98025),
        (r"^took (?P<time>\d+) (?P<unit>\w+)$", "ms", "took 3 s", 3000.0),
    ],
)
def test_each_engine_s_own_words(regex: str, unit: str, text: str, expected: float) -> None:
    assert OutputReading(regex=regex, unit=unit).times_ms(text) == [pytest.approx(expected)]


def test_json_is_found_between_other_lines() -> None:
    text = f"[note] starting\n{json.dumps({'runs': [{'ns': 2e6}, {'ns': 3e6}, {}]})}\nbye"
    assert OutputReading(json="runs[*]", name="n", time="ns", unit="ns").times_ms(text) == [2, 3]
    assert OutputReading(json="runs[1].ns", unit="ns").times_ms(text) == [3]
    assert OutputReading(json="[*]", unit="us").times_ms("[1000, 2000]") == [1, 2]


def test_names_stand_beside_times() -> None:
    reading = OutputReading(regex=r"^(?P<time>\d+) us (?P<name>\S+)", unit="us")
    assert reading.named
    assert reading.entries("5 us conv1\n7 us conv2") == [("conv1", 0.005), ("conv2", 0.007)]


@pytest.mark.parametrize(
    ("reading", "text", "complaint"),
    [
        ({"regex": r"took (\d+) ms"}, "took 3 us", "no time where the regex.*'took 3 us'"),
        ({"regex": r"took (\d+) ms"}, "", "it printed nothing"),
        ({"regex": r"took (\S+) ms"}, "took nan ms", "'nan' stands where a time should"),
        ({"regex": r"(?P<time>\d+) (?P<unit>\w+)"}, "3 ticks", "in 'ticks', expected one of s, ms"),
        ({"json": "a.b"}, '{"a": 3}', "no time where the JSON path 'a.b'"),
        ({"json": "a"}, "Segmentation fault\x07", r"no JSON was printed.*Segmentation fault\?"),
        ({"json": "a"}, '{"a": "soon"}', "'soon' stands where a time should"),
        ({"json": "a"}, '{"a": 1' + "0" * 400 + "}", "'1000.*' stands where a time should"),
        ({"json": "a"}, "[" * 20_000, "no JSON was printed"),
    ],
)
def test_what_is_no_time_is_said_in_a_line(
    reading: dict[str, str], text: str, complaint: str
) -> None:
    with pytest.raises(DeviceError, match=complaint) as caught:
        OutputReading(**reading).times_ms(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reading", "complaint"),
    [
        ({}, "one of the two"),
        ({"regex": "(a)", "json": "a"}, "one of the two"),
        ({"regex": "("}, "can't be read"),
        ({"regex": "ms"}, "one group around the number"),
        ({"json": "a", "unit": "hours"}, "unit is 'hours'"),
        ({"json": "a[b]"}, "expected a path"),
    ],
)
def test_a_wrong_reading_is_refused(reading: dict[str, str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        OutputReading(**reading)
