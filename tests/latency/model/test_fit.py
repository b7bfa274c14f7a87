"""What a command has searched on a table, kept for the next one."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from netadapt.cache_folder import cache_folder
from netadapt.errors import OutputError
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.fit import Fit, kept_fit
from netadapt.latency.model.gaussian_process import GaussianProcess
from tests.latency.layer_shapes import made_up_network, made_up_table


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "netadapt" / "fits"


def test_a_second_command_searches_nothing_and_estimates_the_same(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, shapes = made_up_table(networks=3), made_up_network(Random(4))
    first = LatencyEstimator.of(table)
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(GaussianProcess, "_search", lambda process: pytest.fail("searched again"))
    second = LatencyEstimator.of(table)
    assert second.layers(shapes) == first.layers(shapes)
    assert second.own_shares == first.own_shares


def test_another_table_is_fitted_anew(cache: Path) -> None:
    table = made_up_table(networks=3)
    LatencyEstimator.of(table)
    LatencyEstimator.of(table.without([table.entries[0].shape]))
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"hyperparameters": 1}', "\0"])
def test_a_damaged_fit_costs_a_search_and_no_more(cache: Path, content: str) -> None:
    table, shapes = made_up_table(networks=3), made_up_network(Random(4))
    first = LatencyEstimator.of(table)
    (file,) = cache.iterdir()
    file.write_text(content)
    assert LatencyEstimator.of(table).layers(shapes) == first.layers(shapes)
    assert Fit.from_json(first.fit.to_json()).block == first.block


def test_a_changed_number_in_a_kept_fit_is_not_believed(cache: Path) -> None:
    table, shapes = made_up_table(networks=3), made_up_network(Random(4))
    first = LatencyEstimator.of(table)
    (file,) = cache.iterdir()
    whole = file.read_text()
    length = str(next(iter(first.fit.hyperparameters.values())).lengths[0])
    damage = {
        length: ["NaN", "-1.0", '"x"', f"{length}, 1.0"],
        '"block": ': ['"block": 9', "1e999"],
    }
    for found, others in damage.items():
        for other in others:
            file.write_text(whole.replace(found, other, 1))
            assert kept_fit(file) is None, other
    assert LatencyEstimator.of(table).layers(shapes) == first.layers(shapes)
    assert file.read_text() == whole


def test_a_user_without_a_home_gets_an_estimate_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    table = made_up_table(networks=3)
    assert LatencyEstimator.of(table).layers([table.entries[0].shape])[0].source == "measured"
    with pytest.raises(OutputError, match="set XDG_CACHE_HOME"):
        cache_folder()


def test_without_a_cache_folder_an_estimate_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    table = made_up_table(networks=3)
    assert LatencyEstimator.of(table).layers([table.entries[0].shape])[0].source == "measured"
