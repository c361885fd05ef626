"""Functions of `nnlite.ops` under the names of `keras.ops`: values beside NumPy's, derivatives beside differences."""

import itertools
import math
import pickle

import numpy as np
import pytest
from numeric import check_value_and_derivative

from nnlite import Input, Model, ops, preprocessing
from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError
from nnlite.losses import CTC
from nnlite.ops.tracing import Trace

generator = np.random.default_rng(3)
X = generator.uniform(-0.9, 0.9, (3, 4))
Y = generator.uniform(0.2, 2.0, (3, 4))
SQUARE = X[:, :3] @ X[:, :3].T + np.eye(3)
HOLES = np.where(generator.random((3, 4)) < 0.3, np.nan, X)
IDS = np.array([0, 2, 0])

# Call of a function of one array -> what NumPy makes of it; all of these have derivatives.
DERIVED = {
    "arcsin": (ops.arcsin, np.arcsin, X),
    "arccos": (ops.arccos, np.arccos, X),
    "arctan": (ops.arctan, np.arctan, X),
    "arcsinh": (ops.arcsinh, np.arcsinh, X),
    "arccosh": (ops.arccosh, np.arccosh, Y + 1),
    "arctanh": (ops.arctanh, np.arctanh, X),
    "cbrt": (ops.cbrt, np.cbrt, X),
    "sinc": (ops.sinc, np.sinc, np.append(X, 0.0)),
    "erfinv": (lambda x: ops.erf(ops.erfinv(x)), lambda x: x, X),
    "arctan2": (lambda x: ops.arctan2(x, Y - 1), lambda x: np.arctan2(x, Y - 1), X),
    "arctan2 by the second": (lambda x: ops.arctan2(Y - 1, x), lambda x: np.arctan2(Y - 1, x), X),
    "mod": (lambda x: ops.mod(x, 0.3), lambda x: np.mod(x, 0.3), X),
    "fmod": (lambda x: ops.fmod(x, 0.3), lambda x: np.fmod(x, 0.3), X),
    "ldexp": (lambda x: ops.ldexp(x, 3), lambda x: x * 8, X),
    "logaddexp2": (lambda x: ops.logaddexp2(x, Y), lambda x: np.logaddexp2(x, Y), X),
    "nan_to_num": (lambda x: ops.nan_to_num(x, nan=7.0), lambda x: x, X),
    "rot90": (lambda x: ops.rot90(x, 3), lambda x: np.rot90(x, 3), X),
    "fliplr": (ops.fliplr, np.fliplr, X),
    "flipud": (ops.flipud, np.flipud, X),
    "diagonal": (lambda x: ops.diagonal(x, 1), lambda x: np.diagonal(x, 1), X),
    "diag of a matrix": (ops.diag, np.diag, X),
    "diag of a vector": (lambda x: ops.diag(x, -1), lambda x: np.diag(x, -1), X[0]),
    "diagflat": (ops.diagflat, np.diagflat, X),
    "trace": (lambda x: ops.trace(x, 1), lambda x: np.trace(x, 1), X),
    "tril": (lambda x: ops.tril(x, 1), lambda x: np.tril(x, 1), X),
    "triu": (ops.triu, np.triu, X),
    "pad": (
        lambda x: ops.pad(x, ((1, 0), (0, 2)), constant_values=5.0),
        lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=5.0),
        X,
    ),
    "pad reflected": (lambda x: ops.pad(x, 1, "reflect"), lambda x: np.pad(x, 1, "reflect"), X),
    "array_split": (lambda x: ops.array_split(x, 3, 1)[0], lambda x: np.array_split(x, 3, 1)[0], X),
    "hsplit": (lambda x: ops.hsplit(x, 2)[1], lambda x: np.hsplit(x, 2)[1], X),
    "vsplit": (lambda x: ops.vsplit(x, 3)[1], lambda x: np.vsplit(x, 3)[1], X),
    "dstack": (lambda x: ops.dstack([x, 2 * x]), lambda x: np.dstack([x, 2 * x]), X),
    "sort": (ops.sort, np.sort, X),
    "sort by columns": (lambda x: ops.sort(x, 0), lambda x: np.sort(x, 0), X),
    "take_along_axis": (
        lambda x: ops.take_along_axis(x, [[1, 0], [3, 3], [2, 1]], 1),
        lambda x: np.take_along_axis(x, np.array([[1, 0], [3, 3], [2, 1]]), 1),
        X,
    ),
    "top_k": (lambda x: ops.top_k(x, 2)[0], lambda x: -np.sort(-x)[:, :2], X),
    "quantile": (lambda x: ops.quantile(x, [0.1, 0.6], axis=0), lambda x: np.quantile(x, [0.1, 0.6], axis=0), X),
    "percentile": (
        lambda x: ops.percentile(x, 30, axis=1, keepdims=True),
        lambda x: np.percentile(x, 30, axis=1, keepdims=True),
        X,
    ),
    "quantile above": (
        lambda x: ops.quantile(x, 0.4, method="higher"),
        lambda x: np.quantile(x, 0.4, method="higher"),
        X,
    ),
    "median": (lambda x: ops.median(x, (0, 1)), np.median, X),
    "trapezoid": (lambda x: ops.trapezoid(x, dx=0.5), lambda x: np.trapezoid(x, dx=0.5), X),
    "trapezoid at": (
        lambda x: ops.trapezoid(x, [0.0, 1.0, 4.0, 5.0]),
        lambda x: np.trapezoid(x, [0.0, 1.0, 4.0, 5.0]),
        X,
    ),
    "prod": (ops.prod, np.prod, np.where(X > 0.6, 0.0, X)),
    "prod by rows": (lambda x: ops.prod(x, 1, True), lambda x: np.prod(x, 1, keepdims=True), X),
    "cumsum": (lambda x: ops.cumsum(x, 0), lambda x: np.cumsum(x, 0), X),
    "cumsum of all": (ops.cumsum, np.cumsum, X),
    "cumprod": (lambda x: ops.cumprod(x, -1), lambda x: np.cumprod(x, -1), X),
    "ptp": (lambda x: ops.ptp(x, 0), lambda x: np.ptp(x, 0), X),
    "nansum": (lambda x: ops.nansum(ops.where(np.isnan(HOLES), np.nan, x)), lambda x: x[~np.isnan(HOLES)].sum(), X),
    "nanmean": (lambda x: ops.nanmean(ops.where(np.isnan(HOLES), np.nan, x)), lambda x: x[~np.isnan(HOLES)].mean(), X),
    "nanmax": (lambda x: ops.nanmax(ops.where(np.isnan(HOLES), np.nan, x)), lambda x: x[~np.isnan(HOLES)].max(), X),
    "nanmin": (lambda x: ops.nanmin(ops.where(np.isnan(HOLES), np.nan, x)), lambda x: x[~np.isnan(HOLES)].min(), X),
    "nanstd": (lambda x: ops.nanstd(ops.where(np.isnan(HOLES), np.nan, x)), lambda x: x[~np.isnan(HOLES)].std(), X),
    "kron": (lambda x: ops.kron(x, Y[:2]), lambda x: np.kron(x, Y[:2]), X),
    "vander": (lambda x: ops.vander(x, 3), lambda x: np.vander(x, 3), Y[0]),
    "segment_sum": (
        lambda x: ops.segment_sum(x, IDS, 4),
        lambda x: np.stack([x[0] + x[2], 0 * x[0], x[1], 0 * x[0]]),
        X,
    ),
    "segment_max": (lambda x: ops.segment_max(x, IDS)[0], lambda x: np.maximum(x[0], x[2]), X),
    "segment_min": (lambda x: ops.segment_min(x, IDS)[0], lambda x: np.minimum(x[0], x[2]), X),
    "segment_prod": (lambda x: ops.segment_prod(x, IDS), lambda x: np.stack([x[0] * x[2], 1 + 0 * x[0], x[1]]), X),
    "slice_update": (lambda x: ops.slice_update(x, (1, 1), 3 * x[:2, :2]), None, X),
    "scatter_update": (lambda x: ops.scatter_update(x, [[0, 1], [2, 2]], 2 * x[0, :2]), None, X),
    "scatter_update adding": (lambda x: ops.scatter_update(x, [[0], [0]], x[:2], "add"), None, X),
    "scatter": (lambda x: ops.scatter([[1], [3], [1]], x, (5, 4)), None, X),
    "extract_sequences": (lambda x: ops.extract_sequences(x, 2, 2), lambda x: x.reshape(3, 2, 2), X),
    "categorical_crossentropy": (
        lambda x: ops.categorical_crossentropy(np.eye(4)[:3], ops.exp(x)),
        lambda x: -np.log(np.diag(np.exp(x) / np.exp(x).sum(1, keepdims=True))),
        X,
    ),
    "sparse_categorical_crossentropy": (
        lambda x: ops.sparse_categorical_crossentropy([0, 1, 2], x, from_logits=True),
        lambda x: -np.log(np.diag(np.exp(x) / np.exp(x).sum(1, keepdims=True))),
        X,
    ),
    "sparse_categorical_crossentropy of shares": (
        lambda x: ops.sparse_categorical_crossentropy([0, 1, 2], ops.exp(x)),
        lambda x: -np.log(np.diag(np.exp(x) / np.exp(x).sum(1, keepdims=True))),
        X,
    ),
    "psnr": (lambda x: ops.psnr(x, Y, 2.0), lambda x: 10 * np.log10(4 / np.mean((x - Y) ** 2)), X),
    "binary_crossentropy": (
        lambda x: ops.binary_crossentropy(Y / 2, x, from_logits=True),
        lambda x: np.log1p(np.exp(x)) - Y / 2 * x,
        X,
    ),
    "batch_normalization": (
        lambda x: ops.batch_normalization(x, Y[0], Y[1], -1, Y[2], Y[0]),
        lambda x: (x - Y[0]) / np.sqrt(Y[1] + 1e-3) * Y[0] + Y[2],
        X,
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_values_and_derivatives(name):
    check_value_and_derivative(*DERIVED[name], generator)


def test_updates_and_scattered_numbers():
    changed = ops.slice_update(X, (1, 1), 0 * X[:2, :2])
    assert (changed[1:, 1:3] == 0).all() and (changed[0] == X[0]).all()
    assert ops.scatter([[1], [3], [1]], [1.0, 2.0, 4.0], (5,)).tolist() == [0, 5, 0, 2, 0]
    assert ops.scatter_update([1.0, 2.0, 3.0], [[0], [2]], [9.0, 8.0]).tolist() == [9, 2, 8]
    assert ops.scatter_update([1.0, 2.0], [[0], [0]], [9.0, 8.0], "add").tolist() == [18, 2]
    assert ops.scatter_update([1.0, 2.0, 3.0], [[0], [2]], [0.0, 8.0], "max").tolist() == [1, 2, 8]
    values, places = ops.top_k([[3.0, 9.0, 4.0]], 2)
    assert values.tolist() == [[9, 4]] and places.tolist() == [[1, 2]]


def direct_convolution(x, kernel, stride=1, rate=1):
    rows = 1 + (x.shape[1] - 1 - (kernel.shape[0] - 1) * rate) // stride
    return np.stack(
        [
            np.tensordot(x[:, row * stride : row * stride + (kernel.shape[0] - 1) * rate + 1 : rate], kernel, 2)
            for row in range(rows)
        ],
        1,
    )


@pytest.mark.parametrize(("stride", "rate"), [(1, 1), (2, 1), (1, 2)])
def test_convolution(stride, rate):
    x, kernel = generator.normal(size=(2, 9, 3)), generator.normal(size=(3, 3, 4))
    result = ops.conv(x, kernel, stride, dilation_rate=rate)
    np.testing.assert_allclose(result, direct_convolution(x, kernel, stride, rate), rtol=1e-10)
    assert ops.conv(x, kernel, stride, "same", dilation_rate=rate).shape == (2, math.ceil(9 / stride), 4)
    turned = ops.conv(x.transpose(0, 2, 1), kernel, stride, data_format="channels_first", dilation_rate=rate)
    np.testing.assert_allclose(turned.transpose(0, 2, 1), result, rtol=1e-10)


def test_depthwise_and_separable_convolution_and_pools():
    x, kernel = generator.normal(size=(2, 6, 6, 3)), generator.normal(size=(3, 3, 3, 2))
    single = ops.depthwise_conv(x, kernel)
    for channel in range(3):
        alone = ops.conv(x[..., channel : channel + 1], kernel[:, :, channel : channel + 1])
        np.testing.assert_allclose(single[..., 2 * channel : 2 * channel + 2], alone, rtol=1e-10)
    mixed = generator.normal(size=(1, 1, 6, 5))
    np.testing.assert_allclose(ops.separable_conv(x, kernel, mixed), ops.conv(single, mixed), rtol=1e-10)
    halves = x.reshape(2, 3, 2, 3, 2, 3)
    np.testing.assert_allclose(ops.max_pool(x, 2), halves.max((2, 4)))
    np.testing.assert_allclose(ops.average_pool(x, 2), halves.mean((2, 4)))
    assert ops.average_pool(np.ones((1, 5, 1)), 2, padding="same").ravel().tolist() == [1, 1, 1]
    with pytest.raises(ConfigError, match="padding must be"):
        ops.max_pool(x, 2, padding="none")


def test_attention_of_heads():
    query, key = generator.normal(size=(2, 5, 3, 4)), generator.normal(size=(2, 5, 3, 4))
    result = ops.dot_product_attention(query, key, key, is_causal=True)
    np.testing.assert_allclose(result[:, 0], key[:, 0], rtol=1e-10)
    scores = np.einsum("bthd,bshd->bhts", query, key) / 2
    shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = np.einsum("bhts,bshd->bthd", shares, key)
    np.testing.assert_allclose(ops.dot_product_attention(query, key, key), expected, rtol=1e-10)


def test_loops_are_python_s():
    assert ops.cond(np.array(True), lambda: 1, lambda: 2) == 1 and ops.switch(7, [min, max], 3, 4) == 4
    assert ops.while_loop(lambda n, total: n < 4, lambda n, total: (n + 1, total + n), (0, 0)) == (4, 6)
    assert ops.while_loop(lambda n: True, lambda n: n + 1, 0, maximum_iterations=3) == 3
    assert ops.fori_loop(0, 4, lambda n, total: total + n, 0) == 6
    carry, sums = ops.scan(lambda total, x: (total + x, total + x), np.array(0.0), np.arange(4.0))
    assert carry == 6 and sums.tolist() == [0, 1, 3, 6]
    assert ops.scan(lambda total, x: (total + x, total), 0.0, np.arange(4.0), reverse=True)[1].tolist() == [6, 5, 3, 0]
    assert ops.map(lambda row: row.sum(), X).tolist() == pytest.approx(X.sum(1).tolist())
    assert ops.vectorized_map(lambda pair: pair[0] + pair[1], (X, X)).tolist() == (2 * X).tolist()


def test_errors_of_applied_functions_are_those_of_the_user():
    class OwnError(TypeError):
        """An error that nnlite does not know."""

    def refuse(n):
        raise OwnError("not this one")

    with pytest.raises(OwnError, match=r"^not this one$"):
        ops.while_loop(lambda n: True, refuse, (0,))
    with pytest.raises(IndexError, match=r"^list index"):
        ops.map(lambda x: [1, 2][int(x)], np.array([1.0, 2.0]))


def test_decoding_of_steps():
    best = np.eye(4)[[[1, 1, 0, 1, 2, 3], [3, 3, 3, 0, 0, 2]]] * 0.9
    decoded, scores = ops.ctc_decode(best, [5, 6])
    assert decoded[0].tolist() == [[1, 1, 2, -1, -1, -1], [3, 2, -1, -1, -1, -1]]
    np.testing.assert_allclose(scores[:, 0], [-4.5, -5.4])
    assert ops.ctc_decode(best, [5, 6], merge_repeated=False)[0][0, 0].tolist()[:4] == [1, 1, 1, 2]
    assert ops.in_top_k([1, 0], [[0.1, 0.5, 0.4], [0.2, 0.3, 0.5]], 2).tolist() == [True, False]


def test_the_loss_of_alignments_equals_a_sum_over_all_of_them():
    logits = np.random.default_rng(0).normal(size=(2, 4, 3))
    steps, chances = [4, 3], np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for blank, targets, counts in ((0, [[1, 1], [2, 0]], [2, 1]), (2, [[0, 1], [1, 1]], [2, 1])):
        expected = []
        for row in range(2):
            total = 0.0
            for classes in itertools.product(range(3), repeat=steps[row]):
                spelled = [one for one, _ in itertools.groupby(classes) if one != blank]
                if spelled == targets[row][: counts[row]]:
                    total += np.prod([chances[row, step, one] for step, one in enumerate(classes)])
            expected.append(-np.log(total))
        np.testing.assert_allclose(ops.ctc_loss(targets, logits, counts, steps, blank), expected, rtol=1e-12)
    assert ops.ctc_loss([[1, 1, 1]], logits[:1], [3], [4]).tolist() == [np.inf]
    assert ops.ctc_loss([[1]], logits[:1].astype(np.float32), [1], [4]).dtype == np.float32
    with pytest.raises(ShapeError, match=r"got the shapes \(1,\) and \(1, 4, 3\)"):
        ops.ctc_loss([1], logits[:1], [1], [4])


def test_the_loss_of_alignments_has_the_derivative_of_ctc():
    logits = np.random.default_rng(1).normal(size=(2, 5, 4))
    targets = np.array([[1, 3, 3], [2, 0, 0]])
    trace = Trace()
    losses = ops.ctc_loss(targets, trace.variable(logits), [3, 1], [5, 5])
    loss = CTC(reduction="none")
    np.testing.assert_allclose(losses.value, loss.forward(targets, logits), rtol=1e-12)
    (jacobian,) = trace.jacobians(losses)
    np.testing.assert_allclose(jacobian.vjp(np.ones(2)), loss.backward(np.ones(2)), atol=1e-12)


def test_integers_are_small_where_a_program_gives_no_type():
    assert [ops.arange(*given).dtype for given in ((3,), (0, 3), (3.0,), (0, 1, 0.5))] == ["int32"] * 2 + [
        "float32"
    ] * 2
    assert ops.arange(3, dtype="int64").dtype == np.int64
    assert ops.bincount(np.array([1, 1, 2])).dtype == np.int32
    assert ops.bincount([1, 1, 2], weights=[0.5, 0.5, 2.0]).tolist() == [0.0, 1.0, 2.0]
    assert ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).dtype == np.int32
    assert ops.vander([1, 2]).dtype == np.int32


def test_linear_algebra_on_arrays():
    lower = ops.cholesky(SQUARE)
    np.testing.assert_allclose(lower @ lower.T, SQUARE, rtol=1e-10)
    np.testing.assert_allclose(ops.cholesky_inverse(lower) @ SQUARE, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(lower @ ops.solve_triangular(lower, X[:, 0], lower=True), X[:, 0], rtol=1e-10)
    factors, rows = ops.lu_factor(X[:, :3])
    turned = X[:, :3].copy()
    for place, row in enumerate(rows):
        turned[[place, row]] = turned[[row, place]]
    np.testing.assert_allclose((np.tril(factors, -1) + np.eye(3)) @ np.triu(factors), turned, rtol=1e-6)
    assert ops.logdet(SQUARE) == pytest.approx(np.log(ops.det(SQUARE)))
    real, imaginary = ops.rfft(X)
    np.testing.assert_allclose(ops.irfft((real, imaginary)), X, rtol=1e-10)
    np.testing.assert_allclose(ops.ifft2(ops.fft2((X, 0 * X)))[0], X, rtol=1e-10)
    assert ops.saturate_cast([-4.0, 300.0], "uint8").tolist() == [0, 255]
    assert ops.unique([3, 1, 3], size=3, fill_value=-1).tolist() == [1, 3, -1]
    assert ops.hamming(4).dtype == np.float32


REFUSED = {
    "svd": ops.svd,
    "qr": ops.qr,
    "lstsq": lambda x: ops.lstsq(x, X[:, 0]),
    "eigh": ops.eigh,
}


@pytest.mark.parametrize("name", REFUSED)
def test_traced_values_are_refused_where_no_derivative_is_written(name):
    with pytest.raises(ConfigError, match=rf"ops\.{name}: a traced value"):
        REFUSED[name](Trace().variable(SQUARE))


def test_arrays_at_the_edge_of_linear_algebra_and_sets():
    factors, rows = ops.lu_factor([[0.0, 1.0], [0.0, 2.0]])
    assert factors.tolist() == [[0, 1], [0, 2]] and rows.tolist() == [0, 1]
    np.testing.assert_allclose(ops.irfft(([1, 2, 1], [0, 0, 0])), np.fft.irfft([1, 2, 1]))
    assert ops.unique([[1, 2], [0, 1], [1, 2]], axis=0, size=3, fill_value=7).tolist() == [[0, 1], [1, 2], [7, 7]]
    assert ops.unique([[1, 2], [0, 1]], axis=0, size=1).tolist() == [[0, 1]]


def test_integer_images():
    first, second = np.array([0, 255], np.uint8), np.array([255, 0], np.uint8)
    assert ops.psnr(first, second, 255) == pytest.approx(0, abs=1e-9)
    assert ops.max_pool(-np.ones((1, 3, 1), int), 2, padding="same").ravel().tolist() == [-1, -1]


def test_graphs_of_layers_apply_them():
    given = Input((4,))
    model = Model(given, ops.sort(ops.arctan(given)) + ops.pad(given[:, 1:], ((0, 0), (0, 1))))
    expected = np.sort(np.arctan(X)) + np.pad(X[:, 1:], ((0, 0), (0, 1)))
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)


def test_parts_of_ops_and_images():
    assert ops.nn.relu is ops.relu and ops.numpy.sort is ops.sort and ops.linalg.solve is ops.solve
    images = generator.uniform(size=(2, 4, 6, 3))
    np.testing.assert_allclose(ops.image.resize(images, (4, 6)), images, rtol=1e-6)
    halved = ops.image.resize(images, (2, 3), interpolation="nearest")
    np.testing.assert_allclose(halved, images[:, 1::2, 1::2], rtol=1e-6)
    assert ops.image.resize(images[0], (8, 8)).shape == (8, 8, 3)
    turned = ops.image.resize(images.transpose(0, 3, 1, 2), (2, 3), data_format="channels_first")
    np.testing.assert_allclose(turned.transpose(0, 2, 3, 1), ops.image.resize(images, (2, 3)), rtol=1e-6)
    gray = ops.image.rgb_to_grayscale(images)
    np.testing.assert_allclose(gray[..., 0], images @ [0.2989, 0.587, 0.114], rtol=1e-6)


def test_new_arrays_have_the_type_of_the_library():
    made = (ops.zeros((2,)), ops.ones((2,)), ops.eye(2), ops.linspace(0, 1, 3), ops.full((2,), 0.5), ops.tri(2))
    assert {array.dtype.name for array in (*made, ops.identity(2), ops.logspace(0, 1, 3))} == {"float32"}
    assert ops.zeros(2, "int32").dtype == np.int32 and ops.convert_to_tensor([1.0, 2.0]).dtype == np.float32
    assert ops.convert_to_tensor(np.ones(2)).dtype == np.float64 and ops.arange(3).dtype.kind == "i"
    assert ops.arange(0.0, 1.0, 0.5).dtype == np.float32


GAPS = np.array([[np.nan, 1.0, np.nan], [np.nan, np.nan, np.nan]])
INFINITE = np.array([np.inf, -np.inf, 1.0, -np.inf])

# What `ops` gives, and NumPy.
EDGES = {
    "nanmax of nothing": (lambda: ops.nanmax(GAPS, 1), [1, np.nan]),
    "nanmin of nothing": (lambda: ops.nanmin(GAPS, 1, True), [[1], [np.nan]]),
    "nanmax of integers": (lambda: ops.nanmax(np.array([3, 1])), 3),
    "fmax": (lambda: ops.fmax([np.nan, 1.0, 2.0], [1.0, np.nan, 3.0]), [1, 1, 3]),
    "fmin": (lambda: ops.fmin([np.nan, 1.0, 2.0], [1.0, np.nan, 3.0]), [1, 1, 2]),
    "logaddexp2": (lambda: ops.logaddexp2(INFINITE, np.array([np.inf, -np.inf, 1.0, 1.0])), [np.inf, -np.inf, 2, 1]),
    "arctan2": (lambda: ops.arctan2(Trace().variable(np.zeros(2)), [0.0, -1.0]).value, [0, np.pi]),
    "segment_sum": (lambda: ops.segment_sum([np.inf, 1.0], [0, 1], 3), [np.inf, 1, 0]),
    "segment_sum of nothing": (lambda: ops.segment_sum(np.zeros((0, 2)), np.zeros(0, int)), np.zeros((0, 2))),
    "segment_min of bytes": (lambda: ops.segment_min(np.array([7], np.uint8), [0], 2), [7, 255]),
    "segment_max of bytes": (lambda: ops.segment_max(np.array([7], np.uint8), [0], 2), [7, 0]),
    "top_k of bytes": (lambda: ops.top_k(np.array([0, 5, 3, 5], np.uint8), 3)[1], [1, 3, 2]),
    "trapezoid of integers": (lambda: ops.trapezoid([1, 2, 3]), 4),
    "trapezoid at": (lambda: ops.trapezoid(X, Y, axis=0), np.trapezoid(X, Y, axis=0)),
    "median": (lambda: ops.median(GAPS[:, 1]), np.nan),
    "quantile": (lambda: ops.quantile([[1.0, np.nan, 2.0], [1.0, 3.0, 2.0]], 0.0, 1), [np.nan, 1]),
    "prod of nothing": (lambda: ops.prod(Trace().variable(np.zeros((2, 0))), 1), [1, 1]),
    "roll of all": (lambda: ops.roll(X, 5), np.roll(X, 5)),
    "in_top_k out of range": (lambda: ops.in_top_k([-1, 2, 1], np.eye(2)[[1, 1, 1]], 1), [False, False, True]),
    "gray bytes": (lambda: ops.image.rgb_to_grayscale(np.array([[[10, 200, 60]]], np.uint8)), [[[127]]]),
    "select of arrays": (lambda: ops.select(np.eye(2) > 0, np.array([[1, 2], [3, 4]])), [1, 4]),
    "gray already": (lambda: ops.image.rgb_to_grayscale(np.array([[[10], [7]]], np.uint8)), [[[10], [7]]]),
    "resized bytes": (lambda: ops.image.resize(np.array([[[1], [2]]], np.uint8), (1, 4))[0, :, 0], [1, 1, 2, 2]),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", EDGES)
def test_values_at_the_edge(name):
    compute, expected = EDGES[name]
    np.testing.assert_allclose(np.asarray(compute()), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "function", [ops.prod, lambda x: ops.prod(x, (0, 1)), ops.cumprod, lambda x: ops.cumprod(x, 0)]
)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 12])
def test_products_of_any_number_of_factors(function, count):
    x = generator.normal(size=(count, 5))
    traced = function(Trace().variable(x))
    np.testing.assert_allclose(ops.convert_to_numpy(traced), function(x), rtol=1e-10)


def test_single_precision_is_kept():
    x = X.astype(np.float32)
    assert ops.image.resize(np.ones((2, 2, 1), np.float32), (3, 3)).dtype == np.float32
    assert ops.ldexp(x, np.array(3)).dtype == np.float32 and ops.trapezoid(x, X[0]).dtype == np.float32


@pytest.mark.parametrize("function", [ops.cbrt, ops.erfinv, ops.arcsin, ops.arctan, ops.sinc])
@pytest.mark.parametrize("x", [-0.7, 0.4])
def test_complex_steps(function, x):
    trace = Trace()
    (slope,) = trace.jacobians(function(trace.variable(np.array([x])))).vjp(np.ones(1))
    stepped = function(Trace().variable(np.array([x + 1e-20j]))).value
    assert stepped.imag[0] / 1e-20 == pytest.approx(slope[0], rel=1e-10)


def test_images_are_bent_alike_by_one_seed():
    images = np.random.default_rng(0).normal(size=(2, 8, 6, 3))
    bent = ops.image.elastic_transform(images, alpha=3.0, sigma=1.0, seed=1)
    assert bent.shape == images.shape and np.abs(bent - images).max() > 0.1
    np.testing.assert_array_equal(bent, ops.image.elastic_transform(images, alpha=3.0, sigma=1.0, seed=1))
    np.testing.assert_allclose(ops.image.elastic_transform(images, alpha=0.0, seed=1), images)
    turned = ops.image.elastic_transform(np.moveaxis(images, -1, 1), 3.0, 1.0, seed=1, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(turned, 1, -1), bent)
    assert ops.image.elastic_transform(images[0], 3.0, 1.0, seed=1).shape == (8, 6, 3)
    constant = ops.image.elastic_transform(np.ones((9, 9, 1)), 50.0, 2.0, fill_mode="constant", fill_value=-1.0, seed=2)
    assert set(np.sign(constant).ravel()) == {-1.0, 1.0}  # some pixels are read outside
    with pytest.raises(ConfigError, match="must be 'nearest' or 'bilinear', got 'cubic'"):
        ops.image.elastic_transform(images, interpolation="cubic")


@pytest.mark.parametrize("name", ["bitwise_and", "argmax", "eig", "bartlett", "corrcoef", "qr"])
def test_functions_are_pickled_by_name(name):
    function = getattr(ops, name)
    assert pickle.loads(pickle.dumps(function)) is function


def test_a_search_over_beams_adds_alignments():
    logits = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32) * 2
    counts = [4, 3]
    decoded, scores = ops.ctc_decode(logits, counts, "beam_search", beam_width=100, top_paths=3, mask_index=2)
    for row, count in enumerate(counts):
        chances = np.exp(logits[row]) / np.exp(logits[row]).sum(-1, keepdims=True)
        totals = {}
        for alignment in itertools.product(range(3), repeat=count):
            spelled = tuple(label for label, _ in itertools.groupby(alignment) if label != 2)
            share = np.prod([chances[step, label] for step, label in enumerate(alignment)])
            totals[spelled] = totals.get(spelled, 0.0) + share
        best = sorted(totals, key=totals.get, reverse=True)[:3]
        assert [tuple(label for label in path if label >= 0) for path in decoded[:, row].tolist()] == best
        np.testing.assert_allclose(scores[row], np.log([totals[labels] for labels in best]), rtol=1e-5)


def test_a_search_over_beams_without_as_many_results():
    decoded, scores = ops.ctc_decode(np.zeros((1, 1, 2), np.float32), [1], "beam_search", top_paths=3)
    assert decoded.tolist() == [[[-1]], [[1]], [[-1]]] and np.isneginf(scores[0]).tolist() == [False, False, True]
    with pytest.raises(ConfigError, match="strategy: must be 'greedy' or 'beam_search', got 'best'"):
        ops.ctc_decode(np.zeros((1, 1, 2)), [1], "best")


def test_images_of_integers_are_rounded_and_stay_such():
    images = np.array([0, 255, 7, 8], np.uint8).reshape(1, 2, 2, 1)
    small = ops.image.resize(images, (1, 1))
    assert small.dtype == np.uint8
    assert small.ravel().tolist() == [68]  # 67.5, to the even one
    assert ops.image.resize(images, (4, 4), "bicubic").max() == 255  # above which nothing lies


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.image.rgb_to_hsv(np.zeros((2, 2, 3), np.uint8)), DataError, "floating-point numbers in"),
        (lambda: ops.image.hsv_to_rgb(np.zeros((2, 2, 3), int)), DataError, "divide"),
        (lambda: ops.image.rgb_to_grayscale(np.zeros((2, 3))), ShapeError, "three axes"),
        (lambda: ops.image.rgb_to_grayscale(np.zeros((2, 3, 2))), ShapeError, "3 channels, or 1 that is gray, got 2"),
        (lambda: ops.image.gaussian_blur(np.zeros((2, 3))), ShapeError, "three axes"),
        (lambda: ops.image.resize(np.zeros((2, 2, 3)), (0, 2)), ConfigError, r"both > 0, got \(0, 2\)"),
        (lambda: ops.expand_dims(np.zeros(2), 1.5), WrongTypeError, "expand_dims.axis.*got 1.5"),
        (lambda: ops.vander(np.zeros(2), N=-1), ConfigError, "vander.N.*must be >= 0, got -1"),
        (lambda: ops.select([], []), ConfigError, "at least one, got 0 and 0"),
        (lambda: ops.depth_to_space(np.zeros((1, 2, 2, 4)), 1), ShapeError, "into blocks of 1"),
        (lambda: ops.image.resize(np.zeros((2, 2, 3)), (4, 4, 4)), ConfigError, "height, width"),
        (lambda: preprocessing.image.smart_resize(np.zeros((2, 3)), (4, 4)), ShapeError, "three axes"),
    ],
)
def test_what_is_no_image_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("ssim", (np.ones((2, 8, 8, 3)), np.ones((2, 8, 8, 3))), "at least 11 pixels high and wide, got 8"),
        ("affine_transform", (np.ones((1, 4, 4, 1)), np.zeros(3)), r"eight numbers, got an array of shape \(1, 3\)"),
        (
            "scale_and_translate",
            (np.ones((1, 4, 4, 1)), (8, 8), [1, 1], [0, 0], (1, 2), "linear"),
            "must have 4 lengths",
        ),
    ],
)
def test_images_of_unfitting_shapes_are_refused(function, arguments, message):
    with pytest.raises(ShapeError, match=message):
        getattr(ops.image, function)(*arguments)
