"""Array files: NumPy's `.npy` and `.npz`, and the IDX format of the MNIST files."""

import io
import math
import zipfile
from typing import BinaryIO, cast

import numpy as np

from nnlite.data.files.decoding import decompress
from nnlite.data.safety.arrays import MOST_DIMENSIONS, check_members, read_array, size_of
from nnlite.data.safety.files import PIECE, STDIN, first_bytes, open_file, place_of, read_bytes
from nnlite.errors import DataError, did_you_mean
from nnlite.errors.boundary import reading

__all__ = ["read_array_file", "read_idx", "read_npy", "read_npz"]

# Third byte of the magic number -> type of one value. The bytes before it are zero, the one after it counts dimensions.
VALUE_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
NPY_MAGIC, ZIP_MAGIC, GZIP_MAGIC = b"\x93NUM", b"PK\x03\x04", b"\x1f\x8b"


def read_array_file(path: str, name: str | None = None) -> np.ndarray | None:
    """The array in a file of one of the three formats, detected by its first bytes; None for any other format.

    Args:
        path: the file; `-` is the standard input.
        name: of the array in an `.npz` file; the only one where None.
    """
    content = read_bytes(path) if path == STDIN else None
    head = first_bytes(path) if content is None else content[:4]
    if head == NPY_MAGIC:
        return read_npy(path, content)
    if head == ZIP_MAGIC and _holds_arrays(content, path):
        return read_npz(path, name, content)
    if head.startswith(GZIP_MAGIC):
        content = read_bytes(path) if content is None else content
        head = decompress(content, "auto", place_of(path))[0][:2]
    return read_idx(path, content) if head.startswith(b"\0\0") else None


def _holds_arrays(content: bytes | None, path: str) -> bool:
    try:
        with _opened(path, content) as file, zipfile.ZipFile(file) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _opened(path: str, content: bytes | None) -> BinaryIO:
    return open_file(path) if content is None else io.BytesIO(content)


def read_npy(path: str, content: bytes | None = None) -> np.ndarray:
    """The array in an `.npy` file, whose bytes may have been read already; `DataError` if it cannot be used."""
    location = place_of(path)
    _check_magic(path, content, NPY_MAGIC, ".npy file of a plain array")
    with _opened(path, content) as file, reading(location, "not an .npy file of a plain array"):
        return read_array(file, size_of(file), location)


def read_npz(path: str, name: str | None, content: bytes | None = None) -> np.ndarray:
    """The array called `name` in an `.npz` file; `DataError` if the file or the array cannot be used.

    Args:
        path: the file.
        name: of the array; the only one where None.
        content: the bytes of the file, where they are read already.
    """
    location = place_of(path)
    _check_magic(path, content, ZIP_MAGIC, ".npz file of plain arrays")
    with (
        _opened(path, content) as file,
        reading(location, "not an .npz file of plain arrays"),
        zipfile.ZipFile(file) as archive,
    ):
        names = [member.removesuffix(".npy") for member in archive.namelist()]
        name = names[0] if name is None and len(names) == 1 else name
        if name is None or name not in names:
            raise DataError(f"{location}: no array {name!r}; {did_you_mean(name, names)}")
        info = archive.infolist()[names.index(name)]
        check_members([info], location)
        with archive.open(info) as member:
            array = read_array(cast(BinaryIO, member), info.file_size, location)
            while member.read(PIECE):  # to the end, where the checksum is compared
                pass
            return array


def _check_magic(path: str, content: bytes | None, magic: bytes, what: str) -> None:
    """Refuse a file of another make; NumPy takes it for one of Python objects."""
    head = first_bytes(path) if content is None else content[:4]
    if head != magic:
        raise DataError(f"{place_of(path)}: not an {what}; it begins with {head.hex(' ') or 'nothing'}")


def read_idx(path: str, content: bytes | None = None) -> np.ndarray:
    """The array in an IDX file, plain or gzipped, whose bytes may have been read already.

    Raises:
        DataError: no such file, not an IDX file, or one that is cut short or too long.

    Reference: LeCun, Cortes & Burges, "The MNIST database", section "File formats".
    """
    location = place_of(path)
    content = decompress(read_bytes(path) if content is None else content, "auto", location)[0]
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in VALUE_TYPES:
        raise DataError(f"{location}: not an IDX file; it begins with {content[:4].hex(' ') or 'nothing'}")
    dtype, start = np.dtype(VALUE_TYPES[content[2]]), 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    if len(shape) > MOST_DIMENSIONS:
        raise DataError(f"{location}: damaged; {len(shape)} dimensions; an array has at most {MOST_DIMENSIONS}")
    expected = start + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{location}: damaged; shape {shape} of {dtype} needs {expected} bytes, found {len(content)}")
    values = np.frombuffer(content, dtype, offset=start)
    with reading(location, "damaged"):
        return values.reshape(shape).astype(dtype.newbyteorder("="))
