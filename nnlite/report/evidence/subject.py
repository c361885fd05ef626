"""Subject of a report: a run, its data, and its model's predictions."""

import functools
import math
from typing import Any

import numpy as np

from nnlite.charts.sampling import sampled
from nnlite.data import Columns, Prepared
from nnlite.data.frames import Frame
from nnlite.data.sources.base import Dataset
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Run
from nnlite.models.base import BaseModel
from nnlite.models.interpretation import link_of, linked
from nnlite.report.evidence.files import Measured, read_metrics

__all__ = ["MOST_ROWS", "Subject"]

MOST_ROWS = 2000  # for figures that ask the model many times
MOST_SLOPES, SLOPES_AT_ONCE = 2e8, 1e7  # derivatives with respect to inputs


class Subject:
    """A run, as a report reads it; everything is computed on demand.

    Args:
        run: the run.

    Attributes:
        measured: what metrics.json says.
        part: the part of the data that the model is judged by.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.measured: Measured = read_metrics(run.folder)
        self.part = self.measured.judged
        self._missing = ""

    @property
    def model(self) -> BaseModel:
        """The trained model."""
        return self.run.model

    @property
    def target(self) -> Any:
        """The fitted encoder of the target: `Classes`, `Labels` or `Quantities`."""
        return self.run.preprocessing.target

    @functools.cached_property
    def data(self) -> Prepared | None:
        """The data, split and encoded as in training; None if it cannot be read, with the reason in `missing`."""
        try:
            prepared = self.run.experiment.prepare(self.run.preprocessing)[1]
        except (ConfigError, DataError, OSError) as error:
            self._missing = str(error)
            return None
        if self.part not in prepared.parts:
            self._missing = f"it has no {self.part} part"
            return None
        return prepared

    @property
    def missing(self) -> str:
        """Reason why there is no data; empty if there is."""
        return self._missing if self.data is None else ""

    @property
    def prepared(self) -> Prepared:
        """The data, for figures that are only made if there is any."""
        assert self.data is not None
        return self.data

    @property
    def dataset(self) -> Dataset | None:
        """The raw data of the evaluated part, before encoding; None if it is not kept in memory."""
        return self.prepared.datasets.get(self.part)

    @property
    def table(self) -> Table | Frame | None:
        """The raw inputs, if they are a table with named columns."""
        inputs = None if self.dataset is None else self.dataset.inputs
        return inputs if isinstance(inputs, (Table, Frame)) else None

    def arrays(self, part: str) -> tuple[Any, np.ndarray]:
        """Encoded inputs and targets of a part."""
        return self.prepared.parts[part]

    def truth(self, part: str) -> np.ndarray:
        """The targets of a part in terms of the data."""
        return self.prepared.target(part)

    def rows(self, part: str) -> np.ndarray:
        """The indices of a part's rows in its raw data."""
        rows = self.prepared.rows[part]
        return np.arange(len(self.arrays(part)[1])) if isinstance(rows, slice) else rows

    @functools.cached_property
    def raw_outputs(self) -> "dict[str, np.ndarray]":
        """Outputs of the model for each measured part, as the loss takes them."""
        return {part: self.predict(self.arrays(part)[0]) for part in self.measured.parts if part in self.prepared.parts}

    @functools.cached_property
    def outputs(self) -> "dict[str, np.ndarray]":
        """The same as probabilities, if the loss takes logits."""
        return {part: self.linked(outputs) for part, outputs in self.raw_outputs.items()}

    def predict(self, x: Any) -> np.ndarray:
        """The model's outputs."""
        return self.model.predict(x, verbose=0)

    def linked(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as probabilities, if the loss takes logits; else unchanged."""
        return linked(outputs, link_of(self.model))

    def flat_classes(self, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class numbers, probabilities `(rows, classes)`, and predicted classes; each step of a sequence is a row."""
        probabilities = self.target.probabilities(self.outputs[part])
        chosen = self.target.chosen(self.outputs[part])
        flat = probabilities.reshape(-1, probabilities.shape[-1])
        return self.target.codes(self.truth(part)).ravel(), flat, np.ravel(chosen)

    def quantities(self, part: str, rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions of a part's rows in the target's own unit, each `(rows, targets)`."""
        predicted = self.target.units(self.outputs[part][rows].astype(np.float64))
        return np.asarray(self.truth(part)[rows], np.float64), predicted

    @property
    def labels(self) -> list[str]:
        """The classes, or the labels of a multi-label task, as strings."""
        return [str(label) for label in self.target.labels]

    def row_losses(self, x: Any, y: np.ndarray, outputs: np.ndarray | None = None) -> np.ndarray:
        """The loss of each row, penalties left out; `outputs` are those of `predict`. Shape: (rows,)."""
        outputs = self.predict(x) if outputs is None else outputs
        prepared = self.model.trainer.loss.prepare_targets(np.asarray(y), self.model.output_shape, outputs.dtype)
        losses = np.asarray(self.model.trainer.loss.per_row(prepared, outputs)[0], np.float64)
        return losses.reshape(len(losses), -1).mean(axis=1)

    def mean_slopes(self, x: np.ndarray) -> np.ndarray:
        """The mean over rows and outputs of the absolute derivatives with respect to the inputs. Shape: one row of x.

        Of a model with many inputs and outputs, the first rows alone: as many as have 200 million derivatives.
        """
        inputs = x.shape[1:]
        of_a_row = math.prod(inputs) * math.prod(self.model.output_shape[1:])
        step = max(1, int(SLOPES_AT_ONCE / of_a_row))
        count = min(len(x), max(1, int(MOST_SLOPES / of_a_row)))
        total = np.zeros(inputs)
        for start in range(0, count, step):
            rows = x[start : min(start + step, count)]
            slopes = self.model.predict(rows, verbose=0, return_jacobian=True)[1]
            total += np.abs(slopes.astype(np.float64)).reshape(len(rows), -1, *inputs).mean(axis=1).sum(axis=0)
        return total / count

    @functools.cached_property
    def penalty(self) -> float:
        """Sum of the penalties on the weights."""
        return sum(
            float(weight.regularizer.penalty(weight.value))
            for weight in self.model.trainable_weights
            if weight.regularizer is not None
        )

    def sample(self, part: str, most: int = MOST_ROWS) -> np.ndarray:
        """Indices of at most `most` rows of a part, ascending, drawn with the seed of the run."""
        return sampled(len(self.arrays(part)[0]), most, self.run.experiment.seed)

    @property
    def encoded_columns(self) -> Columns | None:
        """The encoder of a table's columns, if the inputs are a table."""
        inputs = self.run.preprocessing.inputs
        return inputs if isinstance(inputs, Columns) else None
