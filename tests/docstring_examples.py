"""Runs the example in a protocol's docstring, and gives what it defines."""

from __future__ import annotations

import doctest
import inspect
import sys
from typing import Any


def names_of_example(documented: Any) -> dict[str, Any]:
    """The names that the example of `documented` leaves behind; it must run as it says."""
    text = inspect.getdoc(documented) or ""
    module = sys.modules[documented.__module__]
    names = dict(vars(module))
    test = doctest.DocTestParser().get_doctest(text, names, documented.__qualname__, None, 0)
    assert test.examples, f"{documented.__qualname__} has no example"
    result = doctest.DocTestRunner(verbose=False).run(test, clear_globs=False)
    assert result.failed == 0
    return test.globs
