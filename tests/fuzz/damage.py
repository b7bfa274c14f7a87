"""Ways in which a sound file is damaged, drawn by Hypothesis: bytes of any, and words of a text."""

from __future__ import annotations

import re

from hypothesis import strategies as st

_WORD = re.compile(rb'"[^"\n]*"|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\b(?:true|false|null)\b')

ODD_WORDS = (
    *(
        b"null",
        b"true",
        b"0",
        b"-1",
        b"1.5",
        b"1e400",
        b"-1e400",
        b"NaN",
        b"Infinity",
        b"1099511627776",
    ),
    *(b"1" + b"0" * 60, b"9" * 5000, b"[]", b"{}", b'""', b'"x"', b'"../../x"', b'"/etc/passwd"'),
    *(b'[1, "a", null]', b'{"a": [1]}', b"[" * 80 + b"]" * 80, b'"\\ud800"', b'"\\u0000"', b"\xff"),
    *(b'"nan"', b"inf", b"-0.0", b"1_000", b'"' + b"y" * 5000 + b'"', b"2026-01-01"),
)


@st.composite
def damaged_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """`sound` with bytes changed, cut out, put in or said twice; or its end lost."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 16))
        how = draw(st.sampled_from(("change", "cut", "insert", "twice", "end", "number")))
        if how == "change":
            content[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
        elif how == "cut":
            del content[place : place + length]
        elif how == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif how == "twice":
            content[place:place] = content[place : place + length]
        elif how == "number":
            content[place : place + 8] = draw(
                st.sampled_from((b"\xff" * 8, b"\0" * 8, b"\xff" * 4, b"\0\0\0\x80", b"\x7f" * 8))
            )
        else:
            del content[place:]
    return bytes(content)


@st.composite
def damaged_words(draw: st.DrawFn, sound: bytes) -> bytes:
    """`sound`, a text, with some of its numbers and quoted words replaced by odd ones."""
    words = list(_WORD.finditer(sound))
    if not words:
        return draw(damaged_bytes(sound))
    chosen = draw(st.lists(st.integers(0, len(words) - 1), min_size=1, max_size=3, unique=True))
    content = sound
    for place in sorted(chosen, reverse=True):
        start, end = words[place].span()
        content = content[:start] + draw(st.sampled_from(ODD_WORDS)) + content[end:]
    return content


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """Either of both."""
    return st.one_of(damaged_bytes(sound), damaged_words(sound))
