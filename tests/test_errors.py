"""What others' errors say to a user: a line without numbers and types of Python's."""

from __future__ import annotations

import json
import tokenize
from pathlib import Path

import pytest

from netadapt.errors import in_words


def raised(cause: object) -> Exception:
    try:
        cause()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (lambda: Path("/nowhere/x").read_text(), "No such file or directory"),
        (lambda: b"\xff".decode(), "not a text in UTF-8 (byte 0)"),
        (lambda: json.loads("[" * 100_000), "nested too deep"),
        (lambda: json.loads("["), "Expecting value: line 1 column 2 (char 1)"),
        (lambda: {}["width"], "width is missing"),
        (lambda: compile("a b", "x", "exec"), "invalid syntax"),
        (lambda: (_ for _ in ()).throw(tokenize.TokenError("cut short", (2, 0))), "cut short"),
        (lambda: (_ for _ in ()).throw(ValueError("one\ntwo")), "one"),
        (lambda: (_ for _ in ()).throw(ValueError()), "ValueError"),
    ],
)
def test_an_error_of_others_is_said_in_words(cause: object, words: str) -> None:
    assert in_words(raised(cause)) == words
