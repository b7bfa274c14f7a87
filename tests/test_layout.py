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
STILL_UP = {
    ("pruning", "depth"),
    ("pruning", "report"),
}
"""Arrows that point up until these rooms are redesigned: (from, to)."""

BASEMENT = ("errors", "extras", "files", "journal", "lazy", "locks", "registry")


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
    upward: dict[tuple[str, str], list[str]] = {}
    for source in PACKAGE.rglob("*.py"):
        relative = source.relative_to(PACKAGE)
        if len(relative.parts) == 1:
            continue
        room = FLOORS.index(relative.parts[0])
        for module in imported_modules(source):
            if floor(module) > room:
                arrow = (relative.parts[0], module.split(".")[1])
                upward.setdefault(arrow, []).append(f"{relative} imports {module}")
    assert upward.keys() == STILL_UP, upward


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(source.relative_to(PACKAGE))
        for source in PACKAGE.rglob("*.py")
        if (tree := ast.parse(source.read_text(encoding="utf-8"))).body
        and ast.get_docstring(tree) is None
    ]
    assert not silent
