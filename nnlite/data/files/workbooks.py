"""Sheets of Excel workbooks, read as if each were a text file."""

import datetime
import io
from collections.abc import Collection
from typing import Any
from zipfile import ZipFile

from nnlite.data.files.dialects import Dialect, plain_dialect
from nnlite.data.files.lines import Rows
from nnlite.data.files.notes import Notes
from nnlite.data.files.reading import TextTable, settled_table
from nnlite.data.safety.arrays import check_members
from nnlite.data.safety.files import place_of
from nnlite.data.safety.limits import limits
from nnlite.errors import DataError, did_you_mean, needed_for
from nnlite.errors.boundary import reading

__all__ = ["read_workbook"]


def read_workbook(
    content: bytes,
    path: str,
    sheet: str | None = None,
    dialect: Dialect | None = None,
    named: Collection[str] = (),
) -> TextTable:
    """A sheet of a workbook (.xlsx) as a table of cells; lines are the rows of the sheet.

    Args:
        content: the bytes of the file.
        path: of the file, for messages.
        sheet: name of the sheet; the first one when None.
        dialect: its `header` and `missing` hold here, too.
        named: columns that are asked for: a first row that has them all is one of names.

    Raises:
        MissingLibraryError: openpyxl is not installed.
        DataError: no workbook, no such sheet, an empty sheet.
    """
    with needed_for("Excel workbooks are read by openpyxl", "nnlite[excel]"):
        from openpyxl import load_workbook  # pyright: ignore[reportMissingModuleSource]

    location, notes = place_of(path), Notes()
    with reading(location, "not an Excel workbook", "save it as .xlsx again"):
        with ZipFile(io.BytesIO(content)) as archive:
            check_members(archive.infolist(), location)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    if sheet is None:
        sheet = book.sheetnames[0]
        if len(book.sheetnames) > 1:
            notes.tell(
                f"{location}: the first of {len(book.sheetnames)} sheets is read, {sheet!r}; `sheet` names another"
            )
    elif sheet not in book.sheetnames:
        raise DataError(f"{location}: no sheet {sheet!r}; {did_you_mean(sheet, book.sheetnames)}")
    location = f"{location}, sheet {sheet!r}"
    with reading(location, "a damaged sheet", "save the workbook again"):
        rows = _rows(book[sheet], location)
    overrides = {} if dialect is None else {"header": dialect.header, "missing": dialect.missing}
    detected = {"header": "auto", "thousands": "auto"}  # of texts such as $1,000
    return settled_table(
        rows, Dialect(**{**plain_dialect().get_config(), **detected, **overrides}), location, notes, named
    )


def _rows(sheet: Any, place: str) -> Rows:
    """The rows that hold something, up to the last column that holds something."""
    sheet.reset_dimensions()
    rows = []
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        limits().check_shape(number, len(cells), place)
        row = list(map(_text, cells))
        if any(row):
            rows.append((number, row))
    if not rows:
        raise DataError(f"{place}: the sheet is empty")
    width = max(place + 1 for _, row in rows for place, cell in enumerate(row) if cell)
    return Rows([(row + [""] * width)[:width] for _, row in rows], [number for number, _ in rows])


def _text(value: Any) -> str:
    """A value as it would be written in a text file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)
