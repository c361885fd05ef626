"""Splitting a data set in two; `(x, y, sample_weight)` and back."""

from typing import Any

import numpy as np

from nnlite.data.batches import count_rows, take_rows
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.random import fresh_seed, stream

__all__ = ["pack_x_y_sample_weight", "split_dataset", "unpack_x_y_sample_weight"]


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split the rows of arrays into two parts, such as for training and testing.

    Args:
        dataset: an array, or a list, tuple or dict of arrays with as many rows each.
        left_size: of the first part: a fraction as a float in [0, 1], or rows as an integer that leaves some to the
            other part; what `right_size` leaves when None.
        right_size: of the second part, the last rows: those between the parts are in neither.
        shuffle: whether rows are drawn at random rather than taken in order.
        seed: decides which rows are drawn.
        preferred_backend: Keras's; accepted: the parts are what `dataset` is.

    Returns:
        Two of what `dataset` is, with rows of their own: for `(x, y)`, `model.fit(*left)`.

    Raises:
        ConfigError: no arrays, no size, a size out of range, or sizes that are more than there is.

    >>> import numpy as np
    >>> left, right = split_dataset((np.arange(10), np.arange(10) % 2), left_size=0.8)
    >>> right
    (array([8, 9]), array([0, 1]))
    """
    parts = dataset if isinstance(dataset, (list, tuple)) else dataset.values() if isinstance(dataset, dict) else None
    arrays = [np.asarray(part) for part in ([dataset] if parts is None else parts)]
    if single := [array for array in arrays if not array.ndim]:
        raise WrongTypeError(f"split_dataset splits the rows of arrays, got {single[0].item()!r}, which has none")
    rows = count_rows(arrays[0])
    if any(count_rows(array) != rows for array in arrays):
        raise ConfigError(f"the arrays have {', '.join(str(count_rows(array)) for array in arrays)} rows")
    left, right = _sizes(rows, left_size, right_size)
    order = np.arange(rows)
    if shuffle:
        order = stream(fresh_seed() if seed is None else seed, "split").permutation(rows)
    chosen = (order[:left], order[rows - right :])
    first, second = ([take_rows(array, places) for array in arrays] for places in chosen)
    return _like(dataset, first), _like(dataset, second)


def _like(dataset: Any, arrays: list) -> Any:
    if isinstance(dataset, dict):
        return dict(zip(dataset, arrays, strict=True))
    return type(dataset)(arrays) if isinstance(dataset, (list, tuple)) else arrays[0]


def _sizes(rows: int, left: float | None, right: float | None) -> tuple[int, int]:
    """The rows of both parts."""
    if left is None and right is None:
        raise ConfigError("split_dataset needs left_size or right_size")
    counts = [_count(rows, name, size) for name, size in (("left_size", left), ("right_size", right))]
    first, second = (rows - int(counts[1] or 0) if counts[0] is None else counts[0]), counts[1]
    second = rows - first if second is None else second
    if first + second > rows:
        raise ConfigError(f"left_size={left} and right_size={right} are {first + second} rows of {rows}")
    return first, second


def _count(rows: int, name: str, size: float | None) -> int | None:
    if size is None:
        return None
    fraction = isinstance(size, float)
    if isinstance(size, bool) or not isinstance(size, (int, float)):
        raise WrongTypeError(f"{name} must be a fraction in [0.0, 1.0] or a number of the {rows} rows, got {size!r}")
    if not (0 <= size <= 1 if fraction else 0 < size < rows):
        raise ConfigError(f"{name} must be in [0.0, 1.0], or an integer from 1 to {rows - 1}, got {size!r}")
    return round(size * rows) if fraction else int(size)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch as one value: `(x, y, sample_weight)` without trailing None; only x, unless it is a list."""
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` from a batch that may lack the last ones.

    Raises:
        ConfigError: a tuple of another length.
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ConfigError(f"a batch is (x, y, sample_weight) or the first of these, got {len(parts)} values")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight
