"""NNClassifier and NNRegressor take tables as they are."""

import datetime
import pickle

import numpy as np
import pytest
from quick import ENOUGH, LABELS, QUICK, TARGET, X, outputs, raw_columns
from sklearn.inspection import partial_dependence, permutation_importance

from nnlite import NNClassifier, NNRegressor, load_model
from nnlite.errors import DataError
from nnlite.layers import RobustScaling

pd = pytest.importorskip("pandas")
TABLE = pd.DataFrame(raw_columns())
PRICE = np.nan_to_num(X[:, 0]) + 2 * (TABLE["city"] == "Bern") + 0.5 * TABLE["rooms"]
DEAR = np.where(PRICE.median() < PRICE, "dear", "cheap")
TASKS = pytest.mark.parametrize(("cls", "y"), [(NNClassifier, DEAR), (NNRegressor, PRICE)])


@TASKS
def test_a_raw_table_is_learnt_from_as_it_is(cls, y):
    model = cls(**ENOUGH).fit(TABLE, y)
    assert model.score(TABLE, y) > 0.85
    assert model.feature_names_in_.tolist() == list(TABLE) and model.n_features_in_ == 6


@TASKS
def test_libraries_of_tables_give_the_same_numbers(cls, y):
    polars = pytest.importorskip("polars")
    twin = polars.DataFrame(raw_columns())
    first, second = cls(**QUICK).fit(TABLE, y), cls(**QUICK).fit(twin, polars.Series(y.tolist()))
    np.testing.assert_array_equal(outputs(first, TABLE), outputs(second, twin))
    np.testing.assert_array_equal(outputs(first, twin), outputs(second, TABLE))


@TASKS
def test_gaps_and_levels_that_fit_has_not_seen_are_predicted(cls, y):
    model = cls(**QUICK).fit(TABLE, y)
    new = TABLE.head(4).assign(city=["Oslo", None, "Bern", "Bern"], street="street 99", rooms=[np.nan, 1, 2, 3])
    new.loc[2, "sold"] = pd.NaT
    assert np.isfinite(outputs(model, new)).all()


@pytest.mark.parametrize("columns", [["city"], ["city", "street"], ["new"], ["sold"], ["size"]])
@TASKS
def test_columns_of_one_kind_alone_are_learnt_from(cls, y, columns):
    model = cls(**QUICK).fit(TABLE[columns], y)
    assert np.isfinite(outputs(model, TABLE[columns])).all()


def test_a_table_whose_columns_are_all_constant_predicts_the_same_for_all():
    constant = pd.DataFrame({"a": ["x"] * 80, "b": [1] * 80})
    assert np.ptp(NNRegressor(**QUICK).fit(constant, TARGET).predict(constant)) == 0
    assert np.ptp(NNRegressor(**QUICK).fit(np.ones((80, 2)), TARGET).predict(np.ones((5, 2)))) == 0


def test_what_does_not_fit_the_table_of_fit_is_refused():
    model = NNRegressor(**QUICK).fit(TABLE, PRICE)
    with pytest.raises(ValueError, match="yet now missing"):
        model.predict(TABLE[["size", "city"]])
    with pytest.raises(ValueError, match="unseen at fit time:\n- area"):
        model.predict(TABLE.rename(columns={"size": "area"}))
    with pytest.raises(DataError, match="column 'size', row 0: 'large' is text"):
        model.predict(TABLE.assign(size="large"))
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match="X is sparse, and the model was fitted on a table of columns"):
        model.predict(sparse.csr_matrix(np.ones((2, 6))))


def test_gaps_of_arrays():
    gappy = np.where(X > 1.5, np.nan, X)
    assert NNRegressor(**ENOUGH).fit(gappy, TARGET).score(gappy, TARGET) > 0.7
    model = NNRegressor(**QUICK).fit(X, TARGET)  # which has seen none
    filled = np.where(np.isnan(gappy), np.median(X, axis=0), gappy)
    np.testing.assert_allclose(model.predict(gappy), model.predict(filled), rtol=1e-9)
    with pytest.raises(DataError, match="X has gaps"):
        NNRegressor(**QUICK, standardize=False).fit(X, TARGET).predict(gappy)


def test_one_encoder_serves_the_estimator_and_the_saved_model(tmp_path):
    model = NNClassifier(**QUICK).fit(TABLE, DEAR)
    model.model_.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(TABLE, verbose=0), model.predict_proba(TABLE))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(TABLE), model.predict_proba(TABLE))


def test_only_columns_of_numbers_are_scaled():
    scaling = NNRegressor(**QUICK).fit(TABLE, PRICE).model_.layers[0]
    assert isinstance(scaling, RobustScaling) and 2 <= len(scaling.columns) < scaling.input_shape[-1]
    plain = NNRegressor(**QUICK, standardize=False).fit(X, TARGET)
    assert not any(isinstance(layer, RobustScaling) for layer in plain.model_.layers)


def test_large_offsets_keep_their_digits():
    """Seconds since 1970 differ by less than float32 resolves: scaling must come before rounding."""
    seconds = pd.DataFrame(X + 1.7e9)
    seconds.columns = list("abcd")
    model = NNRegressor(**ENOUGH).fit(seconds, TARGET + 1e9)
    assert model.score(seconds, TARGET + 1e9) > 0.9
    assert model.predict(seconds).dtype == np.float64


@pytest.mark.parametrize("options", [{}, {"n_members": 1}, {"standardize": False}, {"early_stopping": False}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_computed_in_their_own_precision(dtype, options):
    model = NNRegressor(**QUICK, **options).fit(X.astype(dtype), TARGET.astype(dtype))
    assert model.predict(X.astype(dtype)).dtype == dtype
    assert {layer.dtype for layer in model.model_.layers} == {np.dtype(dtype).name}
    assert NNClassifier(**QUICK, **options).fit(X.astype(dtype), LABELS).predict_proba(X.astype(dtype)).dtype == dtype


@TASKS
def test_sensitivities_and_jacobians_are_those_of_raw_columns(cls, y):
    model = cls(**QUICK).fit(TABLE, y)
    jacobian = (model.predict_proba if cls is NNClassifier else model.predict)(TABLE, return_jacobian=True)[1]
    numbers = [True, True, False, False, True, False]
    assert np.array_equal(np.isnan(jacobian).all(axis=tuple(range(jacobian.ndim - 1))), ~np.array(numbers))
    table = model.sensitivities(TABLE)
    assert table.index.tolist() == list(TABLE)
    means = np.asarray(table).reshape(6, -1, 3)[:, :, 0]  # columns, outputs, statistics
    np.testing.assert_allclose(means[numbers], jacobian.reshape(80, -1, 6).mean(axis=0).T[numbers], rtol=1e-3)
    assert (np.asarray(table).reshape(6, -1, 3)[:, :, 1] > 0).all()


def test_a_derivative_is_the_slope_of_predictions():
    model = NNRegressor(**QUICK).fit(TABLE, PRICE)
    row = TABLE.iloc[[3]]
    slope = model.predict(row, return_jacobian=True)[1][0, 0]
    step = 1e-3
    up, down = (model.predict(row.assign(size=row["size"] + sign * step))[0] for sign in (1, -1))
    assert slope == pytest.approx((up - down) / (2 * step), rel=0.02)


def test_the_difference_of_a_category_is_that_of_predictions():
    table = pd.DataFrame({"number": X[:, 0], "kind": np.where(np.arange(80) % 4, "a", "b")})
    model = NNRegressor(**QUICK).fit(table, X[:, 0] + (table["kind"] == "a"))
    differences = [model.predict(table.assign(kind=kind)) - model.predict(table) for kind in ("a", "b")]
    expected = 0.75 * np.abs(differences[0]).mean() + 0.25 * np.abs(differences[1]).mean()
    assert model.sensitivities(table).loc["kind", "mean_absolute"] == pytest.approx(expected, rel=1e-4)


def test_inspection_of_scikit_learn_takes_raw_tables():
    table = TABLE.astype({"rooms": float})
    model = NNRegressor(**ENOUGH).fit(table, PRICE)
    importances = permutation_importance(model, table, PRICE, n_repeats=2, random_state=0).importances_mean
    assert set(TABLE.columns[np.argsort(importances)[-3:]]) == {"size", "city", "rooms"}
    found = partial_dependence(model, table, ["rooms"], grid_resolution=5)["average"][0]
    assert found[-1] > found[0]
    streets = partial_dependence(model, table, ["street"], categorical_features=["street"])["average"]
    assert streets.shape == (1, TABLE["street"].nunique())


def test_names_of_targets_are_kept():
    several = pd.DataFrame({"low": PRICE, "high": 2 * PRICE})
    model = NNRegressor(**QUICK).fit(TABLE, several)
    assert model.target_names_.tolist() == ["low", "high"]
    assert model.sensitivities(TABLE).columns.get_level_values(0).unique().tolist() == ["low", "high"]
    flags = pd.DataFrame({"big": (PRICE > 2).astype(int), "small": (PRICE < 1).astype(int)})
    assert NNClassifier(**QUICK).fit(TABLE, flags).sensitivities(TABLE).columns.levels[0].tolist() == ["big", "small"]
    assert "target_names_" not in vars(model.fit(TABLE, PRICE))


def test_kinds_of_labels():
    for labels, known in [
        (pd.Series(DEAR, dtype="category"), ["cheap", "dear"]),
        (PRICE > 2, [False, True]),
        (np.arange(80) % 3 - 1, [-1, 0, 1]),
    ]:
        model = NNClassifier(**QUICK).fit(TABLE, labels)
        assert model.classes_.tolist() == known
        assert set(model.predict(TABLE).tolist()) <= set(known)


def test_dates_are_numbers():
    days = pd.DataFrame({"day": [datetime.datetime(2020, 1, 1) + datetime.timedelta(row) for row in range(80)]})
    assert NNRegressor(**ENOUGH).fit(days, np.arange(80.0)).score(days, np.arange(80.0)) > 0.9
