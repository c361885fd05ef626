"""A single entry point for reading a table in chunks of rows, whatever its format."""

from collections.abc import Collection, Iterator

from nnlite.data.files.dialects import Dialect
from nnlite.data.files.frames import ARROW_HEADS, FileFrame
from nnlite.data.safety.files import STDIN, first_bytes
from nnlite.data.storage.chunks import arrow_chunks
from nnlite.data.storage.text import text_chunks
from nnlite.data.table import Table

__all__ = ["table_chunks"]


def table_chunks(
    path: str,
    dialect: Dialect | None = None,
    rows: int | None = None,
    named: Collection[str] = (),
    like: bool = False,
) -> Iterator[Table | FileFrame]:
    """The table in a file in chunks of this many rows; formats other than text, Parquet and Arrow come as a whole.

    The arguments and errors are those of `text_chunks`.
    """
    if path != STDIN and first_bytes(path) in ARROW_HEADS:
        return arrow_chunks(path, rows)
    return text_chunks(path, dialect, rows, named, like)
