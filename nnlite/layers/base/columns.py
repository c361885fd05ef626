"""Layers that transform selected columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError, did_you_mean
from nnlite.initializers.blank import allowance
from nnlite.layers.base.layer import Layer
from nnlite.registry.bounds import Index
from nnlite.registry.fields import Converted

__all__ = []

NUMBERS = "numbers"
ColumnChoice = Converted[Sequence[int | str] | str | None, list[Index | str] | str | None]


@dataclass(frozen=True)
class NamedColumns:
    """Names and positions of the columns of an encoded table.

    Args:
        places: where the columns of each name are; a name may have become several.
        amounts: the columns that hold amounts, which `"numbers"` stands for.
        code_sizes: the columns that hold codes -> how many codes there are.
    """

    places: dict[str, list[int]] = field(default_factory=dict)
    amounts: list[int] = field(default_factory=list)
    code_sizes: dict[int, int] = field(default_factory=dict)


class OfColumns(Layer, abstract=True):
    """Base of layers whose arguments select columns by number or by name."""

    def name_columns(self, named: NamedColumns) -> None:
        """Replace names by numbers; `ConfigError` for a name that no column has."""
        raise NotImplementedError

    @property
    def has_names(self) -> bool:
        """Whether names are left that have to become numbers."""
        raise NotImplementedError


class OfSomeColumns(OfColumns, abstract=True):
    """Base of layers that treat the columns of their field `columns` in the same way; all columns when None."""

    if TYPE_CHECKING:  # a field of the subclasses, which have it in different positions
        columns = cast("list[int | str] | str | None", None)

    @property
    def has_names(self) -> bool:
        return has_names(self.columns)

    def name_columns(self, named: NamedColumns) -> None:
        if self.columns is not None:
            self.columns = list(found_by_name(self, self.columns, named))

    def chosen_columns(self, input_shape: BatchShape) -> list[int]:
        """The numbers of the columns; `ConfigError` unless the inputs have each of them, and none occurs twice."""
        columns = list(range(known_width(self, input_shape))) if self.columns is None else numbered(self, self.columns)
        check_columns(self, columns, input_shape)
        return columns


def has_names(columns: Sequence[int | str] | str | None) -> bool:
    """Whether some of `columns` are given by name."""
    return isinstance(columns, str) or any(isinstance(column, str) for column in columns or ())


def numbered(layer: Any, columns: Sequence[int | str] | str) -> list[int]:
    """Columns given by number; `ConfigError` if there are names."""
    if has_names(columns):
        raise ConfigError(
            f"{layer.label} tells columns by name ({columns!r}), which are known where `nnlite train` reads a table; "
            "give numbers from 0"
        )
    return [cast(int, column) for column in columns]


def found_by_name(layer: Any, columns: Sequence[int | str] | str, named: NamedColumns) -> list[int]:
    """The numbers of `columns`, where `"numbers"` stands for all amounts; `ConfigError` for an unknown name."""
    if columns == NUMBERS:
        if not named.amounts:
            raise ConfigError(f"the data have no column of numbers; leave {layer.label} out", ("columns",))
        return named.amounts
    places: list[int] = []
    for column in [columns] if isinstance(columns, str) else columns:
        if isinstance(column, str) and column not in named.places:
            hint = did_you_mean(column, [NUMBERS, *named.places]) if named.places else "the data have no names"
            raise ConfigError(f"{layer.label} names a column {column!r}; {hint}", ("columns",))
        places += named.places[column] if isinstance(column, str) else [column]
    return places


def check_columns(layer: Any, columns: Sequence[int], input_shape: BatchShape, distinct: bool = True) -> None:
    """`ConfigError` unless `columns` are among those of the inputs, without duplicates if `distinct`."""
    features = known_width(layer, input_shape)
    beyond = [column for column in columns if column >= features]
    if beyond or not columns or (distinct and len(set(columns)) < len(columns)):
        once = ", each once" * distinct
        raise ConfigError(f"{layer.label} needs columns from 0 to {features - 1}{once}, got {list(columns)}")


def known_width(layer: Any, input_shape: BatchShape) -> int:
    """The number of columns; `ShapeError` if it is unknown."""
    if input_shape[-1] is None:
        raise ShapeError(f"{layer.label} needs a known number of features, got inputs of shape {input_shape}")
    room = allowance()
    if room is not None:
        room.check_count(input_shape[-1], f"{layer.label} takes columns one by one")
    return input_shape[-1]


def selection(columns: Sequence[int]) -> slice | np.ndarray:
    """An index of `columns`: a slice, which copies nothing, if they are consecutive."""
    if columns and list(columns) == list(range(columns[0], columns[0] + len(columns))):
        return slice(columns[0], columns[0] + len(columns))
    return np.array(columns, np.intp)
