"""How a text file writes a table: what is found, what may be stated, and what each complaint says."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
from functools import partial

import numpy as np
import pytest
from bounds import quickest

from nnlite.data import Classes, Columns, Csv, Data, Dialect, NumberFormat, Ordinal, Split, Table
from nnlite.errors import ConfigError, DataError

NAN = np.nan


def table_of(folder, content, named=(), like=False, **dialect):
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Table.read(str(path), dialect, named, like)


def complaint(folder, content, column=None, **dialect):
    """The message with which a file, or one of its columns, is refused, from the file's name on."""
    with pytest.raises(DataError) as caught:
        table = table_of(folder, content, **dialect)
        assert column, f"read as {table.columns}"
        table.numbers(column)
    assert str(caught.value).startswith(str(folder))
    return str(caught.value).removeprefix(f"{folder}/")


# ---------------------------------------------------------------- numbers

FORMATS = {
    ".": NumberFormat(),
    ",": NumberFormat(","),
    ",.": NumberFormat(",", "."),
    ".,": NumberFormat(".", ","),
    ". ": NumberFormat(".", " "),
    ",'": NumberFormat(",", "'"),
}


@pytest.mark.parametrize(
    ("form", "cell", "value"),
    [
        (".", "0", 0),
        (".", "-01.50", -1.5),
        (".", "+.5", 0.5),
        (".", "5.", 5),
        (".", "1e5", 1e5),
        (".", "-1.5E-3", -1.5e-3),
        (".", "12345678901234567890", 12345678901234567890.0),
        (",", "3,5", 3.5),
        (",", "-,5e2", -50),
        (",.", "1.234,5", 1234.5),
        (",.", "12.345.678", 12345678),
        (",.", "1234,5", 1234.5),
        (".,", "-1,234.5", -1234.5),
        (". ", "1 234\u00a0567.5", 1234567.5),
        (". ", "1\u202f234", 1234),
        (",'", "1'234,5", 1234.5),
        (",'", "1\u2019234", 1234),
    ],
)
def test_numbers(form, cell, value):
    assert FORMATS[form].matches(cell)
    assert FORMATS[form].value(cell) == value
    assert FORMATS[form].values(["1", cell]).tolist() == [1, value]


NO_NUMBERS = [
    "",
    "-",
    ".",
    "e5",
    "1e",
    "1e5.5",
    "1 2",
    "--1",
    "1_000",
    "12_3",
    "0x1F",
    "1.2.3",
    "\u0661\u0662",
    "\uff11",
]
NO_NUMBERS += [
    "inf",
    "-Infinity",
    "nan",
    "1\n2",
    "2020_01_02",
    "1d5",
    "1j",
    "\u22125",
    "$5",
    "5%",
    "1.5.",
    "1__2",
    "true",
]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("cell", [*NO_NUMBERS, "3;5"])
def test_what_is_no_number(form, cell):
    assert not form.matches(cell)
    assert form.values([cell]) is None
    assert form.values(["1", cell, "2"]) is None


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        (".", "3,5"),
        (",", "3.5"),
        (",.", "1.23"),
        (",.", "0.125"),
        (",.", "1.2345"),
        (",.", "12.34.567"),
        (".,", "1,23"),
        (".,", "1,234,56"),
        (".,", "1 234"),
        (". ", "12 34"),
    ],
)
def test_marks_in_the_wrong_place(form, cell):
    assert not FORMATS[form].matches(cell)
    assert FORMATS[form].values([cell]) is None


def test_one_number_has_one_text():
    plain = FORMATS["."].canonical
    assert {plain(cell) for cell in ("1", "1.0", "01", "+1", "1.", "1e0", "0001.000")} == {"1"}
    assert {plain(cell) for cell in ("0", "-0", "0.0", "00")} == {"0"}
    assert [plain(cell) for cell in ("-01.50", "1e3", "0.10", "a1", "")] == ["-1.5", "1000", "0.1", "a1", ""]
    assert plain("12345678901234567") != plain("12345678901234568")
    assert FORMATS[",."].canonical("1.234,50") == "1234.5"


def test_values_are_those_of_python(tmp_path):
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    cells = list(map(repr, values.tolist()))
    assert FORMATS["."].values(cells).tolist() == [float(cell) for cell in cells]
    assert FORMATS[","].values([cell.replace(".", ",") for cell in cells]).tolist() == [float(cell) for cell in cells]
    assert FORMATS["."].values([]).shape == (0,)


# ---------------------------------------------------------------- what is found

PLAIN = {"delimiter": ",", "quote": '"', "encoding": "utf-8", "decimal": ".", "thousands": "none"}
PLAIN |= {"missing": "auto", "header": True, "compression": "none"}
BOTH = {"a": [1, 3], "b": [2.5, 4]}
FOUND = {
    "commas": ("a,b\n1,2.5\n3,4\n", {}, BOTH),
    "semicolons": ("a;b\n1;2.5\n3;4\n", {"delimiter": ";"}, BOTH),
    "tabs": ("a\tb\n1\t2.5\n3\t4\n", {"delimiter": "\t"}, BOTH),
    "pipes": ("a|b\n1|2.5\n3|4\n", {"delimiter": "|"}, BOTH),
    "blanks": ("a b\n1 2.5\n3 4\n", {"delimiter": " "}, BOTH),
    "runs of blanks": ("  a    b\n  1  2.5\n 3    4  \n", {"delimiter": " "}, BOTH),
    "lines of Windows": ("a,b\r\n1,2.5\r\n3,4\r\n", {}, BOTH),
    "lines of old machines": ("a,b\r1,2.5\r3,4\r", {}, BOTH),
    "no end of line": ("a,b\n1,2.5\n3,4", {}, BOTH),
    "blanks around": (" a ,\tb\n 1 ,2.5  \n 3, 4\n", {}, BOTH),
    "a line for Excel": ("sep=;\na;b\n1;2.5\n3;4\n", {"delimiter": ";"}, BOTH),
    "quoted": ('"a","b"\n"1","2.5"\n"3",4\n', {}, BOTH),
    "quoted after blanks": ('"a", "b"\n"1", "2.5"\n3, "4"\n', {}, BOTH),
    "single quotes": ("a,'b','c,d'\n1,2.5,'x,y'\n3,4,'z'\n", {"quote": "'"}, BOTH),
    "UTF-8 with mark": (b"\xef\xbb\xbfa,b\n1,2.5\n3,4\n", {}, BOTH),
    "UTF-16": ("a,b\n1,2.5\n3,4\n".encode("utf-16"), {"encoding": "utf-16"}, BOTH),
    "UTF-16, big end first": ("\ufeffa,b\n1,2.5\n3,4\n".encode("utf-16-be"), {"encoding": "utf-16"}, BOTH),
    "UTF-16 without mark": ("a,b\n1,2.5\n3,4\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, BOTH),
    "UTF-16 without mark, big": ("a,b\n1,2.5\n3,4\n".encode("utf-16-be"), {"encoding": "utf-16-be"}, BOTH),
    "UTF-32": ("a,b\n1,2.5\n3,4\n".encode("utf-32"), {"encoding": "utf-32"}, BOTH),
    "gzip": (gzip.compress(b"a,b\n1,2.5\n3,4\n"), {"compression": "gzip"}, BOTH),
    "bzip2": (bz2.compress(b"a,b\n1,2.5\n3,4\n"), {"compression": "bz2"}, BOTH),
    "xz": (lzma.compress(b"a,b\n1,2.5\n3,4\n"), {"compression": "xz"}, BOTH),
    "Ctrl-Z at the end": (b"a,b\n1,2.5\n3,4\n\x1a", {}, BOTH),
    "decimal commas": ("a;b\n1;2,5\n3;4\n", {"delimiter": ";", "decimal": ","}, BOTH),
    "decimal commas, tabs": ("a\tb\n1\t2,5\n3\t4\n", {"delimiter": "\t", "decimal": ","}, BOTH),
    "decimal commas in quotes": ('a,b\n1,"2,5"\n3,4\n', {"decimal": ","}, BOTH),
    "three decimals after commas": ("a;b\n1;2,500\n3;4\n", {"delimiter": ";", "decimal": ","}, BOTH),
    "no thousands: a zero in front": ('a\n"0,125"\n"2,250"\n', {"decimal": ","}, {"a": [0.125, 2.25]}),
    "German thousands": (
        "a;b\n1.234,5;2\n12.345.678;0\n",
        {"delimiter": ";", "decimal": ",", "thousands": "."},
        {"a": [1234.5, 12345678], "b": [2, 0]},
    ),
    "German thousands in another column": (
        "a;b\n1.234;2,55\n2.500;0\n",
        {"delimiter": ";", "decimal": ",", "thousands": "."},
        {"a": [1234, 2500], "b": [2.55, 0]},
    ),
    "American thousands": ('a,b\n"1,234",2.5\n950,4\n', {"thousands": ","}, {"a": [1234, 950], "b": [2.5, 4]}),
    "French thousands": (
        "a;b\n1\u00a0234,5;2\n22 950;4\n",
        {"delimiter": ";", "decimal": ",", "thousands": " "},
        {"a": [1234.5, 22950], "b": [2, 4]},
    ),
    "Swiss thousands": (
        "a;b\n1'234.5;2\n950;4\n",
        {"delimiter": ";", "thousands": "'"},
        {"a": [1234.5, 950], "b": [2, 4]},
    ),
    "marks of a gap": ("a,b\n?,1\n2,-\nNA,None\n", {}, {"a": [NAN, 2, NAN], "b": [1, NAN, NAN]}),
    "no header": ("1,2.5\n3,4\n", {"header": False}, {"x0": [1, 3], "x1": [2.5, 4]}),
    "no header, one row": ("1,2.5\n", {"header": False}, {"x0": [1], "x1": [2.5]}),
    "no header, gaps": (",2.5\n3,\n", {"header": False}, {"x0": [NAN, 3], "x1": [2.5, NAN]}),
    "no header, blanks": (" 1.5  2\n 10   3\n", {"header": False, "delimiter": " "}, {"x0": [1.5, 10], "x1": [2, 3]}),
    "no header, decimal commas": (
        "1;2,5\n3;4\n",
        {"header": False, "delimiter": ";", "decimal": ","},
        {"x0": [1, 3], "x1": [2.5, 4]},
    ),
    "years": ("2019,2020\n5,6\n7,8\n", {}, {"2019": [5, 7], "2020": [6, 8]}),
    "names of pandas": (",0,1\n0,0.5,1.5\n1,2.5,3\n", {}, {"x0": [0, 1], "0": [0.5, 2.5], "1": [1.5, 3]}),
    "a number as a name": ("size,3\n1,x\n2,y\n", {}, {"size": [1, 2]}),
    "a delimiter at each end": ("a,b,\n1,2.5,\n3,4,\n", {}, BOTH),
    "a delimiter at the end of rows": ("a,b\n1,2.5,\n3,4,\n", {}, BOTH),
    "one column": ("a\n1\n3\n", {}, {"a": [1, 3]}),
    "empty lines": ("\n\na,b\n\n1,2.5\n  \n3,4\n\n", {}, BOTH),
    "an empty cell in quotes": ('a\n1\n""\n', {}, {"a": [1, NAN]}),
    "a row of empty cells": ("a\tb\n1\t2\n\t\n", {"delimiter": "\t"}, {"a": [1, NAN], "b": [2, NAN]}),
}


@pytest.mark.parametrize("case", FOUND)
def test_dialect_is_found(case, tmp_path):
    content, changes, numbers = FOUND[case]
    table = table_of(tmp_path, content)
    assert table.dialect.get_config() == {**PLAIN, **changes}
    for name, values in numbers.items():
        np.testing.assert_array_equal(table.numbers(name), values)
    again = table_of(tmp_path, content, like=True, **table.dialect.get_config())
    stated = table_of(tmp_path, content, **table.dialect.get_config())
    assert again.columns == stated.columns == table.columns
    assert again.lines == stated.lines == table.lines
    assert again.dialect.get_config() == stated.dialect.get_config() == table.dialect.get_config()


HEADERS = {
    "texts": ("a,b\nx,y\n", True),
    "a name over numbers": ("a,2\n1,2\n", True),
    "labels and numbers": ("5.1,setosa\n4.9,setosa\n", False),
    "years beside a name": ("country,2019,2020\nFrance,1,2\n", True),
    "years over years": ("2019,2020\n2018,2021\n", False),
    "counted rows": ("0,1,2\n1,2,3\n", False),
    "counted names": ("0,1,2\n0.5,2,3\n", True),
    "exclusive or": ("0,0,0\n0,1,1\n", False),
    "a stray text below": ("1,2\n3,4\n12 kg,5\n6,7\n", False),
    "a number over texts": ("1,2\nx,3\ny,4\n", True),
}


@pytest.mark.parametrize("case", HEADERS)
def test_header_is_found(case, tmp_path):
    content, header = HEADERS[case]
    table = table_of(tmp_path, content)
    assert table.dialect.header is header
    assert table.lines[0] == (2 if header else 1)
    assert bool(re.search("line 1 holds numbers", str(table.notes))) is not header
    assert table_of(tmp_path, content, header=True).lines[0] == 2
    assert table_of(tmp_path, content, header=False).lines[0] == 1


def test_a_line_with_all_names_asked_for_is_a_header(tmp_path):
    assert table_of(tmp_path, "1,2\n3,4\n").names == ["x0", "x1"]
    assert table_of(tmp_path, "1,2\n3,4\n", named=["2"]).names == ["1", "2"]
    assert table_of(tmp_path, "1,2\n3,4\n", named=["2", "x0"]).names == ["x0", "x1"]


def test_western_letters_are_read_with_a_word(tmp_path):
    for letters, encoding in ((b"caf\xe9", "cp1252"), (b"\x81\xe9", "latin-1")):
        table = table_of(tmp_path, b"a,b\n1," + letters + b"\n")
        assert table.dialect.encoding == encoding
        assert table.cells("b")[0].endswith("\u00e9")
        first = next(byte for byte in letters if byte > 127)
        assert table.notes == [
            f"{tmp_path}/t.csv: not UTF-8 (byte 0x{first:02x} on line 2), read as {encoding}; if its letters look "
            "wrong, state `encoding`"
        ]
    assert table_of(tmp_path, "a,b\n1,\u0104\n".encode("iso8859-2"), encoding="latin2").cells("b") == ["\u0104"]
    assert not table_of(tmp_path, "a,b\n1,\u00e9\n").notes


# ---------------------------------------------------------------- quoting


def test_quotation_marks_inside_cells_are_text(tmp_path):
    table = table_of(tmp_path, 'size,n\n5" pipe,1\n"6"" pipe",2\n')
    assert table.cells("size") == ['5" pipe', '6" pipe']


def test_texts_between_tabs_need_no_quoting(tmp_path):
    rows = ['"note', "fine", '5" pipe', 'so "called"', 'end"', '"whole"', '"a" and "b"']
    table = table_of(tmp_path, "label\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(rows)))
    assert table.cells("text") == rows
    assert table.dialect.quote == "none"
    assert re.search(r"marks are read as text, since the one on line 2 is not closed", table.notes[0])
    with pytest.raises(DataError, match=r"t\.csv, line 2: .*quotation mark"):
        table_of(tmp_path, (tmp_path / "t.csv").read_bytes(), quote='"', like=False)


def test_cells_over_several_lines(tmp_path):
    content = 'id,text,n\n1,"two\nlines, and\n\na third",7\n2,"x",8\n'
    table = table_of(tmp_path, content)
    assert table.cells("text") == ["two\nlines, and\n\na third", "x"]
    assert table.lines == [5, 6]
    in_two_columns = 'id,text\n1,a\n2,b\n3,"hello\nwell, then"\n'
    assert table_of(tmp_path, in_two_columns).cells("text") == ["a", "b", "hello\nwell, then"]


WORDS = [
    "a",
    "x y",
    "3",
    "4.5",
    'say "hi"',
    "two\nlines",
    "a,b",
    "a;b",
    "tab\there",
    "'q'",
    '5" pipe',
    '"start',
    'end"',
    "",
]


def test_what_python_writes_is_read(tmp_path):
    random = np.random.default_rng(0)
    for trial in range(300):
        rows = random.choice(WORDS, (random.integers(1, 8), random.integers(2, 6))).tolist()
        names = [f"column{place}" for place in range(len(rows[0]))]
        text = io.StringIO(newline="")
        quoting = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)[trial % 2]
        end = ("\n", "\r\n")[trial // 2 % 2]
        csv.writer(text, delimiter=",;\t|"[trial % 4], quoting=quoting, lineterminator=end).writerows([names, *rows])
        table = table_of(tmp_path, text.getvalue())
        assert [names, *map(list, zip(*table.columns.values(), strict=True))] == [names, *rows]


def test_a_cell_that_looks_like_rows_may_be_stated(tmp_path):
    content = 'key,text\nk,a\nl,"hello\nwell, then"\n'
    assert "line 3: a cell that begins with a quotation mark" in complaint(tmp_path, content)
    assert table_of(tmp_path, content, quote='"').cells("text") == ["a", "hello\nwell, then"]


def test_large_cells_are_no_fault(tmp_path):
    text = "word, " * 40_000
    table = table_of(tmp_path, f'a,b\n1,"{text}"\n')
    assert table.cells("b") == [text.strip()]
    assert csv.field_size_limit() == 131072
    assert len(complaint(tmp_path, f'a,b\n1,"{text}"\n', "b")) < 200


def test_line_separators_of_other_systems_are_letters(tmp_path):
    table = table_of(tmp_path, "a,b\nx\u2028y,1\nx\x0bz\x85,2\n")
    assert table.cells("a") == ["x\u2028y", "x\x0bz"]
    assert table.lines == [2, 3]


# ---------------------------------------------------------------- complaints

GOOD = "a,b\n1,2\n3,4\n"
REFUSED = {
    "unclosed": (
        'a,b\n1,x\n2,"y\n3,z\n4,w\n',
        {},
        't.csv, line 3: the quotation mark (") that opens a cell here is not',
    ),
    "unclosed, in the last line": ('a,b\n1,x\n2,"y', {}, "t.csv, line 3: the quotation mark"),
    "unclosed, first cell": ('a,b\n1,x\n"2,y\n3,z\n', {}, "t.csv, line 3: the quotation mark"),
    "unclosed, after a cell of two lines": ('a,b\n1,"x\nx"\n2,"y\n3,z\n', {}, "t.csv, line 4: the quotation mark"),
    "unclosed, after doubled marks": ('a,b\n1,"x""x"\n2,"y""\n3,z\n', {}, "t.csv, line 3: the quotation mark"),
    "closed too late": (
        'a,b,c\n1,"x,2\n3,y,4\n5,z",6\n',
        {},
        't.csv, line 2: a cell that begins with a quotation mark (")',
    ),
    "closed in the middle": (
        'a,b\n1,"5" pipe"\n',
        {},
        't.csv, line 2: after a cell in quotation marks (") there is text',
    ),
    "closed elsewhere": ('a,b\n1,"x\n2,y\n3,"z"\n', {}, 't.csv, line 2: the quotation mark (")'),
    "row names": ('a,b\n"x",1,2\n"y",3,4\n', {}, "t.csv, line 2: 3 cells, but the first line names 2 columns; if ','"),
    "a title": ("Sales 2021\na,b\n1,2\n", {}, "names 1 column; if ',' separates cells, name every column"),
    "IDX": (b"\0\0\x08\3" + bytes(40), {}, "t.csv: this is an IDX file: name it in the source `Idx`"),
    "numbers of 16 bits": (bytes([0, 1, 0, 2, 0, 3] * 9), {}, "t.csv, line 1: not a text file; it holds the character"),
    "HDF5": (b"\x89HDF\r\n", {}, "t.csv: this is an HDF5 file: write the table"),
    "short row": ("a,b,c\n1,2,3\n4,5\n", {}, "t.csv, line 3: 2 cells, but the first line names 3 columns; complete"),
    "long row": (
        "a,b\n1,2,3\n",
        {},
        "t.csv, line 2: 3 cells, but the first line names 2 columns; put a cell that holds",
    ),
    "long row, one column": (
        "a\nx, y\nz\n",
        {},
        "t.csv, line 2: 2 cells, but the first line names 1 column; put a cell",
    ),
    "long row, no header": ("1,2\n3,4,5\n", {"header": False}, "t.csv, line 2: 3 cells, but the first line has 2; put"),
    "empty": ("", {}, "t.csv: the file is empty"),
    "blank": (" \n\n", {}, "t.csv: the file is empty"),
    "names alone": ("a,b\n", {}, "t.csv: only column names, no rows"),
    "another delimiter": (GOOD, {"delimiter": ";"}, "t.csv: no ';' in the first line, but ',' separates cells"),
    "another encoding": (
        "a,b\n\u00e9,1\n".encode("cp1252"),
        {"encoding": "utf-8"},
        "t.csv, line 2: byte 0xe9 is not text in utf-8",
    ),
    "no UTF-16": (GOOD, {"encoding": "utf-16"}, "t.csv: `encoding: utf-16` is stated, but the file is of single bytes"),
    "UTF-16": (
        GOOD.encode("utf-16"),
        {"encoding": "utf-8"},
        "t.csv: `encoding: utf-8` is stated, but the file is in utf-16",
    ),
    "two encodings": (
        "a,b\n\u00e9,\u00fc\n".encode() + b"\xe9,1\n",
        {},
        "t.csv: text in UTF-8, but for byte 0xe9 on line 3;",
    ),
    "damaged UTF-16": (GOOD.encode("utf-16")[:-1], {}, "t.csv: damaged text in utf-16"),
    "not compressed": (GOOD, {"compression": "gzip"}, "t.csv: `compression: gzip` is stated, but the file is not"),
    "compressed": (gzip.compress(b"a"), {"compression": "none"}, "but the file is compressed by gzip"),
    "damaged gzip": (gzip.compress(GOOD.encode() * 50)[:-12], {}, "t.csv: damaged gzip file ("),
    "damaged bzip2": (bz2.compress(GOOD.encode())[:-4], {}, "t.csv: damaged bz2 file ("),
    "damaged xz": (lzma.compress(GOOD.encode())[:-4], {}, "t.csv: damaged xz file ("),
    "zeros": (b"a,b\n1,\0\n", {}, "t.csv, line 2: not a text file; it holds the character '\\x00'"),
    "Parquet": (b"PAR1....PAR1", {}, "t.csv: this is a Parquet file: name it in the source `Parquet`"),
    "zip": (b"PK\3\4....", {}, "t.csv: damaged zip file"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..", {}, "t.csv: this is a workbook of old Excel (.xls): save it"),
    "page": ("\n <!DOCTYPE html>\n<p>404, not found</p>", {}, "t.csv: this is a page of HTML in place of a table"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_files(case, tmp_path):
    content, dialect, message = REFUSED[case]
    assert message in complaint(tmp_path, content, **dialect)


CELLS = {
    # a cell of a column of numbers -> what to do
    "3,5": "state `decimal: ','`",
    "1,234": "state `decimal: ','` if it is 1.234 or state `thousands: ','` if it is 1234",
    "1.234,5": "state `decimal: ','` and `thousands: '.'`",
    "1,234.5": "state `thousands: ','`",
    "1 234": "state `thousands: ' '`",
    "1'234.5": 'state `thousands: "\'"`',
    "1 234,5": "state `decimal: ','` and `thousands: ' '`",
    "12/03/2021": "it is a date: state `columns: {n: date}`, or add the column to `drop`",
    "2021-03-12": "it is a date:",
    "2021-03-12T10:30:00": "it is a date:",
    "12.3.21": "it is a date:",
    "12 Mar 2021": "it is a date:",
    "March 12, 2021": "it is a date:",
    "12:30": "it is a time of day:",
    "12 kg": "take the unit 'kg' away, or add it to `categorical` or to `drop`",
    "3,5 km/h": "take the unit 'km/h' away, or",
    "-4\u00b0C": "take the unit '\u00b0C' away, or add it to `categorical` or to `drop`",
    "$12": "take the currency away (",
    "$1,200.50": "take the currency away, and state `thousands: ','`",
    "1.200,50 \u20ac": "take the currency away, and state `decimal: ','` and `thousands: '.'`",
    "12 EUR": "take the currency away",
    "12 kr": "take the currency away",
    "12%": "take the percent sign away",
    "(1,200.5)": "write a negative number with a minus sign, -1,200.5",
    "\u0661\u0662": "write its digits in ASCII, 0 to 9",
    "12_3": "it is a code rather than a number: add it to `categorical` or to `drop`",
    "2020_01_02": "it is a code rather than a number:",
    "0x1F": "it is a code rather than a number:",
    "yes": "it is one of two values rather than an amount: add it to `categorical` or to `drop`",
    "Rome": "add it to `categorical` or to `drop`",
}


@pytest.mark.parametrize("cell", CELLS)
def test_the_remedy_fits_the_cell(cell, tmp_path):
    content = f"n\tm\n1\tx\n{cell}\ty\n{cell}\tz\n"
    message = complaint(tmp_path, content, "n", decimal=".", thousands="none", delimiter="\t", header=True)
    start = f"t.csv, line 3, column 'n': text {cell!r} in a numeric column; "
    assert message.startswith(f"{start}{CELLS[cell]}"), message
    assert message.endswith(" (2 of 3 cells are not numbers)")


def test_a_remedy_heals(tmp_path):
    """What the advice says is done, word for word, and the number is read."""
    for cell, value in (
        ("3,5", 3.5),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("1'234.5", 1234.5),
    ):
        content = f"n\tm\n1\tx\n{cell}\ty\n"
        message = complaint(tmp_path, content, "n", decimal=".", thousands="none")
        stated = dict(re.findall(r"`(\w+): ['\"](.)['\"]`", message))
        assert stated
        assert table_of(tmp_path, content, **stated).numbers("n").tolist() == [1, value]


def test_a_late_number_of_another_format_is_refused_with_its_line(tmp_path):
    rows = [f"{n}.5;x" for n in range(4000)]
    rows[2717] = "3,5;x"
    assert "t.csv, line 2719, column 'a': text '3,5' in a numeric column; state `decimal: ','`" in complaint(
        tmp_path, "a;b\n" + "\n".join(rows), "a"
    )


def test_a_rare_word_may_be_a_missing_value(tmp_path):
    content = "n,m\n1,a\n2,b\nunknown,c\n4,d\n"
    message = complaint(tmp_path, content, "n")
    assert "line 4, column 'n': text 'unknown' in a numeric column; state `missing: ['unknown']` if it" in message
    numbers = table_of(tmp_path, content, missing=["Unknown"]).numbers("n")
    np.testing.assert_array_equal(numbers, [1, 2, NAN, 4])


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinities(cell, tmp_path):
    message = complaint(tmp_path, f"a,b\n1,x\n{cell},y\n", "a")
    assert message.startswith(f"t.csv, line 3, column 'a': {cell!r} is not a finite number")


def test_a_first_line_of_names_read_as_a_row(tmp_path):
    message = complaint(tmp_path, "a,b\n1,2\n3,4\n", "x1", header=False)
    assert (
        message
        == "t.csv, line 1, column 'x1': text 'b' in a numeric column; state `header: true` if this line names the "
        "columns"
    )
    with pytest.raises(DataError, match=r"no column 'a'; .*first line is read as a row, unless `header: true`"):
        table_of(tmp_path, "a,b\n1,2\n", header=False).cells("a")


# ---------------------------------------------------------------- header cells, missing values, labels


def test_odd_names(tmp_path):
    table = table_of(tmp_path, "\ufeff a ,,b,b,3, x1\n1,2,3,4,5,6\n")
    assert table.names == ["a", "x1_", "b", "b_2", "3", "x1"]
    assert [note.partition(": ")[2] for note in table.notes] == [
        "column 2 has no name; it is called 'x1_'",
        "the name 'b' occurs twice; column 4 is called 'b_2'",
    ]
    assert table_of(tmp_path, "a,,b,\n1,,2,\n,3,4,\n").names == ["a", "x1", "b"]
    assert "t.csv: column 4 has neither name nor values and is left out" in str(
        table_of(tmp_path, "a,b,c,\n1,2,3,\n").notes
    )
    assert [note.partition(": ")[2][:20] for note in table_of(tmp_path, "1,2\n3,4\n").notes] == ["line 1 holds numbers"]
    table.require(["a", "b_2"])
    with pytest.raises(DataError, match="the column name 'b' occurs more than once in the first line"):
        table.require(["b"])


def test_marks_of_a_missing_value(tmp_path):
    content = "n,c\n1,-\n-,?\n,NA\nnull,\n?,x\n"
    table = table_of(tmp_path, content)
    np.testing.assert_array_equal(table.numbers("n"), [1, NAN, NAN, NAN, NAN])
    assert table.texts("c").tolist() == ["-", "?", "", "", "x"]
    assert table.column("c", "category").values.tolist() == ["-", "?", "", "", "x"]
    declared = table_of(tmp_path, content, missing=["-", "?", "null"])
    np.testing.assert_array_equal(declared.numbers("n"), [1, NAN, NAN, NAN, NAN])
    assert declared.texts("c").tolist() == ["", "", "NA", "", "x"]
    assert "text '-' in a numeric column" in complaint(tmp_path, content, "n", missing=[])


def test_each_mark_is_told_once_with_its_place(tmp_path, caplog):
    caplog.set_level("INFO", "nnlite.data")
    table = table_of(tmp_path, "n,m,c\n1,?,NA\n?,2,\nNA,3,x\n")
    assert table.notes == []
    for _ in range(2):
        for name in ("n", "m"):
            table.numbers(name)
        table.texts("c")
    assert [note.removeprefix(f"{tmp_path}/") for note in table.notes] == [
        "t.csv, line 3, column 'n': '?' is read as a missing value, here and in other columns of numbers; `missing` "
        "states what is one",
        "t.csv, line 4, column 'n': 'NA' is read as a missing value, here and wherever else it stands; `missing` "
        "states what is one",
    ]
    assert [record.getMessage() for record in caplog.records] == table.notes


LABELS = {
    "integers": (["3", "1", "2"], [3, 1, 2]),
    "one spelling": (["1", "1.0", "01", "+1"], [1, 1, 1, 1]),
    "a gap made them floats": (["1.0", "2.0"], [1, 2]),
    "codes of one length": (["01067", "10115"], ["01067", "10115"]),
    "codes that lost their zeros": (["01067", "1067", "10115"], [1067, 1067, 10115]),
    "fractions": (["0.5", "0.50", "1"], ["0.5", "0.5", "1"]),
    "texts": (["1", "1.0", "a"], ["1", "1.0", "a"]),
    "no numbers": (["1_0", "10"], ["1_0", "10"]),
    "long ids": (["12345678901234567", "12345678901234568"], [12345678901234567, 12345678901234568]),
    "very long ids": (["9" * 30, "9" * 29 + "8"], ["9" * 30, "9" * 29 + "8"]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels(case, tmp_path):
    cells, labels = LABELS[case]
    table = table_of(tmp_path, "t\n" + "\n".join(cells), header=True)
    assert table.labels("t").tolist() == labels
    assert table.column("t", "category").values.tolist() == [str(label) for label in labels]
    decoded = Classes.fit("t", table.labels("t"), "sparse").labels if len(set(labels)) > 1 else []
    assert decoded == (sorted(set(labels)) if decoded else [])


def test_labels_with_a_mark_among_numbers_are_missing(tmp_path):
    with pytest.raises(DataError, match=r"line 3, column 't': the value is missing \(so in 1 of 3 rows\)"):
        table_of(tmp_path, "t\n1\n?\n2\n").labels("t")
    assert table_of(tmp_path, "t\na\n?\nb\n").labels("t").tolist() == ["a", "?", "b"]


def test_a_category_is_known_by_its_value(tmp_path):
    fitted = Columns([Ordinal.fit("c", table_of(tmp_path, "c,n\n1,0\n2,0\n10,0\n"), np.arange(3))])
    for cells in (
        ["1", "2", "10"],
        ["1.0", "2.0", "10.0"],
        ["01", "02", "10"],
        ["1.0", "2", "10", "x"],
        ["1e0", "+2", "10"],
    ):
        table = table_of(tmp_path, "c,n\n" + "".join(f"{cell},0\n" for cell in cells))
        assert fitted.encode(table)[:3, 0].tolist() == [1, 3, 2]
        for row, cell in enumerate(cells):  # whatever else stands in the file
            alone = table_of(tmp_path, f"c,n\n{cell},0\n")
            assert fitted.encode(alone)[0] == fitted.encode(table)[row]
    codes = Columns([Ordinal.fit("c", table_of(tmp_path, "c,n\n01,0\n02,0\n"), np.arange(2))])
    assert codes.encode(table_of(tmp_path, "c,n\n2,0\n01,0\n3,0\n"))[:, 0].tolist() == [2, 1, 0]


# ---------------------------------------------------------------- what is stated


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"delimiter": "::"}, "delimiter: expected one character, got '::'"),
        ({"delimiter": "\n"}, "delimiter: expected one character"),
        ({"quote": ""}, "quote: expected one character, got ''"),
        ({"quote": ";", "delimiter": ";"}, "quote: ';' is the delimiter as well"),
        ({"decimal": ",", "thousands": ","}, "thousands: ',' is the decimal mark as well"),
        ({"decimal": ";"}, "decimal: unknown value ';'"),
        ({"encoding": "utf9"}, "encoding: unknown encoding 'utf9'"),
        ({"missing": 5}, "missing: unknown value 5; Allowed: auto; or expected a list"),
        ({"header": "yes"}, "header: expected true, false or auto"),
        ({"compression": "zstd"}, "compression: unknown value 'zstd'"),
    ],
)
def test_what_cannot_be_stated(fields, message):
    for make in (lambda: Dialect(**fields), lambda: Csv("t.csv", "t", **fields)):
        with pytest.raises(ConfigError) as caught:
            make()
        assert message in str(caught.value)


def test_delimiters_have_names():
    assert [Dialect(delimiter=name).delimiter for name in ("tab", "\\t", "space", "semicolon", "|")] == list("\t\t ;|")


def test_a_source_states_what_was_found(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b;t\n" + "".join(f"{n},5;x{n % 2};{n % 2}\n" for n in range(20)))
    data = Data(Csv(str(path), "t", categorical=["b"]), Split(0, 0.2))
    prepared = data.prepare("sparse", seed=0)
    stated = prepared.data.to_spec()["source"]["Csv"]
    assert {key: stated[key] for key in PLAIN} == {**PLAIN, "delimiter": ";", "decimal": ","}
    again = Data.get(json.loads(json.dumps(prepared.data.to_spec()))).prepare("sparse", seed=0)
    for part, (x, y) in prepared.parts.items():
        assert np.array_equal(x, again.parts[part][0]) and np.array_equal(y, again.parts[part][1])
    assert data.source.delimiter == "auto"


OTHERS = {
    "commas and points": (
        "a,n\nx,1.5\ny,2.5\n",
        "no ';' in the first line, but ',' separates cells; read with delimiter ',', decimal '.'",
    ),
    "points": ("a;n\nx;1.5\ny;2.5\n", "its numbers are not written as stated; read with decimal '.'"),
    "tabs, compressed": (
        gzip.compress(b"a\tn\nx\t1.5\ny\t2.5\n"),
        "read with delimiter '\\t', decimal '.', compression 'gzip'",
    ),
    "UTF-16": (
        "a;n\nx;1,5\ny;2,5\n".encode("utf-16"),
        "is stated, but the file is in utf-16; read with encoding 'utf-16'",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_later_file_may_be_written_otherwise_with_a_word(case, tmp_path):
    content, note = OTHERS[case]
    source = Csv("t.csv", "t", **{**PLAIN, "delimiter": ";", "decimal": ","})
    (tmp_path / "new.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    table = source.read_inputs(str(tmp_path / "new.csv"))
    assert table.cells("a") == ["x", "y"]
    assert table.numbers("n").tolist() == [1.5, 2.5]
    assert any(note in told for told in table.notes), table.notes


def test_letters_of_a_later_file_are_not_garbled(tmp_path):
    source = Csv("t.csv", "t", **{**PLAIN, "encoding": "cp1252"})
    (tmp_path / "new.csv").write_text("a,n\ncaf\u00e9,1\n", encoding="utf-8")
    table = source.read_inputs(str(tmp_path / "new.csv"))
    assert table.cells("a") == ["caf\u00e9"]
    assert "the file is in utf-8, not in cp1252; read with encoding 'utf-8'" in table.notes[0]
    (tmp_path / "new.csv").write_text("a,n\ncaf\u00e9,1\n", encoding="cp1252")
    assert source.read_inputs(str(tmp_path / "new.csv")).cells("a") == ["caf\u00e9"]


def test_a_later_file_is_refused_where_no_dialect_fits(tmp_path):
    source = Csv("t.csv", "t", **PLAIN)
    (tmp_path / "new.csv").write_text('a,n\nx,1\n"y,2\nz,3\n')
    with pytest.raises(DataError, match=r"new\.csv, line 3: the quotation mark"):
        source.read_inputs(str(tmp_path / "new.csv"))
    (tmp_path / "new.csv").write_text('a,b,c\nx,k,1\n"y,l,2\nz",m,3\n')
    with pytest.raises(DataError, match=r"new\.csv, line 3: a cell that begins with a quotation mark"):
        source.read_inputs(str(tmp_path / "new.csv"))


def test_time_grows_with_the_file_alone(tmp_path):
    """Cells of two lines in every row: each is looked at once."""
    seconds = []
    for rows in (2_000, 16_000):
        content = "id,text,n\n" + "".join(f'{n},"two\nlines",7\n' for n in range(rows))
        assert len(table_of(tmp_path, content)) == rows
        seconds.append(quickest(partial(table_of, tmp_path, content)))
    assert seconds[1] < 32 * seconds[0]  # about 8 times; 64 times, if each were looked at once for each


def test_a_title_above_the_names_is_told_once(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Report 2023,,,\na,b,c,y\nd,e,f,g\nh,i,j,k\n")
    table = Table.read(str(path))
    assert [note for note in table.notes if "title" in note] == [
        f"{path}: the first line names 1 of 4 columns, the others are called x and their number; if it is a title, "
        "remove all lines above the names"
    ]
    assert not any("has no name" in note for note in table.notes)
