"""Batches by index: objects with `__len__` and `__getitem__` whose item i is batch i."""

import operator
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from nnlite.arrays.rows import LazyRows
from nnlite.errors import ConfigError, DataError
from nnlite.errors.caller import warn_user
from nnlite.random import stream

__all__ = ["PyDataset"]


class UncountedError(NotImplementedError, TypeError):
    """The number of batches was asked of a `PyDataset` that does not say it."""


class PyDataset:
    """Base of data that is produced batch by batch, such as from files, with the name and arguments of Keras 3.

    A subclass writes `__len__`, the number of batches, and `__getitem__(index)`, which returns batch `index` as
    `(x, y)` or `(x, y, sample_weight)`, or `x` alone for `predict`. It may write `on_epoch_begin` and `on_epoch_end`.
    `fit` takes the batches in a new order each epoch, unless `shuffle=False`; `evaluate` and `predict` keep the order.

    Args:
        workers, use_multiprocessing, max_queue_size: kept, so that programs written for Keras run; batches are made
            in order, in the thread that trains.

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> class Lines(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.full((4, 1), float(index))
    ...         return x, 2 * x
    >>> model = Sequential([Input((1,)), Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> len(model.fit(Lines(), epochs=2, verbose=0).history["loss"])
    2
    """

    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        """The number of batches."""
        raise UncountedError(f"{type(self).__name__} must define __len__, or num_batches")

    def __getitem__(self, index: int) -> Any:
        """Batch `index`."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __iter__(self) -> Iterator[Any]:
        """Each batch once, in order; endlessly where `num_batches` is None."""
        return iter(NumberedBatches(self))

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None for endless data."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before the batches of an epoch are asked for."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch."""


class NumberedBatches:
    """An iterable over the batches of an object that is indexed by batch number.

    Args:
        source: has `__getitem__`, and `__len__` or `num_batches`.
        shuffle_seed: draws a new order for each epoch, of a `PyDataset` alone, as in Keras; the given order when None.
    """

    def __init__(self, source: Any, shuffle_seed: int | None = None) -> None:
        self.source = source
        if isinstance(source, PyDataset) and "workers" not in vars(source):
            name = type(source).__name__
            warn_user(f"{name} does not call super().__init__(**kwargs) in its __init__, as Keras asks of a PyDataset")
        self.shuffle_seed = shuffle_seed if _is_dataset(source) else None

    @property
    def length(self) -> int | None:
        """The number of batches; None for endless data."""
        counted = self.source.num_batches if _is_dataset(self.source) else len(self.source)
        return counted if counted is None else operator.index(counted)

    def __iter__(self) -> Iterator[Any]:
        return self._walk(None)

    def walk(self, step: int) -> Iterator[Any]:
        """All batches once; `step`, the number of training steps done so far, determines the order."""
        return self._walk(step)

    def begin(self) -> None:
        """Tell the source that an epoch begins."""
        self._tell("on_epoch_begin")

    def end(self) -> None:
        """Tell the source that an epoch has ended."""
        self._tell("on_epoch_end")

    def _walk(self, step: int | None) -> Iterator[Any]:
        length = self.length
        if length is None:
            number = 0
            while True:
                yield self.source[number]
                number += 1
        order = list(range(length))
        if step is not None and self.shuffle_seed is not None:
            order = stream(self.shuffle_seed, "shuffle", step=step).permutation(length).tolist()
        for number in order:
            yield self.source[number]

    def _tell(self, hook: str) -> None:
        if hasattr(self.source, hook):
            getattr(self.source, hook)()


def is_numbered(data: Any) -> bool:
    """Whether `data` is indexed by batch number, and is not an array, table or sequence of examples.

    Raises:
        DataError: a map-style data set of PyTorch, whose items are examples.
    """
    if isinstance(data, (list, tuple, dict, str, bytes)) or is_array_like(data):
        return False
    if any(cls.__module__.startswith("torch.utils.data") and cls.__name__ == "Dataset" for cls in type(data).__mro__):
        raise DataError(
            f"{type(data).__name__} gives one example for each number; wrap it: torch.utils.data.DataLoader(data, "
            "batch_size=32, shuffle=True)"
        )
    by_number = isinstance(data, Sized) and hasattr(data, "__getitem__")
    return _is_dataset(data) or (by_number and not isinstance(data, Iterable))


def is_array_like(data: Any) -> bool:
    """Whether `data` is an array, dense or sparse, or a table, of any library; lazily read rows included."""
    known = ("__array__", "__array_interface__", "__dataframe__", "toarray")
    return isinstance(data, LazyRows) or any(hasattr(data, name) for name in known)


def _is_dataset(data: Any) -> bool:
    """Whether the class is made from `PyDataset`, this one or that of Keras."""
    return any(cls.__name__ == "PyDataset" for cls in type(data).__mro__)


def is_batches(x: Any, y: Any) -> bool:
    """Whether `x` yields batches itself, rather than being an array of examples or several of them.

    Raises:
        ConfigError: `y` is not None.
    """
    if y is not None:
        if is_numbered(x) or (isinstance(x, Iterable) and not hasattr(x, "__getitem__") and not is_array_like(x)):
            raise ConfigError(f"y must be None if x gives batches (x, y), as {type(x).__name__} does")
        return False
    data = isinstance(x, (dict, tuple)) or is_array_like(x) or (isinstance(x, list) and not _holds_batches(x))
    return not data and (isinstance(x, Iterable) or is_numbered(x))


def _holds_batches(items) -> bool:
    """Whether a list holds tuples `(x, y)`, x being an array or several."""
    first = items[0][0] if items and isinstance(items[0], tuple) else None
    return hasattr(first, "__array__") or isinstance(first, (tuple, list, dict))
