"""The fixture that writes official checkpoints."""

from __future__ import annotations

import types

import pytest

from tests.depth.fastdepth.official_files import (
    as_official,
    official_modules,
    save,
    write_checkpoint,
)


@pytest.fixture(scope="session")
def official() -> types.SimpleNamespace:
    """Writes official checkpoints: `modules()`, `convert(…)`, `write(…)`, `save(…)`."""
    return types.SimpleNamespace(
        modules=official_modules, convert=as_official, write=write_checkpoint, save=save
    )
