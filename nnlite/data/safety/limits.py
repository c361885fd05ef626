"""Limits on the size of files, checked before they are read."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import Literal

from nnlite.errors import DataError
from nnlite.registry import Section
from nnlite.registry.bounds import Count

__all__ = ["Limits"]

FREE_EXPANSION = 2**28  # bytes to which a file may expand whatever its size
CELL_BYTES = 60  # of a cell of a table in memory, beside its characters
SOME_MEMORY = 2**35  # where the system does not tell
REMEDY = (
    "raise it if the file is meant to be so: `data: {{limits: {{{name}: ...}}}}`, "
    "or `with Limits({name}=...).in_force():`"
)


class Limits(Section):
    """The largest data files that are read; larger ones are refused before they fill memory or disk.

    They hold for files that are read as a whole. A table that is read in pieces (`stream: true`) is bounded in the
    length of its cells alone.

    Args:
        bytes: of a file in memory, decompressed; `"auto"` is the memory of the machine.
        expansion: how many times larger than the file its decompressed content may be, where that is above 256 MiB.
        rows: lines of a table.
        columns: of a table.
        cell_length: characters of a cell.
        pixels: of an image.

    Raises:
        ConfigError: a limit below 1.

    >>> import tempfile
    >>> from nnlite.data import read_table_file
    >>> path = tempfile.mkdtemp() + "/wide.csv"
    >>> _ = open(path, "w").write("a,b,c,d\\n1,2,3,4\\n")
    >>> with Limits(columns=3).in_force():
    ...     read_table_file(path)
    Traceback (most recent call last):
        ...
    nnlite.errors.DataError: ...wide.csv: 4 columns, and limits.columns is 3; raise it if ...
    """

    bytes: Count | Literal["auto"] = "auto"
    expansion: Count = 300
    rows: Count = 100_000_000
    columns: Count = 1_000_000
    cell_length: Count = 2**24
    pixels: Count = 2**27

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """A context in which files are read under these limits."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @property
    def memory(self) -> int:
        """`bytes` as a number."""
        return _machine_memory() if self.bytes == "auto" else self.bytes

    def check_bytes(self, size: int, location: str) -> None:
        """`DataError` for content of this many bytes in memory."""
        _compare("bytes", size, self.memory, f"{size:,} bytes in memory", location)

    def check_expansion(self, size: int, compressed: int, location: str) -> None:
        """`DataError` for content of `size` bytes, possibly incomplete, decompressed from `compressed` bytes."""
        self.check_bytes(size, location)
        allowed = max(FREE_EXPANSION, self.expansion * compressed)
        text = f"{compressed:,} bytes that expand to more than {allowed:,}"
        _compare("expansion", self.expansion * (size > allowed) + 1, self.expansion, text, location)

    def check_array(self, shape: Sequence[int], itemsize: int, location: str) -> int:
        """The size of an array in bytes; `DataError` if that exceeds `bytes`."""
        size = itemsize * prod(shape)
        _compare("bytes", size, self.memory, f"an array of shape {tuple(shape)}, {size:,} bytes", location)
        return size

    def check_text(self, length: int, lines: int, delimiters: int, location: str) -> None:
        """`DataError` for a text of `length` characters with too many lines, or with cells too large for memory."""
        _compare("rows", lines, self.rows, f"{lines:,} lines", location)
        cells = lines + delimiters
        size = length + CELL_BYTES * cells
        _compare("bytes", size, self.memory, f"some {cells:,} cells, {size:,} bytes in memory", location)

    def check_shape(self, rows: int, columns: int, location: str) -> None:
        """`DataError` for a table with this many rows and columns."""
        _compare("columns", columns, self.columns, f"{columns:,} columns", location)
        _compare("rows", rows, self.rows, f"{rows:,} rows", location)
        size = rows * columns * CELL_BYTES
        _compare("bytes", size, self.memory, f"{rows:,} rows of {columns:,} cells, {size:,} bytes in memory", location)

    def check_cell(self, length: int, location: str) -> None:
        """`DataError` for a cell with this many characters."""
        _compare("cell_length", length, self.cell_length, f"a cell of {length:,} characters", location)

    def check_pixels(self, size: tuple[int, int], location: str) -> None:
        """`DataError` for an image with this many columns and rows of pixels."""
        _compare("pixels", prod(size), self.pixels, f"an image of {size[0]:,} x {size[1]:,} pixels", location)


def limits() -> Limits:
    """The limits in force."""
    return _current.get() or DEFAULT


def _compare(name: str, value: int, most: int, text: str, location: str) -> None:
    if value > most:
        raise DataError(f"{location}: {text}, and limits.{name} is {most:,}; {REMEDY.format(name=name)}")


def _machine_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return SOME_MEMORY


DEFAULT = Limits()
_current: ContextVar[Limits | None] = ContextVar("limits", default=None)
