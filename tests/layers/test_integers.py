"""Layers that keep integers what they are."""

import numpy as np
import pytest

from nnlite import layers


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8"])
def test_layers_that_arrange_or_compare_integers_give_integers(kind):
    rows = np.arange(24).reshape(1, 4, 3, 2).astype(kind) + (2**26 if kind != "uint8" else 0)
    for layer, expected in [
        (layers.Reshape((24,)), rows.reshape(1, 24)),
        (layers.Flatten(), rows.reshape(1, 24)),
        (layers.Permute((2, 1, 3)), rows.swapaxes(1, 2)),
        (layers.Cropping2D(1), rows[:, 1:-1, 1:-1]),
        (layers.ZeroPadding2D(1), np.pad(rows, ((0, 0), (1, 1), (1, 1), (0, 0)))),
        (layers.UpSampling2D(2), rows.repeat(2, 1).repeat(2, 2)),
        (layers.GlobalMaxPooling2D(), rows.max((1, 2))),
        (layers.Identity(), rows),
    ]:
        result = layer(rows)
        np.testing.assert_array_equal(result, expected, strict=True)
    other = rows[:, ::-1]
    for layer, expected in [
        (layers.Concatenate(), np.concatenate([rows, other], -1)),
        (layers.Add(), rows + other),
        (layers.Subtract(), rows - other),
        (layers.Multiply(), rows * other),
        (layers.Maximum(), np.maximum(rows, other)),
    ]:
        np.testing.assert_array_equal(layer([rows, other]), expected, strict=True)
    assert layers.Average()([rows, other]).dtype == layers.Add()([rows, other / 2]).dtype == np.float32
    assert layers.UpSampling2D(2, interpolation="bilinear")(rows).dtype == np.float32
