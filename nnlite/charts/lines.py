"""Line charts: one quantity against another, in one series or several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.axes import Axis, Plot, finite
from nnlite.charts.chart import Chart
from nnlite.charts.markup import element, tooltip
from nnlite.charts.sampling import evenly, thinned
from nnlite.charts.ticks import number_text

__all__ = ["Series", "line_chart"]

MARKED = 12  # points of a line up to which each is marked
HOVERED = 36  # points of all lines together that show their numbers


@dataclass(frozen=True)
class Series:
    """One line.

    Args:
        name: what it is called.
        x, y: its points, shape (points,); the line has a gap where one is not finite.
        low, high: ends of a band around it, shape (points,); None for none.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None


def line_chart(
    series: Sequence[Series],
    title: str,
    x_label: str = "",
    y_label: str = "",
    log_y: bool = False,
    diagonal: bool = False,
    note: str = "",
) -> Chart:
    """A chart of lines.

    Args:
        series: the lines; more than about 300 points of one are thinned to the extremes of stretches.
        title, note: for the caption.
        x_label, y_label: of the axes.
        log_y: a logarithmic vertical axis, where all numbers are positive.
        diagonal: draw where both axes are equal, from (0, 0) to (1, 1).
    """
    lines = [np.column_stack([np.asarray(curve.x, float), np.asarray(curve.y, float)]) for curve in series]
    ends = [[0.0, 1.0]] if diagonal else []
    bands = [band for curve in series for band in (curve.low, curve.high) if band is not None]
    x = Axis.of(x_label, [*(line[:, 0] for line in lines), *ends], margin=0.01)
    y = Axis.of(y_label, [*(line[:, 1] for line in lines), *bands, *ends], log_y)
    plot = Plot(x, y, names=[curve.name for curve in series])
    parts = [plot.frame()]
    if diagonal:
        (x1, x2), (y1, y2) = plot.across([0, 1]).tolist(), plot.down([0, 1]).tolist()
        parts.append(element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="r"))
    told = max(4, HOVERED // max(len(series), 1))
    for number, (curve, line) in enumerate(zip(series, lines, strict=True)):
        parts.append(
            element("g", _band(plot, curve), _line(plot, curve.name, line, x_label, told), class_=f"s{number % 8}")
        )
    said = " ".join(_said(curve.name, line, x_label) for curve, line in zip(series, lines, strict=True))
    return Chart(title, said, "".join(parts), plot.height, note)


def _line(plot: Plot, name: str, line: np.ndarray, x_label: str, told: int) -> str:
    line = thinned(line)
    places = np.column_stack([plot.across(line[:, 0]), plot.down(line[:, 1])])
    is_finite = np.asarray(np.isfinite(places).all(axis=1))
    if not is_finite.any():
        return ""
    path, pen_down = [], False
    for (x, y), there in zip(places.tolist(), is_finite.tolist(), strict=True):
        if there:
            path.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = there
    parts = [element("path", tooltip(name), d="".join(path), class_="l")]
    alone = is_finite & ~np.r_[False, is_finite[:-1]] & ~np.r_[is_finite[1:], False]
    alone |= is_finite & (len(is_finite) <= MARKED)
    parts += [element("circle", cx=x, cy=y, r=2, class_="k") for x, y in places[alone].tolist()]
    indices = np.flatnonzero(is_finite)
    indices = indices[evenly(len(indices), told)]
    for index in indices.tolist():
        text = f"{x_label or 'x'} {number_text(line[index, 0])}: {name} {number_text(line[index, 1])}"
        x, y = places[index].tolist()
        parts.append(element("circle", tooltip(text), cx=x, cy=y, r=4, class_="h"))
    return "".join(parts)


def _band(plot: Plot, series: Series) -> str:
    if series.low is None or series.high is None:
        return ""
    x = plot.across(series.x)
    edges = np.column_stack([np.r_[x, x[::-1]], np.r_[plot.down(series.low), plot.down(series.high)[::-1]]])
    edges = edges[np.isfinite(edges).all(axis=1)]
    return element("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in edges.tolist()), class_="a")


def _said(name: str, line: np.ndarray, x_label: str) -> str:
    points = line[np.isfinite(line).all(axis=1)]
    if not len(points):
        return f"{name}: no finite value."
    lowest = points[points[:, 1].argmin()]
    first, last, low, high = map(number_text, (points[0, 1], points[-1, 1], lowest[1], finite(points[:, 1]).max()))
    where = f"{x_label or 'x'} {number_text(lowest[0])}"
    return f"{name}: from {first} to {last}, lowest {low} at {where}, highest {high}."
