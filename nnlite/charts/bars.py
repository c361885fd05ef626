"""Bars, and intervals without bars: a number and its uncertainty for each of several names."""

from collections.abc import Sequence
from html import escape

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.axes import Axis
from nnlite.charts.chart import WIDTH, Chart
from nnlite.charts.markup import element, shortened, text_width, tooltip
from nnlite.charts.ticks import number_text, tick_texts

__all__ = ["bar_chart", "interval_chart"]

ROW, LONGEST = 20.0, 24


def bar_chart(
    names: Sequence[str],
    values: ArrayLike,
    title: str,
    x_label: str = "",
    lows: ArrayLike | None = None,
    highs: ArrayLike | None = None,
    note: str = "",
) -> Chart:
    """Horizontal bars from 0, one below the other, each followed by its number.

    Args:
        names: shape (bars,).
        values: shape (bars,); a bar that is not finite is left out, its name stays.
        title, note: for the caption.
        x_label: what the bars measure.
        lows, highs: ends of an interval around each value, shape (bars,); None for none.
    """
    return _Rows(names, values, lows, highs, x_label).chart(title, note, bars=True)


def interval_chart(
    names: Sequence[str],
    values: ArrayLike,
    lows: ArrayLike,
    highs: ArrayLike,
    title: str,
    x_label: str = "",
    marks: ArrayLike | None = None,
    mark: str = "",
    note: str = "",
) -> Chart:
    """A dot and an interval for each name.

    Args:
        names: shape (rows,).
        values, lows, highs: the dots and the ends of their intervals, shape (rows,).
        title, note: for the caption.
        x_label: what is measured.
        marks: another number for each name, drawn as a ring, NaN for none.
        mark: what it is called.
    """
    return _Rows(names, values, lows, highs, x_label, marks, mark).chart(title, note, bars=False)


class _Rows:
    def __init__(
        self,
        names: Sequence[str],
        values: ArrayLike,
        lows: ArrayLike | None,
        highs: ArrayLike | None,
        x_label: str,
        marks: ArrayLike | None = None,
        mark: str = "",
    ) -> None:
        nothing = np.full(len(names), np.nan)
        self.names, self.x_label, self.mark = names, x_label, mark
        self.values = np.asarray(values, float)
        self.lows, self.highs, self.marks = (
            nothing if numbers is None else np.asarray(numbers, float) for numbers in (lows, highs, marks)
        )

    def chart(self, title: str, note: str, bars: bool) -> Chart:
        numbers = [self.values, self.lows, self.highs, self.marks]
        axis = Axis.of(self.x_label, [*numbers, *([[0.0]] if bars else [])], margin=0 if bars else 0.04)
        left = 8.0 + max((text_width(shortened(name, LONGEST)) for name in self.names), default=0.0)
        right = WIDTH - 12.0 - max((text_width(number_text(value)) for value in self.values), default=0.0)
        rows = [self._row(number, left, right, axis, bars) for number in range(len(self.names))]
        bottom = 6.0 + ROW * len(self.names)
        ticks = axis.ticks(4)
        scale = []
        for text, x in zip(tick_texts(ticks), (left + axis.share(ticks) * (right - left)).tolist(), strict=True):
            scale.append(element("line", x1=x, x2=x, y1=4, y2=bottom, class_="g"))
            scale.append(element("text", text, x=x, y=bottom + 13, class_="m"))
        height = bottom + (37 if self.x_label else 22)
        if self.x_label:
            middle, text = (left + right) / 2, escape(self.x_label)
            scale.append(element("text", text, x=middle, y=bottom + 28, class_="m"))
        return Chart(title, self._said(), "".join([*scale, *rows]), height, note)

    def _row(self, number: int, left: float, right: float, axis: Axis, bars: bool) -> str:
        name, middle = self.names[number], 6.0 + ROW * (number + 0.5)
        line = [self.values[number], self.lows[number], self.highs[number], self.marks[number], 0.0]
        value, low, high, mark, zero = (left + axis.share(line) * (right - left)).tolist()
        parts = [tooltip(self._told(number)), element("text", _name(name), x=left - 6, y=middle + 4, class_="e v")]
        if np.isfinite(value) and bars:
            width = max(abs(value - zero), 0.5)
            parts.append(element("rect", x=min(value, zero), y=middle - 6, width=width, height=12, class_="b"))
        if np.isfinite(low) and np.isfinite(high):
            path = f"M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 3:.1f}v6M{high:.1f} {middle - 3:.1f}v6"
            parts.append(element("path", d=path, class_="i"))
        if np.isfinite(mark):
            parts.append(element("circle", cx=mark, cy=middle, r=4, class_="o"))
        if np.isfinite(value) and not bars:
            parts.append(element("circle", cx=value, cy=middle, r=4, class_="k"))
        text = number_text(float(self.values[number]))
        parts.append(element("text", text, x=WIDTH - 2, y=middle + 4, class_="e v"))
        return element("g", *parts, class_="s0")

    def _told(self, number: int) -> str:
        text = f"{self.names[number]} {number_text(float(self.values[number]))}"
        low, high, mark = (float(numbers[number]) for numbers in (self.lows, self.highs, self.marks))
        if np.isfinite(low) and np.isfinite(high):
            text += f" ({number_text(low)} to {number_text(high)})"
        return f"{text}, {self.mark} {number_text(mark)}" if np.isfinite(mark) else text

    def _said(self) -> str:
        return f"{'; '.join(self._told(number) for number in range(len(self.names)))}."


def _name(name: str) -> str:
    return escape(shortened(name, LONGEST))
