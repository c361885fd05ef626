"""Number of threads of the matrix library."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nnlite.errors import ConfigError

__all__ = [
    "SMALL_PRODUCT",
    "limited_threads",
    "match_threads",
    "set_threads",
    "several_threads",
    "suited_threads",
    "thread_counts",
]

# Below this many multiply-adds a second thread saves little (float32, two quiet cores: 6.7 and 6.4 us at 2**19, 43 and
# 29 us at 2**22), while one that has to wait for a busy core holds every step up: fits of five networks of 128 units
# take up to 20 times as long.
SMALL_PRODUCT = 2**23


class _Threads:
    """The setting of the user, and how many calls are inside `suited_threads` now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.chosen: int | None = None
        self.inside = 0
        self.usual = {}  # the count of each library from before it was limited
        self._found = {}

    @property
    def libraries(self) -> list:
        """The matrix libraries that are loaded: NumPy's, and SciPy's where it is in use.

        Without threadpoolctl, which finds and sets them, none are known.
        """
        with_scipy = "scipy.linalg" in sys.modules
        if with_scipy not in self._found:
            controller = _controller()
            self._found = {with_scipy: controller().select(user_api="blas").lib_controllers if controller else []}
        return self._found[with_scipy]

    def limit(self, count: int) -> None:
        """Let each library use this many threads."""
        for library in self.libraries:
            self.usual.setdefault(library.filepath, library.get_num_threads())
            library.set_num_threads(count)

    def restore(self) -> None:
        """Let each library use as many threads as before."""
        for library in self.libraries:
            if library.filepath in self.usual:
                library.set_num_threads(self.usual.pop(library.filepath))


def _controller() -> type | None:
    """Controller that finds the matrix libraries and sets their threads; None if threadpoolctl is not installed."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController


_threads = _Threads()


def set_threads(count: int | None) -> None:
    """Let the matrix library use `count` threads from now on; None leaves the choice to each `fit` and `predict`.

    Left alone, models whose matrix products are small are computed with one thread.

    Args:
        count: at least 1.

    Raises:
        ConfigError: not an integer >= 1; threadpoolctl, which sets it, is not installed.
    """
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ConfigError(f"the number of threads must be an integer >= 1, or None, got {count!r}")
    if count is not None and _controller() is None:
        raise ConfigError(
            "the number of threads is set by threadpoolctl, which is not installed: pip install threadpoolctl, or set "
            "OPENBLAS_NUM_THREADS or MKL_NUM_THREADS before Python starts"
        )
    with _threads.lock:
        _threads.chosen = count
        if count is None:
            _threads.restore()
        else:
            _threads.limit(count)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """A context with `set_threads(count)`, after which the previous choice is restored."""
    before = _threads.chosen
    set_threads(count)
    try:
        yield
    finally:
        set_threads(before)


def match_threads() -> None:
    """Limit a matrix library that was loaded inside a call as that call limits the others."""
    with _threads.lock:
        if _threads.chosen is not None or _threads.inside:
            _threads.limit(_threads.chosen or 1)


def thread_counts() -> dict[str, int]:
    """The current number of threads of each matrix library, by name; empty if threadpoolctl is not installed."""
    return {library.internal_api: library.get_num_threads() for library in _threads.libraries}


def several_threads() -> bool:
    """Whether a matrix library splits large products among threads; if that is unknown, whether it could."""
    counts = thread_counts().values()
    return (max(counts) if counts else os.cpu_count() or 1) > 1  # to count processors takes 15 us


@contextmanager
def suited_threads(multiply_adds: int) -> Iterator[None]:
    """A context with a single thread if the largest product has too few `multiply_adds` for more to pay off.

    Several calls may be inside at once, one within another or side by side; the last one that leaves puts the usual
    counts back, unless `set_threads` has chosen others.
    """
    small = multiply_adds < SMALL_PRODUCT
    with _threads.lock:
        _threads.inside += small
        if _threads.chosen is not None:
            _threads.limit(_threads.chosen)  # also those libraries that were loaded since
        elif small:
            _threads.limit(1)
    try:
        yield
    finally:
        with _threads.lock:
            _threads.inside -= small
            if small and not _threads.inside and _threads.chosen is None:
                _threads.restore()
