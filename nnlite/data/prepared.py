"""Training arrays made from the data section of a config, and how they were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.data.encoders.inputs import Preprocessing
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.base import Dataset

if TYPE_CHECKING:
    from nnlite.data.pipeline import Data

__all__ = ["Prepared"]

MOST_LEARNT = 2**20


@dataclass(frozen=True)
class Prepared:
    """Training arrays, and how they were made.

    Args:
        parts: `(x, y)` of each part that is not empty: `"training"`, `"validation"`, `"test"`. x is an array, or
            `StoredRows` of a streamed table.
        preprocessing: the fitted encoders.
        kind: what the loss compares.
        datasets: the raw data that each part was taken from; inputs that are arrays are in `parts` alone.
        rows: the row numbers of each part in its raw data; a slice of all where these are those of the part alone.
        in_order: whether later parts hold later rows.
        data: the section they come from, with what was found from its files in place of `auto`.
        weights: the weight of each row by part, with a mean of 1 in the training part; empty if all rows count alike.
    """

    parts: dict[str, tuple[Any, np.ndarray]]
    preprocessing: Preprocessing
    kind: TargetKind
    datasets: dict[str, Dataset]
    rows: Mapping[str, np.ndarray | slice]
    weights: dict[str, np.ndarray]
    in_order: bool
    data: "Data"

    @property
    def is_in_memory(self) -> bool:
        """Whether all inputs are arrays, so that they can be sent to another process."""
        return all(type(x) is np.ndarray for x, _ in self.parts.values())

    def arrays(self, part: str) -> tuple:
        """`(x, y)` of a part, or `(x, y, sample_weight)` if rows have weights: arguments of `fit` and `evaluate`."""
        return (*self.parts[part], self.weights[part]) if self.weights else self.parts[part]

    def for_fit(self) -> dict[str, Any]:
        """The arguments of `fit` that hold data: `x`, `y`, `sample_weight` and `validation_data`, None without one."""
        x, y = self.parts["training"]
        validation = self.arrays("validation") if "validation" in self.parts else None
        return {"x": x, "y": y, "sample_weight": self.weights.get("training"), "validation_data": validation}

    def target(self, part: str) -> np.ndarray:
        """The target of a part in terms of the data: labels, or numbers in their own unit."""
        return self.datasets[part].target[self.rows[part]]

    def numbers(self, part: str) -> np.ndarray:
        """The index of each row of a part in its raw data, from 0; rows dropped for lack of a target count, too.

        Of a streamed table they are numbers within the part.
        """
        rows, numbers = self.rows[part], self.datasets[part].numbers
        if isinstance(rows, slice):
            return np.arange(len(self.parts[part][1]))
        return rows if numbers is None else numbers[rows]

    def row_names(self, part: str) -> np.ndarray | None:
        """Names of the rows of a part, such as files of images; None for rows that have none."""
        names = self.datasets[part].row_names
        return None if names is None else np.array(names)[self.rows[part]]

    def learnt_target(self) -> np.ndarray:
        """The target of the training part; for a streamed table, at most 2^20 rows of it, evenly spread."""
        rows = self.rows["training"]
        if isinstance(rows, slice):
            rows = slice(None, None, -(-len(self.parts["training"][1]) // MOST_LEARNT))
        return self.datasets["training"].target[rows]

    def last_known(self, part: str) -> np.ndarray | None:
        """The last known value of each row's target: the last of a series, or the previous row's in an ordered table.

        None for the training part, for labels, and where rows are in no order.
        """
        dataset = self.datasets[part]
        if not self.in_order or part == "training" or self.kind != "regression":
            return None
        if dataset.last_known is not None:
            return dataset.last_known[self.rows[part]]
        target, before = self.target(part), [*self.parts][[*self.parts].index(part) - 1]
        return np.concatenate([self.target(before)[-1:], target[:-1]])
