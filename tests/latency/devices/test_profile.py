"""Device profiles: those shipped are whole, a user's own are read and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from netadapt.errors import InputError
from netadapt.latency.devices.profile import load_profile, profile_names

SHIPPED = {
    "android-tflite", "cuda-torch", "emulated-a57", "host", "host-ncnn", "host-openvino",
    "host-openvino-int8", "host-ort", "host-ort-int8", "host-torch", "jetson-nano", "jetson-orin",
    "jetson-trt", "openvino-app", "raspberry-pi-4", "tx2", "tx2-cpu",
}  # fmt: skip


def test_every_shipped_profile_is_whole() -> None:
    assert set(profile_names()) >= SHIPPED
    for name in SHIPPED:
        assert load_profile(name, environment={}).description


def test_the_tx2_is_a_pascal_gpu_beside_an_arm_host() -> None:
    profile = load_profile("tx2", environment={})
    assert profile.target["arch"] == "sm_62"
    assert profile.target["host"]["mtriple"] == "aarch64-linux-gnu"
    assert profile.fix_first


def test_environment_goes_before_the_file_and_an_option_before_both() -> None:
    environment = {"NETADAPT_TRACKER": "10.0.0.5:9000", "NETADAPT_KEY": "mine"}
    profile = load_profile("tx2", environment=environment)
    assert profile.tracker_address == ("10.0.0.5", 9000)
    assert profile.key == "mine"
    assert load_profile("tx2", key="yours", environment=environment).key == "yours"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks 'runtime'"),
        ('runtime = "abacus"', "runtime is 'abacus', expected tvm"),
        ('runtime = "fake"\ncolour = 3', "unknown key 'colour'"),
        ('runtime = "fake"\nthreads = "two"', 'threads is "two", expected a whole number'),
        ('runtime = "fake"\nprecision = "int4"', "precision is 'int4', expected float32, float16"),
        ('runtime = "fake"\nseconds = 0', "seconds is 0, expected more than 0"),
        ('runtime = "fake"\ntracker = "board"\nkey = "k"', "tracker is 'board'.*HOST:PORT"),
        ('runtime = "fake"\ntracker = "board:1"', "a tracker without a key"),
        ("runtime = ", "not valid TOML"),
    ],
)
def test_a_wrong_profile_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_profile("mine", file=path, environment={})
    assert "\n" not in str(caught.value)


def test_an_unknown_device_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no profile for the device 'tx9'.*tx2-cpu"):
        load_profile("tx9")
