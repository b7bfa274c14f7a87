"""Names of parts that can be left out."""

from __future__ import annotations

import pytest

from netadapt.depth.rooms.left_out_parts import PARTS, checked_parts
from netadapt.errors import InputError


def test_parts_are_given_once_and_in_one_order() -> None:
    assert checked_parts(["lamps", "furniture", "lamps"]) == ("furniture", "lamps")
    assert checked_parts(reversed(PARTS)) == tuple(PARTS)
    assert checked_parts([]) == ()


def test_an_unknown_part_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"no part 'walls'.*furniture.*depth-noise"):
        checked_parts(["walls"])
