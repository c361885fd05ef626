"""From raw data to the arrays a network trains on, and back.

Encoders are fitted once, on the training part. What they learned is their fields, so that `to_spec` and `get` carry
them through JSON, and a fitted and a restored encoder share their only transformation.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.data.encoders.columns import ColumnEncoder, Ordinal
from nnlite.data.encoders.hashing import size_of
from nnlite.data.encoders.levels import TargetMeans
from nnlite.data.encoders.targets import TargetEncoder
from nnlite.data.frames.reading import is_table, read_frame
from nnlite.data.table import Table
from nnlite.errors import ShapeError
from nnlite.registry import Configurable, Section
from nnlite.registry.fields import FromSpec, FromSpecs

__all__ = ["Columns", "InputEncoder", "Preprocessing", "Raw", "Texts"]


class InputEncoder(Configurable, family="input encoder"):
    """Turns the inputs of a data source into one array."""

    @property
    def takes_tables(self) -> bool:
        """Whether raw data are tables, so that a model needs this encoder for them."""
        return False

    @property
    def row_shape(self) -> tuple[int, ...] | None:
        """The shape of an encoded row; None if it is that of the raw row."""
        return None

    def accepts(self, inputs: Any) -> bool:
        """Whether `inputs` are a raw table rather than the array that a model takes."""
        return self.takes_tables and is_table(inputs)

    def encode(self, inputs: Any) -> np.ndarray:
        """The encoded inputs. Shape: (rows, features, ...)."""
        raise NotImplementedError

    def cross_fitted(self, x: np.ndarray, inputs: Any, rows: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The encoded `inputs` for training: columns learned from the target are encoded out of fold for `rows`.

        Args:
            x: what `encode` makes of the inputs; it may be overwritten.
            inputs: raw data.
            rows: indices of the training rows.
            target: of all rows.
        """
        return x


class Columns(InputEncoder):
    """The encoded columns of a table, side by side; columns that it does not name are ignored.

    A raw table of another make than a CSV file is read by `read_frame`; its gaps are the category `""`, as in the file.

    >>> from nnlite.data import Numeric, OneHot
    >>> encoder = Columns([Numeric("age", fill=35.0, mean=35.0, scale=5.0), OneHot("city", ["Bern", "Oslo"])])
    >>> encoder.encode({"age": [30.0], "city": ["Oslo"]}).tolist(), encoder.places()
    ([[-1.0, 0.0, 1.0]], {'age': [0], 'city': [1, 2]})
    """

    columns: FromSpecs[ColumnEncoder]

    @property
    def takes_tables(self) -> bool:
        return True

    @property
    def row_shape(self) -> tuple[int, ...]:
        return (size_of(self.columns),)

    def encode(self, inputs: Any) -> np.ndarray:
        source = inputs if isinstance(inputs, Table) else read_frame(inputs).gaps_as_text()
        return np.hstack([column.encode(source) for column in self.columns]).astype(floatx())

    def cross_fitted(self, x: np.ndarray, inputs: Any, rows: np.ndarray, target: np.ndarray) -> np.ndarray:
        for column, places in self._spans():
            if isinstance(column, TargetMeans):
                source = inputs if isinstance(inputs, Table) else read_frame(inputs).gaps_as_text()
                x[rows[:, None], np.array(places)] = column.cross_fitted(source, rows, target)
        return x

    def places(self) -> dict[str, list[int]]:
        """Positions of the numbers of each column."""
        places: dict[str, list[int]] = {}
        for column, span in self._spans():
            places.setdefault(column.name, []).extend(span)
        return places

    @property
    def amounts(self) -> list[int]:
        """Positions of amounts, which a model may scale: not columns of 0 and 1, or codes."""
        return [
            index
            for column, span in self._spans()
            for index, name in zip(span, column.outputs, strict=True)
            if name in column.amounts
        ]

    @property
    def code_sizes(self) -> dict[int, int]:
        """Position of codes -> number of codes, including 0 for unknown categories."""
        return {span[0]: 1 + len(column.categories) for column, span in self._spans() if isinstance(column, Ordinal)}

    def _spans(self) -> Iterator[tuple[ColumnEncoder, list[int]]]:
        start = 0
        for column in self.columns:
            stop = start + len(column.outputs)
            yield column, list(range(start, stop))
            start = stop


class Texts(InputEncoder):
    """One string per row, for a model that starts with `TextVectorization`.

    Args:
        name: the column of a table that holds it; None if the data are strings already.

    >>> Texts("note").encode({"note": ["a quiet room", "no view"]}).tolist()
    ['a quiet room', 'no view']
    """

    name: str | None = None

    @property
    def takes_tables(self) -> bool:
        return self.name is not None

    def accepts(self, inputs: Any) -> bool:
        return self.takes_tables and is_table(inputs, named=True)  # arrays and lists of texts are encoded already

    def encode(self, inputs: Any) -> np.ndarray:
        if self.name is None:
            return np.asarray(inputs, dtype=object)
        if isinstance(inputs, Table):
            return np.array(inputs.cells(self.name), dtype=object)
        return read_frame(inputs).gaps_as_text().column(self.name, "category").values


class Raw(InputEncoder):
    """An array, unchanged: scaling is left to the model's first layers (`Normalization`, `Rescaling`).

    Integers stay integers, because a first layer such as `Embedding` needs them.

    Args:
        shape: the shape of one row, without the axis of the rows.

    >>> import numpy as np
    >>> Raw((2,)).encode(np.array([[1, 2], [3, 4]])).tolist()
    [[1, 2], [3, 4]]
    """

    shape: tuple[int, ...]

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.shape

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        if inputs.shape[1:] != self.shape:
            raise ShapeError(f"the model was made for rows of shape {self.shape}, the inputs have {inputs.shape[1:]}")
        return inputs if inputs.dtype.kind in "iu" else inputs.astype(floatx(), copy=False)


class Preprocessing(Section):
    """Everything learned about the data before training; a run folder keeps it as `preprocessing.json`.

    Args:
        inputs: the encoder of the inputs.
        target: the encoder of the target.
        typical: a typical row of the training part, as cells by column or as an array in nested lists.

    >>> from nnlite.data import Classes, Columns, Numeric
    >>> inputs = Columns([Numeric("age", fill=35.0, mean=35.0, scale=5.0)])
    >>> preprocessing = Preprocessing(inputs, Classes("answer", ["no", "yes"], "binary"))
    >>> preprocessing.inputs.encode({"age": [30.0, 45.0]}).tolist(), preprocessing.target.labels
    ([[-1.0], [2.0]], ['no', 'yes'])
    """

    inputs: FromSpec[InputEncoder]
    target: FromSpec[TargetEncoder]
    typical: dict | list | None = None
