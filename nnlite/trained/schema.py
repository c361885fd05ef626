"""Schema of the rows of a trained model: columns, their kinds and known categories."""

from dataclasses import dataclass
from html import escape
from typing import Any

from nnlite.charts import aligned_lines
from nnlite.data import Columns, InputEncoder, TableEncoder, Texts
from nnlite.data.encoders.columns import Levels

__all__ = ["InputColumn", "InputSchema"]

SHOWN = 6  # categories, in a table for people


@dataclass(frozen=True)
class InputColumn:
    """One column of the input.

    Args:
        name: the column's name.
        kind: `"number"`, `"boolean"`, `"category"`, `"date"` or `"text"`.
        categories: the values that the model learned something about; None if they are not counted.
        typical: the mean, or the most frequent value, of the training data; None if it is not known.
        unit: the currency or unit around the numbers of the training data; None if they had none.
    """

    name: str
    kind: str
    categories: tuple[str, ...] | None = None
    typical: Any = None
    unit: str | None = None

    @property
    def described(self) -> str:
        """The categories, or the unit, in one line."""
        if self.categories is None:
            return f"in {self.unit}" if self.unit else ""
        named = [category or "(no value)" for category in self.categories[:SHOWN]]
        more = f", ... {len(self.categories)} in all" if len(self.categories) > SHOWN else ""
        return ", ".join(named) + more


@dataclass(frozen=True, repr=False)
class InputSchema:
    """The columns of a row, in order; empty for a model that takes arrays.

    Args:
        columns: those that the model reads from a table; others are ignored.
        shape: the shape of a row for a model that takes arrays, None for any length; None for a table.

    >>> from nnlite.data import Columns, Numeric, OneHot
    >>> InputSchema.of(Columns([Numeric("age", 40.0, 41.5, 9.0), OneHot("city", ["Oslo", "Rome"])]))
    column  kind      categories
    age     number
    city    category  Oslo, Rome
    """

    columns: tuple[InputColumn, ...] = ()
    shape: tuple[int | None, ...] | None = None

    @classmethod
    def of(cls, encoder: InputEncoder, typical: Any = None, shape: tuple = ()) -> "InputSchema":
        """The schema for an `encoder`, with the cells of a typical row."""
        if isinstance(encoder, Texts):
            return cls((InputColumn(encoder.name or "text", "text"),))
        if not isinstance(encoder, (Columns, TableEncoder)):
            return cls(shape=shape)
        cells = typical if isinstance(typical, dict) else {}
        columns: dict[str, InputColumn] = {}
        for column in encoder.columns:
            categories = tuple(column.categories) if isinstance(column, Levels) else None
            read = InputColumn(column.name, column.reads, categories, cells.get(column.name), column.unit_learned)
            if column.name not in columns or categories is not None:
                columns[column.name] = read
        return cls(tuple(columns.values()))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON values."""
        if self.shape is not None:
            return {"shape": list(self.shape)}
        return {"columns": [vars(column) for column in self.columns]}

    def __repr__(self) -> str:
        if self.shape is not None:
            return f"arrays of shape (rows, {', '.join('any' if n is None else str(n) for n in self.shape)})"
        rows = [
            ("column", "kind", "categories"),
            *((column.name, column.kind, column.described) for column in self.columns),
        ]
        return "\n".join(aligned_lines(rows))

    def _repr_html_(self) -> str:
        if self.shape is not None:
            return f"<p>{escape(repr(self))}</p>"
        rows = [(column.name, column.kind, column.described) for column in self.columns]
        cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><tr><th>column</th><th>kind</th><th>categories</th></tr>{body}</table>"
