"""Linear algebra: derivatives against numerical ones, values against NumPy, and what is refused."""

import numpy as np
import pytest

from nnlite import KerasTensor, Model, Sequential, layers, ops
from nnlite.errors import ConfigError
from nnlite.ops import Trace

RANDOM = np.random.default_rng(0)
MATRICES = RANDOM.normal(size=(2, 3, 3)) + 2 * np.eye(3)
POSITIVE = MATRICES @ np.swapaxes(MATRICES, -1, -2) + np.eye(3)
RIGHT = RANDOM.normal(size=(2, 3, 2))
LOWER = np.linalg.cholesky(POSITIVE)

DERIVED = {
    "det": (ops.det, [MATRICES]),
    "inv": (ops.inv, [MATRICES]),
    "slogdet": (lambda x: ops.slogdet(x)[1], [MATRICES]),
    "logdet": (ops.logdet, [POSITIVE]),
    "cholesky": (lambda x: ops.cholesky((x + ops.swapaxes(x, -1, -2)) / 2), [POSITIVE]),
    "upper": (lambda x: ops.cholesky((x + ops.swapaxes(x, -1, -2)) / 2, upper=True), [POSITIVE]),
    "cholesky_inverse": (ops.cholesky_inverse, [LOWER]),
    "solve": (ops.solve, [MATRICES, RIGHT]),
    "vectors": (ops.solve, [MATRICES, RIGHT[..., 0]]),
    "solve_triangular": (lambda a, b: ops.solve_triangular(a, b, lower=True), [MATRICES, RIGHT]),
    "sum of singular values": (lambda x: ops.norm(x, "nuc", (0, 2)), [RIGHT]),
    "largest of them": (lambda x: ops.norm(x, 2, (-2, -1), keepdims=True), [RIGHT]),
    "smallest of them": (lambda x: ops.norm(x, -2, (1, 2)), [RIGHT]),
    "nancumsum": (lambda x: ops.nancumsum(x, 1), [RIGHT]),
    "nancumprod": (lambda x: ops.nancumprod(x, 1), [RIGHT]),
}


@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_are_those_of_small_differences(name):
    function, arrays = DERIVED[name]
    trace = Trace()
    result = function(*[trace.variable(array) for array in arrays])
    upstream = RANDOM.normal(size=result.shape)
    gradients = trace.jacobians(result).vjp(upstream)
    for place, array in enumerate(arrays):
        direction = RANDOM.normal(size=array.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = [one + step * direction if at == place else one for at, one in enumerate(arrays)]
            ends.append(np.sum(upstream * function(*moved)))
        numerical = (ends[0] - ends[1]) / 2e-6
        assert np.sum(gradients[place] * direction) == pytest.approx(numerical, rel=1e-6)


def test_the_determinant_of_a_singular_matrix_has_a_derivative():
    trace = Trace()
    result = ops.det(trace.variable(np.array([[1.0, 2.0], [2.0, 4.0]])))
    np.testing.assert_allclose(trace.jacobians(result).vjp(np.array(1.0))[0], [[4, -2], [-2, 1]], atol=1e-12)


def test_hessian_products_go_through_matrices():
    trace = Trace()
    x = MATRICES[0] + 1e-30j * RIGHT[0] @ RIGHT[0].T
    result = ops.slogdet(trace.variable(x))[1]
    moved = np.imag(trace.jacobians(result).vjp(np.array(1.0))[0]) / 1e-30
    inverse = np.linalg.inv(MATRICES[0]).T
    np.testing.assert_allclose(moved, -inverse @ (RIGHT[0] @ RIGHT[0].T).T @ inverse, rtol=1e-9)


def test_graphs_apply_what_has_no_derivative_and_training_refuses_it():
    inputs = layers.Input((3, 3))
    model = Model(inputs, ops.qr(inputs)[1])
    expected = np.linalg.qr(MATRICES.astype("float32"))[1]
    np.testing.assert_allclose(model.predict(MATRICES, verbose=0), expected, rtol=1e-5)
    hidden = layers.Dense(3)(inputs)
    model = Model(inputs, ops.eigh(hidden)[0])
    model.compile("sgd", "mse")
    with pytest.raises(ConfigError, match=r"ops\.eigh has no derivative: apply nnlite\.ops\.stop_gradient"):
        model.fit(MATRICES, np.zeros((2, 3)), verbose=0)


@pytest.mark.parametrize(
    ("draw", "shape", "dtype"),
    [
        (lambda: ops.mean(KerasTensor((None, 3))), (), "float32"),
        (lambda: ops.argmax(KerasTensor((None, 3)), axis=1), (None,), "int32"),
        (lambda: ops.add(KerasTensor((2, 3), "int8"), KerasTensor((2, 1), "float16")), (2, 3), "float16"),
        (lambda: ops.add(KerasTensor((None, 3)), KerasTensor((4, 1))), (4, 3), "float32"),
        (lambda: ops.split(KerasTensor((None, 3)), 2)[1], (None, 3), "float32"),
        (lambda: ops.reshape(KerasTensor((None, 3, 4)), (6, 4)), (6, 4), "float32"),
        (lambda: ops.inv(KerasTensor((None, 3, 3))), (None, 3, 3), "float32"),
        (lambda: ops.bitwise_and(KerasTensor((2, 3), "uint8"), KerasTensor((3,), "uint8")), (2, 3), "uint8"),
        (lambda: ops.top_k(KerasTensor((None, 5)), 2)[1], (None, 2), "int32"),
        (lambda: ops.max_pool(KerasTensor((None, None, None, 3)), 2), (None, None, None, 3), "float32"),
        (lambda: ops.matmul(KerasTensor((2, 3)), KerasTensor((3, 4))), (2, 4), "float32"),
        (lambda: ops.add(KerasTensor(()), 1), (), "float32"),
        (lambda: ops.add(layers.Input(batch_shape=(2, 3)), 1), (2, 3), "float32"),
    ],
)
def test_shapes_and_types_of_symbols(draw, shape, dtype):
    symbol = draw()
    assert (symbol.shape, symbol.dtype) == (shape, dtype)


def test_a_batch_that_an_input_states_is_not_held_to():
    inputs = layers.Input(batch_shape=(2, 3))
    outputs = layers.Dense(4)(inputs)
    model = Model(inputs, outputs)
    assert outputs.shape == (2, 4) and model.predict(np.ones((5, 3)), verbose=0).shape == (5, 4)


def test_each_matrix_of_a_stack_has_its_factors():
    factors, pivots = ops.lu_factor(MATRICES)
    for matrix, one, rows in zip(MATRICES, factors, pivots, strict=True):
        for row, swapped in enumerate(rows):
            matrix = np.array(matrix)
            matrix[[row, swapped]] = matrix[[swapped, row]]
        np.testing.assert_allclose((np.tril(one, -1) + np.eye(3)) @ np.triu(one), matrix)
    assert [symbol.shape for symbol in ops.lu_factor(KerasTensor((None, 3, 3)))] == [(None, 3, 3), (None, 3)]


@pytest.mark.parametrize("shape", [(4, 3), (3, 5)])
def test_matrices_that_are_not_square_have_factors(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    factors, pivots = ops.lu_factor(matrix)
    assert pivots.shape == (3,)
    for row, swapped in enumerate(pivots):
        matrix[[row, swapped]] = matrix[[swapped, row]]
    lower = np.tril(factors, -1)[:, :3] + np.eye(shape[0], 3)
    np.testing.assert_allclose(lower @ np.triu(factors)[:3], matrix, rtol=1e-12)


def test_what_a_function_returns_beside_its_value_is_plain():
    value, change, further = ops.jvp(lambda x: (x**2, {"x": x}), (np.array(3.0),), (np.array(1.0),), has_aux=True)
    assert (value, change) == (9, 6) and isinstance(further["x"], np.ndarray)


class Whitening(layers.Layer):
    """inputs @ inv(cholesky(inputs)): zeros have no such factor."""

    def call(self, inputs):
        return ops.matmul(inputs, ops.inv(ops.cholesky(inputs)))


def test_a_layer_that_inverts_what_it_is_given_is_built():
    matrices = POSITIVE.astype("float32")
    lower = np.linalg.cholesky(matrices)
    np.testing.assert_allclose(
        Whitening()(matrices), lower @ np.swapaxes(lower, -1, -2) @ np.linalg.inv(lower), rtol=1e-3
    )
    model = Sequential([Whitening(), layers.Flatten(), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(matrices, np.zeros(2), verbose=0)
    assert model.predict(matrices, verbose=0).shape == (2, 1)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "bfloat16", "int32"])
@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_norms_by_singular_values_take_each_type_of_numbers(order, kind):
    matrix = ops.cast(4 * RIGHT[0], kind)
    size = ops.norm(matrix, order)
    assert ops.dtype(size) == ("float32" if kind == "int32" else kind)
    np.testing.assert_allclose(float(size), np.linalg.norm(matrix.astype("float64"), order), rtol=0.03)
