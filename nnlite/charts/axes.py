"""A pair of axes with ticks, grid and labels, and the mapping from numbers to positions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.chart import WIDTH
from nnlite.charts.markup import element, shortened, text_width
from nnlite.charts.ticks import linear_ticks, log_ticks, tick_texts

__all__ = ["Axis", "Plot", "finite", "legend"]

LINE = 15.0  # height of a line of text


def finite(values: ArrayLike) -> np.ndarray:
    """The finite numbers among `values`, as one axis of float64."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    return numbers[np.isfinite(numbers)]


@dataclass(frozen=True)
class Axis:
    """The range of an axis.

    Args:
        label: what it measures.
        low, high: the numbers at its ends, `low < high`.
        log: whether equal steps are equal factors.
        empty: whether there is no number on it.
    """

    label: str
    low: float
    high: float
    log: bool = False

    empty: bool = False

    @classmethod
    def of(cls, label: str, values: Iterable[ArrayLike], log: bool = False, margin: float = 0.03) -> "Axis":
        """The axis that covers all finite `values`; logarithmic only if they are positive."""
        numbers = np.concatenate([np.zeros(0), *(finite(value) for value in values)])
        if log and (numbers > 0).any():
            low, high = np.log10(numbers[numbers > 0].min()), np.log10(numbers.max())
        else:
            log = False
            low, high = (numbers.min(), numbers.max()) if numbers.size else (0.0, 1.0)
        if low == high:
            low, high = low - (abs(low) / 10 or 0.5), high + (abs(high) / 10 or 0.5)
        # Half the range each time: the whole one of the largest floats is infinite.
        room = 2 * margin * (high / 2 - low / 2)
        low, high = float(low - room), float(high + room)
        return cls(label, 10.0**low, 10.0**high, True) if log else cls(label, low, high, empty=not numbers.size)

    def ticks(self, count: int = 5) -> list[float]:
        """Round numbers between the ends."""
        return (log_ticks if self.log else linear_ticks)(self.low, self.high, count)

    def share(self, values: ArrayLike) -> np.ndarray:
        """Positions of `values` along the axis: 0 at `low`, 1 at `high`; NaN for values outside the axis."""
        numbers = np.asarray(values, dtype=np.float64)
        if not self.log:
            return (numbers / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        logs = np.log10(np.where(numbers > 0, numbers, np.nan))
        return (logs - np.log10(self.low)) / (np.log10(self.high) - np.log10(self.low))


class Plot:
    """The frame of a chart with two axes.

    Args:
        x, y: the axes.
        height: of the whole chart.
        names: what the series are called, for the legend; none is drawn for a single one.
    """

    def __init__(self, x: Axis, y: Axis, height: float = 250.0, names: Sequence[str] = ()) -> None:
        self.x, self.y, self.height = x, y, height
        self._legend, rows = legend(names) if len(names) > 1 else ("", 0)
        self._texts = tick_texts(y.ticks())
        self.top = 8.0 + LINE * (rows + bool(y.label))
        self.bottom = height - 20.0 - LINE * bool(x.label)
        self.left = 10.0 + max(map(text_width, self._texts), default=0.0)
        self.right = WIDTH - 14.0

    def across(self, values: ArrayLike) -> np.ndarray:
        """Horizontal positions of numbers."""
        return self.left + self.x.share(values) * (self.right - self.left)

    def down(self, values: ArrayLike) -> np.ndarray:
        """Vertical positions of numbers."""
        return self.bottom - self.y.share(values) * (self.bottom - self.top)

    def frame(self) -> str:
        """Grid, ticks, labels and legend."""
        parts = [self._legend]
        for tick, text, y in zip(self.y.ticks(), self._texts, self.down(self.y.ticks()).tolist(), strict=True):
            style = "z" if tick == 0 else "g"
            parts.append(element("line", x1=self.left, x2=self.right, y1=y, y2=y, class_=style))
            parts.append(element("text", text, x=self.left - 5, y=y + 4, class_="e"))
        ticks = self.x.ticks()
        for text, x in zip(tick_texts(ticks), self.across(ticks).tolist(), strict=True):
            parts.append(element("line", x1=x, x2=x, y1=self.bottom, y2=self.bottom + 4, class_="g"))
            parts.append(element("text", text, x=x, y=self.bottom + 15, class_="m"))
        middle = (self.left + self.right) / 2
        if self.x.label:
            parts.append(element("text", _label(self.x.label), x=middle, y=self.height - 4, class_="m"))
        if self.y.label:
            parts.append(element("text", _label(self.y.label), x=2.0, y=self.top - 8))
        if self.x.empty or self.y.empty:
            parts.append(element("text", "no finite value", x=middle, y=(self.top + self.bottom) / 2, class_="m v"))
        return "".join(parts)


def _label(text: str) -> str:
    return escape(shortened(text, 62))


def legend(names: Sequence[str], top: float = 11.0) -> tuple[str, int]:
    """A colored line and the name of each series, and the number of rows they take up."""
    parts, x, row = [], 2.0, 0
    for number, name in enumerate(names):
        shown = shortened(name, 40)
        width = 32 + text_width(shown)
        if x > 2.0 and x + width > WIDTH:
            x, row = 2.0, row + 1
        y = top + row * LINE
        mark = element("line", x1=x, x2=x + 16, y1=y - 4, y2=y - 4, class_="l")
        parts.append(element("g", mark, element("text", escape(shown), x=x + 20, y=y), class_=f"s{number % 8}"))
        x += width
    return "".join(parts), row + 1 if names else 0
