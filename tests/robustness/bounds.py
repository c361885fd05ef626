"""What reading a spoilt file may take, of memory and of the processor."""

import gc
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded(memory: float, seconds: float, label: str) -> Iterator[None]:
    """The block takes fewer bytes beyond those at its start, and fewer seconds of the processor; memory is traced."""
    gc.freeze()  # objects of other tests are not gone through by collections within the block
    tracemalloc.reset_peak()
    before, begun = tracemalloc.get_traced_memory()[0], time.process_time()
    try:
        yield
    finally:
        taken, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1] - before
        gc.unfreeze()
    assert peak < memory, f"{label}: {peak} bytes"
    assert taken < seconds, f"{label}: {taken} s"
