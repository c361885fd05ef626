"""From raw data to the arrays a network trains on, and back.

Encoders are fitted once, on the training part. What they learnt is their fields, so that `to_spec` and `get` carry
them through JSON, and a fitted and a restored encoder share their only transformation.
"""

from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.data.encoders.columns import ColumnEncoder, OneHot
from nnlite.data.encoders.targets import TargetEncoder
from nnlite.data.table import Table
from nnlite.errors import ShapeError
from nnlite.registry import Configurable, Section
from nnlite.registry.fields import FromSpec, FromSpecs

__all__ = ["Columns", "InputEncoder", "Preprocessing", "Raw", "Texts"]


class InputEncoder(Configurable, family="input encoder"):
    """Turns what a data source gives as inputs into one array."""

    def encode(self, inputs: Any) -> np.ndarray:
        """Shape: (rows, features, ...)."""
        raise NotImplementedError


class Columns(InputEncoder):
    """The encoded columns of a table, side by side; columns that it does not name are ignored."""

    columns: FromSpecs[ColumnEncoder]

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

    def encode(self, inputs: Any) -> np.ndarray:
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


class Preprocessing(Section):
    """Everything that was learnt about the data before training; a run folder keeps it as `preprocessing.json`."""

    inputs: FromSpec[InputEncoder]
    target: FromSpec[TargetEncoder]
