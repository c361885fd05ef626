"""Ctrl-C and SIGTERM: the first ends the training cleanly, the second at once; neither damages what is written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Signals"]

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """The signal handling of one run.

    While `training`, the first signal asks the trainer to end after the batch. While `shielded`, signals are only
    remembered. Else they are a `KeyboardInterrupt`, and so is a second one.

    Attributes:
        received: the last signal; None if there was none.
        shielded: whether what continues must not be broken off: it is short.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.shielded = False
        self._trainer: Any = None
        self._broke_off = False

    @property
    def in_order(self) -> bool:
        """Whether a signal ended the training after a batch, rather than in the middle of one."""
        return self.received is not None and not self._broke_off

    @property
    def exit_code(self) -> int:
        """128 plus the signal number, as in shells: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.received or signal.SIGINT)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """A context in which signals are handled here, in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._take) for number in NUMBERS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def training(self, trainer: Any) -> Iterator[None]:
        """A context in which the first signal ends the training after the batch."""
        self._trainer = trainer
        try:
            yield
        finally:
            self._trainer = None

    def _take(self, number: int, frame: FrameType | None) -> None:
        first = self.received is None
        self.received = number
        if self.shielded:
            return
        if first and self._trainer is not None:
            self._trainer.interrupted = True
            return
        self._broke_off = True
        raise KeyboardInterrupt
