"""`monotonic_cst`: directions that hold on grids far beyond the data, whatever the table and the recipe are."""

import numpy as np
import pytest
from quick import LABELS, QUICK, TARGET, X, outputs, raw_columns

from nnlite import NNClassifier, NNRegressor, load_model
from nnlite.data.frames import read_frame
from nnlite.errors import ConfigError
from nnlite.estimators.specs.directions import bound
from nnlite.layers import MonotonicDense, Scale

DIRECTIONS = [1, -1, 0, 1]
RANDOM = np.random.default_rng(5)
MANY = RANDOM.normal(size=(700, 4))  # enough rows for pieces and waves
FALLS_IN_TRUTH = -3 * MANY[:, 0] + 2 * MANY[:, 1] + np.sin(3 * MANY[:, 2]) + 0.2 * RANDOM.normal(size=700)
SETTINGS = [
    {},
    {"n_members": 2},
    {"hidden_layer_sizes": ()},
    {"optimizer": "lbfgs"},
    {"optimizer": "adam", "learning_rate": 0.05, "activation": "tanh"},
    {"optimizer": "LBFGS", "activation": "softplus"},
    {"standardize": False, "early_stopping": False},
]


def sweeps(rows, column, count=60):
    """Each row with `count` rising values of one column, far beyond those of the data; rows after one another."""
    low, high = rows[:, column].min(), rows[:, column].max()
    grid = np.repeat(rows[:, None], count, axis=1)
    grid[:, :, column] = np.linspace(2 * low - high, 2 * high - low, count)
    return grid.reshape(-1, rows.shape[1])


def steps(model, rows, column):
    """The changes of the prediction, or of the second class's probability, along each sweep, `(rows, count - 1)`."""
    predicted = outputs(model, sweeps(rows, column))
    predicted = predicted[:, 1] if predicted.ndim == 2 else predicted
    return np.diff(predicted.reshape(len(rows), -1), axis=1)


def assert_directions(model, rows, directions=DIRECTIONS):
    for column, direction in enumerate(directions):
        if direction:
            changes = direction * steps(model, rows, column)
            assert changes.min() >= -1e-12 * np.abs(changes).max() - 1e-13


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_directions_hold_against_the_data(cls, options):
    """The truth falls where the model must rise: it stays flat there, where a free one follows."""
    y = FALLS_IN_TRUTH if cls is NNRegressor else np.where(FALLS_IN_TRUTH > 0, "yes", "no")
    model = cls(**{**QUICK, **options}, monotonic_cst=DIRECTIONS).fit(MANY, y)
    assert_directions(model, MANY[:40])
    free = cls(**{**QUICK, **options}).fit(MANY, y)
    assert steps(free, MANY[:40], 0).min() < -1e-3
    assert np.abs(steps(model, MANY[:40], 2)).max() > 1e-4  # the free column still counts


def test_directions_hold_for_any_weights():
    """Not training keeps them, but the layers: also with weights of any sign, as far as 5 standard deviations."""
    random = np.random.default_rng(0)
    for cls, y in ((NNRegressor, FALLS_IN_TRUTH), (NNClassifier, FALLS_IN_TRUTH > 0)):
        model = cls(**{**QUICK, "epochs": 1}, monotonic_cst=DIRECTIONS, n_members=2).fit(MANY, y)
        trained = model.model_.layers[model._core.start : model._core.stop]
        assert any(isinstance(layer, Scale) and layer.positive for layer in trained)
        for layer in trained:
            for weight in layer.trainable_weights:
                weight.assign(5 * random.normal(size=weight.shape))
        assert_directions(model, MANY[:40])


def test_directions_are_learnt_along():
    X, y = MANY, 3 * np.tanh(2 * MANY[:, 0]) - MANY[:, 1] + np.sin(3 * MANY[:, 2])
    model = NNRegressor(hidden_layer_sizes=(32, 32), epochs=60, n_members=1, random_state=0, monotonic_cst=DIRECTIONS)
    assert model.fit(X[:500], y[:500]).score(X[500:], y[500:]) > 0.9


def test_columns_by_name_in_a_raw_table():
    table = raw_columns()
    model = NNRegressor(**QUICK, monotonic_cst={"size": 1, "new": -1}).fit(table, -TARGET)
    row = {name: [cells[1]] * 30 for name, cells in table.items()}
    swept = model.predict({**row, "size": np.linspace(-9, 9, 30).tolist()})
    assert (np.diff(swept) >= -1e-4).all() and len(model.model_.encoder.feature_names) > len(table)
    old, new = model.predict({**row, "new": [False, True] * 15})[:2]
    assert new <= old + 1e-4
    for name, kind in (("city", "categories"), ("sold", "dates"), ("street", "categories")):
        with pytest.raises(ConfigError, match=f"{name!r} holds {kind}, which cannot have a direction"):
            NNRegressor(**QUICK, monotonic_cst={name: 1}).fit(table, TARGET)
    assert read_frame(table).n_rows == 80


def test_labels_side_by_side_and_several_numbers():
    labels = NNClassifier(**QUICK, monotonic_cst=DIRECTIONS).fit(X, np.stack([X[:, 0] < 0, X[:, 1] > 0], axis=1))
    numbers = NNRegressor(**QUICK, monotonic_cst=DIRECTIONS).fit(X, np.stack([-X[:, 0], X[:, 1]], axis=1))
    for predict in (labels.predict_proba, numbers.predict):
        changes = np.diff(predict(sweeps(X[:20], 0)).reshape(20, 60, 2), axis=1)
        assert changes.min() >= -1e-12


def test_the_model_keeps_them_in_a_file_and_in_a_config(tmp_path):
    model = NNClassifier(**QUICK, monotonic_cst=DIRECTIONS).fit(X, LABELS)
    model.model_.save(tmp_path / "model.nnlite")
    loaded = load_model(tmp_path / "model.nnlite")
    assert np.array_equal(loaded.predict(X, verbose=0), model.model_.predict(X, verbose=0))
    dense = [layer for layer in loaded.layers if isinstance(layer, MonotonicDense)]
    assert dense[0].monotonicity == DIRECTIONS and dense[-1].monotonicity == [[-1, 1]]
    specs = NNRegressor(**QUICK, monotonic_cst=DIRECTIONS).fit(X, TARGET).to_config()["model"]
    assert [name for spec in specs for name in spec if "Dense" in name] == ["MonotonicDense"] * 2


def test_free_columns_alone_change_nothing():
    free = NNRegressor(**QUICK).fit(X, TARGET).predict(X)
    assert np.array_equal(NNRegressor(**QUICK, monotonic_cst=[0, 0, 0, 0]).fit(X, TARGET).predict(X), free)
    assert NNClassifier(**QUICK, monotonic_cst=DIRECTIONS).fit(X, np.zeros(80)).predict(X).tolist() == [0] * 80


def test_waves_go_and_pieces_stay():
    columns = {"columns": [0, 1], "num_bins": 2}
    specs = [{"PiecewiseLinearEncoding": columns}, {"PeriodicEmbedding": {"columns": [0, 1], "output_dim": 1}}]
    specs += [{"CategoryEmbedding": {"sizes": {2: 5}, "output_dim": 2}}, {"Scale": {}}, {"Dense": {"units": 1}}]
    kept = bound(specs, [1, 0, 0], 1, False)
    assert kept[1] == {"PeriodicEmbedding": {"columns": [1], "output_dim": 1}}
    assert kept[3] == {"Scale": {"positive": True}}
    assert kept[4] == {"MonotonicDense": {"units": 1, "monotonicity": [1, 0, 1, 1, 0, 0, 0, 0, 0]}}
    assert len(bound(specs, [1, -1, 0], 1, False)) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 0], r"shape \(2,\) but the input data X has 4 features"),
        (1, "must be an array-like, an instance of 'dict' or None"),
        ([[1, 0, 0, 0]], "has shape"),
        ([1, 2, 0, 0], "must be either -1, 0 or 1. Got 2"),
        ({"a": 1}, "X has no names: pass an array"),
    ],
)
def test_bad_directions(given, message):
    with pytest.raises(ConfigError, match=message):
        NNRegressor(**QUICK, monotonic_cst=given).fit(X, TARGET)


def test_what_cannot_be_bound():
    with pytest.raises(ConfigError, match=r"1 unexpected feature names: \['b'\]"):
        NNRegressor(**QUICK, monotonic_cst={"b": 1}).fit({"a": X[:, 0]}, TARGET)
    with pytest.raises(ConfigError, match="needs two classes, y has 3"):
        NNClassifier(**QUICK, monotonic_cst=DIRECTIONS).fit(X, np.arange(80) % 3)
    with pytest.raises(ConfigError, match="build them of MonotonicDense"):
        NNRegressor(epochs=1, layers=["Dropout"], monotonic_cst=DIRECTIONS).fit(X, TARGET)
    with pytest.raises(ConfigError, match="falls near"):
        NNRegressor(**QUICK, activation="mish", monotonic_cst=DIRECTIONS).fit(X, TARGET)


@pytest.mark.parametrize("n_features", [1, 2])
def test_every_column_may_have_a_direction(n_features):
    X = np.random.default_rng(0).normal(size=(60, n_features))
    model = NNRegressor(epochs=2, n_members=1, monotonic_cst=[1, -1][:n_features], random_state=0).fit(X, X.sum(axis=1))
    grid = np.zeros((50, n_features))
    grid[:, 0] = np.linspace(-3, 3, 50)
    assert (np.diff(model.predict(grid)) >= 0).all()
