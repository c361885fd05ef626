"""The data section of a config: a source, a split, and the treatment of the target."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from nnlite.data.divisions import check_groups
from nnlite.data.encoders.inputs import Preprocessing
from nnlite.data.encoders.targets import TargetKind, TargetOptions, kind_of_encoder, suited_kind, target_units
from nnlite.data.encoders.typical import typical_row
from nnlite.data.files_of_parts import check_copies, source_of_file
from nnlite.data.prepared import Prepared
from nnlite.data.roles import read_role, read_weights, without_columns
from nnlite.data.safety.limits import Limits
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.data.splits import PARTS, Split
from nnlite.data.storage.refusals import refuse_what_needs_memory
from nnlite.data.storage.stored_tables import StoredTable
from nnlite.errors import ConfigError, DataError
from nnlite.metrics.scores import Score
from nnlite.registry import Section
from nnlite.registry.bounds import Fraction
from nnlite.registry.fields import FromSpec, option

__all__ = ["Data"]


class Data(Section):
    """Data source, split, row weights and treatment of the target.

    Args:
        source: where the data comes from.
        split: which rows are for validation and test.
        standardize_target: for a regression, train on (target - mean) / standard deviation of the training part.
            It makes learning independent of the target's unit; `loss` is then in standard deviations. Predictions,
            metrics and scores are in the target's own unit. Without effect on classes.
        target_transform: for a regression, train on the logarithm of the target (`"log"`, for numbers above 0) or of 1
            + target (`"log1p"`, above -1): for skewed amounts, such as prices. Standardized after that, and inverted
            outside.
        target_separator: the separator of the labels in one cell, such as `"|"` in `"red|blue"`, where a row may
            have several.
        weights: a column that says how much each row counts, >= 0, in the loss and in all scores. Only ratios matter.
        threshold: for two classes or several labels per row, the probability from which on a row is taken for the
            second class, or to have the label: a number, or the score that it is tuned for on the validation part.
        limits: the largest files that are read, as of `Limits`.

    >>> from nnlite.data import Inline
    >>> source = Inline([[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0])
    >>> parts = Data(source, split={"validation": 0.25, "test": 0.25}).prepare("regression", seed=0).parts
    >>> {part: len(x) for part, (x, y) in parts.items()}
    {'training': 2, 'validation': 1, 'test': 1}
    >>> parts["training"][1].tolist()  # standardized
    [[1.0], [-1.0]]
    """

    source: FromSpec[DataSource]
    split: FromSpec[Split] = option(default=Split())
    standardize_target: bool = True
    target_transform: Literal["log", "log1p"] | None = None
    target_separator: str | None = None
    weights: str | None = None
    threshold: Score | Fraction | None = None
    limits: FromSpec[Limits] = option(default_factory=Limits)

    def validate(self) -> None:
        if self.target_separator == "":
            raise ConfigError("expected a character or more", ("target_separator",))

    def located(self, folder: str) -> "Data":
        """The same section with absolute paths; relative ones are resolved against `folder`, then the current one."""
        files = {part: find_file(path, folder) for part, path in self.split.files.items()}
        return replace(self, source=self.source.located(folder), split=replace(self.split, files=files))

    def prepare(
        self,
        target_kind: TargetKind,
        seed: int,
        fitted: Preprocessing | None = None,
        fold: tuple[int, int] | None = None,
    ) -> Prepared:
        """Load, split and encode.

        Args:
            target_kind: what the loss compares: classes or numbers; `"auto"` for what the target asks for.
            seed: decides which row goes into which part.
            fitted: encoders from an earlier run; without them new ones are fitted on the training part.
            fold: `(i, k)` for the parts of round i of k of a cross-validation.

        Raises:
            DataError: data that cannot be used.
            ConfigError: `stratify` without classes, or options that do not fit the target.
        """
        if self.split.stratify is True and target_kind == "regression":
            raise ConfigError("the target of a regression has no classes; set it to false", ("split", "stratify"))
        with self.limits.in_force():
            prepared = self._streamed if self.source.streams else self._whole
            return prepared(target_kind, seed, fitted, fold)

    def _whole(
        self, target_kind: TargetKind, seed: int, fitted: Preprocessing | None, fold: tuple[int, int] | None
    ) -> Prepared:
        """The parts of data that fit into memory."""
        loaded = {"training": self._load(self.source, target_kind)}
        kind = self._kind(target_kind, loaded["training"].target, fitted)
        for part, path in self.split.files.items():
            loaded[part] = self._load(source_of_file(self.source, path), target_kind if fitted else kind)
            check_copies(loaded["training"].inputs, loaded[part].inputs, path)
        loaded = {part: _with_columns(dataset, kind) for part, dataset in loaded.items()}
        rows, weights = self._rows(loaded, kind, seed, fold), self._weights(loaded)
        read = loaded["training"].inputs
        loaded = {part: self._inputs_alone(dataset) for part, dataset in loaded.items()}
        self._check_options(kind, rows)
        learnt_from = loaded["training"]
        rows["training"] = self.source.complete_rows(learnt_from.inputs, rows["training"])
        labels = np.concatenate([dataset.target for dataset in loaded.values()])
        preprocessing = fitted or self._fit(learnt_from, rows["training"], labels, kind)
        datasets = {part: _without_arrays(loaded.get(part, loaded["training"])) for part in rows}
        encoded = {part: _encoded(preprocessing, dataset) for part, dataset in loaded.items()}
        x, y = encoded["training"]
        target = learnt_from.target
        encoded["training"] = preprocessing.inputs.cross_fitted(x, learnt_from.inputs, rows["training"], target), y
        arrays = {part: encoded.get(part, encoded["training"]) for part in rows}
        parts = {part: (_taken(x, rows[part]), _taken(y, rows[part])) for part, (x, y) in arrays.items()}
        settled = replace(self, source=self.source.settled(read))
        shares = _shares(weights, rows)
        return Prepared(parts, preprocessing, kind, datasets, rows, shares, self.split.in_order, settled)

    def _load(self, source: DataSource, target_kind: TargetKind) -> Dataset:
        if self.target_separator is not None:
            if target_kind not in ("binary", "auto"):
                raise ConfigError(
                    "rows with several labels need a loss that treats each independently: BinaryCrossentropy",
                    ("target_separator",),
                )
            target_kind = "multilabel"
        try:
            return source.load(target_kind)
        except ConfigError as error:
            raise error.within("source") from None

    def _kind(self, target_kind: TargetKind, target: np.ndarray, fitted: Preprocessing | None) -> TargetKind:
        if target_kind != "auto":
            return target_kind
        if fitted is not None:
            return kind_of_encoder(fitted.target)
        if self.target_separator is not None:
            return "binary"
        return "regression" if self.target_transform is not None else suited_kind(target)

    def _rows(
        self, loaded: Mapping[str, Dataset], kind: TargetKind, seed: int, fold: tuple[int, int] | None
    ) -> dict[str, np.ndarray]:
        dataset, split = loaded["training"], self.split
        classes = None if kind == "regression" else dataset.target
        values = {role: read_role(dataset.inputs, name, role) for role, name in split.columns.items()}
        count = len(dataset.target)
        if fold is not None:
            return split.folds(count, classes, seed, fold[1], values)[fold[0]]
        rows = split.rows(count, classes, seed, values)
        for part in split.files:
            rows[part] = np.arange(len(loaded[part].target))
        if split.group is not None and split.files:
            groups = {part: read_role(part_data.inputs, split.group, "group") for part, part_data in loaded.items()}
            by_part = {part: groups.get(part, groups["training"])[rows[part]] for part in rows}
            check_groups(by_part, split.group)
        return {part: rows[part] for part in PARTS if part in rows}

    def _weights(self, loaded: Mapping[str, Dataset]) -> dict[str, np.ndarray]:
        if self.weights is None:
            return {}
        return {part: read_weights(dataset.inputs, self.weights) for part, dataset in loaded.items()}

    def _inputs_alone(self, dataset: Dataset) -> Dataset:
        names = {*self.split.columns.values(), *([] if self.weights is None else [self.weights])}
        return replace(dataset, inputs=without_columns(dataset.inputs, names - self.source.named_inputs()))

    def _check_options(self, kind: TargetKind, parts: Collection[str]) -> None:
        if kind == "regression" and self.threshold is not None:
            raise ConfigError("a regression has no classes to decide between; leave it out", ("threshold",))
        if kind != "regression" and self.target_transform is not None:
            raise ConfigError(
                "only numbers have a logarithm; choose a regression loss such as mse", ("target_transform",)
            )
        if isinstance(self.threshold, str) and "validation" not in parts:
            raise ConfigError("it is tuned on the validation part, but there is none", ("threshold",))

    def _fit(self, dataset: Dataset, rows: np.ndarray, labels: np.ndarray, kind: TargetKind) -> Preprocessing:
        """The encoders that the `rows` of a dataset suggest; `labels` are all that occur, also in other files."""
        options = TargetOptions(self.standardize_target, self.target_transform, self.target_separator, self.threshold)
        units = target_units(dataset.inputs, dataset.target_names) if kind == "regression" else None
        target = options.fit(dataset.target_names, dataset.target, rows, labels, kind, units)
        try:
            inputs = self.source.fit_inputs(dataset.inputs, rows, dataset.target)
        except ConfigError as error:
            raise error.within("source") from None
        return Preprocessing(inputs, target, typical_row(dataset.inputs, inputs, rows))

    def _streamed(
        self, target_kind: TargetKind, seed: int, fitted: Preprocessing | None, fold: tuple[int, int] | None
    ) -> Prepared:
        """The parts of a table that stays in files."""
        refuse_what_needs_memory(self.source, self.split, fold, self.weights, self.target_separator)

        def fit(sample: Dataset, labels: np.ndarray) -> Preprocessing:
            kind = self._kind(target_kind, labels, None)
            self._check_options(kind, PARTS if self.split.validation else ())
            return self._fit(_with_columns(sample, kind), np.arange(len(sample.target)), labels, kind)

        stored = StoredTable(self.source, self.split, target_kind, seed).prepared(fit, fitted)
        kind = self._kind(target_kind, np.empty(0), stored.preprocessing)
        rows: dict[str, np.ndarray | slice] = dict.fromkeys(stored.parts, slice(None))
        settled = replace(self, source=stored.source)
        in_order = self.split.in_order
        return Prepared(stored.parts, stored.preprocessing, kind, stored.datasets, rows, {}, in_order, settled)


def _with_columns(dataset: Dataset, kind: TargetKind) -> Dataset:
    """Numbers read without knowing that they are a regression's, as columns."""
    if kind != "regression" or dataset.target.ndim > 1:
        return dataset
    return replace(dataset, target=dataset.target[:, None].astype(np.float64))


def _encoded(preprocessing: Preprocessing, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return preprocessing.inputs.encode(dataset.inputs), preprocessing.target.encode(dataset.target)


def _taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`array[rows]`; a view, which takes no memory, where one row follows another."""
    consecutive = len(rows) > 0 and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))
    return array[rows[0] : rows[0] + len(rows)] if consecutive else array[rows]


def _without_arrays(dataset: Dataset) -> Dataset:
    """The dataset without an array of inputs, which the parts have; a table stays."""
    return replace(dataset, inputs=None) if isinstance(dataset.inputs, np.ndarray) else dataset


def _shares(weights: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of each part's rows, divided by their mean in the training part."""
    if not weights:
        return {}
    by_part = {part: weights.get(part, weights["training"])[places] for part, places in rows.items()}
    for part, part_weights in by_part.items():
        if not part_weights.any():
            raise DataError(f"weights: all rows of the {part} part have the weight 0")
    return {part: part_weights / by_part["training"].mean() for part, part_weights in by_part.items()}
