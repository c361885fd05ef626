"""What reading a spoilt file may take, of memory and of the processor."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded(memory: float, seconds: float, label: str) -> Iterator[None]:
    """The block takes fewer bytes beyond those at its start, and fewer seconds of the processor; memory is traced."""
    tracemalloc.reset_peak()
    before, begun = tracemalloc.get_traced_memory()[0], time.process_time()
    yield
    taken, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1] - before
    assert peak < memory, f"{label}: {peak} bytes"
    assert taken < seconds, f"{label}: {taken} s"
