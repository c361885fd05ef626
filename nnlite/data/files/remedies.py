"""Advice for a cell that is not a number, by what the cell looks like."""

import re
from collections.abc import Iterable

from nnlite.data.files.around.amounts import CURRENCIES, read_amounts
from nnlite.data.files.marks import EVERYWHERE
from nnlite.data.files.numerals import PLAIN, NumberFormat
from nnlite.data.files.sniffing import FORMATS

__all__ = ["remedy_of", "remedy_of_amounts", "remedy_of_typed_text", "remedy_of_underscores", "shown"]

CURRENCY = re.compile(CURRENCIES, re.IGNORECASE)
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?"
    r"|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}( .*)?"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?")
NUMBER_AND_UNIT = re.compile(r"([+-]?[\d.,]*\d)\s*([A-Za-zµ°²³/]+[\w/°²³]*)")
BOOLEANS = {"yes", "no", "true", "false", "y", "n", "t", "f"}
LEAVE_OUT = "add it to `categorical` or to `drop`"


def shown(cell: str) -> str:
    """A cell as messages show it: in quotation marks, truncated if long."""
    return repr(cell if len(cell) <= 40 else f"{cell[:37]}...")


def remedy_of(cell: str, form: NumberFormat, column: str, default: str = LEAVE_OUT, rare: bool = False) -> str:
    """The advice for a stripped cell that is not a number.

    Args:
        cell: what stands there.
        form: how numbers are written.
        column: its name.
        default: advice where nothing better is known.
        rare: whether most cells of the column are numbers.
    """
    for advice in (_written_otherwise, _decorated):
        text = advice(cell, form)
        if text:
            return text
    if DATE.fullmatch(cell):
        return f"it is a date: state `columns: {{{column}: date}}`, or add the column to `drop`"
    if TIME.fullmatch(cell):
        return f"it is a time of day: write it as a number of hours, or {default}"
    if "_" in cell or re.fullmatch(r"0[xX][0-9A-Fa-f]+", cell):
        return f"it is a code rather than a number: {default}"
    if cell.lower() in BOOLEANS:
        return f"it is one of two values rather than an amount: {default}"
    unit = NUMBER_AND_UNIT.fullmatch(cell)
    if unit and any(other.matches(unit.group(1)) for other in FORMATS):
        return f"take the unit {unit.group(2)!r} away, or {default}"
    if rare:
        return f"state `missing: [{shown(cell)}]` if it stands for a missing value, or {default}"
    return default


def remedy_of_amounts(cells: Iterable[str]) -> str | None:
    """The advice for a column whose cells are all amounts with units or signs, such as `$5,000` or `7 %`."""
    advice = None
    for cell in cells:
        advice = _decorated(cell, PLAIN)
        if advice is None and not any(form.matches(cell) for form in FORMATS):
            return None
    return advice


def remedy_of_typed_text(text: str) -> str | None:
    """The advice for a string among the numbers of a typed table; None if it looks like none of the known cases.

    >>> remedy_of_typed_text("94,3 %"), remedy_of_typed_text("1.234"), remedy_of_typed_text("much")
    ('give the number 94.3', 'give the number 1.234 or 1234', None)
    """
    cell = text.strip()
    if cell.lower() in EVERYWHERE:
        return "give None for a missing value"
    amounts = read_amounts([cell])
    number = cell if amounts is None else amounts.numbers[0]
    readings = dict.fromkeys(f"{form.value(number):.15g}" for form in FORMATS if form.matches(number))
    return f"give the number {' or '.join(readings)}" if readings else None


def remedy_of_underscores(cells: Iterable[str]) -> str | None:
    """The advice for a column of digits with underscores, such as `12_3`, which Python reads as numbers.

    >>> remedy_of_underscores(["12_3", "1_24"]), remedy_of_underscores(["12_3", "a_b"])
    ('state that it is a category if these are codes, or write amounts without underscores', None)
    """
    if not all("_" in cell and cell.replace("_", "").isdecimal() for cell in cells):
        return None
    return "state that it is a category if these are codes, or write amounts without underscores"


def _written_otherwise(cell: str, form: NumberFormat) -> str | None:
    """Advice for a number in another format, or in one of several that give different numbers."""
    readings: dict[float, str] = {}
    for other in FORMATS:
        if other != form and other.matches(cell) and len(readings) < 2:
            readings.setdefault(other.value(cell), _stated(other, form))
    if len(readings) < 2:
        return next((f"state {changes}" for changes in readings.values()), None)
    return " or ".join(f"state {changes} if it is {value:.15g}" for value, changes in readings.items())


def _stated(other: NumberFormat, form: NumberFormat) -> str:
    changes = []
    if other.decimal != form.decimal:
        changes.append(f"`decimal: {other.decimal!r}`")
    if other.thousands != form.thousands:
        changes.append(f"`thousands: {other.thousands!r}`")
    return " and ".join(changes)


def _decorated(cell: str, form: NumberFormat) -> str | None:
    """Advice for a number with something around it."""
    bare = CURRENCY.sub("", cell).strip()
    if bare != cell and (form.matches(bare) or any(other.matches(bare) for other in FORMATS)):
        fitting = None if form.matches(bare) else _written_otherwise(bare, form)
        return f"take the currency away{f', and {fitting}' if fitting else ''}"
    if cell.endswith("%") and any(other.matches(cell[:-1].strip()) for other in FORMATS):
        return "take the percent sign away"
    if cell.startswith("(") and cell.endswith(")") and any(other.matches(cell[1:-1]) for other in FORMATS):
        return f"write a negative number with a minus sign, -{cell[1:-1]}"
    ascii_minus = cell.replace("\u2212", "-").replace("\u2013", "-")
    if ascii_minus != cell and form.matches(ascii_minus):
        return f"write the minus sign of ASCII, {ascii_minus}"
    if any(character.isdigit() and not character.isascii() for character in cell):
        return "write its digits in ASCII, 0 to 9"
    return None
