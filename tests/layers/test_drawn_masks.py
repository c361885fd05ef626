"""Masks of symbols, which are symbols too."""

import numpy as np
import pytest

from nnlite import Input, Model, layers
from nnlite.errors import ConfigError


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
    with pytest.raises(ConfigError, match="layer LSTM: compute_mask takes arrays"):
        layers.LSTM(2).compute_mask(steps, mask)
