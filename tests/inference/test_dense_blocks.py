"""Narrow dense layers in a row predict many rows in blocks, all layers a block at a time."""

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.config import set_floatx
from nnlite.inference import dense_blocks
from nnlite.inference.dense_blocks import MANY_ROWS, DenseBlocks
from nnlite.layers import Dense, Flatten, LayerNormalization, Reshape

generator = np.random.default_rng(4)


def built(*layers, features=6, dtype="float64"):
    set_floatx(dtype)
    try:
        model = Sequential([Input((features,)), *layers], seed=0)
    finally:
        set_floatx("float32")
    for parameter in model.parameters:
        parameter.assign(generator.normal(size=parameter.shape) / 2)
    return model


def joined_counts(model):
    """How many dense layers each of the joined stages has."""
    return [len(stage.kernels) for stage in model.compile_predict().joined if isinstance(stage, DenseBlocks)]


NETS = [
    [Dense(5, "relu"), Dense(4, "tanh"), Dense(1)],
    [Dense(64, "selu"), Dense(64, "mish", use_bias=False), Dense(3, "softmax")],
    [Dense(64, "gelu", use_bias=False), Dense(2, {"LeakyReLU": {"negative_slope": 0.2}})],
    [Dense(3), Dense(60, "sigmoid")],
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETS, ids=lambda layers: f"{len(layers)} layers")
@pytest.mark.parametrize("rows", [MANY_ROWS - 1, MANY_ROWS, 239, 513, 1201, 3500])
def test_the_outputs_are_those_of_the_layers(layers, dtype, rows):
    model = built(*[Dense.get(layer.to_spec()) for layer in layers], dtype=dtype)
    assert joined_counts(model) == [len(layers)]
    x = generator.normal(size=(rows, 6)).astype(dtype)
    outputs, expected = model.compile_predict()(x), model.linearize(x, *model.values)[0]
    assert outputs.dtype == expected.dtype
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(outputs, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("together", "name", "sizes"),
    [
        (0, "dot", [176 * 5, 176 * 2] * 6),  # a sixth of the rows, rounded up to sixteens
        (2 * 192 * 13, "matmul", [2 * 176 * 5, 2 * 176 * 2] * 3),  # 13 rows of numbers enter the layers
    ],
)
def test_blocks_cover_all_rows_in_small_products(monkeypatch, together, name, sizes):
    monkeypatch.setattr(dense_blocks, "SMALL_PRODUCT", 192 * 7 * 5)
    monkeypatch.setattr(dense_blocks, "TOGETHER", together)
    model = built(Dense(5, "relu"), Dense(2))
    x = generator.normal(size=(1000, 6))
    predictor, products, multiply = model.compile_predict(), [], getattr(np, name)

    def noted(left, right, out=None):
        products.append(out.size)
        return multiply(left, right, out=out)

    monkeypatch.setattr(np, name, noted)
    predictor(x)  # which lays the memory out
    products.clear()
    outputs = predictor(x)
    monkeypatch.undo()
    assert products == sizes
    np.testing.assert_allclose(outputs, model.linearize(x, *model.values)[0], rtol=1e-12)


def test_each_call_returns_an_array_of_its_own():
    predictor = built(Dense(5, "relu"), Dense(2)).compile_predict()
    x = generator.normal(size=(300, 6))
    first = predictor(x)
    kept = first.copy()
    predictor(-x)
    np.testing.assert_array_equal(first, kept)


def test_a_row_of_nan_stays_alone():
    x = generator.normal(size=(300, 6))
    x[7] = np.nan
    outputs = built(Dense(5, "relu"), Dense(2)).compile_predict()(x)
    assert np.flatnonzero(np.isnan(outputs).any(axis=1)).tolist() == [7]


@pytest.mark.parametrize(
    ("layers", "counts"),
    [
        ([Dense(4, "relu")], []),  # one layer saves nothing
        ([Dense(4, "softmax"), Dense(3, "relu"), Dense(2)], [2]),  # softmax needs whole rows
        ([Dense(80, "relu"), Dense(80, "relu"), Dense(2)], []),  # blocks would be too short
        ([Dense(4, "relu"), Dense(4), LayerNormalization(), Dense(3, "relu"), Dense(2)], [2, 2]),
        ([Reshape((2, 3)), Dense(4, "relu"), Dense(2), Flatten()], []),  # no matrices
    ],
)
def test_what_is_joined(layers, counts):
    model = built(*layers)
    assert joined_counts(model) == counts
    x = generator.normal(size=(500, 6))
    np.testing.assert_allclose(model.compile_predict()(x), model.linearize(x, *model.values)[0], rtol=1e-9, atol=1e-12)


def test_wide_rows_are_not_turned():
    assert joined_counts(built(Dense(4, "relu"), Dense(2), features=13)) == []
    assert joined_counts(built(Dense(4, "relu"), Dense(2), features=12)) == [2]
