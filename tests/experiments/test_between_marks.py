"""What a summary writes stands between its marks, and nothing else of the README changes."""

from __future__ import annotations

from pathlib import Path

import pytest

import experiments.search.summary
import experiments.zoo.summary
from experiments.between_marks import END, begin_of, inserted


def test_the_text_replaces_what_was_between_the_marks() -> None:
    begin = begin_of("a.summary")
    readme = inserted(f"before\n{begin}old\n{END}after\n", "a.summary", "new")
    assert readme == f"before\n{begin}\nnew\n{END}after\n"
    assert inserted(readme, "a.summary", "new") == readme
    with pytest.raises(ValueError, match=r"lost its marks <!-- written by a\.summary"):
        inserted("nothing", "a.summary", "new")


@pytest.mark.parametrize("summary", [experiments.search.summary, experiments.zoo.summary])
def test_every_readme_that_a_summary_writes_has_its_marks(summary) -> None:
    readme = Path(summary.__file__).with_name("README.md").read_text(encoding="utf-8")
    inserted(readme, summary.MODULE, "")
