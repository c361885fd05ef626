"""`read_frame`: tables of every make as columns of four kinds."""

import datetime
import fractions
import uuid
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

from nnlite.config import set_floatx
from nnlite.data import Frame, read_frame
from nnlite.data.frames.reading import is_table
from nnlite.errors import CellTypeError, DataError, ShapeError

NAN = float("nan")
DAY, LATER = datetime.datetime(2020, 1, 1, 10), datetime.datetime(2021, 3, 4)
MORNING = "1970-01-01T10"
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


def same(column, kind, values):
    """Whether a column is of this kind and holds these values, with NaN, NaT or None for gaps."""
    assert column.kind == kind, (column.name, column.kind)
    given = column.values
    if kind == "category":
        assert given.dtype == object
        assert given.tolist() == values
    elif kind == "date":
        assert given.dtype.kind == "M"
        expected = np.array([np.datetime64("NaT" if value is None else value, "us") for value in values])
        assert np.array_equal(given.astype("M8[us]"), expected.astype("M8[us]"), equal_nan=True), given
    else:
        assert given.dtype in (np.float64, np.float32)
        assert np.array_equal(given, np.array([NAN if value is None else value for value in values]), equal_nan=True)


# cells of one column -> its kind and values
CELLS = {
    "integers and a gap": ([1, None, 3], "number", [1, None, 3]),
    "floats and NaN": ([1.5, NAN, np.float32(2)], "number", [1.5, None, 2]),
    "booleans": ([True, None, np.False_], "boolean", [1, None, 0]),
    "booleans beside floats": ([True, 0.5, False], "number", [1, 0.5, 0]),
    "numpy booleans beside integers": ([np.True_, 3, None], "number", [1, 3, None]),
    "a signaling NaN": ([Decimal("1.5"), Decimal("sNaN"), 2.0], "number", [1.5, None, 2.0]),
    "decimals and fractions": ([Decimal("1.5"), Decimal("nan"), fractions.Fraction(1, 4)], "number", [1.5, None, 0.25]),
    "texts": (["a", None, ""], "category", ["a", None, ""]),
    "numbers written as text": (["12.5", "7", None], "category", ["12.5", "7", None]),
    "texts and numbers": (["1", 1, 1.0], "category", ["1", "1", "1"]),
    "texts, booleans, a half": (["t", True, 0.5], "category", ["t", "True", "0.5"]),
    "other objects": (
        [fractions.Fraction(1, 4), None, uuid.UUID(int=1)],
        "category",
        ["1/4", None, str(uuid.UUID(int=1))],
    ),
    "times of day": ([datetime.time(10), None, datetime.time(11, 30)], "date", [MORNING, None, "1970-01-01T11:30"]),
    "times with a zone": ([datetime.time(10, tzinfo=BERLIN), None], "date", [MORNING, None]),
    "times and dates": ([datetime.time(10), DAY.date()], "category", ["10:00:00", "2020-01-01"]),
    "dates": ([DAY, None, LATER.date()], "date", [DAY, None, LATER.date()]),
    "numpy dates": ([np.datetime64("2020-01-01"), np.datetime64("NaT")], "date", ["2020-01-01", None]),
    "dates with a zone": ([DAY.replace(tzinfo=BERLIN), None], "date", ["2020-01-01T09", None]),
    "durations": ([datetime.timedelta(hours=12), None], "number", [0.5, None]),
    "gaps alone": ([None, NAN, None], "number", [None, None, None]),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells(case):
    cells, kind, values = CELLS[case]
    same(read_frame({"a": cells}).columns[0], kind, values)
    array = np.empty((len(cells), 1), object)
    array[:, 0] = cells
    same(read_frame(array).columns[0], kind, values)
    same(read_frame([[cell] for cell in cells]).columns[0], kind, values)
    same(read_frame([{"a": cell} for cell in cells]).columns[0], kind, values)


# array of a column -> its kind and values
ARRAYS = {
    "uint8": (np.array([1, 255], np.uint8), "number", [1, 255]),
    "float16": (np.array([1.5, NAN], np.float16), "number", [1.5, None]),
    "float32": (np.array([1.5, NAN], np.float32), "number", [1.5, None]),
    "long double": (np.array([1.5, NAN], np.longdouble), "number", [1.5, None]),
    "bool": (np.array([True, False]), "boolean", [1, 0]),
    "text": (np.array(["a", "bc"]), "category", ["a", "bc"]),
    "dates": (np.array(["2020-01-01", "NaT"], "M8[D]"), "date", ["2020-01-01", None]),
    "durations": (np.array([36, "NaT"], "m8[h]"), "number", [1.5, None]),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case):
    array, kind, values = ARRAYS[case]
    for X in (array[:, None], {"a": array}, np.rec.fromarrays([array], names=["a"])):
        same(read_frame(X).columns[0], kind, values)
    wanted = np.float32 if array.dtype in (np.float16, np.float32) else np.float64
    assert kind in ("category", "date") or read_frame(array[:, None]).columns[0].values.dtype == wanted


def test_names():
    assert read_frame(np.ones((2, 3))).names == ["x0", "x1", "x2"]
    assert not read_frame(np.ones((2, 3))).named
    assert not read_frame([[1, "a"]]).named
    for given in (
        read_frame(np.ones((2, 2)), ["a", "b"]),
        read_frame([[1, "u"]], ["a", "b"]),
        read_frame({"a": [1], "b": [2]}),
    ):
        assert given.named
        assert given.names == ["a", "b"]
    assert read_frame(np.rec.fromarrays([[1], ["u"]], names=["a", "b"])).names == ["a", "b"]
    assert read_frame([{"b": 1}, {"a": 2}]).names == ["b", "a"]
    assert read_frame({"b": [1]}, ["a"]).names == ["a"]
    with pytest.raises(DataError, match="2 columns are called 'a'"):
        read_frame([[1, "u"]], ["a", "a"])
    with pytest.raises(ShapeError, match="3 names for 2 columns"):
        read_frame(np.ones((2, 2)), ["a", "b", "c"])


def test_an_array_of_floats_is_kept_as_it_is():
    for X in (np.ones((3, 2)), np.ones((3, 2), np.float32), np.asfortranarray(np.ones((3, 2)))):
        frame = read_frame(X)
        assert frame.matrix is X
        assert frame.complete
        assert read_frame(frame) is frame
    X[1, 1] = NAN
    assert not read_frame(X).complete
    assert not read_frame(np.asfortranarray(X)).complete


def test_masked_cells_are_gaps():
    same(read_frame(np.ma.masked_values([[1.0], [9.0]], 9.0)).columns[0], "number", [1, None])


def test_whatever_makes_an_array():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.eye(2)

    assert np.array_equal(read_frame(Tensor()).matrix, np.eye(2))


X = np.ones((4, 2))
BIG = {"inf": np.inf, "-inf": -np.inf, "large": 1e39}
BAD = {
    "infinity": ({"a": [1.0, 2.0], "b": [1.0, np.inf]}, DataError, "column 'b', row 1: infinity is not a number"),
    "minus infinity": (np.diag([1.0, -np.inf]), DataError, "column 'x1', row 1: -infinity is not a number"),
    "infinity among objects": ({"a": [None, np.inf]}, DataError, "column 'a', row 1: infinity"),
    "infinite float32": (np.diag([1, np.inf]).astype(np.float32), DataError, "column 'x1', row 1: infinity"),
    "too large": (np.array([[1.0, 1], [1, -1e39]]), DataError, "column 'x1', row 1: -1e+39 is too large for float32"),
    "complex": (np.array([[1j]]), CellTypeError, "Complex data not supported: column 'x0', row 0 is"),
    "complex among objects": ({"a": [1, 1j]}, CellTypeError, "Complex data not supported: column 'a', row 1 is 1j"),
    "bytes": ({"a": [b"x", "y"]}, CellTypeError, "column 'a', row 0: b'x' is bytes; decode them"),
    "an array of bytes": (np.array([[b"x"]]), CellTypeError, "column 'x0', row 0: b'x' is bytes"),
    "lists": (
        {"a": [1, [2]]},
        CellTypeError,
        "column 'a', row 1: the argument must be a string or a number, got a list",
    ),
    "dicts": (np.array([[1], [{}]]), CellTypeError, "column 'x0', row 1: the argument must be a string or a number"),
    "two of a name": (np.ones((1, 3)), DataError, "2 columns are called 'a'"),
    "two of a name by their text": ({1: ["u"], "1": ["v"]}, DataError, "2 columns are called '1'"),
    "lengths": ({"a": [1, 2], "b": [1]}, ShapeError, "'a' has 2 rows, 'b' 1"),
    "ragged": ([[1, 2], [3]], ShapeError, "must have the same number of cells, these have 1 to 2"),
    "a matrix as column": ({"a": np.eye(2)}, ShapeError, "column 'a' has shape (2, 2)"),
    "no rows": (np.ones((0, 3)), ShapeError, "Found array with 0 sample(s) (shape=(0, 3)) while a minimum of 1 is"),
    "no columns": (np.ones((4, 0)), ShapeError, "Found array with 0 feature(s) (shape=(4, 0)) while a minimum of 1 is"),
    "rows without cells": ([[], []], ShapeError, "Found array with 0 feature(s) (shape=(2, 0))"),
    "no rows of objects": (np.ones((0, 3), object), ShapeError, "Found array with 0 sample(s) (shape=(0, 3))"),
    "empty columns": ({"a": []}, ShapeError, "Found array with 0 sample(s) (shape=(0, 1))"),
    "nothing": ([], ShapeError, "Expected 2D array, got 1D array instead"),
    "one dimension": (np.ones(3), ShapeError, "Reshape your data either using array.reshape(-1, 1)"),
    "a list of numbers": ([1, 2], ShapeError, "Expected 2D array, got 1D array instead:\narray=[1, 2]"),
    "one number": (3.0, ShapeError, "Expected 2D array, got scalar array instead"),
    "three dimensions": (np.ones((2, 2, 2)), ShapeError, "Found array with dim 3, while dim <= 2 is required"),
    "sparse": (SimpleNamespace(toarray=None), DataError, "a sparse matrix (SimpleNamespace) is not a table"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables(case):
    table, error, message = BAD[case]
    with pytest.raises(DataError) as caught:
        read_frame(table, ["a", "b", "a"] if case == "two of a name" else None)
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_a_cell_of_an_impossible_type_is_a_type_error_too():
    with pytest.raises(TypeError):
        read_frame({"a": [{}]})


def test_large_numbers_are_numbers_where_float64_is_the_type():
    set_floatx("float64")
    try:
        assert read_frame(np.array([[1e300]])).complete
        assert read_frame({"a": [1e300]}).columns[0].values.tolist() == [1e300]
    finally:
        set_floatx("float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_numbers_beyond_16_bits(dtype):
    """Those of bfloat16 end a little before those of float32."""
    pytest.importorskip("ml_dtypes")
    fits, too_large = {"float16": (65504.0, 65600.0), "bfloat16": (3.38e38, 3.395e38)}[dtype]
    set_floatx(dtype)
    try:
        assert read_frame(np.array([[fits]])).n_rows == 1
        with pytest.raises(DataError, match=f"is too large for {dtype}"):
            read_frame(np.array([[too_large]]))
    finally:
        set_floatx("float32")


def test_what_is_a_table():
    assert all(map(is_table, ({"a": [1]}, [{"a": 1}], [[1, "a"]], [[1, None]], np.array([["a"]]), X.astype(object))))
    assert is_table(read_frame(X))
    texts = ([["a"], [None]], np.array([["a"]]), np.array(["a"]))
    assert [(is_table(own), is_table(own, named=True)) for own in texts] == [
        (True, False),
        (True, False),
        (False, False),
    ]
    named = ({"a": ["b"]}, [{"a": "b"}], np.rec.fromarrays([["b"]], names=["a"]))
    assert all(is_table(own, named=True) for own in named)
    assert not any(map(is_table, (X, X.astype(int), X > 0, X.tolist(), [1, 2], ["a"], [], [X, X], (X, X), None, "a")))


def test_columns_of_another_kind():
    frame = read_frame({"n": [1, 2.5, None], "b": [True, None, False], "c": ["a", None, "1"], "g": [None] * 3})
    same(frame.column("n", "category"), "category", ["1", "2.5", None])
    same(frame.column("b", "category"), "category", ["True", None, "False"])
    same(frame.column("b", "number"), "number", [1, None, 0])
    same(frame.column("g", "category"), "category", [None] * 3)
    same(frame.column("g", "date"), "date", [None] * 3)
    with pytest.raises(DataError, match="column 'c', row 0: 'a' is text; in the fit the column held numbers"):
        frame.column("c", "number")
    with pytest.raises(DataError, match=r"column 'n', row 0: '1\.0' is a number; in the fit the column held dates"):
        frame.column("n", "date")
    with pytest.raises(DataError, match="no column 'd'; "):
        frame.column("d", "number")
    same(read_frame({"f": np.array([0.1, 2], np.float32)}).column("f", "category"), "category", ["0.1", "2"])
    assert repr(frame) == "Frame(3 rows; n: number, b: boolean, c: category, g: number)"


def test_frames_of_columns_know_their_type():
    single = np.ones(2, np.float32)
    assert read_frame({"a": single, "b": ["x", "y"]}).dtype == np.float32
    assert read_frame({"a": single, "b": np.ones(2)}).dtype == np.float64
    assert read_frame({"a": single, "b": [DAY, None]}).dtype == np.float64
    assert read_frame({"b": ["x", "y"]}).dtype == np.float64
    assert isinstance(read_frame({"a": single}), Frame)
