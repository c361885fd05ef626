"""Data files that are damaged or made to do harm: each is read, or is one error that names it, at a bounded cost.

`pytest tests/robustness --runs 5000` tries 5,000 files of each make; a short run tries 100.
"""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from bounds import within
from mutations import mutated

from nnlite.data import (
    Csv,
    Data,
    Idx,
    JsonLines,
    Limits,
    Npy,
    Npz,
    Split,
    image_dataset_from_directory,
    open_rows,
    read_table_file,
    text_dataset_from_directory,
)
from nnlite.data.storage.opening import table_chunks
from nnlite.errors import DataError, NNLiteError

SECONDS = 5  # of the processor: a bound that only what does not end reaches
ROWS = 30


def table(chance) -> bytes:
    """A text table in some dialect."""
    delimiter, newline = chance.choice(",;\t|"), chance.choice(("\n", "\r\n"))
    rows = [["size", "kind", "note", "target"]]
    for row in range(ROWS):
        rows.append([f"{chance.gauss(0, 1):.4g}", chance.choice("abc"), f'"x{delimiter}{row}"', str(row % 2)])
    content = newline.join(delimiter.join(row) for row in rows).encode(chance.choice(("utf-8", "utf-16", "cp1252")))
    return chance.choice((bytes, bytes, gzip.compress, bz2.compress, lzma.compress))(content)


def npy(chance) -> bytes:
    dtype = chance.choice(("f4", "f8", "i8", "u1", "<U3", ">f8", "?", "c8", "M8[s]"))
    file = io.BytesIO()
    array = np.arange(ROWS * 2).reshape(ROWS, 2).astype(dtype)
    np.lib.format.write_array(file, np.asfortranarray(array) if chance.random() < 0.3 else array)
    return file.getvalue()


def npz(chance) -> bytes:
    """Two arrays; their checksums are right also where they are damaged."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name in ("inputs", "target"):
            content = npy(chance)
            archive.writestr(f"{name}.npy", mutated(content, chance, 1) if chance.random() < 0.5 else content)
    return file.getvalue()


def idx(chance) -> bytes:
    shape = chance.choice(((ROWS, 4, 4), (ROWS,), (ROWS, 2)))
    size = {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}
    kind = chance.choice([*size])
    head = bytes([0, 0, kind, len(shape)])
    if chance.random() < 0.3:
        head = bytes([0, 0, chance.randrange(256), chance.randrange(256)])
    content = head + struct.pack(f">{len(shape)}I", *shape) + chance.randbytes(size[kind] * int(np.prod(shape)))
    return gzip.compress(content) if chance.random() < 0.3 else content


def json_lines(chance) -> bytes:
    rows = [{"size": chance.gauss(0, 1), "kind": chance.choice("abc"), "target": row % 2} for row in range(ROWS)]
    return "\n".join(map(json.dumps, rows)).encode() if chance.random() < 0.5 else json.dumps(rows).encode()


def sheet(chance) -> bytes:
    """A workbook with a damaged part, whose checksum is right."""
    openpyxl = pytest.importorskip("openpyxl")
    book, whole, file = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    for row in [["size", "target"], *([row, row % 2] for row in range(5))]:
        book.active.append(row)
    book.save(whole)
    with zipfile.ZipFile(whole) as parts, zipfile.ZipFile(file, "w") as archive:
        spoilt = chance.choice(parts.namelist())
        for name in parts.namelist():
            archive.writestr(name, mutated(parts.read(name), chance, 1) if name == spoilt else parts.read(name))
    return file.getvalue()


def parquet(chance) -> bytes:
    pyarrow, file = pytest.importorskip("pyarrow"), io.BytesIO()
    columns = pyarrow.table({"size": [1.0, 2.0, None] * 10, "kind": ["a", "b", "c"] * 10, "target": [0, 1, 0] * 10})
    if chance.random() < 0.5:
        from pyarrow import parquet

        parquet.write_table(columns, file)
    else:
        from pyarrow import feather

        feather.write_feather(columns, file, chance.choice(("lz4", "zstd", "uncompressed")))
    return file.getvalue()


def image(chance) -> bytes:
    pillow, file = pytest.importorskip("PIL.Image"), io.BytesIO()
    mode = chance.choice(("RGB", "L", "P", "RGBA", "I;16", "1"))
    kind = chance.choice(("PNG", "JPEG", "BMP", "GIF"))
    if kind == "JPEG" or mode == "I;16":
        mode = "RGB" if kind != "PNG" else mode
    pillow.new(mode, (7, 5)).save(file, kind)
    return file.getvalue()


def prepared(source):
    return Data(source, Split(0.2, 0.2)).prepare("auto", seed=0)


def every_image(path):
    return list(image_dataset_from_directory(os.path.dirname(path), labels=None, verbose=False, image_size=(8, 8)))


MAKES = {
    "table.csv": (table, lambda path: prepared(Csv(path, "target"))),
    "streamed.csv": (table, lambda path: list(table_chunks(path))),
    "open.npy": (npy, lambda path: open_rows(path)[:3]),
    "both.npy": (npy, lambda path: prepared(Npy(path, path))),
    "arrays.npz": (npz, lambda path: prepared(Npz(path))),
    "rows.npz": (npz, lambda path: open_rows(path, "inputs")[:3]),
    "images.idx": (idx, lambda path: Idx(path, path).load("regression")),
    "rows.jsonl": (json_lines, lambda path: prepared(JsonLines(path, "target"))),
    "book.xlsx": (sheet, read_table_file),
    "table.parquet": (parquet, read_table_file),
    "chunks.parquet": (parquet, lambda path: list(table_chunks(path))),
    "any.bin": (lambda chance: chance.choice((table, npy, npz, idx, json_lines))(chance), read_table_file),
    "image.png": (image, every_image),
}


@pytest.mark.parametrize("name", MAKES)
@pytest.mark.filterwarnings("ignore")
def test_damaged_files(name, tmp_path, runs):
    """A file is read, or is one error that names it, soon."""
    make, read = MAKES[name]
    path, outcomes = tmp_path / name, {True: 0, False: 0}
    for seed in range(runs or 100):
        chance = random.Random(f"{name} {seed}")
        content = make(chance)
        path.write_bytes(mutated(content, chance) if chance.random() < 0.9 else content)
        try:
            within(lambda: read(str(path)), SECONDS, label=f"seed {seed}")
            outcomes[True] += 1
        except NNLiteError as error:
            outcomes[False] += 1
            assert name in str(error) or "split" in str(error) or "target" in str(error), (seed, error)
            assert len(str(error)) < 2_000, seed
        except Exception as error:
            raise AssertionError(f"{name}: seed {seed}: {type(error).__name__}: {error}") from error
    assert min(outcomes.values()), "each file, or none, was read: the test tests nothing"


def header_of(shape, descr="<f8") -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text) + 1) + text + b"\n"


def archive(content: bytes, claimed: int | None = None, flags: int = 0) -> bytes:
    """An .npz file with one array; it may claim another size for it, or be marked as encrypted."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("inputs.npy", content)
    whole = bytearray(file.getvalue())
    central = whole.index(b"PK\1\2")
    if claimed is not None:
        struct.pack_into("<I", whole, central + 24, claimed)
    whole[6] |= flags
    whole[central + 8] |= flags
    return bytes(whole)


def png_of(width: int, height: int) -> bytes:
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


ZEROS = bytes(2**20)


def bomb(compress, head=b"", times=320) -> bytes:
    """So many MiB of zeros behind `head`, in as many streams, one after another."""
    return compress(head) + compress(ZEROS) * times


ZIP_BOMB = archive(header_of((2**25 + 2**23,)) + ZEROS * 320)
# name -> content, what reads it, part of the message.
HOSTILE = {
    "bomb.csv": (bomb(gzip.compress), read_table_file, "limits.expansion is 300"),
    "bz2.csv": (bomb(bz2.compress), read_table_file, "limits.expansion is 300"),
    "xz.csv": (bomb(lzma.compress), read_table_file, "limits.expansion is 300"),
    "bomb.idx": (
        bomb(gzip.compress, b"\0\0\x08\1\xff\xff\xff\xff"),
        lambda p: Idx(p, p).load("auto"),
        "expansion",
    ),
    "255.idx": (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\0", lambda p: Idx(p, p).load("auto"), "255 dimensions"),
    "huge.idx": (b"\0\0\x0e\2" + b"\xff" * 8 + bytes(8), lambda p: Idx(p, p).load("auto"), "damaged; shape"),
    "huge.npy": (header_of((10**12,)) + bytes(80), lambda p: Npy(p, p).load("auto"), "an array of shape"),
    "long.npy": (header_of((10**8,)) + bytes(80), lambda p: Npy(p, p).load("auto"), "needs 800000000 bytes, found 80"),
    "minus.npy": (header_of((-1,)) + bytes(80), lambda p: Npy(p, p).load("auto"), "no array has the shape"),
    "deep.npy": (header_of((1,) * 70) + bytes(8), lambda p: Npy(p, p).load("auto"), "no array has the shape"),
    "void.npy": (header_of((3,), "V0"), lambda p: Npy(p, p).load("auto"), "expected"),
    "texts.npy": (header_of((3,), "<U1") + b"\xff" * 12, lambda p: Npy(p, p).load("auto"), "is not a character"),
    "code.npy": (header_of((3,), "O") + b"cos\nsystem\n.", lambda p: Npy(p, p).load("auto"), "holds Python objects"),
    "rows.npy": (header_of((10**9, 10**6)) + bytes(80), open_rows, "needs 8000000000000000 bytes, found 80"),
    "bomb.npz": (
        ZIP_BOMB,
        lambda p: Npz(p).load("auto"),
        "limits.expansion is 300",
    ),
    "stored.npz": (
        ZIP_BOMB,
        lambda p: open_rows(p, "inputs"),
        "limits.expansion is 300",
    ),
    "claims.npz": (archive(header_of((2,)) + bytes(16), 2**32 - 2), lambda p: Npz(p).load("auto"), "limits.expansion"),
    "shorter.npz": (
        archive(header_of((9,)) + bytes(8), 2**20),
        lambda p: Npz(p).load("auto"),
        "damaged; it ends after",
    ),
    "secret.npz": (archive(header_of((2,)) + bytes(16), flags=1), lambda p: Npz(p).load("auto"), "encrypted"),
    "matrix.npy": (
        header_of((2, 1)) + np.array([1.0, 1e192]).tobytes(),
        read_table_file,
        "row 1: 1e+192 is too large for float32",
    ),
    "deep.json": (b"[" * 100_000, read_table_file, "not valid JSON"),
    "digits.jsonl": (b'{"a": ' + b"1" * 5000 + b"}", read_table_file, "line 1: not valid JSON"),
    "digits.csv": (b"a,t\n" + b"1" * 5000 + b",1\n2,0\n" * 9, lambda p: prepared(Csv(p, "t")), "digits.csv"),
    "names.csv": (b"a," + b"9" * 5000 + b"target\n1,2\n", lambda p: prepared(Csv(p, "target")), "Columns: 9999"),
    "image.png": (png_of(20_000, 20_000), every_image, "Image size"),
    "wide.png": (png_of(13_000, 13_000), every_image, "an image of 13,000 x 13,000 pixels, and limits.pixels is"),
    "program.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", every_image, "cannot identify"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore")
def test_hostile_files(name, tmp_path):
    """What a file would cost is found out before it is paid."""
    content, read, message = HOSTILE[name]
    if name.endswith(".png"):
        pytest.importorskip("PIL")
    (tmp_path / name).write_bytes(content)
    expanding = name in ("bomb.csv", "bz2.csv", "xz.csv", "bomb.idx")  # until the limit: a buffer that grows by halves
    with pytest.raises(DataError) as caught:
        within(lambda: read(str(tmp_path / name)), SECONDS, len(content) + 2**26 + expanding * 2**30)
    assert name in str(caught.value) and message in str(caught.value) and len(str(caught.value)) < 2_000


LIMITS = {
    "bytes": (Limits(bytes=50), "60 bytes in memory, and limits.bytes is 50"),
    "rows": (Limits(rows=3), "10 lines, and limits.rows is 3"),
    "columns": (Limits(columns=2), "3 columns, and limits.columns is 2"),
    "cell_length": (Limits(cell_length=3), "a cell of 4 characters, and limits.cell_length is 3"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_of_tables(name, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,t\n" + "1,22,x\n" * 6 + "1,22,xyzt\n12\n"[:10] + "\n\n")
    limits, message = LIMITS[name]
    with limits.in_force(), pytest.raises(DataError, match=r"t\.csv.*raise it if the file is meant to be so") as caught:
        read_table_file(str(path))
    assert message in str(caught.value)
    assert read_table_file(str(path)).names == ["a", "b", "t"]  # the limits end with their context


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_counts_once_however_it_ends(end, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join(["a,b", "1,2", "3,4", "5,6", ""]).encode())
    with Limits(rows=4).in_force():
        assert read_table_file(str(path)).n_rows == 3
    with Limits(rows=3).in_force(), pytest.raises(DataError, match=r"4 lines, and limits\.rows is 3"):
        read_table_file(str(path))


def test_limits_of_a_config_hold(tmp_path):
    np.savez(tmp_path / "a.npz", inputs=np.ones((20, 2)), target=np.arange(20) % 2)
    data = {"source": {"Npz": {"path": str(tmp_path / "a.npz")}}, "split": {"validation": 0, "test": 0.2}}
    assert Data.get(data).prepare("auto", seed=0).parts
    with pytest.raises(DataError, match=r"448 bytes in memory, and limits\.bytes is 300"):
        Data.get({**data, "limits": {"bytes": 300}}).prepare("auto", seed=0)
    assert Data.get({**data, "limits": {"bytes": 300}}).get_config()["limits"]["bytes"] == 300


def test_memory_of_tables_is_known_before_cells_are_made(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    with Limits(bytes=100_000).in_force(), pytest.raises(DataError, match=r"some 2,002 cells, 124,124 bytes in memory"):
        read_table_file(str(path))


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize("read", [Csv, Npz, Idx, Npy, JsonLines, read_table_file, table_chunks, open_rows, "text"])
def test_what_is_no_file_is_refused(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    cases = {"/dev/zero": "a device", str(tmp_path / "pipe"): "a pipe", str(tmp_path): "Is a directory", "a\0b": "null"}
    for path, message in cases.items():
        with pytest.raises(DataError) as caught:
            if isinstance(read, type):
                arguments = (path, path) if read in (Idx, Npy) else (path, "t") if read in (Csv, JsonLines) else (path,)
                read(*arguments).load("auto")
            elif read == "text":
                (tmp_path / "texts").mkdir(exist_ok=True)
                link = tmp_path / "texts" / "a.txt"
                if "\0" in path:
                    raise DataError(f"{path}: null")
                link.unlink(missing_ok=True)
                link.symlink_to(path if path != str(tmp_path) else "/dev/zero")
                path = str(link)
                list(text_dataset_from_directory(tmp_path / "texts", labels=None, verbose=False))
            else:
                list(read(path))
        assert path in str(caught.value)
        assert message in str(caught.value) or (read == "text" and "a device" in str(caught.value))


def test_damage_of_compressed_data_is_found(tmp_path):
    """The checksum of a member is compared also where its array is complete."""
    whole = bytearray(archive(header_of((4,)) + np.arange(4.0).tobytes()))
    whole[14] ^= 1  # the checksum, here and in the directory
    whole[whole.index(b"PK\1\2") + 16] ^= 1
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.npz: not an \.npz file of plain arrays \(Bad CRC-32"):
        Npz(str(tmp_path / "a.npz")).load("auto")


def test_arrays_are_those_of_numpy(tmp_path):
    generator = np.random.default_rng(0)
    for number, dtype in enumerate(("f4", ">f8", "i2", "?", "U5", "c16", "M8[s]", [("a", "i4"), ("b", "f8")])):
        for shape in ((), (0,), (3,), (2, 0), (2, 3, 4)):
            array = generator.integers(0, 100, shape).astype(dtype)
            for form in (array, np.asfortranarray(array)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    np.savez_compressed(tmp_path / "a.npz", inputs=form)
                    np.save(tmp_path / "a.npy", form)
                from nnlite.data import read_npy, read_npz

                for read in (read_npz(str(tmp_path / "a.npz"), None), read_npy(str(tmp_path / "a.npy"))):
                    assert read.dtype == form.dtype and read.shape == form.shape, number
                    np.testing.assert_array_equal(read, form)
