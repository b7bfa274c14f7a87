"""Inside rooms/ imports go one way: scene <- rendering <- what writes rooms."""

from __future__ import annotations

import ast
from pathlib import Path

from netadapt.depth import rooms

FOLDER = Path(rooms.__file__).parent
PREFIX = "netadapt.depth.rooms."
DESCRIPTION = {"scene.description", "scene.solid_kinds", "scene.pattern_kinds"}
"""What rendering knows of a scene."""


def imported(source: Path) -> set[str]:
    """The modules of rooms/ that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    files = {
        ".".join((PREFIX + path.relative_to(FOLDER).as_posix())[:-3].split("/"))
        for path in FOLDER.rglob("*.py")
    }
    return {name.removeprefix(PREFIX) for name in found & files}


def test_a_scene_knows_nothing_of_how_it_is_seen() -> None:
    for source in (FOLDER / "scene").glob("*.py"):
        assert {name.split(".")[0] for name in imported(source)} <= {"scene"}, source.name


def test_rendering_knows_a_scene_by_its_description_alone() -> None:
    """But for `frame`, which puts the two together."""
    for source in (FOLDER / "rendering").glob("*.py"):
        names = imported(source)
        assert {name.split(".")[0] for name in names} <= {"scene", "rendering"}, source.name
        allowed = DESCRIPTION | {"scene.layout"} if source.stem == "frame" else DESCRIPTION
        assert {name for name in names if name.startswith("scene.")} <= allowed, source.name


def test_sets_are_written_from_frames_alone() -> None:
    for name in ("frame_plan", "hdf5_rooms", "packed_rooms"):
        below = {n for n in imported(FOLDER / f"{name}.py") if "." in n}
        assert below == {"rendering.frame"}
