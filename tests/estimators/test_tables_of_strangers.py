"""Raw tables as others have them: what is read rightly, what is warned of, and what is refused in clear words."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import DataError

ROWS = 40
NUMBERS = np.random.default_rng(0).normal(size=ROWS)
TARGET = 2 * NUMBERS
COLOURS = np.array(["red", "green", "blue"])[np.arange(ROWS) % 3]
QUICK = {"hidden_layer_sizes": (4,), "epochs": 2, "n_members": 1, "random_state": 0}


def fitted(X, y=TARGET):
    return NNRegressor(**QUICK).fit(X, y)


def feature_names(X):
    return fitted(X)._encoder.feature_names


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_masked_cells_are_gaps(dtype):
    numbers = (10 * np.column_stack([NUMBERS, NUMBERS[::-1]])).astype(dtype)
    masked = np.ma.array(numbers, mask=np.arange(2 * ROWS).reshape(ROWS, 2) % 5 == 0)
    gaps = np.where(masked.mask, np.nan, numbers.astype(np.float32 if dtype == np.float32 else np.float64))
    expected = fitted(gaps)
    model = fitted(masked)
    np.testing.assert_array_equal(model.predict(masked), expected.predict(gaps))
    assert model._precision == expected._precision
    np.testing.assert_array_equal(fitted(numbers).predict(np.ma.array(numbers)), fitted(numbers).predict(numbers))


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_masked_targets_are_missing(cls):
    y = np.ma.array(np.arange(ROWS) % 2, mask=np.arange(ROWS) == 3)
    with pytest.raises(DataError, match="row 3 has no target"):
        cls(**QUICK).fit(NUMBERS[:, None], y)


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        ([str(number) for number in NUMBERS], "numbers as text, such as '-"),
        ([str(n % 5) for n in range(ROWS)], "numbers as text, such as '0'"),
        ([str(datetime.date(2020, 1, 1 + n % 28)) for n in range(ROWS)], "dates as text, such as '2020-01-01'"),
    ],
)
def test_numbers_and_dates_as_text_are_warned_of(texts, what):
    table = pd.DataFrame({"n": NUMBERS, "text": texts})
    with pytest.warns(UserWarning, match=f"column 'text' holds {what}"):
        model = fitted(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(table)
        fitted(table.astype({"text": "category"}))
    with pytest.warns(UserWarning, match="column 'x1' holds"):
        fitted(np.array([[colour, text] for colour, text in zip(COLOURS, texts, strict=True)]))


def test_other_text_is_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(pd.DataFrame({"n": NUMBERS, "colour": COLOURS, "flag": ["0", "1"] * (ROWS // 2), "gap": None}))
        fitted({"n": NUMBERS, "codes": pd.Series([f"{n % 5}" for n in range(ROWS)], dtype="category")})


@pytest.mark.parametrize("kind", ["Int128", "Int64", "UInt8", "Float32"])
def test_numbers_of_polars_of_any_width(kind):
    polars = pytest.importorskip("polars")
    if not hasattr(polars, kind):
        pytest.skip(f"this version of polars has no {kind}")
    column = polars.Series([None, *range(1, ROWS)], dtype=getattr(polars, kind))
    assert feature_names(polars.DataFrame({"c": column, "n": NUMBERS})) == ["c", "n", "c_missing"]


def test_rows_of_a_data_frame_in_a_list():
    table = pd.DataFrame({"n": NUMBERS, "colour": COLOURS})
    model = fitted(table)
    np.testing.assert_array_equal(model.predict([row for _, row in table.iterrows()]), model.predict(table))


class Plain:
    """Something without a text of its own."""


def test_objects_without_text_are_refused():
    with pytest.raises(TypeError, match="column 'c' holds objects of Plain, which have no text"):
        fitted(pd.DataFrame({"c": [Plain() for _ in range(ROWS)]}))
    assert len(feature_names(pd.DataFrame({"c": [np.str_(colour) for colour in COLOURS]}, dtype=object))) == 3


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (None, "got a NoneType instead: pass a DataFrame"),
        ("table.csv", "got the str 'table.csv' instead"),
        (iter([[1.0]]), r"got a list_iterator instead: pass list\(X\)"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(X, message):
    with pytest.raises(DataError, match=message):
        fitted(X)


def test_targets_of_unequal_length_are_refused():
    with pytest.raises(DataError, match="y is not an array: its rows have different lengths"):
        fitted(NUMBERS[:, None], [[1.0], [1.0, 2.0]] * (ROWS // 2))


@pytest.mark.parametrize("labels", [[True, False], [3, 7], [0.0, 1.0], ["a", "b"]])
def test_labels_of_object_arrays(labels):
    y = np.array([labels[n % 2] for n in range(ROWS)], dtype=object)
    model = NNClassifier(**QUICK).fit(NUMBERS[:, None], y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(NUMBERS[:, None]).tolist()) <= set(labels)


def test_labels_of_variable_width():
    y = np.where(NUMBERS > 0, "yes", "no")
    model = NNClassifier(**QUICK).fit(NUMBERS[:, None], y.astype(np.dtypes.StringDType()))
    assert model.classes_.tolist() == ["no", "yes"]
    expected = NNClassifier(**QUICK).fit(NUMBERS[:, None], y).predict(NUMBERS[:, None])
    assert model.predict(NUMBERS[:, None]).tolist() == expected.tolist()


def test_sparse_rows_after_a_table_of_numbers():
    table = pd.DataFrame({"a": NUMBERS, "b": np.round(NUMBERS[::-1])})
    model = fitted(table)
    with pytest.warns(UserWarning, match="feature names"):
        np.testing.assert_allclose(model.predict(scipy.sparse.csr_matrix(table)), model.predict(table), rtol=1e-6)
    with pytest.raises(DataError, match="X is sparse"), pytest.warns(UserWarning, match="feature names"):
        fitted(table.assign(b=COLOURS)).predict(scipy.sparse.csr_matrix(table))


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_sizes_of_layers_are_no_text(cls):
    with pytest.raises(ValueError, match=r"'hidden_layer_sizes' parameter of .* must be an array-like or an int"):
        cls(hidden_layer_sizes="128").fit(NUMBERS[:, None], np.arange(ROWS) % 2)


@pytest.mark.filterwarnings("ignore:The Dataframe Interchange Protocol")
def test_a_table_that_offers_the_interchange_protocol_alone():
    class Offered:
        def __init__(self, table):
            self.table = table

        def __dataframe__(self, *arguments, **options):
            return self.table.__dataframe__(*arguments, **options)

    table = pd.DataFrame({"size": NUMBERS, "colour": COLOURS})
    model = fitted(Offered(table))
    assert model.feature_names_in_.tolist() == ["size", "colour"]
    np.testing.assert_array_equal(model.predict(Offered(table[["colour", "size"]])), fitted(table).predict(table))
