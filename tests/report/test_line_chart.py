"""Where things lie in a chart."""

from __future__ import annotations

import pytest

from netadapt.report.line_chart import Chart, Point, Rule, Series, nice_step


def laid_out(points, **others):
    return Chart("", "", "", [Series("a", points)], **others).laid_out()


def test_points_bars_and_rules_lie_inside_the_plot() -> None:
    points = [Point(8, 0.9, low=7.5, high=8.6), Point(5, 0.7, low=4.8, high=5.2)]
    plot = laid_out(points, rules=[Rule("budget", 4.5)], falling=True)
    first, second = plot.series[0].points
    assert plot.left < first.x < second.x < plot.right  # the axis is turned round
    assert plot.top < first.y < second.y < plot.bottom  # more accuracy lies higher
    assert first.bar is not None
    assert plot.left < first.bar[2] < first.x < first.bar[0]
    assert second.x < plot.rules[0].line[0] < plot.right
    assert [tick.text for tick in plot.x_ticks] == ["5", "6", "7", "8"]


def test_a_single_point_lies_in_the_middle() -> None:
    plot = laid_out([Point(3, 0.0)])
    (only,) = plot.series[0].points
    assert only.x == pytest.approx((plot.left + plot.right) / 2)
    assert only.y == pytest.approx((plot.top + plot.bottom) / 2)


def test_nothing_at_all_is_a_chart_too() -> None:
    assert laid_out([]).series[0].path == ""


def test_what_has_no_place_is_left_out() -> None:
    plot = laid_out([Point(1, 0.5), Point(2, float("nan")), Point(3, 0.7)])
    assert len(plot.series[0].points) == 2


def test_logarithmic_ticks() -> None:
    plot = laid_out([Point(1, 0.1), Point(100, 10)], logarithmic=True)
    assert [tick.text for tick in plot.x_ticks] == ["1", "2", "5", "10", "20", "50", "100"]
    assert plot.series[0].points[0].x < plot.series[0].points[1].x


def test_whole_numbers_alone_on_an_axis_of_counts() -> None:
    plot = laid_out([Point(1, 0.1), Point(3, 0.2)], whole_x=True)
    assert [tick.text for tick in plot.x_ticks] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("span", "step"), [(1.0, 0.2), (6, 1), (6.1, 2), (0.03, 0.005), (700, 200)]
)
def test_steps_are_round(span, step) -> None:
    assert nice_step(span, 6) == pytest.approx(step)
