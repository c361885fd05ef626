"""Encoders between labels or amounts and the targets of a network, in both directions."""

from typing import Any, Literal

import numpy as np

from nnlite.config import floatx
from nnlite.errors import DataError, ShapeError, did_you_mean, needed_for
from nnlite.registry import Configurable

__all__ = ["Classes", "Quantities", "TargetEncoder"]

TargetKind = Literal["binary", "categorical", "sparse", "regression"]


class TargetEncoder(Configurable, family="target encoder"):
    """Turns targets into what the loss compares, and the model's outputs back into the terms of the data."""

    @property
    def columns(self) -> list[str]:
        """The columns of a table that hold the target."""
        raise NotImplementedError

    def encode(self, target: np.ndarray) -> np.ndarray:
        """The target as the loss expects it."""
        raise NotImplementedError

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Named columns for a table of predictions."""
        raise NotImplementedError

    def check_outputs(self, output_shape: tuple) -> None:
        """Raise `ShapeError` unless a model with this output shape can be compared with the encoded target."""
        raise NotImplementedError


class Classes(TargetEncoder):
    """Classes, numbered in their sorted order.

    Args:
        name: what the labels are called.
        labels: the classes, sorted; integers, numbers, booleans or texts.
        kind: `"sparse"` gives the number of the class, `"categorical"` a row with a 1 in its place, `"binary"` a
            column of 0 and 1.
    """

    name: str
    labels: list
    kind: TargetKind

    @classmethod
    def fit(cls, name: str, target: np.ndarray, kind: TargetKind) -> "Classes":
        """Number the classes of `target`; `DataError` unless there are two or more, for `"binary"` exactly two."""
        labels = np.unique(target).tolist()
        if len(labels) < 2 or (kind == "binary" and len(labels) > 2):
            wanted = "exactly two classes" if kind == "binary" else "two or more classes"
            raise DataError(f"the loss needs {wanted}, the target {name!r} has {len(labels)}: {_listed(labels)}")
        return cls(name, labels, kind)

    @property
    def columns(self) -> list[str]:
        return [self.name]

    def codes(self, target: np.ndarray) -> np.ndarray:
        """The number of each label, of the target's shape; `DataError` for one that is no class."""
        known = np.array(self.labels)
        if (known.dtype.kind in "US") != (target.dtype.kind in "US"):  # of another table: 1 and "1" are one label
            known, target = known.astype(str), target.astype(str)
        order = np.argsort(known, kind="stable")
        places = np.minimum(np.searchsorted(known, target, sorter=order), len(known) - 1)
        codes = order[places]
        unknown = known[codes] != target
        if unknown.any():
            label = target[unknown].tolist()[0]
            raise DataError(f"unknown class {label!r} in {self.name!r}; the model knows {_listed(self.labels)}")
        return codes

    def encode(self, target: np.ndarray) -> np.ndarray:
        codes = self.codes(target)
        if self.kind == "sparse":
            return codes
        if self.kind == "binary":
            return codes.reshape(len(codes), -1).astype(floatx())
        return np.eye(len(self.labels), dtype=floatx())[codes]

    def code(self, label: Any) -> int:
        """The number of the class called `label`, which may be the label's text; `DataError` if there is none."""
        names = [str(known) for known in self.labels]
        if str(label) not in names:
            raise DataError(f"unknown class {label!r}; {did_you_mean(label, names)}")
        return names.index(str(label))

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each class; `outputs` are probabilities. Shape: (rows, ..., classes)."""
        return np.concatenate([1 - outputs, outputs], axis=-1) if self.kind == "binary" else outputs

    def chosen(self, outputs: np.ndarray) -> np.ndarray:
        """The number of the class that each row is taken for. Shape: (rows,)."""
        return self.probabilities(outputs).argmax(axis=-1)

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """The most probable label, and the probability of each class; `outputs` are probabilities."""
        outputs = self.probabilities(outputs)
        chosen = [self.labels[code] for code in outputs.argmax(axis=1)]
        named = {f"probability_{label}": outputs[:, code] for code, label in enumerate(self.labels)}
        return {self.name: chosen, **named}

    def check_outputs(self, output_shape: tuple) -> None:
        units, wanted = output_shape[-1], 1 if self.kind == "binary" else len(self.labels)
        if units != wanted:
            raise ShapeError(
                f"the target {self.name!r} has {len(self.labels)} classes ({_listed(self.labels)}), for which a "
                f"{self.kind} loss needs {wanted} output units; the model's last layer has {units}"
            )


class Quantities(TargetEncoder):
    """Numbers to be predicted, standardised: (value - mean) / scale.

    Args:
        names: one name per column of the target.
        mean: mean of each column in the training part; 0 leaves the column where it is.
        scale: standard deviation of each column in the training part; 1 leaves the column as it is.
    """

    names: list[str]
    mean: list[float]
    scale: list[float]

    @classmethod
    def fit(cls, names: list[str], target: np.ndarray, rows: np.ndarray, standardize: bool) -> "Quantities":
        """The encoder of a target of shape (rows, columns) as its `rows` suggest."""
        if not standardize:
            return cls(names, [0.0] * len(names), [1.0] * len(names))
        with needed_for("targets are scaled by scikit-learn", "scikit-learn"):
            from sklearn.preprocessing import StandardScaler

        scaler: Any = StandardScaler().fit(target[rows])
        return cls(names, scaler.mean_.tolist(), scaler.scale_.tolist())

    @property
    def columns(self) -> list[str]:
        return list(self.names)

    def encode(self, target: np.ndarray) -> np.ndarray:
        return ((target - self.mean) / self.scale).astype(floatx())

    def units(self, outputs: np.ndarray) -> np.ndarray:
        """The predictions in the units of the data. Shape: (rows, columns)."""
        return outputs * np.array(self.scale, outputs.dtype) + np.array(self.mean, outputs.dtype)

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """The predictions in the units of the data."""
        return dict(zip(self.names, self.units(outputs).T, strict=True))

    def check_outputs(self, output_shape: tuple) -> None:
        if tuple(output_shape[1:]) != (len(self.names),):
            raise ShapeError(
                f"the target has {len(self.names)} columns ({_listed(self.names)}), so the model's outputs must have "
                f"shape (batch, {len(self.names)}); they have (batch, {', '.join(map(str, output_shape[1:]))})"
            )


def _listed(labels: list) -> str:
    return ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")
