"""The data section of a config: a source, a split, and what becomes of the target."""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlite.data.encoders.inputs import Preprocessing
from nnlite.data.encoders.targets import Classes, Quantities, TargetKind
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.data.splits import Split
from nnlite.data.storage.stored_tables import StoredTable
from nnlite.errors import ConfigError
from nnlite.registry import Section
from nnlite.registry.fields import FromSpec, option

__all__ = ["Data", "Prepared"]


@dataclass(frozen=True)
class Prepared:
    """Arrays to train on, and how they came about.

    Args:
        parts: `(x, y)` of each part that is not empty: `"training"`, `"validation"`, `"test"`. x is an array, or
            `StoredRows` of a streamed table.
        preprocessing: the fitted encoders.
    """

    parts: dict[str, tuple[Any, np.ndarray]]
    preprocessing: Preprocessing


class Data(Section):
    """Which data, how it is split, and whether a regression's target is standardised.

    Args:
        source: where the data comes from.
        split: the shares of validation and test part.
        standardize_target: for a regression, train on (target - mean) / standard deviation of the training part.
            It makes learning independent of the target's unit; `loss` and errors are then in standard deviations,
            predictions are given in the target's own unit. Without effect on classes.
    """

    source: FromSpec[DataSource]
    split: FromSpec[Split] = option(default=Split())
    standardize_target: bool = True

    def located(self, folder: str) -> "Data":
        """The same section with absolute paths; relative ones are sought in `folder`, then in the current folder."""
        return replace(self, source=self.source.located(folder))

    def prepare(self, target_kind: TargetKind, seed: int, fitted: Preprocessing | None = None) -> Prepared:
        """Load, split and encode.

        Args:
            target_kind: what the loss compares: classes or numbers.
            seed: decides which row goes into which part.
            fitted: encoders from an earlier run; without them new ones are fitted on the training part.

        Raises:
            DataError: data that cannot be used.
            ConfigError: `stratify` without classes.
        """
        if self.split.stratify and target_kind == "regression":
            raise ConfigError("the target of a regression has no classes; set it to false", ("split", "stratify"))
        try:
            if self.source.streams:
                stored = StoredTable(self.source, self.split, target_kind, seed)
                return Prepared(*stored.prepared(functools.partial(self._fit, target_kind=target_kind), fitted))
            dataset = self.source.load(target_kind)
        except ConfigError as error:
            raise error.within("source") from None
        rows = self.split.rows(len(dataset.target), dataset.target, seed)
        preprocessing = fitted or self._fit(dataset, rows["training"], target_kind)
        x = preprocessing.inputs.encode(dataset.inputs)
        y = preprocessing.target.encode(dataset.target)
        return Prepared({part: (x[taken], y[taken]) for part, taken in rows.items()}, preprocessing)

    def _fit(self, dataset: Dataset, rows: np.ndarray, target_kind: TargetKind) -> Preprocessing:
        if target_kind == "regression":
            target = Quantities.fit(dataset.target_names, dataset.target, rows, self.standardize_target)
        else:
            target = Classes.fit(dataset.target_names[0], dataset.target, target_kind)
        return Preprocessing(self.source.fit_inputs(dataset.inputs, rows), target)
