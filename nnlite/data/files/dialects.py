"""The dialect of a text file, as the fields of a config."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Literal

from nnlite.data.files.numerals import NumberFormat
from nnlite.errors import ConfigError
from nnlite.registry import Section
from nnlite.registry.fields import Converted, option

__all__ = ["AUTO", "Dialect", "DialectFields"]

AUTO = "auto"
SPELLED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclasses.dataclass(eq=False, repr=False)
class DialectFields:
    """The fields of `Dialect`, for sources that mix them with their own."""

    delimiter: str = AUTO
    quote: str = AUTO
    encoding: str = AUTO
    decimal: Literal["auto", ".", ","] = AUTO
    thousands: Literal["auto", "none", ",", ".", " ", "'"] = AUTO
    missing: Converted[str | Sequence[str], Literal["auto"] | list[str]] = option(default=AUTO)  # noqa: RUF009 - a field
    header: bool | Literal["auto"] = AUTO
    compression: Literal["auto", "none", "gzip", "bz2", "xz", "zip"] = AUTO

    def check_dialect(self) -> None:
        """Raise `ConfigError` for a field, or a combination of two, by which no file can be read."""
        self.delimiter = SPELLED.get(self.delimiter, self.delimiter)
        for key, allowed in (("delimiter", (AUTO,)), ("quote", (AUTO, "none"))):
            value = self.dialect_values()[key]
            if value not in allowed and (len(value) != 1 or value in "\r\n"):
                raise ConfigError(f"expected one character, got {value!r}", (type(self).__name__, key))
        if self.delimiter == self.quote != AUTO:
            raise ConfigError(f"{self.quote!r} is the delimiter as well", (type(self).__name__, "quote"))
        if self.decimal == self.thousands != AUTO:
            raise ConfigError(f"{self.thousands!r} is the decimal mark as well", (type(self).__name__, "thousands"))
        if self.encoding != AUTO:
            try:
                " ".encode(self.encoding)  # which knows those of bytes from those of text
            except (LookupError, ValueError):
                hint = "utf-8, utf-16, cp1252 and latin-1 are common ones"
                raise ConfigError(
                    f"unknown encoding {self.encoding!r}; {hint}", (type(self).__name__, "encoding")
                ) from None

    def dialect_values(self) -> dict[str, Any]:
        """These fields only, by name."""
        return {field.name: vars(self)[field.name] for field in dataclasses.fields(DialectFields)}


class Dialect(DialectFields, Section):
    """Dialect of a text file that holds a table; fields that are `"auto"` are detected from the file.

    Args:
        delimiter: the separator of cells: one character, or `tab`, `space`; a space stands for any run of them.
        quote: the character around cells that hold the delimiter or a line break; `"none"` if quotation marks are text.
        encoding: of the characters: `utf-8`, `utf-16`, `cp1252`, `latin-1` or any other that Python supports.
        decimal: the mark before decimals.
        thousands: the mark between groups of three digits, `"none"` for none; `" "` stands for every kind of blank.
        missing: the cells, in any case, that stand for a missing value; an empty cell always does. By `"auto"` these
            are `NA`, `N/A`, `NaN` and `null`, and in columns of numbers also `?`, `-`, `None` and others like them.
        header: whether the first line names the columns; else they are called `x0`, `x1`, ...
        compression: `"none"`, `"gzip"`, `"bz2"`, `"xz"` or `"zip"`, an archive of one file.

    >>> Dialect(delimiter=";", decimal=",")
    Dialect(delimiter=';', decimal=',')
    """

    def validate(self) -> None:
        self.check_dialect()

    @property
    def numbers(self) -> NumberFormat:
        """Format of numbers; what is not stated defaults to a decimal point and no separator."""
        decimal = "." if self.decimal == AUTO else self.decimal
        return _format(decimal, "none" if self.thousands == AUTO else self.thousands)


# What Python's own `csv` writes.
PLAIN_FIELDS = {
    "delimiter": ",",
    "quote": '"',
    "encoding": "utf-8",
    "decimal": ".",
    "thousands": "none",
    "header": True,
    "compression": "none",
}


def plain_dialect() -> Dialect:
    """The dialect of a file as Python's `csv` writes it: commas, points, UTF-8, a line of names."""
    return Dialect(**PLAIN_FIELDS)


@functools.cache
def _format(decimal: str, thousands: str) -> NumberFormat:
    return NumberFormat(decimal, thousands)
