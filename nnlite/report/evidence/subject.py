"""What a report is about: a run, its data, and what its model says about them."""

import functools
from typing import Any

import numpy as np

from nnlite.data import Classes, Columns, Prepared, Quantities
from nnlite.data.frames import Frame
from nnlite.data.sources.base import Dataset
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Run
from nnlite.models.base import BaseModel
from nnlite.ops import Sigmoid, Softmax
from nnlite.report.evidence.files import Measured, read_metrics

__all__ = ["MOST_ROWS", "Subject"]

MOST_ROWS = 2000  # for figures that ask the model many times


class Subject:
    """A run as a report looks at it; nothing is computed before it is asked for.

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

    @property
    def model(self) -> BaseModel:
        """The trained model."""
        return self.run.model

    @property
    def target(self) -> Any:
        """The fitted encoder of the target."""
        return self.run.preprocessing.target

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes, one for each row or step."""
        return isinstance(self.target, Classes)

    @functools.cached_property
    def data(self) -> Prepared | None:
        """The data as it was split and encoded in training; None where it cannot be read, `missing` says why."""
        try:
            prepared = self.run.experiment.prepare(self.run.preprocessing)[1]
        except (ConfigError, DataError, OSError) as error:
            self._missing = str(error)
            return None
        return prepared if self.part in prepared.parts else None

    @property
    def missing(self) -> str:
        """Why there is no data; empty where there is."""
        return "" if self.data is not None else vars(self).get("_missing", f"it has no {self.part} part")

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The raw data, before any encoding."""
        return self.run.experiment.located_data().source.load(self.model.loss.target_kind)

    @property
    def table(self) -> Table | Frame | None:
        """The raw inputs, where they are a table with named columns."""
        return self.dataset.inputs if isinstance(self.dataset.inputs, (Table, Frame)) else None

    def arrays(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Encoded inputs and targets of a part."""
        assert self.data is not None  # sections that need data are made only where there is some
        return self.data.parts[part]

    def rows(self, part: str) -> np.ndarray:
        """The places of a part's rows in the raw data."""
        assert self.data is not None
        return self.data.rows[part]

    @functools.lru_cache(maxsize=4)  # noqa: B019 a subject lives as long as its report
    def outputs(self, part: str) -> np.ndarray:
        """What the model gives for a part."""
        return self.model.predict(self.arrays(part)[0], verbose=0)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as probabilities, one column per class."""
        loss = self.model.loss
        if loss.from_logits:
            to_probabilities = Sigmoid() if loss.target_kind == "binary" else Softmax()
            outputs = to_probabilities.linearize(outputs)[0]
        return np.concatenate([1 - outputs, outputs], axis=-1) if self.target.kind == "binary" else outputs

    def codes(self, part: str) -> np.ndarray:
        """The class numbers of a part, one for each row (and step)."""
        return self.codes_of(self.arrays(part)[1])

    def codes_of(self, y: np.ndarray) -> np.ndarray:
        """Encoded targets as class numbers."""
        if self.target.kind == "categorical":
            return y.argmax(axis=-1)
        return y[..., 0].astype(int) if self.target.kind == "binary" else y.astype(int)

    def flat_classes(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Class numbers `(rows,)` and probabilities `(rows, classes)`, where each step of a sequence is a row."""
        probabilities = self.probabilities(self.outputs(part))
        return self.codes(part).ravel(), probabilities.reshape(-1, probabilities.shape[-1])

    def quantities(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions of a part in the target's own unit, each `(rows, targets)`."""
        return self.units(self.arrays(part)[1]), self.units(self.outputs(part))

    def units(self, values: np.ndarray) -> np.ndarray:
        """Encoded targets, or outputs, in the target's own unit."""
        assert isinstance(self.target, Quantities)
        return np.column_stack(list(self.target.decode(np.asarray(values, np.float64)).values()))

    @property
    def target_names(self) -> list[str]:
        """What the columns of a regression's target are called."""
        return list(self.target.names)

    @property
    def labels(self) -> list[str]:
        """The classes as texts."""
        return [str(label) for label in self.target.labels]

    def row_losses(self, x: np.ndarray, y: np.ndarray, outputs: np.ndarray | None = None) -> np.ndarray:
        """The loss of each row, penalties left out. Shape: (rows,)."""
        outputs = self.model.predict(x, verbose=0) if outputs is None else outputs
        prepared = self.model.loss.prepare_targets(np.asarray(y), self.model.output_shape, outputs.dtype)
        losses = np.asarray(self.model.loss.per_row(prepared, outputs)[0], np.float64)
        return losses.reshape(len(losses), -1).mean(axis=1)

    @functools.cached_property
    def penalty(self) -> float:
        """What the penalties on the weights add to the loss."""
        return sum(
            float(own.regularizer.penalty(own.value))
            for own in self.model.trainable_weights
            if own.regularizer is not None
        )

    def sample(self, part: str, most: int = MOST_ROWS) -> np.ndarray:
        """Places of at most `most` rows of a part, ascending, drawn with the seed of the run."""
        count = len(self.arrays(part)[0])
        if count <= most:
            return np.arange(count)
        return np.sort(np.random.default_rng(self.run.experiment.seed).choice(count, most, replace=False))

    @property
    def encoded_columns(self) -> Columns | None:
        """The encoder of a table's columns, where the inputs are a table."""
        inputs = self.run.preprocessing.inputs
        return inputs if isinstance(inputs, Columns) else None
