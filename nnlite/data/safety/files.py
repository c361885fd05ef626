"""The bytes of a regular file, within limits, decompressed within limits."""

import io
import os
import stat
import sys
from typing import BinaryIO

from nnlite.data.safety.limits import limits
from nnlite.errors import DataError
from nnlite.errors.boundary import reading

__all__ = ["STDIN", "first_bytes", "open_file", "place_of", "read_bytes", "read_expanded", "regular"]

STDIN = "-"
PIECE = 2**20
KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def place_of(path: str) -> str:
    """The name of a file in messages."""
    return "standard input" if path == STDIN else path


def regular(path: str | os.PathLike) -> os.stat_result:
    """File status; `DataError` for anything but a regular file: reading a device would never end.

    Raises:
        DataError: no such file, a folder, a device, a pipe, a name that no file can have.
    """
    with reading(f"{path}", "no file can have this name"):
        described = os.stat(path)
    if stat.S_ISDIR(described.st_mode):
        raise DataError(f"{path}: Is a directory")
    if not stat.S_ISREG(described.st_mode):
        kind = KINDS.get(stat.S_IFMT(described.st_mode), "a special file")
        raise DataError(
            f"{path}: {kind}, not a regular file; write its data into a file, or give them as `-`, the standard input"
        )
    return described


def open_file(path: str | os.PathLike) -> BinaryIO:
    """A regular file, open for reading."""
    regular(path)
    with reading(f"{path}", "cannot be opened"):
        return open(path, "rb")


def read_bytes(path: str) -> bytes:
    """All bytes of a file; `-` is standard input.

    Raises:
        DataError: what `regular` refuses; more than `limits.bytes`.
    """
    if path == STDIN:
        with reading(place_of(path), "cannot be read"):
            return _collected(sys.stdin.buffer, place_of(path))
    size = regular(path).st_size
    limits().check_bytes(size, path)
    with open_file(path) as file, reading(path, "cannot be read"):
        return file.read(size)


def _collected(stream: BinaryIO, location: str) -> bytes:
    """All that comes on a stream, which may have no end."""
    out = io.BytesIO()
    while piece := stream.read(PIECE):
        out.write(piece)
        limits().check_bytes(out.tell(), location)
    return out.getvalue()


def first_bytes(path: str) -> bytes:
    """The first four bytes of a file, which identify its format; `DataError` as for `read_bytes`."""
    with open_file(path) as file, reading(path, "cannot be read"):
        return file.read(4)


def read_expanded(stream: BinaryIO, compressed: int, location: str) -> bytes:
    """The whole output of a decompressing stream; `DataError` as soon as it exceeds the limits.

    Args:
        stream: where it comes from.
        compressed: bytes that it is made of.
        location: what messages call the file.
    """
    out = io.BytesIO()
    while piece := stream.read(PIECE):
        out.write(piece)
        limits().check_expansion(out.tell(), compressed, location)
    return out.getvalue()
