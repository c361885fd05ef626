"""Tables of numbers with labelled rows and columns: DataFrames where pandas is installed, else a small class."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnlite.errors import did_you_mean

if TYPE_CHECKING:
    import pandas

__all__ = ["LabelledColumn", "LabelledTable", "labelled_table"]

SHOWN_ROWS = 60


def labelled_table(
    values: dict[str, np.ndarray],
    index: Sequence[str],
    groups: Sequence[Hashable] | None,
    level: str,
    row: str = "feature",
) -> "pandas.DataFrame | LabelledTable":
    """One row per feature, one column per statistic, or per statistic of each group.

    Shape: each of the values `(groups, features)`, with a single group where `groups` is None.

    Args:
        values: the statistics by name.
        index: the features.
        groups: the labels of the groups; each group has all statistics. None stands for a group without a label.
        level: what the groups are.
        row: what the rows are.

    Returns:
        A `pandas.DataFrame`, whose columns are a MultiIndex where there are groups; a `LabelledTable` without pandas.
    """
    places = range(1 if groups is None else len(groups))
    try:
        import pandas as pd
    except ImportError:
        columns: list[Hashable]
        columns = [name if groups is None else (groups[position], name) for position in places for name in values]
        numbers = np.stack([values[name][position] for position in places for name in values], axis=1)
        return LabelledTable(numbers, list(index), columns)
    rows = pd.Index(index, name=row)
    tables = [
        pd.DataFrame({name: by_place[position] for name, by_place in values.items()}, index=rows) for position in places
    ]
    return tables[0] if groups is None else pd.concat(tables, axis=1, keys=groups, names=[level, "statistic"])


class LabelledColumn:
    """Numbers by label: one column or one row of a `LabelledTable`.

    Args:
        values: the numbers, one for each label.
        index: the labels.
        name: what the numbers are.

    Raises:
        KeyError: a label that does not exist.

    >>> column = LabelledColumn(np.array([0.5, 2.0]), ["age", "height"], "mean")
    >>> column["height"].item(), column[0].item(), column[:1].tolist()
    (2.0, 0.5, [0.5])
    """

    def __init__(self, values: np.ndarray, index: list[Hashable], name: Hashable = None) -> None:
        self.values, self.index, self.name = values, index, name

    def __getitem__(self, key: Any) -> Any:
        """The number with a label; positions and slices are accepted too, unless they are labels."""
        if isinstance(key, Hashable) and key in self.index:
            return self.values[self.index.index(key)]
        if isinstance(key, str):
            raise KeyError(f"no {key!r}; {did_you_mean(key, map(str, self.index))}")
        index: Any = key
        return self.values[index]

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    def to_numpy(self) -> np.ndarray:
        """The numbers alone."""
        return self.values

    def __repr__(self) -> str:
        return repr(LabelledTable(self.values[:, None], self.index, [self.name if self.name is not None else ""]))


class LabelledTable:
    """A labelled table of numbers: what `sensitivities` returns if pandas is not installed.

    `table[column]` is a `LabelledColumn`, `table.loc[row]` one too, `table.loc[row, column]` a number; where columns
    are labelled by group and name, `table[group]` is the table of a group. Iteration and `in` go over columns.

    Args:
        values: the numbers, `(rows, columns)`.
        index: the labels of the rows.
        columns: the labels of the columns, texts or tuples `(group, name)`.

    Raises:
        KeyError: a label that does not exist.

    >>> table = LabelledTable(np.array([[0.5, 1.0], [2.0, 3.0]]), ["age", "height"], ["mean", "mean_absolute"])
    >>> table["mean"]["height"].item(), table.loc["age", "mean_absolute"].item()
    (2.0, 1.0)
    >>> table
    feature  mean  mean_absolute
    age       0.5              1
    height      2              3
    """

    def __init__(self, values: np.ndarray, index: list[Hashable], columns: list[Hashable]) -> None:
        self.values, self.index, self.columns = values, index, columns

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.values.shape

    @property
    def loc(self) -> "_Rows":
        """Rows by label: `loc[row]`, `loc[row, column]`."""
        return _Rows(self)

    def __getitem__(self, key: Hashable | list[Hashable]) -> "LabelledColumn | LabelledTable":
        if isinstance(key, list):
            places = [self._place(label) for label in key]
            return LabelledTable(self.values[:, places], self.index, [self.columns[index] for index in places])
        inner = {n: label[1] for n, label in enumerate(self.columns) if isinstance(label, tuple) and label[0] == key}
        if inner:
            return LabelledTable(self.values[:, list(inner)], self.index, list(inner.values()))
        return LabelledColumn(self.values[:, self._place(key)], self.index, key)

    def _place(self, label: Hashable) -> int:
        if label not in self.columns:
            raise KeyError(f"no column {label!r}; {did_you_mean(label, map(str, self.columns))}")
        return self.columns.index(label)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.columns)

    def __contains__(self, label: object) -> bool:
        return label in self.columns or any(isinstance(column, tuple) and column[0] == label for column in self.columns)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    def to_numpy(self) -> np.ndarray:
        """The numbers alone, `(rows, columns)`."""
        return self.values

    def __repr__(self) -> str:
        levels = [label if isinstance(label, tuple) else (label,) for label in self.columns]
        heads = [["feature" if last else "", *texts] for last, texts in _levels(levels)]
        body = [
            [str(name), *[f"{number:.6g}" for number in row]] for name, row in zip(self.index, self.values, strict=True)
        ]
        if len(body) > SHOWN_ROWS:
            body = [*body[: SHOWN_ROWS // 2], ["..."] * len(body[0]), *body[-(SHOWN_ROWS // 2) :]]
        lines = [*heads, *body]
        widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
        return "\n".join(
            "  ".join(
                [
                    line[0].ljust(widths[0]),
                    *[text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)],
                ]
            )
            for line in lines
        )


def _levels(labels: list[tuple]) -> Iterator[tuple[bool, list[str]]]:
    """For each level of the columns' labels, whether it is the last, and its texts."""
    for level, texts in enumerate(zip(*labels, strict=True), start=1):
        yield level == len(labels[0]), [str(text) for text in texts]


class _Rows:
    """`loc` of a table."""

    def __init__(self, table: LabelledTable) -> None:
        self.table = table

    def __getitem__(self, key: Hashable) -> Any:
        row, *column = key if isinstance(key, tuple) else (key,)
        if row not in self.table.index:
            raise KeyError(f"no row {row!r}; {did_you_mean(row, map(str, self.table.index))}")
        index = self.table.index.index(row)
        values = LabelledColumn(self.table.values[index], self.table.columns, row)
        return values[column[0]] if column else values
