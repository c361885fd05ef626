"""Any number of labels per row."""

from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.data.encoders.targets.base import TargetEncoder, listed
from nnlite.errors import ConfigError, DataError, ShapeError, did_you_mean
from nnlite.metrics.scores import Score, best_threshold, multilabel_scores
from nnlite.registry.bounds import Fraction

__all__ = ["Labels"]

YES_AND_NO = {"1": True, "0": False, "1.0": True, "0.0": False, "true": True, "false": False, "yes": True, "no": False}


class Labels(TargetEncoder):
    """Multiple labels per row: one 0/1 column for each label.

    Args:
        labels: what they are called; without a separator, these are the columns of the table.
        separator: the separator of the labels in one cell, such as `"|"` in `"red|blue"`.
        name: the column that holds such cells; where there is a separator.
        thresholds: probability of each label from which on a row has it; None for above 1/2.

    >>> labels = Labels.fit(["colors"], np.array(["red|blue", "", "blue"]), separator="|")
    >>> labels.labels
    ['blue', 'red']
    >>> labels.encode(np.array(["red", "blue|red"])).tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    >>> labels.labels_of(np.array([[0.1, 0.9], [0.8, 0.7]]))
    [['red'], ['blue', 'red']]
    """

    labels: list[str]
    separator: str | None = None
    name: str | None = None
    thresholds: list[Fraction] | None = None

    def validate(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError("a label occurs twice", ("Labels", "labels"))
        if self.separator == "":
            raise ConfigError("the separator must not be empty", ("Labels", "separator"))
        if self.thresholds is not None and len(self.thresholds) != len(self.labels):
            raise ConfigError(f"expected one threshold for each of {len(self.labels)} labels", ("Labels", "thresholds"))

    @classmethod
    def fit(cls, names: list[str], target: np.ndarray, separator: str | None = None) -> "Labels":
        """Collect the labels of a target.

        Args:
            names: the target's columns.
            target: texts of shape (rows,) where there is a separator, else 0 and 1 of shape (rows, columns).
            separator: the separator of labels in one text.

        Raises:
            DataError: no label at all, or a column with cells other than 0 and 1.
        """
        if separator is None:
            labels = cls(list(names))
            labels.encode(target)
            return labels
        all_labels = sorted({label for cell in target.tolist() for label in _split(str(cell), separator)})
        if not all_labels:
            raise DataError(f"the target {names[0]!r} holds no label")
        return cls(all_labels, separator, names[0])

    @property
    def columns(self) -> list[str]:
        return list(self.labels) if self.name is None else [self.name]

    @property
    def output_units(self) -> int:
        return len(self.labels)

    def encode(self, target: np.ndarray) -> np.ndarray:
        marks = self._flags(target) if self.separator is None else self._joined(target)
        return marks.astype(floatx())

    def _flags(self, target: np.ndarray) -> np.ndarray:
        if target.ndim != 2 or target.shape[1] != len(self.labels):
            raise ShapeError(f"the target has shape {target.shape}, expected one column for each of {self.labels}")
        if target.dtype.kind in "biuf" and ((target == 0) | (target == 1)).all():
            return target != 0
        texts = np.char.lower(target.astype(str))
        for column, label in enumerate(self.labels):
            strange = [str(cell) for cell in np.unique(texts[:, column]) if str(cell) not in YES_AND_NO]
            if strange:
                raise DataError(f"column {label!r} of a multi-label target holds {strange[0]!r}, expected 0 or 1")
        return np.vectorize(YES_AND_NO.__getitem__, otypes=[bool])(texts)

    def _joined(self, target: np.ndarray) -> np.ndarray:
        places = {label: index for index, label in enumerate(self.labels)}
        marks = np.zeros((len(target), len(self.labels)), bool)
        for row, cell in enumerate(target.tolist()):
            for label in _split(str(cell), self.separator or ""):
                if label not in places:
                    raise DataError(f"unknown label {label!r} in {self.name!r}; {did_you_mean(label, self.labels)}")
                marks[row, places[label]] = True
        return marks

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each label. Shape: (rows, labels)."""
        return outputs

    def chosen(self, outputs: np.ndarray) -> np.ndarray:
        """Whether each label is predicted. Shape: (rows, labels), booleans."""
        if self.thresholds is None:
            return outputs > 0.5
        return outputs.astype(np.float64) >= np.array(self.thresholds)

    def labels_of(self, outputs: np.ndarray) -> list[list[str]]:
        """The predicted labels of each row."""
        return [[label for label, has in zip(self.labels, row, strict=True) if has] for row in self.chosen(outputs)]

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Decoded columns of the target, and the probability of each label; `outputs` are probabilities."""
        named = {f"probability_{label}": outputs[:, index] for index, label in enumerate(self.labels)}
        if self.name is None:
            return {**dict(zip(self.labels, self.chosen(outputs).T.astype(int), strict=True)), **named}
        return {self.name: [(self.separator or "").join(labels) for labels in self.labels_of(outputs)], **named}

    def scores(self, target: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
        return multilabel_scores(self.encode(target), outputs, weights, self.chosen(outputs))

    def baseline(
        self,
        learned: np.ndarray,
        target: np.ndarray,
        learned_weights: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> dict[str, float]:
        """The labels that more than half of the rows have, and the share of the rows that have each."""
        shares = np.average(self.encode(learned), axis=0, weights=learned_weights)
        return multilabel_scores(self.encode(target), np.broadcast_to(shares, (len(target), len(shares))), weights)

    def tune(self, target: np.ndarray, outputs: np.ndarray, score: Score, weights: np.ndarray | None = None) -> None:
        marks = self.encode(target)
        self.thresholds = [
            best_threshold(marks[:, index], outputs[:, index], score, weights) for index in range(len(self.labels))
        ]

    def check_outputs(self, output_shape: tuple) -> None:
        if tuple(output_shape[1:]) != (len(self.labels),):
            raise ShapeError(
                f"the target has {len(self.labels)} labels ({listed(self.labels)}), so the model's last layer needs "
                f"{len(self.labels)} units; its outputs have shape (batch, {', '.join(map(str, output_shape[1:]))})"
            )


def _split(cell: str, separator: str) -> list[str]:
    return [label.strip() for label in cell.split(separator) if label.strip()]
