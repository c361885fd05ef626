"""Values that a table loses when it is read: digits of long numbers, and time zones; each loss is warned of."""

import datetime
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from nnlite import NNRegressor
from nnlite.charts.histogram import binned
from nnlite.data import Dates, TableEncoder, profile_table, read_frame
from nnlite.data.table import Table

ROWS = 12
LONG = [2**62 + row for row in range(ROWS)]
ARRAY = np.array(LONG)
OTHER = np.linspace(0, 1, ROWS)
ROUNDED = "are the same floating-point number"
INTEGERS = {
    "array": ARRAY[:, None],
    "objects": ARRAY[:, None].astype(object),
    "list of rows": [[number, "a"] for number in LONG],
    "dict of arrays": {"x0": ARRAY},
    "dict of lists": {"x0": LONG},
    "frame of integers": pd.DataFrame({"x0": ARRAY}),
    "frame of integers and floats": pd.DataFrame({"x0": ARRAY, "y": OTHER}),
    "frame with text": pd.DataFrame({"x0": ARRAY, "y": ["a", "b"] * (ROWS // 2)}),
    "uint64": pd.DataFrame({"x0": ARRAY.astype(np.uint64) + np.uint64(2**62)}),
    "nullable": pd.DataFrame({"x0": pd.array([None, *LONG[1:]], dtype="Int64")}),
    "pandas with Arrow": pd.DataFrame({"x0": pd.array([None, *LONG[1:]], dtype="int64[pyarrow]")}),
    "Decimal": {"x0": list(map(Decimal, LONG))},
    "Decimal below 2**53": {"x0": [1 + Decimal(row) / 10**20 for row in range(ROWS)]},
    "Fraction": {"x0": list(map(Fraction, LONG))},
    "durations": pd.DataFrame({"x0": ARRAY.astype("timedelta64[ns]")}),
    "polars": pl.DataFrame({"x0": LONG}),
    "polars with gaps": pl.DataFrame({"x0": [None, *LONG[1:]]}),
    "Arrow with gaps": pa.table({"x0": [None, *LONG[1:]]}),
}


@pytest.mark.parametrize("table", INTEGERS.values(), ids=INTEGERS)
def test_numbers_that_floats_do_not_tell_apart_are_warned_of(table):
    with pytest.warns(UserWarning, match=f"column 'x0': .* {ROUNDED}"):
        read_frame(table)


@pytest.mark.parametrize(
    "rows",
    [ARRAY[:, None], ARRAY[:, None].tolist(), [[number, np.nan] for number in LONG]],
    ids=["array", "list", "list with gaps"],
)
def test_estimators_warn_of_them_in_arrays(rows):
    model = NNRegressor(hidden_layer_sizes=(2,), epochs=1, n_members=1, random_state=0)
    with pytest.warns(UserWarning, match=ROUNDED) as warned:
        model.fit(rows, OTHER)
    (message,) = [str(warning.message) for warning in warned if ROUNDED in str(warning.message)]
    assert message.startswith(f"column 'x0': {2**62} and {2**62 + 1} ")


@pytest.mark.parametrize("y", [ARRAY, ARRAY.astype(object), pd.array(LONG, dtype="Int64")], ids=["i", "O", "Int64"])
def test_estimators_warn_of_them_in_targets(y):
    model = NNRegressor(hidden_layer_sizes=(2,), epochs=1, n_members=1, random_state=0)
    with pytest.warns(UserWarning, match=f"^y: {2**62} and {2**62 + 1} {ROUNDED}"):
        model.fit(OTHER[:, None], y)


@pytest.mark.parametrize(
    "cells",
    [
        np.arange(ROWS),
        2**62 + 10**6 * np.arange(ROWS),
        np.full(ROWS, 2**62 + 1),
        np.full(ROWS, 2.0**70),
        [Decimal(row) / 10 for row in range(ROWS)],
        [Decimal("0.1"), 0.1] * (ROWS // 2),
        [True, 1, 1.0] * (ROWS // 3),
    ],
)
def test_numbers_that_are_told_apart_are_not(cells):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_frame({"x0": cells})


@pytest.mark.parametrize("kind", [int, Decimal, Fraction])
def test_categories_keep_all_digits(kind):
    frame = read_frame(pd.DataFrame({"code": pd.Categorical([kind(LONG[row // 4]) for row in range(ROWS)])}))
    assert sorted(set(frame.columns[0].values)) == list(map(str, LONG[:3]))
    assert TableEncoder.fit(frame).feature_names == [f"code={number}" for number in LONG[:3]]


def test_a_column_of_a_file_that_floats_do_not_tell_apart_is_one_of_categories():
    table = Table("t.csv", {"code": [str(LONG[row // 4]) for row in range(ROWS)]}, range(2, ROWS + 2))
    (profile,) = profile_table(table).columns
    assert (profile.kind, profile.distinct, profile.encoding) == ("category", 3, "one_hot")
    assert table.notes[0].startswith(f"t.csv, line 6, column 'code': {LONG[0]} and {LONG[1]} {ROUNDED}")


def test_one_number_in_two_spellings_is_not_one_of_two():
    cells = ["1e20", "100000000000000000000", "1E+16", "10000000000000000.0", "7", "007"]
    table = Table("t.csv", {"code": cells}, range(2, len(cells) + 2))
    assert not table.rounds("code", table.numbers("code"))
    assert not table.notes


def test_a_constant_beyond_the_precision_of_floats_has_a_histogram():
    for numbers in (np.full(5, 2.0**62), np.array([2.0**62, 2.0**62 + 512])):
        for bins in (1, 3):
            counts, edges = binned(numbers, bins)
            assert counts.sum() == len(numbers)
            assert len(edges) == bins + 1


DAYS = [datetime.datetime(2020, 1, 1 + row, 12) for row in range(ROWS)]
ZONED = [day.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2))) for day in DAYS]
WAYS = {
    "objects": lambda days: {"t": days},
    "pandas": lambda days: pd.DataFrame({"t": pd.to_datetime(days)}),
    "pandas with Arrow": lambda days: pd.DataFrame(
        {"t": pd.Series(pa.array(days), dtype=pd.ArrowDtype(pa.array(days).type))}
    ),
    "polars": lambda days: pl.DataFrame({"t": days}),
    "Arrow": lambda days: pa.table({"t": days}),
    "text": lambda days: {"t": [day.isoformat() for day in days]},
}


def encoder_of(table, way):
    if way != "text":
        return TableEncoder.fit(table)
    zoned = table["t"][0].endswith("+02:00")
    return Dates("t", 0.0, ["hour"], form="iso", zoned=zoned)


@pytest.mark.parametrize("way", WAYS)
def test_dates_whose_zone_is_missing_or_new_are_warned_of(way):
    plain, zoned = WAYS[way](DAYS), WAYS[way](ZONED)
    for fitted, others, message in (
        (zoned, plain, "no time zone, and had one in"),
        (plain, zoned, "a time zone, and had none in"),
    ):
        encoder = encoder_of(fitted, way)
        with pytest.warns(UserWarning, match=f"column 't': the dates have {message} the fit"):
            encoder.encode(read_frame(others))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            encoder.encode(read_frame(fitted))


def test_dates_of_which_some_have_a_zone_are_warned_of():
    with pytest.warns(UserWarning, match="column 't' holds dates with a time zone and dates without one"):
        read_frame({"t": [*DAYS, *ZONED]})
    texts = [day.isoformat() for day in (*DAYS, *ZONED)]
    with pytest.warns(UserWarning, match="column 't' holds dates with a time zone and dates without one"):
        Dates("t", 0.0, ["hour"], form="iso").encode(read_frame({"t": texts}))


def test_gaps_and_other_zones_are_not():
    encoder = TableEncoder.fit({"t": ZONED})
    tokyo = pd.DataFrame({"t": pd.to_datetime(ZONED).tz_convert("Asia/Tokyo")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(encoder.encode(tokyo), encoder.encode({"t": ZONED}))
        encoder.encode(pd.DataFrame({"t": pd.to_datetime([None] * 3)}))
    assert TableEncoder.get(encoder.to_spec()).columns[0].zoned is True
