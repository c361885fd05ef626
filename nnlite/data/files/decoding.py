"""From the bytes of a file to its text: compression and encoding, as stated or as detected."""

import codecs
import io
import re
import zipfile
from contextlib import AbstractContextManager
from importlib import import_module
from typing import BinaryIO, cast

from nnlite.data.files.dialects import AUTO
from nnlite.data.files.notes import Notes
from nnlite.data.safety.arrays import check_members
from nnlite.data.safety.files import read_expanded
from nnlite.errors import DataError
from nnlite.errors.boundary import reading

__all__ = [
    "DialectError",
    "compression_of",
    "damage_told",
    "decode",
    "decompress",
    "decompressed",
    "is_workbook",
    "newline_of",
    "refuse_controls",
    "refuse_other_makes",
]

MAGIC = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04"}
MODULES = {"gzip": "gzip", "bz2": "bz2", "xz": "lzma"}
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Marks of encodings whose characters have several bytes -> the order of these.
ENDS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
HEAD = 1 << 16
CONTROLS = re.compile("[\0-\x08\x0e-\x19\x1c-\x1f]")
# First bytes of files that are not text -> what they are, and what to do.
OTHER_MAKES = {
    b"PAR1": "a Parquet file: name it in the source `Parquet`",
    b"ARROW1": "an Arrow file: name it in the source `Parquet`",
    b"PK\x03\x04": "an Excel workbook, to be named in the source `Excel`, or an archive within another: unpack it",
    b"PK\x05\x06": "an empty zip archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a workbook of old Excel (.xls): save it as .xlsx or as CSV",
    b"\x93NUMPY": "a NumPy array: name it in the source `Npy`",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: decompress it first",
    b"\x89HDF": "an HDF5 file: write the table as CSV or Parquet",
    b"\x80\x04\x95": "a pickle of Python: write the table as CSV or Parquet",
    b"\x80\x05\x95": "a pickle of Python: write the table as CSV or Parquet",
    b"\0\0\x08": "an IDX file: name it in the source `Idx`",
    b"%PDF": "a PDF document, no table",
    b"\x89PNG": "a picture, no table",
    b"version https://git-lfs": "a Git LFS pointer in place of the file: fetch it by `git lfs pull`",
}


class DialectError(DataError):
    """A file that does not match its dialect."""


def decompress(content: bytes, compression: str, location: str) -> tuple[bytes, str]:
    """The decompressed bytes, and the name of the compression.

    Raises:
        DialectError: another compression than stated.
        DataError: a damaged file, or one that expands beyond the limits.
    """
    present = compression_of(content, compression, location)
    if present == "none":
        return content, present
    with damage_told(present, location):
        stream = decompressed(io.BytesIO(content), present, location)
        return read_expanded(stream, len(content), location), present


def compression_of(start: bytes, stated: str, location: str) -> str:
    """Compression of a file that begins with these bytes; `DialectError` if a different one is stated."""
    present = next((name for name, magic in MAGIC.items() if start.startswith(magic)), "none")
    if stated not in (AUTO, present):
        raise DialectError(
            f"{location}: `compression: {stated}` is stated, but the file is "
            f"{'not compressed' if present == 'none' else f'compressed by {present}'}; leave `compression` out"
        )
    return present


def decompressed(stream: BinaryIO, compression: str, location: str) -> BinaryIO:
    """The decompressed bytes of a stream, as a stream; for a zip archive, those of the one file in it."""
    if compression == "zip":
        return _unzipped(stream, location)
    return stream if compression == "none" else import_module(MODULES[compression]).open(stream, "rb")


def is_workbook(stream: BinaryIO) -> bool:
    """Whether a zip archive, or a damaged one, is a workbook."""
    try:
        return "xl/workbook.xml" in zipfile.ZipFile(stream).namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):  # what damaged directories raise
        return False


def _unzipped(stream: BinaryIO, location: str) -> BinaryIO:
    """The one file in a zip archive; a workbook, which is an archive too, is that file itself."""
    if is_workbook(stream):
        stream.seek(0)
        return stream
    with damage_told("zip", location):
        archive = zipfile.ZipFile(stream)
    named = ((file, file.filename) for file in archive.infolist())
    files = [file for file, name in named if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(files) != 1:
        names = ", ".join(repr(file.filename) for file in files[:3]) + ", ..." * (len(files) > 3)
        raise DataError(
            f"{location}: a zip archive of {len(files)} files ({names}), not of one table; unpack it and name one"
        )
    check_members(files, location)
    with damage_told("zip", location):
        return cast(BinaryIO, archive.open(files[0]))


def damage_told(compression: str, location: str) -> AbstractContextManager[None]:
    """A context in which an error of decompression is a `DataError`."""
    return reading(location, f"damaged {compression} file", "copy or download it again")


def refuse_other_makes(content: bytes, location: str) -> None:
    """Raise `DataError` for a file of a known format other than a text table."""
    make = next((text for magic, text in OTHER_MAKES.items() if content.startswith(magic)), None)
    if make is None and re.match(rb"\s*(<!doctype html|<html)", content[:200], re.IGNORECASE):
        make = "a page of HTML in place of a table: download the file itself"
    if make is not None:
        raise DataError(f"{location}: this is {make}")


def decode(content: bytes, encoding: str, location: str, notes: Notes) -> tuple[str, str]:
    """The decoded text, without a byte order mark, and its encoding.

    Raises:
        DialectError: bytes that the stated encoding does not have.
        DataError: a file that is not text, or text in two encodings.
    """
    marked = next((name for mark, name in BOMS.items() if content.startswith(mark)), None)
    wide = marked or _without_mark(content)
    if encoding == AUTO:
        text, encoding = _found(content, wide, location, notes)
    else:
        text = _stated(content, encoding, wide, location)
    refuse_controls(text, location)
    return text.removeprefix("\ufeff").rstrip("\x1a"), encoding


def refuse_controls(text: str, location: str, before: int = 0) -> None:
    """`DataError` for a control character, which no text file contains; `before` is the number of lines before it."""
    control = CONTROLS.search(text)
    if control:
        line = before + text.count("\n", 0, control.start()) + 1
        raise DataError(f"{location}, line {line}: not a text file; it holds the character {control.group()!r}")


def newline_of(content: bytes, encoding: str) -> bytes:
    """The bytes of a line ending in a file that begins with `content`, in an encoding that may be `auto`."""
    marked = next((name for mark, name in ENDS.items() if content.startswith(mark)), None)
    if marked is None and encoding == AUTO:
        marked = _without_mark(content)
    elif marked is None:
        marked = codecs.lookup(encoding).name
    return "\n".encode(marked if marked is not None and marked.endswith(("-le", "-be")) else "ascii")


def _without_mark(content: bytes) -> str | None:
    """UTF-16 by its zero bytes, every second one; None for what is not text in it."""
    head = content[:HEAD]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < max(1, 0.3 * (len(head) // 2)) or min(even, odd) > 0.05 * max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        return None if CONTROLS.search(content.decode(name)) else name
    except UnicodeDecodeError:
        return None


def _found(content: bytes, wide: str | None, location: str, notes: Notes) -> tuple[str, str]:
    encoding = wide or "utf-8"
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        where = f"byte 0x{content[error.start]:02x} on line {_line(content, error.start)}"
        if wide is not None:
            raise DataError(f"{location}: damaged text in {encoding}: {where}; write the file again") from None
    replaced = content.decode("utf-8", "replace")
    bad = replaced.count("\ufffd")
    if sum(map(replaced.count, {*re.findall("[^\0-\x7f\ufffd]", replaced)})) > bad:
        raise DataError(
            f"{location}: text in UTF-8, but for {where}; write the file in one encoding, or state one, such as "
            "`encoding: cp1252`"
        )
    for encoding in ("cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if CONTROLS.search(text) is None:
        notes.tell(f"{location}: not UTF-8 ({where}), read as {encoding}; if its letters look wrong, state `encoding`")
    return text, encoding


def _stated(content: bytes, encoding: str, wide: str | None, location: str) -> str:
    name = codecs.lookup(encoding).name
    try:
        is_wide = name.startswith(("utf-16", "utf-32"))
        marked = wide == "utf-8" and not name.startswith("utf-8")
        if marked or is_wide != (wide not in (None, "utf-8")):
            raise DialectError(
                f"{location}: `encoding: {encoding}` is stated, but the file is "
                f"{f'in {wide}' if wide else 'of single bytes'}; leave `encoding` out"
            )
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        byte = f"byte 0x{content[error.start]:02x}"
        raise DialectError(
            f"{location}, line {_line(content, error.start)}: {byte} is not text in {encoding}; leave `encoding` out, "
            "or state another encoding"
        ) from None


def looks_like_utf8(content: bytes) -> bool:
    """Whether the bytes hold non-ASCII letters, all of them in UTF-8."""
    try:
        return not content.isascii() and bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
