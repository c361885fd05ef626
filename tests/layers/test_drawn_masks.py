"""Masks of symbols, which are symbols too."""

import sys

import numpy as np
import pytest

from nnlite import Input, Model, layers


def test_masks_of_symbols_are_symbols_which_other_layers_take():
    indices, steps = Input((4,)), Input((3, 2))
    embedding, masking = layers.Embedding(5, 2, mask_zero=True), layers.Masking(mask_value=1.0)
    masks = [embedding.compute_mask(indices), masking.compute_mask(steps)]
    assert [(mask.shape, mask.dtype) for mask in masks] == [((None, 4), "bool"), ((None, 3), "bool")]
    rows, x = np.array([[1, 2, 0, 0]]), np.array([[[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]])
    for symbol, mask, layer, data in zip((indices, steps), masks, (embedding, masking), (rows, x), strict=True):
        np.testing.assert_array_equal(Model(symbol, mask)(data), layer.compute_mask(data))
    vectors, lstm = embedding(indices), layers.LSTM(2)
    np.testing.assert_array_equal(*Model(indices, [lstm(vectors, mask=masks[0]), lstm(vectors)])(rows))


def test_layers_pass_the_mask_of_symbols_on_or_have_none():
    steps = Input((3, 2))
    mask = layers.Masking().compute_mask(steps)
    assert layers.Dropout(0.5).compute_mask(steps, mask) is mask
    for layer in (layers.LSTM(2), layers.Bidirectional(layers.LSTM(2)), layers.Flatten(), layers.Embedding(3, 2)):
        assert layer.compute_mask(steps) is None
    for layer in (layers.LSTM(2), layers.GlobalAveragePooling1D(), layers.Dot(1)):
        assert layer.compute_mask(steps, mask) is None


class Firsts(layers.Layer):
    def call(self, x):
        return x * 2

    def compute_mask(self, x, previous_mask=None):
        return x[..., 0] != 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: layers.Dense(2)(layers.Dropout(0.5)(x)),
        lambda x: layers.LSTM(2, return_sequences=True, return_state=True)(x)[0],
        lambda x: layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode=None)(x)[1],
        lambda x: layers.Concatenate()([x, layers.Dense(3)(x), Input((3, 2))]),
        lambda x: layers.Concatenate(axis=1)([layers.Masking(9.0)(x), layers.Masking(3.0)(x)]),
        lambda x: layers.Add()([x, layers.Masking(9.0)(x)]),
        lambda x: layers.MultiHeadAttention(2, 2)(x, x),
        lambda x: layers.AdditiveAttention()([x, x]),
        Firsts(),
    ],
)
def test_symbols_carry_the_mask_that_the_arrays_of_the_model_carry(draw):
    steps = Input((3, 2))
    end = draw(layers.Masking()(steps))
    inputs = [steps, *_further_inputs(end, steps)]
    rows = [np.array([[[1.0, 9.0], [0.0, 0.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 0.0], [3.0, 3.0]]])] * len(inputs)
    carried, drawn = Model(inputs, end)(rows)._keras_mask, end._keras_mask
    assert (drawn.shape[1:], drawn.dtype) == (carried.shape[1:], "bool")
    np.testing.assert_array_equal(Model(inputs, drawn)(rows), carried)
    assert end._keras_mask is drawn


def _further_inputs(end, known):
    return [part.layer for part in end.inputs if not part.inputs and part.layer is not known]


@pytest.mark.parametrize("layer", [layers.LSTM(2), layers.Flatten(), layers.GlobalAveragePooling1D()])
def test_layers_that_end_a_mask_give_symbols_without_one(layer):
    assert layer(layers.Masking()(Input((3, 2))))._keras_mask is None


def test_softmax_takes_the_symbol_of_a_mask():
    x, mask = Input((3,)), Input((3,), dtype="bool")
    rows, shown = np.array([[1.0, 2.0, 1.0]]), np.array([[True, False, True]])
    np.testing.assert_allclose(Model([x, mask], layers.Softmax()(x, mask=mask))([rows, shown]), [[0.5, 0.0, 0.5]])


@pytest.mark.parametrize("first", [layers.Masking, layers.Identity])
def test_a_mask_that_a_layer_is_given_is_that_of_its_symbol(first):
    steps, given = Input((3, 2)), Input((3,), dtype="bool")
    end = layers.LSTM(2, return_sequences=True)(first()(steps), mask=given)
    assert end._keras_mask is given._symbol
    rows, shown = np.ones((1, 3, 2)), np.array([[True, False, True]])
    np.testing.assert_array_equal(Model([steps, given], end)([rows, shown])._keras_mask, shown)


@pytest.mark.parametrize("layer", [layers.Concatenate(), layers.Add(), layers.Attention()])
def test_one_mask_is_that_of_each_of_several_inputs(layer):
    steps, given = Input((3, 2)), Input((3,), dtype="bool")
    end = layer([steps, steps], mask=given)
    rows = [np.ones((1, 3, 2)), np.array([[True, False, True]])]
    np.testing.assert_array_equal(Model([steps, given], end._keras_mask)(rows), rows[1])
    np.testing.assert_array_equal(Model([steps, given], end)(rows)._keras_mask, rows[1])


def test_masks_of_deep_graphs_are_drawn_without_recursion():
    end = layers.Masking()(Input((3, 2)))
    mask = end._keras_mask
    for _ in range(sys.getrecursionlimit() // 2):
        end = layers.Dropout(0.5)(end)
    assert end._keras_mask is mask
