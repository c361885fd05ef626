"""How many threads the matrix library uses."""

import sys
import threading
from contextlib import contextmanager

from nnlite.errors import ConfigError

__all__ = ["set_threads", "suited_threads"]

# Below so many multiply-adds a second thread saves nothing (float32, two quiet cores: 6.7 and 6.4 us at 2**19, but 43
# and 29 us at 2**22), while one that has to wait for a busy core holds the whole step up.
SMALL_PRODUCT = 2**20


class _Threads:
    """The setting of the user, and how many calls are inside `suited_threads` just now."""

    def __init__(self):
        self.lock = threading.Lock()
        self.chosen = None
        self.inside = 0
        self.usual = []  # the counts of the libraries, from before the first of these calls
        self._found = {}

    @property
    def libraries(self) -> list:
        """The matrix libraries that are loaded: NumPy's, and SciPy's where it is in use; no others while inside."""
        with_scipy = "scipy.linalg" in sys.modules
        if with_scipy not in self._found and not (self.inside and self._found):
            from threadpoolctl import ThreadpoolController

            self._found = {with_scipy: ThreadpoolController().select(user_api="blas").lib_controllers}
        return next(iter(self._found.values()))

    def set(self, counts) -> None:
        """Let each library use so many threads."""
        for library, count in zip(self.libraries, counts, strict=True):
            library.set_num_threads(count)

    @property
    def counts(self) -> list[int]:
        """How many threads each library uses."""
        return [library.get_num_threads() for library in self.libraries]


_threads = _Threads()


def set_threads(count: int | None) -> None:
    """Let the matrix library use `count` threads from now on; None leaves the choice to each `fit` and `predict`.

    Left alone, models whose matrix products are small are computed with one thread.

    Args:
        count: at least 1.

    Raises:
        ConfigError: not a whole number >= 1.
    """
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ConfigError(f"the number of threads must be a whole number >= 1, or None, got {count!r}")
    with _threads.lock:
        if _threads.chosen is None and not _threads.inside:
            _threads.usual = _threads.counts
        _threads.chosen = count
        _threads.set(_threads.usual if count is None else [count] * len(_threads.usual))


@contextmanager
def suited_threads(multiply_adds: int):
    """A context with one thread where the largest product has so few `multiply_adds` that more do not pay.

    Several calls may be inside at once, one within another or side by side; the last one that leaves puts the usual
    counts back, unless `set_threads` has chosen others.
    """
    if multiply_adds >= SMALL_PRODUCT or _threads.chosen is not None:
        yield
        return
    with _threads.lock:
        if not _threads.inside:
            _threads.usual = _threads.counts
        _threads.inside += 1
        _threads.set([1] * len(_threads.usual))
    try:
        yield
    finally:
        with _threads.lock:
            _threads.inside -= 1
            if not _threads.inside and _threads.chosen is None:
                _threads.set(_threads.usual)
