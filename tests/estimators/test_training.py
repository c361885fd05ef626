"""How NNClassifier and NNRegressor are trained: optimizers, learning rates, stopping, weights, and going on."""

import warnings

import numpy as np
import pytest
from quick import BOTH, ENOUGH, LABELS, QUICK, TARGET, X, outputs
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from nnlite import NNClassifier, NNRegressor
from nnlite.callbacks import Callback, LambdaCallback
from nnlite.errors import ConfigError, DataError
from nnlite.layers import BatchNormalization, Dense, GaussianNoise
from nnlite.optimizers import SGD, Adam
from nnlite.schedules import ExponentialDecay

RANDOM = np.random.default_rng(5)
COUNTS = RANDOM.integers(0, 4, 80)


class Rates(Callback):
    """The learning rate at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        rate = optimizer.learning_rate
        self.seen.append(rate(optimizer.iterations - 1) if callable(rate) else rate)


def rates_of(cls=NNClassifier, y=LABELS, **options):
    rates = Rates()
    cls(**{**QUICK, **options}, callbacks=rates).fit(X, y)
    return rates.seen


# L-BFGS


@BOTH
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lbfgs_finds_the_minimum_of_the_loss_over_all_rows(cls, y, dtype):
    y = y.astype(dtype) if cls is NNRegressor else y
    options = {"hidden_layer_sizes": 8, "optimizer": "lbfgs", "alpha": 1.0, "tol": 1e-3, "random_state": 0}
    model = cls(**options).fit(X.astype(dtype), y)
    assert model.score(X.astype(dtype), y) > 0.9
    losses = model.loss_curve_
    assert all(np.diff(losses) <= 1e-9) and model.loss_ == losses[-1] == model.best_loss_
    assert model.n_iter_ == len(losses) < 500 and model.n_members_ == 1
    assert model.validation_loss_curve_ is None and model.validation_scores_ is None
    assert outputs(model, X.astype(dtype)).dtype == dtype


def test_lbfgs_without_hidden_layers_is_logistic_and_ridge_regression():
    linear = {"hidden_layer_sizes": (), "optimizer": "lbfgs", "tol": 1e-9, "epochs": 3000, "random_state": 0}
    linear |= {"standardize": False}
    iris, species = load_iris(return_X_y=True)
    iris = iris[:140]  # the last species is rarer, and alpha divided by the rows
    model = NNClassifier(**linear, alpha=1.0).fit(iris, species[:140])
    exact = LogisticRegression(C=1.0, tol=1e-9, max_iter=3000).fit(iris, species[:140])
    np.testing.assert_allclose(model.predict_proba(iris), exact.predict_proba(iris), atol=2e-3)
    scaled = (TARGET - TARGET.mean()) / TARGET.std()
    model = NNRegressor(**linear, alpha=2.0).fit(X, scaled)  # alpha / 2n |k|^2 beside the mean, not half, of squares
    np.testing.assert_allclose(model.predict(X), Ridge(alpha=1.0).fit(X, scaled).predict(X), atol=1e-4)


def test_lbfgs_with_weights_is_lbfgs_with_copies():
    options = {**QUICK, "optimizer": "lbfgs", "alpha": 0.1, "epochs": 20}
    with pytest.warns(ConvergenceWarning, match=r"lbfgs failed to converge after 20 iteration.*(?s:.)*\(epochs=20\)"):
        weighted = NNRegressor(**options).fit(X, TARGET, COUNTS)
    with pytest.warns(ConvergenceWarning):
        repeated = NNRegressor(**options).fit(np.repeat(X, COUNTS, axis=0), np.repeat(TARGET, COUNTS))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_pieces_of_the_rows_make_the_loss_of_all(monkeypatch):
    options = {**QUICK, "optimizer": "lbfgs", "alpha": 0.1}
    whole = NNClassifier(**options).fit(X, LABELS, COUNTS + 1)
    monkeypatch.setattr("nnlite.estimators.fitting.lbfgs.JOINED_ROWS", 7)
    np.testing.assert_allclose(NNClassifier(**options).fit(X, LABELS, COUNTS + 1).loss_curve_, whole.loss_curve_)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_callbacks_hear_of_each_iteration_and_end_it(capsys):
    heard = []

    def stop(epoch, logs):
        heard.append((epoch, logs["loss"]))
        listener.model.stop_training = epoch == 2

    listener = LambdaCallback(on_epoch_end=stop)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = NNClassifier(**{**QUICK, "epochs": 50}, optimizer="lbfgs", callbacks=listener, verbose=2).fit(X, LABELS)
    assert [loss for _, loss in heard] == model.loss_curve_ and model.n_iter_ == 3
    assert "Epoch 3/50" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_lbfgs_goes_on_from_its_weights():
    model = NNClassifier(**{**QUICK, "epochs": 5}, optimizer="lbfgs", warm_start=True).fit(X, LABELS)
    first = model.loss_
    assert model.fit(X, LABELS).loss_ < first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_members": 2}, "optimizer='lbfgs' trains a single network: pass n_members=1"),
        ({"dropout": 0.1}, "optimizer='lbfgs' needs a loss without chance"),
        ({"layers": [Dense(3), GaussianNoise(0.1)]}, "optimizer='lbfgs' needs a loss without chance"),
    ],
)
def test_what_lbfgs_cannot_do_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        NNClassifier(**QUICK, optimizer="lbfgs", **options).fit(X, LABELS)
    with pytest.raises(ConfigError, match="leave X_val and y_val out"):
        NNClassifier(**QUICK, optimizer="lbfgs").fit(X, LABELS, X_val=X, y_val=LABELS)
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'"):
        NNClassifier(optimizer="lbfgs").partial_fit(X, LABELS, ["no", "yes"])


def test_full_batch_optimizers_take_neither_batches_nor_members():
    targets = X[:, 0]
    options = {**QUICK, "optimizer": {"LBFGS": {}}}
    for more, message in (
        ({"batch_size": 8}, "takes all rows at once: leave batch_size out"),
        ({"n_members": 2}, "n_members=1"),
    ):
        with pytest.raises(ConfigError, match=message):
            NNRegressor(**{**options, **more}).fit(X, targets)
    model = NNRegressor(**{**options, "batch_size": "auto"}).fit(X, targets)
    assert (model.predict(X, return_std=True)[1] > 0).all()
    with pytest.raises(ConfigError, match=r"trains no more; compile model_ and ask model_.uncertainty"):
        NNClassifier(**options).fit(X, LABELS).predict_proba(X, return_std=True)
    config = model.to_config()
    assert config["fit"]["batch_size"] is None and NNRegressor.from_config(config).batch_size == "auto"


# Learning rates


def test_constant_is_the_number_of_the_optimizer():
    assert rates_of(optimizer=SGD(0.3), learning_rate="constant") == [0.3] * 6
    assert rates_of(learning_rate="constant") == [Adam().learning_rate] * 6


def test_invscaling_divides_by_the_root_of_the_step():
    found = rates_of(optimizer="sgd", learning_rate="invscaling", batch_size=20, early_stopping=False, n_members=1)
    np.testing.assert_allclose(found, 0.01 / np.sqrt(4 * np.arange(1, 7)))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_adaptive_divides_by_5_and_ends_when_the_rate_is_too_small(early_stopping):
    options = {"learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 1e9, "early_stopping": early_stopping}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rates_of(optimizer=SGD(1e-4), epochs=100, **options)
    np.testing.assert_allclose(found, 1e-4 / 5.0 ** np.array([0, 0, 1, 1, 2, 2, 3, 3, 3]), rtol=1e-6)


def test_adaptive_keeps_the_rate_while_the_loss_falls():
    assert rates_of(learning_rate="adaptive", optimizer=SGD(1e-3), early_stopping=False, tol=0.0) == [1e-3] * 6


@pytest.mark.parametrize("policy", ["constant", "invscaling", "adaptive"])
def test_a_policy_needs_an_optimizer_without_schedule(policy):
    with pytest.raises(ConfigError, match=f"learning_rate='{policy}' needs an optimizer with a number"):
        NNClassifier(optimizer=SGD(ExponentialDecay(0.1, 2, 0.5)), learning_rate=policy).fit(X, LABELS)


def test_optimizer_learning_rate_and_weight_decay():
    given = SGD(momentum=0.9)
    assert rates_of(NNRegressor, TARGET, optimizer=given) == [0.01] * 6 and given.iterations == 0
    assert rates_of(NNRegressor, TARGET, optimizer={"Adam": {"beta_1": 0.8}}, learning_rate=0.5) == [0.5] * 6
    schedule = {"ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}}
    assert rates_of(learning_rate=schedule, batch_size=64, n_members=1)[0] == 0.1
    shrunk, free = (
        NNRegressor(**QUICK, optimizer="sgd", weight_decay=decay, n_members=1).fit(X, TARGET).model_.layers[1].kernel
        for decay in (5.0, 0.0)
    )
    assert np.abs(shrunk.value).sum() < 0.9 * np.abs(free.value).sum()


def test_alpha_penalises_kernels_as_much_as_scikit_learn_documents():
    kernels = {}
    for alpha in (0.0, 3.0):
        model = NNRegressor(**ENOUGH, alpha=alpha, n_members=1, early_stopping=False, optimizer="adam").fit(X, TARGET)
        kernels[alpha] = np.abs(model.model_.layers[1].kernel.value).sum()
        assert model.model_.layers[1].kernel.regularizer is None or (
            model.model_.layers[1].kernel.regularizer.l2 == pytest.approx(alpha / (2 * 32))
        )
    assert kernels[3.0] < kernels[0.0]


# Stopping


@BOTH
@pytest.mark.parametrize("options", [{"early_stopping": False}, {"n_members": 1}, {}])
def test_training_ends_when_nothing_improves(cls, y, options):
    patient = {**QUICK, "epochs": 30, "n_iter_no_change": 3, "tol": 1e9, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cls(**patient).fit(X, y).n_iter_ == 4
    with pytest.warns(ConvergenceWarning, match=r"epochs=4 was reached before 10 in a row gained less than tol=0"):
        cls(**{**patient, "epochs": 4, "n_iter_no_change": 10, "tol": 0.0}).fit(X, y)


@BOTH
def test_nothing_is_warned_of_by_default(cls, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cls(**QUICK).fit(X, y)
        cls(**QUICK, early_stopping=False, learning_rate="adaptive").fit(X, y)


@BOTH
def test_early_stopping_goes_back_to_the_best_epoch(cls, y):
    noise = RANDOM.permutation(y)
    options = {"n_members": 1, "learning_rate": 0.05, "random_state": 0, "validation_fraction": 0.3, "dropout": 0.1}
    model = cls(hidden_layer_sizes=32, epochs=30, **options).fit(X, noise)
    best = int(np.argmin(model.validation_loss_curve_))
    assert best < 29 and model.loss_ == model.loss_curve_[best]
    shortened = cls(hidden_layer_sizes=32, epochs=best + 1, **options).fit(X, noise)
    np.testing.assert_array_equal(model.predict(X), shortened.predict(X))


@BOTH
def test_all_rows_are_learnt_from_without_early_stopping(cls, y):
    model = cls(**QUICK, early_stopping=False).fit(X, y)
    assert model.validation_loss_curve_ is None and model.best_validation_score_ is None
    assert "oof_prediction_" not in vars(model)
    assert model.loss_ == model.loss_curve_[-1]


# Rows that judge


@BOTH
@pytest.mark.parametrize("n_members", [1, 3])
def test_judging_rows_judge_and_nothing_else(cls, y, n_members):
    options = {**QUICK, "n_members": n_members}
    near = cls(**options).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    far = cls(**options).fit(X[:60], y[:60], X_val=1e3 * X[60:], y_val=y[60:])
    for first, second in zip(near.model_.layers[0].get_weights(), far.model_.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)  # the scaling has not seen them
    assert near.loss_curve_ == far.loss_curve_ and near.validation_loss_curve_ != far.validation_loss_curve_
    assert "oof_prediction_" not in vars(near)
    with pytest.raises(ConfigError, match="X_val was passed without y_val"):
        cls(**options).fit(X, y, X_val=X)


def test_judging_rows_may_not_hold_new_classes():
    with pytest.raises(DataError, match=r"`y` has classes not in `self\.classes_`"):
        NNClassifier(**QUICK).fit(X, LABELS, X_val=X, y_val=np.where(X[:, 0] > 0, "yes", "maybe"))


# Weights


@BOTH
@pytest.mark.parametrize(
    "options",
    [{}, {"n_members": 1}, {"early_stopping": False}, {"optimizer": "sgd", "alpha": 0.1}, {"shuffle": False}],
)
def test_a_weight_of_2_is_a_row_that_is_there_twice(cls, y, options):
    order = RANDOM.permutation(COUNTS.sum())
    weighted = cls(**QUICK, **options).fit(X, y, COUNTS)
    repeated = cls(**QUICK, **options).fit(np.repeat(X, COUNTS, axis=0)[order], np.repeat(y, COUNTS)[order])
    np.testing.assert_allclose(outputs(weighted, X), outputs(repeated, X), rtol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_class_weights_are_weights_of_rows():
    by_class = NNClassifier(**QUICK, class_weight={"yes": 3.0}).fit(X, LABELS)
    by_row = NNClassifier(**QUICK).fit(X, LABELS, np.where(LABELS == "yes", 3.0, 1.0))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
    counts = {label: (label == LABELS).sum() for label in ("no", "yes")}
    balanced = NNClassifier(**QUICK, class_weight="balanced").fit(X, LABELS)
    by_row = NNClassifier(**QUICK).fit(X, LABELS, np.array([40 / counts[label] for label in LABELS]))
    np.testing.assert_allclose(balanced.predict_proba(X), by_row.predict_proba(X), rtol=1e-9)
    with pytest.raises(ConfigError, match="class_weight names 'maybe', which is not a class"):
        NNClassifier(**QUICK, class_weight={"maybe": 3.0}).fit(X, LABELS)


def test_several_labels_have_class_weights_each():
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    weights = np.where(labels[:, 0], 2.0, 1.0) * np.where(labels[:, 1], 1.0, 5.0)
    given = NNClassifier(**QUICK, class_weight=[{0: 1, 1: 2}, {0: 5, 1: 1}]).fit(X, labels)
    np.testing.assert_array_equal(
        given.predict_proba(X), NNClassifier(**QUICK).fit(X, labels, weights).predict_proba(X)
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(80), "Negative values in data passed to `sample_weight`"),
        (np.zeros(80), "at least one non-zero"),
        (np.ones(79), r"sample_weight.shape == \(79,\), expected \(80,\)"),
        (np.ones((80, 2)), "must be 1D array or scalar"),
    ],
)
def test_weights_that_cannot_be(weights, message):
    with pytest.raises(ValueError, match=message):
        NNRegressor(**QUICK).fit(X, TARGET, weights)


# Going on


@BOTH
def test_warm_start_goes_on_from_the_weights(cls, y):
    model = cls(**ENOUGH, warm_start=True, n_members=2).fit(X, y)
    first, network = model.loss_curve_, [weight.value.copy() for weight in model.model_.trainable_weights]
    again = model.fit(X, y)
    assert again.loss_curve_[0] < first[0] and again.n_iter_ == 40
    assert not np.array_equal(network[0], again.model_.trainable_weights[0].value)
    cold = cls(**ENOUGH, n_members=2).fit(X, y)
    assert cold.fit(X, y).loss_curve_ == cold.loss_curve_ == first


def test_warm_start_keeps_classes_and_columns():
    model = NNClassifier(**QUICK, warm_start=True).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.fit(X, np.where(X[:, 0] > 0, "yes", "maybe"))
    with pytest.raises(ValueError, match="expecting 4 features"):
        model.fit(X[:, :3], LABELS)
    model.fit(X[LABELS == "yes"], LABELS[LABELS == "yes"])
    assert model.classes_.tolist() == ["no", "yes"]


@BOTH
def test_partial_fit_learns_in_passes(cls, y):
    model, extra = cls(hidden_layer_sizes=16, random_state=0), {"classes": ["no", "yes"]} if y is LABELS else {}
    assert model.partial_fit(X, y, **extra) is model
    assert model.n_iter_ == 1 and model.t_ == 80
    for _ in range(30):
        for part in (slice(0, 40), slice(40, 80)):
            model.partial_fit(X[part], y[part])
    assert model.score(X, y) > 0.85 and len(model.loss_curve_) == model.n_iter_ == 61
    assert "oof_prediction_" not in vars(model)
    assert model.fit(X, y).n_iter_ == 128  # again


@BOTH
def test_passes_keep_what_the_optimizer_remembers_and_a_constant_rate(cls, y):
    rates = Rates()
    model = cls(hidden_layer_sizes=8, random_state=0, n_members=1, callbacks=rates)
    seen = []
    for _ in range(3):
        model.partial_fit(X, y, **({"classes": ["no", "yes"]} if y is LABELS else {}))
        seen += rates.seen
    assert len(set(seen)) == 1 and rates.model.optimizer.iterations == 9


@BOTH
def test_the_number_of_members_stays_while_training_goes_on(cls, y):
    extra = {"classes": ["no", "yes"]} if y is LABELS else {}
    for first, then, members in ((slice(0, 80), slice(0, 12), 5), (slice(0, 12), slice(0, 80), 1)):
        model = cls(**QUICK).partial_fit(X[first], y[first], **extra).partial_fit(X[then], y[then])
        assert model.n_members_ == members and model.t_ == 92
        model.set_params(warm_start=True).fit(X[then], y[then])
        assert model.n_members_ == members


@BOTH
@pytest.mark.parametrize("online", [False, True])
def test_a_failure_while_training_goes_on_changes_nothing(cls, y, online):
    fits = []
    for fails in (False, True):
        model = cls(**QUICK, warm_start=True)
        extra = {"classes": ["no", "yes"]} if y is LABELS else {}
        train = (lambda model=model, extra=extra: model.partial_fit(X, y, **extra)) if online else model.fit
        arguments = () if online else (X, y)
        train(*arguments)
        before = outputs(model, X)
        if fails:
            with pytest.raises(ZeroDivisionError):
                model.set_params(callbacks=LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0))
                train(*arguments)
            np.testing.assert_array_equal(outputs(model, X), before)
            model.set_params(callbacks=None)
        train(*arguments)
        fits.append(outputs(model, X))
    np.testing.assert_array_equal(*fits)


def test_the_number_of_members_cannot_change_while_training_goes_on():
    model = NNClassifier(**QUICK, warm_start=True, n_members=3).fit(X, LABELS)
    with pytest.raises(ConfigError, match="has 3 members and n_members=2: pass n_members=3"):
        model.set_params(n_members=2).fit(X, LABELS)
    with pytest.raises(ConfigError, match="trains a single network"):
        model.set_params(n_members="auto", optimizer="lbfgs").fit(X, LABELS)
    assert model.n_members_ == 3


@BOTH
def test_later_passes_fill_gaps_as_predictions_do(cls, y):
    extra = {"classes": ["no", "yes"]} if y is LABELS else {}
    gaps, filled = X.copy(), X.copy()
    gaps[3:9, 1], filled[3:9, 1] = np.nan, np.median(X[:, 1])
    first, second = (cls(**QUICK).partial_fit(X, y, **extra).partial_fit(later, y) for later in (gaps, filled))
    np.testing.assert_array_equal(outputs(first, X), outputs(second, X))


def test_rules_of_partial_fit():
    with pytest.raises(ConfigError, match="classes must be passed on the first call to partial_fit"):
        NNClassifier().partial_fit(X, LABELS)
    model = NNClassifier(**QUICK).partial_fit(X[:10], LABELS[:10], classes=["no", "yes", "maybe"])
    assert model.predict_proba(X).shape == (80, 3) and model.classes_.tolist() == ["maybe", "no", "yes"]
    with pytest.raises(ConfigError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, LABELS, classes=["no", "yes"])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X, np.where(X[:, 0] > 0, "yes", "never"))


# What is known afterwards


@BOTH
def test_attributes_after_fit(cls, y):
    model = cls(**QUICK).fit(X, y)
    assert model.n_iter_ == 6 and model.t_ == 480 and model.n_features_in_ == 4
    assert model.loss_curve_ == model.history_["loss"] and model.validation_loss_curve_ == model.history_["val_loss"]
    assert model.best_loss_ == min(model.loss_curve_) and model.loss_ in model.loss_curve_
    assert model.best_validation_score_ == max(model.validation_scores_) and len(model.validation_scores_) == 6
    assert model.n_outputs_ == (2 if cls is NNClassifier else 1)


@BOTH
def test_same_random_state_same_fit(cls, y):
    first, again, other = (cls(**{**QUICK, "random_state": seed}).fit(X, y) for seed in (3, 3, 4))
    assert first.history_ == again.history_ != other.history_
    np.testing.assert_array_equal(first.predict(X), again.predict(X))
    generators = [np.random.RandomState(5) for _ in range(2)]
    fits = [cls(**{**QUICK, "random_state": generator}).fit(X, y) for generator in generators]
    assert fits[0].history_ == fits[1].history_ != fits[0].fit(X, y).history_


@BOTH
def test_the_order_of_the_rows_is_nothing(cls, y):
    order = RANDOM.permutation(80)
    np.testing.assert_array_equal(cls(**QUICK).fit(X, y).predict(X), cls(**QUICK).fit(X[order], y[order]).predict(X))


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (False, 0), (1, 2), (True, 2), (5, 2)])
def test_verbose(verbose, lines, capsys):
    NNClassifier(hidden_layer_sizes=4, epochs=2, verbose=verbose).fit(X, LABELS)
    assert capsys.readouterr().out.count("val_loss") == lines


def test_batches(capsys):
    NNRegressor(epochs=1, batch_size=25, verbose=2, n_members=1, early_stopping=False).fit(X, TARGET)
    assert "4/4 - 0s - " in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_is_an_error():
    with pytest.raises(DataError, match="the loss became nan in training: lower the learning_rate"):
        NNClassifier(**QUICK, optimizer="sgd", learning_rate=1e30).fit(X, LABELS)


def test_layers_with_a_memory_of_their_own_are_trained():
    layers = [Dense(8, "relu"), BatchNormalization(momentum=0.5)]
    model = NNClassifier(layers=layers, learning_rate=0.03, epochs=20, random_state=0).fit(X, LABELS)
    assert model.score(X, LABELS) > 0.8
