"""`read_frame` on tables of other libraries; those that are not installed are passed over."""

import datetime
import subprocess
import sys
import warnings

import numpy as np
import pytest
from test_frames import same

from nnlite.data import read_frame
from nnlite.data.frames.reading import is_table
from nnlite.errors import DataError

DAY, LATER = datetime.datetime(2020, 1, 1, 10), datetime.datetime(2021, 3, 4)
UTC, BERLIN = ["2020-01-01T09", None, "2021-03-03T23"], "Europe/Berlin"
DAYS = [DAY, None, LATER]


@pytest.fixture
def pd():
    return pytest.importorskip("pandas")


@pytest.fixture
def pl():
    return pytest.importorskip("polars")


@pytest.fixture
def pa():
    return pytest.importorskip("pyarrow")


PANDAS = {
    "int64": (lambda pd: pd.Series([1, 2, 3]), "number", [1, 2, 3]),
    "float32": (lambda pd: pd.Series([1.5, None, 3], dtype="float32"), "number", [1.5, None, 3]),
    "bool": (lambda pd: pd.Series([True, False, True]), "boolean", [1, 0, 1]),
    "Int64": (lambda pd: pd.array([1, None, 3], dtype="Int64"), "number", [1, None, 3]),
    "UInt8": (lambda pd: pd.array([1, None, 3], dtype="UInt8"), "number", [1, None, 3]),
    "Float64": (lambda pd: pd.array([1.5, None, 3], dtype="Float64"), "number", [1.5, None, 3]),
    "Float32": (lambda pd: pd.array([1.5, None, 3], dtype="Float32"), "number", [1.5, None, 3]),
    "boolean": (lambda pd: pd.array([True, None, False], dtype="boolean"), "boolean", [1, None, 0]),
    "string": (lambda pd: pd.array(["a", None, "b"], dtype="string"), "category", ["a", None, "b"]),
    "str": (lambda pd: pd.Series(["a", None, "b"]), "category", ["a", None, "b"]),
    "object": (lambda pd: pd.Series([True, 0.5, "t"], dtype=object), "category", ["True", "0.5", "t"]),
    "numbers as objects": (lambda pd: pd.Series([1, pd.NA, 2.5], dtype=object), "number", [1, None, 2.5]),
    "category": (lambda pd: pd.Categorical(["a", None, "b"]), "category", ["a", None, "b"]),
    "category of integers": (lambda pd: pd.Categorical([2, None, 1]), "category", ["2", None, "1"]),
    "category of floats": (lambda pd: pd.Categorical([2.0, None, 1.5]), "category", ["2", None, "1.5"]),
    "category of booleans": (lambda pd: pd.Categorical([True, None, False]), "category", ["True", None, "False"]),
    "datetime64": (lambda pd: pd.to_datetime(pd.Series(DAYS)), "date", DAYS),
    "datetime64 with a zone": (lambda pd: pd.to_datetime(pd.Series(DAYS)).dt.tz_localize(BERLIN), "date", UTC),
    "timedelta": (lambda pd: pd.to_timedelta([12, None, 24], unit="h"), "number", [0.5, None, 1]),
    "period": (
        lambda pd: pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
        "date",
        ["2020-01-01", None, "2020-03-01"],
    ),
    "sparse": (lambda pd: pd.arrays.SparseArray([0.0, np.nan, 2.0]), "number", [0, None, 2]),
    "interval": (
        lambda pd: pd.cut([1, np.nan, 5], [0, 2, 6]).astype(object),
        "category",
        ["(0.0, 2.0]", None, "(2.0, 6.0]"],
    ),
    "timestamps as objects": (
        lambda pd: pd.Series([pd.Timestamp(DAY), pd.NaT, pd.Timestamp(LATER)], dtype=object),
        "date",
        DAYS,
    ),
}


@pytest.mark.parametrize("case", PANDAS)
def test_columns_of_pandas(case, pd):
    make, kind, values = PANDAS[case]
    table = pd.DataFrame({"other": ["u", "v", "u"], "own": make(pd)})
    same(read_frame(table).columns[1], kind, values)
    same(read_frame(table["own"]).columns[0], kind, values)  # a Series is one column
    same(read_frame({"own": table["own"]}).columns[0], kind, values)
    assert read_frame(table["own"]).names == ["own"]
    if case.endswith("32"):
        assert read_frame(table).columns[1].values.dtype == np.float32


def test_names_of_pandas(pd):
    frame = read_frame(pd.DataFrame({"a": [1], "b": [2.5]}))
    assert frame.named
    assert frame.names == ["a", "b"]
    assert frame.matrix.tolist() == [[1, 2.5]]
    for table in (pd.DataFrame([[1, 2]]), pd.DataFrame([[1, "u"]])):
        assert not read_frame(table).named
        assert read_frame(table).names == ["x0", "x1"]
    with pytest.raises(DataError, match="2 columns are called 'a'"):
        read_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DataError, match="column 'b', row 1: infinity"):
        read_frame(pd.DataFrame({"a": [1, 2], "b": [1, np.inf]}))
    with pytest.raises(DataError, match=r"Found array with 0 feature\(s\) \(shape=\(3, 0\)\)"):
        read_frame(pd.DataFrame(index=range(3)))
    with pytest.raises(DataError, match=r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\)"):
        read_frame(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})[:0])


def test_tables_of_pandas_are_tables_and_their_columns_are_not(pd):
    table = pd.DataFrame({"a": [1.0, 2.0]})
    assert is_table(table)
    assert not is_table(table["a"])
    assert not is_table(table["a"].array)


POLARS = {
    "Int64": ("Int64", [1, None, 3], "number", [1, None, 3]),
    "Float32": ("Float32", [1.5, None, 3], "number", [1.5, None, 3]),
    "Boolean": ("Boolean", [True, None, False], "boolean", [1, None, 0]),
    "String": ("String", ["a", None, "b"], "category", ["a", None, "b"]),
    "Categorical": ("Categorical", ["a", None, "b"], "category", ["a", None, "b"]),
    "Null": ("Null", [None] * 3, "number", [None] * 3),
    "Date": ("Date", [DAY.date(), None, LATER.date()], "date", [DAY.date(), None, LATER.date()]),
    "Datetime": ("Datetime", DAYS, "date", DAYS),
    "Duration": ("Duration", [datetime.timedelta(hours=12), None, datetime.timedelta(1)], "number", [0.5, None, 1]),
    "Time": ("Time", [datetime.time(10), None, LATER.time()], "date", ["1970-01-01T10", None, "1970-01-01"]),
}


@pytest.mark.parametrize("case", POLARS)
def test_columns_of_polars(case, pl):
    dtype, cells, kind, values = POLARS[case]
    table = pl.DataFrame({"other": ["u", "v", "u"], "own": pl.Series(cells, dtype=getattr(pl, dtype))})
    same(read_frame(table).columns[1], kind, values)
    same(read_frame(table["own"]).columns[0], kind, values)
    assert read_frame(table).names == ["other", "own"]
    assert is_table(table)
    assert not is_table(table["own"])


def test_polars_in_particular(pl):
    zoned = pl.Series(DAYS, dtype=pl.Datetime).dt.replace_time_zone(BERLIN)
    decimal = pl.Series(["1.5", None, "2"]).cast(pl.Decimal(10, 2))
    frame = read_frame(
        pl.DataFrame({"z": zoned, "d": decimal, "e": pl.Series(["a", None, "b"], dtype=pl.Enum(["a", "b"]))})
    )
    same(frame.columns[0], "date", UTC)
    same(frame.columns[1], "number", [1.5, None, 2])
    same(frame.columns[2], "category", ["a", None, "b"])
    with pytest.raises(DataError, match=r"LazyFrame has no rows yet: pass X\.collect"):
        read_frame(pl.DataFrame({"a": [1]}).lazy())
    with pytest.raises(DataError, match="column 'a', row 0: the argument must be a string or a number, got a list"):
        read_frame(pl.DataFrame({"a": [[1, 2]]}))


ARROW = {
    "int64": ([1, None, 3], "number", [1, None, 3]),
    "float32": ([1.5, None, 3], "number", [1.5, None, 3]),
    "bool": ([True, None, False], "boolean", [1, None, 0]),
    "string": (["a", None, "béé"], "category", ["a", None, "béé"]),
    "large_string": (["a", None, "b"], "category", ["a", None, "b"]),
    "date32": ([DAY.date(), None, LATER.date()], "date", [DAY.date(), None, LATER.date()]),
    "timestamp": (DAYS, "date", DAYS),
    "duration": ([datetime.timedelta(hours=12), None, datetime.timedelta(1)], "number", [0.5, None, 1]),
    "null": ([None] * 3, "number", [None] * 3),
}


def arrow_array(pa, name, cells):
    kinds = {"bool": pa.bool_(), "timestamp": pa.timestamp("us"), "duration": pa.duration("us")}
    return pa.array(cells, kinds.get(name) or getattr(pa, name)())


class Capsule:
    """Hands its data over as Arrow does, and in no other way."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


class Interchange:
    """Offers dataframe interchange, and nothing else."""

    def __init__(self, table):
        self.table = table

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas is to drop the protocol
            return self.table.__dataframe__(nan_as_null, allow_copy)


@pytest.mark.parametrize("case", ARROW)
def test_columns_of_arrow(case, pa):
    cells, kind, values = ARROW[case]
    table = pa.table({"other": ["u", "v", "u"], "own": arrow_array(pa, case, cells)})
    for given in (table, Capsule(table), table.to_batches()[0]):
        same(read_frame(given).columns[1], kind, values)
        assert is_table(given)
    if case not in ("date32", "duration", "null"):  # for which pyarrow does not offer the protocol
        parts = pa.concat_tables([table.slice(0, 1), table.slice(1)])
        same(read_frame(Interchange(table)).columns[1], kind, values)
        same(read_frame(Interchange(parts)).columns[1], kind, values)
        same(read_frame(Interchange(table.slice(1))).columns[1], kind, values[1:])


@pytest.mark.parametrize("case", ARROW)
def test_columns_of_pandas_kept_by_arrow(case, pa, pd):
    cells, kind, values = ARROW[case]
    own = pd.Series(cells, dtype=pd.ArrowDtype(arrow_array(pa, case, cells).type))
    same(read_frame(pd.DataFrame({"own": own})).columns[0], kind, values)


def test_dictionaries_of_arrow_are_categories(pa, pd):
    table = pa.table({"c": pa.array([2, None, 1]).dictionary_encode()})
    for given in (
        table,
        Interchange(table),
        pd.DataFrame({"c": pd.Series(table["c"], dtype=pd.ArrowDtype(table["c"].type))}),
    ):
        same(read_frame(given).columns[0], "category", ["2", None, "1"])


INTERCHANGED = ["int64", "float32", "bool", "str", "category", "datetime64", "Int64", "boolean"]


@pytest.mark.parametrize("case", INTERCHANGED)
def test_interchange(case, pd):
    make, kind, values = PANDAS[case]
    frame = read_frame(Interchange(pd.DataFrame({"own": make(pd)})))
    same(frame.columns[0], kind, values)
    assert frame.names == ["own"]
    assert is_table(Interchange(None))


def test_no_library_is_imported_for_an_array():
    check = "import sys; from nnlite.data import *; TableEncoder.fit([[1, 'a'], [2, 'b']]).encode([[1, 'a']])"
    check += "; print(*{'pandas', 'polars', 'pyarrow', 'sklearn'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
