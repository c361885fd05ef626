"""Data files made by hand to do harm or to mislead: what is in each, what reads it, and what is to come of that."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.data import Csv, Data, Idx, JsonLines, Npy, Npz, Split, open_rows, read_table_file
from nnlite.data.storage.opening import table_chunks

Reader = Callable[[str], Any]
HEAD, ROW = b"a,b,t\n", b"1,2,0\n2,3,1\n"
GOOD = HEAD + ROW * 20
LONG = 20_000_000  # characters, which is more than `limits.cell_length`


def prepared(path: str) -> Any:
    """The encoded parts of a table whose target is `t`."""
    return Data(Csv(path, "t"), Split(0.2, 0.2)).prepare("auto", seed=0)


def streamed(path: str) -> Any:
    """The chunks of a table that is not held in memory as a whole."""
    return list(table_chunks(path))


def lines(path: str) -> Any:
    """The encoded parts of a file of JSON lines."""
    return Data(JsonLines(path, "t"), Split(0.2, 0.2)).prepare("auto", seed=0)


def archive(path: str) -> Any:
    return Npz(path).load("auto")


def array(path: str) -> Any:
    return Npy(path, path).load("regression")


def indexed(path: str) -> Any:
    return Idx(path, path).load("regression")


def header(shape: Any, descr: Any = "<f8", order: Any = False, version: bytes = b"\1\0") -> bytes:
    """The header of an `.npy` file; values are written as Python spells them."""
    return raw_header(f"{{'descr': {descr!r}, 'fortran_order': {order!r}, 'shape': {shape!r}, }}", version)


def raw_header(text: str, version: bytes = b"\1\0") -> bytes:
    data = text.encode() + b"\n"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(data))
    return b"\x93NUMPY" + version + size + data


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members.items():
            out.writestr(name, content)
    return file.getvalue()


def idx(kind: int, shape: tuple[int, ...], content: bytes) -> bytes:
    return bytes([0, 0, kind, len(shape)]) + b"".join(struct.pack(">I", length) for length in shape) + content


def cells(*rows: bytes, head: bytes = HEAD) -> bytes:
    """A table with some rows after twenty good ones."""
    return head + ROW * 10 + b"".join(rows)


EIGHT = np.arange(8.0)
COLUMN = (8, 1)
NPY = header((8,)) + EIGHT.tobytes()
GZ = gzip.compress(GOOD)
Case = tuple[bytes | Callable[[], bytes], Reader]

# Name of a file -> its content, or what makes it, and what reads it. Refused: one error that names the file.
REFUSED: dict[str, Case] = {
    # Texts that are no tables.
    "empty.csv": (b"", prepared),
    "newlines.csv": (b"\n" * 1000, prepared),
    "blanks.csv": (b" " * 1000, prepared),
    "head.csv": (HEAD, prepared),
    "one_row.csv": (HEAD + b"1,2,0\n", prepared),
    "one_cell.csv": (b"1", prepared),
    "mark.csv": (b"\xef\xbb\xbf", prepared),
    "zeros.csv": (bytes(4096), prepared),
    "nul.csv": (cells(b"1,\x002,0\n"), prepared),
    "nul_head.csv": (b"a,\x00b,t\n" + ROW * 10, prepared),
    "page.csv": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", prepared),
    "pointer.csv": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", prepared),
    "elf.csv": (b"\x7fELF" + bytes(range(256)) * 16, prepared),
    "png.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, prepared),
    "pdf.csv": (b"%PDF-1.7\n" + bytes(range(256)) * 4, prepared),
    "tar.csv": (b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(248) + GOOD.ljust(1024, b"\0"), prepared),
    "sqlite.csv": (b"SQLite format 3\0" + bytes(100), prepared),
    "parquet.csv": (b"PAR1" + bytes(100) + b"PAR1", prepared),
    # Rows and quoting.
    "ragged.csv": (cells(b"1,2\n"), prepared),
    "wide_row.csv": (cells(b"1,2,0,9\n"), prepared),
    "quote_open.csv": (cells(b'1,"2,0\n', ROW * 10), prepared),
    "quote_inside.csv": (cells(b'1,"2"3,0\n'), prepared),
    "quote_end.csv": (cells(b'"'), prepared),
    "no_target.csv": (b"a,b,c\n" + ROW * 10, prepared),
    "target_case.csv": (b"a,b,T\n" + ROW * 10, prepared),
    "target_blank.csv": (b"a,b,t \n1,2,\n" * 10, prepared),
    # Cells.
    "infinite.csv": (cells(b"inf,2,0\n"), prepared),
    "minus_infinite.csv": (cells(b"-Infinity,2,0\n"), prepared),
    "overflow.csv": (cells(b"1e999,2,0\n"), prepared),
    "too_large.csv": (cells(b"1e300,2,0\n"), prepared),
    "digits.csv": (cells(b"9" * 5000 + b",2,0\n"), prepared),
    "one_class.csv": (HEAD + b"1,2,0\n" * 40, prepared),
    "cell_of_20_MB.csv": (lambda: cells(b"x" * LONG + b",2,0\n"), prepared),
    "line_of_20_MB.csv": (lambda: b"x" * LONG, prepared),
    "name_of_20_MB.csv": (lambda: b"a," + b"x" * LONG + b",t\n" + ROW * 10, prepared),
    "stream_of_20_MB.csv": (lambda: cells(b"x" * LONG + b",2,0\n"), streamed),
    "columns_2e6.csv": (lambda: b",".join([b"c"] * 2_000_000) + b"\n" + b",".join([b"1"] * 2_000_000), prepared),
    # Encodings.
    "utf16_odd.csv": ("a,b,t\n1,2,0\n".encode("utf-16")[:-1], prepared),
    "utf8_broken.csv": (b"a,b,t\n1,\xc3\x28,0\n" * 20, lambda path: prepared_in(path, "utf-8")),
    "utf8_long.csv": (cells(b"\xc0\xaf,2,0\n"), lambda path: prepared_in(path, "utf-8")),
    "surrogate.csv": (cells(b"\xed\xa0\x80,2,0\n"), lambda path: prepared_in(path, "utf-8")),
    "encoding.csv": (GOOD, lambda path: prepared_in(path, "utf-9")),
    "rot13.csv": (GOOD, lambda path: prepared_in(path, "rot13")),
    "base64.csv": (GOOD, lambda path: prepared_in(path, "base64")),
    "zlib.csv": (GOOD, lambda path: prepared_in(path, "zlib")),
    "idna.csv": (b"a,b,t\n" + b"xn--" + b"9" * 100 + b",2,0\n", lambda path: prepared_in(path, "idna")),
    "utf7.csv": (b"a,b,t\n+AGE,2,0\n+////,3,1\n" * 9, lambda path: prepared_in(path, "utf-7")),
    "escape.csv": (b"a,b,t\n\\N{NOBODY},2,0\n" * 9, lambda path: prepared_in(path, "unicode_escape")),
    "ascii.csv": (cells("é,2,0\n".encode()), lambda path: prepared_in(path, "ascii")),
    # Compressed.
    "cut.csv.gz": (GZ[:-9], prepared),
    "head.csv.gz": (GZ[:10], prepared),
    "sum.csv.gz": (GZ[:-8] + bytes(4) + GZ[-4:], prepared),
    "length.csv.gz": (GZ[:-4] + b"\xff" * 4, prepared),
    "after.csv.gz": (GZ + b"more", prepared),
    "method.csv.gz": (GZ[:2] + b"\7" + GZ[3:], prepared),
    "flags.csv.gz": (GZ[:3] + b"\xff" + GZ[4:], prepared),
    "twice.csv.gz": (gzip.compress(GZ), prepared),
    "empty.csv.gz": (gzip.compress(b""), prepared),
    "plain.csv.gz": (b"\x1f\x8b", prepared),
    "bomb.csv.gz": (lambda: gzip.compress(bytes(2**20)) * 400, prepared),
    "lines.csv.gz": (lambda: gzip.compress(HEAD) + gzip.compress(ROW * 2**16) * 500, prepared),
    "stream.csv.gz": (lambda: gzip.compress(bytes(2**20)) * 400, streamed),
    "bomb.csv.zip": (lambda: zipped({"t.csv": bytes(2**20) * 400}, zipfile.ZIP_DEFLATED), prepared),
    "stream.csv.zip": (lambda: zipped({"t.csv": bytes(2**20) * 400}, zipfile.ZIP_DEFLATED), streamed),
    "cut.csv.zip": (zipped({"t.csv": GOOD})[:-9], prepared),
    "inside.csv.zip": (zipped({"t.csv": GZ}), prepared),
    "checksum.csv.zip": (zipped({"t.csv": GOOD}).replace(ROW, ROW[::-1], 1), prepared),
    "cut.csv.bz2": (bz2.compress(GOOD)[:-9], prepared),
    "cut.csv.xz": (lzma.compress(GOOD)[:-9], prepared),
    "memory.csv.xz": (lzma.compress(GOOD)[:12] + b"\xff" * 20, prepared),
    "bomb.csv.xz": (lambda: lzma.compress(bytes(2**29), preset=0), prepared),
    # NumPy's arrays.
    "empty.npy": (b"", array),
    "magic.npy": (b"\x93NUMPY", array),
    "version.npy": (header((8,), version=b"\x09\0") + EIGHT.tobytes(), array),
    "length.npy": (b"\x93NUMPY\2\0" + b"\xff" * 4 + b"{}", array),
    "text.npy": (raw_header("shape") + EIGHT.tobytes(), array),
    "code.npy": (raw_header("__import__('os').system('touch harmed')"), array),
    "call.npy": (raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': (abs(-8),)}") + EIGHT.tobytes(), array),
    "nested.npy": (raw_header("(" * 5000 + ")" * 5000), array),
    "keys.npy": (raw_header("{'descr': '<f8'}") + EIGHT.tobytes(), array),
    "more_keys.npy": (raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': (8,), 'x': 1}"), array),
    "order.npy": (header((8,), order="yes") + EIGHT.tobytes(), array),
    "shape_text.npy": (header("8") + EIGHT.tobytes(), array),
    "shape_float.npy": (header((8.0,)) + EIGHT.tobytes(), array),
    "shape_true.npy": (header((True, 8)) + EIGHT.tobytes(), array),
    "shape_huge.npy": (header((10**30,)) + EIGHT.tobytes(), array),
    "shape_wrap.npy": (header((2**63, 2)) + EIGHT.tobytes(), array),
    "shape_zero.npy": (header((2**62, 0)), array),
    "shape_none.npy": (header(None) + EIGHT.tobytes(), array),
    "scalar.npy": (header(()) + bytes(8), array),
    "no_rows.npy": (header((0, 3)), array),
    "no_columns.npy": (header((3, 0)), array),
    "dtype.npy": (header((8,), "<f9") + EIGHT.tobytes(), array),
    "dtype_none.npy": (header((8,), None) + EIGHT.tobytes(), array),
    "dtype_object.npy": (header((8,), "|O") + b"cos\nsystem\n(S'touch harmed'\ntR.", array),
    "dtype_fields.npy": (header((8,), [("a", "<f8"), ("b", "|O")]) + EIGHT.tobytes(), array),
    "dtype_wide.npy": (header((1,), "<U1000000000"), array),
    "dtype_sub.npy": (header((1,), ("<f8", (10**9,))) + bytes(8), array),
    "dtype_time.npy": (header((8,), "<M8[zz]") + EIGHT.tobytes(), array),
    "dtype_text.npy": (header((2,), "<U2") + "abcd".encode("utf-32-le"), array),
    "dtype_void.npy": (header((8,), "|V8") + EIGHT.tobytes(), array),
    "cut.npy": (NPY[:-1], array),
    "nan.npy": (header((8,)) + np.full(8, np.nan).tobytes(), array),
    "infinite.npy": (header((8,)) + np.full(8, np.inf).tobytes(), array),
    "too_large.npy": (header((8,)) + np.full(8, 1e300).tobytes(), array),
    "rows_cut.npy": (NPY[:-1], open_rows),
    "rows_object.npy": (header((8,), "|O") + bytes(64), open_rows),
    "rows_scalar.npy": (header(()) + bytes(8), open_rows),
    # Archives of arrays.
    "empty.npz": (b"", archive),
    "nothing.npz": (zipped({}), archive),
    "text.npz": (zipped({"inputs.npy": b"text", "target.npy": NPY}), archive),
    "names.npz": (zipped({"x.npy": NPY, "y.npy": NPY}), archive),
    "folder.npz": (zipped({"inputs.npy/": b"", "target.npy": NPY}), archive),
    "half.npz": (zipped({"inputs.npy": NPY}), archive),
    "rows.npz": (zipped({"inputs.npy": NPY, "target.npy": header((3,)) + EIGHT[:3].tobytes()}), archive),
    "objects.npz": (zipped({"inputs.npy": header((1,), "|O") + b"cos\nsystem\n.", "target.npy": NPY}), archive),
    "cut.npz": (zipped({"inputs.npy": NPY, "target.npy": NPY})[:-30], archive),
    "inner.npz": (zipped({"inputs.npy": NPY[:-8], "target.npy": NPY}), archive),
    "bomb.npz": (lambda: zipped({"inputs.npy": header((2**26,)) + bytes(2**29), "target.npy": NPY}, 8), archive),
    "many.npz": (lambda: zipped({f"{number}.npy": NPY for number in range(20_000)}), archive),
    "scalar.npz": (zipped({"inputs.npy": header(()) + bytes(8), "target.npy": NPY}), archive),
    "gzip.npz": (gzip.compress(zipped({"inputs.npy": NPY, "target.npy": NPY})), archive),
    # IDX.
    "empty.idx": (b"", indexed),
    "magic.idx": (b"\0\0\x08", indexed),
    "start.idx": (b"\1\0\x08\1" + b"\0\0\0\2ab", indexed),
    "kind.idx": (idx(0x07, (2,), b"ab"), indexed),
    "axes.idx": (bytes([0, 0, 8, 0]), indexed),
    "short.idx": (idx(8, (9,), b"ab"), indexed),
    "long.idx": (idx(8, (1,), b"ab"), indexed),
    "product.idx": (idx(8, (2**31, 2**31, 4), b"ab"), indexed),
    "cut_shape.idx": (bytes([0, 0, 8, 3]) + b"\0\0\0\2", indexed),
    "no_rows.idx": (idx(8, (0, 2), b""), indexed),
    "nan.idx": (idx(0x0D, (2,), struct.pack(">2f", np.nan, 1)), indexed),
    "gzip.idx": (gzip.compress(idx(8, (2,), b"ab"))[:-5], indexed),
    "bomb.idx.gz": (lambda: gzip.compress(idx(8, (2**30,), b"")) + gzip.compress(bytes(2**20)) * 400, indexed),
    # JSON.
    "empty.jsonl": (b"", lines),
    "text.jsonl": (b"hello\n", lines),
    "number.jsonl": (b"1\n2\n", lines),
    "cut.jsonl": (b'{"a": 1, "t": 0}\n{"a": 2, "t"', lines),
    "nan.jsonl": (b'{"a": NaN, "t": 0}\n' * 9, lines),
    "deep.jsonl": (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b', "t": 0}\n', lines),
    "deep_list.json": (b"[" * 200_000, read_table_file),
    "digits.jsonl": (b'{"a": ' + b"9" * 5000 + b', "t": 0}\n', lines),
    "large.jsonl": (b'{"a": 1e999, "t": 0}\n' * 9, lines),
    "lists.jsonl": (b'{"a": [1, 2], "t": 0}\n{"a": [1], "t": 1}\n' * 9, lines),
    "objects.jsonl": (b'{"a": {"b": 1}, "t": 0}\n' * 9, lines),
    "no_target.jsonl": (b'{"a": 1}\n' * 9, lines),
    "string_20_MB.jsonl": (lambda: b'{"a": "' + b"x" * LONG + b'", "t": 0}\n', lines),
    # Tables of libraries.
    "empty.parquet": (b"", read_table_file),
    "magic.parquet": (b"PAR1PAR1", read_table_file),
    "footer.parquet": (b"PAR1" + b"\xff" * 8 + b"\xff\xff\xff\x7fPAR1", read_table_file),
    "zeros.parquet": (b"PAR1" + bytes(4096) + struct.pack("<I", 4000) + b"PAR1", read_table_file),
    "magic.feather": (b"ARROW1\0\0" + bytes(64) + b"ARROW1", read_table_file),
    "empty.xlsx": (b"", read_table_file),
    "nothing.xlsx": (zipped({}), read_table_file),
    "no_sheet.xlsx": (zipped({"[Content_Types].xml": b"<Types/>"}), read_table_file),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), read_table_file),
}


def prepared_in(path: str, encoding: str) -> Any:
    """As `prepared`, of a table whose encoding is stated."""
    return Data(Csv(path, "t", encoding=encoding), Split(0.2, 0.2)).prepare("auto", seed=0)


# Read, however odd they look; a column with a cell that is no number is one of text.
READ: dict[str, tuple[bytes, Reader]] = {
    "zip.csv": (zipped({"a.csv": GOOD}), prepared),
    "underscores.csv": (cells(b"1_000,2,0\n"), prepared),
    "hexadecimal.csv": (cells(b"0x10,2,0\n"), prepared),
    "arabic.csv": (cells("\u0661\u0662,2,0\n".encode()), prepared),
    "full_width.csv": (cells("\uff11\uff12,2,0\n".encode()), prepared),
    "complex.csv": (cells(b"1+2j,2,0\n"), prepared),
    "percent.csv": (cells(b"12%,2,0\n"), prepared),
    "currency.csv": (cells("€12,2,0\n".encode()), prepared),
    "format.csv": (cells(b"{0.__class__},2,0\n"), prepared),
    "formula.csv": (cells(b"=cmd|' /C calc'!A0,2,0\n"), prepared),
    "script.csv": (cells(b"<script>alert(1)</script>,2,0\n"), prepared),
    "override.csv": (cells("\u202e12,2,0\n".encode()), prepared),
    "minus.csv": (cells("\u221212,2,0\n".encode()), prepared),
    "two_points.csv": (cells(b"1.2.3,2,0\n"), prepared),
    "words.csv": (cells(b"twelve,2,0\n"), prepared),
    "date.csv": (cells(b"2024-02-30,2,0\n"), prepared),
    "names_twice.csv": (b"a,a,t\n" + ROW * 10, prepared),
    "kinds.jsonl": (b'{"a": 1, "t": 0}\n{"a": "x", "t": 1}\n' * 9, lines),
    "surrogate.jsonl": (b'{"a": "\\ud800", "t": 0}\n{"a": "x", "t": 1}\n' * 9, read_table_file),
    "ragged.jsonl": (b'{"a": 1, "t": 0}\n{"b": 1, "t": 1}\n' * 9, lines),
    "text.parquet": (GOOD, read_table_file),
    "text.feather": (GOOD, read_table_file),
    "text.xlsx": (GOOD, read_table_file),
    "cr.csv": (GOOD.replace(b"\n", b"\r"), prepared),
    "crlf.csv": (GOOD.replace(b"\n", b"\r\n"), prepared),
    "mark.csv": (b"\xef\xbb\xbf" + GOOD, prepared),
    "utf16.csv": (GOOD.decode().encode("utf-16"), prepared),
    "semicolons.csv": (GOOD.replace(b",", b";"), prepared),
    "tabs.tsv": (GOOD.replace(b",", b"\t"), prepared),
    "pipes.csv": (GOOD.replace(b",", b"|"), prepared),
    "commas.csv": (b"a;b;t\n" + b"1,5;2,5;0\n2,5;3,5;1\n" * 20, prepared),
    "thousands.csv": (b"a;b;t\n" + b"1.234,5;2;0\n2.345,5;3;1\n" * 20, prepared),
    "quoted.csv": (b'"a","b","t"\n' + b'"1","2","0"\n"2","3","1"\n' * 20, prepared),
    "no_end.csv": (GOOD[:-1], prepared),
    "blank_end.csv": (GOOD + b"\n\n\n", prepared),
    "negative_zero.csv": (HEAD + b"-0,2,0\n-0.0,3,1\n1,2,0\n" * 20, prepared),
    "tiny.csv": (HEAD + b"1e-320,2,0\n5e-324,3,1\n1,2,0\n" * 20, prepared),
    "gaps.csv": (HEAD + b"NA,2,0\n,3,1\n1,2,0\n" * 20, prepared),
    "no_final_gz.csv.gz": (GZ + GZ[:0], prepared),
    "parts.csv.gz": (gzip.compress(HEAD) + gzip.compress(ROW * 20), prepared),
    "fortran.npy": (header(COLUMN, order=True) + EIGHT.tobytes(), array),
    "version2.npy": (header(COLUMN, version=b"\2\0") + EIGHT.tobytes(), array),
    "version3.npy": (header(COLUMN, version=b"\3\0") + EIGHT.tobytes(), array),
    "big.npy": (header(COLUMN, ">f8") + EIGHT.astype(">f8").tobytes(), array),
    "after.npy": (header(COLUMN) + EIGHT.tobytes() + b"more", array),
    "escapes.jsonl": (b'{"a": "\\u00e9", "t": 0}\n{"a": "x", "t": 1}\n' * 20, read_table_file),
    "list.json": (json.dumps([{"a": row, "t": row % 2} for row in range(20)]).encode(), read_table_file),
}


def png(width: int, height: int, *, bits: int = 8, kind: int = 2, data: bytes = b"\0", spoilt: bool = False) -> bytes:
    """A picture whose header may say more than there is."""

    def chunk(name: bytes, content: bytes) -> bytes:
        total = zlib.crc32(name + content) ^ spoilt
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", total)

    head = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


PICTURES: dict[str, bytes] = {
    "empty.png": b"",
    "text.png": b"hello",
    "magic.png": b"\x89PNG\r\n\x1a\n",
    "no_width.png": png(0, 5),
    "huge.png": png(2**31 - 1, 2**31 - 1),
    "wide.png": png(2**31 - 1, 1),
    "bits.png": png(4, 4, bits=7),
    "kind.png": png(4, 4, kind=5),
    "sum.png": png(4, 4, spoilt=True),
    "cut.png": png(400, 400)[:-20],
    "short.png": png(400, 400),
    "bomb.png": png(12_000, 12_000, data=bytes(2**24)),
    "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "ps.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "pcx.png": b"\x0a\x05\x01\x08" + b"\xff" * 124,
    "tiff.png": b"II*\0" + b"\xff" * 100,
    "gif.gif": b"GIF89a" + b"\xff" * 20,
    "cut.bmp": b"BM" + b"\xff" * 60,
    "cut.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20),
}


def specials(folder: Path) -> dict[str, str]:
    """Paths of what is no regular file, or cannot be read: label -> path."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    (folder / "dangling.csv").symlink_to(folder / "nowhere")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "random.csv").symlink_to("/dev/urandom")
    (folder / "to_pipe.csv").symlink_to(folder / "pipe.csv")
    (folder / "to_folder.csv").symlink_to(folder / "folder.csv")
    (folder / "file").write_bytes(GOOD)
    names = ("pipe", "folder", "dangling", "loop", "device", "random", "to_pipe", "to_folder")
    return {
        **{name: str(folder / f"{name}.csv") for name in names},
        "below a file": str(folder / "file" / "a.csv"),
        "no name": "",
        "a NUL": f"{folder}/a\0b.csv",
        "a long name": str(folder / ("x" * 5000)),
        "half a surrogate": str(folder / "\ud800.csv"),
        "nobody's home": "~nobody-at-all/a.csv",
    }
