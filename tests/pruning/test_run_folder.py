"""A run's folder: whose it is, when several commands open it at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netadapt.errors import RunError
from netadapt.pruning import run_folder
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.settings import SearchSettings

ABOUT = RunAbout({"macs": 5.0}, SearchSettings(), {"factory": "nets:mine"}, "0", {}, {})


@pytest.mark.parametrize("under_way", [True, False])
def test_who_comes_second_doesnt_change_what_the_first_was_asked(
    under_way: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = run_folder.take_lock
    others: list[RunFolder] = []

    def another_is_quicker(*arguments: Any) -> Any:
        monkeypatch.setattr(run_folder, "take_lock", taken)
        others.append(RunFolder(tmp_path / "run", ABOUT, ("accuracy",)))
        if not under_way:
            others[0].close()
        return taken(*arguments)

    monkeypatch.setattr(run_folder, "take_lock", another_is_quicker)
    refused = "being written by another process" if under_way else "exists already; add --resume"
    with pytest.raises(RunError, match=refused):
        RunFolder(tmp_path / "run", replace(ABOUT, budget={"macs": 3.0}), ("accuracy",))
    assert RunAbout.read(tmp_path / "run").budget == ABOUT.budget
    others[0].close()
