"""Shapes and types of ops on symbols whose lengths are not known."""

import numpy as np
import pytest

import nnlite
from nnlite import KerasTensor, ops
from nnlite.errors import ConfigError


def symbol(*shape, dtype="float32"):
    return KerasTensor(shape, dtype)


@pytest.mark.parametrize(
    ("apply", "shape"),
    [
        (lambda: ops.matmul(symbol(None, 3), symbol(None, 4)), (None, 4)),
        (lambda: ops.matmul(symbol(None, 2, 3), symbol(3, 4)), (None, 2, 4)),
        (lambda: ops.dot(symbol(None, 3), symbol(None, 3)), (None, 3)),
        (lambda: ops.einsum("...ij,...jk->...ik", symbol(None, 2, 3), symbol(None, 4)), (None, 2, 4)),
        (lambda: ops.tensordot(symbol(None, 3, 4), symbol(None, 4, 5)), (None, 5)),
        (lambda: ops.add(symbol(None, 3), symbol(None, 3)), (None, 3)),
        (lambda: ops.reshape(symbol(None, None), (3, 2)), (3, 2)),
        (lambda: ops.reshape(symbol(None, 3), (3, -1)), (3, None)),
        (lambda: ops.slice(symbol(None, 3), (1, 1), (4, 2)), (4, 2)),
        (lambda: ops.slice_update(symbol(None, 3), (1, 1), symbol(None, 2)), (None, 3)),
        (lambda: ops.scatter_update(symbol(None, 3), [[1], [2]], symbol(None, 3)), (None, 3)),
        (lambda: ops.scatter_update(symbol(None, None), [[0, 1], [2, 0]], symbol(None)), (None, None)),
        (lambda: ops.while_loop(lambda x: ops.sum(x) < 9, lambda x: x * 2, symbol(None, 3)), (None, 3)),
        (lambda: ops.cross(symbol(None, None), symbol(None, None)), (None,)),
        (lambda: ops.map(lambda row: row * 2, symbol(None, 3)), (None, 3)),
        (lambda: ops.map(lambda row: ops.sum(row["x"]), {"x": symbol(None, 3)}), (None,)),
        (lambda: ops.vectorized_map(lambda row: row[0] + row[1], (symbol(None, 3), symbol(None, 3))), (None, 3)),
        (lambda: ops.scan(lambda carry, row: (carry + row, carry), symbol(3), symbol(None, 3))[1], (None, 3)),
        (lambda: ops.associative_scan(ops.add, symbol(None, 4), axis=0), (None, 4)),
        (lambda: ops.associative_scan(ops.add, symbol(None, None), reverse=True, axis=1), (None, None)),
        (lambda: ops.segment_sum(symbol(None, 3), symbol(None, dtype="int32"), num_segments=4), (4, 3)),
        (lambda: ops.segment_max(symbol(4, 3), symbol(4, dtype="int32")), (None, 3)),
        (lambda: ops.view_as_complex(symbol(None, 2)), (None,)),
        (lambda: ops.view(symbol(None, 4), "int32"), (None, 4)),
        (lambda: ops.ctc_decode(symbol(None, 4, 3), symbol(None, dtype="int32"))[0], (1, None, 4)),
    ],
)
def test_only_lengths_that_cannot_vary_are_known(apply, shape):
    assert apply().shape == shape


def test_a_loop_over_the_batch_is_part_of_a_trained_model_which_no_file_holds(tmp_path):
    inputs = nnlite.Input((3,))
    outputs = ops.vectorized_map(lambda row: row * 2, nnlite.layers.Dense(2)(inputs))
    model = nnlite.Model(inputs, outputs)
    rows = np.arange(12.0, dtype="float32").reshape(4, 3)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict(rows, verbose=0), 2 * (rows @ kernel + bias), rtol=1e-6)
    model.compile(nnlite.optimizers.SGD(0.01), "mse")
    model.fit(rows, np.zeros((4, 2)), epochs=1, verbose=0)
    slope = 2 * 2 * (2 * (rows @ kernel + bias)) / 8  # of the mean over eight numbers
    np.testing.assert_allclose(model.get_weights()[1], bias - 0.01 * slope.sum(0), rtol=1e-5)
    with pytest.raises(ConfigError, match="which no file holds"):
        model.save(tmp_path / "model.keras")


def test_the_shape_of_a_symbol_stays():
    inputs = symbol(None, 3)
    with pytest.raises(AttributeError):
        inputs.shape = (1,)
    inputs.name = "rows"
    assert (inputs.shape, inputs.name, inputs.record_history) == ((None, 3), "rows", True)
    assert repr(nnlite.Input((3,), name="x")).startswith("<KerasTensor shape=(None, 3), dtype=float32")
