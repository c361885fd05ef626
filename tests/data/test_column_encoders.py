"""Encodings per column: what is fitted equals scikit-learn's transformers, choices do what they say, in every make."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from nnlite.data import (
    ColumnChoice,
    Columns,
    Csv,
    Data,
    InputEncoder,
    Split,
    Table,
    TargetMeans,
    Texts,
    fit_columns,
    read_frame,
    rows_without_gaps,
)
from nnlite.data.encoders.spreads import standard_scale
from nnlite.errors import ConfigError, DataError

ROWS = 120
TRAINING = np.arange(0, ROWS, 2)
RANDOM = np.random.default_rng(5)
CITIES = [f"city {place}" for place in RANDOM.integers(0, 12, ROWS)]
PAY = np.round(np.exp(RANDOM.normal(8, 1.5, ROWS)), 2)
PAY[7::9] = np.nan
SIZES = [("small", "medium", "large", "")[place] for place in RANDOM.integers(0, 4, ROWS)]
NOTES = [f"Room {row}: quiet, with a view of house {row % 7} and {'ÄÖ é' * (row % 2)} garden" for row in range(ROWS)]
DAYS = pd.date_range("2020-01-30", periods=ROWS, freq="37h")
OK = [("yes", "NO", "")[row % 3] for row in range(ROWS)]
TARGET = (PAY > 3000).astype(int) + RANDOM.integers(0, 2, ROWS)
TEXTS = {
    "city": CITIES,
    "pay": ["" if np.isnan(value) else str(value) for value in PAY],
    "size": SIZES,
    "note": NOTES,
    "day": [day.strftime("%d.%m.%Y %H:%M") for day in DAYS],
    "ok": OK,
}
TABLE = Table("t.csv", TEXTS, list(range(2, ROWS + 2)))
FRAME = pd.DataFrame(
    {**TEXTS, "pay": PAY, "day": DAYS, "size": [size or None for size in SIZES], "ok": [word or None for word in OK]}
)
MAKES = {"text": TABLE, "pandas": read_frame(FRAME).gaps_as_text()}


def fitted(name, choice, source=TABLE, target=None):
    """The encoder of one column, restored from JSON as a model file restores it."""
    choices = {other: ColumnChoice.get("drop") for other in TEXTS if other != name}
    encoder = fit_columns(source, TRAINING, [], {**choices, name: ColumnChoice.get(choice)}, target)
    return InputEncoder.get(json.loads(json.dumps(encoder.to_spec(), allow_nan=False)))


def encoded(encoder, source=TABLE):
    """In float64: what the model gets is rounded to `floatx()`."""
    return np.hstack([column.encode(source) for column in encoder.columns]).astype(np.float64)


def quantiles(values):
    return QuantileTransformer(n_quantiles=20, output_distribution="normal", subsample=None).fit(values)


AMOUNTS = {
    "standardize": lambda values: StandardScaler().fit(values),
    "min_max": lambda values: MinMaxScaler().fit(values),
    "robust": lambda values: RobustScaler().fit(values),
    "quantile": quantiles,
}


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("strategy", ["median", "mean", "most_frequent", "constant"])
@pytest.mark.parametrize("encoding", AMOUNTS)
def test_amounts_equal_sklearn(encoding, strategy, make):
    choice = {"encoding": encoding, "missing": strategy}
    choice |= {"fill": -3.5} if strategy == "constant" else {}
    choice |= {"width": 20} if encoding == "quantile" else {}
    encoder = fitted("pay", choice, MAKES[make])
    imputer = SimpleImputer(strategy=strategy, fill_value=-3.5).fit(PAY[TRAINING, None])
    reference = AMOUNTS[encoding](imputer.transform(PAY[TRAINING, None]))
    expected = reference.transform(imputer.transform(PAY[:, None]))
    np.testing.assert_allclose(encoded(encoder, MAKES[make]), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", MAKES)
def test_logarithm(make):
    matrix = encoded(fitted("pay", {"encoding": "log", "missing": "median"}, MAKES[make]))
    filled = np.where(np.isnan(PAY), np.nanmedian(PAY[TRAINING]), PAY)
    logs = np.log1p(filled / np.median(filled[TRAINING]))[:, None]
    expected = StandardScaler().fit(logs[TRAINING]).transform(logs)
    np.testing.assert_allclose(matrix, expected, rtol=1e-12, atol=1e-12)


def test_passthrough_leaves_numbers_as_they_are():
    matrix = encoded(fitted("pay", {"encoding": "passthrough", "missing": "constant", "fill": 0}))
    assert np.array_equal(matrix[:, 0], np.nan_to_num(PAY))


def test_one_hot_equals_sklearn_and_is_not_scaled():
    cells = np.array(CITIES, object)[:, None]
    reference = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(cells[TRAINING])
    assert np.array_equal(encoded(fitted("city", "one_hot")), reference.transform(cells))


def test_ordinal_equals_sklearn_in_the_order_of_the_scale():
    matrix = encoded(fitted("size", {"encoding": "ordinal", "missing": "most_frequent"}))
    cells = np.array(SIZES, object)[:, None]
    imputer = SimpleImputer(missing_values="", strategy="most_frequent").fit(cells[TRAINING])
    ranks = OrdinalEncoder(categories=[["small", "medium", "large"]]).fit_transform(imputer.transform(cells))
    np.testing.assert_allclose(matrix, StandardScaler().fit(ranks[TRAINING]).transform(ranks), rtol=1e-12, atol=1e-12)
    stated = encoded(fitted("size", {"encoding": "ordinal", "order": ["large", "small", "medium"]}))
    large, small = SIZES.index("large"), SIZES.index("small")
    assert stated[large, 0] < stated[small, 0]


def test_hashed_levels_equal_sklearn():
    reference = FeatureHasher(16, input_type="string").transform([[city] for city in CITIES]).toarray()
    assert np.array_equal(encoded(fitted("city", {"encoding": "hash", "width": 16})), reference)


def test_hashed_text_equals_sklearn():
    matrix = encoded(fitted("note", {"encoding": "text", "width": 32}))
    reference = HashingVectorizer(n_features=32, ngram_range=(1, 2)).transform(NOTES).toarray()
    np.testing.assert_allclose(matrix, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_target_means_equal_sklearn(task):
    target = {"binary": TARGET > 0, "multiclass": TARGET, "regression": np.nan_to_num(PAY)[:, None]}[task]
    encoder = fitted("city", "target", target=target)
    kind = "continuous" if task == "regression" else task
    reference = TargetEncoder(target_type=kind, random_state=0)
    cells = np.array(CITIES, object)[:, None]
    crossed = reference.fit_transform(cells[TRAINING], target[TRAINING].ravel())
    mean, scale = crossed.mean(axis=0), crossed.std(axis=0)
    expected = (reference.transform(cells) - mean) / scale
    np.testing.assert_allclose(encoded(encoder), expected, rtol=1e-10, atol=1e-10)
    (column,) = encoder.columns
    assert isinstance(column, TargetMeans)
    assert len(column.outputs) == (3 if task == "multiclass" else 1)
    x = encoder.cross_fitted(encoder.encode(TABLE), TABLE, TRAINING, target)
    np.testing.assert_allclose(x[TRAINING], (crossed - mean) / scale, rtol=1e-5, atol=1e-5)
    assert np.array_equal(x[1::2], encoder.encode(TABLE)[1::2])


def test_training_rows_are_cross_fitted_in_the_pipeline(tmp_path):
    levels = [f"level {row // 2}" for row in range(600)]  # two rows each: their mean is nearly the target itself
    target = np.random.default_rng(1).integers(0, 2, 600)
    lines = ["level,t", *(f"{level},{value}" for level, value in zip(levels, target, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    source = Csv(str(tmp_path / "t.csv"), "t", columns={"level": "target"})
    x, y = Data(source, Split(0, 0.2)).prepare("binary", seed=0).parts["training"]
    assert abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]) < 0.3
    encoder = Data(source, Split(0, 0.2)).prepare("binary", seed=0).preprocessing.inputs
    plain = encoder.encode(Table.read(str(tmp_path / "t.csv")))
    assert np.corrcoef(plain[:, 0], target)[0, 1] > 0.5


@pytest.mark.parametrize("make", MAKES)
def test_dates_are_days_and_cycles(make):
    encoder = fitted("day", "date_parts", MAKES[make])
    (dates,) = encoder.columns
    days = (DAYS.to_numpy().astype("M8[m]") - np.datetime64(0, "m")) / np.timedelta64(1, "D")
    matrix = encoded(encoder, MAKES[make])
    expected = (days - days[TRAINING].mean()) / days[TRAINING].std()
    np.testing.assert_allclose(matrix[:, 0], expected, rtol=1e-9, atol=1e-9)
    turns = 2 * np.pi * DAYS.day_of_week.to_numpy() / 7
    place = dates.outputs.index("day_weekday_sin")
    np.testing.assert_allclose(matrix[:, place], np.sin(turns), rtol=1e-12, atol=1e-12)
    assert dates.amounts == ["day"]
    cyclic = fitted("day", "cyclic", MAKES[make])
    assert np.array_equal(encoded(cyclic, MAKES[make]), matrix[:, 1:])
    assert cyclic.columns[0].amounts == []


def test_what_was_fitted_on_text_encodes_frames_alike():
    choices = {"city": ColumnChoice.get("one_hot")}
    encoder = fit_columns(TABLE, TRAINING, [], choices, None)
    restored = InputEncoder.get(json.loads(json.dumps(encoder.to_spec())))
    assert np.array_equal(restored.encode(FRAME), restored.encode(TABLE))
    as_flags = FRAME.assign(ok=[{"yes": True, "NO": False, "": None}[word] for word in OK])
    assert np.array_equal(restored.encode(as_flags), restored.encode(TABLE))
    rows = as_flags.astype(object).where(as_flags.notna(), None).to_dict("records")
    assert np.array_equal(restored.encode(rows[:5]), restored.encode(TABLE)[:5])


def test_gaps_of_numbers_get_a_column_where_nothing_is_said():
    assert fitted("pay", "standardize").columns[1].outputs == ["pay_missing"]
    assert np.array_equal(encoded(fitted("pay", "standardize"))[:, 1], np.isnan(PAY))
    assert len(fitted("pay", {"missing": "median"}).columns) == 1
    assert len(fitted("note", {"encoding": "text", "missing": "indicator"}).columns) == 1


def test_gaps_of_categories():
    assert fitted("size", {"encoding": "one_hot"}).columns[0].categories == ["", "large", "medium", "small"]
    frequent = fitted("size", {"encoding": "one_hot", "missing": "most_frequent"})
    most = max(("small", "medium", "large"), key=[SIZES[row] for row in TRAINING].count)
    gap, known = SIZES.index(""), SIZES.index(most)
    assert np.array_equal(encoded(frequent)[gap], encoded(frequent)[known])
    indicated = fitted("size", {"encoding": "one_hot", "missing": "indicator"})
    assert encoded(indicated)[gap].tolist() == [0, 0, 0, 1]
    named = fitted("size", {"encoding": "one_hot", "missing": "constant", "fill": "none"})
    assert named.columns[0].categories == ["large", "medium", "none", "small"]
    assert encoded(named)[gap].tolist() == [0, 0, 1, 0]
    dropped = fitted("size", {"encoding": "drop", "missing": "indicator"})
    assert np.array_equal(encoded(dropped)[:, 0], [not size for size in SIZES])


def test_embed_gives_codes_of_what_occurs_more_than_once():
    (column,) = fitted("city", "embed").columns
    cells = [CITIES[row] for row in TRAINING]
    assert column.categories == sorted({city for city in cells if cells.count(city) > 1})
    encoder = fitted("city", "embed")
    assert encoder.code_sizes == {0: 1 + len(column.categories)}
    assert encoder.amounts == []


def test_rows_with_a_gap_are_left_out_in_training_alone(tmp_path):
    lines = ["a,b,t", *(f"{'' if row % 4 == 0 else row},{row % 5},{row % 2}" for row in range(100))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    source = Csv(str(tmp_path / "t.csv"), "t", columns={"a": {"missing": "drop"}})
    parts = Data(source, Split(0, 0.2)).prepare("binary", seed=0).parts
    assert len(parts["test"][0]) == 20
    assert 50 <= len(parts["training"][0]) < 70
    assert np.isfinite(parts["test"][0]).all()
    with pytest.raises(DataError, match="no training row has a value"):
        rows_without_gaps(Table.read(str(tmp_path / "t.csv")), np.array([0, 4]), source.columns)


def test_a_bare_csv_finds_kinds(tmp_path):
    names = ["id", "t", "age", "kind", "same"]
    rows = [f"{row},{row % 2},{row % 13 + row / 100},{'abc'[row % 3]},7" for row in range(60)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), *rows]))
    inputs = Data(Csv(str(tmp_path / "t.csv"), "t"), Split(0, 0.2)).prepare("binary", seed=0).preprocessing.inputs
    assert isinstance(inputs, Columns)
    assert [type(column).__name__ for column in inputs.columns] == ["Numeric", "OneHot"]
    stated = Csv(str(tmp_path / "t.csv"), "t", columns={"id": "number", "kind": "drop"})
    inputs = Data(stated, Split(0, 0.2)).prepare("binary", seed=0).preprocessing.inputs
    assert [column.name for column in inputs.columns] == ["id", "age"]


@pytest.mark.parametrize("cells", ["12_3 1_24 7_7", "2020_01_02 2020_01_03 2021_01_02", "$1 €2 $3"])
def test_strings_that_look_like_numbers_are_warned_of_unless_a_choice_is_made(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text("site,n,y\n" + "".join(f"{cell},{row},{row % 2}\n" for row, cell in enumerate(cells.split())))
    source = Csv(str(path), target="y")
    inputs = source.load("classes").inputs
    with pytest.warns(UserWarning, match=f"column 'site' holds .* such as {re.escape(repr(cells.split()[0]))}: "):
        source.fit_inputs(inputs, np.arange(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Csv(str(path), target="y", columns={"site": "category"}).fit_inputs(inputs, np.arange(3))


def test_a_sole_text_column_is_given_to_the_model_as_it_is():
    text = Table("t.csv", {"note": NOTES, "t": ["0", "1"] * (ROWS // 2)}, list(range(ROWS)))
    assert isinstance(fit_columns(text, TRAINING, ["t"], {}, np.arange(ROWS) % 2), Texts)
    stated = fit_columns(text, TRAINING, ["t"], {"note": ColumnChoice.get("text")}, np.arange(ROWS) % 2)
    assert isinstance(stated, Columns)


def test_many_levels_are_hashed_where_nothing_is_said():
    levels = [f"level {row % 70}" for row in range(700)]
    table = Table("t.csv", {"level": levels, "t": ["0", "1"] * 350}, list(range(700)))
    (column,) = fit_columns(table, np.arange(700), ["t"], {}).columns
    assert (type(column).__name__, len(column.outputs)) == ("HashedLevels", 64)


WRONG = {
    "unknown word": ("city", "onehott", "unknown kind or encoding 'onehott'; did you mean 'one_hot'?"),
    "unknown encoding": ("city", {"encoding": "x"}, "encoding: unknown kind or encoding 'x'"),
    "fill without constant": ("pay", {"fill": 3}, "`missing: constant` and `fill: value` belong together"),
    "constant without fill": ("pay", {"missing": "constant"}, "`missing: constant` and `fill: value` belong together"),
    "text for a number": ("pay", {"encoding": "log", "missing": "constant", "fill": "x"}, "expected a number, got 'x'"),
    "order of another": ("pay", {"encoding": "log", "order": ["a"]}, "order: belongs to ordinal"),
    "median of categories": ("city", {"encoding": "one_hot", "missing": "median"}, "one_hot has no median"),
    "no period": ("pay", "cyclic", "columns.pay.period: state the period of the cycle"),
    "no date": ("city", "date", "columns.city.form: the texts are not all dates of one known format"),
    "mean of dates": ("day", {"encoding": "date_parts", "missing": "mean"}, "columns.day.missing: dates have"),
    "not in the order": ("size", {"encoding": "ordinal", "order": ["small"]}, "columns.size.order: 'large' is in the"),
    "target without one": ("city", "target", "columns.city.encoding: a column is encoded by the target where there"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_choices(case):
    name, choice, message = WRONG[case]
    with pytest.raises(ConfigError) as caught:
        fitted(name, choice)
    assert message in str(caught.value)


def test_wrong_names():
    with pytest.raises(ConfigError, match="no input column 'citty'; did you mean 'city'"):
        fit_columns(TABLE, TRAINING, [], {"citty": ColumnChoice.get("drop")})
    with pytest.raises(ConfigError, match="no input column 'city'; it is the target"):
        fit_columns(TABLE, TRAINING, ["city"], {"city": ColumnChoice.get("drop")})
    with pytest.raises(DataError, match="no input columns are left"):
        fit_columns(TABLE, TRAINING, [], {name: ColumnChoice.get("drop") for name in TEXTS})
    with pytest.raises(ConfigError, match=r"Csv.columns.a: a column is named here, or in another list"):
        Csv("t.csv", "t", drop=["a"], columns={"a": "number"})


def test_a_choice_says_no_more_than_it_was_told():
    assert Csv("t.csv", "t", columns={"a": "categorical", "b": {"encoding": "Min-Max"}}).get_config()["columns"] == {
        "a": {"kind": "category"},
        "b": {"encoding": "min_max"},
    }


@pytest.mark.parametrize("seed", range(20))
def test_means_and_deviations_are_those_of_sklearn_to_the_bit(seed):
    random = np.random.default_rng(seed)
    shape = (int(random.integers(1, 2000)), 3)
    values = random.normal(size=shape) * 10.0 ** random.integers(-8, 9, 3) + 10.0 ** random.integers(-8, 9, 3)
    values[:, 0] = values[0, 0] if seed % 2 else np.round(values[:, 0])
    scaler = StandardScaler().fit(values)
    mean, scale = standard_scale(values)
    np.testing.assert_array_equal(mean, scaler.mean_)
    np.testing.assert_array_equal(scale, scaler.scale_)
