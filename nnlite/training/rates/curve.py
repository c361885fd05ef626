"""The loss over growing learning rates, as text, as a chart, and the suggested rate."""

from dataclasses import dataclass

import numpy as np

from nnlite.charts import Series, line_chart, notebook

__all__ = ["LearningRateCurve"]

WIDTH, HEIGHT = 64, 12  # of the text, in characters
STRETCHES = 8
HIGHEST = 2.0  # the picture ends at this many times the first loss


@dataclass(frozen=True, repr=False)
class LearningRateCurve:
    """Result of `model.find_learning_rate`.

    Attributes:
        rates: learning rates, growing, shape (steps,).
        losses: of the batch that each step was taken on, shape (steps,).
        smoothed: a running mean of them, shape (steps,).
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls fastest per logarithm of the rate; None if it never falls.

        It is the middle of the stretch, of an eighth of the curve, whose line of least squares is the steepest; rates
        beyond the lowest running mean do not count.
        """
        lowest = int(np.argmin(self.smoothed)) + 1 if len(self.smoothed) else 0
        width = max(len(self.rates) // STRETCHES, 3)
        if lowest < width:
            return None
        logs = np.log(self.rates[:lowest])
        starts = range(lowest - width + 1)
        slopes = [np.polyfit(logs[i : i + width], self.losses[i : i + width], 1)[0] for i in starts]
        steepest = int(np.argmin(slopes))
        return float(self.rates[steepest + width // 2]) if slopes[steepest] < 0.0 else None

    def __str__(self) -> str:
        if len(self.rates) < 2:
            return "the loss was not finite at the first learning rates: no curve"
        logs, highest = np.log10(self.rates), max(HIGHEST * self.smoothed[0], self.smoothed.min())
        heights = np.minimum(self.smoothed, highest)
        low, high = heights.min(), heights.max()
        columns = np.rint((logs - logs[0]) / (logs[-1] - logs[0]) * (WIDTH - 1)).astype(int)
        rows = np.rint((high - heights) / ((high - low) or 1.0) * (HEIGHT - 1)).astype(int)
        grid = np.full((HEIGHT, WIDTH), " ")
        if self.suggestion is not None:
            grid[:, columns[np.searchsorted(self.rates, self.suggestion)]] = "|"
        grid[rows, columns] = "*"
        labels = [f"{high:.4g}", *[""] * (HEIGHT - 2), f"{low:.4g}"]
        margin = max(map(len, labels))
        lines = [
            f"{label:>{margin}} {''.join(line).rstrip()}" for label, line in zip(labels, grid.tolist(), strict=True)
        ]
        first, last = f"{self.rates[0]:.1e}", f"{self.rates[-1]:.1e}"
        axis = f"{'':{margin}} {first}{'learning rate':^{WIDTH - len(first) - len(last)}}{last}"
        return "\n".join(["smoothed loss", *lines, axis, self._advice()])

    __repr__ = __str__

    def _advice(self) -> str:
        if self.suggestion is None:
            return "the loss did not fall: no suggestion"
        return f"suggested learning rate: {self.suggestion:.2g}, where the loss falls fastest"

    def _repr_html_(self) -> str:
        if len(self.rates) < 2:
            return notebook(f"<p>{self}</p>")
        shown = self.smoothed <= max(HIGHEST * self.smoothed[0], self.smoothed.min())
        logs = np.log10(self.rates)
        series = [Series("smoothed loss", logs[shown], self.smoothed[shown])]
        chart = line_chart(series, "Loss over learning rates", "log10 of the rate", "loss", note=f"{self._advice()}.")
        return notebook(chart.figure())
