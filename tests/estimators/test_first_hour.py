"""What a user meets in the first hour: batches of any size, labels of any make, tables that are not quite right."""

from typing import Any

import numpy as np
import pytest
from quick import BOTH, LABELS, QUICK, TARGET, X, outputs, raw_columns

from nnlite import MLPClassifier, MLPRegressor, NNAutoencoder, NNClassifier, NNEmbedder, NNRegressor, NNTransformer
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import Dense


def test_labels_of_objects_are_learnt_from_as_their_text():
    fits = [NNClassifier(**QUICK).fit(X, y) for y in (LABELS, LABELS.astype(object), ["-".join(y) for y in LABELS])]
    joined = np.array([str(bytes(y, "ascii"), "ascii") for y in LABELS], object)  # each row has an object of its own
    fits.append(NNClassifier(**QUICK).fit(X, joined))
    for fit in fits[1:]:
        np.testing.assert_array_equal(outputs(fit, X), outputs(fits[0], X))


@BOTH
def test_passes_may_have_any_number_of_rows(cls, y):
    extra: dict[str, Any] = {"classes": ["no", "yes"]} if cls is NNClassifier else {}
    for sizes in ([40, 1, 5, 80], [15, 45, 1]):
        model = cls(**QUICK)
        for size in sizes:
            model.partial_fit(X[:size], y[:size], **extra)
        assert model.n_iter_ == len(sizes) and model.n_members_ == (5 if sizes[0] == 40 else 1)
        assert np.isfinite(outputs(model, X)).all()


@BOTH
def test_a_warm_start_may_have_any_number_of_rows(cls, y):
    for first, then, members in ((80, 3, 5), (80, 15, 5), (15, 80, 1)):
        model = cls(**QUICK, warm_start=True).fit(X[:first], y[:first]).fit(X[:then], y[:then])
        assert model.n_members_ == members and np.isfinite(outputs(model, X)).all()
    model = cls(**QUICK).fit(X, y).partial_fit(X[:1], y[:1])
    assert model.n_members_ == 5


def test_a_warm_start_keeps_the_number_of_members():
    model = NNRegressor(**QUICK, warm_start=True).fit(X, TARGET)
    with pytest.raises(ConfigError, match="has 5 members and n_members=2: pass n_members=5"):
        model.set_params(n_members=2).fit(X, TARGET)
    with pytest.raises(ConfigError, match="trains a single network"):
        model.set_params(n_members="auto", optimizer="lbfgs").fit(X, TARGET)


# Tables

COLUMNS = raw_columns()
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
SHUFFLED = {name: COLUMNS[name] for name in reversed(COLUMNS)}


@BOTH
def test_dicts_of_columns_and_lists_of_dicts_are_tables(cls, y):
    model = cls(**QUICK).fit(COLUMNS, y)
    assert model.feature_names_in_.tolist() == list(COLUMNS) and model.n_features_in_ == 6
    expected = outputs(model, COLUMNS)
    same = cls(**QUICK).fit(ROWS, y)
    np.testing.assert_array_equal(outputs(same, ROWS), expected)
    np.testing.assert_array_equal(outputs(model, SHUFFLED | {"extra": [1] * 80}), expected)
    np.testing.assert_allclose(outputs(model, ROWS[:3]), expected[:3], rtol=1e-5)
    with pytest.raises(DataError, match=r"X lacks columns of the fit: 'rooms', 'city', .* is given as None"):
        outputs(model, [{"size": 1.0}])
    pandas = pytest.importorskip("pandas")
    framed = cls(**QUICK).fit(pandas.DataFrame(COLUMNS), y)
    np.testing.assert_allclose(outputs(framed, ROWS), outputs(framed, pandas.DataFrame(COLUMNS)), rtol=1e-5)


def test_a_structured_array_is_a_table():
    records = np.array(list(zip(X[:, 0], LABELS, strict=True)), [("a", float), ("b", "U3")])
    model = NNRegressor(**QUICK).fit(records, TARGET)
    assert model.n_features_in_ == 2 and model.feature_names_in_.tolist() == ["a", "b"]
    np.testing.assert_array_equal(model.predict(records[["b", "a"]]), model.predict(records))


def test_a_dict_for_a_model_of_an_array():
    model = NNRegressor(**QUICK).fit(X, TARGET)
    np.testing.assert_allclose(model.predict(dict(zip("abcd", X.T, strict=True))), model.predict(X), rtol=1e-6)
    with pytest.raises(ValueError, match="X has 2 features, but NNRegressor is expecting 4 features"):
        model.predict({"a": [1.0], "b": [2.0]})
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(COLUMNS, None)


@pytest.mark.parametrize("table", [{"a": 1.0, "b": 2.0}, {"a": "text", "b": "text"}])
def test_a_row_is_no_dict_of_columns(table):
    with pytest.raises(ShapeError, match=r"column 'a' is the single value .* \[\{name: value\}\]"):
        NNRegressor(**QUICK).fit(table, [1.0])


def test_what_is_no_table_is_named():
    pandas, model = pytest.importorskip("pandas"), NNRegressor(**QUICK)
    series = pandas.Series(["a", "b"] * 40)
    for X_1d in (series, pandas.DataFrame(COLUMNS).iloc[0]):
        with pytest.raises(ShapeError, match=r"X is a Series, .* X\.to_frame"):
            model.fit(X_1d, TARGET)
    for given in (["a", "b"] * 40, series.to_numpy(), "table.csv"):
        with pytest.raises(ShapeError, match="Expected 2D array"):
            model.fit(given, TARGET)


def test_an_infinity_in_an_array_has_a_place():
    bad = X.copy()
    bad[4, 2] = -np.inf
    with pytest.raises(DataError, match="column 'x2', row 4: -infinity is not a number"):
        NNRegressor(**QUICK).fit(bad, TARGET)
    with pytest.raises(DataError, match="column 'x2', row 1: -infinity is not a number"):
        NNRegressor(**QUICK).fit(X, TARGET).predict(bad[3:])


# Targets


def changed(y: Any, row: int, value: Any) -> list[Any]:
    return [*y[:row].tolist(), value, *y[row + 1 :].tolist()]


@pytest.mark.parametrize("gap", [None, np.nan])
@BOTH
def test_a_row_without_a_target_is_named(cls, y, gap):
    y_gap = changed(y, 5, gap) if cls is NNRegressor or gap is None else np.array(changed(y, 5, gap), object)
    with pytest.raises(DataError, match="Input y contains NaN or None: row 5 has no target; leave such rows out"):
        cls(**QUICK).fit(X, y_gap)
    with pytest.raises(DataError, match="Input y_val contains NaN or None: row 5"):
        cls(**QUICK).fit(X, y, X_val=X, y_val=y_gap)


def test_classes_of_y_val_that_y_lacks_are_named():
    parts = np.arange(len(X)) % 3
    with pytest.raises(DataError, match=r"y_val: `y` has classes not in `self.classes_`. .* 'y' has \[0 1 7\]"):
        NNClassifier(**QUICK).fit(X, parts, X_val=X, y_val=np.where(parts == 2, 7, parts))


def test_gaps_of_pandas_in_targets():
    pandas = pytest.importorskip("pandas")
    for y in (pandas.array(changed(LABELS, 2, None), dtype="string"), pandas.Categorical(changed(LABELS, 2, None))):
        with pytest.raises(DataError, match="row 2 has no target"):
            NNClassifier(**QUICK).fit(X, pandas.Series(y))
    both = pandas.DataFrame({"a": TARGET, "b": changed(TARGET, 3, np.nan)})
    both.loc[7, "a"] = np.nan
    with pytest.raises(DataError, match="row 3 has no target, nor have 1 others"):
        NNRegressor(**QUICK).fit(X, both)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (LABELS, "y, row 0: '(no|yes)' is not a number, but NNRegressor learns numbers"),
        (changed(TARGET, 3, "high"), "y, row 3: 'high' is not a number"),
        (np.arange(80).astype("datetime64[D]"), "y holds dates, but NNRegressor learns numbers"),
        (np.arange(80).astype("timedelta64[D]"), "y holds durations"),
        (TARGET + 1j, "y is complex, but NNRegressor learns real numbers; pass y.real"),
        (changed(TARGET, 6, np.inf), "Input y contains infinity .*: row 6"),
    ],
)
def test_what_is_no_number_is_refused(y, message):
    with pytest.raises(DataError, match=message):
        NNRegressor(**QUICK).fit(X, y)


def test_what_is_no_label_is_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match=r"Unknown label type: Interval objects; give text .* y.astype\(str\)"):
        NNClassifier(**QUICK).fit(X, pandas.cut(TARGET, 3))
    with pytest.raises(ConfigError, match="classes: None and NaN are not labels"):
        NNClassifier(**QUICK).partial_fit(X, LABELS, classes=["yes", "no", None])


def test_targets_that_judge_need_rows():
    with pytest.raises(ConfigError, match="y_val was passed without X_val"):
        NNRegressor(**QUICK).fit(X, TARGET, y_val=TARGET)


# Weights and parameters


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"yes": -3}, r"class_weight\['yes'\] is -3, expected a number >= 0"),
        ({"yes": np.nan}, r"class_weight\['yes'\] is nan"),
        ({"yes": "much"}, r"class_weight\['yes'\] is 'much'"),
        ({"yes": 0, "no": 0}, "class_weight leaves no row with a weight above 0"),
        ([1, 2], r"class_weight holds 1, expected 'balanced' or a dict \{label: weight\}"),
        ({"ja": 2}, r"class_weight names 'ja', which is not a class; they are \['no', 'yes'\]"),
    ],
)
def test_class_weights_that_cannot_be(class_weight, message):
    with pytest.raises((ConfigError, DataError), match=message):
        NNClassifier(**QUICK, class_weight=class_weight).fit(X, LABELS)


def test_the_name_of_a_column_is_no_weight():
    with pytest.raises(DataError, match="sample_weight holds text; pass one number >= 0 for each row"):
        NNRegressor(**QUICK).fit(X, TARGET, sample_weight="weight")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": Dense(3)}, r"The 'layers' parameter of NNRegressor must be .* Got Dense\(units=3\)"),
        (
            {"layers": lambda n_features, n_outputs: None},
            "layers: the callable returned None, expected a list of layers",
        ),
        ({"callbacks": ["TerminateOnNaN", "EarlyStoping"]}, r"^callbacks\[1\]: unknown callback 'EarlyStoping'"),
    ],
)
def test_parameters_are_named(parameters, message):
    with pytest.raises(ConfigError, match=message):
        NNRegressor(**QUICK, **parameters).fit(X, TARGET)


@pytest.mark.parametrize("fraction", [1e-9, 1 - 1e-9])
def test_a_validation_part_of_no_row_is_refused(fraction):
    with pytest.raises(DataError, match=r"validation_fraction=.* of 80 rows sets (0|80) apart"):
        NNRegressor(**QUICK, n_members=1, validation_fraction=fraction).fit(X, TARGET)


def test_kinds_are_named_once():
    with pytest.raises(ConfigError, match=r"parameter of NNRegressor must be an instance of 'bool'\. Got 'yes'"):
        NNRegressor(early_stopping="yes").fit(X, TARGET)


@pytest.mark.parametrize(
    ("dtype", "unit"), [("float32", 1e-25), ("float32", 1e25), ("float64", 1e-170), ("float64", 1e170)]
)
def test_targets_whose_variance_is_no_number_are_refused(dtype, unit):
    with pytest.raises(DataError, match=f"y, column 0: numbers from .* to .* have no variance in {dtype}"):
        NNRegressor(**QUICK).fit(X, (X[:, 0] * unit).astype(dtype))


# A fit that fails


def fitted_and_refused() -> list[Any]:
    quick = {"hidden_layer_sizes": 4, "random_state": 0}
    gap = changed(TARGET, 3, np.nan)
    small = {"n_components": 2, "epochs": 2, **quick}
    return [
        pytest.param(NNEmbedder(**small), COLUMNS, TARGET, TARGET, id="embedder"),
        pytest.param(NNTransformer(NNRegressor(**QUICK)), COLUMNS, TARGET, gap, id="transformer"),
        pytest.param(NNAutoencoder(**small), COLUMNS, None, None, id="autoencoder"),
        pytest.param(MLPRegressor(max_iter=2, **quick), X, TARGET, gap, id="mlp regressor"),
        pytest.param(MLPClassifier(max_iter=2, **quick), X, LABELS, TARGET, id="mlp classifier"),
    ]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("model", "table", "y", "bad"), fitted_and_refused())
def test_a_refused_fit_leaves_the_fitted_model(model, table, y, bad):
    answer = model.fit(table, y).predict if "predict" in dir(model) else model.fit(table, y).transform
    before, known = answer(table), set(vars(model))
    with pytest.raises(ValueError):
        model.fit(X[:, :2], bad, **({"sample_weight": np.zeros(80)} if bad is y else {}))
    assert str(answer(table).tolist()) == str(before.tolist())  # cells of any kind, gaps among them
    assert set(vars(model)) == known


def test_an_embedder_names_the_row_without_a_target():
    with pytest.raises(DataError, match="row 3 has no target"):
        NNEmbedder(2).fit(COLUMNS, changed(TARGET, 3, np.nan))
