"""Numbers with units or signs: `$5,000`, `7 %`, `12 kg`, `(300)` or `300-` for -300, `1.2M`, `7h 23m`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nnlite.data.files.around.durations import each_read, length_of, read_durations
from nnlite.data.files.numerals import PLAIN, NumberFormat

__all__ = ["Amounts", "amounts_of_texts", "bare_columns", "conversion", "is_unit", "read_amounts", "units_of"]

CURRENCIES = (
    r"US\$|A\$|C\$|R\$|[$€£¥₹₩₽₺]|(?:USD|EUR|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|BRL)\b"
    r"|Rs\.?|kr\.?|zł|Fr\."
)
GLUED_UNITS = (  # which may follow a number without a blank
    r"%|‰|[kmµ]?g|lbs?|oz|[kcmµn]?m|mi|ft|in|yd|[mcd]?l|gal|h|hrs?|mins?|s|secs?|[mµn]s|°[CF]?|kWh|kW|mA|mV|[kMG]?Hz|[TGM]B"
    r"|[kK]B|mph|km/h|m/s|[kc]?m[²³]|m2|m3|ha|sqft|px|dB|bar|[kh]?Pa|kJ|kcal|bpm|pcs"
)
UNITS = re.compile(  # which stand alone, such as below the name of a column
    rf"{CURRENCIES}|{GLUED_UNITS}|[kM]?[NWVJ]|K|mbar|kn|deg(rees)?|rad|m?mol|mM|pp[mb]|pH|met(er|re)s?|feet"
    r"|inch(es)?|miles?|grams?|kilograms?|kilos?|tons?|tonnes?|lit(er|re)s?|pounds?|pieces|count|percent|dollars?|euros?"
)
MULTIPLES = {"k": 3, "K": 3, "Tsd": 3, "M": 6, "Mio": 6, "Mn": 6, "mn": 6, "B": 9, "bn": 9, "Bn": 9, "Mrd": 9}
TYPED = NumberFormat(".", ",")
LETTERS = re.compile(r"[^\W\d_]{1,12}\.?")
BLANKS, SIGNS = "[ \u00a0\u202f]*", "[-+\u2212\u2013]?"
LONGEST_FIRST = "|".join(sorted(MULTIPLES, key=len, reverse=True))
AMOUNT = re.compile(
    rf"(?P<sign>{SIGNS}) ?(?P<outer>{CURRENCIES})?{BLANKS}(?P<open>\(?)"
    rf"(?P<before>{CURRENCIES})?{BLANKS}(?P<inner>{SIGNS})"
    r"(?P<digits>[0-9](?:[0-9.,'\u2019 \u00a0\u202f\u2009]*[0-9])?|[.,][0-9]+)"
    rf"(?P<blank>{BLANKS})(?:(?P<multiple>{LONGEST_FIRST})\.?(?![^\W\d_]))?{BLANKS}"
    r"(?P<after>[^\s()]{0,12})(?P<close>\)?)"
)


@dataclass(frozen=True)
class Amounts:
    """Numbers of one unit.

    Args:
        numbers: the cells without what stood around them, as a file writes bare numbers.
        unit: what stood there; empty for signs and multiples alone.
    """

    numbers: list[str]
    unit: str


def read_amounts(cells: Sequence[str]) -> Amounts | None:
    """The numbers in cells without missing values and surrounding blanks; None unless all are of one unit.

    A zero needs no unit. Numbers that nothing is written around, and codes such as `12A`, are none of these. Durations
    without a unit of their own, such as `7h 23m` and `36:59:02`, are seconds.

    >>> read_amounts(["$1,200.50", "-$3", "($4)", "0"])
    Amounts(numbers=['1,200.50', '-3', '-4', '0'], unit='$')
    >>> read_amounts(["1.2K", "3M"]).numbers, read_amounts(["3 kg", "500 g"]), read_amounts(["1", "2"])
    (['1.2e3', '3e6'], None, None)
    """
    if PLAIN.values(cells) is not None:  # as most columns are
        return None
    by_cell = each_read(cells, _amount)
    if by_cell is None or len(_units(by_cell)) > 1:
        return _seconds(cells)
    if all(cell == amount.number for cell, amount in by_cell.items()):
        return None
    unit = min(_units(by_cell), default="")
    if not re.fullmatch(CURRENCIES, unit) and not _are_multiples(by_cell):
        return None
    return Amounts([by_cell[cell].number for cell in cells], unit)


def units_of(cells: Iterable[str]) -> list[str]:
    """The units of cells that are all amounts, sorted; empty if one is not an amount, or is a bare number.

    >>> units_of(["$3", "4 €"]), units_of(["3 kg", "4"]), units_of(["3", "4"])
    (['$', '€'], [], [])
    """
    by_cell = each_read(cells, _amount)
    units = _units(by_cell) if by_cell else set()
    return [] if "" in units else sorted(units)


def conversion(unit: str, wanted: str) -> float | None:
    """The factor from one unit to another; None unless both are units of time, or one is the plural of the other.

    >>> conversion("min", "s"), conversion("rooms", "room"), conversion("$", "€")
    (60.0, 1.0, None)
    """
    if _singular(unit) == _singular(wanted):
        return 1.0
    length, of_wanted = length_of(unit), length_of(wanted)
    return None if length is None or of_wanted is None else length / of_wanted


def is_unit(word: str) -> bool:
    """Whether a word that stands alone is a unit of amounts or of time.

    >>> is_unit("kg"), is_unit("years"), is_unit("low")
    (True, True, False)
    """
    return UNITS.fullmatch(word) is not None or length_of(word) is not None


def bare_columns(columns: Iterable[Sequence[str]], gaps: frozenset[str]) -> list[list[str]]:
    """Columns without missing values, with amounts reduced to their numbers."""
    present = [[cell for cell in column if cell not in gaps] for column in columns]
    return [cells if (amounts := read_amounts(cells)) is None else amounts.numbers for cells in present]


def amounts_of_texts(texts: np.ndarray) -> tuple[np.ndarray, str] | None:
    """The numbers in texts of a table whose own numbers have a type: a point before decimals, a comma in thousands.

    Args:
        texts: shape (rows,), Python strings with None for a gap.

    Returns:
        Shape (rows,), float64 with NaN for a gap, and the unit; None unless all are amounts of one unit, such as
        `$5,000`, or numbers, one with decimals among them.

    >>> amounts_of_texts(np.array(["$1,000", None, "$2.50"], object))
    (array([1000. ,    nan,    2.5]), '$')
    >>> amounts_of_texts(np.array(["5", "2.5"], object))[0].tolist(), amounts_of_texts(np.array(["5", "02"], object))
    ([5.0, 2.5], None)
    """
    present = [text.strip() for text in texts if text is not None]
    amounts = read_amounts(present) if present else None
    if amounts is None and any("." in text for text in present):
        amounts = Amounts(present, "")
    values = None if amounts is None else TYPED.values(amounts.numbers)
    if values is None or amounts is None:
        return None
    numbers = np.full(len(texts), np.nan)
    numbers[[text is not None for text in texts]] = values
    return numbers, amounts.unit


@dataclass(frozen=True)
class _Amount:
    """The bare number in a cell, what stands around it, the letter that multiplies it, and whether it is zero."""

    number: str
    unit: str
    multiple: str
    is_zero: bool


def _units(by_cell: dict[str, _Amount]) -> set[str]:
    """Different units of amounts, `""` among them where a number has none; `year` and `years` are one."""
    units = {amount.unit for amount in by_cell.values() if amount.unit or not amount.is_zero}
    return {unit for unit in units if unit == _singular(unit) or _singular(unit) not in units}


def _singular(unit: str) -> str:
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit


def _seconds(cells: Sequence[str]) -> Amounts | None:
    """Durations as seconds, which every format of numbers reads; None if one is not a duration."""
    durations = read_durations(cells)
    return None if not durations else Amounts([f"{durations[cell]}e-6" for cell in cells], "s")


def _amount(cell: str) -> _Amount | None:
    """None if the cell is not an amount."""
    match = AMOUNT.fullmatch(cell)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    signs, unit = [sign for sign in (match["sign"], match["inner"], match["open"]) if sign], _unit(match)
    if len(signs) > 1 or unit is None:
        return None
    minus = "-" if signs and signs[0] != "+" else ""
    multiple = match["multiple"] or ""
    number = minus + match["digits"] + (f"e{MULTIPLES[multiple]}" if multiple else "")
    return _Amount(number, unit, multiple, not match["digits"].strip("0.,"))


def _unit(match: re.Match[str]) -> str | None:
    """The one thing before or after a number; None if it is not a unit."""
    around = [text for text in (match["outer"], match["before"], match["after"]) if text]
    if len(around) != 1:
        return None if around else ""
    after = match["after"]
    is_unit = not after or re.fullmatch(CURRENCIES, after) or re.fullmatch(GLUED_UNITS, after)
    return around[0] if is_unit or (match["blank"] and LETTERS.fullmatch(after)) else None


def _are_multiples(by_cell: dict[str, _Amount]) -> bool:
    """Whether letters after numbers multiply them, as in 1.2K; those of 1K and 2M alone may be codes."""
    multiplied = [cell for cell, amount in by_cell.items() if amount.multiple]
    return not multiplied or (
        any("." in cell or "," in cell for cell in multiplied)
        and all(by_cell[cell].multiple != "B" for cell in multiplied)
    )
