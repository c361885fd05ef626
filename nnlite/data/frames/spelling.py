"""Formats of booleans, dates and times of day in text."""

import datetime
import re
from collections.abc import Iterable, Sequence

import numpy as np

from nnlite.errors import DataError

__all__ = [
    "CLOCK",
    "ISO",
    "date_format",
    "month_first",
    "other_than_dates",
    "read_dates",
    "read_truths",
    "spells_truth",
    "zones_of",
]

PAIRS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("0", "1"), ("0.0", "1.0"))
TRUTHS = {word: float(value) for pair in PAIRS for value, word in enumerate(pair)}

ISO = "iso"
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?")
CLOCK = "time"
TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?(?: ?([AaPp])\.?[Mm]\.?)?")
DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y")
DAYS = (*DAYS, "%B %d, %Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%y", "%a, %d %b %Y", "%A, %B %d, %Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
MONTHS = ("%Y-%m", "%m/%Y", "%b %Y", "%b-%Y", "%B %Y")
OF_PROGRAMS = ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S%z", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z")
FORMATS = (ISO, CLOCK, *(day + time for day in DAYS for time in TIMES), *MONTHS, *OF_PROGRAMS)
LONGEST_DATE = 40
SAMPLE = 20  # cells on which all formats are tried


def spells_truth(words: Iterable[str]) -> bool:
    """Whether all words belong to one pair such as yes and no, true and false, or 1 and 0, case-insensitively."""
    lower = {word.lower() for word in words}
    return any(lower == set(pair) for pair in PAIRS)


def read_truths(name: str, cells: Sequence[str | None]) -> np.ndarray:
    """1 and 0 for boolean words, in any case, NaN for a missing value; `DataError` for other words. Shape: (rows,)."""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell:
            if cell.lower() not in TRUTHS:
                raise DataError(f"column {name!r}, row {row}: {cell!r} is neither true nor false, such as yes and no")
            values[row] = TRUTHS[cell.lower()]
    return values


def date_format(cells: Iterable[str]) -> str | None:
    """The first of the known formats that reads all cells: `"iso"`, `"time"` (of day), or one of `strptime`.

    If day and month could be in either order, the day is taken to come first. None for no format.
    """
    distinct = list(dict.fromkeys(cells))
    if not distinct or not any(map(str.isdigit, distinct[0])):
        return None
    if any(not cell[:1].isalnum() or len(cell) > LONGEST_DATE for cell in distinct):
        return None
    return next((form for form in FORMATS if all(_read(cell, form) is not None for cell in distinct)), None)


def month_first(cells: Iterable[str], form: str) -> str | None:
    """The format with month and day in the other order, if it reads all cells too; None otherwise."""
    other = form.replace("%d/%m", "%m/%d")
    return other if other != form and all(_read(cell, other) is not None for cell in dict.fromkeys(cells)) else None


def other_than_dates(cells: Iterable[str]) -> list[str]:
    """The distinct cells that the most frequent format of dates does not read, if at least half are dates; else none.

    Only formats that read one of the first cells are tried, so a few typing errors are noticed, 13/02/2020 beside
    02/13/2020, and columns of several formats.
    """
    distinct = list(dict.fromkeys(cells))
    sample = distinct[:SAMPLE]
    if sum(cell[:1].isalnum() and any(map(str.isdigit, cell)) for cell in sample) <= len(sample) / 2:
        return []
    forms = [form for form in FORMATS if any(_read(cell, form) is not None for cell in sample)]
    unread = {form: [cell for cell in distinct if _read(cell, form) is None] for form in forms}
    if not forms or len(set(distinct).intersection(*unread.values())) > len(distinct) / 2:
        return []
    return min(unread.values(), key=len)


def zones_of(cells: Iterable[str | None], form: str) -> set[bool]:
    """For dates of the format `form`, the answers to whether they have a time zone."""
    if form != ISO:
        return {"%z" in form}
    matches = [ISO_DATE.fullmatch(cell) for cell in dict.fromkeys(cells) if cell]
    return {match[4] is not None for match in matches if match}


def read_dates(name: str, cells: Sequence[str | None], form: str) -> np.ndarray:
    """Dates in UTC, `datetime64[us]` with NaT for a missing value. Shape: (rows,).

    Args:
        name: the column, for the error.
        cells: texts; None or `""` for a gap.
        form: `"iso"`, `"time"`, which is a time of 1 January 1970, or a format of `datetime.strptime`.

    Raises:
        DataError: a cell that is not a date of this format.
    """
    read: dict[str, datetime.datetime | None] = {}
    dates = np.full(len(cells), "NaT", "datetime64[us]")
    for row, cell in enumerate(cells):
        if not cell:
            continue
        if cell not in read:
            read[cell] = _read(cell, form)
        date = read[cell]
        if date is None:
            wanted = {ISO: "2020-01-31", CLOCK: "17:45 or 5:45:30 PM"}.get(form, form)
            raise DataError(f"column {name!r}, row {row}: {cell!r} is not a date of the form {wanted}")
        dates[row] = np.datetime64(date, "us")
    return dates


def _read(cell: str, form: str) -> datetime.datetime | None:
    if form == ISO and not ISO_DATE.fullmatch(cell):
        return None
    if form == CLOCK:
        return _read_clock(cell)
    try:
        date = _read_iso(cell) if form == ISO else datetime.datetime.strptime(cell, form)
    except ValueError:
        return None
    return date.astimezone(datetime.timezone.utc).replace(tzinfo=None) if date.tzinfo else date


def _read_iso(cell: str) -> datetime.datetime:
    """Python 3.10 reads neither Z nor a fraction of any length nor a zone without a colon."""
    zone = ""
    day, time = cell[:10], cell[11:].replace("Z", "+00:00")
    match = re.search(r" ?([+-]\d{2}):?(\d{2})$", time)
    if match:
        time, zone = time[: match.start()], f"{match[1]}:{match[2]}"
    if "." in time:
        clock, fraction = time.split(".")
        time = f"{clock}.{fraction[:6]:0<6}"
    return datetime.datetime.fromisoformat(f"{day}T{time}{zone}" if time else day)


def _read_clock(cell: str) -> datetime.datetime | None:
    """A time of day, from 0:00 to 23:59 or with AM and PM, on the first day of 1970."""
    match = TIME.fullmatch(cell)
    if match is None:
        return None
    hour, half = int(match[1]), (match[5] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12):
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return datetime.datetime(1970, 1, 1, hour, int(match[2]), int(match[3] or 0), int(f"{match[4] or 0:0<6}"[:6]))
