"""`netadapt bench`: a network's own milliseconds on this machine, through onnxruntime."""

from __future__ import annotations

import json

import pytest
from command import one_line


def test_the_time_and_its_spread(netadapt, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = netadapt("bench", weights, "--device", "host-ort", "--json")
    assert code == 0, err
    timed = json.loads(out)
    assert 0 < timed["measured_ms"] <= timed["median_ms"] <= max(timed["samples_ms"])
    assert timed["spread_ms"] >= 0
    assert timed["predicted_ms"] is timed["table"] is None
    assert "netadapt lut build --device host-ort" in timed["notes"][0]
    assert not timed["emulated"]


@pytest.mark.slow
def test_a_table_s_prediction_is_told_from_the_measurement(
    netadapt, weights, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paper.toml").write_text('name = "paper"\nruntime = "fake"\n')
    paper = ("--device", "paper", "--profile", "paper.toml")
    code, _, err = netadapt("lut", "build", *paper, "--model", weights, "--max-layers", 30)
    assert code == 0, err
    code, out, err = netadapt("bench", weights, *paper)
    assert code == 0, err
    measured, predicted = out.splitlines()
    assert "ms measured (spread" in measured
    assert "ms predicted (90 % interval" in predicted
    assert "paper.csv, measured layers" in predicted


@pytest.mark.slow
def test_several_networks_with_their_accuracy(
    netadapt, weights, exported, frames, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    asked = (weights, exported, "--device", "host-ort", "--data", frames, "--split", "train")
    code, out, err = netadapt("bench", *asked, "--json", "--plot", "bench.html")
    assert code == 0, err
    own, file = json.loads(out)
    assert [own["model"], file["model"]] == [str(weights), str(exported)]
    assert file["accuracy"]["delta1"] == pytest.approx(own["accuracy"]["delta1"], abs=1e-3)
    assert own["peak_bytes"] == file["peak_bytes"] > own["weights_bytes"] > 0
    assert own["speed_up"] == 1
    assert 0.2 < file["speed_up"] < 5  # it is the same network
    assert "delta1 against time on host-ort" in (tmp_path / "bench.html").read_text()
    code, out, err = netadapt("bench", *asked[:4], "--plot", "bench.svg")
    assert code == 0, err
    heads, *rows = out.splitlines()
    assert heads.split()[:6] == ["model", "device", "ms", "median", "spread", "fps"]
    assert [row.split()[0] for row in rows] == [str(weights), str(exported)]
    assert (tmp_path / "bench.svg").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{weights}", "--device", "host-ort", "--plot", "bench.pdf"), 2, "ends in .html, .svg"),
        (("{weights}", "gone", "--device", "host-ort", "--data", "rooms"), 2, "gone"),
        (("{weights}", "-d", "tx2", "-d", "host-ort", "--key", "a"), 2, "where one device is"),
        (("missing.onnx", "--device", "host-ort"), 2, "cannot read missing.onnx"),
        (("nowhere", "--device", "host-ort"), 2, "nowhere"),
        (("{weights}", "--device", "abacus"), 2, "abacus"),
        (("{weights}", "--device", "tx2", "--tracker", "127.0.0.1:9"), 3, "no tracker answers"),
    ],
)
def test_mistakes_take_one_line(netadapt, weights, arguments, code, message):
    given = (argument.format(weights=weights) for argument in arguments)
    returned, _, err = netadapt("bench", *given)
    assert returned == code
    assert message in one_line(err)
