"""Tables from files with typed columns: Parquet, JSON and Excel."""

from collections.abc import Iterator, Sequence

from nnlite.data.files.dialects import Dialect
from nnlite.data.files.frames import FileFrame, read_arrow_file, read_json_file
from nnlite.data.files.opening import read_table_file
from nnlite.data.files.workbooks import read_workbook
from nnlite.data.safety.files import read_bytes
from nnlite.data.sources.streamed import StreamedTableSource
from nnlite.data.sources.tables import TableSource
from nnlite.data.storage.chunks import arrow_chunks
from nnlite.data.table import Table
from nnlite.registry.fields import Converted, option

__all__ = ["Excel", "JsonLines", "Parquet"]


class Parquet(StreamedTableSource):
    """A Parquet or Arrow file, read by pyarrow (`pip install "nnlite[tables]"`); columns as by `TableSource`.

    Args:
        path: the file.
        target, categorical, ordinal, text, drop, columns: as of `TableSource`.
        stream, cache: as of `Csv`: whether rows stay in files while training, and the folder that keeps them.

    >>> from nnlite.data import DataSource
    >>> DataSource.get({"parquet": {"path": "houses.parquet", "target": "price"}})
    Parquet(path='houses.parquet', target='price')
    """

    def read(self) -> FileFrame:
        return read_arrow_file(self.path)

    def read_chunks(self) -> Iterator[FileFrame]:
        return arrow_chunks(self.path)


class JsonLines(TableSource):
    """JSON: an object per line, a list of objects, or a table by pandas's `to_json`; columns as by `TableSource`.

    A key that an object lacks is a missing value.

    Args:
        path: the file.
        target, categorical, ordinal, text, drop, columns: as of `TableSource`.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.jsonl")
    >>> _ = path.write_text('{"rooms": 2, "price": 200}\\n{"price": 300}\\n')
    >>> dataset = JsonLines(str(path), target="price").load("regression")
    >>> dataset.target.tolist(), dataset.inputs.column("rooms", "number").values.tolist()
    ([[200.0], [300.0]], [2.0, nan])
    """

    def read(self) -> FileFrame:
        return read_json_file(self.path, read_bytes(self.path))


class Excel(TableSource):
    """A sheet of an Excel workbook, read by openpyxl (`pip install "nnlite[excel]"`); columns as by `TableSource`.

    Formulas count by the values that Excel stored for them.

    Args:
        path: the file, `.xlsx` or `.xlsm`.
        target, categorical, ordinal, text, drop, columns: as of `TableSource`.
        sheet: name of the sheet; the first one when None.
        missing: the cells that stand for a missing value, as of `Dialect`.

    >>> from nnlite.data import DataSource
    >>> DataSource.get({"excel": {"path": "houses.xlsx", "target": "price", "sheet": "2025"}})
    Excel(path='houses.xlsx', target='price', sheet='2025')
    """

    sheet: str | None = None
    missing: Converted[str | Sequence[str], str | list[str]] = option(default="auto")

    @property
    def dialect(self) -> Dialect:
        return Dialect(missing=self.missing)

    def read(self) -> Table:
        text = read_workbook(read_bytes(self.path), self.path, self.sheet, self.dialect, self._named())
        return Table.of(text, self.path)

    def read_inputs(self, path: str) -> Table | FileFrame:
        return read_table_file(path, self.dialect, sheet=self.sheet, like=True)
