"""Arrays in `.npy` and `.npz` files as lazily read rows."""

import os
import shutil
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from nnlite.arrays.stored import StoredRows
from nnlite.data.safety.arrays import check_members, read_header, size_of
from nnlite.data.safety.files import open_file
from nnlite.data.safety.limits import Limits
from nnlite.errors import DataError, did_you_mean
from nnlite.errors.boundary import reading

__all__ = ["open_rows"]

MOST_STORED = 2**62
LOCAL_HEADER = struct.Struct("<26xHH")  # of a member of a zip file: the lengths of its name and its extra field


def open_rows(path: str | os.PathLike, name: str | None = None, cache: str | os.PathLike | None = None) -> StoredRows:
    """An array in a file as rows that are read on access: data for `fit` that need not fit into memory.

    A `.npy` file and what `np.savez` writes are read in place. What `np.savez_compressed` writes is unpacked once into
    a folder, without holding more than a piece of it in memory.

    Args:
        path: a `.npy` or `.npz` file.
        name: of the array in an `.npz` file; may be None if it has one alone.
        cache: the folder in which a compressed array is unpacked, and kept; a temporary one, which goes with the last
            use of the rows, when None.

    Raises:
        DataError: no such file or array, one of Python objects, in Fortran order or without rows.
    """
    path = Path(path)
    with reading(f"{path}", "not an .npy or .npz file of plain arrays"):
        with open_file(path) as file:
            if not zipfile.is_zipfile(file):
                file.seek(0)
                return _described(path, file)
        with zipfile.ZipFile(path) as archive:
            return _member(path, archive, name, cache)


def _member(path: Path, archive: zipfile.ZipFile, name: str | None, cache: Any) -> StoredRows:
    names = [member.removesuffix(".npy") for member in archive.namelist()]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        asked = "several arrays, name one" if name is None else f"no array {name!r}"
        raise DataError(f"{path}: {asked}; {did_you_mean(name, names)}")
    info = archive.infolist()[names.index(name)]
    if info.compress_type == zipfile.ZIP_STORED:
        with open(path, "rb") as file:
            file.seek(info.header_offset)
            file.seek(sum(LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))), os.SEEK_CUR)
            return _described(path, file)
    check_members([info], f"{path}")
    keeper = None if cache else tempfile.TemporaryDirectory(prefix="nnlite-")
    folder = Path(cache or keeper.name)  # type: ignore[union-attr]
    folder.mkdir(parents=True, exist_ok=True)
    unpacked = folder / f"{path.stem}-{name}-{info.CRC:08x}.npy"
    if not unpacked.exists():
        with archive.open(info) as packed, open(unpacked.with_suffix(".part"), "wb") as out:
            shutil.copyfileobj(packed, out, 2**20)
        unpacked.with_suffix(".part").replace(unpacked)
    with open(unpacked, "rb") as file:
        return _described(unpacked, file, keeper, path)


def _described(path: Path, file: BinaryIO, keeper: object = None, origin: Path | None = None) -> StoredRows:
    """The rows of the array whose header `file` stands at; `origin` is the file that it was unpacked from."""
    location = origin or path
    with Limits(bytes=MOST_STORED).in_force():  # as the rows stay in the file
        header = read_header(file, size_of(file) - file.tell(), f"{location}")
    shape = header.shape
    if not shape or not shape[0]:
        raise DataError(f"{location}: has shape {shape}, expected (rows, ...) with at least one row")
    if header.by_columns and len(shape) > 1:
        raise DataError(
            f"{location}: stored by columns; save np.ascontiguousarray(array), so that a row is in one piece"
        )
    return StoredRows(path, shape, header.dtype, file.tell(), keeper=keeper)
