"""Scalars that behave like arrays without axes."""

from typing import Any, ClassVar

import numpy as np

from nnlite.config import floatx

__all__ = ["Number", "as_result"]


class Number(float):
    """The value of a loss or a metric: a float with the attributes of an array, and `numpy()`, as in Keras.

    What is computed of it is a plain float.

    >>> value = Number(0.5)
    >>> value, value.shape, value.numpy().dtype.name, value + 1
    (0.5, (), 'float32', 1.5)
    """

    __slots__ = ()
    shape: ClassVar[tuple[int, ...]] = ()
    ndim: ClassVar[int] = 0
    size: ClassVar[int] = 1

    @property
    def dtype(self) -> np.dtype:
        """The dtype of `numpy()`, that of `config.floatx()`."""
        return np.dtype(floatx())

    def numpy(self) -> Any:
        """The number in NumPy's type."""
        return self.dtype.type(self)

    def item(self) -> float:
        """The plain Python number."""
        return float(self)

    def __reduce__(self) -> tuple:
        return float, (float(self),)


def as_result(value: Any) -> Any:
    """A float as a `Number`; anything else unchanged."""
    return Number(value) if type(value) is float else value
