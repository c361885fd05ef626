"""Masks that the outputs of one call carry to the next."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import layers, ops

IDS = np.array([[1, 0, 0], [2, 1, 3]])
MASK = IDS > 0


@pytest.fixture
def embedded():
    return layers.Embedding(4, 2, mask_zero=True)(IDS)


def test_steps_that_do_not_count_are_left_out():
    embedding, lstm = layers.Embedding(4, 2, mask_zero=True), layers.LSTM(3)
    short, padded = embedding(np.array([[1], [2]])), embedding(np.array([[1, 0], [2, 0]]))
    np.testing.assert_array_equal(lstm(padded), lstm(short))
    assert np.abs(lstm(np.asarray(padded)) - lstm(short)).min() > 0


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.Dense(2),
        layers.GRU(2, return_sequences=True),
        layers.TimeDistributed(layers.Dense(2)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_hand_masks_on(layer, embedded):
    np.testing.assert_array_equal(layer(embedded)._keras_mask, MASK)


def test_several_inputs_and_outputs(embedded):
    outputs, state = layers.GRU(2, return_sequences=True, return_state=True)(embedded)
    np.testing.assert_array_equal(outputs._keras_mask, MASK)
    assert state._keras_mask is None
    np.testing.assert_array_equal(layers.Add()([embedded, embedded])._keras_mask, MASK)


def test_pooling_averages_the_steps_that_count(embedded):
    plain = np.asarray(embedded)
    wanted = np.stack([plain[0, 0], plain[1].mean(axis=0)])
    np.testing.assert_allclose(layers.GlobalAveragePooling1D()(embedded), wanted, rtol=1e-6)


def test_masks_set_on_arrays_reach_layers():
    sequences = ops.convert_to_tensor(np.float32([[[1.0], [2.0]], [[3.0], [4.0]]]))
    sequences._keras_mask = np.array([[True, False], [True, True]])
    np.testing.assert_array_equal(layers.GlobalAveragePooling1D()(sequences), [[1.0], [3.5]])
    for same in (ops.array(sequences), ops.convert_to_tensor([1.0]), sequences[0], copy.deepcopy(sequences)):
        assert same._keras_mask is None
    for value in (sequences + 1, ops.relu(sequences)):
        assert value._keras_mask is None
    assert type(pickle.loads(pickle.dumps(sequences))) is np.ndarray


def test_what_is_computed_from_outputs_has_no_mask(embedded):
    for value in (embedded + 1, -embedded, ops.relu(embedded), layers.LSTM(2)(embedded)):
        assert value._keras_mask is None
    assert embedded[0]._keras_mask is None and embedded.sum().shape == ()
    assert repr(embedded) == repr(np.asarray(embedded))
    for same in (copy.deepcopy(embedded), pickle.loads(pickle.dumps(embedded))):
        np.testing.assert_array_equal(same, embedded)


@pytest.mark.parametrize(
    "layer",
    [layers.GRU(2, return_sequences=True), layers.BatchNormalization(), layers.TimeDistributed(layers.Dense(2)),
     layers.Bidirectional(layers.LSTM(2, return_sequences=True))],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_outputs_carry_a_mask_that_is_given(layer):
    outputs = layer(np.ones((2, 3, 2)), mask=MASK)
    np.testing.assert_array_equal(outputs._keras_mask, MASK)


def test_the_last_output_alone_carries_no_mask():
    assert layers.LSTM(2)(np.ones((2, 3, 2)), mask=MASK)._keras_mask is None


def test_masks_of_integers_are_those_of_booleans():
    rows = np.arange(12.0).reshape(2, 3, 2)
    for layer in (layers.GlobalAveragePooling1D(), layers.LSTM(2)):
        np.testing.assert_array_equal(layer(rows, mask=MASK.astype("int64")), layer(rows, mask=MASK))
