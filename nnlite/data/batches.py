"""Batches: what the training loop iterates over."""

import itertools
import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from nnlite.arrays.rows import LazyRows, SparseRows
from nnlite.arrays.types import all_finite
from nnlite.config import within_limit
from nnlite.data.numbered import NumberedBatches, is_batches as is_batches, is_numbered
from nnlite.errors import ConfigError, DataError, ShapeError, TrainingWarning
from nnlite.errors.caller import warn_user
from nnlite.random import stream
from nnlite.registry.bounds import NonNegative
from nnlite.registry.field_types import read

Together: TypeAlias = Callable[[int], int]  # from the rows of a batch to the batches of a turn
Epoch: TypeAlias = Generator[tuple, None, None]  # of batches; whoever leaves it early closes it


class ExhaustedError(DataError):
    """An epoch began, and its source had no batch left."""


def one_by_one(batch_size: int) -> int:
    """The default of `together`: each iteration yields one batch."""
    return 1


class ArrayBatches:
    """Batches of arrays in memory.

    Args:
        arrays: `(x, y, sample_weight)` with one row per example; y and sample_weight may be None, x and y may be
            tuples of arrays, x may be `SparseRows`.
        batch_size: rows per batch; the last one may have fewer.
        shuffle_seed: draws a new order for each epoch; the given order when None.
        steps: batches per epoch; as many as there are when None.

    Attributes:
        goes_on: whether an epoch of fewer batches continues where the one before stopped, until all have come; the last
            of these epochs may be shorter.
    """

    def __init__(
        self, arrays: tuple, batch_size: int, shuffle_seed: int | None = None, steps: int | None = None
    ) -> None:
        # Rows of a table stored by columns, as DataFrames give them, take up to ten times as long to gather.
        self.arrays = arrays if shuffle_seed is None else tuple([by_rows(array) for array in arrays])
        self.batch_size, self.shuffle_seed = batch_size, shuffle_seed
        available = math.ceil(count_rows(arrays[0]) / batch_size)
        if steps is not None and steps > available:
            warn_user(f"{steps} steps of {batch_size} rows were asked for, the data has {available}", TrainingWarning)
        self.steps, self._available = within_limit(min(steps or available, available)), available
        self.goes_on, self._place = False, 0  # of the epoch's first batch
        parts = (part for array in arrays for part in (array if isinstance(array, tuple) else (array,)))
        self._plain = not any(isinstance(part, LazyRows) for part in parts)

    def skip(self, batches: int) -> None:
        """Skip this many batches of earlier epochs."""
        for _ in range(batches // self.steps if self.goes_on else 0):
            self._place = self._end_of_epoch() % self._available

    def _end_of_epoch(self) -> int:
        return min(self._place + self.steps, self._available)

    def _begin(self, step: int) -> tuple[int, int, int]:
        """Begin the epoch at a step: the step that decides its order, its first batch and the one behind its last."""
        position, stop = self._place, self._end_of_epoch()
        self._place = stop % self._available if self.goes_on else 0
        return step - position, position, stop

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The batches of one epoch, from `first` on.

        Args:
            step: the number of training steps done so far, which decides the order.
            first: how many batches are passed over.
            together: called before each turn with `batch_size`, for the number of batches whose rows it yields as one.
        """
        count = count_rows(self.arrays[0])
        step, position, stop = self._begin(step)
        order = None
        if self.shuffle_seed is not None:
            order = stream(self.shuffle_seed, "shuffle", step=step).permutation(count)
        start, end = (position + first) * self.batch_size, min(stop * self.batch_size, count)
        while start < end:
            rows: Any = slice(start, min(start + together(self.batch_size) * self.batch_size, end))
            whole = self._plain and order is None and rows.stop - start == count
            start = rows.stop
            rows = rows if order is None else order[rows]
            yield self.arrays if whole else tuple([take_rows(array, rows) for array in self.arrays])


class IterableBatches:
    """Batches taken from an iterable of the user.

    Args:
        source: an iterable of `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`. One that can be walked again starts
            over each epoch; a generator continues where it stopped. Or an object that has such batches by number.
        prepare: checks and converts one batch `(x, y, sample_weight)`.
        steps: batches per epoch; all there are when None.
        shuffle_seed: draws the order of the batches of a `PyDataset`.

    Attributes:
        steps: batches per epoch; None if that is not known beforehand.
        batch_size: None, as each batch has the rows that it comes with.
        goes_on: whether an epoch of `steps` continues where the one before stopped, as that of `ArrayBatches`.
    """

    batch_size: None = None
    goes_on = False

    def __init__(
        self, source: Any, prepare: Callable, steps: int | None = None, shuffle_seed: int | None = None
    ) -> None:
        self.source: Any = NumberedBatches(source, shuffle_seed) if is_numbered(source) else source
        self.prepare = prepare
        self._wanted = steps
        self.steps = within_limit(self._known_length() if steps is None else steps)
        iterator = iter(self.source)
        self._walks_again, self._length, self._taken = iterator is not self.source, self._known_length(), 0
        first = next(iterator, None)
        if first is None:
            raise DataError("no examples: the iterable of batches is empty")
        prepare(*_parts(first))  # the first batch decides the shapes that a model is built for
        self._iterator: Any = None if self._walks_again else itertools.chain([first], iterator)

    def skip(self, batches: int) -> None:
        """Skip what earlier epochs took from a source that does not restart with each."""
        if not self._walks_again:
            for _ in range(batches):
                next(self._iterator, None)
        elif self.goes_on and self._wanted and self.steps and self._length:
            for _ in range(batches // self.steps):
                self._taken = min(self._taken + self.steps, self._length) % self._length

    def _walk(self, step: int) -> Any:
        """The batches from the place on where earlier epochs stopped."""
        numbered = isinstance(self.source, NumberedBatches)
        iterator = self.source.walk(step - self._taken) if numbered else iter(self.source)
        return itertools.islice(iterator, self._taken, None)

    def _next(self, step: int) -> Any:
        """The next batch; None after the last."""
        if self._iterator is None:
            self._iterator = self._walk(step)
        batch = next(self._iterator, None)
        self._taken += 1
        if self._walks_again and (batch is None or self._taken == self._length):
            self._iterator, self._taken = None, 0
        return batch

    def epoch(self, step: int = 0, first: int = 0, together: Together = one_by_one) -> Epoch:
        """The next `steps` batches after the `first` ones, one at a time."""
        return without_first(self._epoch(step), first)

    def _epoch(self, step: int) -> Epoch:
        if not self._continues:
            self._iterator, self._taken = None, 0
        self._tell("begin")
        done, limit, batch = 0, within_limit(self._wanted), self._next(step)
        if batch is None and self._walks_again:  # the epoch before took the last one, which it could not know
            batch = self._next(step)
        try:
            while batch is not None:
                yield self.prepare(*_parts(batch))
                done += 1
                batch = None if done == limit or self._iterator is None else self._next(step)
        finally:  # of an epoch that is left early
            self._iterator = self._iterator if self._continues else None
        self._tell("end")
        if not done:
            raise ExhaustedError("the data ran out: a batch expected, got 0; a generator serves one epoch, a list more")
        if limit and self._wanted and done < limit:
            warn_user(f"the data ran out: {limit} batches expected, got {done}", TrainingWarning)

    @property
    def _continues(self) -> bool:
        """Whether the next epoch takes its batches from the same walk."""
        return not self._walks_again or (self.goes_on and self._wanted is not None)

    def _tell(self, what: Literal["begin", "end"]) -> None:
        if isinstance(self.source, NumberedBatches):
            getattr(self.source, what)()

    def _known_length(self) -> int | None:
        if isinstance(self.source, NumberedBatches):
            return self.source.length
        try:
            return len(self.source)
        except (TypeError, NotImplementedError):  # a generator; a loader of endless data
            return None


def without_first(batches: Epoch, first: int) -> Epoch:
    """The batches after the `first` ones, which are skipped once the next one is requested."""
    for _ in itertools.islice(batches, first):
        pass
    yield from batches  # which closes them where this is closed


def suited_batch_size(rows: int) -> int:
    """The largest power of two up to a sixteenth of the training rows, within 32 to 256: `batch_size="auto"`.

    >>> [suited_batch_size(rows) for rows in (100, 1_100, 3_000, 100_000)]
    [32, 64, 128, 256]
    """
    return min(max(2 ** int(math.log2(max(rows, 16) / 16)), 32), 256)


def take_rows(array: Any, rows: slice | np.ndarray) -> Any:
    """`array[rows]`, for each array of a tuple; None stays None."""
    if isinstance(array, tuple):
        return tuple([take_rows(part, rows) for part in array])
    if array is None or isinstance(rows, slice):
        return array if array is None else array[rows]
    return array.take(rows, axis=0)  # 0.8 of the time of array[rows]


def select_rows(array: Any, rows: np.ndarray) -> Any:
    """The same as `take_rows`, but rows of a sparse matrix stay sparse."""
    return array.select(rows) if isinstance(array, SparseRows) else take_rows(array, rows)


def by_rows(array: Any) -> Any:
    """The array with each row contiguous, or each array of a tuple; None and `LazyRows` are returned unchanged."""
    if isinstance(array, tuple):
        return tuple([by_rows(part) for part in array])
    return array if array is None or isinstance(array, LazyRows) else np.ascontiguousarray(array)


def count_rows(array: Any) -> int:
    """The number of examples of an array, or of a tuple of arrays."""
    return len(array[0] if isinstance(array, tuple) else array)


def _parts(batch) -> tuple:
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise DataError(f"a batch must be x, (x, y) or (x, y, sample_weight), got {len(parts)} parts")
    return (*parts, *[None] * (3 - len(parts)))


def check_lengths(x: Any, **others: Any) -> None:
    """`ShapeError` unless each of the named arrays has one entry per example, `DataError` if there is none."""
    count = count_rows(x)
    if not count:
        raise DataError("no examples: x has 0 rows")
    for name, array in others.items():
        if len(array) != count:
            raise ShapeError(f"x has {count} rows, {name} has {len(array)}")


def check_finite(x: Any) -> None:
    """`DataError` naming the first row and column of `x` that is nan or infinite."""
    if isinstance(x, tuple):
        for part in x:
            check_finite(part)
    elif isinstance(x, LazyRows):
        index = x.first_not_finite()
        if index is not None:
            raise DataError(f"x holds a value that is not finite in {_place(index)}")
    elif x.dtype.kind == "f" and not all_finite(x):
        index = np.argwhere(~np.isfinite(x))[0].tolist()
        raise DataError(f"x holds {x[tuple(index)]} in {_place(index)}; fill or drop missing values first")


def _place(index: Sequence[int]) -> str:
    row, *inside = index
    return f"row {row}" + (f", column {inside[0]}" if len(inside) == 1 else f", at {inside}" if inside else "")


def check_fits(x: np.ndarray, inputs: np.ndarray) -> None:
    """`DataError` naming the first number of `x` that is finite, and infinite in the type of `inputs`."""
    if x.dtype.kind in "iuf" and x.shape == inputs.shape:
        large = np.isfinite(x) & np.isinf(inputs)
        if large.any():
            index = np.argwhere(large)[0].tolist()
            raise DataError(
                f"x holds {x[tuple(index)]} in {_place(index)}, which is too large for {inputs.dtype}: divide by a "
                "scale, or call nnlite.config.set_floatx('float64')"
            )


def class_weights(labels: np.ndarray, weights: dict, classes: int) -> np.ndarray:
    """The weight of each row by its class number, in [0, classes); 1 for classes that `weights` does not name."""
    result = np.ones(len(labels))
    for label, weight in weights.items():
        if label not in range(classes):
            raise ConfigError(f"class_weight names class {label!r}; the classes are 0 to {classes - 1}")
        try:
            result[labels == label] = read(weight, NonNegative)
        except ConfigError as error:
            raise error.within("class_weight", label) from None
    return result
