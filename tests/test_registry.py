"""One way to name things: what ships, what is added, what other packages offer, what is unknown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from netadapt.errors import InputError, ModelError
from netadapt.registry import Registry


def test_what_ships_is_imported_when_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    codecs: Registry[object] = Registry("codec", {"json": "json:dumps", "none": "nowhere:gone"})
    assert codecs.names() == ["json", "none"]
    assert "none" in codecs  # known by name alone
    import json

    assert codecs["json"] is json.dumps


def test_what_is_added_is_found_and_keeps_its_name() -> None:
    colours: Registry[str] = Registry("colour")
    assert colours.register("sky", "blue") == "blue"
    assert colours.register("sky", colours["sky"]) == "blue"
    assert colours.added() == {"sky": "blue"}
    with pytest.raises(InputError, match="there is a colour called 'sky' already"):
        colours.register("sky", "grey")


def test_an_unknown_name_lists_the_known() -> None:
    tools: Registry[str] = Registry("tool", {"saw": "os:sep"}, error=ModelError)
    tools.register("axe", "a")
    with pytest.raises(ModelError, match="there is no tool called 'sore'; choose one of saw, axe"):
        tools["sore"]
    with pytest.raises(InputError, match="choose one of none"):
        Registry("nothing")["x"]


def test_an_installed_package_offers_things(tmp_path: Path, monkeypatch) -> None:
    """As pip leaves it: a module, and the metadata with its entry points."""
    (tmp_path / "offering.py").write_text("THING = 'made elsewhere'\n")
    info = tmp_path / "offering-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[netadapt.testing]\nthing = offering:THING\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    things: Registry[str] = Registry("thing", group="netadapt.testing")
    assert things.names() == ["thing"]
    assert things["thing"] == "made elsewhere"
    assert not things.added()


def test_a_package_that_offers_what_fails_is_named(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "halfway.py").write_text("raise RuntimeError('no licence')\n")
    info = tmp_path / "halfway-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: halfway\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[netadapt.failing]\nthing = halfway:THING\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    things: Registry[str] = Registry("thing", group="netadapt.failing", error=ModelError)
    with pytest.raises(ModelError, match=r"the package halfway offers the thing 'thing'.*licence"):
        things["thing"]
