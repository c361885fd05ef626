"""Rows written in the config itself."""

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.arrays import checked_numbers, dataset_of
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.errors import DataError

__all__ = ["Inline"]


class Inline(DataSource):
    """A few rows written in the config itself.

    Args:
        inputs: one list of numbers per row.
        target: one label or number per row.

    >>> dataset = Inline([[0, 0], [0, 1]], ["no", "yes"]).load("auto")
    >>> dataset.inputs.tolist(), dataset.target.tolist()
    ([[0, 0], [0, 1]], ['no', 'yes'])
    """

    inputs: list
    target: list

    def load(self, target_kind: TargetKind) -> Dataset:
        try:
            inputs, target = np.array(self.inputs), np.array(self.target)
        except ValueError:
            raise DataError("Inline: the rows differ in length") from None
        return dataset_of(checked_numbers(inputs, "Inline.inputs"), target, target_kind, "Inline.target")
