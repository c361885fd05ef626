"""Detection of a file's dialect from its first rows."""

from collections.abc import Collection, Iterable, Sequence

from nnlite.data.files.lines import QuotingError, Rows, plain_rows, rows_of
from nnlite.data.files.marks import Marks
from nnlite.data.files.notes import Notes
from nnlite.data.files.numerals import PLAIN, NumberFormat

__all__ = ["find_delimiter", "find_header", "find_number_format", "find_rows", "grouped_number"]

SAMPLE = 500  # rows
LEAST_GROUPED = 10  # numbers, before their last digits say something
MOST_TITLE_LINES = 30  # above the names of the columns
DELIMITERS = ("\t", ";", "|", ",")  # the first one wins where several give rows of the same number of cells
QUOTES = ('"', "'")
FORMATS = (
    PLAIN,
    NumberFormat(",", "none"),
    NumberFormat(",", "."),
    NumberFormat(".", ","),
    NumberFormat(".", " "),
    NumberFormat(",", " "),
    NumberFormat(".", "'"),
    NumberFormat(",", "'"),
)
YEARS = range(1900, 2101)


def find_delimiter(text: str, quote: str = "auto") -> str:
    """The delimiter that gives the first rows of a text the same number of cells, two or more."""
    quotes = QUOTES if quote == "auto" else (quote,)
    best, best_share = ",", 0.0
    for delimiter in DELIMITERS:
        samples = [sample for mark in quotes if (sample := _sample(text, delimiter, mark))]
        share = max((_share(sample.cells) for sample in [*samples, plain_rows(text, delimiter, SAMPLE)]), default=0.0)
        if share > best_share:
            best, best_share = delimiter, share
    if best_share < 1:
        best = _below_a_title(text) or best
    if best_share < 1 and _is_columns_of_numbers(plain_rows(text, " ", SAMPLE).cells):
        return " "
    return best


def _below_a_title(text: str) -> str | None:
    """The delimiter that gives all rows the same number of cells, two or more, below rows of one cell."""
    for delimiter in DELIMITERS:
        rows = plain_rows(text, delimiter, SAMPLE).cells
        start = next((number for number, row in enumerate(rows) if len(row) > 1), len(rows))
        if 0 < start < MOST_TITLE_LINES and len(rows) - start > 2 and _share(rows[start:]) == 1:
            return delimiter
    return None


def _sample(text: str, delimiter: str, quote: str) -> Rows | None:
    try:
        return rows_of(text, delimiter, quote, "", SAMPLE)
    except QuotingError:
        return None


def _share(rows: list[list[str]]) -> float:
    """The share of rows with as many cells as the first one; 0 if that has one cell."""
    if not rows or len(rows[0]) < 2:
        return 0.0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows)


def _is_columns_of_numbers(rows: list[list[str]]) -> bool:
    """Whether rows are equally long and mostly of numbers, so that the blanks between them are not part of a text."""
    cells = [cell for row in rows[1:] or rows for cell in row]
    return _share(rows) == 1 and 2 * sum(map(PLAIN.matches, cells)) >= len(cells)


def find_rows(text: str, delimiter: str, location: str, notes: Notes) -> tuple[Rows, str]:
    """All rows of a text, and its quote character.

    Values between tabs are often not quoted at all: where quoting is broken, quotation marks are text there.

    Raises:
        QuotingError: broken quoting.
    """
    try:
        rows = rows_of(text, delimiter, '"', location)
    except QuotingError as error:
        rows = plain_rows(text, delimiter)
        if delimiter != "\t" or not rows.even:
            raise
        notes.tell(
            f"{location}: quotation marks are read as text, since the one on line {error.line} is not closed; "
            "`quote: '\"'` refuses them"
        )
        return rows, "none"
    if not rows.even and "'" in text and '"' not in text:
        try:
            others = rows_of(text, delimiter, "'", location)
        except QuotingError:
            return rows, '"'
        if others.even:
            return others, "'"
    return rows, '"'


def find_number_format(
    columns: Sequence[Sequence[str]],
    delimiter: str,
    marks: Marks,
    decimal: str = "auto",
    thousands: str = "auto",
) -> NumberFormat:
    """The format of numbers in which most columns are numeric; a plain decimal point if that is as good.

    `1,234` alone may be either number. If semicolons separate the cells, the comma is taken for a decimal mark,
    since that is why they stand there, elsewhere for a thousands separator.
    """
    possible = [
        form
        for form in FORMATS
        if decimal in ("auto", form.decimal) and (thousands in ("auto", form.thousands) or form == PLAIN)
    ]
    if delimiter != ";":
        possible.sort(key=lambda candidate: (candidate != PLAIN, candidate.decimal == ","))
    stated = NumberFormat("." if decimal == "auto" else decimal, "none" if thousands == "auto" else thousands)
    if decimal == "," or thousands not in ("auto", "none"):
        possible = [form for form in possible if form != PLAIN] or [stated]
    if "auto" not in (decimal, thousands):
        return stated
    scores = [columns_of_numbers(columns, form, marks) for form in possible]
    return possible[scores.index(max(scores))]


def columns_of_numbers(columns: Sequence[Sequence[str]], form: NumberFormat, marks: Marks) -> int:
    """The number of columns that hold only numbers in this format and missing values."""
    present = ([cell for cell in column if cell not in marks.in_numbers] for column in columns)
    return sum(bool(cells) and form.all_match(cells) for cells in present)


def grouped_number(columns: Iterable[Sequence[str]], delimiter: str) -> str | None:
    """A number read as a decimal, such as 30.123, whose point may be a thousands separator.

    None unless semicolons separate cells, as they do in files with decimal commas, and every number with a point has
    groups of three digits after it.
    """
    grouped = NumberFormat(",", ".")
    numbers = [cell for column in columns if PLAIN.all_match(column) for cell in column if "." in cell]
    alike = delimiter == ";" and len(numbers) >= LEAST_GROUPED and all(map(grouped.matches, numbers))
    return numbers[0] if alike else None


def find_header(rows: Sequence[Sequence[str]], form: NumberFormat, marks: Marks, named: Collection[str]) -> bool:
    """Whether the first row is a header.

    It does not if it holds a number, and no cell that differs in kind from those below it; years, and integers that
    count from 0, are names if the cells below are of another kind.

    Args:
        rows: the first rows.
        form: how numbers are written.
        marks: what stands for a missing value.
        named: columns that are asked for by name: a row that has them all is a row of names.
    """
    first, below = rows[0], list(zip(*rows[1:], strict=False)) if len(rows) > 1 else [()] * len(rows[0])
    if named and set(named) <= set(first):
        return True
    numbers = [cell for cell in first if form.matches(cell)]
    if not numbers or _are_names(first, numbers, below, form):
        return True
    for cell, column in zip(first, below, strict=False):
        present = [other for other in column if other not in marks.in_numbers]
        mostly_numbers = 2 * sum(map(form.matches, present)) > len(present)
        if present and cell not in marks.in_numbers and form.matches(cell) != mostly_numbers:
            return True
    return False


def _are_names(first: Sequence[str], numbers: list[str], below: Sequence[Sequence[str]], form: NumberFormat) -> bool:
    """Whether the numbers of a first row are years or consecutive indices, unlike those below them."""
    if len(numbers) < 2 or not all(cell.isdecimal() for cell in numbers):
        return False
    values = list(map(int, numbers))
    if values != list(range(values[0], values[0] + len(values))):
        return False
    cells = [cell for column in below for cell in column if form.matches(cell)]
    if all(value in YEARS for value in values):
        return not any(cell.isdecimal() and int(cell) in YEARS for cell in cells)
    counts_rows = first[0] == "" and below[0][:1] == ("0",)  # as pandas writes a table without names
    return values[0] == 0 and (counts_rows or (len(values) > 2 and any(not cell.isdecimal() for cell in cells)))
