"""Lines around a table: a title above it, units below the names of its columns, totals below it."""

import itertools
import re

from nnlite.data.files.around.amounts import bare_columns, is_unit
from nnlite.data.files.lines import Rows
from nnlite.data.files.marks import Marks
from nnlite.data.files.notes import Notes
from nnlite.data.files.numerals import NumberFormat
from nnlite.data.files.sniffing import FORMATS, MOST_TITLE_LINES

__all__ = ["has_total", "without_title", "without_units"]

SAMPLE = 200  # rows below the names that tell whether these are names
TOTAL = re.compile(
    r"(grand |sub-?|column )?totals?|sums?|summen?|gesamt(summe)?|insgesamt|somme|total g[eé]n[eé]ral|suma|totale",
    re.IGNORECASE,
)
UNIT = re.compile(r"[^\d\W][\w²³°µ%/*^.-]{0,11}|[%‰$€£°µ]\w{0,4}|[(\[].{1,12}[)\]]")
MARKED = re.compile(r".*[%‰°²³µ$€£/^\[(].*")  # what only units have
NO_UNIT = ("", "-", "text", "string")  # below the name of a column without numbers
CLOSE = 0.005  # how far a total may be off, relative to the sum of magnitudes: it was summed before rounding


def without_title(rows: Rows, marks: Marks, file: str, notes: Notes) -> Rows:
    """The rows from the header on, if the lines above it fill less than half of the columns.

    The first row that is full then has to hold distinct texts, and some column below it numbers: else all rows stay.
    """
    width = max(map(len, rows.cells[: MOST_TITLE_LINES + SAMPLE]))
    start = next((n for n, row in enumerate(rows.cells[:MOST_TITLE_LINES]) if 2 * _filled(row) >= width), 0)
    if not 0 < start < len(rows.cells) - 1:
        return rows
    names, below = [cell.strip() for cell in rows.cells[start]], rows.cells[start + 1 : start + 1 + SAMPLE]
    if len(names) != width or not all(names) or len(set(names)) < width or any(len(row) != width for row in below):
        return rows
    columns = bare_columns(([cell.strip() for cell in column] for column in zip(*below, strict=True)), marks.in_numbers)
    form = next((form for form in FORMATS if any(cells and form.all_match(cells) for cells in columns)), None)
    if form is None or any(map(form.matches, names)):
        return rows
    lines = f"line {rows.lines[0]}" if start == 1 else f"lines {rows.lines[0]} to {rows.lines[start - 1]}"
    notes.tell(f"{file}: {lines} above the names of the columns {'is' if start == 1 else 'are'} left out, as a title")
    return Rows(rows.cells[start:], rows.lines[start:])


def without_units(rows: Rows, marks: Marks, file: str, notes: Notes) -> Rows:
    """The rows without the one below the names, if it holds units: kg or (m) above two or more columns of numbers.

    Every column of numbers has to have a unit there, all others none. At least half of the units have to be well
    known: words such as "low" and "high" may be anything.
    """
    if len(rows.cells) < 3 or len(set(map(len, rows.cells[: SAMPLE + 2]))) > 1:
        return rows
    names, units, *below = [[cell.strip() for cell in row] for row in rows.cells[: SAMPLE + 2]]
    columns = [bare_columns([cells], marks.in_numbers)[0] for cells in zip(*below, strict=True)]
    are_numbers = [bool(cells) and any(form.all_match(cells) for form in FORMATS) for cells in columns]
    fits = [
        unit.lower() not in marks.in_numbers and UNIT.fullmatch(unit) if number else unit.lower() in NO_UNIT
        for unit, number in zip(units, are_numbers, strict=True)
    ]
    if sum(are_numbers) < 2 or not all(fits) or any(form.matches(name) for form in FORMATS for name in names):
        return rows
    stated = list(itertools.compress(units, are_numbers))
    if 2 * sum(MARKED.fullmatch(unit) is not None or is_unit(unit) for unit in stated) < len(stated):
        return rows
    named = ", ".join(stated)
    notes.tell(f"{file}, line {rows.lines[1]}: the row below the names holds units ({named}), and is left out")
    return Rows([rows.cells[0], *rows.cells[2:]], [rows.lines[0], *rows.lines[2:]])


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def has_total(
    columns: dict[str, list[str]], lines: list[int], form: NumberFormat, marks: Marks, file: str, notes: Notes
) -> bool:
    """Whether the last row holds totals: it is labelled as such, or each of its numbers is the sum of those above."""
    saying = [cells for cells in columns.values() if TOTAL.fullmatch(cells[-1].rstrip(" :"))]
    if len(lines) < 3 or not saying:
        return False
    if any(_holds_numbers(cells[:-1], form, marks) for cells in saying):
        notes.tell(f"{file}, line {lines[-1]}: the last row says {saying[0][-1]!r} below numbers, and is left out")
        return True
    sums = [_is_sum(cells, form, marks) for cells in columns.values()]
    if True not in sums or False in sums:
        return False
    notes.tell(f"{file}, line {lines[-1]}: the last row is the sum of the others, and is left out")
    return True


def _is_sum(cells: list[str], form: NumberFormat, marks: Marks) -> bool | None:
    """Whether the last cell is the sum of the others; None if it is empty, or if these are not numbers."""
    if cells[-1] in marks.in_numbers:
        return None
    numbers = bare_columns([cells], marks.in_numbers)[0]
    values = form.values(numbers) if form.all_match(numbers) else None
    if values is None:
        return None
    return abs(values[-1] - values[:-1].sum()) <= CLOSE * abs(values[:-1]).sum()


def _holds_numbers(cells: list[str], form: NumberFormat, marks: Marks) -> bool:
    """Whether a column holds numbers only."""
    numbers = bare_columns([cells], marks.in_numbers)[0]
    return bool(numbers) and form.all_match(numbers)
