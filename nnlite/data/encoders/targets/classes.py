"""One label per row."""

from numbers import Real
from typing import Any

import numpy as np

from nnlite.arrays.rows import in_blocks, row_by_row
from nnlite.config import floatx
from nnlite.data.encoders.targets.base import TargetEncoder, TargetKind, listed
from nnlite.errors import ConfigError, DataError, ShapeError, did_you_mean, shown
from nnlite.metrics.scores import Score, best_threshold, classification_scores
from nnlite.registry.bounds import Fraction

__all__ = ["Classes"]


class Classes(TargetEncoder):
    """Classes, numbered in their sorted order.

    Args:
        name: what the labels are called.
        labels: the classes, sorted; integers, numbers, booleans or strings.
        kind: `"sparse"` gives the number of the class, `"categorical"` a row with a 1 in its place, `"binary"` a
            column of 0 and 1.
        threshold: probability of the second of two classes from which on a row is taken for it; None for the more
            probable class.

    >>> classes = Classes("answer", ["no", "yes"], "binary", threshold=0.3)
    >>> classes.encode(np.array(["yes", "no"])).tolist()
    [[1.0], [0.0]]
    >>> classes.labels_of(np.array([[0.4], [0.2]]))
    ['yes', 'no']
    """

    name: str
    labels: list
    kind: TargetKind
    threshold: Fraction | None = None

    def validate(self) -> None:
        odd = [label for label in self.labels if not isinstance(label, (str, bool, Real, np.generic))]
        if odd:
            expected = "expected integers, numbers, booleans or strings"
            raise ConfigError(f"{expected}, got {shown(odd[0])}", (type(self).__name__, "labels"))
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError("a label occurs twice", (type(self).__name__, "labels"))
        if self.threshold is not None and len(self.labels) != 2:
            raise ConfigError(f"a threshold decides between two classes, {self.name!r} has {len(self.labels)}")

    @classmethod
    def fit(cls, name: str, target: np.ndarray, kind: TargetKind) -> "Classes":
        """Number the classes of `target`; `DataError` unless there are two or more, for `"binary"` exactly two."""
        labels = np.unique(target).tolist()
        if len(labels) < 2 or (kind == "binary" and len(labels) > 2):
            wanted = "exactly two classes" if kind == "binary" else "two or more classes"
            raise DataError(f"the loss needs {wanted}, the target {name!r} has {len(labels)}: {listed(labels)}")
        return cls(name, labels, kind)

    @property
    def columns(self) -> list[str]:
        return [self.name]

    @property
    def output_units(self) -> int:
        return 1 if self.kind == "binary" else len(self.labels)

    def codes(self, target: np.ndarray) -> np.ndarray:
        """The number of each label, of the target's shape; `DataError` for one that is not a class."""
        return in_blocks(self._codes, target)

    def _codes(self, target: np.ndarray) -> np.ndarray:
        codes, is_known = self._matched(target)
        if not is_known.all():
            label = target[~is_known].tolist()[0]
            raise DataError(f"unknown class {label!r} in {self.name!r}; the model knows {listed(self.labels)}")
        return codes

    def knows(self, target: np.ndarray) -> np.ndarray:
        """Whether each label is a known class, of the target's shape."""
        return self._matched(target)[1]

    def _matched(self, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of the class next to each label, and whether that is the label."""
        labels = np.array(self.labels)
        if not {labels.dtype.kind, target.dtype.kind} <= set("biuf"):  # of another table: 1 and "1" are one label
            labels, target = labels.astype(str), target.astype(str)
        order = np.argsort(labels, kind="stable")
        places = np.minimum(np.searchsorted(labels, target, sorter=order), len(labels) - 1)
        codes = order[places]
        return codes, labels[codes] == target

    def encode(self, target: np.ndarray) -> np.ndarray:
        codes = self.codes(target)
        if self.kind == "sparse":
            return codes
        if self.kind == "binary":
            return codes.reshape(len(codes), -1).astype(floatx())
        return np.eye(len(self.labels), dtype=floatx())[codes]

    def code(self, label: Any) -> int:
        """The number of the class `label`, which may be given as a string; `DataError` if there is none."""
        names = [str(label_of_model) for label_of_model in self.labels]
        if str(label) not in names:
            raise DataError(f"unknown class {label!r}; {did_you_mean(label, names)}")
        return names.index(str(label))

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each class. Shape: (rows, ..., classes)."""
        return np.concatenate([1 - outputs, outputs], axis=-1) if self.kind == "binary" else outputs

    def chosen(self, outputs: np.ndarray) -> np.ndarray:
        """The number of the predicted class of each row. Shape: (rows, ...)."""
        return in_blocks(self._chosen, outputs)

    def _chosen(self, outputs: np.ndarray) -> np.ndarray:
        probabilities = self.probabilities(outputs)
        if self.threshold is None:
            return probabilities.argmax(axis=-1)
        return (probabilities[..., 1].astype(np.float64) >= self.threshold).astype(np.intp)

    def labels_of(self, outputs: np.ndarray) -> list:
        """The predicted label of each row."""
        return [self.labels[code] for code in self.chosen(outputs)]

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """The predicted label of each row, and the probability of each class; `outputs` are probabilities."""
        probabilities = self.probabilities(outputs)
        named = {f"probability_{label}": probabilities[:, code] for code, label in enumerate(self.labels)}
        return {self.name: self.labels_of(outputs), **named}

    def scores(self, target: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
        codes, weights = self._flat(target, weights)
        if outputs.ndim == 2:
            probabilities = row_by_row(self.probabilities, outputs)
        else:  # several labels in a row
            probabilities = self.probabilities(np.asarray(outputs)).reshape(-1, len(self.labels))
        return classification_scores(codes, probabilities, weights, self.chosen(outputs).reshape(-1))

    def _flat(self, target: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """The number of each label and its weight, those of a row with several labels one by one."""
        codes = self.codes(target)
        if weights is not None:
            weights = np.repeat(weights, codes.size // max(len(codes), 1))
        return codes.reshape(-1), weights

    def shares(self, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The share of each class among labels. Shape: (classes,)."""
        counts = np.bincount(*self._flat(target, weights), len(self.labels))
        return counts / counts.sum()

    def baseline(
        self,
        learned: np.ndarray,
        target: np.ndarray,
        learned_weights: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> dict[str, float]:
        """The most frequent class, and the shares of the classes as probabilities."""
        codes, weights = self._flat(target, weights)
        shares = self.shares(learned, learned_weights)
        return classification_scores(codes, np.broadcast_to(shares, (len(codes), len(shares))), weights)

    def tune(self, target: np.ndarray, outputs: np.ndarray, score: Score, weights: np.ndarray | None = None) -> None:
        self.threshold = best_threshold(self.codes(target), self.probabilities(outputs)[:, 1], score, weights)

    def check_outputs(self, output_shape: tuple) -> None:
        units, wanted = output_shape[-1], self.output_units
        if units != wanted:
            raise ShapeError(
                f"the target {self.name!r} has {len(self.labels)} classes ({listed(self.labels)}), for which a "
                f"{self.kind} loss needs {wanted} output units; the model's last layer has {units}"
            )
