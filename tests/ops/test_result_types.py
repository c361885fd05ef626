"""Types that functions of ops compute in, as Keras's do, and arguments by Keras's names and in its forms."""

import numpy as np
import pytest

from nnlite import Input, KerasTensor, Model, activations, ops

WHOLE = np.arange(6, dtype=np.int32).reshape(2, 3)
SINGLE = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
SMALL = np.array([[1, 2, 3]], np.int8)
YES = WHOLE > 2

# Call -> the type of its result.
TYPES = {
    "moves keep integers": (lambda: ops.transpose(ops.reshape(WHOLE, (3, 2))), "int32"),
    "concatenated integers": (lambda: ops.concatenate([WHOLE, WHOLE], 1), "int32"),
    "integers beside floats": (lambda: ops.concatenate([WHOLE, SINGLE]), "float32"),
    "taken": (lambda: ops.take(WHOLE, [1, 0], 1), "int32"),
    "tiled, padded, sorted": (lambda: ops.sort(ops.pad(ops.tile(WHOLE, 2), 1)), "int32"),
    "chosen": (lambda: ops.where(YES, WHOLE, 0), "int32"),
    "chosen from numbers": (lambda: ops.where(YES, 1.0, 0), "float32"),
    "sum of integers": (lambda: ops.add(WHOLE, 2), "int32"),
    "sum with a float": (lambda: ops.add(WHOLE, 2.5), "float32"),
    "sum of float32 and integers": (lambda: ops.add(SINGLE, WHOLE.astype(np.int64)), "float32"),
    "sum of float32 and a list": (lambda: ops.add(SINGLE, [1.0, 2.0, 3.0]), "float32"),
    "sum of float64 and a float": (lambda: ops.add(SINGLE.astype(np.float64), 2.5), "float64"),
    "two integers": (lambda: ops.add(1, 2), "int32"),
    "within broken bounds": (lambda: ops.clip(WHOLE, 0.5, 4), "float32"),
    "within whole bounds": (lambda: ops.clip(WHOLE, 1, 4), "int32"),
    "shared factors": (lambda: ops.gcd(SMALL, SMALL.astype(np.uint32)), "int32"),
    "multiples of flags": (lambda: ops.lcm(YES, 2), "int32"),
    "common bits": (lambda: ops.bitwise_and(SMALL, SMALL.astype(np.uint32)), "int32"),
    "grid of lists": (lambda: ops.meshgrid([1, 2], [3, 4])[1], "int32"),
    "complex of integers": (lambda: ops.view_as_complex([[1, 2]]), "complex64"),
    "zeros of a Python type": (lambda: ops.zeros((2,), dtype=int), "int32"),
    "empty of a Python type": (lambda: ops.empty((2,), dtype=int), "int32"),
    "cast to a Python type": (lambda: ops.cast(WHOLE, float), "float32"),
    "ones of a Python type": (lambda: ops.ones((2,), dtype=float), "float32"),
    "two floats": (lambda: ops.multiply(0.5, 2), "float32"),
    "power": (lambda: ops.power(WHOLE, 2), "int32"),
    "root": (lambda: ops.sqrt(WHOLE), "float32"),
    "quotient": (lambda: ops.divide(WHOLE, 2), "float32"),
    "mean": (lambda: ops.mean(WHOLE), "float32"),
    "total": (lambda: ops.sum(WHOLE), "int32"),
    "total of small ones": (lambda: ops.sum(SMALL), "int32"),
    "how many": (lambda: ops.sum(YES, 0), "int32"),
    "largest": (lambda: ops.max(SMALL), "int8"),
    "product": (lambda: ops.matmul(WHOLE, WHOLE.T), "int32"),
    "list": (lambda: ops.exp([0.5, 1.0]), "float32"),
    "float64": (lambda: ops.exp(np.float64(0.5)), "float64"),
    "angle": (lambda: ops.arcsin(WHOLE / 6 > 2), "float32"),
    "direction": (lambda: ops.arctan2(WHOLE, 1), "float32"),
    "remainder": (lambda: ops.mod(WHOLE, 2), "int32"),
    "floor": (lambda: ops.floor(WHOLE), "float32"),
    "rectified": (lambda: ops.relu([-1, 2]), "int32"),
    "soft": (lambda: ops.softmax(WHOLE), "float32"),
    "full of integers": (lambda: ops.full((2,), 3), "float32"),
    "array of a named type": (lambda: ops.array([1, 0], dtype="float16"), "float16"),
    "ones of a named type": (lambda: ops.ones_like([1, 2], dtype="int64"), "int64"),
    "step of half precision": (lambda: ops.heaviside(np.ones(3, np.float16), SMALL), "float16"),
    "neighbors in half precision": (lambda: ops.nextafter(np.ones(3, np.float16), SMALL), "float16"),
    "vector product with integers": (lambda: ops.cross(np.ones(3, np.float16), SMALL), "float16"),
    "correlation of integers": (lambda: ops.correlate(SMALL[0], SMALL[0]), "float32"),
    "product of all small ones": (lambda: ops.vdot(SMALL, SMALL), "int8"),
    "quotient in half precision": (lambda: ops.divide_no_nan(np.ones(3, np.float16), SMALL), "float16"),
    "largest from a float": (lambda: ops.max(WHOLE, initial=9.0), "int32"),
    "largest from a double": (lambda: ops.max(np.ones(3, np.float32), initial=np.float64(2)), "float32"),
    "mean of parts": (lambda: ops.adaptive_average_pool(WHOLE.reshape(1, 6, 1), 4), "float32"),
    "size of a symbol": (lambda: np.empty(0, ops.size(KerasTensor((2, 3))).dtype), "int32"),
    "direction in a graph": (lambda: Model(x := Input((3,)), ops.arctan2(x, 2.0))(SINGLE), "float32"),
    "unsigned and signed": (lambda: ops.add(WHOLE.astype(np.uint32), SMALL), "int32"),
    "quotient by a float": (lambda: ops.divide_no_nan(np.ones(3, np.float16), 2.5), "float16"),
    "symbol from a float": (lambda: np.empty(0, ops.max(KerasTensor((2,), "float16"), initial=0.5).dtype), "float16"),
    "symbol and constants": (
        lambda: np.empty(0, ops.add(KerasTensor((3,), "float16"), np.ones(3, np.float16)).dtype),
        "float16",
    ),
    "counts of integers": (lambda: ops.histogram(WHOLE)[0], "float32"),
    "scores of half precision": (lambda: ops.ctc_decode(np.ones((1, 3, 4), np.float16), [3])[1], "float32"),
    "sums of segments": (lambda: ops.segment_sum(SMALL, [0]), "int8"),
    "carry of a scan": (lambda: ops.scan(lambda carry, x: (carry + x, carry), 0.0, SMALL[0])[0], "float32"),
    "number of rounds": (lambda: ops.while_loop(lambda n: n < 3, lambda n: n + 1, 0), "int32"),
    "sum of a loop": (lambda: ops.fori_loop(0, 3, lambda n, total: total + n, 0), "int32"),
    "changes of truth": (lambda: ops.diff(YES), "bool"),
    "attention": (lambda: ops.dot_product_attention(*[SINGLE.reshape(1, 2, 1, 3)] * 3), "float32"),
}


@pytest.mark.parametrize("name", TYPES)
def test_types(name):
    call, expected = TYPES[name]
    assert np.asarray(call()).dtype == expected


def test_large_integers_are_moved_whole():
    large = np.array([2**60 + 1, 5])
    assert ops.flip(ops.reshape(large, (2, 1))).ravel().tolist() == [5, 2**60 + 1]


# Call by Keras's names -> the same by position.
CALLS = {
    "x1, x2": (lambda: ops.subtract(x1=SINGLE, x2=2.0), lambda: SINGLE - 2),
    "second alone": (lambda: ops.matmul(WHOLE, x2=WHOLE.T), lambda: WHOLE @ WHOLE.T),
    "where": (lambda: ops.where(YES, x1=1.0, x2=SINGLE), lambda: np.where(YES, 1, SINGLE)),
    "newshape": (lambda: ops.reshape(SINGLE, newshape=(3, 2)), lambda: SINGLE.reshape(3, 2)),
    "one length": (lambda: ops.reshape(SINGLE, -1), lambda: SINGLE.ravel()),
    "xs": (lambda: ops.concatenate(xs=[SINGLE, SINGLE], axis=1), lambda: np.hstack([SINGLE, SINGLE])),
    "stack": (lambda: ops.stack(x=[SINGLE, SINGLE]), lambda: np.stack([SINGLE, SINGLE])),
    "argmax": (lambda: ops.argmax(x=SINGLE, axis=-1), lambda: SINGLE.argmax(-1)),
    "searchsorted": (
        lambda: ops.searchsorted(sorted_sequence=[1.0, 2.0], values=[1.5], side="right"),
        lambda: np.array([1]),
    ),
    "bits": (lambda: ops.bitwise_and(x=WHOLE, y=1), lambda: WHOLE & 1),
    "rot90": (lambda: ops.rot90(array=SINGLE), lambda: np.rot90(SINGLE)),
    "det": (lambda: ops.det(x=2 * np.eye(2)), lambda: np.array(4.0)),
    "variable": (lambda: ops.stop_gradient(variable=SINGLE), lambda: SINGLE),
    "vectorized_map": (lambda: ops.vectorized_map(function=ops.sum, elements=SINGLE), lambda: SINGLE.sum(1)),
    "axes of length 1": (lambda: ops.expand_dims(SINGLE, (0, -1)), lambda: SINGLE[None, ..., None]),
    "axis as a number of NumPy": (lambda: ops.expand_dims(SINGLE, np.int64(1)), lambda: SINGLE[:, None]),
    "squeeze": (lambda: ops.squeeze(SINGLE[None, None], [0, 1]), lambda: SINGLE),
    "from the end": (lambda: ops.take(SINGLE, np.array([-1, 0]), 1), lambda: SINGLE[:, [-1, 0]]),
    "from the end of all": (lambda: ops.take(SINGLE, -2), lambda: SINGLE.ravel()[-2]),
    "initial": (lambda: ops.max(SINGLE, initial=5), lambda: np.array(5)),
    "initial minimum": (lambda: ops.min(SINGLE, axis=1, initial=0.0), lambda: np.minimum(SINGLE.min(1), 0)),
    "no bound": (lambda: ops.clip(SINGLE, None, 0.5), lambda: np.minimum(SINGLE, 0.5)),
    "bounds by name": (lambda: ops.clip(SINGLE, x_min=-0.5, x_max=SINGLE * 0), lambda: np.clip(SINGLE, -0.5, 0)),
    "two axes": (lambda: ops.roll(SINGLE, (1, 2), (0, 1)), lambda: np.roll(SINGLE, (1, 2), (0, 1))),
    "list of axes": (lambda: ops.all(YES, axis=[0, 1]), lambda: np.array(False)),
    "multi_hot": (
        lambda: ops.multi_hot(np.array([[[0], [2]]]), 3),
        lambda: np.array([[[1.0, 0, 1]]]),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    call, expected = CALLS[name]
    np.testing.assert_allclose(np.asarray(call()), expected(), rtol=1e-6)


def test_places_where_a_condition_holds():
    assert [part.tolist() for part in ops.where(YES)] == [part.tolist() for part in np.nonzero(YES)]


def test_gelu_is_approximate_in_ops_alone():
    exact, near = activations.gelu(SINGLE), ops.gelu(SINGLE)
    np.testing.assert_array_equal(near, activations.gelu(SINGLE, approximate=True))
    np.testing.assert_array_equal(exact, ops.gelu(SINGLE, approximate=False))
    assert (near != exact).any()


COUNTS, TRUTHS = np.array([[1, 2, 4]], np.int32), np.array([[True, False, True]])


@pytest.mark.parametrize(
    ("compute", "dtype", "expected"),
    [
        (lambda: ops.array([1.0, 2.5]), "float32", [1.0, 2.5]),
        (lambda: ops.round([1.4]), "float32", [1.0]),
        (lambda: ops.i0(COUNTS[:, :1]), "float32", [[1.2660658]]),
        (lambda: ops.floor_divide(COUNTS, 2.5), "float32", [[0.0, 0.0, 1.0]]),
        (lambda: ops.median(COUNTS), "float32", 2.0),
        (lambda: ops.cumsum(COUNTS, axis=1), "int32", [[1, 3, 7]]),
        (lambda: ops.prod(COUNTS, axis=[0, 1]), "int32", 8),
        (lambda: ops.nanmean(TRUTHS, axis=[0, 1]), "float32", 2 / 3),
        (lambda: ops.abs(TRUTHS), "bool", [[True, False, True]]),
        (lambda: ops.sign(TRUTHS), "bool", [[True, False, True]]),
        (lambda: ops.cosh(TRUTHS[:, 1:2]), "float32", [[1.0]]),
        (lambda: ops.logaddexp2(COUNTS, COUNTS), "float32", [[2.0, 3.0, 5.0]]),
        (lambda: ops.logaddexp2(np.float64([1.0]), 1.0), "float64", [2.0]),
        (lambda: ops.ldexp([0.5], np.array([2])), "float32", [2.0]),
        (lambda: ops.copy([0.5]), "float32", [0.5]),
        (lambda: ops.trapezoid(TRUTHS), "float32", [1.0]),
        (lambda: ops.argsort(COUNTS), "int32", [[0, 1, 2]]),
        (lambda: ops.allclose([1.0], [1.0]), "bool", True),
        (lambda: ops.conj(TRUTHS), "bool", [[True, False, True]]),
        (lambda: ops.kaiser(1, beta=14.0), "float32", [1.0]),
        (lambda: ops.ones_like([1, 2]), "int32", [1, 1]),
        (lambda: ops.negative(COUNTS.astype("uint8")), "uint8", [[255, 254, 252]]),
        (lambda: ops.cumsum(COUNTS.astype("int8"), axis=1), "int8", [[1, 3, 7]]),
        (lambda: ops.cumsum(TRUTHS, axis=1), "int32", [[1, 1, 2]]),
        (lambda: ops.linspace(1, 2, 3, retstep=True)[0], "float32", [1.0, 1.5, 2.0]),
        (lambda: ops.linspace(1, 2, 3, retstep=True, dtype="float64")[0], "float64", [1.0, 1.5, 2.0]),
        (lambda: ops.det([[1.0, 2.0], [3.0, 5.0]]), "float32", -1.0),
        (lambda: ops.logdet([[2.0, 0.0], [0.0, 0.5]]), "float32", 0.0),
    ],
)
def test_results_have_the_types_of_keras(compute, dtype, expected):
    result = compute()
    assert result.dtype == dtype
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_symbols_of_integers_are_summed_and_multiplied():
    symbol = KerasTensor((2, 4), dtype="int32")
    assert [ops.cumsum(symbol).shape, ops.prod(symbol, axis=0).shape] == [(8,), (4,)]
    assert ops.cumsum(symbol, axis=1).dtype == "int32"
    assert ops.multi_hot(KerasTensor((2, 3), dtype="int32"), 5).shape == (2, 5)


def test_lists_have_types_of_keras_also_beside_arrays():
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert ops.average(x, axis=0, weights=[1.0, 3.0]).dtype == "float32"
    assert ops.average(np.float64(x), axis=0, weights=[1.0, 3.0]).dtype == "float64"
    assert ops.sparse_categorical_crossentropy([1], [[0.25, 0.75]]).dtype == "float32"
    assert ops.segment_max([1.0, 2.0], [0, 2], num_segments=3).dtype == "float32"
    assert ops.unique([3, 1, 3]).dtype == "int32"


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.linspace(x[0], x[1], 3),
        lambda x: ops.linspace(x[0], 5.0, 3),
        lambda x: ops.logspace(x[0], x[1], 3),
        lambda x: ops.geomspace(x[0], x[1], 3),
        lambda x: ops.arange(x[0], x[3]),
        lambda x: ops.rfft(x)[0],
        lambda x: ops.fft((x, x))[1],
        lambda x: ops.stft(x, 4, 2, 4)[0],
        lambda x: ops.bincount(np.arange(8), weights=x),
        lambda x: ops.image.resize(ops.reshape(x, (1, 2, 4, 1)), (1, 2)),
        lambda x: ops.image.rgb_to_grayscale(ops.reshape(x[:6], (1, 2, 1, 3))),
    ],
)
def test_numbers_of_sixteen_bits_give_such(function, kind):
    if kind == "bfloat16":
        pytest.importorskip("ml_dtypes")
    exact = np.arange(1, 9, dtype="float32")
    result = function(ops.cast(exact, kind))
    assert str(result.dtype) == kind
    np.testing.assert_allclose(result.astype("float32"), function(exact), rtol=0.01, atol=0.02)


def test_numbers_between_ends_of_several_types_are_of_the_default():
    ends = np.float16(1), np.float32(4)
    assert ops.linspace(*ends, 3).dtype == ops.arange(*ends).dtype == ops.geomspace(*ends, 3).dtype == np.float32
