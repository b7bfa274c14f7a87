"""Networks side by side, drawn."""

from __future__ import annotations

import pytest

from netadapt.errors import InputError
from netadapt.report.bench_page import require_plot, write_bench
from tests.deploy.bench_figures import FIGURES


def test_a_page_of_figures(tmp_path) -> None:
    write_bench(FIGURES, tmp_path / "bench.html", {"accuracy": "Share that is right."})
    page = (tmp_path / "bench.html").read_text()
    assert "2 networks on paper" in page
    assert "<td>2.00×</td>" in page
    assert "accuracy against time on paper" in page
    assert "Share that is right. Mean over the holdout." in page
    assert "<script" not in page


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_a_picture_alone(suffix, start, tmp_path) -> None:
    write_bench(FIGURES, tmp_path / f"bench{suffix}")
    assert (tmp_path / f"bench{suffix}").read_bytes().startswith(start)


def test_another_kind_of_file_is_refused_before_anything_is_timed(tmp_path) -> None:
    with pytest.raises(InputError, match=r"expected a file that ends in \.html, \.svg, \.png"):
        require_plot(tmp_path / "bench.pdf")
    (tmp_path / "page.html").mkdir()
    with pytest.raises(InputError, match="which is a folder"):
        require_plot(tmp_path / "page.html")
