"""A seeded random split of the rows into training, validation and test part."""

import numpy as np

from nnlite.data.partition import random_parts, stratified_parts
from nnlite.errors import ConfigError, DataError
from nnlite.random import stream
from nnlite.registry import Section
from nnlite.registry.field_types import BelowOne

__all__ = ["Split"]

PARTS = ("training", "validation", "test")


class Split(Section):
    """How the rows are divided; what neither validation nor test takes is for training.

    The rows are shuffled first, by the experiment's seed: the order of a file often has a meaning. Where that meaning
    is time, `shuffle: false` takes the last rows for the test part, those before them for validation.

    Args:
        validation: share of the rows that is watched while training; 0 for none. 0.1 spares rows for training.
        test: share of the rows that is only looked at after training; 0 for none.
        stratify: give each part the same mix of classes; for classification only.
        shuffle: whether rows are drawn at random.
    """

    validation: BelowOne = 0.1
    test: BelowOne = 0.2
    stratify: bool = False
    shuffle: bool = True

    def validate(self) -> None:
        if self.stratify and not self.shuffle:
            raise ConfigError("stratify draws rows at random, shuffle: false keeps their order; choose one")
        if self.validation + self.test >= 1:
            raise ConfigError(f"validation {self.validation:g} and test {self.test:g} leave no rows for training")

    def rows(self, count: int, classes: np.ndarray | None, seed: int) -> dict[str, np.ndarray]:
        """The row numbers of each part that is not empty.

        Args:
            count: number of rows.
            classes: the class of each row, for `stratify`.
            seed: decides, with `count` and `classes`, which row goes where.

        Raises:
            DataError: too few rows, or too few of one class, for a part.
        """
        sizes = {"test": round(self.test * count), "validation": round(self.validation * count)}
        sizes = {part: size for part, size in sizes.items() if getattr(self, part) > 0}
        self._check(count, classes, sizes)
        if not self.shuffle:
            return self._in_order(count, sizes)
        part_seed, parts, rest = int(stream(seed, "split").integers(2**31)), {}, np.arange(count)
        for part, size in sizes.items():
            if not self.stratify:
                stay, apart = random_parts(len(rest), size, part_seed)
            else:
                assert classes is not None  # a stratified split is asked for with classes
                try:
                    stay, apart = stratified_parts(classes[rest], size, part_seed)
                except DataError:  # an earlier part took so much of a rare class that one row is left
                    raise self._too_few(classes, sizes) from None
            rest, parts[part] = rest[stay], rest[apart]
        return {part: {"training": rest, **parts}[part] for part in PARTS if part == "training" or part in parts}

    @staticmethod
    def _in_order(count: int, sizes: dict[str, int]) -> dict[str, np.ndarray]:
        lengths = {"training": count - sum(sizes.values()), **{part: sizes[part] for part in PARTS if part in sizes}}
        stops = np.cumsum(list(lengths.values()))
        return dict(zip(lengths, np.split(np.arange(count), stops[:-1]), strict=True))

    def _check(self, count: int, classes: np.ndarray | None, sizes: dict[str, int]) -> None:
        for part, size in sizes.items():
            if not 0 < size < count:
                raise DataError(f"split.{part}: {getattr(self, part):g} of {count} rows is {size} rows")
        if count <= sum(sizes.values()):
            raise DataError(f"split: {count} rows leave none for training")
        if not self.stratify:
            return
        assert classes is not None  # a stratified split is asked for with classes
        if classes.ndim > 1:
            raise DataError(f"split.stratify needs one label per row, the target has shape {classes.shape}")
        labels, counts = np.unique(classes, return_counts=True)
        if counts.min() <= len(sizes):
            raise self._too_few(classes, sizes)
        for part, size in {**sizes, "training": count - sum(sizes.values())}.items():
            if size < len(labels):
                raise DataError(f"split.stratify: {size} rows of {part} cannot hold {len(labels)} classes")

    @staticmethod
    def _too_few(classes: np.ndarray, sizes: dict[str, int]) -> DataError:
        labels, counts = np.unique(classes, return_counts=True)
        return DataError(
            f"split.stratify: class {labels[counts.argmin()].item()!r} has {counts.min()} rows, too few for "
            f"{len(sizes) + 1} parts; collect more of it, drop it, or set stratify to false"
        )
