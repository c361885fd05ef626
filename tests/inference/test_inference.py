"""Compiled prediction: the same numbers as `predict`, from fewer steps."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.config import set_floatx
from nnlite.errors import NotReadyError, ShapeError
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    LayerNormalization,
    Normalization,
    Rescaling,
    Reshape,
    Softmax,
)

generator = np.random.default_rng(9)
X = generator.normal(size=(40, 6))


def stirred(model):
    """The model with random weights and moments, as after training."""
    for parameter in model.parameters:
        drawn = generator.normal(size=parameter.shape)
        parameter.assign(np.abs(drawn) + 0.5 if "variance" in parameter.name else drawn)
    return model


def known(mean=0.3, variance=2.0):
    return Normalization(mean=mean, variance=variance)


# Layers, and how many stages are left of them.
CHAINS = [
    ([Dense(5), Dense(3)], 2),
    ([Dense(5, "relu"), Dropout(0.5), GaussianNoise(0.1), Dense(3)], 2),
    ([Dense(5, use_bias=False), BatchNormalization(), Activation("relu"), Dense(1)], 2),
    ([Dense(5, "relu"), BatchNormalization(), Dense(3, use_bias=False)], 2),
    ([Dense(5), BatchNormalization(scale=False), Dense(3)], 2),
    ([Dense(5), BatchNormalization(center=False, epsilon=0.1), Activation("tanh")], 1),
    ([known(), Dense(4, "sigmoid"), Dense(3, "softmax")], 2),
    ([Rescaling(0.1, 2.0), known(), Dense(4, "gelu")], 1),
    ([Dense(4, "tanh"), known(), Rescaling(3.0)], 2),
    ([Dense(4, "relu"), LayerNormalization(), Dense(2), Softmax()], 3),
    ([Activation({"ReLU": {"negative_slope": 0.1}}), Dense(2, {"LeakyReLU": {"negative_slope": 0.2}})], 2),
    ([Reshape((2, 3)), Dense(4, "relu"), BatchNormalization(), Dense(2), Flatten()], 4),
    ([Sequential([Dense(4), BatchNormalization()], seed=0), Dropout(0.1), Sequential([Dense(2)], seed=0)], 2),
    ([Dense(3, {"Softmax": {"axis": -1}})], 1),
    ([Dropout(0.5)], 0),
    ([Flatten()], 1),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("layers", "stages"), CHAINS, ids=lambda value: None)
def test_equals_predict_with_fewer_stages(layers, stages, dtype):
    set_floatx(dtype)
    try:
        model = stirred(Sequential.from_config(Sequential([Input((6,)), *fresh(layers)], seed=0).get_config()))
    finally:
        set_floatx("float32")
    predictor = model.compile_predict()
    assert len(predictor.stages) == stages
    for rows in (1, 7, 40, 7):
        x = X[:rows].astype(dtype)
        found, expected = predictor(x), model.predict(x, verbose=0)
        assert found.dtype == expected.dtype
        tolerance = 2e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def fresh(layers):
    return [type(layer).get(layer.to_spec()) for layer in layers]


def test_each_call_returns_an_array_of_its_own():
    for layers in ([Dense(3, "relu"), Dense(2)], [Flatten()], [Dropout(0.5)]):
        predictor = Sequential([Input((6,)), *layers], seed=0).compile_predict(2)
        x = X[:2].astype(np.float32)
        first = predictor(x)
        kept = first.copy()
        predictor(x + 1)
        np.testing.assert_array_equal(first, kept)
        first[...] = 7
        assert (x != 7).all()


def test_weights_are_those_of_the_moment():
    for layers in ([Dense(2)], [LayerNormalization()]):
        model = Sequential([Input((6,)), *layers], seed=0)
        predictor, before = model.compile_predict(), model.predict(X, verbose=0)
        model.set_weights([value + 1 for value in model.get_weights()])
        np.testing.assert_allclose(predictor(X), before, rtol=1e-5, atol=1e-5)


def test_threads_do_not_disturb_one_another():
    model = Sequential([Input((6,)), Dense(64, "relu"), Dense(64, "relu"), Dense(2)], seed=0)
    predictor = model.compile_predict()
    batches = [generator.normal(size=(5, 6)).astype(np.float32) for _ in range(200)]
    expected = [predictor(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for found, wanted in zip(pool.map(predictor, batches), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_graphs_indices_and_lists():
    given = Input((6,))
    graph = Model(given, Dense(1)(Concatenate()([Dense(3)(given), given])), seed=0)
    np.testing.assert_array_equal(graph.compile_predict()(X), graph.predict(X, verbose=0))
    indices = generator.integers(0, 5, (4, 3))
    words = Sequential([Input((3,)), Embedding(5, 2), Flatten(), Dense(1)], seed=0)
    np.testing.assert_allclose(words.compile_predict()(indices), words.predict(indices, verbose=0), rtol=1e-6)
    chain = Sequential([Input((6,)), Dense(2)], seed=0)
    np.testing.assert_allclose(chain.compile_predict()(X[:2].tolist()), chain.predict(X[:2], verbose=0), rtol=1e-6)


def test_errors():
    predictor = Sequential([Input((6,)), Dense(2)], seed=0).compile_predict()
    for wrong in (X[:, :5], X[0], np.float32(3)):
        with pytest.raises((ShapeError, ValueError), match=r"6|array of examples"):
            predictor(wrong)
    with pytest.raises(NotReadyError, match="before it is built"):
        Sequential([Dense(2)], seed=0).compile_predict()
    with pytest.raises(NotReadyError, match="adapt"):
        Sequential([Input((6,)), Normalization(), Dense(2)], seed=0).compile_predict()


def test_many_rows_in_pieces_are_the_same():
    model = stirred(Sequential([Input((6,)), Dense(4, "relu"), LayerNormalization(), Dense(2)], seed=0))
    x = generator.normal(size=(700, 6)).astype(np.float32)
    predictor = model.compile_predict()
    np.testing.assert_allclose(predictor(x), model.predict(x, verbose=0), rtol=2e-5, atol=2e-5)
    assert predictor.rows_at_once < 700
