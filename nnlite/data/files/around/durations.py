"""Durations in text: `36:59:02`, `7h 23m`, `PT7H23M`, `2 days 03:00:00`."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["each_read", "length_of", "microseconds_of", "read_durations"]

T = TypeVar("T")

SECOND, DAY = 10**6, 86_400 * 10**6
UNITS = {  # in microseconds; a year of 365.25 days, a month a twelfth of it
    "s|secs?|seconds?": SECOND,
    "m|mins?|minutes?": 60 * SECOND,
    "h|hrs?|hours?": 3600 * SECOND,
    "d|days?": DAY,
    "w|wks?|weeks?": 7 * DAY,
    "mos?|months?": 365.25 / 12 * DAY,
    "y|yrs?|years?": 365.25 * DAY,
}
CLOCK = re.compile(
    r"(?:(?:([0-9]+) ?(?:d|days?),? )?([0-9]+):(?=[0-5]?[0-9]:))?([0-9]+):([0-5][0-9])(?:\.([0-9]{1,9}))?"
)
ISO = re.compile(r"P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?")
WORDS = re.compile(r"(?:[0-9]+(?:\.[0-9]+)? ?[a-z]+\.?(?:,? | and |$)?)+", re.IGNORECASE)
WORD = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]+)", re.IGNORECASE)


def read_durations(cells: Iterable[str]) -> dict[str, int] | None:
    """The microseconds of each distinct cell; None if one is not a duration.

    >>> read_durations(["1:00:00", "59:30"]), read_durations(["7h 23m", "12 min"]), read_durations(["1 kg"])
    ({'1:00:00': 3600000000, '59:30': 3570000000}, {'7h 23m': 26580000000, '12 min': 720000000}, None)
    """
    return each_read(cells, microseconds_of)


def each_read(cells: Iterable[str], read: Callable[[str], T | None]) -> dict[str, T] | None:
    """The value that `read` returns for each distinct cell; None as soon as it returns None for one."""
    values: dict[str, T] = {}
    for cell in cells:
        if cell not in values:
            value = read(cell)
            if value is None:
                return None
            values[cell] = value
    return values


def microseconds_of(cell: str) -> int | None:
    """A duration in microseconds, or None: two numbers are minutes and seconds, three hours, minutes and seconds."""
    text, sign = (cell[1:], -1) if cell[:1] in "-\u2212" and cell else (cell, 1)
    if not text[:1].isdigit() and text[:1] != "P":
        return None
    if match := CLOCK.fullmatch(text):
        days, hours, minutes, seconds, fraction = match.groups()
        return sign * _sum(days, hours, minutes, seconds, fraction)
    if len(text) > 2 and (match := ISO.fullmatch(text)):
        return sign * _sum(*match.groups())
    if not WORDS.fullmatch(text):
        return None
    parts = [(float(number), length_of(word)) for number, word in WORD.findall(text)]
    return None if any(unit is None for _, unit in parts) else sign * round(sum(n * (unit or 0) for n, unit in parts))


def length_of(word: str) -> float | None:
    """The microseconds in a unit of time; None for another word."""
    return next((length for words, length in UNITS.items() if re.fullmatch(words, word.lower())), None)


def _sum(days: str | None, hours: str | None, minutes: str | None, seconds: str | None, fraction: str | None) -> int:
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return whole * SECOND + int(f"{fraction or '':0<6}"[:6])
