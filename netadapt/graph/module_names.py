"""The dotted names of a network's modules: which module lies within which.

What the modules are and do is for others to know.
"""

from __future__ import annotations

from collections.abc import Iterator


def outwards(module: str) -> Iterator[str]:
    """`module` and the modules around it, innermost first; not the network itself, ''."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def lies_within(module: str, other: str) -> bool:
    """Whether `module` is inside `other`, and not the same."""
    return module != other and (not other or module.startswith(f"{other}."))
