"""From raw data to the arrays a network trains on, and back.

Encoders are fitted once, on the training part. What they learnt is their fields, so that `to_spec` and `get` carry
them through JSON, and a fitted and a restored encoder share their only transformation.
"""

from typing import Literal

import numpy as np

from nnlite.config import floatx
from nnlite.data.table import Table
from nnlite.errors import DataError, ShapeError, did_you_mean
from nnlite.registry import Configurable
from nnlite.registry import Section

__all__ = [
    "Classes",
    "ColumnEncoder",
    "Columns",
    "InputEncoder",
    "Numeric",
    "OneHot",
    "Ordinal",
    "Preprocessing",
    "Quantities",
    "Raw",
    "TargetEncoder",
    "Texts",
]

TargetKind = Literal["binary", "categorical", "sparse", "regression"]


class ColumnEncoder(Configurable, family="column encoder"):
    """Turns one column of a table into one or more columns of numbers."""

    name: str

    def encode(self, table: Table) -> np.ndarray:
        """Shape: (rows, columns of numbers)."""
        raise NotImplementedError


class Numeric(ColumnEncoder):
    """A standardised column: (value - mean) / scale, where a missing value counts as the median.

    Args:
        name: the column.
        fill: median of the training part.
        mean: mean of the training part, after filling.
        scale: standard deviation of the training part, after filling; 1 for a constant column.
    """

    fill: float
    mean: float
    scale: float

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Numeric":
        """The encoder of a column as its `rows` suggest; `DataError` if they hold no value at all."""
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler

        values = table.numbers(name)[rows, None]
        if np.isnan(values).all():
            raise DataError(f"{table.path}: column {name!r} has no value in the training part; add it to `drop`")
        imputer = SimpleImputer(strategy="median").fit(values)
        scaler = StandardScaler().fit(imputer.transform(values))
        return cls(name, float(imputer.statistics_[0]), float(scaler.mean_[0]), float(scaler.scale_[0]))

    def encode(self, table: Table) -> np.ndarray:
        values = table.numbers(self.name)[:, None]
        return (np.where(np.isnan(values), self.fill, values) - self.mean) / self.scale


class OneHot(ColumnEncoder):
    """One column of 0 and 1 per category; all 0 for a category that the training part did not hold.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values.
    """

    categories: list[str]

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "OneHot":
        """The encoder of a column as its `rows` suggest."""
        from sklearn.preprocessing import OneHotEncoder

        encoder = OneHotEncoder(handle_unknown="ignore").fit(table.texts(name)[rows, None].astype(object))
        return cls(name, encoder.categories_[0].tolist())

    def encode(self, table: Table) -> np.ndarray:
        return table.texts(self.name)[:, None] == np.array(self.categories)


class Ordinal(ColumnEncoder):
    """A whole number per category, from 1 in sorted order; 0 for a category that the training part did not hold.

    An `Embedding` turns these numbers into vectors: `input_dim` is the number of categories plus 1.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values.
    """

    categories: list[str]

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Ordinal":
        """The encoder of a column as its `rows` suggest."""
        return cls(name, np.unique(table.texts(name)[rows].astype(str)).tolist())

    def encode(self, table: Table) -> np.ndarray:
        texts = table.texts(self.name).astype(str)
        places = np.minimum(np.searchsorted(self.categories, texts), len(self.categories) - 1)
        return np.where(np.array(self.categories)[places] == texts, places + 1, 0)[:, None]


class InputEncoder(Configurable, family="input encoder"):
    """Turns what a data source gives as inputs into one array."""

    def encode(self, inputs) -> np.ndarray:
        """Shape: (rows, features, ...)."""
        raise NotImplementedError


class Columns(InputEncoder):
    """The encoded columns of a table, side by side; columns that it does not name are ignored."""

    columns: list[ColumnEncoder]

    def encode(self, inputs: Table) -> np.ndarray:
        return np.hstack([column.encode(inputs) for column in self.columns]).astype(floatx())

    def places(self) -> dict[str, list[int]]:
        """Where the numbers of each column stand."""
        found, start = {}, 0
        for column in self.columns:
            width = len(column.categories) if isinstance(column, OneHot) else 1
            found[column.name] = list(range(start, start + width))
            start += width
        return found


class Texts(InputEncoder):
    """One text per row, for a model that starts with `TextVectorization`.

    Args:
        name: the column of a table that holds it; None where the data are texts already.
    """

    name: str | None = None

    def encode(self, inputs) -> np.ndarray:
        return np.array(inputs.cells(self.name), dtype=object) if self.name else np.asarray(inputs, dtype=object)


class Raw(InputEncoder):
    """An array as it is: scaling is left to the model's first layers (`Normalization`, `Rescaling`).

    Whole numbers stay whole, because a first layer such as `Embedding` needs them.

    Args:
        shape: the shape of one row, without the axis of the rows.
    """

    shape: tuple[int, ...]

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        if inputs.shape[1:] != self.shape:
            raise ShapeError(f"the model was made for rows of shape {self.shape}, the inputs have {inputs.shape[1:]}")
        return inputs if inputs.dtype.kind in "iu" else inputs.astype(floatx())


class TargetEncoder(Configurable, family="target encoder"):
    """Turns targets into what the loss compares, and the model's outputs back into the terms of the data."""

    def encode(self, target: np.ndarray) -> np.ndarray:
        """The target as the loss expects it."""
        raise NotImplementedError

    def decode(self, outputs: np.ndarray) -> dict[str, list]:
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
    def fit(cls, name: str, target: np.ndarray, kind: str) -> "Classes":
        """Number the classes of `target`; `DataError` unless there are two or more, for `"binary"` exactly two."""
        labels = np.unique(target).tolist()
        if len(labels) < 2 or (kind == "binary" and len(labels) > 2):
            wanted = "exactly two classes" if kind == "binary" else "two or more classes"
            raise DataError(f"the loss needs {wanted}, the target {name!r} has {len(labels)}: {_listed(labels)}")
        return cls(name, labels, kind)

    def encode(self, target: np.ndarray) -> np.ndarray:
        codes = np.minimum(np.searchsorted(self.labels, target), len(self.labels) - 1)
        unknown = np.array(self.labels)[codes] != target
        if unknown.any():
            label = target[unknown].flat[0]
            raise DataError(f"unknown class {label!r} in {self.name!r}; the model knows {_listed(self.labels)}")
        if self.kind == "sparse":
            return codes
        if self.kind == "binary":
            return codes.reshape(len(codes), -1).astype(floatx())
        return np.eye(len(self.labels), dtype=floatx())[codes]

    def code(self, label) -> int:
        """The number of the class called `label`, which may be the label's text; `DataError` if there is none."""
        names = [str(known) for known in self.labels]
        if str(label) not in names:
            raise DataError(f"unknown class {label!r}; {did_you_mean(label, names)}")
        return names.index(str(label))

    def decode(self, outputs: np.ndarray) -> dict[str, list]:
        """The most probable label, and the probability of each class; `outputs` are probabilities."""
        if self.kind == "binary":
            outputs = np.hstack([1 - outputs, outputs])
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
        from sklearn.preprocessing import StandardScaler

        if not standardize:
            return cls(names, [0.0] * len(names), [1.0] * len(names))
        scaler = StandardScaler().fit(target[rows])
        return cls(names, scaler.mean_.tolist(), scaler.scale_.tolist())

    def encode(self, target: np.ndarray) -> np.ndarray:
        return ((target - self.mean) / self.scale).astype(floatx())

    def decode(self, outputs: np.ndarray) -> dict[str, list]:
        """The predictions in the units of the data."""
        values = outputs * np.array(self.scale, outputs.dtype) + np.array(self.mean, outputs.dtype)
        return dict(zip(self.names, values.T, strict=True))

    def check_outputs(self, output_shape: tuple) -> None:
        if tuple(output_shape[1:]) != (len(self.names),):
            raise ShapeError(
                f"the target has {len(self.names)} columns ({_listed(self.names)}), so the model's outputs must have "
                f"shape (batch, {len(self.names)}); they have (batch, {', '.join(map(str, output_shape[1:]))})"
            )


class Preprocessing(Section):
    """Everything that was learnt about the data before training; a run folder keeps it as `preprocessing.json`."""

    inputs: InputEncoder
    target: TargetEncoder


def _listed(labels: list) -> str:
    return ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")
