"""Array utilities, and the global seed."""

import random as python_random
from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.arrays.weights import EagerTensor
from nnlite.config import floatx
from nnlite.errors import ConfigError, DataError, WrongTypeError
from nnlite.random import seed_fresh_seeds

__all__ = ["normalize", "pad_sequences", "set_random_seed", "to_categorical"]

Side = Literal["pre", "post"]


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """Integer labels as one-hot rows, float64 as Keras's; of the type `floatx()` for what layers and ops return.

    Args:
        x: integers from 0 to `num_classes` - 1; a last axis of length 1 is dropped.
        num_classes: the length of a row; the largest label + 1 when None.

    Shape: `(...) -> (..., num_classes)`.

    Raises:
        DataError: a label that is not an integer, or out of range.
        ConfigError: a number of classes that is not an integer.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if num_classes is not None and not isinstance(num_classes, (int, np.integer)):
        raise WrongTypeError(f"to_categorical: num_classes must be an integer, got {num_classes!r}")
    values = np.asarray(x)
    labels = values.astype(np.int64)
    if not np.array_equal(labels, values):
        raise DataError("to_categorical takes integers from 0 on")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    count = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    wrong = labels[(labels < 0) | (labels >= count)]
    if wrong.size:
        raise DataError(f"to_categorical with {count} classes takes labels from 0 to {count - 1}, got {wrong[0]}")
    rows = np.zeros((labels.size, count))
    rows[np.arange(labels.size), labels.ravel()] = 1
    rows = rows.astype(floatx()) if isinstance(x, EagerTensor) else rows
    return rows.reshape(*labels.shape, count)


def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> Any:
    """`x` divided by its norm along `axis`; zero vectors are unchanged. Like `ops.normalize`, for plain arrays.

    Shape: unchanged, but that an array of one axis becomes a row, as in Keras: `(n,) -> (1, n)`.

    Args:
        x: numbers.
        axis: along which a vector lies.
        order: of the norm, 2 for Euclid's; `numpy.inf` for the largest magnitude; below 1 for NumPy's arrays alone.

    Raises:
        ConfigError: an order below 1 for other data.
    """
    if not isinstance(x, (np.ndarray, Sequence, float)):
        from nnlite import ops  # here, as arrays do without it
        from nnlite.layers.base.symbolic import Drawable

        if isinstance(x, (ops.Traced, Drawable)):
            return ops.normalize(x, axis, cast(int, order))  # refused there where it is none
    has_dtype = isinstance(x, np.ndarray)
    if not has_dtype and isinstance(order, (int, float)) and order < 1:
        raise ConfigError(f"normalize: order must be at least 1, got {order!r}")
    values = np.asarray(x, None if has_dtype else floatx())
    norms = np.linalg.norm(np.atleast_1d(values), order, axis, keepdims=True)
    scaled = values / np.where(norms == 0, 1, norms)
    return scaled[None] if scaled.ndim == 1 and has_dtype else scaled


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: Side = "pre",
    truncating: Side = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """Sequences of any lengths as one array.

    Args:
        sequences: one list per row; items may be arrays of one shape.
        maxlen: the length of a row; that of the longest sequence when None.
        dtype: of the result.
        padding: `"pre"` or `"post"`: where what is missing is filled with `value`.
        truncating: `"pre"` or `"post"`: where what is too long loses items.
        value: a number, or text for an array of text.

    Shape: `(rows, maxlen, *item)`.

    Raises:
        ConfigError: a wrong side, or a value that the type cannot hold.
        DataError: `sequences` holds what is not a sequence, or items of several shapes.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
    [[0, 1], [2, 3], [5, 6]]
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ConfigError(f'{name} must be "pre" or "post", got {side!r}')
    if not isinstance(sequences, Iterable):
        raise WrongTypeError(f"pad_sequences takes a list of sequences, got {sequences!r}")
    textual = np.dtype(dtype).kind in "US"
    if isinstance(value, str) and dtype is not object and not textual:
        raise ConfigError(f'value {value!r} needs a dtype that holds text, such as "object", got {dtype!r}')
    rows = [_row(number, sequence) for number, sequence in enumerate(sequences)]
    shapes = {row.shape[1:] for row in rows if len(row)}
    if len(shapes) > 1:
        raise DataError(f"pad_sequences takes items of one shape, got {' and '.join(map(str, sorted(shapes)))}")
    length = max(map(len, rows), default=0) if maxlen is None else maxlen
    padded = np.full((len(rows), length, *(shapes.pop() if shapes else ())), value, dtype)
    for target, row in zip(padded, rows, strict=True):
        part = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        target[length - len(part) if padding == "pre" else 0 :][: len(part)] = part
    return padded


def _row(number: int, sequence: Any) -> np.ndarray:
    if np.ndim(sequence) == 0:
        raise DataError(f"pad_sequences takes one sequence per row; row {number} is {sequence!r}")
    return np.asarray(sequence)


def set_random_seed(seed: int) -> None:
    """Derive all random numbers without a seed of their own from `seed`.

    Python's `random`, NumPy's global generator, the seeds of models and layers that get none, and `nnlite.random`.

    Args:
        seed: an integer in [0, 2**32).

    Raises:
        ConfigError: any other value.

    >>> from nnlite.layers import Dense
    >>> def weight():
    ...     set_random_seed(3)
    ...     layer = Dense(1)
    ...     layer([[1.0]])
    ...     return layer.get_weights()[0].item()
    >>> weight() == weight()
    True
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed must be an integer in [0, 2**32), got {seed!r}")
    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - users' programs draw from it
    seed_fresh_seeds(int(seed))
