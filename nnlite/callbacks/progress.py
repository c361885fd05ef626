"""ProgressBar: one line per epoch, and a live bar while the epoch runs."""

import sys
from time import perf_counter
from typing import Any

import numpy as np

from nnlite.callbacks.base import Callback

__all__ = ["ProgressBar"]

_SECONDS_BETWEEN_REFRESHES = 0.1


class ProgressBar(Callback):
    """Prints one line per epoch, evaluation or prediction: steps, time per step, loss and metrics.

    `verbose` of the run decides: 0 is silent, 1 shows a live bar on the way to each line, 2 prints the lines only.
    Where the output is neither a terminal nor a notebook, such as a log file, or tqdm, which draws the bar, is not
    installed, 1 does as 2. Time per step is that of training, without the validation.
    """

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._verbose = params.get("verbose", 1)
        self._bar_type = _bar_type() if self._verbose == 1 and _is_interactive(sys.stdout) else None
        self._in_fit = "epochs" in params
        self._bar = None

    def listens(self, hook: str) -> bool:
        if hook.endswith("_batch_end"):
            needed = self._bar_type is not None or self.params.get("steps") is None
            return bool(self._verbose) and needed and self._in_fit == (hook == "on_train_batch_end")
        return bool(self._verbose) and super().listens(hook)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        epochs = str(self.params["epochs"])
        self._begin(f"Epoch {epoch + 1:{len(epochs)}}/{epochs}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._end(logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._close()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        if self._in_fit:
            self._seconds = perf_counter() - self._started
            if self._bar is not None:
                self._bar.n = self._step
                self._bar.refresh()
        else:
            self._begin("Evaluate")

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        self._begin("Predict")

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        self._end(None)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._step = batch + 1
        if self._bar is not None and (now := perf_counter()) >= self._next_refresh:
            self._next_refresh = now + _SECONDS_BETWEEN_REFRESHES
            self._bar.n = self._step
            self._bar.set_postfix_str(_numbers(logs))

    on_test_batch_end = on_train_batch_end
    on_predict_batch_end = on_train_batch_end

    def _begin(self, title: str) -> None:
        self._title = title
        self._step = 0
        self._seconds = None
        self._next_refresh = 0.0
        if self._bar_type is not None:
            self._bar = self._bar_type(
                total=self.params.get("steps"),
                desc=title,
                unit="step",
                leave=False,
                dynamic_ncols=True,
                file=sys.stdout,
            )
        self._started = perf_counter()

    def _end(self, logs) -> None:
        seconds = perf_counter() - self._started if self._seconds is None else self._seconds
        self._close()
        total = self.params.get("steps")
        done = self._step or total or 0
        steps = f"{done}/{total} steps" if total else f"{done} steps"
        parts = [self._title, steps, _time_per_step(seconds / max(done, 1)), _numbers(logs)]
        print("  ".join(part for part in parts if part), flush=True)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _bar_type() -> type | None:
    """The class of live bars, for a terminal or a notebook; None where tqdm is not installed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm


def _is_interactive(stream) -> bool:
    """Whether `stream` is a terminal or the output of a notebook cell."""
    return getattr(stream, "isatty", bool)() or type(stream).__module__.startswith("ipykernel")


def _numbers(logs) -> str:
    """`loss 0.3127  accuracy 0.9123`"""
    return "  ".join(f"{name} {_number(value)}" for name, value in (logs or {}).items())


def _number(value) -> str:
    if np.ndim(value):
        return " ".join(_number(item) for item in value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def _time_per_step(seconds: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}/step"
    return f"{seconds * 1e6:.0f} us/step"
