"""Names of `keras.ops`: values are NumPy's, and derivatives go through what is made of ops."""

import numpy as np
import pytest

from nnlite import Input, Model, ops
from nnlite.ops import Trace

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.uniform(0.5, 2, (3, 4)), RANDOM.uniform(0.5, 2, (3, 4))
CUBE = RANDOM.normal(size=(2, 3, 4))

# name -> (function of one array, what NumPy makes of it)
OF_ONE = {
    "absolute": (ops.absolute, np.absolute),
    "amax": (lambda x: ops.amax(x, axis=0), lambda x: x.max(0)),
    "amin": (lambda x: ops.amin(x, axis=1), lambda x: x.min(1)),
    "append": (lambda x: ops.append(x, x), lambda x: np.append(x, x)),
    "append along 1": (lambda x: ops.append(x, x, axis=1), lambda x: np.append(x, x, 1)),
    "average": (lambda x: ops.average(x, 0, [1, 2, 3]), lambda x: np.average(x, 0, [1, 2, 3])),
    "average of all": (lambda x: ops.average(x), np.average),
    "copy": (ops.copy, np.copy),
    "cosh": (ops.cosh, np.cosh),
    "deg2rad": (ops.deg2rad, np.deg2rad),
    "diff": (ops.diff, np.diff),
    "diff twice": (lambda x: ops.diff(x, 2, 0), lambda x: np.diff(x, 2, 0)),
    "divide_no_nan": (lambda x: ops.divide_no_nan(x, Y * (Y > 1)), lambda x: np.where(Y > 1, x / Y, 0)),
    "dot": (lambda x: ops.dot(x, Y.T), lambda x: x @ Y.T),
    "dot of a cube": (lambda x: ops.dot(CUBE, ops.transpose(x)), lambda x: np.dot(CUBE, x.T)),
    "exp2": (ops.exp2, np.exp2),
    "flip": (lambda x: ops.flip(x, 1), lambda x: np.flip(x, 1)),
    "flip of all": (ops.flip, np.flip),
    "get_item": (lambda x: ops.get_item(x, 1), lambda x: x[1]),
    "glu": (lambda x: ops.glu(x, 1), lambda x: x[:, :2] / (1 + np.exp(-x[:, 2:]))),
    "hstack": (lambda x: ops.hstack([x, x]), lambda x: np.hstack([x, x])),
    "hypot": (lambda x: ops.hypot(x, Y), lambda x: np.hypot(x, Y)),
    "inner": (lambda x: ops.inner(x, Y), lambda x: np.inner(x, Y)),
    "layer_normalization": (
        lambda x: ops.layer_normalization(x, 2.0, 1.0),
        lambda x: 2 * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-7) + 1,
    ),
    "log10": (ops.log10, np.log10),
    "log2": (ops.log2, np.log2),
    "logaddexp": (lambda x: ops.logaddexp(x, Y), lambda x: np.logaddexp(x, Y)),
    "moments": (lambda x: ops.moments(x, 0)[1], lambda x: x.var(0)),
    "moveaxis": (lambda x: ops.moveaxis(ops.multiply(CUBE, x), 0, -1), lambda x: np.moveaxis(CUBE * x, 0, -1)),
    "norm": (lambda x: ops.norm(x, axis=1), lambda x: np.linalg.norm(x, axis=1)),
    "norm of order 1": (lambda x: ops.norm(x, 1, 0), lambda x: abs(x).sum(0)),
    "normalize": (ops.normalize, lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    "normalize over several axes": (
        lambda x: ops.normalize(x, axis=(0, 1)),
        lambda x: x / np.sqrt(np.sum(x**2, (0, 1))),
    ),
    "outer": (lambda x: ops.outer(x, Y), lambda x: np.outer(x, Y)),
    "rad2deg": (ops.rad2deg, np.rad2deg),
    "ravel": (ops.ravel, np.ravel),
    "reciprocal": (ops.reciprocal, np.reciprocal),
    "repeat": (lambda x: ops.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1)),
    "repeat of all": (lambda x: ops.repeat(x, 3), lambda x: np.repeat(x, 3)),
    "rms_normalization": (
        lambda x: ops.rms_normalization(x, 3.0),
        lambda x: 3 * x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7),
    ),
    "roll": (lambda x: ops.roll(x, 1, 1), lambda x: np.roll(x, 1, 1)),
    "rsqrt": (ops.rsqrt, lambda x: 1 / np.sqrt(x)),
    "select": (lambda x: ops.select([Y > 1, Y > 0.7], [x, -x]), lambda x: np.select([Y > 1, Y > 0.7], [x, -x])),
    "sinh": (ops.sinh, np.sinh),
    "slice": (lambda x: ops.slice(x, (1, 0), (2, 3)), lambda x: x[1:3, :3]),
    "swish": (ops.swish, lambda x: x / (1 + np.exp(-x))),
    "tan": (lambda x: ops.tan(ops.multiply(x, 0.5)), lambda x: np.tan(x / 2)),
    "tensordot": (lambda x: ops.tensordot(CUBE, x, 2), lambda x: np.tensordot(CUBE, x, 2)),
    "tensordot of axes": (
        lambda x: ops.tensordot(x, CUBE, ([0], [1])),
        lambda x: np.tensordot(x, CUBE, ([0], [1])),
    ),
    "tile": (lambda x: ops.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3))),
    "tile along the last": (lambda x: ops.tile(x, 2), lambda x: np.tile(x, 2)),
    "true_divide": (lambda x: ops.true_divide(Y, x), lambda x: Y / x),
    "unstack": (lambda x: ops.unstack(x, axis=1)[2], lambda x: x[:, 2]),
    "vdot": (lambda x: ops.vdot(x, Y), lambda x: np.vdot(x, Y)),
    "vstack": (lambda x: ops.vstack([x, ops.getitem(x, 0)]), lambda x: np.vstack([x, x[0]])),
}


@pytest.mark.parametrize("name", OF_ONE)
def test_values_and_derivatives(name):
    function, of_numpy = OF_ONE[name]
    expected = of_numpy(X)
    np.testing.assert_allclose(function(X), expected, rtol=1e-13, atol=1e-14)
    trace = Trace()
    output = function(trace.variable(X))
    np.testing.assert_allclose(output.value, expected, rtol=1e-13, atol=1e-14)
    weights = RANDOM.normal(size=expected.shape)
    (gradient,) = trace.jacobians(output).vjp(weights)
    direction, step = RANDOM.normal(size=X.shape), 1e-6
    slope = ((of_numpy(X + step * direction) - of_numpy(X - step * direction)) * weights).sum() / (2 * step)
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-7)


def test_constants_take_the_numbers_of_traced_values():
    x = Trace().variable(X)
    assert ops.argmax(x, axis=1).tolist() == X.argmax(1).tolist()
    assert ops.argmin(x, 1, True).tolist() == X.argmin(1, keepdims=True).tolist()  # keepdims by position
    assert ops.greater(x, 1.0).tolist() == (X > 1).tolist() and ops.any(x) and not ops.isnan(x).any()
    assert ops.zeros_like(x).shape == ops.shape(x) == (3, 4) and ops.size(x) == 12 and ops.ndim(x) == 2
    assert ops.floor(x).tolist() == np.floor(X).tolist() and ops.convert_to_tensor(x) is x
    assert ops.is_tensor(x) and ops.is_tensor(X) and not ops.is_tensor([1.0])
    assert ops.cast(x, "int32").dtype == np.int32 and ops.cast(x, "float32") is x and ops.dtype(X) == "float64"
    assert isinstance(ops.convert_to_numpy(x), np.ndarray)
    assert ops.one_hot([0, 2, 5], 3).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert ops.one_hot([[0, 1]], 2, axis=1).shape == (1, 2, 2)
    assert ops.multi_hot([[0, 2], [1, 1]], 3).tolist() == [[1, 0, 1], [0, 1, 0]]


def test_erfc_and_large_sums():
    np.testing.assert_allclose(ops.erfc(np.array([0.0, 0.5])), [1, 0.4795001221869535], rtol=1e-12)
    assert ops.logaddexp(np.array(1000.0), 999.0) == pytest.approx(1000 + np.log1p(np.exp(-1)), rel=1e-15)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.flip(x, 1),
        lambda x: ops.tile(x, (1, 2)),
        lambda x: ops.repeat(x, 2, 1),
        lambda x: ops.dot(x, np.eye(4)),
        lambda x: ops.hstack([x, x]),
        lambda x: ops.average(x, -1),
    ],
)
def test_functions_that_ask_for_shapes_are_drawn_on_symbols(function):
    x = Input((4,))
    values = np.arange(8.0).reshape(2, 4)
    np.testing.assert_allclose(Model(x, function(x)).predict(values, verbose=0), function(values))
    assert ops.shape(x) == (None, 4)
