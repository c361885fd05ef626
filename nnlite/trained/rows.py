"""Raw rows of any type, converted for an input encoder, with a single error for everything wrong with them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

import numpy as np

from nnlite.data import Columns, DataSource, InputEncoder, Quantities, Raw, Table, TableEncoder, Texts, read_frame
from nnlite.data.encoders.targets import target_units
from nnlite.data.frames.frame import Column, Frame
from nnlite.data.frames.libraries import maker_of
from nnlite.data.storage.opening import table_chunks
from nnlite.errors import CellTypeError, ConfigError, DataError, ShapeError, no_column
from nnlite.errors.boundary import with_place
from nnlite.trained.schema import InputSchema

__all__ = []


class AnyLength(InputEncoder, abstract=True):
    """Arrays, unchanged, for a model whose rows may have any length."""

    def encode(self, inputs: Any) -> np.ndarray:
        return np.asarray(inputs)


class RowReader:
    """Reads rows for one model.

    Args:
        encoder: of the model's inputs.
        schema: of the encoder.
        source: the spec by which files are read; None for tables of CSV.
        targets: columns of a table that are not inputs, where these have no names.
    """

    def __init__(
        self, encoder: InputEncoder, schema: InputSchema, source: dict[str, Any] | None, targets: list[str]
    ) -> None:
        self.encoder, self.schema, self.targets = encoder, schema, targets
        self.source_spec = source

    @property
    def source(self) -> DataSource | None:
        """The data source as which files are read; `ConfigError` unless its class is known."""
        return None if self.source_spec is None else DataSource.get(self.source_spec)

    def read(self, data: Any) -> Any:
        """Rows in the form that the encoder reads: a `Table`, a `Frame`, or an array."""
        if isinstance(data, (str, PathLike)):
            source, path = self.source, fspath(data)
            return self.of_table(Table.read(path)) if source is None else self._of_source(source.read_inputs(path))
        if isinstance(data, Table):
            return self.of_table(data)
        if self.schema.columns and maker_of(data, ("Series",)) == "pandas" and {*self.schema.names} <= {*data.index}:
            data = data.to_dict()  # a row of a DataFrame
        if isinstance(data, Mapping) and is_row(data):
            data = [data]
        if isinstance(self.encoder, Texts) and not self.encoder.accepts(data):
            return np.asarray(data, dtype=object)
        if self.encoder.takes_tables:
            return self._named(read_frame(data))
        return self._array(data)

    def row_names(self, path: str) -> list[str] | None:
        """Names of the rows of a file, such as files of images; None for rows that have none."""
        source = self.source
        return None if source is None else source.row_names(path)

    def chunks(self, path: str, rows: int) -> Iterator[tuple[Any, Table | None]]:
        """The rows of a file in chunks, each with the table that contains them, if any."""
        source = self.source
        pieces = table_chunks(path, rows=rows) if source is None else source.input_chunks(path, rows)
        for piece in pieces:
            if isinstance(piece, Table):
                yield self.of_table(piece), piece
            else:
                yield self._of_source(piece), None

    def of_table(self, table: Table) -> Any:
        """The rows of a CSV file in the form that the encoder reads."""
        if self.encoder.takes_tables:
            return table
        names = [name for name in table.columns if name not in self.targets]
        if isinstance(self.encoder, Texts):
            if len(names) != 1:
                raise DataError(f"{table.path}: the model takes one column of texts, the file has {', '.join(names)}")
            return table.texts(names[0]).astype(object)
        return np.column_stack([table.quantities(name) for name in names])

    def _of_source(self, inputs: Any) -> Any:
        return self.of_table(inputs) if isinstance(inputs, Table) else inputs

    def _named(self, frame: Frame) -> Frame:
        """A frame whose columns have the names that the encoder expects: by position if it came without names."""
        if frame.named or isinstance(self.encoder, TableEncoder):  # which knows the places of its columns
            return frame
        names = self.schema.names
        if frame.n_columns != len(names):
            raise ShapeError(
                f"rows without names have a cell for each of the {len(names)} columns that the model reads "
                f"({', '.join(names[:8])}{', ...' if len(names) > 8 else ''}), these have {frame.n_columns}"
            )
        return frame.renamed(names)

    def _array(self, data: Any) -> np.ndarray:
        array = data if isinstance(data, np.ndarray) and data.dtype.kind in "biuf" else None
        if array is None:
            array = _stacked(data)
        if isinstance(self.encoder, Raw) and array.shape == self.encoder.shape:
            return array[None]  # one row
        return array

    @contextmanager
    def explaining(self, source: Any, location: str) -> Iterator[None]:
        """A context around `encode`: an error names the file and everything wrong with the columns of `source`."""
        try:
            yield
        except DataError as error:
            if isinstance(source, (Table, Frame)) and (faults := list(self._faults(source))):
                if location and len(faults) > 1:
                    faults = [fault.removeprefix(f"{location}, ") for fault in faults]
                message = "; ".join(faults)
                raise DataError(message if location in message else f"{location}: {message}") from None
            raise error if location in str(error) else with_place(error, location) from None

    def _faults(self, source: Table | Frame) -> Iterator[str]:
        by_place = isinstance(self.encoder, TableEncoder) and not self.encoder.named
        if isinstance(source, Frame) and (by_place or not source.named):
            return  # the encoder says what is wrong with rows without names
        names = list(source.columns) if isinstance(source, Table) else source.names
        missing = [column.name for column in self.schema.columns if column.name not in names]
        if len(missing) == 1:
            yield no_column(missing[0], names)
        elif missing:
            yield f"no columns {', '.join(map(repr, missing))}; the table has {', '.join(map(str, names))}"
        columns = self.encoder.columns if isinstance(self.encoder, (Columns, TableEncoder)) else []
        told: set[str] = set()
        for column in columns:
            if column.name not in missing and column.name not in told:
                try:
                    if isinstance(source, Table) and column.reads == "number":
                        source.numbers(column.name, remedy="the model learned numbers here")
                    column.read(source)
                except DataError as error:
                    told.add(column.name)
                    yield str(error)


def is_row(data: Mapping[Any, Any]) -> bool:
    """Whether a mapping holds the cells of one row, rather than whole columns."""
    return not any(isinstance(value, Iterable) and not isinstance(value, (str, bytes)) for value in data.values())


def place_of(rows: Any) -> str:
    """The file that rows come from, for error messages."""
    return fspath(rows) if isinstance(rows, (str, PathLike)) else ""


def holds_rows(rows: Any) -> bool:
    """Whether a list holds rows, rather than the cells of one."""
    return len(rows) > 0 and not isinstance(rows[0], (str, bytes, int, float, type(None)))


def _stacked(data: Any) -> np.ndarray:
    """Anything that is not an array of numbers as one."""
    try:
        return np.asarray(data, np.float64) if not isinstance(data, Mapping) else _matrix(data)
    except (TypeError, ValueError):
        return _matrix(data)


def _matrix(data: Any) -> np.ndarray:
    frame = read_frame(data)
    for column in frame.columns:
        if column.kind not in ("number", "boolean"):
            raise CellTypeError(f"column {column.name!r} holds {column.kind} cells, the model takes numbers alone")
    return frame.numbers(frame.names)


def labelled(reader: RowReader, path: str, kind: Any) -> tuple[Any, np.ndarray]:
    """Inputs and targets of a file that has both; errors name the file."""
    source = reader.source
    if source is not None:
        try:
            dataset = source.read_labelled(path, kind)
        except ConfigError as error:
            raise DataError(f"{path}: {error.message}; give arrays: evaluate(inputs, targets)") from None
        return reader._of_source(dataset.inputs), dataset.target
    table = Table.read(path)
    return reader.of_table(table), targets_of(table, reader.targets, kind)


def in_learned_units(table: Any, truth: np.ndarray, target: Any, location: str) -> np.ndarray:
    """Amounts in the units that the model learned; `DataError` for amounts in another currency or unit."""
    learned = target.amounts_in if isinstance(target, Quantities) else None
    units = None if learned is None else target_units(table, target.names)
    if learned is None or units is None:
        return truth
    columns = [Column(name, "number", truth[:, n], unit=units[n]) for n, name in enumerate(target.names)]
    try:
        return np.column_stack([column.in_unit(unit).values for column, unit in zip(columns, learned, strict=True)])
    except DataError as error:
        raise (with_place(error, location) if location else error) from None


def targets_of(source: Table | Frame, names: list[str], kind: Any) -> np.ndarray:
    """The target columns of a table: labels, or numbers of shape (rows, columns)."""
    if isinstance(source, Table):
        if kind == "regression":
            return np.column_stack([source.quantities(name) for name in names])
        return source.labels(names[0]) if len(names) == 1 else np.column_stack([source.labels(name) for name in names])
    columns = [source.column(name, "number" if kind == "regression" else "category") for name in names]
    if kind == "multilabel" and len(columns) == 1:  # labels in one cell; a missing cell has none
        return np.where(columns[0].missing, "", columns[0].values).astype(str)
    for column in columns:
        if column.missing.any():
            raise DataError(
                f"column {column.name!r}, row {int(column.missing.argmax())}: the value is missing; leave such rows out"
            )
    if kind != "regression" and len(columns) == 1:
        return columns[0].values
    return np.column_stack([column.values for column in columns])
