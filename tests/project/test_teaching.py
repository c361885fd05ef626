"""The worked examples of the teaching text, chained by hand."""

import numpy as np
import pytest

from nnlite.jacobians import MatMulLeft, MatMulRight
from nnlite.ops import Add, MatMul, Multiply, Power, Sin, Subtract

generator = np.random.default_rng(3)
x, w1, w2, w3 = 0.7, 1.3, -0.4, 2.1


def test_gradient_of_a_line():
    """y = w1 + w2 x has the gradient [1, x]."""
    multiply, add = Multiply(), Add()
    y = add.forward(w1, multiply.forward(w2, x))
    by_w1, by_product = add.backward(1)
    by_w2, by_x = multiply.backward(by_product)
    assert y == pytest.approx(w1 + w2 * x, rel=1e-15)
    assert [float(by_w1), float(by_w2)] == [1, x]
    assert by_x == w2


def test_jacobian_of_a_vector_function():
    """(w1 + w2 x, sin(w3 x^3)) has the Jacobian [[1, x, 0], [0, 0, x^3 cos(w3 x^3)]]."""
    multiply, add, cube, scale, sine = Multiply(), Add(), Power(), Multiply(), Sin()
    first = add.forward(w1, multiply.forward(w2, x))
    second = sine.forward(scale.forward(w3, cube.forward(x, 3)))
    by_w1, by_product = add.backward(1)
    by_w2, _ = multiply.backward(by_product)
    by_w3, _ = scale.backward(sine.backward(1))
    np.testing.assert_allclose([first, second], [w1 + w2 * x, np.sin(w3 * x**3)], rtol=1e-15)
    jacobian = [[by_w1, by_w2, 0], [0, 0, by_w3]]
    np.testing.assert_allclose(jacobian, [[1, x, 0], [0, 0, x**3 * np.cos(w3 * x**3)]], rtol=1e-14)


def test_chain_rule_of_three_functions():
    """f(g(h(x))) with h = x, g = 1 + 2 h, f = 2 + 4 g has the derivative 8, backward and forward."""
    ops = [Multiply(), Add(), Multiply(), Add()]
    value = x
    for op, constant in zip(ops, (2, 1, 4, 2), strict=True):
        value = op.forward(constant, value)
    derivative = 1
    for op in reversed(ops):
        derivative = op.backward(derivative)[1]
    tangent = 1
    for op in ops:
        tangent = op.jvp(None, tangent)
    assert value == pytest.approx(2 + 4 * (1 + 2 * x))
    assert derivative == tangent == 8


def test_sum_times_c_by_hand():
    """(A + B) * C, exactly as it is written down."""
    A, B, C = generator.normal(size=(3, 2, 3))
    add, multiply = Add(), Multiply()
    D = add.forward(A, B)
    E = multiply.forward(D, C)
    dD, dC = multiply.backward(np.ones(E.shape))
    dA, dB = add.backward(dD)
    np.testing.assert_array_equal(E, (A + B) * C)
    np.testing.assert_array_equal(dC, A + B)
    for gradient in (dD, dA, dB):
        np.testing.assert_array_equal(gradient, C)
    for scalar, written_out in zip(multiply.backward(1), (dD, dC), strict=True):
        np.testing.assert_array_equal(scalar, written_out)


def test_sum_times_c_with_broadcasting():
    """A row that was stretched over three rows gets the sum of their derivatives."""
    A, B, C = generator.normal(size=(3, 2)), generator.normal(size=2), generator.normal(size=(3, 1))
    add, multiply = Add(), Multiply()
    multiply.forward(add.forward(A, B), C)
    dD, dC = multiply.backward(1)
    dA, dB = add.backward(dD)
    np.testing.assert_allclose(dA, np.broadcast_to(C, (3, 2)))
    np.testing.assert_allclose(dB, np.full(2, C.sum()))
    np.testing.assert_allclose(dC, (A + B).sum(1, keepdims=True))


def test_the_two_jacobians_of_matmul():
    """An incoming J becomes J B^T for A and A^T J for B."""
    A, B, J = generator.normal(size=(2, 3)), generator.normal(size=(3, 4)), generator.normal(size=(2, 4))
    matmul = MatMul()
    matmul.forward(A, B)
    dA, dB = matmul.backward(J)
    np.testing.assert_allclose(dA, J @ B.T, rtol=1e-14)
    np.testing.assert_allclose(dB, A.T @ J, rtol=1e-14)
    np.testing.assert_allclose(MatMulLeft(B, A.shape, J.shape).vjp(J), J @ B.T, rtol=1e-14)
    np.testing.assert_allclose(MatMulRight(A, B.shape, J.shape).vjp(J), A.T @ J, rtol=1e-14)


def test_fan_out_is_summed():
    """Both inputs of x * x are x: its derivative is the sum over both paths, 2 x."""
    values = generator.normal(size=4)
    square = Multiply()
    square.forward(values, values)
    np.testing.assert_allclose(sum(square.backward(1)), 2 * values)


def test_two_paths_to_one_output():
    """(x + y) * (x - y) has the derivatives 2 x and -2 y: the total derivative over both factors."""
    a, b = generator.normal(size=(2, 3))
    add, subtract, multiply = Add(), Subtract(), Multiply()
    multiply.forward(add.forward(a, b), subtract.forward(a, b))
    by_sum, by_difference = multiply.backward(1)
    by_a, by_b = (sum(paths) for paths in zip(add.backward(by_sum), subtract.backward(by_difference), strict=True))
    np.testing.assert_allclose(by_a, 2 * a)
    np.testing.assert_allclose(by_b, -2 * b)


def test_backward_with_seeds_gives_the_whole_jacobian():
    """The identity as incoming Jacobian returns the dense one, through a chain as through one op."""
    A, B = generator.normal(size=(2, 3)), generator.normal(size=(3, 2))
    matmul, sine = MatMul(), Sin()
    C = matmul.forward(A, B)
    sine.forward(C)
    by_A, _ = matmul.backward(sine.backward(np.eye(4).reshape(4, 2, 2)))
    expected = np.einsum("ij,jk->ijk", np.cos(C), B.T)  # d sin(C)_ij / dA_ik = cos(C_ij) B_kj
    for row in range(2):
        for column in range(2):
            found = by_A.reshape(2, 2, 2, 3)[row, column]
            np.testing.assert_allclose(found[row], expected[row, column], rtol=1e-14)
            assert not found[1 - row].any()
