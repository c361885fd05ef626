"""Progbar: a progress line for loops, in Keras's format."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar, Optional

import numpy as np

from nnlite.errors import ConfigError

__all__ = ["Progbar"]


class Progbar:
    """A progress line with a bar, the time, and values, redrawn at each update.

    In a terminal it is cut to the width until the last one. In a log file only the last one is written.

    Args:
        target: total number of steps; None if unknown.
        width: width of the bar in characters.
        verbose: 1 draws the bar, 2 writes one line at the end, 0 nothing.
        interval: seconds between two drawings.
        stateful_metrics: names of values that are shown unchanged; others are averaged over the steps until the last
            line, which shows the last ones.
        stateless_metrics: names of values that are averaged; given in place of the others.
        unit_name: name of a step.

    >>> bar = Progbar(3, verbose=2)
    >>> for step in range(3):
    ...     bar.update(step + 1, [("loss", 1 / (step + 1))])
    3/3 - 0s - ...us/step - loss: 0.3333
    """

    on_screen: ClassVar[Optional["Progbar"]] = None  # the one whose line is drawn and will be drawn over

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
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ConfigError("give stateful_metrics or stateless_metrics, not both", ("Progbar",))
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics = frozenset(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else frozenset(stateless_metrics)
        self.unit_name = unit_name
        self._live = is_interactive(sys.stdout)
        self._sums: dict[str, tuple[Any, float]] = {}  # name -> sum and weight
        self._seen = 0
        self._started, self._ended = perf_counter(), None
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
        ends = finalize if finalize is not None else self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            total, weight = self._sums.get(name, (0.0, 0.0))
            as_is = ends or self._shown_as_is(name)
            self._sums[name] = (value, 1.0) if as_is else (total + np.asarray(value) * steps, weight + steps)
        self._seen = current
        now = perf_counter()
        if self.verbose == 1 and (ends or (self._live and now - self._drawn >= self.interval)):
            self._drawn = now
            self._draw(f"{self._steps()}{self._bar()} {self._time(ends, ' ')}{self._numbers()}", ends)
        elif self.verbose == 2 and ends and self.target is not None:
            print(f"{self._steps()} - {self._time(True, ' - ')}{self._numbers()}", flush=True)

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Report that `n` more steps are done; see `update`."""
        self.update(self._seen + n, values)

    def stop_clock(self) -> None:
        """Let the time of the steps end now."""
        self._ended = perf_counter()

    def erase(self) -> None:
        """Remove the line from the screen."""
        if self._length:
            print("\r" + " " * self._length, end="\r", flush=True)
            self._length, Progbar.on_screen = 0, None

    def _shown_as_is(self, name: str) -> bool:
        return name in self.stateful_metrics if self.stateless_metrics is None else name not in self.stateless_metrics

    def _draw(self, line: str, ends: bool) -> None:
        begin = "\r" if self._live else ""
        line = line if ends else line[: _room()]
        print(begin + line.ljust(self._length), end="\n" if ends else "", flush=True)
        self._length, Progbar.on_screen = (0, None) if ends else (len(line), self)

    def _steps(self) -> str:
        if self.target is None:
            return f"{self._seen:>7}/Unknown"
        return f"{self._seen:>{len(str(self.target))}}/{self.target}"

    def _bar(self) -> str:
        if self.target is None:
            return ""
        done = min(int(self.width * self._seen / max(self.target, 1)), self.width)
        return " " + _filled() * done + " " * (self.width - done)

    def _time(self, ends: bool, between: str) -> str:
        """Seconds so far, or before the end those that are left, and the time per step."""
        seconds = (self._ended or perf_counter()) - self._started
        each = seconds / max(self._seen, 1)
        left = not ends and self.target is not None
        shown = duration(each * (self.target - self._seen)) if left and self.target is not None else f"{seconds:.0f}s"
        return f"{shown}{between}{time_of_step(each)}/{self.unit_name}"

    def _numbers(self) -> str:
        return "".join(f" - {name}: {_text(total, weight)}" for name, (total, weight) in self._sums.items())


def is_interactive(stream: Any) -> bool:
    """Whether `stream` is a terminal or the output of a notebook cell."""
    return _is_terminal(stream) or type(stream).__module__.startswith("ipykernel")


def remove_line() -> None:
    """Remove the line of a bar, if there is one, from the screen: what is printed next begins a line."""
    if Progbar.on_screen is not None:
        Progbar.on_screen.erase()


@contextmanager
def errors_below_bar() -> Iterator[None]:
    """A context whose errors, Ctrl-C among them, are not printed behind the line of a bar."""
    try:
        yield
    except BaseException:
        remove_line()
        raise


def _is_terminal(stream: Any) -> bool:
    return getattr(stream, "isatty", bool)()


def _filled() -> str:
    """A step of the bar that is done: "━", or "=" where the output's encoding has no such character."""
    try:
        "━".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "="
    return "━"


def _room() -> int | None:
    """The length of a line that a terminal does not wrap: "\\r" leads back to the last row of a wrapped one only."""
    return shutil.get_terminal_size().columns - 1 if _is_terminal(sys.stdout) else None


def duration(seconds: float) -> str:
    """`7s`, `2:10` or `1:02:10`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}" if minutes else f"{rest}s"


def time_of_step(seconds: float) -> str:
    """`25us`, `12ms` or `2s`."""
    size, unit = (1.0, "s") if seconds >= 1 else (1e-3, "ms") if seconds >= 1e-3 else (1e-6, "us")
    return f"{seconds / size:.0f}{unit}"


def _text(total: Any, weight: float) -> str:
    """The mean in Keras's digits, also that of several numbers, such as the scores of classes."""
    number = float(np.mean(total)) / weight
    return f"{number:.4f}" if abs(number) > 1e-3 else f"{number:.4e}"
