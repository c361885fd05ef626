"""What optimizers remember, and functions in graphs, in `.keras` files that nnlite writes: Keras goes on from there."""

import json
import warnings
import zipfile

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, ops
from nnlite.errors import ModelFileError
from nnlite.foreign import compile_document, load_keras, optimizer_state, optimizer_variables
from nnlite.layers import LSTM, BatchNormalization, Dense
from nnlite.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Nadam,
    RMSprop,
)
from nnlite.optimizers.schedules import ExponentialDecay

pytest.importorskip("h5py")

generator = np.random.default_rng(0)
X = generator.normal(size=(24, 5, 3)).astype(np.float32)
Y = generator.normal(size=(24, 2)).astype(np.float32)
OPTIMIZERS = {
    "sgd": lambda: SGD(0.05, momentum=0.9),
    "plain sgd": lambda: SGD(0.05),
    "rmsprop": lambda: RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda: Adam(0.01, amsgrad=True, use_ema=True),
    "adamw": lambda: AdamW(0.01),
    "adadelta": lambda: Adadelta(0.5),
    "adagrad": lambda: Adagrad(0.1),
    "adamax": lambda: Adamax(0.01),
    "nadam": lambda: Nadam(0.01),
    "ftrl": lambda: Ftrl(0.1),
    "lion": lambda: Lion(0.01),
    "lamb": lambda: Lamb(0.01),
    "schedule": lambda: Adam(ExponentialDecay(0.01, 3, 0.5)),
}


def trained(optimizer):
    given = Input((5, 3))
    model = Model(given, Dense(2)(BatchNormalization()(LSTM(4)(given))), seed=1)
    model.compile(optimizer(), "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_memory_in_the_order_of_keras_is_read_back(name):
    model = trained(OPTIMIZERS[name])
    packs, parameters = model.trainer.ready_steps().store.packs, model.trainable_weights
    variables = optimizer_variables(model.optimizer, parameters, packs)
    assert list(variables) == [f"optimizer/vars/{number}" for number in range(len(variables))]
    state = optimizer_state(model.optimizer, list(variables.values()), parameters, packs)
    expected = model.optimizer.get_state()
    assert state["iterations"] == expected["iterations"] == 6
    for own, other in zip(state["slots"], expected["slots"], strict=True):
        assert own.keys() == other.keys()
        for key in own:
            np.testing.assert_allclose(own[key], other[key], rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_goes_on_where_nnlite_stopped(name, tmp_path):
    keras = pytest.importorskip("keras")
    model = trained(OPTIMIZERS[name])
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        twin = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, twin):
        one.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(twin.predict(X, verbose=0), model.predict(X, verbose=0), atol=2e-5)
    assert len(twin.evaluate(X, Y, verbose=0)) == 2


def test_what_keras_has_no_word_for_leaves_the_model_uncompiled(tmp_path):
    model = trained(lambda: Adafactor(0.01))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelFileError, match="another meaning"):
        optimizer_variables(model.optimizer, model.trainable_weights, model.trainer.ready_steps().store.packs)
    assert load_keras(tmp_path / "model.keras").optimizer == []
    assert compile_document({"optimizer": "Adam", "loss": "Gamma"}) is None
    document = compile_document({"optimizer": "Adam", "loss": {"a": "mse"}, "metrics": ["accuracy", "mae"]})
    assert document["loss"]["a"]["class_name"] == "MeanSquaredError" and document["metrics"][0] == "accuracy"


def drawn():
    left, right = Input((4,), name="left"), Input((4,), name="right")
    both = left + Dense(4, activation="gelu")(left)
    table = ops.reshape(ops.concatenate([both, both * 2.0], axis=-1), (-1, 2, 4))
    ends = [both[:, :2], 1 - both, ops.where(left > 0, left, right), ops.sum(table, axis=-1, keepdims=True)]
    ends += [ops.matmul(table, ops.transpose(table, (0, 2, 1))), ops.einsum("bij,bkj->bik", table, table)]
    ends += [ops.stack([left, right], axis=1), ops.clip(left, 0, 1), ops.softmax(both, axis=-1), ops.max(table, axis=1)]
    return Model([left, right], ends, seed=0)


def test_functions_in_graphs_are_written_and_read(tmp_path):
    model, data = drawn(), [X[:, 0, :1] * np.ones(4, np.float32), X[:, 1, :1] * np.arange(4, dtype=np.float32)]
    model.save(tmp_path / "model.keras")
    expected = model.predict(data, verbose=0)
    for twin in (nnlite.load_model(tmp_path / "model.keras"), load_keras(tmp_path / "model.keras").model):
        for own, other in zip(twin.predict(data, verbose=0), expected, strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        described = json.loads(archive.read("config.json"))["config"]["layers"]
    kinds = {one["name"]: (one["module"], one["class_name"]) for one in described}
    assert kinds["getitem"] == ("keras.src.ops.numpy", "GetItem")
    keras = pytest.importorskip("keras")
    for own, other in zip(
        keras.models.load_model(tmp_path / "model.keras").predict(data, verbose=0), expected, strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


def test_functions_that_keras_lacks_are_refused(tmp_path):
    given = Input((4,))
    model = Model(given, ops.getitem(given, (slice(None), slice(0, 2))))
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if "nnlite" not in name}
    parts["config.json"] = parts["config.json"].replace(b'"GetItem"', b'"Conjure"')
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ModelFileError, match="nothing like 'Conjure'"):
        load_keras(tmp_path / "other.keras")
