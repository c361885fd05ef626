"""`TableEncoder`: what becomes of each kind of column, in the fit and afterwards."""

import datetime
import json
import timeit

import numpy as np
import pytest

from nnlite.data import Dates, InputEncoder, Numeric, OneHot, Ordinal, TableEncoder, TwoValued, read_frame
from nnlite.errors import ConfigError, DataError, ShapeError

NAN = float("nan")
DATE = datetime.date(2020, 1, 1)
MANY = [f"k{row % 10}" for row in range(40)]
ROWS = 40


def a_table():
    """A column of every kind."""
    return {
        "age": [20 + row % 7 for row in range(ROWS)],
        "city": [["Rome", "Oslo", None, "Bern"][row % 4] for row in range(ROWS)],
        "weight": [None if row % 5 == 3 else row / 2 for row in range(ROWS)],
        "sex": [["f", "m", None][row % 3] for row in range(ROWS)],
        "kind": MANY,
        "since": [None if row == 5 else datetime.datetime(2020, 1, 1 + row % 28, row % 24) for row in range(ROWS)],
        "member": [[True, None, False][row % 3] for row in range(ROWS)],
        "nothing": [None] * ROWS,
        "same": ["x"] * ROWS,
        "seven": [7] * ROWS,
        "name": [f"n{row}" for row in range(ROWS)],
    }


NAMES = ["age", "weight", "weight_missing", "since_missing", "city=Bern", "city=Oslo", "city=Rome", "sex=m", "member"]
NAMES += ["since", "since_hour_sin", "since_hour_cos", "since_weekday_sin", "since_weekday_cos", "kind"]


def restored(encoder):
    return InputEncoder.get(json.loads(json.dumps(encoder.to_spec(), allow_nan=False)))


def test_every_kind():
    table = a_table()
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == NAMES
    assert list(encoder.groups) == list(table)
    assert [name for names in encoder.groups.values() for name in names if name not in NAMES] == []
    assert encoder.groups["since"] == ["since_missing", *NAMES[9:14]]
    assert [name for name, own in encoder.groups.items() if not own] == ["nothing", "same", "seven", "name"]
    assert encoder.numbers == ["age", "weight", "since"]
    assert encoder.code_sizes == {"kind": 11}
    assert not encoder.is_identity
    matrix = encoder.encode(table)
    assert matrix.shape == (ROWS, len(NAMES))
    assert matrix.dtype == np.float64
    assert np.isfinite(matrix).all()
    column = dict(zip(NAMES, matrix.T, strict=True))
    median = np.median([value for value in table["weight"] if value is not None])
    assert column["age"].tolist() == table["age"]
    assert column["weight"].tolist() == [median if value is None else value for value in table["weight"]]
    assert column["weight_missing"].tolist() == [float(value is None) for value in table["weight"]]
    assert column["city=Oslo"].tolist() == [float(value == "Oslo") for value in table["city"]]
    assert column["sex=m"].tolist() == [{"m": 1, "f": -1, None: 0}[value] for value in table["sex"]]
    assert column["member"].tolist() == [{True: 1, False: -1, None: 0}[value] for value in table["member"]]
    assert column["kind"].tolist() == [1 + int(value[1:]) for value in table["kind"]]
    assert column["since"][6] == datetime.date(2020, 1, 7).toordinal() - datetime.date(1970, 1, 1).toordinal() + 0.25
    assert column["since_hour_sin"][6] == 1


def test_what_was_learnt_goes_through_json():
    table = a_table()
    encoder = TableEncoder.fit(table, one_hot_value=2 / np.sqrt(1 + 4 / 9))
    again = restored(encoder)
    assert again.to_spec() == encoder.to_spec()
    assert np.array_equal(again.encode(table), encoder.encode(table))
    assert (again.feature_names, again.groups, again.numbers, again.code_sizes, again.is_identity) == (
        encoder.feature_names,
        encoder.groups,
        encoder.numbers,
        encoder.code_sizes,
        False,
    )
    assert set(encoder.encode(table)[:, NAMES.index("city=Rome")]) == {0, 2 / np.sqrt(1 + 4 / 9)}


def test_the_rows_of_the_fit_decide():
    table = {"n": [1, 2, 100, None], "c": ["a", "b", "z", "z"], "k": [1, 1, 2, 3], "g": [None, None, 1, 2]}
    encoder = TableEncoder.fit(table, rows=np.array([0, 1]))
    assert encoder.feature_names == ["n", "c=b"]
    assert encoder.encode(table).tolist() == [[1, -1], [2, 1], [100, 0], [1.5, 0]]


def test_one_row_of_gaps_and_unknown_levels():
    encoder = TableEncoder.fit(a_table())
    gaps = encoder.encode({name: [None] for name in a_table()})[0]
    weights = [value for value in a_table()["weight"] if value is not None]
    days = encoder.columns[-2].fill
    assert gaps.tolist() == [23, np.median(weights), 1, 1, 0, 0, 0, 0, 0, days, 0, 0, 0, 0, 0]
    unknown = {
        **{name: [cells[0]] for name, cells in a_table().items()},
        "city": ["Paris"],
        "sex": ["x"],
        "kind": ["q"],
    }
    row = dict(zip(NAMES, encoder.encode(unknown)[0], strict=True))
    assert [row[name] for name in NAMES if name.startswith(("city", "sex", "kind"))] == [0] * 5
    assert row["age"] == 20


def test_gaps_where_the_fit_had_none_are_filled():
    for table in ({"a": [1.0, 2, 6], "b": [1, 0, 1]}, np.array([[1.0, 1], [2, 0], [6, 1]])):
        encoder = TableEncoder.fit(table)
        assert encoder.is_identity
        frame = read_frame([[None, 1], [4, None]], ["a", "b"])
        assert encoder.encode(frame).tolist() == [[2, 1], [4, 1]]
        assert encoder.encode(np.array([[NAN, 1], [4, NAN]])).tolist() == [[2, 1], [4, 1]]


def test_arrays_of_numbers_go_through_as_they_are():
    for dtype in (np.float64, np.float32):
        x = np.random.default_rng(0).normal(size=(50, 6)).astype(dtype)
        encoder = TableEncoder.fit(x)
        assert encoder.is_identity
        assert encoder.feature_names == encoder.numbers == [f"x{place}" for place in range(6)]
        assert encoder.encode(x) is x
        assert restored(encoder).encode(x[:1]).base is x


def test_an_array_of_numbers_costs_next_to_nothing():
    x = np.random.default_rng(0).normal(size=(50, 30))
    encoder, row = TableEncoder.fit(x), x[:1]
    assert min(timeit.repeat(lambda: encoder.encode(row), number=200, repeat=9)) / 200 < 100e-6  # 10 on a quiet machine


def test_arrays_with_gaps_and_columns_without_information():
    x = np.array([[1.0, 5, NAN, NAN, 3], [2, 5, 4, NAN, 9], [4, 5, 8, NAN, NAN]])
    encoder = TableEncoder.fit(x)
    assert encoder.feature_names == ["x0", "x2", "x4", "x2_missing", "x4_missing"]
    expected = [[1, 6, 3, 1, 0], [2, 4, 9, 0, 0], [4, 8, 6, 0, 1]]
    assert encoder.encode(x).tolist() == expected
    assert encoder.encode(x.tolist()).tolist() == expected
    single = encoder.encode(x.astype(np.float32))
    assert single.dtype == np.float32
    assert single.tolist() == expected
    assert encoder.encode({f"x{place}": column for place, column in enumerate(x.T)}).tolist() == expected
    noise = [[1, "text", 6, "u", 3.0]]  # where there was no information, none is read
    assert encoder.encode(noise).tolist() == [[1, 6, 3, 0, 0]]


def test_numbers_may_be_scaled_by_the_encoder():
    encoder = TableEncoder(["a", "b"], False, [Numeric("a", 6, 2, 4), Numeric("b", 0, 0, 1)])
    assert not encoder.is_identity
    assert encoder.encode(np.array([[4.0, 1], [NAN, 2]])).tolist() == [[0.5, 1], [1, 2]]


def test_a_gap_is_information_where_nothing_else_is():
    table = {
        "n": [5, None, 5],
        "c": ["x", None, "x"],
        "b": [True, None, True],
        "d": [datetime.date(2020, 1, 1), None, None],
    }
    encoder = TableEncoder.fit(table)
    assert encoder.feature_names == ["n_missing", "d_missing", "c=x", "b"]
    assert encoder.encode(table).tolist() == [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]]


def test_a_table_without_information_has_no_columns():
    encoder = TableEncoder.fit({"a": [1, 1], "b": ["x", "x"]})
    assert encoder.encode({"a": [2], "b": [None]}).shape == (1, 0)


def test_float32_stays_float32_beside_categories():
    table = {"a": np.array([1.5, 2, NAN], np.float32), "c": ["x", "y", None]}
    encoder = TableEncoder.fit(table)
    assert encoder.encode(table).dtype == np.float32
    assert encoder.encode(table).tolist() == [[1.5, 0, -1], [2, 0, 1], [1.75, 1, 0]]


def test_levels():
    nine = [f"{letter}" for letter in "abcdefghi" for _ in range(2)]
    assert len(TableEncoder.fit({"c": nine[:16]}).feature_names) == 8
    assert TableEncoder.fit({"c": nine}).code_sizes == {"c": 10}
    assert len(TableEncoder.fit({"c": nine}, one_hot=9).feature_names) == 9
    assert TableEncoder.fit({"c": nine[:6]}, one_hot=2).code_sizes == {"c": 4}
    assert TableEncoder.fit({"c": nine[:4]}, one_hot=0).feature_names == ["c=b"]
    rare = TableEncoder.fit({"c": [*nine, "once"]})
    assert rare.code_sizes == {"c": 10}
    assert rare.encode({"c": ["once", "a", "i", None]}).tolist() == [[0], [1], [9], [0]]


def test_the_most_frequent_levels_are_kept():
    cells = [f"{level:05d}" for level in range(10_050) for _ in range(2)] + [
        f"{level:05d}" for level in range(10_000, 10_050)
    ]
    encoder = TableEncoder.fit({"c": cells})
    assert encoder.code_sizes == {"c": 10_001}
    first, dropped, frequent = encoder.encode({"c": ["00000", "09999", "10049"]}).ravel()
    assert (first, dropped, frequent) == (1, 0, 10_000)


@pytest.mark.parametrize("fitted", [["1", "2", "3"], [1, "2", 3.0], np.array(["1", "2", "3"])])
def test_levels_match_by_their_text(fitted):
    encoder = TableEncoder.fit({"c": fitted})
    assert encoder.feature_names == ["c=1", "c=2", "c=3"]
    for given in ([2, 3], [2.0, 3.0], ["2", "3"], np.array([2, 3], np.int8), np.array([2, 3], np.float32), ["2", 3.0]):
        assert encoder.encode({"c": given}).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_numbers_match_levels_of_their_value():
    encoder = TableEncoder.fit({"c": ["1.0", "02", "2", "x"]})
    assert encoder.feature_names == ["c=02", "c=1.0", "c=2", "c=x"]
    assert encoder.encode({"c": [1, 2.0, 3]}).tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert encoder.encode({"c": ["1", "2.0"]}).tolist() == [[0] * 4] * 2  # texts have to be the same


def test_columns_are_found_by_name():
    table = a_table()
    encoder = TableEncoder.fit(table)
    shuffled = dict(reversed(table.items()), extra=[0] * ROWS)
    assert np.array_equal(encoder.encode(shuffled), encoder.encode(table))
    numbers = TableEncoder.fit(read_frame(np.eye(3), ["a", "b", "c"]))
    assert numbers.is_identity
    shuffled = read_frame(np.arange(3.0)[None], ["c", "a", "b"])
    assert numbers.encode(shuffled).tolist() == [[1, 2, 0]]
    with pytest.raises(DataError, match="the table lacks columns of the fit: 'age', 'kind'"):
        encoder.encode({name: cells for name, cells in table.items() if name not in ("age", "kind", "same")})


def test_columns_without_names_are_found_by_place():
    encoder = TableEncoder.fit({"a": [1, 2], "c": ["x", "y"]})
    assert encoder.encode([[3, "x"]]).tolist() == [[3, -1]]
    assert TableEncoder.fit([[1, "x"], [2, "y"]]).encode({"a": [3], "c": ["x"]}).tolist() == [[3, -1]]
    for x in ([[3, "x", 1]], [[3]], np.ones((1, 3))):
        with pytest.raises(ShapeError, match=r"X has [13] features, but TableEncoder is expecting 2 features as input"):
            encoder.encode(x)


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [
        ("age", [None, "old"], "column 'age', row 1: 'old' is text; in the fit the column held numbers"),
        ("age", ["31.5", "old"], "column 'age', row 1: 'old' is text; in the fit the column held numbers"),
        ("age", [None, "31,5"], "row 1: '31,5' is text; in the fit the column held numbers; give the number 31.5"),
        ("age", [None, "n/a"], "the column held numbers; give None for a missing value"),
        ("age", [None, datetime.date(2020, 1, 1)], "row 1: '2020-01-01"),
        (
            "since",
            [None, 3.5],
            "row 1: '3.5' is a number; in the fit the column held dates; make dates of it",
        ),
        (
            "member",
            [None, "yes"],
            "row 1: 'yes' is text; in the fit the column held true and false; give True and False",
        ),
        ("city", [datetime.date(2020, 1, 1)] * 2, "is a date; in the fit the column held categories; give text"),
        ("age", [1, np.inf], "column 'age', row 1: infinity"),
    ],
)
def test_cells_of_another_kind(name, cells, message):
    encoder = TableEncoder.fit(a_table())
    with pytest.raises(DataError) as caught:
        encoder.encode({**{own: values[:2] for own, values in a_table().items()}, name: cells})
    assert message in str(caught.value)


def test_kinds_that_mean_the_same():
    encoder = TableEncoder.fit({"b": [True, False], "n": [0.5, 2]})
    given = {"b": [1.0, 0, None, 0.5], "n": [True, False, 1, None]}
    assert encoder.encode(given).tolist() == [[1, 1], [0, -1], [1, 0], [1.25, 0]]


def test_names_of_columns_are_unique():
    encoder = TableEncoder.fit({"a": [1, None, 3], "a_missing": [5, 6, 7]})
    assert encoder.feature_names == ["a", "a_missing", "a_missing_"]
    assert encoder.groups == {"a": ["a", "a_missing_"], "a_missing": ["a_missing"]}


def test_dates_far_away_and_of_every_unit():
    cells = np.array(["9999-12-31", "0001-01-01", "NaT"], "M8[s]")
    encoder = TableEncoder.fit({"d": cells})
    assert encoder.encode({"d": cells})[:, 1].tolist()[:2] == [2932896.0, -719162.0]
    for unit in ("D", "h", "ms", "us", "ns"):
        assert encoder.encode({"d": np.array(["2020-02-01"], f"M8[{unit}]")})[0, 1] == 18293
    assert encoder.columns[1].cycles == ["weekday", "month"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: TableEncoder(["a"], True, [Numeric("b", 0, 0, 1)]),
            "TableEncoder.columns: 'b' is not among",
        ),
        (lambda: TableEncoder(["a", "a"], True, []), "TableEncoder.names: a name occurs twice"),
        (lambda: Numeric("a", np.inf, 0, 1), "Numeric.fill: must be finite"),
        (lambda: Numeric("a", 0, 0, 0), "Numeric.scale: must be > 0"),
        (lambda: TwoValued("a", ["x"]), "TwoValued.categories: expected two, got 1"),
        (lambda: Ordinal("a", ["x", "x"]), "Ordinal.categories: a category occurs twice"),
        (lambda: OneHot("a", ["x"], np.inf), "OneHot.value: must be finite"),
        (lambda: Dates("a", np.inf, []), "Dates.fill: must be finite"),
        (lambda: Dates("a", 0, ["year"]), "Dates.cycles[0]: unknown value 'year'"),
    ],
)
def test_bad_encoders(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in str(caught.value)


def test_dataframes_and_their_rows_give_the_same():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(a_table())
    encoder = TableEncoder.fit(table)
    matrix = TableEncoder.fit(a_table()).encode(a_table())
    assert encoder.feature_names == NAMES
    assert np.array_equal(encoder.encode(table), matrix)
    assert np.array_equal(encoder.encode(table.sample(frac=1, axis=1, random_state=0)), matrix)
    rows = [encoder.encode(table.iloc[row : row + 1]) for row in range(ROWS)]
    assert np.array_equal(np.concatenate(rows), matrix)
    assert np.array_equal(encoder.encode(table.astype({"kind": "category", "weight": "Float64"})), matrix)
