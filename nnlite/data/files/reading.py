"""A text file read as named columns of cells, by a dialect whose open fields are detected from the file."""

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass

from nnlite.data.files.around.amounts import bare_columns
from nnlite.data.files.around.titles import has_total, without_title, without_units
from nnlite.data.files.decoding import DialectError, decode, decompress, looks_like_utf8, refuse_other_makes
from nnlite.data.files.dialects import AUTO, Dialect
from nnlite.data.files.lines import Rows, rows_of
from nnlite.data.files.marks import Marks
from nnlite.data.files.notes import Notes, Unheard
from nnlite.data.files.numerals import PLAIN, NumberFormat
from nnlite.data.files.sniffing import (
    MOST_TITLE_LINES,
    SAMPLE,
    columns_of_numbers,
    find_delimiter,
    find_header,
    find_number_format,
    find_rows,
    grouped_number,
)
from nnlite.data.safety.files import place_of
from nnlite.errors import DataError

__all__ = [
    "TextTable",
    "first_row",
    "name_columns",
    "named_table",
    "read_text_table",
    "read_text_table_like",
    "settled_table",
]


@dataclass(frozen=True)
class TextTable:
    """The cells of a text file by column, stripped of blanks around them.

    Args:
        columns: name -> cells.
        lines: the line on which each row ends.
        dialect: how the file writes them, nothing left open.
        notes: what was decided about the file.
        repeated: names that stand more than once in the first line.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    dialect: Dialect
    notes: Notes
    repeated: frozenset[str] = frozenset()


def read_text_table(
    content: bytes, dialect: Dialect, path: str, named: Collection[str] = (), like: bool = False
) -> TextTable:
    """The table in the bytes of a file.

    Args:
        content: the bytes.
        dialect: how they are to be read; what it leaves open is found.
        path: of the file, for messages.
        named: columns that are asked for: a first line that has them all is one of names.
        like: whether the dialect was found from another file, so that a quoted cell that looks like rows is refused.

    Raises:
        DialectError: a file that is not written as the dialect states.
        DataError: an empty file, uneven rows, broken quoting, no text at all.
    """
    location, notes = place_of(path), Notes()
    content, compression = decompress(content, dialect.compression, location)
    refuse_other_makes(content, location)
    text, encoding = decode(content, dialect.encoding, location, notes)
    if not text.strip():
        raise DataError(f"{location}: the file is empty")
    stated, text = _delimiter_line(text)
    delimiter = dialect.delimiter
    if delimiter == AUTO:
        delimiter = stated or find_delimiter(text, dialect.quote)
    if dialect.quote == AUTO:
        rows, quote = find_rows(text, delimiter, location, notes)
    else:
        rows, quote = rows_of(text, delimiter, dialect.quote, location, lines_within=not like), dialect.quote
    if dialect.delimiter != AUTO:
        _check_delimiter(text, rows, dialect, location)
    settled = {"delimiter": delimiter, "quote": quote, "encoding": encoding, "compression": compression}
    return settled_table(rows, dataclasses.replace(dialect, **settled), location, notes, named)


def settled_table(rows: Rows, dialect: Dialect, location: str, notes: Notes, named: Collection[str]) -> TextTable:
    """The table of these rows, with number format and header detected."""
    marks = Marks(dialect.missing)
    if not named or not set(named) <= {cell.strip() for cell in rows.cells[0]}:
        rows = without_title(rows, marks, location, notes)
    if dialect.header is not False:
        rows = without_units(rows, marks, location, notes)
    sample = _stripped(rows.cells[:SAMPLE])
    form = _number_format(rows, dialect, marks)
    if form != PLAIN and AUTO in (dialect.decimal, dialect.thousands):
        notes.tell(f"{location}: numbers are read with {_changes(form)}")
    if form == PLAIN and dialect.thousands == AUTO:
        _tell_grouped(sample, dialect.delimiter, marks, location, notes)
    header = dialect.header
    if header == AUTO:
        header = find_header(sample, form, marks, named)
        if not header:
            notes.tell(
                f"{location}: line {rows.lines[0]} holds numbers, so the columns are called x0, x1, ...; if it names "
                "them, state `header: true`"
            )
    settled = dataclasses.replace(dialect, decimal=form.decimal, thousands=form.thousands, header=bool(header))
    table = named_table(rows, settled, location, notes)
    if not has_total(table.columns, table.lines, form, marks, location, notes):
        return table
    columns = {name: cells[:-1] for name, cells in table.columns.items()}
    return dataclasses.replace(table, columns=columns, lines=table.lines[:-1])


def named_table(rows: Rows, dialect: Dialect, location: str, notes: Notes) -> TextTable:
    """The cells of these rows by the names of their columns."""
    first, header = [cell.strip() for cell in rows.cells[0]], bool(dialect.header)
    body = rows.cells[1:] if header else rows.cells
    if header and not body:
        raise DataError(f"{location}: only column names, no rows")
    if header and all(len(row) == len(first) + 1 and not row[-1].strip() for row in body):
        body = [row[:-1] for row in body]  # each line ends in a delimiter, but for the first one
    else:
        _check_even(rows, header, dialect.delimiter, location)
    names, repeated = name_columns(first if header else [""] * len(first), location, notes if header else Unheard())
    columns = {
        name: [cell.strip() for cell in column] for name, column in zip(names, zip(*body, strict=True), strict=True)
    }
    for number, name in enumerate(names):
        if header and not first[number] and not any(columns[name]) and len(columns) > 1:
            del columns[name]
            notes.tell(f"{location}: column {number + 1} has neither name nor values and is left out")
    return TextTable(columns, rows.lines[-len(body) :], dialect, notes, repeated)


def _number_format(rows: Rows, dialect: Dialect, marks: Marks) -> NumberFormat:
    """Format of numbers below the first row, and in it if it is a row like the others."""
    sample = _stripped(rows.cells[:SAMPLE])
    later = _stripped(rows.cells[SAMPLE :: 1 + len(rows.cells) // SAMPLE])  # spread over the rest of the file
    scores = []
    for part in (sample + later, sample[1:] + later):
        columns = bare_columns(zip(*part, strict=False), marks.in_numbers)
        form = find_number_format(columns, dialect.delimiter, marks, dialect.decimal, dialect.thousands)
        scores.append((columns_of_numbers(columns, form, marks), form))
    whole, below = scores
    return whole[1] if whole[0] >= below[0] else below[1]


def _tell_grouped(sample: list[list[str]], delimiter: str, marks: Marks, file: str, notes: Notes) -> None:
    """A note about numbers whose points may separate thousands."""
    cell = grouped_number(bare_columns(zip(*sample[1:], strict=False), marks.in_numbers), delimiter)
    if cell is not None:
        plain = cell.replace(".", "")
        notes.tell(
            f"{file}: {cell} and similar cells are read with decimals; if this is {plain}, state `thousands: '.'`"
        )


def _stripped(rows: list[list[str]]) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in rows]


def _changes(form: NumberFormat) -> str:
    decimal = [f"`decimal: {form.decimal!r}`"] if form.decimal != "." else []
    thousands = [f"`thousands: {form.thousands!r}`"] if form.thousands != "none" else []
    return " and ".join(decimal + thousands)


def read_text_table_like(content: bytes, dialect: Dialect, path: str) -> TextTable:
    """The table in the bytes of a file that should be written in a dialect detected from another file.

    Where it is not, its own dialect is found, and a note says so.
    """
    location = place_of(path)
    opened = {"delimiter": AUTO, "quote": AUTO, "encoding": AUTO, "compression": AUTO}
    fresh = dataclasses.replace(dialect, decimal=AUTO, thousands=AUTO, **opened)
    try:
        if dialect.encoding != AUTO and not dialect.encoding.lower().startswith("utf") and looks_like_utf8(content):
            raise DialectError(f"{location}: the file is in utf-8, not in {dialect.encoding}")
        table = read_text_table(content, dialect, path, like=True)
    except DialectError as error:
        return _told(read_text_table(content, fresh, path), dialect, str(error))
    marks = Marks(dialect.missing)
    columns = bare_columns((cells[:SAMPLE] for cells in table.columns.values()), marks.in_numbers)
    form = find_number_format(columns, table.dialect.delimiter, marks)
    if columns_of_numbers(columns, form, marks) > columns_of_numbers(columns, table.dialect.numbers, marks):
        return _told(
            read_text_table(content, fresh, path), dialect, f"{location}: its numbers are not written as stated"
        )
    return table


def _told(table: TextTable, stated: Dialect, reason: str) -> TextTable:
    differing = [
        f"{key} {value!r}"
        for key, value in table.dialect.dialect_values().items()
        if stated.dialect_values()[key] not in (AUTO, value)
    ]
    table.notes.tell(f"{reason.split('; ')[0]}; read with {', '.join(differing) or 'the same dialect'}")
    return table


def first_row(text: str, dialect: Dialect, location: str, before: int) -> list[str]:
    """The cells of the header row, or else of the first row, by a complete dialect.

    Args:
        text: of the file.
        dialect: how it is written.
        location: what messages call the file.
        before: the line of the first row below the names; lines above it are a title.
    """
    rows = rows_of(_delimiter_line(text)[1], dialect.delimiter, dialect.quote, location, MOST_TITLE_LINES + 1)
    names = [cells for cells, line in zip(rows.cells, rows.lines, strict=True) if line < before]
    return names[-1] if names else rows.cells[0]


def _delimiter_line(text: str) -> tuple[str | None, str]:
    """The delimiter of a first line such as `sep=;`, which Excel writes, and the text with an empty line instead."""
    first = re.match(r"sep=([^\w\r\n])(?=\r|\n)", text)
    return (first.group(1), text[first.end() :]) if first else (None, text)


def _check_delimiter(text: str, rows: Rows, dialect: Dialect, location: str) -> None:
    """Refuse a stated delimiter that does not occur in the first line if another one gives even columns."""
    if len(rows.cells[0]) > 1:
        return
    other = find_delimiter(text, dialect.quote)
    if other != dialect.delimiter and len(rows_of(text, other, "none", location, 1).cells[0]) > 1:
        raise DialectError(
            f"{location}: no {dialect.delimiter!r} in the first line, but {other!r} separates cells; state "
            f"`delimiter: {other!r}`"
        )


def _check_even(rows: Rows, header: bool, delimiter: str, location: str) -> None:
    width = len(rows.cells[0])
    bad = next((row for row, cells in enumerate(rows.cells) if len(cells) != width), None)
    if bad is None:
        return
    count = len(rows.cells[bad])
    remedy = "complete the line, or remove it"
    others = rows.cells[1:]
    if header and count > width and len(others) > 1 and all(len(cells) == count for cells in others):
        remedy = (
            f"if {delimiter!r} separates cells, name every column in the first line, row names as well, and "
            "remove everything above the names"
        )
    elif count > width:
        remedy = f"put a cell that holds {delimiter!r} in quotation marks, or state another `delimiter`"
    first = f"the first line names {width} column{'s' * (width > 1)}" if header else f"the first line has {width}"
    cells = f"{count} cell{'s' * (count != 1)}"
    raise DataError(f"{location}, line {rows.lines[bad]}: {cells}, but {first}; {remedy}")


def name_columns(cells: list[str], location: str, notes: Notes) -> tuple[list[str], frozenset[str]]:
    """Unique names from the cells of a header, and the names that occur more than once."""
    names: list[str] = []
    present, named = set(cells), sum(map(bool, cells))
    is_title = 0 < named < len(cells) / 2
    if is_title:
        notes.tell(
            f"{location}: the first line names {named} of {len(cells)} columns, the others are called x and their "
            "number; if it is a title, remove all lines above the names"
        )
    for number, cell in enumerate(cells):
        name = cell.removeprefix("\ufeff").strip() or _free(f"x{number}", present)
        if not cell and not is_title:
            notes.tell(f"{location}: column {number + 1} has no name; it is called {name!r}")
        elif name in names:
            name = _free(f"{name}_{names.count(name) + 1}", present)
            notes.tell(f"{location}: the name {cell!r} occurs twice; column {number + 1} is called {name!r}")
        present.add(name)
        names.append(name)
    return names, frozenset(cell for cell in cells if cell and cells.count(cell) > 1)


def _free(name: str, names: set[str]) -> str:
    while name in names:
        name += "_"
    return name
