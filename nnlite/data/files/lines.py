"""The rows of a text file, each with its line number, under one delimiter and one quoting rule."""

import csv
import io
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from nnlite.data.files.decoding import DialectError
from nnlite.data.files.numerals import PLAIN
from nnlite.data.safety.limits import limits

__all__ = ["QuotingError", "Rows", "count_lines", "plain_rows", "rows_of"]

KIND_ROWS = 50  # as many rows tell which columns hold numbers
_CELL_SIZE = threading.Lock()  # the largest cell is a setting of the whole process


class QuotingError(DialectError):
    """A quotation mark that opens a cell and is not closed at its end; `line` is its line number."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Rows:
    """Cells, row by row, and the line on which each row ends; blank lines are left out."""

    cells: list[list[str]]
    lines: list[int]

    @property
    def even(self) -> bool:
        """Whether all rows have as many cells as the first."""
        return len(set(map(len, self.cells))) <= 1


def rows_of(
    text: str,
    delimiter: str,
    quote: str,
    location: str,
    most: int | None = None,
    lines_within: bool = False,
    before: int = 0,
) -> Rows:
    """The first rows of a text, all of them if `most` is None.

    By the rules of RFC 4180, a quoted cell may hold delimiters, line breaks, and doubled quotation marks.

    Args:
        text: the text.
        delimiter: the separator of cells.
        quote: what stands around cells; `"none"` for nothing.
        location: what messages call the file.
        most: number of rows.
        lines_within: whether a quoted cell may hold what looks like rows.
        before: number of lines of the file before the text.

    Raises:
        QuotingError: broken quoting, or a quoted cell that holds what looks like rows.
        DataError: a table, or a cell, beyond the limits.
    """
    if most is not None:
        return _rows(text, delimiter, quote, location, most, lines_within, before)
    limits().check_text(len(text), count_lines(text), text.count(delimiter), location)
    rows = _rows(text, delimiter, quote, location, None, lines_within, before)
    _check_size(rows, len(text), location)
    return rows


def _check_size(rows: Rows, length: int, location: str) -> None:
    """`DataError` for too many columns, or for a cell that is too long, in rows of a text of this many characters."""
    bounds = limits()
    if rows.cells:
        bounds.check_shape(len(rows.cells), len(rows.cells[0]), location)
    if length > bounds.cell_length:  # else no cell can be
        for cells, line in zip(rows.cells, rows.lines, strict=True):
            bounds.check_cell(max(map(len, cells)), f"{location}, line {line}")


def _rows(
    text: str, delimiter: str, quote: str, location: str, most: int | None, lines_within: bool, before: int
) -> Rows:
    if quote == "none" or quote not in text:
        return plain_rows(text, delimiter, most, before)
    with _CELL_SIZE:
        allowed = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        try:
            return _quoted_rows(text, delimiter, quote, location, most, lines_within, before)
        finally:
            csv.field_size_limit(allowed)


def plain_rows(text: str, delimiter: str, most: int | None = None, before: int = 0) -> Rows:
    """Rows in which quotation marks are ordinary text; with a space as delimiter, runs of blanks count as one."""
    split_by = None if delimiter == " " else delimiter
    cells, lines = [], []
    for number, line in enumerate(_lines(text), start=before + 1):
        if not _is_blank(line, delimiter):
            cells.append(line.rstrip("\r\n").split(split_by))
            lines.append(number)
            if len(lines) == most:
                break
    return Rows(cells, lines)


def _quoted_rows(
    text: str, delimiter: str, quote: str, location: str, most: int | None, lines_within: bool, before: int
) -> Rows:
    record: list[str] = []  # the lines of the row at hand
    reader = csv.reader(
        _kept(text, delimiter, record), delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True
    )
    cells, lines = [], []
    try:
        for row in reader:
            if len(record) > 1 and not lines_within:
                start = before + reader.line_num - len(record) + 1
                _refuse_swallowed(record, start, delimiter, cells[-KIND_ROWS:] or [row], quote, location)
            record.clear()
            if row:
                cells.append(row)
                lines.append(before + reader.line_num)
                if len(lines) == most:
                    break
    except csv.Error:
        raise _broken(record, before + reader.line_num - len(record) + 1, delimiter, quote, location) from None
    return Rows(cells, lines)


def _kept(text: str, delimiter: str, record: list[str]) -> Iterator[str]:
    """The lines of a text, each added to `record`, without blanks where these are not cells."""
    for line in _lines(text):
        record.append(line)
        if _is_blank(line, delimiter):
            yield "\n"
        else:
            yield f"{line.strip()}\n" if delimiter == " " else line


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends: `\\n`, `\\r\\n`, or `\\r` as on old machines."""
    if re.search("\r(?!\n)", text):
        yield from io.StringIO(text, newline="")
        return
    start = 0
    while end := text.find("\n", start) + 1:
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def count_lines(text: str) -> int:
    """Number of line endings in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _is_blank(line: str, delimiter: str) -> bool:
    """Whether a line holds blanks alone; tabs are cells where they are the delimiter."""
    return line.isspace() and not (delimiter == "\t" and "\t" in line)


def _refuse_swallowed(
    lines: list[str], start: int, delimiter: str, before: list[list[str]], quote: str, location: str
) -> None:
    """A row over several lines, each of which looks like the rows before: a stray mark has swallowed rows."""
    width = len(before[0])
    split = [_cells_around(lines[0], delimiter, quote), *(line.split(delimiter) for line in lines[1:])]
    rows = [[cell.strip().strip(quote) for cell in row] for row in split]
    if width < 2 or any(len(row) != width for row in rows):
        return
    numeric = [PLAIN.all_match(cell.strip() for cell in column) for column in zip(*before[1:], strict=False)]
    if any(number and not PLAIN.matches(cell) for row in rows for number, cell in zip(numeric, row, strict=False)):
        return
    raise QuotingError(
        f"{location}, line {start}: a cell that begins with a quotation mark ({quote}) continues to line "
        f"{start + len(lines) - 1}, though each of these lines has the {width} cells of a row; close the mark, state "
        f"`quote: none` if quotation marks are text, or `quote: {quote!r}` if the cell holds several lines",
        start,
    )


def _cells_around(line: str, delimiter: str, quote: str) -> list[str]:
    """The cells of a line in which a quoted cell is left open, as if its mark were text."""
    opened, _ = _last_opening(line, delimiter, quote)
    closed = next(csv.reader([line[:opened]], delimiter=delimiter, quotechar=quote, skipinitialspace=True), [""])
    return closed[:-1] + line[opened:].split(delimiter)


def _broken(lines: list[str], start: int, delimiter: str, quote: str, location: str) -> QuotingError:
    text = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    place_of_mark, is_open = _last_opening(text, delimiter, quote)
    offset = text.count("\n", 0, place_of_mark)
    opened = start + offset
    if is_open or offset < len(lines) - 1:
        what = f"the quotation mark ({quote}) that opens a cell here is not closed at the end of the cell"
    else:
        what = f"after a cell in quotation marks ({quote}) there is text before the next {delimiter!r}"
    remedy = f"write a mark within a quoted cell twice ({2 * quote}), or state `quote: none` if these marks are text"
    return QuotingError(f"{location}, line {opened}: {what}; {remedy}", opened)


def _last_opening(text: str, delimiter: str, quote: str) -> tuple[int, bool]:
    """Position of the last quoted cell, or of one that breaks the rules, and whether it is still open at the end."""
    position, last, quoted, at_start = 0, 0, False, True
    while position < len(text):
        character, following = text[position], text[position + 1 : position + 2]
        if not quoted and character == quote and at_start:
            last, quoted = position, True
        elif quoted and character == quote == following:
            position += 1
        elif quoted and character == quote:
            if following not in ("", "\n", delimiter):
                return last, False
            quoted = False
        elif not quoted:
            at_start = character in ("\n", delimiter) or (at_start and character == " ")
        position += 1
    return last, quoted
