"""The first pass over a table that is too large for memory: parts, a sample to fit encoders to, labels and levels."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, OneHot, Ordinal
from nnlite.data.encoders.inputs import Columns, InputEncoder
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.base import Dataset
from nnlite.data.splits import PARTS, Split
from nnlite.data.storage.chunks import joined, taken
from nnlite.errors import DataError
from nnlite.random import stream

__all__ = ["Scan", "row_parts"]

SAMPLE_CELLS = 2**20
LEAST_SAMPLE, MOST_LEVELS = 1000, 10_000
GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


def row_parts(split: Split, start: int, count: int, total: int | None, seed: int) -> np.ndarray:
    """The part of each of `count` rows from `start` on, as its index in `PARTS`, by the row's number and the seed.

    Shares are kept in the mean, and so is the mix of classes: each row is drawn independently of its chunk.

    Args:
        total: the number of all rows; needed where `split.shuffle` is false, and the last rows are the test part.
    """
    numbers = np.arange(start, start + count, dtype=np.uint64)
    if split.shuffle:
        offset = stream(seed, "split").integers(2**63, dtype=np.uint64)
        draws = (_mixed(numbers * GOLDEN + offset) >> np.uint64(11)).astype(np.float64) / 2**53
        return np.where(draws < split.test, 2, np.where(draws < split.test + split.validation, 1, 0))
    assert total is not None  # whoever keeps the order has counted
    test, validation = round(split.test * total), round(split.validation * total)
    return np.where(numbers >= total - test, 2, np.where(numbers >= total - test - validation, 1, 0))


def _mixed(words: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return words ^ (words >> np.uint64(31))


class Scan:
    """Results of one pass over the chunks.

    Args:
        split: which rows are the training part.
        seed: decides parts and sample.
        target_kind: what the loss compares; labels are looked for unless it is `"regression"`.
        total: number of rows, where the split needs it.

    Attributes:
        rows: number of rows.
        counts: number of rows of each part, in the order of `PARTS`.
        sampled: number of rows in the sample.
    """

    def __init__(self, split: Split, seed: int, target_kind: TargetKind, total: int | None) -> None:
        self.split, self.seed, self.target_kind, self.total = split, seed, target_kind, total
        self.rows, self.counts = 0, np.zeros(len(PARTS), np.int64)
        self._draw = stream(seed, "sample")
        self._kept: list[tuple[np.ndarray, Dataset]] = []  # keys and rows of the sample
        self.sampled, self._limit = 0, 1.0
        self._labels: set = set()
        self._levels: dict[str, Counter[str]] = {}
        self._names: list[str] = []

    def walk(self, chunks: Iterable[Dataset], level_names: Any) -> "Scan":
        """Scan all chunks; `level_names(first chunk)` returns the columns that become levels."""
        for chunk in chunks:
            if not self.rows:
                self._names = chunk.target_names
                self._levels = {name: Counter() for name in level_names(chunk)}
            self._see(chunk)
        self._check()
        return self

    def _see(self, chunk: Dataset) -> None:
        parts = row_parts(self.split, self.rows, len(chunk.target), self.total, self.seed)
        self.rows += len(parts)
        self.counts += np.bincount(parts, minlength=len(PARTS))
        self._see_labels(chunk.target)
        training = np.flatnonzero(parts == 0)
        for name, levels in self._levels.items():
            if len(levels) <= MOST_LEVELS:
                levels.update(chunk.inputs.column(name, "category").values[training].tolist())  # type: ignore[union-attr]
        keys = self._draw.random(len(training))
        in_sample = keys < self._limit
        self._keep(keys[in_sample], _taken(chunk, training[in_sample]))

    def _see_labels(self, target: np.ndarray) -> None:
        """Collect what may be labels; numbers are so where few of them differ."""
        if self.target_kind == "regression":
            return
        if self.target_kind == "auto" and target.dtype.kind in "biuf" and len(self._labels) > MOST_LEVELS:
            return
        distinct = np.unique(target, axis=0).tolist()
        self._labels.update(map(tuple, distinct) if target.ndim > 1 else distinct)

    def _keep(self, keys: np.ndarray, rows: Dataset) -> None:
        """Add rows to the sample; when it has twice its size, those of the largest keys go."""
        if not len(keys):
            return
        self._kept.append((keys, rows))
        self.sampled += len(keys)
        wanted = self._wanted(rows)
        if self.sampled > 2 * wanted:
            self._prune(wanted)

    def _wanted(self, rows: Dataset) -> int:
        shape = rows.inputs.shape if isinstance(rows.inputs, np.ndarray) else (0, len(rows.inputs.columns))
        return max(SAMPLE_CELLS // max(int(np.prod(shape[1:])), 1), LEAST_SAMPLE)

    def _prune(self, wanted: int) -> None:
        keys = np.concatenate([keys for keys, _ in self._kept])
        self._limit = float(np.partition(keys, wanted)[wanted])
        self._kept = [
            (keys[in_sample], _taken(rows, np.flatnonzero(in_sample)))
            for keys, rows in self._kept
            for in_sample in [keys < self._limit]
        ]
        self.sampled = sum(len(keys) for keys, _ in self._kept)

    def _check(self) -> None:
        for part, count, share in zip(PARTS, self.counts, (1.0, self.split.validation, self.split.test), strict=True):
            if share and not count:
                raise DataError(f"split: none of {self.rows} rows is in the {part} part; raise its share, or add rows")

    def sample(self) -> Dataset:
        """Rows of the training part, all of them or a sample."""
        wanted = self._wanted(self._kept[0][1])
        if self.sampled > wanted:
            self._prune(wanted)
        inputs = joined([rows.inputs for _, rows in self._kept])
        return Dataset(inputs, np.concatenate([rows.target for _, rows in self._kept]), self._names)

    def labels(self) -> np.ndarray:
        """The distinct labels of all rows, sorted: strings if one of them is a string; none for a regression."""
        kinds = {isinstance(label, str) for label in self._labels}
        return np.array(sorted(map(str, self._labels) if len(kinds) > 1 else self._labels))

    def with_all_levels(self, inputs: InputEncoder) -> InputEncoder:
        """An encoder fitted to the sample, with the categories of the whole training part."""
        if not isinstance(inputs, Columns):
            return inputs
        return Columns([self._with_all_levels(column) for column in inputs.columns])

    def _with_all_levels(self, column: ColumnEncoder) -> ColumnEncoder:
        count = self._levels.get(column.name, Counter())
        if not isinstance(column, (OneHot, Ordinal)) or not 0 < len(count) <= MOST_LEVELS:
            return column
        categories = set(column.categories)
        levels = {level for level in count if level or column.fill is None}
        if isinstance(column, Ordinal):  # which has no code for what occurs once
            levels = {level for level in levels if level in categories or count[level] > 1}
        return type(column).from_config({**column.get_config(), "categories": sorted(categories | levels)})


def _taken(chunk: Dataset, rows: np.ndarray) -> Dataset:
    return Dataset(taken(chunk.inputs, rows), chunk.target[rows], chunk.target_names)
