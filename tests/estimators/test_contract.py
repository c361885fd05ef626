"""scikit-learn's own checks, and what it expects of estimators besides."""

import gc
import os
import pickle
import threading
import tracemalloc

import numpy as np
import pytest
import sklearn
from quick import BOTH, LABELS, QUICK, TARGET, X, outputs
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from nnlite import NNAutoencoder, NNClassifier, NNEmbedder, NNRegressor, NNTransformer
from nnlite.callbacks import LambdaCallback
from nnlite.errors import ConfigError
from nnlite.layers import Dense, RobustScaling
from nnlite.losses import Huber
from nnlite.optimizers import SGD, Adam

# Some checks want good predictions, which take 8 epochs; all epochs of the defaults take minutes in all.
CHECKED = [
    cls(**{"hidden_layer_sizes": 32, "epochs": 8, **options})
    for cls in (NNClassifier, NNRegressor)
    for options in (
        {"hidden_layer_sizes": (128, 128, 128), "epochs": 5},
        {"early_stopping": False},
        {"hidden_layer_sizes": (128, 128, 128), "n_members": 1},
        {"hidden_layer_sizes": 4, "optimizer": "lbfgs"},
    )
]


@parametrize_with_checks(CHECKED)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.skipif("NNLITE_SLOW_TESTS" not in os.environ, reason="9 minutes; NNLITE_SLOW_TESTS=1 runs it")
@pytest.mark.parametrize("estimator", [NNClassifier(), NNRegressor(), NNTransformer(), NNAutoencoder(), NNEmbedder()])
def test_checks_of_scikit_learn_with_the_defaults(estimator):
    check_estimator(estimator)


def test_tags():
    classifier, regressor = get_tags(NNClassifier()), get_tags(NNRegressor())
    assert is_classifier(NNClassifier()) and is_regressor(NNRegressor())
    for tags in (classifier, regressor):
        assert tags.input_tags.sparse and tags.input_tags.allow_nan
        assert tags.input_tags.string and tags.input_tags.categorical
        assert tags.target_tags.required and not tags.non_deterministic and not tags.no_validation
    assert classifier.classifier_tags.multi_class and classifier.classifier_tags.multi_label
    assert regressor.target_tags.multi_output and not classifier.target_tags.multi_output


def test_metadata_that_can_be_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = NNClassifier().set_fit_request(sample_weight=True, X_val=True, y_val=True)
        assert model.get_metadata_routing().fit.requests == {"sample_weight": True, "X_val": True, "y_val": True}
        model.set_partial_fit_request(classes=True, sample_weight=False).set_score_request(sample_weight=True)
    for method in ("predict", "predict_proba"):  # what to return besides is no metadata
        assert getattr(NNClassifier().get_metadata_routing(), method).requests == {}
        assert f"set_{method}_request" not in dir(NNClassifier())
    assert "set_predict_request" not in dir(NNRegressor())


def test_parameters_of_parameters():
    model = NNRegressor(layers=[Dense(4, "relu"), "Dropout"], optimizer=SGD(0.1), loss=Huber())
    parameters = model.get_params()
    assert parameters["layers__0__units"] == 4 and parameters["optimizer__learning_rate"] == 0.1
    assert parameters["loss__delta"] == 1.0 and "layers__0__units" not in model.get_params(deep=False)
    layer, optimizer = model.layers[0], model.optimizer
    model.set_params(layers__0__units=7, optimizer__learning_rate=0.2, loss__delta=2.0, epochs=3)
    assert (model.layers[0].units, model.optimizer.learning_rate, model.loss.delta, model.epochs) == (7, 0.2, 2.0, 3)
    assert (layer.units, optimizer.learning_rate) == (4, 0.1)  # which others may share
    assert clone(model).layers[0].units == 7
    assert isinstance(NNRegressor().set_params(optimizer__beta_1=0.8).optimizer, Adam)
    assert NNRegressor().set_params(optimizer="sgd", optimizer__momentum=0.5).optimizer.momentum == 0.5
    assert (
        NNRegressor(optimizer={"SGD": {"momentum": 0.1}}).set_params(optimizer__nesterov=True).optimizer.momentum == 0.1
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layers__0__unit", "unknown argument 'unit'; did you mean 'units'"),
        ("layers__5__units", "'layers__5__units' is not a parameter: 'layers' is a list of 1 items"),
        ("layers__units", "is not a parameter"),
        ("optimizer__lr", "unknown argument 'lr'"),
        ("optimizer__learning_rate__value", "is not a parameter"),
        ("loss__delta", "unknown loss 'auto'"),
    ],
)
def test_parameters_of_parameters_that_are_none(name, message):
    with pytest.raises(ConfigError, match=message):
        NNRegressor(layers=[Dense(4)]).set_params(**{name: 1})
    with pytest.raises(ConfigError, match="'layers' is None"):
        NNRegressor().set_params(layers__0__units=1)
    with pytest.raises(ValueError, match="Invalid parameter 'epoch'"):
        NNRegressor().set_params(epoch=1)


@BOTH
def test_representations(cls, y):
    assert repr(cls(epochs=3, optimizer=SGD(momentum=0.9))) == f"{cls.__name__}(epochs=3, optimizer=SGD(momentum=0.9))"
    page = cls(**QUICK).fit(X, y)._repr_html_()
    assert cls.__name__ in page and "epochs" in page


@BOTH
def test_pickles_of_every_protocol(cls, y):
    model = cls(**QUICK).fit(X, y)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        np.testing.assert_array_equal(outputs(pickle.loads(pickle.dumps(model, protocol)), X), outputs(model, X))


@BOTH
def test_pickled_estimators_go_on(cls, y):
    model = cls(**QUICK, layers=[Dense(3)], n_members=2).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(outputs(again, X), outputs(model, X))
    assert again.history_ == model.history_
    for own in (model, again):
        own.partial_fit(X, y)
    np.testing.assert_array_equal(outputs(again, X), outputs(model, X))
    assert pickle.loads(pickle.dumps(again.partial_fit(X, y))).n_iter_ == 8
    warm = pickle.loads(pickle.dumps(cls(**QUICK, warm_start=True).fit(X, y)))
    assert warm.fit(X, y).n_iter_ == 6


@BOTH
def test_a_state_keeps_the_scaling_in_its_model_alone(cls, y):
    model = cls(**QUICK).fit(X, y)
    assert not any(isinstance(value, RobustScaling) for value in model.__getstate__().values())
    again = pickle.loads(pickle.dumps(model))
    assert [value for value in vars(again).values() if isinstance(value, RobustScaling)] == [again.model_.layers[0]]
    plain = pickle.loads(pickle.dumps(cls(**QUICK, standardize=False).fit(X, y)))
    assert plain.partial_fit(X, y).n_iter_ == 7


@BOTH
def test_files_of_skops(cls, y):
    skops = pytest.importorskip("skops.io")
    model = cls(**QUICK).fit(X, y)
    data = skops.dumps(model)
    again = skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    np.testing.assert_array_equal(outputs(again, X), outputs(model, X))
    np.testing.assert_array_equal(outputs(again.partial_fit(X, y), X), outputs(model.partial_fit(X, y), X))


@BOTH
def test_threads_predict_the_same(cls, y):
    model = cls(**QUICK, n_members=2).fit(X, y)
    expected, wrong = [outputs(model, X[[row]]) for row in range(80)], []

    def predict():
        wrong.extend(row for row in [*range(80)] * 2 if not np.array_equal(outputs(model, X[[row]]), expected[row]))

    threads = [threading.Thread(target=predict) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_fits_leave_nothing_behind():
    model = NNClassifier(hidden_layer_sizes=4, epochs=1, n_members=2, random_state=0)

    def fits(count):
        for _ in range(count):
            clone(model).fit(X[:24], LABELS[:24]).predict(X[:2])
        gc.collect()

    fits(10)
    tracemalloc.start()
    fits(5)
    before = tracemalloc.get_traced_memory()[0]
    fits(160)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 160 * 1024  # of 1 MiB in 1,000 fits; caches that grow once weigh less in many


class Listener:
    """A callback of scikit-learn that hears of a fit, and ends it after some epochs."""

    def __init__(self, epochs=None):
        self.epochs, self.begun, self.ended = epochs, [], []

    def setup(self, estimator, context):
        self.begun.append("setup")

    def teardown(self, estimator, context):
        self.ended.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.ended.append((context.task_name, metadata))
        return self.epochs is not None and len(self.ended) == self.epochs


@pytest.mark.parametrize("options", [{}, {"n_members": 1}, {"optimizer": "lbfgs"}])
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@BOTH
def test_callbacks_of_scikit_learn_hear_of_each_epoch(cls, y, options):
    pytest.importorskip("sklearn.callback")
    listener = Listener()
    model = cls(**QUICK, **options).set_callbacks(listener).fit(X, y)
    assert listener.begun == ["setup", "fit", *["epoch"] * 6] and listener.ended[-1] == "teardown"
    losses = [metadata["loss"] for name, metadata in listener.ended[:-2]]
    assert losses == model.loss_curve_
    stopped = cls(**QUICK, **options).set_callbacks(Listener(epochs=2)).fit(X, y)
    assert stopped.n_iter_ == 2
    silent = cls(**QUICK, **options).fit(X, y)
    np.testing.assert_array_equal(silent.predict(X), model.predict(X))


def test_a_progress_bar_of_scikit_learn():
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    NNClassifier(**QUICK).set_callbacks(callback.ProgressBar()).fit(X, LABELS)


@BOTH
def test_own_callbacks(cls, y):
    seen = []
    listener = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["val_loss"]))
    model = cls(**QUICK, callbacks=[listener]).fit(X, y)
    assert seen == model.validation_loss_curve_
    assert "CSVLogger" not in repr(cls(**QUICK, callbacks="TerminateOnNaN").fit(X, y))


def test_not_fitted():
    for call in (
        NNClassifier().predict_proba,
        NNClassifier().predict,
        NNRegressor().predict,
        NNRegressor().sensitivities,
    ):
        with pytest.raises(sklearn.exceptions.NotFittedError):
            call(X)


def test_a_refused_fit_leaves_the_fitted_model():
    model = NNRegressor(**QUICK).fit(X, TARGET)
    expected = model.predict(X)
    with pytest.raises(ConfigError):
        model.set_params(epochs=0).fit(X, TARGET)
    np.testing.assert_array_equal(model.predict(X), expected)
