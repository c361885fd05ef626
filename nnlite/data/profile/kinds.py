"""The kind of a column: the rules, in the order in which they are tried (docs/columns.md)."""

import re
from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from nnlite.data.files.numerals import PLAIN
from nnlite.data.files.remedies import shown
from nnlite.data.frames.spelling import CLOCK, ISO, spells_truth
from nnlite.data.profile.cells import Cells

__all__ = ["KINDS", "ColumnKind", "kind_of", "order_of"]

ColumnKind = Literal[
    "number",
    "integer_code",
    "boolean",
    "category",
    "ordered_category",
    "date",
    "text",
    "identifier",
    "constant",
    "mostly_missing",
    "leaking",
]
KINDS: tuple[str, ...] = get_args(ColumnKind)

DATES = {None: "dates", ISO: "dates", CLOCK: "times of day"}
MOSTLY = 0.95  # share of gaps from which a column is mostly missing
NEARLY_ALL = 0.95  # share of distinct values from which texts name rows
HALF = 0.5
WORDS_OF_TEXT = 3.0  # mean number of words from which cells are text
MOST_CODES = 50
ROWS_OF_A_CODE = 5  # mean number of rows of a level, from which integers may be codes
FEWEST_ROWS = 10  # from which distinct values say something

NAMES_OF_ROWS = re.compile(
    r"(^|_)(id|ids|index|idx|row|uuid|guid|key|no|nr|number|serial|rownames?|rownumber|phone|telephone|tel|mobile|fax"
    r"|account|iban|ssn|ean|isbn|barcode)$|^unnamed|^$"
)
NAMES_OF_PLACES_IN_TIME = re.compile(r"(^|_)(year|quarter|month|week|day|hour|time|date|step|t|x)$")
NAMES_OF_CODES = re.compile(
    r"(^|_)(id|code|codes|type|class|category|cat|kind|group|zone|zip|zipcode|postcode|postal|plz|sic|naics|fips|isco"
    r"|region|district|state|county|country|store|shop|branch|station|sector|status|cluster|channel|sex|gender|race"
    r"|ethnicity|department|dept|model|brand|make|vendor|product|sku|occupation|job|area_code|subclass)$"
)
SCALES = tuple(
    tuple(scale.split("|"))
    for scale in (
        "very low|low|medium low|medium|moderate|mid|medium high|high|very high",
        "lowest|lower|low|middle|average|high|higher|highest",
        "none|mild|moderate|severe|critical",
        "none|no|some|partial|full",
        "xxs|xs|s|m|l|xl|xxl|xxxl",
        "tiny|small|medium|large|huge",
        "very poor|very bad|poor|bad|fair|average|good|very good|excellent|outstanding",
        "po|fa|ta|gd|ex",
        "poor|typical|excellent",
        "fair|good|very good|premium|ideal",
        "never|rarely|seldom|sometimes|often|usually|very often|always",
        "strongly disagree|disagree|somewhat disagree|neutral|neither agree nor disagree|somewhat agree|agree"
        "|strongly agree",
        "very dissatisfied|dissatisfied|neutral|satisfied|very satisfied",
        "very unlikely|unlikely|neutral|likely|very likely",
        "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth",
        "1st|2nd|3rd|4th|5th|6th|7th|8th|9th|10th",
        "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        "january|february|march|april|may|june|july|august|september|october|november|december",
        "mon|tue|wed|thu|fri|sat|sun",
        "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
        "primary|secondary|tertiary",
        "beginner|novice|junior|intermediate|advanced|senior|expert",
        "bronze|silver|gold|platinum|diamond",
        "cold|cool|mild|warm|hot",
        "slow|medium|fast",
        "young|middle-aged|old",
    )
)
SPAN = re.compile(
    r"[<>]?=?\s*\$?([0-9]+(?:\.[0-9]+)?)\s*(?:k|%)?\s*(?:(?:-|\u2013|to)\s*\$?[0-9]+(?:\.[0-9]+)?\s*(?:k|%)?|\+)?"
)


def kind_of(cells: Cells) -> tuple[ColumnKind, str]:
    """The kind of a column and the reason, in a few words."""
    rows, distinct = len(cells.texts), len(cells.counts)
    gaps = int(cells.missing.sum())
    if gaps >= MOSTLY * rows and (rows >= FEWEST_ROWS or not distinct):
        return "mostly_missing", "no value at all" if not distinct else f"{gaps / rows:.0%} of the cells are empty"
    if distinct == 1:
        level = next(iter(cells.counts))
        return ("category", f"{shown(level)} or nothing") if gaps else ("constant", f"{shown(level)} in every row")
    if cells.typed == "boolean" or spells_truth(cells.counts):
        return "boolean", " and ".join(map(shown, sorted(cells.counts)))
    if cells.dates is not None:
        return "date", DATES.get(cells.form, f"dates, {cells.form}")
    return _of_texts(cells) if cells.numbers is None else _of_numbers(cells)


def _of_numbers(cells: Cells) -> tuple[ColumnKind, str]:
    present, distinct = cells.present, len(cells.counts)
    name = snake_name(cells.name)
    if cells.has_leading_zeros:
        return ("identifier", "digits, each once") if _names_rows(cells) else ("integer_code", "digits after a zero")
    if cells.unit:
        return "number", f"amounts in {cells.unit}"
    if not cells.is_whole:
        return "number", "numbers"
    low, high = present.min(), present.max()
    counts_rows = _names_rows(cells) and high - low == len(present) - 1
    if counts_rows and not NAMES_OF_PLACES_IN_TIME.search(name):
        return "identifier", f"counts from {low:g} to {high:g}"
    if NAMES_OF_ROWS.search(name) and distinct > HALF * len(present) and len(present) >= FEWEST_ROWS:
        return "identifier", f"{distinct} values in {len(present)} rows, and so it is called"
    if NAMES_OF_CODES.search(name) and (distinct <= MOST_CODES or distinct * ROWS_OF_A_CODE <= len(present)):
        return "integer_code", f"{distinct} integers, and called like a code"
    return "number", "integers"


def _of_texts(cells: Cells) -> tuple[ColumnKind, str]:
    counts = cells.counts
    present, distinct = sum(counts.values()), len(counts)
    if order_of(counts) is not None:
        return "ordered_category", "levels of a known order"
    if cells.marks:
        return "category", f"numbers, but for {', '.join(map(shown, cells.marks))}"
    for levels, kind in ((cells.strangers, "numbers"), (cells.misfits, "dates of one format")):
        if levels:
            others = f" and {len(levels) - 1} others" if len(levels) > 1 else ""
            return "category", f"{kind}, but for {shown(levels[0])}{others}"
    words = sum(_words(level) * count for level, count in counts.items()) / present
    if words >= WORDS_OF_TEXT and distinct > HALF * present:
        return "text", f"{words:.0f} words a cell"
    if present >= FEWEST_ROWS and distinct >= NEARLY_ALL * present:
        return "identifier", "all texts differ" if distinct == present else f"{distinct} texts in {present} rows"
    if NAMES_OF_ROWS.search(snake_name(cells.name)) and distinct > HALF * present >= HALF * FEWEST_ROWS:
        return "identifier", f"{distinct} texts in {present} rows, and so it is called"
    return "category", f"{distinct} texts"


def _words(text: str) -> int:
    """Number of words, those of digits and signs not among them unless there are two of letters."""
    words = text.split()
    return len(words) if sum(word[0].isalpha() for word in words) > 1 else 1


def _names_rows(cells: Cells) -> bool:
    present = sum(cells.counts.values())
    return present >= FEWEST_ROWS and len(cells.counts) == present


def order_of(levels: Iterable[str]) -> list[str] | None:
    """Three or more levels in order, if they are of a known scale or ranges of numbers; else None."""
    by_word: dict[str, str] = {}
    names = list(levels)
    for level in names:
        by_word[re.sub(r"[\s_-]+", " ", level).strip().lower()] = level
    if len(names) < 3 or len(by_word) < len(names):
        return None
    for scale in SCALES:
        if set(by_word) <= set(scale):
            return [by_word[word] for word in scale if word in by_word]
    spans = {level: SPAN.fullmatch(level.strip().lower()) for level in names}
    if any(span is None for span in spans.values()) or sum(map(PLAIN.matches, names)) > HALF * len(names):
        return None
    ordered = sorted(names, key=lambda level: (*_start(level), level))
    return ordered if len({_start(level) for level in names}) == len(names) else None


def _start(level: str) -> tuple[float, int]:
    """Start of a span such as 10-19, <18 or 65+."""
    text = level.strip().lower()
    match = SPAN.fullmatch(text)
    assert match is not None  # the caller has seen that it is a span
    return float(match[1]), -1 if text.startswith("<") else 1 if text[:1] == ">" or text.endswith("+") else 0


def snake_name(name: str) -> str:
    """`customerID` and `Customer ID` as `customer_id`."""
    return re.sub(r"[^0-9a-z]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip()).lower()).strip("_")


def skewness(values: np.ndarray) -> float:
    """mean(((x - mean) / standard deviation) ** 3) of finite numbers; 0 for a constant."""
    centred = values - values.mean()
    spread = np.sqrt((centred**2).mean())
    return float(((centred / spread) ** 3).mean()) if spread > 0 else 0.0
