"""Compiled prediction of convolutions and pooling: the numbers of `predict`, however they are made."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.arrays.patches import convolve
from nnlite.arrays.windows import place_windows
from nnlite.config import set_floatx
from nnlite.inference import stages
from nnlite.inference.conv_algorithms import Patches, Spans, Transforms, choose_algorithm
from nnlite.layers import (
    Activation,
    Add,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalAveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    ReLU,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)

generator = np.random.default_rng(11)
FIRST = {"data_format": "channels_first"}

# Shape of a row, layers, and how many stages are left of them.
CHAINS = [
    ((9, 8, 1), [Conv2D(4, 3, activation="relu"), MaxPooling2D(), Flatten(), Dropout(0.5), Dense(3)], 3),
    ((9, 8, 3), [Conv2D(4, 3), MaxPooling2D(), Conv2D(3, 2, padding="same"), MaxPooling2D(2)], 2),
    ((12, 11, 16), [Conv2D(32, 3, activation="relu"), MaxPooling2D(2)], 1),
    ((7, 9, 16), [Conv2D(32, 3, padding="same", activation="tanh", use_bias=False)], 1),
    ((8, 6, 16), [Conv2D(32, 3, activation="gelu"), Conv2D(33, 3, padding="same")], 2),
    ((11, 9, 6), [Conv2D(5, 3, strides=2, padding="same", activation="sigmoid")], 1),
    ((11, 9, 6), [Conv2D(5, (3, 2), strides=(2, 1)), MaxPooling2D((2, 3))], 1),
    ((11, 9, 6), [Conv2D(5, 3, dilation_rate=2, padding="same", use_bias=False), MaxPooling2D(3)], 1),
    ((11, 9, 1), [Conv2D(5, 3, dilation_rate=2), MaxPooling2D(3)], 1),
    ((11, 9, 1), [Conv2D(5, 3, strides=(2, 1), padding="same"), MaxPooling2D(2)], 1),
    ((3, 9, 8), [Conv2D(4, 3, activation="relu", **FIRST), MaxPooling2D(**FIRST), Flatten(), Dense(2)], 3),
    ((16, 9, 8), [Conv2D(32, 3, padding="same", **FIRST), AveragePooling2D(**FIRST)], 2),
    ((9, 8, 4), [Conv2D(4, 3, activation="relu"), MaxPooling2D(3, strides=2), AveragePooling2D(2, padding="same")], 3),
    ((9, 8, 4), [Conv2D(4, 3), MaxPooling2D(2, padding="same"), Activation("relu")], 3),
    ((9, 8, 4), [Conv2D(4, 3, activation="gelu"), MaxPooling2D(2)], 2),
    ((9, 8, 4), [Conv2D(4, 3), MaxPooling2D(2), Activation("gelu"), MaxPooling2D(2)], 2),
    ((9, 8, 4), [Conv2D(4, 3), BatchNormalization(), ReLU(max_value=1.0), MaxPooling2D(), BatchNormalization()], 2),
    ((9, 8, 4), [Conv2D(4, 3), MaxPooling2D(), BatchNormalization(), Conv2D(2, 2), GaussianNoise(0.5)], 2),
    ((9, 8, 4), [BatchNormalization(), Conv2D(3, 3, padding="same"), Activation("linear")], 2),
    ((9, 8, 1), [Rescaling(0.1), Conv2D(3, 3, padding="same", use_bias=False), BatchNormalization()], 1),
    ((4, 9, 8), [BatchNormalization(), Conv2D(3, 3, **FIRST), BatchNormalization()], 3),
    ((9, 8, 4), [Conv2D(4, 3, groups=2, activation="relu"), DepthwiseConv2D(2), GlobalAveragePooling2D()], 3),
    ((9, 8, 4), [Conv2D(4, 3, activation="softmax"), Reshape((-1, 4))], 2),
    ((13, 2), [Conv1D(4, 3, padding="causal", activation="relu"), MaxPooling1D(3), Conv1D(3, 2)], 2),
    ((13, 5), [Conv1D(4, 3, dilation_rate=2, padding="causal"), AveragePooling1D(3, strides=2)], 2),
    ((5, 6, 7, 2), [Conv3D(4, (2, 3, 3), activation="relu"), MaxPooling3D(2), Flatten()], 2),
    ((5, 6, 7, 5), [Conv3D(4, (2, 3, 3), padding="same"), MaxPooling3D((2, 1, 3))], 1),
    ((9, 8, 4), [MaxPooling2D(2), Conv2D(4, 3), Flatten()], 3),
    ((9, 8, 4), [Dense(16), Conv2D(32, 3), MaxPooling2D(2)], 2),
    ((9, 9, 4), [Conv2D(4, 2), Conv2D(3, 3, padding="same"), MaxPooling2D(3)], 2),
    ((9, 8, 4), [Conv2D(4, 3), MaxPooling2D(2, **FIRST)], 2),
    ((9, 8, 4), [Conv2D(4, 3), MaxPooling2D(2), MaxPooling2D(3)], 2),
    ((4, 9, 8), [Conv2D(4, 3, activation="softmax", **FIRST)], 1),
    ((9, 8, 4), [Conv2D(4, 3), ZeroPadding2D(1), Conv2D(4, 3), Flatten(), Reshape((7, 6, 4)), Conv2D(4, 3)], 6),
]


def model_of(shape, layers, dtype="float32"):
    """A model of fresh layers with random weights and moments."""
    set_floatx(dtype)
    try:
        fresh = [type(layer).get(layer.to_spec()) for layer in layers]
        model = Sequential([Input(shape), *fresh], seed=0)
    finally:
        set_floatx("float32")
    for parameter in model.parameters:
        drawn = generator.normal(size=parameter.shape)
        parameter.assign(np.abs(drawn) + 0.5 if "variance" in parameter.name else drawn)
    return model


def check(model, predictor, x):
    found, expected = predictor(x), model.predict(x, verbose=0)
    assert found.dtype == expected.dtype
    tolerance = (3e-6 if found.dtype == np.float32 else 1e-13) * max(1, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=10 * tolerance)


@pytest.mark.parametrize("block", [2**20, 2**12, 1], ids=["whole", "lines", "line"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "layers", "count"), CHAINS, ids=lambda value: None)
def test_equals_predict(shape, layers, count, dtype, block, monkeypatch):
    monkeypatch.setattr(stages, "BLOCK_BYTES", block)
    model = model_of(shape, layers, dtype)
    predictor = model.compile_predict()
    assert len(predictor.stages) == count
    x = generator.normal(size=(5, *shape)).astype(dtype)
    for rows in (1, 5, 2, 5):
        check(model, predictor, x[:rows])
        x = x + 1


@pytest.mark.parametrize("pool", [None, (2, 2)])
@pytest.mark.parametrize("bias", [None, generator.normal(size=5)])
def test_three_ways_agree(pool, bias):
    images = generator.normal(size=(2, 10, 12, 3))
    kernel = generator.normal(size=(3, 3, 3, 5))
    expected = convolve(images, kernel.reshape(27, 5), place_windows((10, 12), (3, 3), (1, 1)))
    expected = expected if bias is None else expected + bias
    for way in (Patches, Spans, Transforms):
        tile = (2, 2) if way is Transforms else pool or (1, 1)
        way = way(kernel, bias, tile, (1, 1), (1, 1), np.dtype(float))
        counts = (8 // tile[0], 10 // tile[1])
        assert way.needed(counts) == (10, 12)
        memory = way.memory(2, counts)
        memory.target[...] = way.view(images, counts)
        for left, right, out in memory.products:
            np.matmul(left, right, out=out)
        values = memory.values.reshape(*tile, 2, *counts, 5)
        found = values.transpose(2, 3, 0, 4, 1, 5).reshape(expected.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_the_way_suits_the_convolution():
    def way(size, channels, filters, pool=None, strides=(1, 1), dilation=(1, 1)):
        return type(
            choose_algorithm(np.zeros((*size, channels, filters)), None, pool, strides, dilation, np.dtype(float))
        )

    assert way((3, 3), 1, 32, (2, 2)) is way((5, 5), 3, 8, strides=(2, 2)) is Spans
    assert way((3, 3), 32, 64) is way((3, 3), 16, 32, (2, 2)) is Transforms
    assert way((3, 3), 32, 64, (3, 3)) is way((3, 3), 32, 8) is way((5, 5), 32, 64) is Patches
    assert way((3, 3), 32, 64, strides=(2, 2)) is way((3, 3), 1, 8, dilation=(2, 2)) is Patches


def test_many_rows_go_through_in_pieces():
    model = model_of((9, 8, 1), [Conv2D(4, 3, activation="relu"), MaxPooling2D(), Flatten(), Dense(3)])
    x = generator.normal(size=(1100, 9, 8, 1)).astype(np.float32)
    predictor = model.compile_predict()
    assert 1 < predictor.rows_at_once < 600
    check(model, predictor, x)
    assert predictor(x[:0]).shape == (0, 3)


def test_memory_is_kept_and_results_are_their_own():
    for last in ([], [Flatten()], [MaxPooling2D(3)], [Activation("gelu")]):
        predictor = model_of((9, 8, 1), [Conv2D(4, 3, activation="relu"), *last]).compile_predict()
        x = generator.normal(size=(2, 9, 8, 1)).astype(np.float32)
        first = predictor(x)
        kept, given = first.copy(), x.copy()
        predictor(x + 1)
        np.testing.assert_array_equal(first, kept)
        first[...] = 7
        np.testing.assert_array_equal(predictor(x), kept)
        np.testing.assert_array_equal(x, given)


@pytest.mark.parametrize("side", [63, 65])
@pytest.mark.parametrize("size", [(65, 65), (None, None)])
def test_large_images_in_blocks_of_unequal_height(side, size):
    model = Sequential([Input((*size, 16)), Conv2D(32, 3, activation="relu", padding="same")], seed=0)
    x = np.random.default_rng(0).standard_normal((2, *(n or side for n in size), 16)).astype("float32")
    np.testing.assert_allclose(model.compile_predict()(x), model.predict(x, verbose=0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_indices_and_several_inputs_keep_their_memory(several):
    given = [Input((5,)), Input((5,))]
    branches = [Embedding(9, 4)(each) for each in given]
    outputs = Dense(2)(Flatten()(Add()(branches) if several else branches[0]))
    model = Model(given if several else given[0], outputs, seed=0)
    predictor, generator = model.compile_predict(), np.random.default_rng(0)
    for count in (3, 1, 3):
        x = tuple(generator.integers(9, size=(count, 5)) for _ in given)
        x = x if several else x[0]
        np.testing.assert_allclose(predictor(x), model.predict(x, verbose=0), rtol=0, atol=1e-6)
        first, before = predictor(x), predictor(x).copy()
        predictor(x)
        np.testing.assert_array_equal(first, before)
    assert len(predictor._local.prepared) == 2


def test_lengths_that_vary_and_graphs():
    model = model_of((None, None, 2), [Conv2D(4, 3, padding="same"), Activation("relu"), GlobalAveragePooling2D()])
    predictor = model.compile_predict()
    for rows, lengths in ((3, (9, 8)), (3, (6, 7)), (40, (9, 8)), (3, (9, 8))):
        check(model, predictor, generator.normal(size=(rows, *lengths, 2)).astype(np.float32))
    given = Input((8, 8, 2))
    inner = Conv2D(2, 3, padding="same", activation="relu")(given)
    graph = Model(given, Flatten()(MaxPooling2D()(Add()([given, inner]))), seed=0)
    check(graph, graph.compile_predict(), generator.normal(size=(3, 8, 8, 2)).astype(np.float32))


def test_negative_scales_stay_after_the_pooling():
    model = model_of((6, 6, 1), [Conv2D(2, 3), MaxPooling2D(2), Rescaling(-1.0)])
    assert len(model.compile_predict().stages) == 2
    check(model, model.compile_predict(), generator.normal(size=(3, 6, 6, 1)).astype(np.float32))
