"""The split of the rows into training, validation and test part."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np

from nnlite.data.divisions import check_groups, group_folds, group_parts, hash_shares, named_parts, time_blocks
from nnlite.data.partition import random_folds, random_parts, stratified_parts
from nnlite.errors import ConfigError, DataError
from nnlite.random import stream
from nnlite.registry import Section
from nnlite.registry.bounds import BelowOne
from nnlite.registry.fields import option

__all__ = ["Split"]

PARTS = ("training", "validation", "test")
Rows = dict[str, np.ndarray]


class Split(Section):
    """Division of the rows into parts; rows taken by neither validation nor test are for training.

    The rows are shuffled first, by the experiment's seed: the order of a file often has a meaning. Where that meaning
    is time, `shuffle: false` takes the last rows for the test part, those before them for validation. At most one of
    `group`, `time`, `by` and `hash` is given, but for `group` beside `by`, which is checked.

    Args:
        validation: share of the rows that is watched while training; 0 for none. 0.1 spares rows for training.
        test: share of the rows that is only looked at after training; 0 for none.
        stratify: give each part the same mix of classes; for classification only. `"auto"`: where that is possible.
        shuffle: whether rows are drawn at random.
        group: a column, such as that of a customer; rows of one group are in one part.
        time: a column of dates or numbers; the last rows by it are the test part. Rows of one time stay together.
        by: a column that says `train`, `validation` or `test`, in place of the shares.
        hash: a column, such as that of an id, of whose text a hash decides: a row stays in its part as the file grows.
        files: part (`validation` or `test`) -> a file like the source's, in place of its share; the source's own file
            has the other parts.

    >>> Split.from_config({"validation": 0.2, "test": 0.2, "stratify": True})
    Split(validation=0.2, stratify=True)
    >>> Split.from_config({"validation": 0.6, "test": 0.6})
    Traceback (most recent call last):
    nnlite.errors.ConfigError: validation 0.6 and test 0.6 leave no rows for training
    """

    validation: BelowOne = 0.1
    test: BelowOne = 0.2
    stratify: bool | Literal["auto"] = False
    shuffle: bool = True
    group: str | None = None
    time: str | None = None
    by: str | None = None
    hash: str | None = None
    files: dict[str, str] = option(default_factory=dict)

    def validate(self) -> None:
        if self.stratify is True and not self.shuffle:
            raise ConfigError("stratify draws rows at random, shuffle: false keeps their order; choose one")
        if self.validation + self.test >= 1:
            raise ConfigError(f"validation {self.validation:g} and test {self.test:g} leave no rows for training")
        orders = [name for name in ("time", "by", "hash") if self.columns.get(name)]
        if self.group is not None and not self.by:
            orders = ["group", *orders]
        if not self.shuffle:
            orders = ["shuffle: false", *orders]
        if self.stratify is True:
            orders = ["stratify", *orders]
        if len(orders) > 1:
            raise ConfigError(f"{orders[0]} and {orders[1]} are two ways to choose a row's part; keep one")
        if self.by is not None and self.files:
            raise ConfigError(f"column {self.by!r} names the parts already; leave files out", ("files",))
        for part in self.files:
            if part not in ("validation", "test"):
                raise ConfigError(
                    f"{part!r} is not a part with a file of its own: 'validation' or 'test'. The training rows are "
                    "those of the source's file",
                    ("files", part),
                )

    @property
    def columns(self) -> dict[str, str]:
        """Columns that the split depends on: `group`, `time`, `by`, `hash` -> name, those in use."""
        names = {"group": self.group, "time": self.time, "by": self.by, "hash": self.hash}
        return {role: name for role, name in names.items() if name is not None}

    @property
    def in_order(self) -> bool:
        """Whether later parts hold later rows."""
        return self.time is not None or not self.shuffle

    def rows(
        self, count: int, classes: np.ndarray | None, seed: int, values: Mapping[str, np.ndarray] | None = None
    ) -> Rows:
        """The row numbers of each part that is not empty.

        Args:
            count: number of rows.
            classes: the class of each row, for `stratify`.
            seed: decides, with the rest, which row goes where.
            values: the columns that `columns` names, by their role: texts, or for `time` numbers or dates.

        Raises:
            DataError: too few rows, or too few of one class, for a part; a group in two parts.
        """
        if self.by is not None:
            rows = named_parts((values or {})["by"], self.by)
        else:
            sizes = {"test": round(self.test * count), "validation": round(self.validation * count)}
            sizes = {part: size for part, size in sizes.items() if getattr(self, part) > 0 and part not in self.files}
            rows = self._drawn(count, classes, seed, values or {}, sizes)
        if self.group is not None:
            check_groups({part: (values or {})["group"][part_rows] for part, part_rows in rows.items()}, self.group)
        return {part: rows[part] for part in PARTS if part in rows}

    def folds(
        self, count: int, classes: np.ndarray | None, seed: int, folds: int, values: Mapping[str, np.ndarray]
    ) -> list[Rows]:
        """The parts of each round of a cross-validation, in which every fold is the test part once.

        Classes and groups are respected as in `rows`. In the order of time, fold i of `folds` is the test part of what
        was before it, and the first of `folds + 1` blocks is only trained on. The validation part is taken from the
        rest, as the same share of it.

        Raises:
            ConfigError: parts that a column or files name.
            DataError: too few rows, groups, times or rows of a class.
        """
        if self.by is not None or self.files:
            raise ConfigError("folds are drawn again, but the parts are named by a column or files", ("split",))
        if not 2 <= folds <= count:
            raise DataError(f"{count} rows cannot be divided into {folds} folds")
        rounds = []
        for train, test in self._rounds(count, classes, seed, folds, values):
            values_of_train = {role: column[train] for role, column in values.items()}
            parts = dataclasses.replace(self, test=0.0, stratify=self.stratify and "auto").rows(
                len(train), None if classes is None else classes[train], seed, values_of_train
            )
            rounds.append({**{part: train[rows] for part, rows in parts.items()}, "test": test})
        return rounds

    def _rounds(self, count, classes, seed, folds, values) -> list[tuple[np.ndarray, np.ndarray]]:
        """Rows outside and inside each fold."""
        if self.in_order:
            lengths = [len(rows) for rows in np.array_split(np.arange(count), folds + 1)]
            blocks = time_blocks(values["time"] if self.time else np.arange(count), lengths)
            return [(np.concatenate(blocks[:fold]), blocks[fold]) for fold in range(1, folds + 1)]
        if self.group is not None:
            tests = group_folds(values["group"], folds, stream(seed, "group folds"))
        elif self.hash is not None:
            fold_of = (hash_shares(values["hash"], "fold ") * folds).astype(int)
            tests = [np.flatnonzero(fold_of == fold) for fold in range(folds)]
        else:
            return random_folds(count, folds, self._fold_classes(classes, folds), seed)
        if not all(map(len, tests)):
            raise DataError(f"no row falls into one of {folds} folds by the hash of {self.hash!r}; use fewer")
        return [(np.setdiff1d(np.arange(count), test), test) for test in tests]

    def _fold_classes(self, classes: np.ndarray | None, folds: int) -> np.ndarray | None:
        if not self.stratify or classes is None or classes.ndim > 1:
            return None
        labels, counts = np.unique(classes, return_counts=True)
        if self.stratify is True and counts.min() < folds:
            rare = labels[counts.argmin()].item()
            raise DataError(f"split.stratify: class {rare!r} has {counts.min()} rows, too few for {folds} folds")
        return classes

    def _drawn(self, count, classes, seed, values, sizes) -> Rows:
        """The parts by shares of the rows."""
        if self.hash is not None:
            return self._by_hash(hash_shares(values["hash"]), sizes)
        stratified = self.stratify is True or (self.stratify == "auto" and self._can_stratify(count, classes, sizes))
        self._check(count, classes if stratified else None, sizes)
        if self.group is not None:
            return group_parts(values["group"], sizes, stream(seed, "group split"))
        if self.in_order:
            lengths = {
                "training": count - sum(sizes.values()),
                **{part: sizes[part] for part in PARTS if part in sizes},
            }
            times = values["time"] if self.time else np.arange(count)
            return dict(zip(lengths, time_blocks(times, list(lengths.values())), strict=True))
        return self._at_random(count, classes if stratified else None, seed, sizes)

    def _at_random(self, count, classes, seed, sizes) -> Rows:
        part_seed, parts, rest = int(stream(seed, "split").integers(2**31)), {}, np.arange(count)
        for part, size in sizes.items():
            if classes is None:
                stay, apart = random_parts(len(rest), size, part_seed)
            else:
                try:
                    stay, apart = stratified_parts(classes[rest], size, part_seed)
                except DataError:  # an earlier part took so much of a rare class that one row is left
                    raise self._too_few(classes, sizes) from None
            rest, parts[part] = rest[stay], rest[apart]
        return {"training": rest, **parts}

    def _by_hash(self, shares: np.ndarray, sizes: Mapping[str, int]) -> Rows:
        part_of, start = np.full(len(shares), "training", object), 0.0
        for part in sizes:
            end = start + (self.test if part == "test" else self.validation)
            part_of[(start <= shares) & (shares < end)] = part
            start = end
        rows = {part: np.flatnonzero(part_of == part) for part in ("training", *sizes)}
        for part, part_rows in rows.items():
            if not len(part_rows):
                raise DataError(f"split.hash: no row of {len(shares)} falls into the {part} part by {self.hash!r}")
        return rows

    def _can_stratify(self, count: int, classes: np.ndarray | None, sizes: dict[str, int]) -> bool:
        if classes is None or not self.shuffle or self.columns:
            return False
        try:
            self._check(count, classes, sizes)
            self._at_random(count, classes, 0, sizes)
        except DataError:
            return False
        return True

    def _check(self, count: int, classes: np.ndarray | None, sizes: dict[str, int]) -> None:
        for part, size in sizes.items():
            if not 0 < size < count:
                raise DataError(f"split.{part}: {getattr(self, part):g} of {count} rows is {size} rows")
        if count <= sum(sizes.values()):
            raise DataError(f"split: {count} rows leave none for training")
        if classes is None:
            return
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
