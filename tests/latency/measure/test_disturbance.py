"""What a machine tells of its load, its clocks and its heat, read from made-up /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure import noise_watch
from netadapt.latency.measure.disturbance import Conditions, conditions, disturbances
from netadapt.latency.measure.noise_watch import NoiseWatch

QUIET = Conditions(load=1.0, stolen=(0, 1000), clock=1.0, hottest_c=45.0)


def test_it_is_read_where_the_system_has_it(tmp_path: Path) -> None:
    files = {
        "proc/loadavg": "2.50 1.20 0.80 3/420 12345\n",
        "proc/stat": "cpu  10 0 20 60 0 0 0 10 0 0\ncpu0 1 2 3\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1200000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "900000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq": "1200000\n",
        "sys/class/thermal/thermal_zone0/temp": "41000\n",
        "sys/class/thermal/thermal_zone1/temp": "83500\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = conditions(tmp_path / "proc", tmp_path / "sys")
    assert found == Conditions(load=2.5, stolen=(10, 100), clock=0.75, hottest_c=83.5)
    assert conditions(tmp_path / "none", tmp_path / "none") == Conditions(None, None, None, None)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Conditions(2.6, None, None, None), "other programs ask for 1.6 of"),
        (Conditions(None, (100, 2000), None, None), "gives 10% of its time to others"),
        (Conditions(None, None, 0.5, None), "above 50% of its highest"),
        (Conditions(None, None, None, 91.0), "91 °C hot"),
    ],
)
def test_each_disturbance_is_named(now: Conditions, told: str) -> None:
    (phrase,) = disturbances(QUIET, now, own_threads=1)
    assert told in phrase


def test_a_quiet_machine_shows_nothing() -> None:
    assert disturbances(QUIET, QUIET, own_threads=1) == []


def test_noise_is_told_once_and_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_watch, "conditions", lambda: Conditions(3.0, None, None, None))
    told: list[str] = []
    watch = NoiseWatch(0.02, DeviceProfile(name="paper", runtime="fake"), told.append)
    watch.look([0.2] * 4)
    assert told == []  # too few rows to say
    watch.look([0.2] * 6)
    watch.look([0.2] * 9)
    (line,) = told
    assert "spread by 20% or more, networks are to be predicted within 2%" in line
    assert "other programs ask for 2.0 of" in line


def test_of_a_remote_board_only_what_can_be_told() -> None:
    told: list[str] = []
    board = DeviceProfile(name="b", runtime="fake", tracker="192.168.1.20:9190", key="b")
    NoiseWatch(0.05, board, told.append).look([0.1] * 8)
    assert "on the board" in told[0]


def test_noise_within_the_tolerance_is_not_told() -> None:
    told: list[str] = []
    NoiseWatch(0.2, DeviceProfile(name="paper", runtime="fake"), told.append).look([0.1] * 8)
    assert told == []
