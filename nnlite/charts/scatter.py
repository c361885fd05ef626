"""Scatter charts: two quantities of many examples."""

from collections.abc import Iterator

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.axes import Axis, Plot
from nnlite.charts.chart import Chart
from nnlite.charts.markup import element, tooltip
from nnlite.charts.sampling import sampled
from nnlite.charts.ticks import number_text

__all__ = ["scatter_chart"]

TOLD = 60  # points that tell their numbers


def scatter_chart(
    x: ArrayLike, y: ArrayLike, title: str, x_label: str = "x", y_label: str = "y", equal: bool = False, note: str = ""
) -> Chart:
    """A scatter chart; more than 500 points are sampled down to 500.

    Args:
        x, y: shape (points,); points that are not finite are left out.
        title, note: for the caption.
        x_label, y_label: of the axes.
        equal: the same range on both axes, and a line where they are equal.
    """
    points = np.column_stack([np.asarray(x, float), np.asarray(y, float)])
    points = points[np.isfinite(points).all(axis=1)]
    shown = points[sampled(len(points))]
    ranges = [points, points] if equal else [points[:, 0], points[:, 1]]
    plot = Plot(Axis.of(x_label, ranges[:1]), Axis.of(y_label, ranges[1:]))
    parts = [plot.frame()]
    if equal:
        ends = np.array([plot.x.low, plot.x.high])
        (x1, x2), (y1, y2) = plot.across(ends).tolist(), plot.down(ends).tolist()
        parts.append(element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="r"))
    places = np.column_stack([plot.across(shown[:, 0]), plot.down(shown[:, 1])])
    dots = "".join(f"M{across:.1f} {down:.1f}h0" for across, down in places.tolist())
    parts.append(
        element(
            "g", element("path", d=dots or None, class_="p"), *_hovered(shown, places, x_label, y_label), class_="s0"
        )
    )
    left_out = f"A random {len(shown)} of {len(points):,} points." if len(shown) < len(points) else ""
    return Chart(title, _said(points, x_label, y_label), "".join(parts), plot.height, f"{note} {left_out}".strip())


def _hovered(points: np.ndarray, places: np.ndarray, x_label: str, y_label: str) -> Iterator[str]:
    for number in sampled(len(points), TOLD).tolist():
        x, y = map(number_text, points[number].tolist())
        across, down = places[number].tolist()
        yield element("circle", tooltip(f"{x_label} {x}, {y_label} {y}"), cx=across, cy=down, r=3.5, class_="h")


def _said(points: np.ndarray, x_label: str, y_label: str) -> str:
    if len(points) < 2:
        return f"{len(points)} points."
    ranges = [f"{number_text(coordinates.min())} to {number_text(coordinates.max())}" for coordinates in points.T]
    text = f"{len(points):,} points: {x_label} {ranges[0]}, {y_label} {ranges[1]}"
    if (points.std(axis=0) > 0).all():
        text += f", correlation {number_text(float(np.corrcoef(points.T)[0, 1]), 3)}"
    return f"{text}."
