"""Counts of numbers in each of many ranges."""

from dataclasses import replace

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.axes import Axis, Plot, finite
from nnlite.charts.chart import Chart
from nnlite.charts.markup import element, tooltip
from nnlite.charts.ticks import number_text

__all__ = ["bar_strip", "binned", "histogram"]

MOST_BINS = 40


def histogram(values: ArrayLike, title: str, x_label: str = "", y_label: str = "rows", note: str = "") -> Chart:
    """A histogram of the finite `values`; bins by the Freedman-Diaconis rule, or by Sturges's where that fails.

    Args:
        values: any shape.
        title, note: for the caption.
        x_label: what is measured.
        y_label: what is counted.
    """
    numbers = finite(values)
    counts, edges = _counted(numbers)
    across = replace(Axis.of(x_label, [edges], margin=0.0), empty=not numbers.size)
    plot = Plot(across, Axis.of(y_label, [counts, [0, 1]], margin=0.0), 220.0)
    tops, bottom = plot.down(counts).tolist(), float(plot.down(0.0))
    x = plot.across(edges).tolist()
    bars = []
    for number, count in enumerate(counts.tolist()):
        text = f"{number_text(edges[number])} to {number_text(edges[number + 1])}: {count:,} {y_label}"
        width, height = max(x[number + 1] - x[number] - 0.7, 0.5), bottom - tops[number]
        box = {"x": x[number], "y": tops[number], "width": width, "height": height}
        bars.append(element("rect", tooltip(text), **box) if count else "")
    body = plot.frame() + element("g", element("g", *bars, class_="b"), class_="s0")
    return Chart(title, _said(numbers, y_label), body, plot.height, note)


def _counted(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not numbers.size:
        return np.zeros(1, int), np.array([0.0, 1.0])
    spread = float(np.subtract(*np.percentile(numbers, [75, 25])))
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return binned(numbers, 1)
    width = 2 * spread / len(numbers) ** (1 / 3)
    count = (high - low) / width if width > 0 else np.log2(len(numbers)) + 1
    return binned(numbers, int(np.clip(np.ceil(count), 5, MOST_BINS)))


def binned(numbers: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts and edges of bins of equal width; edges coincide where floats have no others so near to the numbers.

    >>> binned(np.array([2.0**62, 2.0**62]), 1)[0].tolist()
    [2]
    """
    try:
        return np.histogram(numbers, bins)
    except ValueError:  # too many bins for the numbers' precision
        counts, edges = np.histogram(numbers - numbers.min(), bins)
        return counts, edges + numbers.min()


def _said(numbers: np.ndarray, y_label: str) -> str:
    if not numbers.size:
        return "No finite value."
    low, middle, high = (number_text(float(number)) for number in np.percentile(numbers, [0, 50, 100]))
    return f"{len(numbers):,} {y_label} from {low} to {high}, median {middle}."


def bar_strip(counts: ArrayLike, title: str, description: str) -> str:
    """Bars without axes, for a cell of a table."""
    numbers = np.nan_to_num(np.asarray(counts, float))
    top = max(float(numbers.max(initial=0.0)), 1e-300)
    width = 100.0 / max(len(numbers), 1)
    bars = [
        f"M{number * width:.1f} 22v-{20 * count / top:.1f}h{max(width - 1, 0.5):.1f}V22z"
        for number, count in enumerate(numbers.tolist())
        if count > 0
    ]
    body = element("g", element("path", d="".join(bars) or None, class_="b"), class_="s0")
    return Chart(title, description, body, 22.0, width=100.0).svg()
