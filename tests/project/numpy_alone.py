"""What `test_numpy_alone.py` runs in a process of its own, where nothing but NumPy can be imported."""

import contextlib
import io
import pydoc
import sys
from pathlib import Path

BLOCKED = ("sklearn", "scipy", "pandas", "yaml", "safetensors", "numba", "llvmlite", "threadpoolctl", "PIL")
BLOCKED += ("matplotlib", "joblib", "narwhals", "mpmath", "torch")


class Blocker:
    """Says of the blocked libraries that they are not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())
FOLDER = Path(sys.argv[-1])

import numpy as np  # noqa: E402
from layers.cases import CASES  # noqa: E402

import nnlite  # noqa: E402
from nnlite import Input, Model, Sequential, check, load_model, metrics, ops  # noqa: E402
from nnlite.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau  # noqa: E402
from nnlite.errors import ConfigError, MissingLibraryError  # noqa: E402
from nnlite.initializers import Initializer  # noqa: E402
from nnlite.layers import BatchNormalization, Conv1D, Dense, Dropout, Identity, Layer, Normalization, RepeatVector  # noqa: E402
from nnlite.losses import Loss  # noqa: E402
from nnlite.metrics import Metric  # noqa: E402
from nnlite.optimizers import FullBatchOptimizer, Optimizer  # noqa: E402
from nnlite.registry import register_function  # noqa: E402


class Terminal(io.StringIO):
    """An output that is a terminal, where a progress bar would be drawn."""

    def isatty(self):
        return True


def digits() -> tuple[np.ndarray, np.ndarray]:
    """500 noisy pictures of 8 x 8 of ten shapes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 500)
    return random.integers(0, 17, (10, 64))[labels] + random.normal(0, 3, (500, 64)), labels


def test_a_classifier():
    x, y = digits()
    layers = [Normalization(), Dense(32, "gelu"), BatchNormalization(), Dropout(0.1), Dense(10, "softmax")]
    model = Sequential([Input((64,)), *layers], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.adapt(x)
    callbacks = [
        EarlyStopping(patience=3, restore_best_weights=True, verbose=1),
        ModelCheckpoint(str(FOLDER / "best.safetensors"), save_best_only=True, monitor="val_loss", verbose=1),
        ReduceLROnPlateau(patience=1, verbose=1),
        CSVLogger(str(FOLDER / "history.csv")),
    ]
    options = {"validation_split": 0.2, "stratify": True, "class_weight": {3: 2.0}, "callbacks": callbacks}
    terminal = Terminal()
    with contextlib.redirect_stdout(terminal):
        history = model.fit(x, y, epochs=12, verbose=1, **options)
        loss, accuracy = model.evaluate(x, y)
    text = terminal.getvalue()
    assert "Epoch 1/12\n" in text and "saving model to" in text and "\r13/13 ━━━━━━━━━━━━━━━━━━━━ 0s" in text, text
    assert accuracy > 0.9 and np.isfinite(loss)
    assert len((FOLDER / "history.csv").read_text().splitlines()) == len(history.epoch) + 1
    predictions = model.predict(x, verbose=0)
    model.save(FOLDER / "model.safetensors")
    for path in ("model.safetensors", "best.safetensors"):
        np.testing.assert_array_equal(load_model(FOLDER / path).predict(x, verbose=0).shape, predictions.shape)
    loaded = load_model(FOLDER / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), predictions)
    np.testing.assert_allclose(model.compile_predict()(x), predictions, atol=1e-5)
    assert loaded.fit(x, y, epochs=1, verbose=0).history == model.fit(x, y, epochs=1, verbose=0).history


def test_every_layer():
    for case in CASES:
        layer = case.build()
        if not layer.adapted:
            layer.adapt(np.random.default_rng(0).normal(size=(6, *case.shape[1:])))
        inputs = case.prepared()[1]
        if case.several:
            symbols = tuple(Input(shape[1:]) for shape in case.shapes)
            model = Model(symbols, layer(symbols), seed=0)
            inputs = inputs if len(inputs) > 1 else inputs[0]
        else:
            start = [] if isinstance(layer, Input) else [Input(case.shape[1:])]
            model = Sequential([*start, layer, Identity()], seed=0)
        model.compile("sgd", "mse")
        predictions = model.predict(inputs, verbose=0)
        model.reset_states()
        model.save(FOLDER / "layer.safetensors")
        loaded = load_model(FOLDER / "layer.safetensors")
        np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), predictions, str(case))
        loaded.reset_states()
        if predictions.ndim == 1:  # no loss takes one number per example without an axis of units
            continue
        losses = [each.fit(inputs, np.zeros_like(predictions), verbose=0).history["loss"] for each in (model, loaded)]
        assert np.isfinite(losses).all() and losses[0] == losses[1], case
    assert {case.layer for case in CASES} == set(Layer.members())


# Arguments of metrics that have none to go without.
NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "MeanMetricWrapper": {"fn": metrics.mean_squared_error},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}


@register_function
def quartic(y_true, y_pred):
    """A loss of a user's own."""
    return ops.mean((y_pred - y_true) ** 4, axis=-1)


def test_every_loss_optimizer_metric_and_initializer():
    random = np.random.default_rng(1)
    x, classes = random.normal(size=(40, 5)), random.integers(0, 3, 40)
    targets = {"sparse": classes, "categorical": np.eye(3)[classes], "binary": np.eye(3)[classes]}
    targets["regression"] = 1 + targets["binary"]  # for losses that divide by them
    spellings = np.stack([1 + classes % 2, classes % 2], axis=1)  # rows of one label or two, for sequences
    for name, loss in Loss.members().items():
        kind = loss.target_kind
        for optimizer, made in Optimizer.members().items():
            if issubclass(made, FullBatchOptimizer) and made.needs_squares and name != "MeanSquaredError":
                continue
            last = {"binary": "sigmoid", "regression": "softplus"}.get(kind, "softmax")
            units = 6 if name == "GaussianNLL" else 3
            steps = [RepeatVector(4)] if name == "CTC" else []
            model = Sequential([Input((5,)), *steps, Dense(6, "gelu"), Dense(units, last)], seed=0)
            inside = {
                "LossScaleOptimizer": {"inner_optimizer": "adam"},
                "MultiOptimizer": {"optimizer_map": {"default_optimizer": "adam"}},
            }
            spec = {optimizer: inside[optimizer]} if optimizer in inside else optimizer
            model.compile(spec, loss(quartic) if name == "FunctionLoss" else name)
            wanted = spellings if name == "CTC" else targets[kind]
            history = model.fit(x, wanted, epochs=3, validation_split=0.2, verbose=0)
            assert np.isfinite(history.history["val_loss"]).all(), (name, optimizer)
            model.save(FOLDER / "optimizer.safetensors")
            assert load_model(FOLDER / "optimizer.safetensors").optimizer.get_config() == model.optimizer.get_config()
    for name, metric in Metric.members().items():
        if name == "SklearnMetric":  # scikit-learn computes it: see test_what_needs_a_library_says_which
            continue
        if name in ("Mean", "Sum"):  # of values: no metrics of a model
            total = metric()
            total.update_state(x)
            np.testing.assert_allclose(total.result(), x.mean() if name == "Mean" else x.sum())
            continue
        sparse = name.startswith("Sparse") or name in ("IoU", "MeanIoU")
        model = Sequential([Input((5,)), Dense(3, "softmax")], seed=0)
        model.compile("sgd", "sparse_categorical_crossentropy" if sparse else "mse", [metric(**NEEDED.get(name, {}))])
        values = model.evaluate(x, classes if sparse else np.eye(3)[classes], verbose=0)
        assert all(np.isfinite(value).all() for value in values) and len(values) == 2, name
    needed = {
        "Constant": {"value": 0.5},
        "STFTInitializer": {"side": "real"},
        "FunctionInitializer": {"function": np.ones},
    }
    for initializer in Initializer.members():
        spec = {initializer: needed.get(initializer, {})}
        # An STFTInitializer makes kernels of one shape: (frame length, 1, frequencies).
        layer = Conv1D(3, 4, kernel_initializer=spec) if "STFT" in initializer else Dense(4, kernel_initializer=spec)
        assert np.isfinite(Sequential([Input((5, 1)), layer], seed=0).predict(np.ones((2, 5, 1)), verbose=0)).all()


def test_derivatives():
    model = Sequential([Input((4,)), Dense(3, "gelu"), Dense(2, "softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 2
    assert model.predict(x, verbose=0, return_jacobian=True)[1].shape == (6, 2, 4)
    report = check.check_layer(Dense(3, "gelu"), (2, 4))
    assert report.ok, report
    assert np.isfinite(model.hvp(x, y, [np.ones(weight.shape) for weight in model.trainable_weights])[0]).all()


def test_what_needs_a_library_says_which():
    def bundled():
        from nnlite.data import SklearnDataset

        SklearnDataset("iris").load("auto")

    remedies = {
        "pip install scikit-learn": [lambda: nnlite.NNClassifier, bundled, lambda: metrics.SklearnMetric("accuracy")],
        "pip install pyyaml": [lambda: __import__("nnlite.experiment"), lambda: check.check_config("a.yaml")],
        r"pip install threadpoolctl": [lambda: nnlite.set_threads(1)],
        'pip install "nnlite[fast]"': [lambda: nnlite.kernels.use("numba")],
        'pip install "nnlite[plot]"': [lambda: nnlite.plots.saliency(picture_model(), np.ones((1, 3, 3)))],
    }
    for remedy, calls in remedies.items():
        for call in calls:
            try:
                call()
            except ConfigError as error:
                assert remedy in str(error), error
                assert isinstance(error, MissingLibraryError) or "threadpoolctl" in remedy or "fast" in remedy
            else:
                raise AssertionError(f"nobody said: {remedy}")


def test_what_needs_a_library_is_not_listed():
    names = {}
    exec("from nnlite import *", names)
    assert {"Sequential", "load_model"} <= names.keys() and "NNClassifier" not in names
    assert "layers" in dir(nnlite) and not {"NNRegressor", "documents", "estimators", "experiment"} & set(dir(nnlite))
    assert "class Sequential" in pydoc.render_doc(nnlite, renderer=pydoc.plaintext)


def picture_model():
    from nnlite.layers import Flatten

    return Sequential([Input((3, 3)), Flatten(), Dense(2)], seed=0)


if __name__ == "__main__":
    for test in [value for name, value in list(globals().items()) if name.startswith("test_")]:
        test()
        print(test.__name__, "passed")
    loaded_libraries = sorted({name.split(".")[0] for name in sys.modules} & set(BLOCKED))
    assert not loaded_libraries, loaded_libraries
    print("all passed")
