"""A single entry point for opening a file that holds a table, whatever its format."""

from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.data.array_files import read_npy
from nnlite.data.files.decoding import MAGIC, decompress, is_workbook
from nnlite.data.files.dialects import AUTO, Dialect
from nnlite.data.files.frames import ARROW_HEADS, FileFrame, framed, read_arrow_file, read_json_file
from nnlite.data.files.workbooks import read_workbook
from nnlite.data.safety.files import STDIN, first_bytes, place_of, read_bytes
from nnlite.data.table import Table
from nnlite.errors import DataError

__all__ = ["is_text", "read_table_file"]

JSON_ENDINGS, COMPRESSED_ENDINGS = (".json", ".jsonl", ".ndjson"), (".gz", ".bz2", ".xz", ".zip")
NUMPY = b"\x93NUMPY"


def read_table_file(
    path: str,
    dialect: Dialect | Mapping[str, Any] | None = None,
    *,
    sheet: str | None = None,
    named: Collection[str] = (),
    like: bool = False,
    content: bytes | None = None,
) -> Table | FileFrame:
    """The table in a file: delimited text, an Excel workbook, Parquet, Arrow, JSON, or a NumPy array.

    The first bytes tell the format; JSON is also recognized by the ending `.json`, `.jsonl` or `.ndjson`, which that of
    a compression may follow.

    Args:
        path: the file; `-` is the standard input.
        dialect: how a text file is written; what it leaves open is found from the file.
        sheet: of a workbook; its first one when None.
        named: columns that are asked for: a first line that has them all is one of names.
        like: whether the dialect is that of another file, so that this one may differ: a note then says how.
        content: the bytes of the file, where they are read already.

    Raises:
        DataError: a file that cannot be read; it says why, and what to do.
        MissingLibraryError: the library that reads such files is not installed.
    """
    if content is None:
        if path != STDIN and first_bytes(path) in ARROW_HEADS:
            return read_arrow_file(path)  # which is not read whole
        content = read_bytes(path)
    if content.startswith(MAGIC["zip"]) and is_workbook(BytesIO(content)):
        return Table.of(read_workbook(content, path, sheet, Dialect.get(dialect or {}), named), path)
    if content[:4] in ARROW_HEADS:
        return read_arrow_file(path, content)
    if content.startswith(NUMPY):
        return framed(place_of(path), _matrix(read_npy(path, content), path))
    if _is_json(content, path):
        return read_json_file(path, content)
    return Table.from_bytes(content, path, dialect, named, like)


def is_text(start: bytes, path: str) -> bool:
    """Whether a file that begins with these decompressed bytes is delimited text, judging by its first bytes."""
    return not start.startswith((*ARROW_HEADS, NUMPY, MAGIC["zip"])) and not _is_json(start, path)


def _is_json(content: bytes, path: str) -> bool:
    name = Path(path)
    plain_name = name.with_suffix("") if name.suffix.lower() in COMPRESSED_ENDINGS else name
    if plain_name.suffix.lower() in JSON_ENDINGS:
        return True
    if path != STDIN:
        return False
    plain = decompress(content, AUTO, place_of(path))[0]
    return plain.lstrip()[:2].replace(b" ", b"") in (b'{"', b"[{")


def _matrix(array: np.ndarray, path: str) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise DataError(
            f"{place_of(path)}: an array of {array.dtype} and shape {array.shape} is not a table of numbers"
        )
    return array
