"""Parameters whose values come from a file: nothing is drawn, and memory is limited by the size of the file."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from nnlite.errors import ModelFileError

__all__ = []

SLACK = 2**20  # bytes beyond the file's: so that the error can name what a nearly complete file lacks
PADDED = 2**14  # numbers that any input may be padded to


class TooManyError(ModelFileError):
    """Work on more numbers than a model's file can account for."""


class Allowance:
    """A limit in bytes for the parameters of a model that is read from a file.

    Args:
        size: of the file's weights in bytes.

    Attributes:
        untried: `id` of the layers that are not tried on an example, because it would be large.
    """

    def __init__(self, size: int) -> None:
        self.size, self.left = size, size + SLACK
        self.untried: set[int] = set()

    def take(self, shape: tuple, dtype: str, owner: str) -> np.ndarray:
        """Zeros of `shape`; `ModelFileError` if the file does not hold that many numbers."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > self.left:
            raise ModelFileError(
                f"{owner} needs a parameter of shape {shape}, {size} bytes, and the file holds {self.size} bytes of "
                "weights in all: its header and its weights do not belong together"
            )
        self.left -= size
        return np.zeros(shape, dtype)

    def check_count(self, count: int, what: str) -> None:
        """`TooManyError` for work on more numbers than any file of this size, or of a mebibyte, would need."""
        if count > max(self.size, SLACK):
            raise TooManyError(f"{what}, but there are {count} numbers; the file's weights are {self.size} bytes")

    def check_padding(self, padded: int, count: int, owner: str) -> None:
        """`TooManyError` if `count` numbers of an input are padded to far more, `padded`."""
        if padded > max(PADDED, 16 * count):
            raise TooManyError(f"{owner} is tried on an example, and pads its {count} numbers to {padded}")
        self.check_count(padded // 4, f"{owner} is tried on an example, and pads it")


_allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def values_follow(size: int) -> Iterator[None]:
    """A context in which parameters are made as zeros, at most `size` bytes in all, since their values follow."""
    token = _allowance.set(Allowance(size))
    try:
        yield
    finally:
        _allowance.reset(token)


def allowance() -> Allowance | None:
    """The allowance for parameters whose values come from a file; None outside such a load."""
    return _allowance.get()
