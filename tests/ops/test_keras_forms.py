"""Functions of `keras.ops`: types of results, axes that there are not, and symbols."""

import numpy as np
import pytest

from nnlite import Input, KerasTensor, Model, backend, losses, models, ops
from nnlite.errors import ConfigError, ShapeError, WrongTypeError
from nnlite.ops.tracing import Trace


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_small_integers_keep_their_type(dtype):
    x = np.array([1, 2, 3], dtype)
    assert ops.square(x).dtype == ops.cumprod(x).dtype == dtype
    assert ops.square(x > 1).dtype == ops.cumprod(x > 1).dtype == np.int32
    assert ops.sum(x).dtype == ("uint32" if dtype == "uint8" else "int32")


def test_remainders_of_booleans_are_integers():
    bits = np.array([True, True])
    for function in (ops.mod, ops.fmod, ops.floor_divide):
        assert function(bits, bits).dtype == np.int32
    assert ops.floor_divide(np.float32([7]), np.array([2])).dtype == np.float32


@pytest.mark.parametrize("function", [ops.mod, ops.fmod])
def test_remainders_by_numbers_of_a_program_keep_the_type(function):
    inputs = Input((2,))
    outputs = Model(inputs, [function(inputs, 2), function(7, inputs)])(np.float32([[-5, 4]]))
    for output, operands in zip(outputs, ((np.float32([-5, 4]), 2), (7, np.float32([-5, 4]))), strict=True):
        assert output.dtype == np.float32
        np.testing.assert_array_equal(output[0], function(*operands))


def test_indices_are_int32():
    places = [*ops.nonzero(np.eye(2)), *ops.unravel_index(np.array([1, 3]), (2, 2)), *ops.where(np.eye(2) > 0)]
    assert {array.dtype.name for array in places} == {"int32"}
    assert [array.tolist() for array in ops.unravel_index(3, (2, 2))] == [1, 1]


def test_equal_numbers_stay_in_order():
    x = np.tile([1.0, 0.0], 40)
    assert ops.argsort(x).tolist() == [*range(1, 80, 2), *range(0, 80, 2)]


def test_counts_of_rows():
    rows = np.array([[1, 1, 2], [0, 0, 1]])
    assert ops.bincount(rows).tolist() == [[0, 2, 1], [2, 1, 0]]
    weighted = ops.bincount(rows, weights=np.float32([[1, 2, 3], [4, 5, 6]]), minlength=4)
    assert weighted.tolist() == [[0, 3, 3, 0], [9, 6, 0, 0]]
    assert ops.bincount(rows[:, :0], minlength=2).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(ShapeError, match=r"weights have shape \(1, 3\), x has \(2, 3\)"):
        ops.bincount(rows, weights=np.ones((1, 3)))


@pytest.mark.parametrize("function", [ops.median, ops.norm, ops.prod, ops.softmax])
@pytest.mark.parametrize("axis", [2, -3, (0, 2)])
def test_an_axis_that_there_is_not_is_refused(function, axis):
    with pytest.raises(ValueError, match=r"axis|axes|out of bounds"):
        function(np.ones((2, 3)), axis=axis)


def test_arguments_that_do_not_go_together():
    with pytest.raises(ConfigError, match="mode='constant', not with 'reflect'"):
        ops.pad(np.ones((2, 2)), 1, mode="reflect", constant_values=3)
    with pytest.raises(ConfigError, match="unknown dtype 'float31'"):
        ops.cast(np.ones(2), "float31")


def test_softmax_over_all_numbers():
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    np.testing.assert_allclose(ops.softmax(x, axis=None), np.exp(x) / np.exp(x).sum(), rtol=1e-15)
    assert ops.softmax(KerasTensor((None, 3)), axis=None).shape == (None, 3)


def test_symbols_of_further_functions():
    matrix, whole = KerasTensor((2, 3)), KerasTensor((2, 3), dtype="int32")
    assert [row.shape for row in ops.unstack(matrix)] == [(3,), (3,)]
    assert [row.shape for row in ops.unstack(KerasTensor((None, 3)), axis=1)] == [(None,)] * 3
    with pytest.raises(ShapeError, match="needs a known length of axis 0"):
        ops.unstack(KerasTensor((None, 3)))
    carry, _ = ops.scan(lambda total, row: (total + row, row), np.zeros(3), KerasTensor((None, 3)))
    assert carry.shape == (3,)
    assert ops.map(lambda row: 2 * row, matrix).shape == (2, 3)
    assert ops.conj(matrix).dtype == ops.real(matrix).dtype == ops.logsumexp(whole).dtype == "float32"


def test_operators_of_symbols():
    x, bits = KerasTensor((2, 3)), KerasTensor((2, 3), dtype="bool")
    for symbol in (x // 2, 2 // x, x % 2, 5 % x, round(x)):
        assert (symbol.shape, symbol.dtype) == ((2, 3), "float32")
    for symbol in (x != 1, bits & bits, bits | bits, bits ^ bits, ~bits, True & bits, False | bits, True ^ bits):
        assert (symbol.shape, symbol.dtype) == ((2, 3), "bool")
    assert x.reshape((3, 2)).shape == (3, 2) and KerasTensor((1, 3)).squeeze().shape == (3,)
    for convert in (bool, float, int):
        with pytest.raises(TypeError, match="has no values yet"):
            convert(x)


def test_types_meet_as_in_keras():
    pairs = {
        ("uint8", "int8"): "int16",
        ("uint32", "int8"): "int32",
        ("int64", "int64"): "int32",
        ("float64", "int8"): "float32",
        ("bfloat16", "int64"): "bfloat16",
        ("bfloat16", "float16"): "float32",
        ("bool", int): "int32",
        ("uint64", "int8"): "float32",
    }
    assert {pair: backend.result_type(*pair) for pair in pairs} == pairs
    assert backend.is_float_dtype("bfloat16") and not backend.is_float_dtype("int8")
    assert backend.is_int_dtype("uint8") and not backend.is_int_dtype("bool")


def test_symbols_of_lengths_that_numbers_decide():
    matrix = KerasTensor((2, 3))
    assert [places.shape for places in ops.nonzero(matrix)] == [(None,), (None,)]
    assert ops.unique(KerasTensor((3,), dtype="int32")).shape == (None,)
    assert ops.bincount(KerasTensor((3,), dtype="int32")).shape == (None,)


def test_symbols_of_known_lengths():
    vector, square = KerasTensor((3,)), KerasTensor((2, 2), dtype="int32")
    assert (ops.array(vector).shape, ops.dtype(square)) == ((3,), "int32")
    assert ops.cross(vector, vector).shape == (3,)
    assert ops.inv(square).shape == ops.cholesky(square).shape == (2, 2)
    assert ops.associative_scan(ops.add, KerasTensor((5, 3))).shape == (5, 3)


def test_branches_of_a_graph():
    x, known = Input((2,)), Input((), dtype="bool")
    which = Input((), dtype="int32")
    chosen = ops.cond(known, lambda: 2 * x, lambda: -x)
    third = ops.switch(which[0], [lambda x: x, lambda x: 3 * x, lambda x: 5 * x], x)
    model = Model([x, known, which], [chosen, third])
    rows = np.array([[1.0, 2.0]])
    for truth, index, expected, factor in ((True, 1, 2 * rows, 3), (False, 7, -rows, 5), (True, -1, 2 * rows, 1)):
        results = model.predict([rows, np.array([truth]), np.array([index])], verbose=0)
        assert results[0].tolist() == expected.tolist() and results[1].tolist() == (factor * rows).tolist()


def test_extremes_of_nothing_are_the_initial_value():
    assert ops.max(np.zeros((0, 3)), axis=0, initial=2.0).tolist() == [2.0] * 3
    assert ops.min(np.zeros(0), initial=2.0) == 2.0
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        ops.expand_dims(np.ones((2, 3)), 5)
    with pytest.raises(ValueError, match="unknown dtype 'nope'"):
        ops.zeros((2,), dtype="nope")


def test_values_of_losses_as_arrays():
    value = losses.MeanSquaredError()(np.ones((2, 1)), np.zeros((2, 1)))
    assert (
        ops.is_tensor(value) and ops.convert_to_numpy(value).dtype == ops.convert_to_tensor(value).dtype == np.float32
    )


@pytest.mark.parametrize(
    "compute, error, message",
    [
        (lambda: ops.where([True], [1.0]), ConfigError, "x2: where takes x1 and x2 together"),
        (lambda: ops.top_k([1.0, 2.0], 3), ConfigError, r"k: top_k: must be in \[0, 2\], got 3"),
        (lambda: ops.top_k([1.0, 2.0], -1), ConfigError, r"must be in \[0, 2\], got -1"),
        (lambda: ops.quantile([1.0], 0.5, method="middle"), ConfigError, "unknown method 'middle'; allowed: linear"),
        (lambda: ops.vectorize(3), TypeError, "takes a function, got 3"),
        (lambda: ops.convert_to_tensor(None), TypeError, "takes numbers, got None"),
        (lambda: ops.slice(np.arange(4), [3], [2]), ShapeError, r"shape \(2,\) from \(3,\) on exceeds \(4,\)"),
        (lambda: ops.slice(np.arange(4), [0, 0], [2, 2]), ShapeError, r"slice of \(4,\) needs a length for each index"),
        (lambda: ops.slice(np.arange(4), [1], [-2]), ShapeError, "a length for each index"),
        (lambda: ops.slice(np.arange(4), [1, 1], [2]), ShapeError, "a length for each index"),
        (lambda: ops.slice(np.arange(4), [-1], [2]), ShapeError, "exceeds"),
        (lambda: ops.add(np.ones(2), None), TypeError, "expected an array or a number, got None"),
        (lambda: ops.abs("a"), WrongTypeError, "ops.abs: ufunc"),
        (lambda: ops.arccos(None), WrongTypeError, "ops.arccos: loop"),
        (lambda: ops.prod([1.0], axis="a"), WrongTypeError, "ops.prod: 'str'"),
        (lambda: ops.swapaxes(None, 0, 1), ShapeError, "ops.swapaxes: list index"),
        (lambda: ops.conv(1.5, np.ones((3, 2, 4))), ShapeError, "ops.conv: tuple index"),
        (lambda: ops.conv(1.5, np.ones((3, 2, 4))), IndexError, "ops.conv: tuple index"),
        (lambda: ops.bitwise_or(Input((2,)), 1), WrongTypeError, "ops.bitwise_or: ufunc"),
        (lambda: Input((2,)) * None, TypeError, "expected an array or a number, got None"),
        (lambda: ops.max_pool(np.ones((5, 2)), 2), ShapeError, r"3, 4 or 5 axes.*\(5, 2\)"),
        (lambda: ops.lu_factor(np.ones(3)), ShapeError, r"takes matrices.*\(3,\)"),
        (lambda: ops.cond(np.array([True, False]), list, list), ValueError, "truth value of an array"),
        (lambda: ops.add(np.ones(2), "a"), ValueError, "could not convert string"),
        (lambda: ops.conv(np.ones((1, 4, 4, 2)), np.ones((2, 2, 3, 1))), ShapeError, "2 channels of inputs are no mul"),
        (lambda: ops.binary_crossentropy(np.ones((2, 1)), np.ones((2, 2))), ShapeError, "do not fit the outputs"),
        (lambda: ops.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 2))), ShapeError, "do not fit the outputs"),
        (lambda: ops.sparse_categorical_crossentropy([1, 2], [[0.2, 0.8]]), ShapeError, r"\(2,\) do not fit .* \(1,\)"),
    ],
)
def test_what_has_no_result_is_refused(compute, error, message):
    with pytest.raises(error, match=message):
        compute()


def test_a_slice_of_the_first_axes_has_the_others_whole():
    whole = np.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(ops.slice(whole, [1], [2]), [[2, 3], [4, 5]])
    np.testing.assert_array_equal(ops.slice(whole, [1, -1], [-1, -1]), [[3], [5]])


def test_a_slice_may_begin_at_an_index_from_the_end():
    assert ops.slice(np.arange(4), [-2], [2]).tolist() == [2, 3]
    assert ops.slice(np.arange(4), [-3], [2]).tolist() == [1, 2]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint32", "int64"])
def test_casts_to_integers_stop_at_the_limits(kind):
    limits = np.iinfo(kind)
    for numbers in (np.float32([-1e30, 5, 1e30, np.inf]), np.array([-1e30, 5, 1e30, np.inf])):
        assert ops.saturate_cast(numbers, kind).tolist() == [limits.min, 5, limits.max, limits.max]
    assert ops.saturate_cast(np.int8([-1, 5]), kind).tolist() == [max(-1, limits.min), 5]


def test_the_type_that_is_asked_for_is_the_type_of_the_result():
    numbers = np.ones(4, np.float32)
    assert ops.saturate_cast(numbers, "float64").dtype == ops.view(numbers, "float64").dtype == np.float64


def test_text_is_moved_as_it_is():
    words = np.array(["one", "two"])
    assert ops.expand_dims(words, -1).tolist() == [["one"], ["two"]]
    assert ops.concatenate([words, ["three"]]).tolist() == ["one", "two", "three"]
    assert ops.expand_dims(Input((), dtype="string"), -1).shape == (None, 1)
    assert ops.where([True, False], np.array(["a", "b"]), "none").tolist() == ["a", "none"]


def test_numbers_of_a_program_have_the_types_of_results_too():
    assert ops.lcm(4, 6).dtype == ops.gcd(4, 6).dtype == np.int32
    assert ops.slogdet([[1.0, 2.0], [3.0, 4.0]])[0].dtype == np.float32
    np.testing.assert_array_equal(ops.vstack([1, 2]), [[1], [2]])


def test_the_size_of_a_symbol_is_a_symbol():
    inputs = Input((3,))
    assert ops.size(inputs).shape == () and ops.size(np.ones((2, 3))) == 6
    assert Model(inputs, ops.size(inputs) * inputs)(np.ones((2, 3), np.float32)).tolist() == [[6.0] * 3] * 2


@pytest.mark.parametrize(
    "index",
    [[], np.array([1, -2, 1]), ([0, 1], [2, 0]), (slice(None), [2, 2]), [True, False], np.arange(6).reshape(2, 3) > 1],
)
def test_arrays_as_indices(index):
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ops.get_item(x, index), x[index])
    trace = Trace()
    chosen = trace.variable(x)[index]
    upstream = np.arange(1.0, 1.0 + chosen.size).reshape(chosen.shape)
    wanted = np.zeros_like(x)
    np.add.at(wanted, index, upstream)
    np.testing.assert_array_equal(trace.jacobians(chosen).vjp(upstream)[0], wanted)


def test_arrays_as_indices_of_symbols(tmp_path):
    inputs = Input((3,))
    model = Model(inputs, inputs[:, [2, 0]])
    model.save(tmp_path / "chosen.keras")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for chosen in (model, models.load_model(tmp_path / "chosen.keras")):
        np.testing.assert_array_equal(chosen(x), x[:, [2, 0]])
    with pytest.raises(ConfigError, match=r"must be integers, slices, \.\.\., None or arrays of them, got 1\.5"):
        ops.get_item(x, 1.5)


def test_updates_take_the_type_of_what_they_change():
    whole = np.zeros(3, "int32")
    updated = ops.scatter_update(whole, [[1]], np.array([1.5]))
    sliced = ops.slice_update(whole, (0,), np.array([1.5, 2.0]))
    assert (updated.dtype, updated.tolist(), sliced.dtype, sliced.tolist()) == ("int32", [0, 1, 0], "int32", [1, 2, 0])
    with pytest.raises(ConfigError, match="unknown reduction 'most'"):
        ops.scatter_update(whole, [[1]], [2], reduction="most")


def test_a_logarithm_of_a_sum_of_nothing_or_of_infinity_is_infinite():
    assert ops.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    assert ops.logsumexp(np.array([[1.0, np.inf], [-np.inf, 3.0]]), axis=1).tolist() == [np.inf, 3.0]


@pytest.mark.parametrize("upper", [False, True])
def test_an_inverse_by_a_cholesky_factor_reads_one_triangle(upper):
    square = np.array([[4.0, 1.0], [3.0, 2.0]])
    factor = (np.triu if upper else np.tril)(square)
    whole = factor.T @ factor if upper else factor @ factor.T
    np.testing.assert_allclose(ops.cholesky_inverse(square, upper), np.linalg.inv(whole))


def test_one_head_of_keys_serves_all_heads():
    query, key = np.random.default_rng(0).normal(size=(2, 1, 4, 3, 8))
    shared = ops.dot_product_attention(query, key[:, :, :1], key[:, :, :1])
    np.testing.assert_allclose(shared, ops.dot_product_attention(query, *[key[:, :, :1].repeat(3, 2)] * 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.segment_sum(np.ones(3), np.array([0, 1])), "a number for each of 3 rows"),
        (lambda: ops.normalize(np.ones((1, 2)), order=0), "order must be an integer >= 1"),
        (lambda: ops.diff(np.arange(3), n=-1), "diff takes n >= 0"),
        (lambda: ops.scan(lambda carry, row: (carry, row), 0), "scan takes xs, or length"),
        (lambda: ops.scan(lambda carry, row: (carry, row), 0, np.arange(3), unroll="a"), "unroll must be an integer"),
        (lambda: ops.associative_scan(ops.add, [np.arange(3), np.arange(4)]), "arrays of one length along axis 0"),
    ],
)
def test_what_does_not_fit_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_types_of_results_of_further_kinds():
    assert backend.result_type("complex64", "float32") == backend.result_type("complex64", "int32") == "complex64"
    assert backend.result_type("string") == backend.standardize_dtype(str) == "string"
    assert backend.standardize_dtype("float8_e4m3fn") == "float8_e4m3fn"
    with pytest.raises(ValueError, match="no type of 8 bits"):
        backend.result_type("float8_e4m3fn", "float32")
    assert ops.clip(np.array([True, False]), 0, 1).dtype == "int32"
    small = np.full((2, 2), 100, "int8")
    assert ops.matmul(small, small).tolist() == ops.einsum("ij,jk->ik", small, small).tolist() == [[20_000] * 2] * 2
    assert ops.view_as_complex([[1.0, 2.0]]).dtype == "complex64"
    assert ops.scan(lambda carry, row: (carry + row, carry), 0, np.arange(5), length=2)[0] == 1
