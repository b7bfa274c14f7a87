"""Imports inside netadapt point downward only."""

from __future__ import annotations

import ast
from pathlib import Path

import netadapt

PACKAGE = Path(netadapt.__file__).parent
FLOORS = (
    "graph",
    "networks",
    "latency",
    "training",
    "deploy",
    "pruning",
    "report",
    "depth",
    "cli",
)
BASEMENT = (
    *("cache_folder", "cores", "cpu_share", "errors", "extras", "files", "journal"),
    *(
        "large_numbers",
        "lazy",
        "locks",
        "orphans",
        "outside",
        "registry",
        "remarks",
        "shipped",
        "users_code",
        "version",
    ),
)


def floor(module: str) -> int:
    parts = module.split(".")
    if len(parts) == 1:
        return -1  # the package itself: public names are resolved late
    return -1 if parts[1] in BASEMENT else FLOORS.index(parts[1])


def imported_modules(source: Path) -> list[str]:
    modules = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.append(node.module)
    return [module for module in modules if module.split(".")[0] == "netadapt"]


def test_imports_point_downward() -> None:
    upward = []
    for source in PACKAGE.rglob("*.py"):
        relative = source.relative_to(PACKAGE)
        if len(relative.parts) == 1:
            continue
        room = FLOORS.index(relative.parts[0])
        upward += [
            f"{relative} imports {module}"
            for module in imported_modules(source)
            if floor(module) > room
        ]
    assert not upward


def test_only_the_command_line_knows_depth() -> None:
    knowing = {
        source.relative_to(PACKAGE).parts[0]
        for source in PACKAGE.rglob("*.py")
        if any(module.startswith("netadapt.depth") for module in imported_modules(source))
    }
    assert knowing <= {"depth", "cli", "__init__.py"}


SHARED_NAMES = {
    "__init__": "what its room is for",
    "base": "the protocol of its room",
    "registry": "the names that its room's protocol has",
    "config": "what a config.json says",
    "settings": "the numbers that decide what its room does, with their defaults",
    "runtime": "the Runtime of its folder",
}
"""Names that several files may have, since they mean the same in each room."""


def test_no_two_files_share_a_name_without_a_meaning() -> None:
    """A command's file is named as the command; what does its work may have the same name."""
    rooms: dict[str, list[str]] = {}
    for source in PACKAGE.rglob("*.py"):
        relative = source.relative_to(PACKAGE)
        if relative.parts[0] != "cli" and source.stem not in SHARED_NAMES:
            rooms.setdefault(source.stem, []).append(str(relative))
    assert not {name: files for name, files in rooms.items() if len(files) > 1}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(source.relative_to(PACKAGE))
        for source in PACKAGE.rglob("*.py")
        if (tree := ast.parse(source.read_text(encoding="utf-8"))).body
        and ast.get_docstring(tree) is None
    ]
    assert not silent
