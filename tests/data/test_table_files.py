"""Tables and arrays in files of every make, and on the standard input: one row is one row, whatever holds it."""

import bz2
import datetime
import gzip
import io
import json
import lzma
import re
import struct
import sys
import zlib

import numpy as np
import pytest

from nnlite.cli import main
from nnlite.data import (
    Csv,
    Data,
    Excel,
    FileFrame,
    Idx,
    Inline,
    JsonLines,
    Npy,
    Npz,
    Parquet,
    SeasonalSeries,
    Split,
    Table,
    image_dataset_from_directory,
    read_table_file,
)
from nnlite.errors import DataError, MissingLibraryError
from nnlite.experiment import Experiment, train

ROWS = [(1.5, 3, "red", "yes"), (None, 4, "blue", "no"), (2.5, 3, None, "yes"), (0.5, 10, "red", "no")] * 5
NAMES = ["size", "rooms", "colour", "sold"]


def as_csv(path, rows=ROWS, delimiter=","):
    cells = (["" if cell is None else str(cell) for cell in row] for row in rows)
    path.write_text("\n".join(map(delimiter.join, [NAMES, *cells])), encoding="utf-8")


def as_gzip(path, rows=ROWS):
    as_csv(path, rows, "\t")
    path.write_bytes(gzip.compress(path.read_bytes()))


def as_excel(path, rows=ROWS):
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.title = "notes"
    sheet = book.create_sheet("houses")
    for row in [NAMES, *rows]:
        sheet.append(row)
    book.save(path)


def as_parquet(path, rows=ROWS):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))), path)


def as_arrow(path, rows=ROWS):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather

    feather.write_feather(pyarrow.table(dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))), str(path))


def as_json(path, rows=ROWS):
    path.write_text(json.dumps([dict(zip(NAMES, row, strict=True)) for row in rows]), encoding="utf-8")


def as_json_lines(path, rows=ROWS):
    lines = [{name: cell for name, cell in zip(NAMES, row, strict=True) if cell is not None} for row in rows]
    path.write_text("\n\n".join(map(json.dumps, lines)), encoding="utf-8")


MAKES = {
    "t.csv": (as_csv, Csv),
    "t.tsv.gz": (as_gzip, Csv),
    "t.xlsx": (as_excel, Excel),
    "t.parquet": (as_parquet, Parquet),
    "t.feather": (as_arrow, Parquet),
    "t.json": (as_json, JsonLines),
    "t.jsonl": (as_json_lines, JsonLines),
}


def source_of(folder, name):
    write, source = MAKES[name]
    write(folder / name)
    sheet = {"sheet": "houses"} if source is Excel else {}
    return source(str(folder / name), "sold", categorical=["colour"], ordinal=["rooms"], **sheet)


@pytest.mark.parametrize("name", MAKES)
def test_every_make_gives_the_same_arrays(name, tmp_path):
    expected = Data(source_of(tmp_path, "t.csv"), Split(0, 0.2)).prepare("sparse", seed=0)
    prepared = Data(source_of(tmp_path, name), Split(0, 0.2)).prepare("sparse", seed=0)
    assert prepared.preprocessing.to_spec() == expected.preprocessing.to_spec()
    for part, (x, y) in expected.parts.items():
        np.testing.assert_array_equal(prepared.parts[part][0], x)
        np.testing.assert_array_equal(prepared.parts[part][1], y)
    for other in MAKES:  # what is trained on one make predicts from any other
        MAKES[other][0](tmp_path / other)
        if other != "t.xlsx" or name == "t.xlsx":
            encoded = expected.preprocessing.inputs.encode(prepared.data.source.read_inputs(str(tmp_path / other)))
            np.testing.assert_array_equal(encoded[[0, 3]], encoded[[4, 7]])
            assert encoded.shape == (20, 5)
            assert set(map(bytes, encoded)) == {bytes(row) for x, _ in expected.parts.values() for row in x}
    quantities = Data(
        type(prepared.data.source)(
            **{**prepared.data.source.get_config(), "target": "rooms", "ordinal": [], "categorical": ["colour", "sold"]}
        ),
        Split(0, 0.2),
    ).prepare("regression", seed=0)
    assert sorted({*quantities.preprocessing.target.decode(quantities.parts["training"][1])["rooms"].round(4)}) == [
        3,
        4,
        10,
    ]


@pytest.mark.parametrize("name", MAKES)
def test_the_standard_input(name, tmp_path, monkeypatch):
    MAKES[name][0](tmp_path / name)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / name).read_bytes())))
    table = read_table_file("-", sheet="houses" if name == "t.xlsx" else None)
    np.testing.assert_array_equal(table.column("size", "number").values, [row[0] or np.nan for row in ROWS])
    assert table.names == NAMES and table.n_rows == 20
    with pytest.raises(DataError, match=r"^standard input.*no column 'colur'; did you mean 'colour'\?"):
        table.require(["colur"])


def test_types_of_cells(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    day = datetime.date(2021, 3, 1)
    columns = {"d": [day, None], "b": [True, False], "i": [3, 5], "f": [0.5, 1.0], "t": ["x", "y"], "g": [1, None]}
    parquet.write_table(pyarrow.table({**columns, "__index_level_0__": [7, 8]}), tmp_path / "t.parquet")
    frame = read_table_file(str(tmp_path / "t.parquet"))
    assert isinstance(frame, FileFrame) and frame.names == list(columns)
    assert [frame.labels(name).tolist() for name in "bift"] == [[True, False], [3, 5], ["0.5", "1"], ["x", "y"]]
    for name, call, message in (
        ("d", frame.quantities, "row 0, column 'd': the date '2021-03-01"),
        (
            "t",
            frame.quantities,
            "row 0, column 't': text 'x' in a numeric column; add it to `categorical` or to `drop`",
        ),
        ("g", frame.quantities, "row 1, column 'g': the value is missing (so in 1 of 2 rows); remove such rows"),
        ("g", frame.labels, "row 1, column 'g': the value is missing"),
        ("d", lambda name: frame.column(name, "boolean"), "column 'd', row 0: '2021-03-01"),
        ("u", frame.labels, "no column 'u'; Columns: b, d, f, g, i, t"),
    ):
        with pytest.raises(DataError) as caught:
            call(name)
        assert re.search(rf"t\.parquet[,:] {re.escape(message)}", str(caught.value))


def test_sheets_are_read_like_text(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "first"
    rows = [
        [],
        ["when", "n", None, "ok", None],
        [datetime.datetime(2021, 3, 1), 1, 2.5, True, None],
        [],
        [None, "12 pieces of eight"],
    ]
    for row in [*rows, [datetime.datetime(2021, 3, 1, 10, 30), "NA", "?", False]]:
        sheet.append(row)
    book.create_sheet("empty")
    book.save(tmp_path / "t.xlsx")
    table = read_table_file(str(tmp_path / "t.xlsx"))
    assert isinstance(table, Table)
    assert table.columns["when"] == ["2021-03-01", "", "2021-03-01T10:30:00"]
    assert table.columns["ok"] == ["true", "", "false"]
    assert table.names == ["when", "n", "x2", "ok"] and table.lines == [3, 5, 6]
    np.testing.assert_array_equal(table.numbers("x2"), [2.5, np.nan, np.nan])
    with pytest.raises(DataError, match=r"t\.xlsx, line 5, column 'n': text '12 pieces of eight' in a numeric"):
        table.numbers("n")
    assert "the first of 2 sheets is read, 'first'; `sheet` names another" in table.notes[0]
    for name, message in (
        ("empty", "sheet 'empty': the sheet is empty"),
        ("fist", "no sheet 'fist'; did you mean 'first'"),
    ):
        with pytest.raises(DataError, match=rf"t\.xlsx[,:] {message}"):
            read_table_file(str(tmp_path / "t.xlsx"), sheet=name)


def test_sheets_without_names(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in ([1.5, "a"], [2.5, "b"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert read_table_file(str(tmp_path / "t.xlsx")).names == ["x0", "x1"]
    assert read_table_file(str(tmp_path / "t.xlsx"), {"header": True}).names == ["1.5", "a"]


REFUSED = {
    "t.parquet": (b"PAR1 no more", "t.parquet: a damaged file"),
    "t.xlsx": (b"PK\3\4 no more", "t.xlsx: damaged zip file"),
    "line.jsonl": (b'{"a": 1}\n\n{"a": }\n', "line.jsonl, line 3: not valid JSON: Expecting value"),
    "list.jsonl": (b'{"a": 1}\n[2]\n', "line.jsonl, line 2: expected an object, such as"),
    "t.json": (b"[1, 2]", "t.json: expected a list of objects, such as"),
    "none.json": (b"[]", "none.json: expected a list of objects"),
    "number.json": (b"5", "number.json, line 1: expected an object"),
    "no_cell.json": (b"{}", "no_cell.json: the file is empty"),
    "broken.json": (b'{\n"a": [1, 2],\n"b": [3\n', "broken.json, line 1: not valid JSON"),
    "uneven.json": (b'{"columns": ["a", "b"], "data": [[1, 2], [3]]}', 'uneven.json: "data" is not a list of rows'),
    "unnamed.json": (b'{"columns": 2, "data": [[1, 2]]}', 'unnamed.json: "data" is not a list of rows'),
    "schema.json": (b'{"schema": {}, "data": [1]}', "schema.json: expected a list of objects"),
    "gaps.json": (b'{"a": {"x": 1}, "b": {"y": 2}}', "gaps.json: column 'a', row 0"),
    "empty.jsonl": (b"\n", "empty.jsonl: the file is empty"),
    "nested.jsonl": (b'{"a": [1, 2]}\n', "nested.jsonl: column 'a', row 0"),
    "t.npy": (b"\x93NUMPY no more", "t.npy: not an .npy file of a plain array"),
    "picture.csv": (b"\x89PNG\r\n", "picture.csv: this is a picture, no table"),
    "page.csv": (b"<html>", "page.csv: this is a page of HTML"),
    "gone.csv": (None, "gone.csv: No such file or directory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_hold_no_table(name, tmp_path):
    content, message = REFUSED[name]
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table_file(str(tmp_path / name))
    assert message.replace("line.jsonl, line 2", f"{name}, line 2") in str(caught.value)


@pytest.mark.parametrize(("name", "extra"), [("t.parquet", "nnlite[tables]"), ("t.xlsx", "nnlite[excel]")])
def test_the_library_that_is_missing_is_named(name, extra, tmp_path, monkeypatch):
    MAKES[name][0](tmp_path / name)
    monkeypatch.setitem(sys.modules, {"t.parquet": "pyarrow", "t.xlsx": "openpyxl"}[name], None)
    with pytest.raises(MissingLibraryError) as caught:
        read_table_file(str(tmp_path / name))
    assert f'pip install "{extra}"' in str(caught.value)


# ---------------------------------------------------------------- arrays

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


def write_arrays(folder):
    np.save(folder / "a.npy", PIXELS)
    np.savez(folder / "a.npz", inputs=PIXELS, target=np.arange(4))
    np.savez(folder / "one.npz", PIXELS)
    header = struct.pack(">BBBB3I", 0, 0, 8, 3, *PIXELS.shape)
    (folder / "a.idx").write_bytes(header + PIXELS.tobytes())
    (folder / "a.idx.gz").write_bytes(gzip.compress(header + PIXELS.tobytes()))
    np.save(folder / "labels.npy", np.arange(4))


@pytest.mark.parametrize(
    "source", [Npy("a.npy", "labels.npy"), Npz("a.npz"), Idx("a.idx", "labels"), Inline([[1]], [1])]
)
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.idx", "a.idx.gz", "one.npz"])
def test_arrays_of_any_make(source, name, tmp_path, monkeypatch):
    write_arrays(tmp_path)
    if name == "a.npz" and not isinstance(source, Npz):
        with pytest.raises(DataError, match=r"a\.npz: no array None; Allowed: inputs, target"):
            source.read_inputs(str(tmp_path / name))
        return
    if name == "one.npz" and isinstance(source, Npz):
        with pytest.raises(DataError, match=r"one\.npz: no array 'inputs'; .*Allowed: arr_0"):
            source.read_inputs(str(tmp_path / name))
        return
    np.testing.assert_array_equal(source.read_inputs(str(tmp_path / name)), PIXELS)
    if not isinstance(source, Inline):  # whose rows come as a table on the standard input
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((tmp_path / name).read_bytes())))
        np.testing.assert_array_equal(source.read_inputs("-"), PIXELS)


def test_a_matrix_is_a_table(tmp_path, monkeypatch):
    np.save(tmp_path / "m.npy", np.array([[1.5, 2], [3, 4]]))
    frame = read_table_file(str(tmp_path / "m.npy"))
    assert frame.names == ["x0", "x1"] and frame.quantities("x1").tolist() == [2, 4]
    np.save(tmp_path / "m.npy", PIXELS)
    with pytest.raises(DataError, match=r"m\.npy: an array of uint8 and shape \(4, 3, 2\) is not a table of numbers"):
        read_table_file(str(tmp_path / "m.npy"))
    windows = np.arange(12.0).reshape(2, 6)
    np.save(tmp_path / "w.npy", windows)
    np.save(tmp_path / "v.npy", windows[..., None])
    source = SeasonalSeries(window=6)
    for name in ("w.npy", "v.npy"):
        np.testing.assert_array_equal(source.read_inputs(str(tmp_path / name)), windows[..., None])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1;2,5\n3;4\n")))
    np.testing.assert_array_equal(Inline([[1]], [1]).read_inputs("-"), [[1, 2.5], [3, 4]])


def test_arrays_that_cannot_be_used(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"text")
    for read in (lambda path: Npy(path, path).load("sparse"), Npy("x", "y").read_inputs):
        with pytest.raises(DataError, match=r"a\.npy: not an \.npy file of a plain array"):
            read(str(tmp_path / "a.npy"))
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"o\.npy: holds Python objects"):
        Npy("x", "y").read_inputs(str(tmp_path / "o.npy"))


# ---------------------------------------------------------------- from the command line

CONFIG = """
data: {source: {Csv: {path: t.csv, target: sold, categorical: [colour]}}, split: {validation: 0, test: 0.2}}
model: [{Dense: {units: 2, activation: softmax}}]
compile: {loss: sparse_categorical_crossentropy}
fit: {epochs: 1}
seed: 1
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder with a run that was trained on semicolons and decimal commas."""
    monkeypatch.chdir(tmp_path)
    rows = [tuple(str(cell).replace(".", ",") if cell is not None else "?" for cell in row) for row in ROWS]
    as_csv(tmp_path / "t.csv", rows, ";")
    (tmp_path / "c.yaml").write_text(CONFIG)
    train(Experiment.from_file("c.yaml"), out="run", quiet=True)
    return tmp_path


def test_the_run_states_what_was_found(run, capsys):
    config = (run / "run" / "config.yaml").read_text()
    for line in ("delimiter: ;", "decimal: ','", "encoding: utf-8", "header: true", "missing: auto", "thousands: none"):
        assert line in config
    assert main(["evaluate", "run"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["test"]["loss"] == pytest.approx(
        json.loads((run / "run" / "metrics.json").read_text())["test"]["loss"]
    )


def test_notes_go_to_the_standard_error_once(run, capsys):
    assert main(["train", "c.yaml", "--out", "again", "--quiet"]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nnlite: note: ")]
    assert len(notes) == 2
    assert notes[0].endswith("t.csv: numbers are read with `decimal: ','`")
    assert "line 3, column 'size': '?' is read as a missing value" in notes[1]
    train(Experiment.from_file("c.yaml"), out="quiet", quiet=True)
    assert capsys.readouterr().err == ""


def test_predictions_from_files_of_every_make_are_equal(run, capsys, monkeypatch):
    as_csv(
        run / "same.csv", [("?" if cell is None else str(cell).replace(".", ",") for cell in row) for row in ROWS], ";"
    )
    assert main(["predict", "run", "same.csv"]) == 0
    expected = capsys.readouterr().out
    assert len(expected.splitlines()) == 21
    for name, (write, _) in MAKES.items():
        write(run / name) if name != "t.xlsx" else None
        if name == "t.xlsx":
            continue
        assert main(["predict", "run", name]) == 0
        out, err = capsys.readouterr()
        predictions = out.splitlines()
        assert [line.split(",")[0] for line in predictions] == [line.split(",")[0] for line in expected.splitlines()]
        rows = [row for row, cells in enumerate(ROWS) if cells[2] is not None]
        assert [predictions[1 + row] for row in rows] == [expected.splitlines()[1 + row] for row in rows]
        assert ("read with delimiter ','" in err) == (name == "t.csv")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((run / name).read_bytes())))
        assert main(["predict", "run", "-"]) == 0
        assert capsys.readouterr().out == out


# ---------------------------------------------------------------- images


def png(width, height, depth, colours, rows):
    """A PNG file of the given rows of bytes, none of them filtered."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def pixels(folder, content, color_mode):
    """What is read from the only image in a folder, rows of pixels."""
    Image = pytest.importorskip("PIL.Image")
    path = folder / "a.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        mode, array = content
        image = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
        image.save(path, "TIFF")
    options = {"labels": None, "verbose": False, "image_size": (1, 2), "color_mode": color_mode}
    [batch] = image_dataset_from_directory(folder, **options)
    return batch[0, 0].tolist()


GRAY = np.array([[7, 200]], np.uint8)
DEPTHS = {
    "1 bit": (png(2, 1, 1, 0, [bytes([0b01000000])]), [0, 255]),
    "2 bits": (png(2, 1, 2, 0, [bytes([0b00100000])]), [0, 170]),
    "8 bits": (png(2, 1, 8, 0, [bytes([7, 200])]), [7, 200]),
    "16 bits": (png(2, 1, 16, 0, [struct.pack(">2H", 300, 65535)]), [300, 65535]),
    "32 bits": ((None, np.array([[-70000, 65536]], np.int32)), [-70000, 65536]),
    "floating point": ((None, np.array([[0.25, 1000.5]], np.float32)), [0.25, 1000.5]),
    "gray with opacity": (png(2, 1, 8, 4, [bytes([7, 0, 200, 255])]), [7, 200]),
    "CMYK of gray": (("CMYK", np.repeat(GRAY[..., None], 3, axis=-1)), [7, 200]),
    "palette of gray": (("P", GRAY), [7, 200]),
}


@pytest.mark.parametrize("case", DEPTHS)
def test_images_of_any_depth_keep_their_values(case, tmp_path):
    content, values = DEPTHS[case]
    assert pixels(tmp_path, content, "grayscale") == [[value] for value in values]
    assert pixels(tmp_path, content, "rgb") == [[value] * 3 for value in values]


def test_opacity_is_kept_where_asked_for(tmp_path):
    content = png(2, 1, 8, 6, [bytes([1, 2, 3, 4, 5, 6, 7, 8])])
    assert pixels(tmp_path, content, "rgba") == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert pixels(tmp_path, content, "rgb") == [[1, 2, 3], [5, 6, 7]]
    assert pixels(tmp_path, png(2, 1, 8, 4, [bytes([7, 0, 200, 255])]), "rgba") == [[7, 7, 7, 0], [200, 200, 200, 255]]


UNKEPT = {
    "colors of 16 bits": (
        png(2, 1, 16, 2, [bytes(12)]),
        "rgb",
        "colors of 16 bits each, but Pillow reads only 8; save",
    ),
    "gray of 16 bits, opacity": (png(2, 1, 16, 4, [bytes(8)]), "grayscale", "colors of 16 bits each"),
    "16 bits as RGBA": (
        DEPTHS["16 bits"][0],
        "rgba",
        "gray of more than 8 bits has no opacity; read it with color_mode=",
    ),
    "large integers": (
        (None, np.array([[2**24 + 1, 0]], np.int32)),
        "grayscale",
        "integers above 16777216, which float32",
    ),
    "another space": (
        ("LAB", np.repeat(GRAY[..., None], 3, axis=-1)),
        "grayscale",
        "no image that Pillow can read (conv",
    ),
    "cut short": (png(2, 1, 8, 2, [bytes(6)])[:45], "rgb", "no image that Pillow can read"),
    "no image": (b"text", "rgb", "no image that Pillow can read"),
}


@pytest.mark.parametrize("case", UNKEPT)
def test_images_whose_values_would_not_be_kept_are_refused(case, tmp_path):
    content, color_mode, message = UNKEPT[case]
    with pytest.raises(DataError) as caught:
        pixels(tmp_path, content, color_mode)
    assert f"{tmp_path}/a.png" in str(caught.value) and message in str(caught.value)


def test_the_first_picture_of_a_moving_image(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    frames = [Image.new("RGB", (2, 1), (level, 0, 0)) for level in (40, 80)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    options = {"labels": None, "verbose": False, "image_size": (1, 2)}
    [batch] = image_dataset_from_directory(tmp_path, **options)
    assert batch[0, 0].tolist() == [[40, 0, 0], [40, 0, 0]]


def test_too_many_pixels(tmp_path, monkeypatch):
    Image = pytest.importorskip("PIL.Image")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 0.5)
    with pytest.raises(DataError, match=r"a\.png: no image that Pillow can read \(Image size"):
        pixels(tmp_path, DEPTHS["8 bits"][0], "rgb")


def test_a_frame_of_a_file_names_it_in_every_complaint(tmp_path):
    pytest.importorskip("pyarrow")
    as_parquet(tmp_path / "t.parquet")
    frame = read_table_file(str(tmp_path / "t.parquet"))
    for ask in (frame.given, frame.labels, frame.quantities, lambda name: frame.column(name, "number")):
        with pytest.raises(DataError, match=r"t\.parquet: no column 'rom'; did you mean 'rooms'\?"):
            ask("rom")


PANDAS_FORMS = {
    "columns": {"size": {"x": 1.5, "y": None}, "kind": {"y": "b", "x": "a"}},
    "index": {"0": {"size": 1.5, "kind": "a"}, "1": {"size": None, "kind": "b"}},
    "split": {"columns": ["size", "kind"], "index": [0, 1], "data": [[1.5, "a"], [None, "b"]]},
    "index of some rows": {"7": {"size": 1.5, "kind": "a"}, "3": {"size": None, "kind": "b"}},
    "table": {
        "schema": {"fields": [], "primaryKey": ["index"]},
        "data": [{"index": 0, "size": 1.5, "kind": "a"}, {"index": 1, "size": None, "kind": "b"}],
    },
    "schema": {"schema": {"fields": []}, "data": [{"size": 1.5, "kind": "a"}, {"size": None, "kind": "b"}]},
    "lists": {"size": [1.5, None], "kind": ["a", "b"]},
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("form", PANDAS_FORMS)
def test_json_may_hold_a_table_as_pandas_writes_it(tmp_path, form, indent):
    (tmp_path / "t.json").write_text(json.dumps(PANDAS_FORMS[form], indent=indent))
    table = read_table_file(str(tmp_path / "t.json"))
    assert table.names == ["size", "kind"] and table.labels("kind").tolist() == ["a", "b"]
    assert table.column("size", "number").missing.tolist() == [False, True]


def test_columns_that_are_numbers_are_columns(tmp_path):
    (tmp_path / "t.json").write_text('{"0": {"0": 1, "1": 2, "2": 3}, "1": {"0": 4, "1": 5, "2": 6}}')
    assert read_table_file(str(tmp_path / "t.json")).column("1", "number").values.tolist() == [4, 5, 6]


def test_an_index_with_a_name_is_a_column(tmp_path):
    rows = '[{"house": "a", "level_2": 3, "level_0": 0}]'
    (tmp_path / "t.json").write_text(f'{{"schema": {{"primaryKey": ["house", "level_0"]}}, "data": {rows}}}')
    assert read_table_file(str(tmp_path / "t.json")).names == ["house", "level_2"]


@pytest.mark.parametrize(("ending", "module"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_json_may_be_compressed(tmp_path, ending, module):
    as_json_lines(tmp_path / "t.jsonl")
    plain = (tmp_path / "t.jsonl").read_bytes()
    (tmp_path / f"t.jsonl.{ending}").write_bytes(module.compress(plain))
    (tmp_path / f"T.JSONL.{ending.upper()}").write_bytes(module.compress(plain))
    for name in (f"t.jsonl.{ending}", f"T.JSONL.{ending.upper()}"):
        table = read_table_file(str(tmp_path / name))
        assert table.names == NAMES and table.quantities("rooms").tolist() == [row[1] for row in ROWS]
