"""A progress bar for user-written loops."""

import sys
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

__all__ = ["Progbar"]


class Progbar:
    """A progress line with elapsed time and the means of values, redrawn at each update.

    Args:
        target: total number of steps; None if unknown.
        width: width of the bar in characters.
        verbose: 1 draws the bar, 2 writes one line at the end, 0 nothing.
        interval: seconds between two drawings.
        stateful_metrics: names of values that are shown unchanged; others are averaged over the steps.
        stateless_metrics: names of values that are averaged; given in place of the others.
        unit_name: name of a step.

    >>> bar = Progbar(3, verbose=2)
    >>> for step in range(3):
    ...     bar.update(step + 1, [("loss", step)])
    3/3 - ...s - ... - loss: 1.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics = frozenset(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else frozenset(stateless_metrics)
        self.unit_name = unit_name
        self._sums: dict[str, tuple[float, float]] = {}  # name -> sum and weight
        self._seen = 0
        self._started = perf_counter()
        self._drawn = -float("inf")
        self._length = 0

    def update(
        self, current: int, values: Sequence[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Report that `current` steps are done.

        Args:
            current: steps so far.
            values: `(name, value)` of what is shown.
            finalize: whether this is the end; when None, whether `current` is the target.
        """
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            number = float(np.mean(value))
            total, weight = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (number, 1.0) if self._shown_as_is(name) else (total + number * steps, weight + steps)
        self._seen = current
        ends = finalize if finalize is not None else self.target is not None and current >= self.target
        now = perf_counter()
        if self.verbose == 1 and (ends or now - self._drawn >= self.interval):
            self._drawn = now
            self._draw(f"{self._steps()}{self._bar()} {self._time(ends)}{self._numbers()}", ends)
        elif self.verbose == 2 and ends:
            print(f"{self._steps()} - {self._time(True)}{self._numbers()}", flush=True)

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Report that `n` more steps are done; see `update`."""
        self.update(self._seen + n, values)

    def _shown_as_is(self, name: str) -> bool:
        return name in self.stateful_metrics if self.stateless_metrics is None else name not in self.stateless_metrics

    def _draw(self, line: str, ends: bool) -> None:
        sys.stdout.write("\r" + line.ljust(self._length) + ("\n" if ends else ""))
        sys.stdout.flush()
        self._length = len(line)

    def _steps(self) -> str:
        if self.target is None:
            return f"{self._seen}/Unknown"
        return f"{self._seen:>{len(str(self.target))}}/{self.target}"

    def _bar(self) -> str:
        if self.target is None:
            return ""
        done = min(int(self.width * self._seen / max(self.target, 1)), self.width)
        return " " + "━" * done + " " * (self.width - done)

    def _time(self, ends: bool) -> str:
        """Seconds so far and per step at the end; before, what is left of them."""
        seconds = perf_counter() - self._started
        each = seconds / max(self._seen, 1)
        if not ends and self.target is not None:
            return f"{each * (self.target - self._seen):.0f}s left"
        return f"{seconds:.0f}s - {each * 1e3:.3g}ms/{self.unit_name}"

    def _numbers(self) -> str:
        means = {name: total / weight for name, (total, weight) in self._sums.items()}
        return "".join(
            f" - {name}: {mean:.4f}" if abs(mean) >= 1e-3 or not mean else f" - {name}: {mean:.4e}"
            for name, mean in means.items()
        )
