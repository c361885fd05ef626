"""What a call may take of the processor and of memory, on a machine that others use as well."""

import contextlib
import gc
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

TRIES = 5


class Outcome(NamedTuple):
    """What came of a call: its result or its error, the seconds of the processor, and the bytes beyond those before."""

    result: Any
    error: Exception | None
    seconds: float
    peak: int

    def value(self) -> Any:
        """The result; raises the error, if there was one."""
        if self.error is not None:
            raise self.error
        return self.result


def outcome_of(call: Callable[[], Any], seconds: float, traced: bool = False) -> Outcome:
    """What came of a call, the first of up to five that took fewer seconds than these, otherwise the last.

    Other processes slow a call down now and then; what takes too long by itself does so each time.

    Args:
        call: what may be done several times.
        seconds: of the processor.
        traced: whether memory is traced; it is too where the test traces it already.
    """
    with _traced(traced or tracemalloc.is_tracing()):
        for _ in range(TRIES):
            outcome = _once(call)
            if outcome.seconds < seconds:
                break
    return outcome


def within(call: Callable[[], Any], seconds: float, memory: float = math.inf, label: str = "") -> Any:
    """The result of a call, or its error, which takes less than these seconds of the processor and bytes of memory."""
    outcome = outcome_of(call, seconds, memory < math.inf)
    assert outcome.peak < memory, f"{label}: {outcome.peak} bytes"
    assert outcome.seconds < seconds, f"{label}: {outcome.seconds} s"
    return outcome.value()


def quickest(call: Callable[[], Any]) -> float:
    """The fewest seconds of the processor that a call took, of three; raises its error, if there is one."""
    outcomes = [_once(call) for _ in range(3)]
    for outcome in outcomes:
        outcome.value()
    return min(outcome.seconds for outcome in outcomes)


def _once(call: Callable[[], Any]) -> Outcome:
    result, error = None, None
    gc.collect(0)
    gc.freeze()  # objects of other tests are not gone through by collections within the call
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
    before, begun = tracemalloc.get_traced_memory()[0], time.process_time()
    try:
        result = call()
    except Exception as caught:
        error = caught
    finally:  # a failure of pytest, or Ctrl-C, is no `Exception`
        gc.unfreeze()
    seconds, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1] - before
    return Outcome(result, error, seconds, peak)


@contextlib.contextmanager
def _traced(traced: bool) -> Iterator[None]:
    begins = traced and not tracemalloc.is_tracing()
    if begins:
        tracemalloc.start()
    try:
        yield
    finally:
        if begins:
            tracemalloc.stop()
