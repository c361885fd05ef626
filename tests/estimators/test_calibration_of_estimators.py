"""`calibration=`: probabilities of rows that were not learnt from decide it; files and exports keep it."""

import numpy as np
import pytest
from quick import LABELS, QUICK, X

from nnlite import NNClassifier, load_model
from nnlite.errors import ConfigError, DataError
from nnlite.layers import IsotonicCalibration, TemperatureScaling

RANDOM = np.random.default_rng(0)
MANY = RANDOM.normal(size=(600, 3))
CHANCES = 1 / (1 + np.exp(-3 * MANY[:, 0]))
NOISY = (RANDOM.random(600) < CHANCES).astype(int)
BRIEF = {"hidden_layer_sizes": 8, "epochs": 3, "random_state": 0}


def last_layers(model):
    return [layer for layer in model.model_.layers if isinstance(layer, TemperatureScaling | IsotonicCalibration)]


def log_loss(model, X, y):
    p = model.predict_proba(X)
    return -np.log(p[np.arange(len(y)), y]).mean()


@pytest.mark.parametrize("options", [{"n_members": 5}, {"n_members": 1}, {"n_members": 2, "judged": True}])
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibration_repairs_what_few_epochs_leave_unsure(method, options):
    options = dict(options)
    judges = {"X_val": MANY[400:500], "y_val": NOISY[400:500]} if options.pop("judged", False) else {}
    losses = {}
    for calibration in (None, method):
        model = NNClassifier(**BRIEF, **options, calibration=calibration, optimizer={"SGD": {"learning_rate": 0.02}})
        losses[calibration] = log_loss(model.fit(MANY[:400], NOISY[:400], **judges), MANY[500:], NOISY[500:])
        kinds = {None: [], "temperature": [TemperatureScaling], "isotonic": [IsotonicCalibration]}
        assert [type(layer) for layer in last_layers(model)] == kinds[calibration]
    assert losses[method] < losses[None] - 0.004
    assert np.allclose(model.predict_proba(MANY).sum(axis=1), 1)


def test_auto_is_the_temperature_that_it_was():
    auto, given = (NNClassifier(**QUICK, calibration=name).fit(X, LABELS) for name in ("auto", "temperature"))
    assert np.array_equal(auto.predict_proba(X), given.predict_proba(X))
    assert last_layers(NNClassifier(**QUICK, early_stopping=False).fit(X, LABELS)) == []
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1)
    assert last_layers(NNClassifier(**QUICK).fit(X, labels)) == []


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_labels_that_do_not_exclude_one_another(method):
    labels = np.stack([NOISY, (MANY[:, 1] > 0)], axis=1)
    options = {**BRIEF, "n_members": 1, "epochs": 15, "optimizer": {"SGD": {"learning_rate": 0.02}}}
    learnt = MANY[:300], labels[:300], None, MANY[300:], labels[300:]
    plain, model = (NNClassifier(**options, calibration=name).fit(*learnt) for name in (None, method))
    assert not last_layers(plain)
    (layer,) = last_layers(model)
    assert layer.activation == "sigmoid" if method == "temperature" else not layer.exclusive

    def loss(model):
        p = model.predict_proba(MANY[300:])
        return -np.where(labels[300:], np.log(p), np.log(1 - p)).mean()

    assert loss(model) < loss(plain) - 0.01


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_out_of_fold_predictions_and_files_have_it(method, tmp_path):
    model = NNClassifier(**QUICK, calibration=method).fit(X, LABELS)
    assert np.allclose(model.oof_prediction_.sum(axis=1), 1)
    model.model_.save(tmp_path / "model.nnlite")
    loaded = load_model(tmp_path / "model.nnlite")
    assert np.array_equal(loaded.predict(X, verbose=0), model.model_.predict(X, verbose=0))
    clone = NNClassifier(**QUICK, calibration=method, warm_start=True).fit(X, LABELS)
    assert len(last_layers(clone.fit(X, LABELS))) == 1


def test_three_classes_and_weights():
    y = np.arange(600) % 3
    model = NNClassifier(**BRIEF, calibration="isotonic").fit(MANY, y, sample_weight=np.arange(600) % 2)
    (layer,) = last_layers(model)
    assert len(layer.thresholds) == 3 and layer.blur == pytest.approx(1 / 301)


def test_bad_calibrations():
    with pytest.raises(ConfigError, match="'calibration' parameter of NNClassifier must be"):
        NNClassifier(**QUICK, calibration="platt").fit(X, LABELS)
    for method in ("temperature", "isotonic"):
        with pytest.raises(ConfigError, match="needs samples that were not learned from"):
            NNClassifier(**QUICK, calibration=method, early_stopping=False).fit(X, LABELS)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_partial_fit_does_not_calibrate(method):
    model = NNClassifier(8, calibration=method, random_state=0).partial_fit(X, LABELS, classes=["no", "yes"])
    plain = NNClassifier(8, calibration=None, random_state=0).partial_fit(X, LABELS, classes=["no", "yes"])
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_too_few_samples_to_calibrate_by_are_counted(method):
    with pytest.raises(ConfigError, match=r"of classes needs samples .*: with n_samples = 3 none were set apart"):
        NNClassifier(8, epochs=2, calibration=method).fit(X[:3], LABELS[:3])


def test_labels_without_an_order_are_refused():
    with pytest.raises(DataError, match=r"labels are a mix of float, int, str, which have no order"):
        NNClassifier(8).fit(X[:3], np.array([1, "a", 2.0], object))
