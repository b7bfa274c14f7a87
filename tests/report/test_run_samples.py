"""Pictures of a run's networks: only of data that are here."""

from __future__ import annotations

from pathlib import Path

import pytest

from netadapt.errors import DataError
from netadapt.report.run_samples import refuse_to_make
from netadapt.training.tasks import TaskRequest, open_task


def test_data_are_never_rendered_for_a_page(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = TaskRequest("rooms", ((1, 3, 64, 64),), progress=refuse_to_make)
    with pytest.raises(DataError, match="aren't here yet, and would have to be made first"):
        open_task("depth", request)
    assert not list(tmp_path.iterdir())
