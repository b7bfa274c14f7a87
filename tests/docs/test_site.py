"""The site builds without a warning: its contents, its links, and what docstrings give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks_of

import netadapt

API = ROOT / "docs" / "api"


@pytest.mark.slow
def test_the_site_builds(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra netadapt[docs] is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra netadapt[docs] is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    for page in ("index.html", "api/search/index.html", "experiments/search/index.html"):
        assert (tmp_path / page).is_file()


def test_the_reference_has_every_public_name() -> None:
    """By the place where it is written; what isn't there any more fails the site."""
    listed = {
        line.removeprefix("::: ").rsplit(".", 1)[-1]
        for page in API.glob("*.md")
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("::: ")
    }
    assert set(netadapt.__all__) <= listed
    assert not [str(block) for page in API.glob("*.md") for block in blocks_of(page)]


def test_what_the_reference_lists_is_there() -> None:
    for page in API.glob("*.md"):
        for line in page.read_text(encoding="utf-8").splitlines():
            if not line.startswith("::: "):
                continue
            module, _, name = line.removeprefix("::: ").rpartition(".")
            source = ROOT / Path(*module.split("."))
            file = source.with_suffix(".py") if not source.is_dir() else source / f"{name}.py"
            text = file.read_text(encoding="utf-8")
            assert source.is_dir() or f"def {name}(" in text or f"class {name}" in text, line
