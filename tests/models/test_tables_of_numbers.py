"""Tables of numbers and flags, of any library, straight into a model: each column by itself."""

import warnings
from decimal import Decimal

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import DataError, ShapeError
from nnlite.layers import Dense, Embedding

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

COLUMNS = {"size": [1.5, 2.0, -1.0], "flag": [True, False, True], "count": [3, 4, 250]}
MATRIX = np.column_stack(list(COLUMNS.values()))
FRAME = pd.DataFrame(COLUMNS)
TABLES = {
    "dict": COLUMNS,
    "dict of arrays": {name: np.array(column)[:, None] for name, column in COLUMNS.items()},
    "rows": [list(row) for row in zip(*COLUMNS.values(), strict=True)],
    "pandas": FRAME,
    "pandas, objects": FRAME.astype(object),
    "pandas, nullable": FRAME.convert_dtypes(),
    "pandas, sparse": FRAME.astype({"flag": pd.SparseDtype(bool)}),
    "pandas, decimals": FRAME.assign(size=[Decimal("1.5"), Decimal(2), Decimal(-1)]),
    "polars": pl.DataFrame(COLUMNS),
    "objects": FRAME.astype(object).to_numpy(),
}


def model():
    network = Sequential([Input((3,)), Dense(2, "relu"), Dense(1)], seed=0)
    network.compile("sgd", "mse")
    return network


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_are_the_same_as_arrays(table):
    targets = [1.0, 0.0, 2.0]
    wanted, given = model(), model()
    history = wanted.fit(MATRIX, targets, epochs=2, verbose=0).history
    assert given.fit(table, targets, epochs=2, verbose=0).history == history
    np.testing.assert_array_equal(given.predict(table, verbose=0), wanted.predict(MATRIX, verbose=0))
    assert given.evaluate(table, targets, verbose=0) == wanted.evaluate(MATRIX, targets, verbose=0)


@pytest.mark.parametrize(
    "targets",
    [
        pd.Series([True, False, True]),
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([1, 0, 1], dtype=object),
        pl.Series([1.0, 0.0, 1.0]),
        pd.DataFrame({"y": [1, False, True]}),
        {"y": [1, False, True]},
    ],
    ids=str,
)
def test_targets_are_read_likewise(targets):
    assert model().fit(MATRIX, targets, verbose=0).history == model().fit(MATRIX, [1, 0, 1], verbose=0).history


class Sum(Model):
    """The sum of its inputs, which it keeps the shapes of."""

    def call(self, inputs):
        first, second = inputs.values() if isinstance(inputs, dict) else inputs
        self.seen = first.shape, second.shape
        return first + second


@pytest.mark.parametrize("kind", [pd.Series, pl.Series, lambda values: pd.Series(values, dtype="Int64")])
def test_a_series_is_a_column_of_the_inputs(kind):
    column = kind([1, 2, 3])
    single, several = Sequential([Dense(2, kernel_initializer="ones")]), Sum()
    assert single.predict(column, verbose=0).tolist() == [[1, 1], [2, 2], [3, 3]]
    for inputs in ({"a": column, "b": column}, [column, column], [np.array([[1], [2], [3]]), column]):
        assert several.predict(inputs, verbose=0).tolist() == [[2], [4], [6]]
        assert several.seen == ((3, 1), (3, 1))


def test_targets_of_several_outputs_are_read_likewise():
    inputs = Input((3,))

    def history(flags):
        network = Model(inputs, [Dense(1, name="a")(inputs), Dense(1, name="b")(inputs)], seed=0)
        network.compile("sgd", "mse")
        return network.fit(MATRIX, {"a": [1.0, 2.0, 3.0], "b": flags}, verbose=0).history

    assert history(pd.Series([1, 0, 1], dtype=object)) == history([1, 0, 1])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["x", "y", "z"], "'x' in row 0"),
        ([1, "2", 3], "'2' in row 1"),
        (pd.to_datetime(["2020", "2021", "2022"]), "datetime64"),
        (pd.Categorical([1, 2, 1]), "category"),
        ([1j, 2, 3], "complex"),
        ([[1], [1, 2], [3]], r"\[1\] in row 0"),
    ],
    ids=["text", "one text", "dates", "categories", "complex", "lists"],
)
def test_another_column_is_named(column, told):
    with pytest.raises(DataError, match=rf"needs numbers, column 'bad' holds .*{told}.*: encode or drop it"):
        model().predict(FRAME.assign(bad=column), verbose=0)


def test_text_in_tables_of_other_libraries():
    for table in (pl.DataFrame({**COLUMNS, "bad": ["x", "y", "z"]}), {**COLUMNS, "bad": ["x", "y", "z"]}):
        with pytest.raises(DataError, match=r"column 'bad' holds .*: encode or drop it"):
            model().predict(table, verbose=0)


def test_columns_of_another_shape():
    with pytest.raises(ShapeError, match="columns of one length, got 2 and 3 rows"):
        model().predict({**COLUMNS, "size": [1.0, 2.0]}, verbose=0)
    with pytest.raises(ShapeError, match="column 'size' has the shape"):
        model().predict({**COLUMNS, "size": np.ones((3, 2))}, verbose=0)
    with pytest.raises(DataError, match="a table without columns"):
        model().predict({}, verbose=0)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "dict"])
def test_what_is_missing_is_found(make):
    with pytest.raises(DataError, match="nan in row 1, column 1"):
        model().predict(make({**COLUMNS, "flag": [True, None, True]}), verbose=0)


@pytest.mark.parametrize("make", [pd.DataFrame, np.array], ids=["pandas", "array"])
def test_a_number_too_large_is_no_missing_value(make):
    table = make([[1.0, 2.0, 3.0], [1.0, 1e39, 3.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"1e\+39 in row 1, column 1, which is too large for float32"):
            model().predict(table, verbose=0)


def test_indices_in_tables_are_not_rounded():
    network = Sequential([Embedding(2**24 + 2, 1)], seed=0)
    number = 2**24 + 1  # which float32 does not hold
    wanted = network.predict(np.array([[number, 1]]), verbose=0)
    np.testing.assert_array_equal(network.predict(pd.DataFrame({"a": [number], "b": [True]}), verbose=0), wanted)
