"""When a build stops, from its options."""

from __future__ import annotations

import math
from typing import Any

import pytest

from netadapt.cli.build_limits import BuildLimits, parse_seconds, parse_share
from netadapt.errors import InputError

NOTHING: dict[str, Any] = {
    "tolerance": None,
    "max_layers": None,
    "quick": False,
    "until": None,
    "time_limit": None,
}


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, BuildLimits(0.05, 250, math.inf, False)),
        ({"quick": True}, BuildLimits(0.05, 20, math.inf, True)),
        ({"quick": True, "max_layers": 30}, BuildLimits(0.05, 30, math.inf, True)),
        ({"until": "3%"}, BuildLimits(0.03, 250, math.inf, True)),
        ({"quick": True, "until": "3%"}, BuildLimits(0.03, 250, math.inf, True)),
        ({"tolerance": 0.1, "time_limit": "2m"}, BuildLimits(0.1, 250, 120.0, False)),
    ],
)
def test_what_the_options_mean(given: dict[str, Any], limits: BuildLimits) -> None:
    assert BuildLimits.from_options(**(NOTHING | given)) == limits


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5 h", 5400), ("2min", 120)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "10 days", "soon"])
def test_no_time(text: str) -> None:
    with pytest.raises(InputError, match="expected a time, as in 90s, 10m or 1h"):
        parse_seconds(text)


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), (" 2.5 % ", 0.025)])
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "0%", "100%", "-1%", "five"])
def test_no_share(text: str) -> None:
    with pytest.raises(InputError, match="expected a share below 1, as in 5% or"):
        parse_share(text)


def test_two_tolerances() -> None:
    with pytest.raises(InputError, match="both say when to stop"):
        BuildLimits.from_options(**(NOTHING | {"tolerance": 0.05, "until": "5%"}))
