"""Reading of y by the estimators, and its form for the network: classes, multiple labels, numbers."""

from numbers import Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_X_y
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from nnlite.data.frames.digits import ROUNDED, rounded_pair
from nnlite.errors import ConfigError, DataError
from nnlite.errors.caller import warn_user
from nnlite.estimators.fitting.failures import check_numbers, check_present, different
from nnlite.estimators.fitting.weights import FLOATS

__all__ = [
    "ClassTargets",
    "LabelTargets",
    "NumberTargets",
    "Targets",
    "dense_targets",
    "read_classes",
    "read_numbers",
]

Task = Literal["class", "number"]


class Targets:
    """Encoding of targets for a network.

    Attributes:
        task: whether the defaults are those for classes or those for numbers.
        n_outputs: units of the last layer.
        activation: the function after the last layer; None for numbers.
        loss: what is minimized by default.
        metrics: what is logged as well.
        names: of the columns of a table of targets; None if they have none.
        classes: the labels; None for numbers.
    """

    task: Task = "class"
    n_outputs: int
    activation: str | None = None
    loss: str
    metrics: tuple[str, ...] = ()
    names: list[Any] | None = None
    classes: Any = None

    def learn(self, y: np.ndarray, weights: np.ndarray | None) -> None:
        """Learn what `encode` needs from the training rows."""

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Targets in the form that the loss compares with outputs."""
        raise NotImplementedError

    def keys(self, y: np.ndarray) -> np.ndarray:
        """Numbers that identify distinct targets, the same in every run."""
        return self.encode(y)

    def mixed(self, y: np.ndarray) -> np.ndarray | None:
        """The class of each row, for stratified splits; None if there are no classes."""
        return None

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions from the model's outputs."""
        return outputs

    def before_activation(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs of the last layer before its activation, up to a constant for each row."""
        return outputs

    def shaped(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in the shape of the targets."""
        return predictions

    def scores(self, history: dict[str, list[float]]) -> list[float] | None:
        """The score of each epoch on the held-out rows; None if there are none."""
        return history.get(f"val_{self.metrics[0]}")


class ClassTargets(Targets):
    """One of several classes for each row.

    Args:
        classes: the labels, sorted.
    """

    activation = "softmax"
    loss = "SparseCategoricalCrossentropy"
    metrics = ("accuracy",)

    def __init__(self, classes: np.ndarray) -> None:
        self.classes = classes
        self.n_outputs = len(classes)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """The class number of each row; `DataError` for an unknown label."""
        codes = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        unknown = self.classes[codes] != y
        if unknown.any():
            raise DataError(f"y holds {y[unknown][0]!r}, which is not one of the classes {self.classes.tolist()}")
        return codes

    def mixed(self, y: np.ndarray) -> np.ndarray:
        return self.encode(y)

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return self.classes[outputs.argmax(axis=1)]

    def before_activation(self, outputs: np.ndarray) -> np.ndarray:
        """The logarithms of the probabilities."""
        return np.log(np.maximum(outputs, np.finfo(outputs.dtype).tiny))


class LabelTargets(Targets):
    """Multiple labels per row: a column of 0 and 1 for each.

    Args:
        n_labels: how many.
    """

    activation = "sigmoid"
    loss = "BinaryCrossentropy"
    metrics = ("binary_accuracy",)

    def __init__(self, n_labels: int) -> None:
        self.classes = np.arange(n_labels)
        self.n_outputs = n_labels

    def encode(self, y: np.ndarray) -> np.ndarray:
        """The columns as numbers."""
        return y.astype(np.float64)

    def before_activation(self, outputs: np.ndarray) -> np.ndarray:
        """The logarithms of the odds."""
        least = np.finfo(outputs.dtype).tiny
        return np.log(np.maximum(outputs, least)) - np.log(np.maximum(1 - outputs, least))

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """1 where a label is more probable than not."""
        return (outputs > 0.5).astype(np.int64)


class NumberTargets(Targets):
    """One or more numbers for each row, scaled to mean 0 and variance 1.

    Args:
        n_outputs: how many numbers.
        is_column: whether they came as one column, `(rows,)`.

    Attributes:
        mean, scale, low, high: of the rows that were learned from, for each number.
    """

    task = "number"
    loss = "MeanSquaredError"

    def __init__(self, n_outputs: int, is_column: bool) -> None:
        self.n_outputs, self.is_column = n_outputs, is_column

    def learn(self, y: np.ndarray, weights: np.ndarray | None) -> None:
        numbers = y.astype(np.float64)
        self.dtype = y.dtype.name
        self.mean = np.average(numbers, axis=0, weights=weights)
        self.low, self.high = numbers.min(axis=0), numbers.max(axis=0)
        with np.errstate(over="ignore"):
            variance = np.average((numbers - self.mean) ** 2, axis=0, weights=weights)
        self.scale = np.where(self.low == self.high, 1.0, np.sqrt(variance))
        limits = np.finfo(y.dtype)
        fits = (self.low == self.high) | ((limits.tiny < variance) & (variance < limits.max))
        if not fits.all():
            column = int(fits.argmin())
            raise DataError(
                f"y, column {column}: numbers from {self.low[column]:.3g} to {self.high[column]:.3g} have no variance "
                f"in {self.dtype}; give y in another unit"
            )

    def encode(self, y: np.ndarray) -> np.ndarray:
        """(y - mean) / scale."""
        return (y.astype(np.float64) - self.mean) / self.scale

    def keys(self, y: np.ndarray) -> np.ndarray:
        """The targets themselves: mean and scale may not be known yet."""
        return y

    def shaped(self, predictions: np.ndarray) -> np.ndarray:
        """`(rows,)` if the targets had that shape."""
        return predictions[:, 0] if self.is_column else predictions

    def scores(self, history: dict[str, list[float]]) -> list[float] | None:
        """1 - loss of each epoch: R^2 for the squared error, provided the held-out rows vary like all rows."""
        losses = history.get("val_loss")
        return losses and [1 - loss for loss in losses]


def read_classes(X_rows: int, y: Any, owner: Any, classes: np.ndarray | None = None) -> tuple[np.ndarray, Targets]:
    """Labels as an array, and their description.

    Args:
        X_rows: rows of X, as many as there must be of y.
        owner: the estimator, for messages.
        classes: all labels where they are known; else those of `y`.

    Raises:
        ValueError: as scikit-learn's `check_X_y`.
        ConfigError: several columns of more than two classes.
    """
    check_present(y)
    names = _names(y)
    y = dense_targets(y)  # an indicator matrix
    if isinstance(y, np.ndarray) and y.dtype.kind == "T":
        y = y.astype(object)  # scikit-learn reads no strings of variable width
    shape = np.asarray(y).shape
    several = len(shape) == 2 and shape[1] > 1
    _, y = check_X_y(np.zeros((X_rows, 1)), y, multi_output=several, estimator=owner)
    if y.dtype.kind == "O":
        labels = different(y.ravel()).tolist()  # refuses a mix of numbers and text, which the next check stumbles over
        y = y.astype(np.asarray(labels).dtype) if all(isinstance(label, Real) for label in labels) else y
    kind = type_of_target(y)
    if kind == "unknown":
        raise DataError(
            f"Unknown label type: {type(y.ravel()[0]).__name__} objects; give text or integers, such as y.astype(str)"
        )
    if kind.startswith("continuous"):
        raise DataError(f"Unknown label type: {kind}: y holds fractions; round them, or fit a regressor")
    if kind == "multilabel-indicator":
        targets: Targets = LabelTargets(y.shape[1])
    elif kind.endswith("multioutput"):
        raise ConfigError(
            f"y has {y.shape[1]} columns of classes; one network learns one, or columns of 0 and 1: wrap the estimator "
            f"in sklearn.multioutput.MultiOutputClassifier"
        )
    else:
        y = column_or_1d(y, warn=True)
        targets = ClassTargets(different(y) if classes is None else classes)
    targets.names = names
    return y, targets


def read_numbers(X_rows: int, y: Any, owner: Any) -> tuple[np.ndarray, Targets]:
    """Numbers as an array `(rows, outputs)`, and their description; errors as in `read_classes`."""
    y, names = dense_targets(y), _names(y)
    check_present(y)
    check_numbers(y, type(owner).__name__)
    numbers = np.asarray(y).ravel()
    _, y = check_X_y(np.zeros((X_rows, 1)), y, multi_output=True, y_numeric=True, estimator=owner)
    targets = NumberTargets(1 if y.ndim == 1 else y.shape[1], y.ndim == 1)
    targets.names = names
    floats = y.reshape(len(y), -1).astype(y.dtype if y.dtype in FLOATS else np.float64, copy=False)
    pair = rounded_pair(numbers, floats.ravel()) if numbers.dtype.kind in "iuO" else None
    if pair is not None:
        warn_user(f"y: {pair[0]} and {pair[1]} {ROUNDED}")
    return floats, targets


def dense_targets(y: Any) -> Any:
    """A sparse matrix of targets as an array; anything else unchanged."""
    return y.toarray() if hasattr(y, "toarray") else y


def _names(y: Any) -> list[Any] | None:
    """The names of the columns of a DataFrame."""
    return list(y.columns) if hasattr(y, "columns") else None
