"""Text tables in chunks of rows: the dialect is detected from the beginning, and the rest is read by it."""

import codecs
import dataclasses
import io
import itertools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, cast

from nnlite.data.files.decoding import compression_of, damage_told, decompressed, newline_of, refuse_controls
from nnlite.data.files.dialects import AUTO, Dialect
from nnlite.data.files.frames import FileFrame
from nnlite.data.files.lines import QuotingError, Rows, count_lines, rows_of
from nnlite.data.files.notes import Unheard
from nnlite.data.files.opening import is_text, read_table_file
from nnlite.data.files.reading import first_row, named_table
from nnlite.data.safety.files import STDIN, open_file, place_of
from nnlite.data.safety.limits import limits
from nnlite.data.storage.chunks import joined
from nnlite.data.table import Table
from nnlite.errors import DataError
from nnlite.errors.boundary import reading

__all__ = ["text_chunks"]

HEAD_BYTES = 2**20  # from which the dialect is found; what is not longer is read at once
PIECE_BYTES = 2**18
MOST_OPEN = 2**24  # characters that a quoted cell may hold
CHUNK_CELLS = 2**15  # that stay in the cache: larger chunks take up to twice the time


def text_chunks(
    path: str,
    dialect: Dialect | Mapping[str, Any] | None = None,
    rows: int | None = None,
    named: Collection[str] = (),
    like: bool = False,
) -> Iterator[Table | FileFrame]:
    """The table of a text file in chunks of this many rows, with the rules and errors of `Table.read`.

    What the dialect leaves open is found from the first 1 MiB of the text. A file that is not text comes as one table.

    Args:
        path: the file; `-` is the standard input.
        dialect: how it is written; what it leaves open is found from the file.
        rows: of a chunk; as many as have 32,768 cells when None.
        named: columns that are asked for: a first line that has them all is one of names.
        like: whether the dialect is that of another file, so that this one may differ: a note then says how.

    Raises:
        DataError: as `Table.read`; it may come after chunks that could be read.
    """
    settings = Dialect.get(dialect or {})
    with _opened(path) as packed:
        compression = compression_of(_first(packed, path), AUTO if like else settings.compression, place_of(path))
        whole = io.BytesIO(_Source(packed, path, "none").rest()) if compression == "zip" and path == STDIN else packed
        source = _Source(decompressed(whole, compression, place_of(path)), path, compression)
        start = source.read(HEAD_BYTES)
        if not is_text(start, path):
            yield read_table_file(path, settings, named=named, like=like, content=start + source.rest())
            return
        fresh = dataclasses.replace(settings, compression=AUTO)

        def read(content: bytes) -> Table:
            return Table.from_bytes(content, path, fresh, named, like)

        lines_within = settings.quote != AUTO and not like
        yield from _of_size(_tables(source, start, read, newline_of(start, settings.encoding), lines_within), rows)


class _Pipe(io.RawIOBase):
    """The bytes of the standard input, which stays open."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = sys.stdin.buffer.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _opened(path: str) -> io.BufferedReader:
    return io.BufferedReader(_Pipe()) if path == STDIN else cast(io.BufferedReader, open_file(path))


def _first(stream: io.BufferedReader, path: str) -> bytes:
    with reading(place_of(path), "cannot be read"):
        return stream.peek(8)[:8]


class _Source:
    """The decompressed bytes of a file.

    Args:
        stream: where they come from.
        path: of the file.
        compression: of the file.
    """

    def __init__(self, stream: BinaryIO, path: str, compression: str) -> None:
        self.stream, self.place, self.compression = stream, place_of(path), compression

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end of the file."""
        with damage_told(self.compression, self.place):
            return self.stream.read(size)

    def rest(self) -> bytes:
        """All bytes that are left."""
        with damage_told(self.compression, self.place):
            out = io.BytesIO()
            while piece := self.stream.read(PIECE_BYTES):
                out.write(piece)
                limits().check_bytes(out.tell(), self.place)
            return out.getvalue()


def _tables(
    source: _Source, start: bytes, read: Callable[[bytes], Table], newline: bytes, lines_within: bool
) -> Iterator[Table]:
    """The table of the first lines, then those of what follows, each of whole rows.

    Args:
        source: the file after `start`.
        start: its first bytes.
        read: reads the table in the bytes of a file.
        newline: the bytes of the end of a line.
        lines_within: whether a quoted cell may hold what looks like rows.
    """
    lines, carry, first = _first_lines(source, start, read, newline)
    dialect = dataclasses.replace(first.dialect, compression=source.compression)
    first = dataclasses.replace(first, dialect=dialect)
    yield first
    if carry is None:
        return
    decoder = codecs.getincrementaldecoder(dialect.encoding)()
    text = decoder.decode(lines)
    names = first_row(text.removeprefix("\ufeff"), dialect, source.place, first.lines[0])
    texts = _texts(source, carry, decoder, "\n" if "\n" in text else "\r", count_lines(text))
    for rows in _blocks(texts, dialect, source.place, count_lines(text), lines_within):
        yield _named_as(first, names, rows)


def _first_lines(
    source: _Source, start: bytes, read: Callable[[bytes], Table], newline: bytes
) -> tuple[bytes, bytes | None, Table]:
    """The first lines, the bytes after them, None at the end of the file, and the table in these lines."""
    newline = newline if newline in start else newline.replace(b"\n", b"\r")
    wanted = HEAD_BYTES
    while True:
        is_all = len(start) < wanted
        end = len(start) if is_all else _last_end(start, newline)
        try:
            if end or is_all:
                return start[:end], None if is_all else start[end:], read(start[:end])
        except QuotingError:
            if is_all or len(start) > MOST_OPEN:
                raise
        wanted = 2 * len(start)  # a line, or a quoted cell, that continues
        start += source.read(len(start))


def _last_end(content: bytes, newline: bytes) -> int:
    """End of the last complete line; 0 if there is none."""
    position = content.rfind(newline)
    while position % len(newline) and position >= 0:  # bytes of two characters
        position = content.rfind(newline, 0, position + len(newline) - 1)
    return position + len(newline) if position >= 0 else 0


def _texts(
    source: _Source, carry: bytes, decoder: codecs.IncrementalDecoder, newline: str, before: int
) -> Iterator[tuple[str, bool]]:
    """The text that follows in pieces of whole lines, and whether it is the last piece."""
    left = ""
    for piece in itertools.chain([carry], iter(lambda: source.read(PIECE_BYTES), b""), [None]):
        try:
            text = left + decoder.decode(piece or b"", final=piece is None)
        except UnicodeDecodeError as error:
            line = before + left.count("\n") + error.object[: error.start].count(b"\n") + 1
            raise DataError(
                f"{source.place}, line {line}: byte 0x{error.object[error.start]:02x} is not text in {error.encoding}, "
                "as which the lines before are read; state `encoding`, such as cp1252"
            ) from None
        end = len(text) if piece is None else text.rfind(newline) + 1
        text, left = text[:end], text[end:]
        refuse_controls(text, source.place, before)
        before += count_lines(text)
        yield text.rstrip("\x1a") if piece is None else text, piece is None


def _blocks(
    texts: Iterable[tuple[str, bool]], dialect: Dialect, location: str, before: int, lines_within: bool
) -> Iterator[Rows]:
    """The rows of a text; a block of them ends where no quoted cell is open."""
    block, wanted = "", 0
    for text, is_last in texts:
        block += text
        if len(block) < wanted and not is_last:
            continue
        try:
            rows = rows_of(block, dialect.delimiter, dialect.quote, location, None, lines_within, before)
        except QuotingError:
            if is_last or len(block) > MOST_OPEN:
                raise
            wanted = 2 * len(block)
            continue
        before += count_lines(block)
        block, wanted = "", 0
        if rows.cells:
            yield rows


def _named_as(first: Table, names: list[str], rows: Rows) -> Table:
    """Later rows of a table.

    Args:
        first: the table of the first rows.
        names: the cells of the first line.
        rows: the later rows.
    """
    together = Rows([names, *rows.cells], [1, *rows.lines])
    text = named_table(together, first.dialect, first.path, Unheard())
    later = next((name for name in text.columns if name not in first.columns), None)
    if later is not None:
        row = next(row for row, cell in enumerate(text.columns[later]) if cell)
        raise DataError(
            f"{first.path}, line {text.lines[row]}: a value in column {later!r}, which has neither name nor values in "
            "the first lines; name it, or remove the value"
        )
    empty = [""] * len(text.lines)
    skipped = 0 if first.dialect.header else 1  # the first line, which is a row
    columns = {name: text.columns.get(name, empty)[skipped:] for name in first.columns}
    return dataclasses.replace(first, columns=columns, lines=text.lines[skipped:])


def _of_size(tables: Iterable[Table], rows: int | None) -> Iterator[Table]:
    """The same rows, in chunks of this size."""
    waiting: list[Table] = []
    count = 0
    for table in tables:
        size, start = rows or max(CHUNK_CELLS // max(len(table.columns), 1), 16), 0
        while count + len(table) - start >= size:
            stop = start + size - count
            yield joined([*waiting, _between(table, start, stop)])
            waiting, count, start = [], 0, stop
        if start < len(table):
            waiting.append(_between(table, start, len(table)))
            count += len(table) - start
    if waiting:
        yield joined(waiting)


def _between(table: Table, start: int, stop: int) -> Table:
    if start == 0 and stop == len(table):
        return table
    columns = {name: cells[start:stop] for name, cells in table.columns.items()}
    return dataclasses.replace(table, columns=columns, lines=table.lines[start:stop])
