"""Wrong use in Python: each case gives one error of the right class that names place, offender and remedy."""

import numpy as np
import pytest
from test_sequential import CLASSES, T, X, batches_of, classifier, fit, regression

from nnlite import Input, Sequential
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import Dense, Normalization


def fitted():
    model = classifier()
    fit(model, y=CLASSES)
    return model


def nan_at(row, column):
    broken = X.copy()
    broken[row, column] = np.nan
    return broken


def frame_with_text():
    return pytest.importorskip("pandas").DataFrame({"a": ["red", "blue"], "b": [1.0, 2.0]})


BAD = {
    # construction
    "unknown layer": (ConfigError, "unknown layer 'Dens'; did you mean 'Dense'?", lambda: Sequential(["Dens"])),
    "unknown layer argument": (
        ConfigError,
        r"layers\[0\].*Dense.*unit: unknown argument 'unit'; did you mean 'units'?",
        lambda: Sequential([{"Dense": {"unit": 3}}]),
    ),
    "missing layer argument": (ConfigError, "missing argument 'units'", lambda: Sequential(["Dense"])),
    "wrong type": (ConfigError, "Dense.units: expected an integer, got 2.5", lambda: Dense(2.5)),
    "not a layer": (ConfigError, "expected a layer: .* got 3", lambda: Sequential([3])),
    "Input in the middle": (ConfigError, "Input must come first", lambda: Sequential([Dense(1), Input((3,))])),
    "same name twice": (
        ConfigError,
        "there is a layer named 'a' already",
        lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")]),
    ),
    "pop from nothing": (ConfigError, "no layer to pop", lambda: Sequential().pop()),
    "get_layer": (ConfigError, "named 'dens'; did you mean 'dense'?", lambda: fitted().get_layer("dens")),
    "get_layer by index": (ConfigError, "no layer 2; the model has 2", lambda: fitted().get_layer(index=2)),
    "negative seed": (ConfigError, "Sequential.seed: must be >= 0, got -1", lambda: Sequential(seed=-1)),
    "number of weights": (ShapeError, "has 4 weights, got 1", lambda: fitted().set_weights([X])),
    "shape of weights": (
        ShapeError,
        r"weight 'kernel' has the shape \(3, 4\), got \(1, 1\)",
        lambda: fitted().set_weights([np.ones((1, 1)), *fitted().get_weights()[1:]]),
    ),
    # compile
    "unknown optimizer": (ConfigError, "optimizer.* 'adm'; did you mean 'Adam'?", lambda: classifier(optimizer="adm")),
    "unknown optimizer argument": (
        ConfigError,
        "optimizer.*unknown argument 'rate'",
        lambda: classifier(optimizer={"Adam": {"rate": 1}}),
    ),
    "unknown loss": (
        ConfigError,
        "unknown loss 'mean_square_error'; did you mean",
        lambda: classifier("mean_square_error"),
    ),
    "unknown metric": (
        ConfigError,
        "metrics.*'acuracy'; did you mean 'accuracy'?",
        lambda: classifier(metrics=["acuracy"]),
    ),
    # arguments of fit
    "fit before compile": (NotReadyError, "call compile.* before fit", lambda: fit(Sequential([Dense(2)]))),
    "evaluate before compile": (NotReadyError, "before evaluate", lambda: Sequential([Dense(2)]).evaluate(X, T)),
    "no layers": (NotReadyError, "needs at least one layer", lambda: empty_fit()),
    "epochs": (ConfigError, "fit.epochs: expected an integer, got 'a'", lambda: fit(regression(), epochs="a")),
    "batch size": (ConfigError, "fit.batch_size: must be >= 1, got 0", lambda: fit(regression(), batch_size=0)),
    "verbose": (ConfigError, "fit.verbose: ", lambda: regression().fit(X, T, verbose=3)),
    "validation_split": (
        ConfigError,
        r"fit.validation_split: must be in \[0, 1\), got 1.5",
        lambda: fit(regression(), validation_split=1.5),
    ),
    "unknown callback": (
        ConfigError,
        r"fit.callbacks\[0\]: unknown callback 'EarlyStoping'; did you mean 'EarlyStopping'?",
        lambda: fit(regression(), callbacks=["EarlyStoping"]),
    ),
    "split of batches": (
        ConfigError,
        "validation_split needs arrays",
        lambda: fit(regression(), batches_of(10), None, validation_split=0.2),
    ),
    "monitor of nothing": (
        ConfigError,
        "monitors 'val_loss', which this run does not log; available: loss. Pass validation_data",
        lambda: fit(regression(), callbacks=["EarlyStopping"]),
    ),
    # inputs
    "NaN": (DataError, "x holds nan in row 7, column 2", lambda: fit(regression(), nan_at(7, 2))),
    "NaN at predict": (DataError, "x holds nan in row 7, column 2", lambda: fitted().predict(nan_at(7, 2), verbose=0)),
    "infinite": (DataError, "x holds inf in row 0, column 0", lambda: fit(regression(), X * 0 + np.inf)),
    "text": (DataError, "needs numbers, column 'a' holds", lambda: fit(regression(), frame_with_text(), [1, 2])),
    "complex": (DataError, "x holds complex numbers", lambda: fit(regression(), X + 1j)),
    "no rows": (DataError, "no examples: x has 0 rows", lambda: fit(regression(), X[:0], T[:0])),
    "no rows to predict": (DataError, "no examples", lambda: fitted().predict(X[:0], verbose=0)),
    "other features": (
        ShapeError,
        r"was built for inputs of shape \(None, 3\), got \(50, 2\)",
        lambda: fitted().predict(X[:, :2], verbose=0),
    ),
    "other features in validation": (
        ShapeError,
        r"shape \(None, 3\), got \(50, 2\)",
        lambda: fit(regression(), validation_data=(X[:, :2], T)),
    ),
    "no features": (ShapeError, "layer 'dense' .* needs inputs of shape", lambda: fit(regression(), X[:, 0], T)),
    "not adapted in the bare step": (
        NotReadyError,
        "does not know its data yet",
        lambda: regression(Input((3,)), Normalization(), Dense(2)).train_step(X, T),
    ),
    "not adapted": (
        NotReadyError,
        r"'normalization' \(Normalization\) does not know its data yet: call model.adapt",
        lambda: fit(regression(Normalization(), Dense(2))),
    ),
    # targets
    "no targets": (DataError, "targets are missing", lambda: regression().fit(X, verbose=0)),
    "lengths": (ShapeError, "x has 50 rows, y has 49", lambda: fit(regression(), X, T[:-1])),
    "NaN in y": (DataError, "targets hold .* row 3", lambda: fit(regression(), y=np.where(T[3, 0] == T, np.nan, T))),
    "text in y": (DataError, "needs numbers as targets.* encode labels", lambda: fit(fitted(), y=["a"] * 50)),
    "label too large": (
        DataError,
        "targets hold class 4, but the model has 3 outputs: 0 to 2",
        lambda: fit(fitted(), y=4 * CLASSES),
    ),
    "negative label": (DataError, "targets hold class -1", lambda: fit(fitted(), y=CLASSES - 1)),
    "label with a fraction": (DataError, "integers as targets", lambda: fit(fitted(), y=CLASSES + 0.5)),
    "binary label": (
        DataError,
        r"BinaryCrossentropy needs targets in \[0, 1\], got 2",
        lambda: fit(classifier("binary_crossentropy", 1, "sigmoid"), y=CLASSES),
    ),
    "one-hot for sparse": (ShapeError, "one-hot targets go with", lambda: fit(fitted(), y=np.eye(3)[CLASSES])),
    "sparse for one-hot": (
        ShapeError,
        r"needs targets of shape \('batch', 3\), as the outputs, got \(50,\)",
        lambda: fit(classifier("categorical_crossentropy"), y=CLASSES),
    ),
    "one column for two": (ShapeError, r"\('batch', 2\), .* got \(50,\)", lambda: fit(regression(), y=T[:, 0])),
    "two columns for one": (ShapeError, r"\('batch', 1\), .* got \(50, 2\)", lambda: fit(regression(Dense(1)), y=T)),
    "a square": (
        ShapeError,
        r"\('batch', 1\), .* got \(50, 50\)",
        lambda: fit(regression(Dense(1)), y=np.ones((50, 50))),
    ),
    # weights
    "weight lengths": (
        ShapeError,
        r"sample_weight has shape \(49,\); 50 samples need \(50,\)",
        lambda: fit(regression(), sample_weight=np.ones(49)),
    ),
    "weight shape": (
        ShapeError,
        r"sample_weight has shape \(50, 3\); 50 samples need \(50,\)",
        lambda: fit(regression(), sample_weight=np.ones((50, 3))),
    ),
    "NaN weight": (
        DataError,
        "finite numbers, one for each of 50 rows",
        lambda: fit(regression(), sample_weight=np.full(50, np.nan)),
    ),
    "text weight": (DataError, "got <U1 of shape", lambda: fit(regression(), sample_weight=["a"] * 50)),
    "class_weight of an unknown class": (
        ConfigError,
        "class_weight names class 7; the classes are 0 to 2",
        lambda: fit(classifier(), y=CLASSES, class_weight={7: 2.0}),
    ),
    "class_weight by name": (
        ConfigError,
        "class_weight names class 'cat'; the classes are 0 to 1",
        lambda: fit(classifier("binary_crossentropy", 1, "sigmoid"), y=CLASSES > 0, class_weight={"cat": 2.0}),
    ),
    "class_weight of text": (
        ConfigError,
        r"class_weight\[1\]: expected a number, got 'much'",
        lambda: fit(classifier(), y=CLASSES, class_weight={1: "much"}),
    ),
    "class_weight of a regression": (
        ConfigError,
        "those for MeanSquaredError are other numbers",
        lambda: fit(regression(), class_weight={1: 2.0}),
    ),
    "sample_weight beside batches": (
        ConfigError,
        "sample_weight needs arrays",
        lambda: fit(regression(), batches_of(10), None, sample_weight=np.ones(50)),
    ),
    # batches
    "parts of a batch": (
        DataError,
        r"a batch must be x, .* got 4 parts",
        lambda: fit(regression(), [(X, T, None, T)], None),
    ),
    "predict of an empty list": (DataError, "no examples", lambda: fitted().predict([], verbose=0)),
    "predict of an empty array": (
        DataError,
        "no examples",
        lambda: fitted().predict(np.array([]), verbose=0),
    ),
    "fit to empty lists": (DataError, "no examples", lambda: regression().fit([], [], verbose=0)),
    "no batches": (DataError, "the iterable of batches is empty", lambda: fit(regression(), iter([]), None)),
    "stratify a lone class": (
        DataError,
        "cannot be stratified: of 2 classes each needs a row in both parts, and class 1 has 1 in all",
        lambda: fit(fitted(), y=np.arange(50) == 7, validation_split=0.2, stratify=True),
    ),
    "tiny split": (
        DataError,
        "validation_split=0.99 of 50 rows leaves 50 for validation",
        lambda: fit(regression(), validation_split=0.99),
    ),
    "stratify numbers": (
        DataError,
        "^validation_split=0.2 of 50 rows cannot be stratified: of 50 classes .{1,100}$",
        lambda: fit(regression(Dense(1)), y=T[:, :1], validation_split=0.2, stratify=True),
    ),
}


def empty_fit():
    model = Sequential()
    model.compile("adam", "mse")
    return fit(model)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gives_one_clear_error(case):
    error, message, call = BAD[case]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_model_survives_bad_input():
    model, untouched = regression(), regression()
    with pytest.raises(ShapeError):
        fit(model, X[:, 0], T)
    with pytest.raises(ShapeError):
        fit(model, X, T[:, 0])
    assert fit(model) == fit(untouched)
