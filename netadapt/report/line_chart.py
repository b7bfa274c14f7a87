"""A chart of lines, points and intervals as SVG: where everything lies, in the picture's units.

`templates/chart.svg.jinja` draws what is laid out here. A hover value is the point's `title`, which
browsers show by themselves, so a page needs neither scripts nor the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 520, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 22, 46
TICKS = 6
MARGIN = 0.05
"""Of what is shown, left free at each end of an axis."""


@dataclass(frozen=True)
class Point:
    """A place in the chart; `title` is its hover text, `low` and `high` the ends of an interval.

    The interval is along the x axis, or along y where the chart says so. `kind` is '' for one of
    many, or the name of a mark in the style: 'final', 'tuned', 'timed'.
    """

    x: float
    y: float
    title: str = ""
    low: float | None = None
    high: float | None = None
    kind: str = ""
    label: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one colour, joined by a line where `joined`."""

    name: str
    points: Sequence[Point]
    joined: bool = True


@dataclass(frozen=True)
class Rule:
    """A straight line across the chart, at an x or at a y, with its words."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Chart:
    """What a chart shows. `falling` turns the x axis round; `diagonal` draws y = x.

    `at_zero` lets the y axis begin at 0.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    rules: Sequence[Rule] = ()
    falling: bool = False
    diagonal: bool = False
    intervals_on_y: bool = False
    at_zero: bool = False
    whole_x: bool = False
    """Ticks of the x axis at whole numbers alone."""
    logarithmic: bool = False
    """Both axes; every number must then be above zero."""

    def laid_out(self) -> Layout:
        """Everything in the picture's units."""
        return _laid_out(self)


@dataclass(frozen=True)
class Tick:
    """A number on an axis, and where."""

    at: float
    text: str


@dataclass(frozen=True)
class Placed:
    """A point in the picture; the ends of its interval, where it has one, as x1, y1, x2, y2."""

    x: float
    y: float
    title: str
    kind: str
    label: str
    anchor: str
    bar: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class PlacedSeries:
    """A series in the picture; `path` joins the points, '' where nothing does."""

    name: str
    points: Sequence[Placed]
    path: str


@dataclass(frozen=True)
class PlacedRule:
    """A rule in the picture: a line, and where its words stand."""

    label: str
    line: tuple[float, float, float, float]
    text_x: float
    text_y: float
    anchor: str


@dataclass(frozen=True)
class Layout:
    """A chart in units of a picture `width` × `height`, whose plot is the box."""

    chart: Chart
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    series: Sequence[PlacedSeries]
    rules: Sequence[PlacedRule]
    diagonal: tuple[float, float, float, float] | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Axis:
    """Numbers from `low` to `high` onto pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    whole: bool = False
    logarithmic: bool = False
    """Then `low` and `high` are logarithms, and numbers given are not."""
    ticks: Sequence[Tick] = field(init=False)

    def __post_init__(self) -> None:
        numbers = self._powers() if self.logarithmic else self._steps()
        object.__setattr__(self, "ticks", [Tick(self(n), text) for n, text in numbers])

    def _powers(self) -> list[tuple[float, str]]:
        """Powers of ten, and with few of them 2 and 5 times these."""
        factors = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        numbers = [factor * 10.0**decade for decade in decades for factor in factors]
        return [(n, f"{n:g}") for n in numbers if self.low <= math.log10(n) <= self.high]

    def _steps(self) -> list[tuple[float, str]]:
        step = nice_step(self.high - self.low, TICKS)
        step = max(1.0, step) if self.whole else step
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        numbers = [index * step for index in range(first, last + 1)]
        return [(number, f"{number:.{digits}f}") for number in numbers]

    def __call__(self, number: float) -> float:
        number = math.log10(number) if self.logarithmic else number
        share = (number - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def nice_step(span: float, most: int) -> float:
    """The least of 1, 2 and 5 times a power of ten that divides `span` into at most `most`."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(step for factor in (1, 2, 5, 10) if span / (step := factor * power) <= most)


def _laid_out(chart: Chart) -> Layout:
    xs, ys = _shown(chart)
    if chart.diagonal:
        xs = ys = [*xs, *ys]
    if chart.logarithmic:
        xs, ys = ([math.log10(number) for number in numbers] for numbers in (xs, ys))
    left, right = (WIDTH - RIGHT, LEFT) if chart.falling else (LEFT, WIDTH - RIGHT)
    log = chart.logarithmic
    x_axis = Axis(*_ends(xs), left, right, chart.whole_x, log)
    low, high = _ends(ys)
    y_axis = Axis(0.0 if chart.at_zero else low, high, HEIGHT - BOTTOM, TOP, logarithmic=log)
    corner = None
    if chart.diagonal:
        ends = (10**low, 10**high) if log else (low, high)
        corner = (x_axis(ends[0]), y_axis(ends[0]), x_axis(ends[1]), y_axis(ends[1]))
    return Layout(
        chart,
        x_axis.ticks,
        y_axis.ticks,
        [_placed(series, x_axis, y_axis, chart.intervals_on_y) for series in chart.series],
        [_ruled(rule, x_axis, y_axis) for rule in chart.rules],
        corner,
    )


def _shown(chart: Chart) -> tuple[list[float], list[float]]:
    """The numbers that each axis must hold."""
    points = [point for series in chart.series for point in series.points if _is_finite(point)]
    ends = [end for p in points for end in (p.low, p.high) if end is not None]
    xs = [p.x for p in points] + [rule.x for rule in chart.rules if rule.x is not None]
    ys = [p.y for p in points] + [rule.y for rule in chart.rules if rule.y is not None]
    (ys if chart.intervals_on_y else xs).extend(ends)
    return xs, ys


def _is_finite(point: Point) -> bool:
    """Whether a point has a place: a metric may be no number where a network is broken."""
    return math.isfinite(point.x) and math.isfinite(point.y)


def _ends(numbers: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis that holds these, with a margin; of one number alone, around it."""
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    if high - low <= 1e-9 * max(abs(high), abs(low)):
        return low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    margin = MARGIN * (high - low)
    return low - margin, high + margin


def _placed(series: Series, x_axis: Axis, y_axis: Axis, on_y: bool) -> PlacedSeries:
    points = []
    for point in filter(_is_finite, series.points):
        x, y = x_axis(point.x), y_axis(point.y)
        bar = None
        if point.low is not None and point.high is not None:
            low, high = ((y_axis if on_y else x_axis)(end) for end in (point.low, point.high))
            bar = (x, low, x, high) if on_y else (low, y, high, y)
        anchor = "end" if x > (LEFT + WIDTH - RIGHT) / 2 else "start"
        points.append(Placed(x, y, point.title, point.kind, point.label, anchor, bar))
    path = " ".join(f"{'L' if i else 'M'}{p.x} {p.y}" for i, p in enumerate(points))
    return PlacedSeries(series.name, points, path if series.joined else "")


def _ruled(rule: Rule, x_axis: Axis, y_axis: Axis) -> PlacedRule:
    if rule.x is not None:
        x = x_axis(rule.x)
        to_left = x > (LEFT + WIDTH - RIGHT) / 2
        line = (x, float(TOP), x, float(HEIGHT - BOTTOM))
        return PlacedRule(rule.label, line, x, TOP - 7, "end" if to_left else "start")
    y = y_axis(rule.y or 0.0)
    line = (float(LEFT), y, float(WIDTH - RIGHT), y)
    return PlacedRule(rule.label, line, WIDTH - RIGHT, y - 4, "end")
