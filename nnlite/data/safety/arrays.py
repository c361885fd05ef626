"""NumPy's array format, read after its header has been compared with the size of the file."""

import io
import os
import zipfile
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

import numpy as np

from nnlite.data.safety.files import PIECE
from nnlite.data.safety.limits import limits
from nnlite.errors import DataError

__all__ = ["ArrayHeader", "check_members", "read_array", "read_header", "size_of"]

MOST_LETTERS = 2**20  # of a header
MOST_DIMENSIONS = 32  # what every version of NumPy has
ENCRYPTED = 1  # a flag of a member of a zip file
LAST_CHARACTER = 0x10FFFF


class ArrayHeader(NamedTuple):
    """Header of an `.npy` file: type and shape of its array.

    Attributes:
        shape: of the array.
        by_columns: whether it is stored in Fortran's order.
        dtype: of its values.
        size: bytes of the values.
        length: bytes of the header.
    """

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype
    size: int
    length: int


def read_header(file: BinaryIO, left: int, location: str) -> ArrayHeader:
    """The header at the current position of `file`, after a check that its array can be read.

    Args:
        file: where the header begins.
        left: bytes of the file from there on.
        location: what messages call the file.

    Raises:
        DataError: an array of Python objects, one that the file is too short for, or one above the limits.
        ValueError: no such header.
    """
    start = file.tell()
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    width = file.read(2 if version == (1, 0) else 4)  # of the header's text, which NumPy would ask memory for
    count = int.from_bytes(width, "little")
    if count > MOST_LETTERS:
        raise ValueError(f"its header says that it has {count:,} characters")
    shape, by_columns, dtype = read(io.BytesIO(width + file.read(count)))
    if dtype.hasobject:
        raise DataError(f"{location}: holds Python objects, which are not read; save an array of numbers")
    if len(shape) > MOST_DIMENSIONS or any(length < 0 for length in shape):
        raise DataError(f"{location}: damaged; no array has the shape {str(shape)[:100]}")
    size, length = limits().check_array(shape, dtype.itemsize, location), file.tell() - start
    if size > left - length:
        raise DataError(f"{location}: damaged; shape {shape} of {dtype} needs {size} bytes, found {left - length}")
    return ArrayHeader(shape, by_columns, dtype, size, length)


def read_array(file: BinaryIO, left: int, location: str) -> np.ndarray:
    """The array whose header is at the current position of `file`; arguments and errors are those of `read_header`."""
    header = read_header(file, left, location)
    content = np.empty(header.size, np.uint8)
    start = 0
    while start < header.size:
        piece = file.read(min(PIECE, header.size - start))
        if not piece:
            raise DataError(f"{location}: damaged; it ends after {start} of {header.size} bytes")
        content[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        start += len(piece)
    array = content.view(header.dtype) if header.size else np.empty(header.shape, header.dtype)
    array = array.reshape(header.shape, order="F" if header.by_columns else "C")
    if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
        _check_characters(content.view(array.dtype.byteorder.replace("|", "=") + "u4"), location)
    return array


def _check_characters(codes: np.ndarray, location: str) -> None:
    """`DataError` for numbers that stand for no character, which fail where a text is used."""
    wrong = codes[(codes > LAST_CHARACTER) | ((codes >= 0xD800) & (codes <= 0xDFFF))]
    if len(wrong):
        raise DataError(f"{location}: damaged; a text holds the number {wrong[0]}, which is not a character")


def check_members(members: Sequence[zipfile.ZipInfo], location: str) -> None:
    """`DataError` for members of a zip file that are encrypted, or that would together expand beyond the limits."""
    if any(member.flag_bits & ENCRYPTED for member in members):
        raise DataError(f"{location}: encrypted; save it without a password")
    compressed = sum(member.compress_size for member in members)
    limits().check_expansion(sum(member.file_size for member in members), compressed, location)


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    return end
