"""Several networks, side by side: what each learns, what is predicted, and what is known of new rows."""

import numpy as np
import pytest
from quick import BOTH, ENOUGH, LABELS, QUICK, TARGET, X, outputs
from sklearn.base import clone

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import ConfigError
from nnlite.layers import BatchNormalization, Dense, PiecewiseLinearEncoding, RobustScaling, TemperatureScaling


def member_outputs(model, X):
    """What each member says: those up to the average, then the layers behind it by hand."""
    layers = model.model_.layers
    place = [layer.name for layer in layers].index("average_of_members")
    values = X
    for layer in layers[:place]:
        values = layer(values)
    flat = values.reshape(-1, values.shape[-1])
    for layer in layers[place + 1 :]:
        flat = layer(flat)
    return flat.reshape(values.shape)


@BOTH
def test_predictions_are_means_over_the_members_and_their_spread(cls, y):
    model = cls(**QUICK, n_members=3).fit(X, y)
    of_members = member_outputs(model, X)
    assert of_members.shape == (80, 3, model.n_outputs_) and model.n_members_ == 3
    mean, spread = (model.predict_proba if cls is NNClassifier else model.predict)(X, return_std=True)
    np.testing.assert_allclose(mean.reshape(80, -1), of_members.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(spread.reshape(80, -1), of_members.std(axis=1), rtol=1e-6)
    assert spread.shape == mean.shape and (spread > 0).all()


@BOTH
def test_each_row_has_a_prediction_by_the_member_that_did_not_learn_from_it(cls, y, monkeypatch):
    seen = []
    learn = cls._settle

    def settle(self, network, outcome, rows):
        seen.append((network.trainer.folds, rows.distinct.first))
        learn(self, network, outcome, rows)

    monkeypatch.setattr(cls, "_settle", settle)
    model = cls(**QUICK, n_members=4).fit(X, y)
    folds, first = seen[0]
    assert np.array_equal(np.sort(np.concatenate([judged for _, judged in folds])), np.arange(80))
    of_members = member_outputs(model, X)
    for member, (trained, judged) in enumerate(folds):
        assert not set(trained) & set(judged) and len(trained) + len(judged) == 80
        expected = of_members[first[judged], member]
        found = model.oof_prediction_[first[judged]].reshape(expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_a_row_that_no_member_learns_from_is_predicted_as_a_new_one(cls):
    """Its target decides nothing about its own out-of-fold prediction; noise cannot be foreseen."""
    noise = np.random.default_rng(3).permutation(np.arange(80) % 2)
    model = cls(**{**ENOUGH, "epochs": 100}, dropout=0.0, learning_rate=0.01).fit(X, noise)
    own = model.oof_prediction_.argmax(axis=1) if cls is NNClassifier else model.oof_prediction_ > 0.5
    assert (own == noise).mean() < 0.7


@BOTH
def test_out_of_fold_predictions_of_copies_and_of_rows_without_weight(cls, y):
    weights = np.r_[0.0, 0.0, np.ones(88)]
    model = cls(**QUICK).fit(np.vstack([X, X[10:20]]), np.r_[y, y[10:20]], weights)
    found = model.oof_prediction_
    assert len(found) == 90 and np.isnan(found[:2]).all() and np.isfinite(found[2:]).all()


def test_folds_keep_the_mix_of_classes(monkeypatch):
    seen = []
    learn = NNClassifier._settle

    def settle(self, network, outcome, rows):
        seen.append([LABELS[rows.distinct.first[judged]] for _, judged in network.trainer.folds])
        learn(self, network, outcome, rows)

    monkeypatch.setattr(NNClassifier, "_settle", settle)
    NNClassifier(**QUICK, n_members=4).fit(X, LABELS)
    counts = [(labels == "yes").sum() for labels in seen[0]]
    assert max(counts) - min(counts) <= 1


@BOTH
def test_how_many_members_there_are_by_default(cls, y, monkeypatch):
    assert cls(**QUICK).fit(X, y).n_members_ == 5
    assert cls(**QUICK).fit(X[:19], y[:19]).n_members_ == 1
    assert cls(epochs=2, layers=[Dense(4)]).fit(X, y).n_members_ == 1
    monkeypatch.setattr("nnlite.estimators.fitting.recipe.MOST_ROWS_FOR_MEMBERS", 79)
    assert cls(**QUICK).fit(X, y).n_members_ == 1


@BOTH
def test_members_without_folds_learn_from_all_rows(cls, y):
    model = cls(**QUICK, early_stopping=False, n_members=2).fit(X, y)
    of_members = member_outputs(model, X)
    assert not np.array_equal(of_members[:, 0], of_members[:, 1])


@BOTH
def test_members_of_ones_own_layers(cls, y):
    model = cls(
        layers=[Dense(8, "relu"), {"Dropout": {"rate": 0.1}}],
        n_members=3,
        epochs=40,
        random_state=0,
        learning_rate=0.01,
    )
    assert model.fit(X, y).n_members_ == 3 and model.score(X, y) > 0.7
    with pytest.raises(ConfigError, match=r"3 members need layers that support members.*pass n_members=1"):
        cls(layers=[BatchNormalization()], n_members=3).fit(X, y)


@pytest.mark.parametrize("before", [[], [{"Dropout": {"rate": 0.1}}]])
def test_members_share_the_edges_of_pieces(before):
    layers = [*before, {"PiecewiseLinearEncoding": {"num_bins": 3}}, Dense(4, "relu")]
    edges = []
    for members in (1, 2):
        model = NNRegressor(layers=layers, n_members=members, epochs=1, early_stopping=False).fit(X, TARGET)
        edges += [layer.edges.value for layer in model.model_.layers if isinstance(layer, PiecewiseLinearEncoding)]
    np.testing.assert_allclose(edges[0], edges[1], atol=0.1)
    assert len(edges) == 2 and (np.diff(edges[0]) > 0).all()


def test_a_single_network_of_classes_has_no_spread():
    with pytest.raises(ConfigError, match="a single network has no spread: fit with n_members of 2 or more"):
        NNClassifier(**QUICK, n_members=1).fit(X, LABELS).predict_proba(X, return_std=True)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_single_regressor_has_the_spread_of_least_squares(weighted):
    random = np.random.default_rng(0)
    x, new = random.normal(size=(80, 3)), random.normal(size=(5, 3))
    y = np.stack([x @ [1, 2, 3], x @ [0, 1, 0]], axis=1) + 0.5 * random.normal(size=(80, 2))
    counts = random.integers(1, 4, 80) if weighted else np.ones(80, int)
    options = {"optimizer": "LBFGS", "epochs": 200, "early_stopping": False, "standardize": False}
    model = NNRegressor((), **options).fit(x, y, sample_weight=counts if weighted else None)
    predicted, spread = model.predict(new, return_std=True)
    design, at = (np.concatenate([rows, np.ones((len(rows), 1))], axis=1) for rows in (np.repeat(x, counts, 0), new))
    targets, inverse = np.repeat(y, counts, 0), np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ targets
    variance = ((targets - design @ best) ** 2).sum(axis=0) / (len(targets) - 4)
    shares = np.einsum("ri,ij,rj->r", at, inverse, at)
    np.testing.assert_allclose(predicted, at @ best, atol=1e-5)
    np.testing.assert_allclose(spread, np.sqrt(shares[:, None] * variance), rtol=5e-3)  # a penalty is next to nothing


def test_the_spread_of_a_single_regressor_grows_where_there_are_no_rows():
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (300, 1))
    y = np.sin(3 * x[:, 0]) + 0.1 * random.normal(size=300)
    model = NNRegressor((16,), n_members=1, epochs=30, random_state=0).fit(x, y)
    spread = model.predict([[0.0], [4.0]], return_std=True)[1]
    assert 0 < 2 * spread[0] < spread[1] and spread[0] < 0.1
    deviation = model._last_layer.deviation
    model.fit(x, y, sample_weight=np.full(300, 1 / 300))  # a mean over the rows set apart, whatever they weigh
    np.testing.assert_allclose(model._last_layer.deviation, deviation, rtol=1e-3)
    assert clone(model).partial_fit(x, y)._last_layer is None
    huber = NNRegressor((16,), n_members=1, epochs=2, loss="huber").fit(x, y)
    with pytest.raises(ConfigError, match="a single network has no spread"):
        huber.predict(x, return_std=True)


@BOTH
def test_the_jacobian_is_that_of_the_mean(cls, y):
    model = cls(**QUICK, n_members=2).fit(X, y)
    rows = X + 1e-3  # between the edges of bins, where there is a derivative: the outermost edges are training rows
    jacobian = (model.predict_proba if cls is NNClassifier else model.predict)(rows, return_jacobian=True)[1]
    step = np.zeros((1, 4))
    step[0, 1] = 1e-6
    expected = (outputs(model, rows + step) - outputs(model, rows - step)) / 2e-6
    np.testing.assert_allclose(jacobian[..., 1], expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_probabilities_are_calibrated_by_rows_that_are_new():
    noise = np.random.default_rng(0).permutation(LABELS)
    options = {**ENOUGH, "dropout": 0.0, "n_members": 1}
    calm, bold = (NNClassifier(**options, early_stopping=judged).fit(X, noise) for judged in (True, False))
    names = [layer.name for layer in calm.model_.layers]
    assert "temperature" in names and "temperature" not in [layer.name for layer in bold.model_.layers]
    assert calm.predict_proba(X).max(axis=1).mean() < bold.predict_proba(X).max(axis=1).mean()


@pytest.mark.parametrize("weights", [None, np.random.default_rng(3).exponential(size=80)], ids=["equal", "weighted"])
def test_the_temperature_is_that_of_the_rows_that_members_did_not_learn_from(weights):
    noise = np.random.default_rng(0).permutation(LABELS)
    model = NNClassifier(**ENOUGH, n_members=2).fit(X, noise, weights)
    kept, again = model.model_.get_layer("temperature"), TemperatureScaling()
    shares = (model.oof_prediction_ - kept.blur / 2) / (1 - kept.blur)
    again.calibrate(kept.temperature * np.log(shares), model.classes_.searchsorted(noise), weights)
    assert abs(kept.temperature - 1) > 0.05 and kept.blur == again.blur == 0.5 / 81
    assert again.temperature == pytest.approx(kept.temperature, rel=1e-4)


def test_numbers_stay_within_the_range_seen():
    model = NNRegressor(**ENOUGH).fit(X, TARGET)
    far = model.predict(100 * X)
    assert far.min() >= TARGET.min() - 1e-6 and far.max() <= TARGET.max() + 1e-6


def test_the_model_reads_the_table_as_the_estimator_does():
    model = NNClassifier(**QUICK).fit(X, LABELS)
    assert isinstance(model.model_.layers[0], RobustScaling)
    np.testing.assert_array_equal(model.model_.predict(X, verbose=0), model.predict_proba(X))
