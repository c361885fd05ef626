"""Kernels of convolution and pooling: NumPy's against plain formulas, compiled ones against NumPy's."""

import importlib.util

import numpy as np
import pytest

from nnlite import kernels
from nnlite.arrays.windows import place_windows
from nnlite.kernels import reference

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
needs_both = pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])
pytestmark = pytest.mark.usefixtures("choice_restored")
DTYPES = ["float32", "float64"]
# Lengths, size, strides, padding, dilation.
PLACES = [
    ((6, 8), (2, 2), (2, 2), "valid", None),
    ((7, 5), (3, 2), (2, 1), "same", None),
    ((7, 9), (2, 3), (3, 4), "valid", None),
    ((9, 8), (3, 2), (1, 1), "same", (2, 3)),
    ((11,), (3,), (2,), "same", None),
    ((11,), (2,), (1,), "causal", (3,)),
]
each_place = pytest.mark.parametrize("place", PLACES)


def normal(dtype, *shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def compared(name, monkeypatch, *arguments, places=8):
    """What the compiled kernel returns agrees with NumPy's, and nothing was left to NumPy."""
    expected = getattr(reference, name)(*arguments)
    kernels.use("numba")
    monkeypatch.setattr(f"nnlite.kernels.reference.windows.{name}", None)
    result = getattr(kernels, name)(*arguments)
    one, other = (own if isinstance(own, tuple) else (own,) for own in (result, expected))
    for have, want in zip(one, other, strict=True):
        assert have.dtype == want.dtype
        limit = places * np.finfo(want.dtype).eps * np.nanmax(np.abs(want)) if want.dtype.kind == "f" else 0
        np.testing.assert_allclose(have, want, rtol=0, atol=limit)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@each_place
def test_the_largest_of_windows(place, dtype, monkeypatch):
    windows = place_windows(*place)
    images = np.round(2 * normal(dtype, 3, *place[0], 5))  # several are the largest
    shape = images.shape
    chosen = reference.largest_of_windows(images, windows, 1)[1]
    compared("largest_of_windows", monkeypatch, images, windows, 1, places=0)
    compared("spread_largest", monkeypatch, normal(dtype, *chosen.shape), chosen, windows, 1, shape)


@each_place
def test_the_largest_of_windows_is_the_same_in_blocks_of_images(place, monkeypatch):
    windows, images = place_windows(*place), np.round(2 * normal("float32", 5, *place[0], 2))
    whole = reference.largest_of_windows(images, windows, 1)
    monkeypatch.setattr("nnlite.kernels.reference.windows.BLOCK", 2 * whole[0][0].size * int(np.prod(windows.size)))
    for part, expected in zip(reference.largest_of_windows(images, windows, 1), whole, strict=True):
        np.testing.assert_array_equal(part, expected)


@needs_both
def test_a_largest_number_that_is_none_is_seen(choice):
    kernels.use(choice)
    images = np.zeros((1, 4, 4, 3), "float32")
    images[0, 1, 0, 1] = np.nan
    images[0, 2, 3, 2] = -np.inf
    largest, _ = kernels.largest_of_windows(images, place_windows((4, 4), (2, 2), (2, 2)), 1)
    assert np.argwhere(np.isnan(largest)).tolist() == [[0, 0, 0, 1]]
    assert not np.isinf(largest).any()


@needs_both
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bias", [True, False])
def test_bias_and_relu(bias, dtype, choice, monkeypatch):
    monkeypatch.setattr("nnlite.kernels.reference.elementwise.BLOCK", 30)
    kernels.use(choice)
    rows, own = normal(dtype, 4, 9, 7), normal(dtype, 7) if bias else None
    rows[0, 0, 0], rows[1, 1, 1] = np.nan, -0.0 if own is None else -own[1]
    added = rows + own if bias else rows.copy()
    above = kernels.bias_relu(rows, own)
    np.testing.assert_array_equal(rows, np.maximum(added, 0))
    np.testing.assert_array_equal(above, added > 0)


@needs_both
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_bias_and_relu_of_a_view(axes, bias, choice):
    """The outputs of several members are a view of their product, whose rows lie elsewhere."""
    kernels.use(choice)
    rows = normal("float64", 4, 9, 7).transpose(axes)
    own = normal("float64", rows.shape[-1]) if bias else None
    added = rows + own if bias else rows.copy()
    above = kernels.bias_relu(rows, own)
    np.testing.assert_array_equal(rows, np.maximum(added, 0))
    np.testing.assert_array_equal(above, added > 0)
    strided = normal("float64", 4, 9, 14)[:, ::2, ::2]
    expected = np.maximum(strided, 0)
    kernels.bias_relu(strided, None)
    np.testing.assert_array_equal(strided, expected)


@needs_both
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gates", [True, False])
def test_gates(gates, dtype, choice, monkeypatch):
    monkeypatch.setattr("nnlite.kernels.reference.elementwise.BLOCK", 30)
    kernels.use(choice)
    cotangent, slopes = normal(dtype, 40, 9, 7), normal(dtype, 40, 9, 7)
    slopes = slopes > 0 if gates else slopes
    np.testing.assert_array_equal(kernels.gated(cotangent, slopes), cotangent * slopes)
    total = np.empty(7, dtype)
    kernels.gated_sum(cotangent, slopes, total)
    expected = (cotangent.astype("float64") * slopes).sum(axis=(0, 1))
    np.testing.assert_allclose(total, expected, rtol=0, atol=8 * np.finfo(dtype).eps * np.abs(expected).max())


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@each_place
def test_the_way_back_through_a_convolution(place, dtype, monkeypatch):
    windows = place_windows(*place)
    cotangent, kernel = normal(dtype, 3, *windows.outputs, 4), normal(dtype, *windows.size, 2, 4)
    slopes = normal(dtype, *cotangent.shape) > 0
    monkeypatch.setattr("nnlite.arrays.windows.BLOCK_BYTES", 600)
    compared("spread", monkeypatch, cotangent, kernel, windows, 1, slopes)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["convolve", "spread", "kernel_gradient"])
@each_place
def test_each_channel_by_itself(place, name, dtype, monkeypatch):
    windows = place_windows(*place)
    images, kernel = normal(dtype, 3, *place[0], 6), normal(dtype, *windows.size, 6, 1)
    cotangent = normal(dtype, 3, *windows.outputs, 6)
    arguments = {"convolve": (images, kernel), "spread": (cotangent, kernel)}.get(name, (images, cotangent[None]))
    compared(name, monkeypatch, *arguments, windows, 6)


@needs_numba
@pytest.mark.parametrize("length", [5, 2])
def test_each_channel_by_itself_in_long_lines(length, monkeypatch):
    """Several outputs side by side at a time, the last ones fewer, and none of the cells beyond the edge."""
    convolution = pytest.importorskip("nnlite.kernels.compiled.convolution")
    monkeypatch.setattr(convolution, "LINE", 3 * length)
    monkeypatch.setattr(convolution, "_pieces", convolution._pieces.__wrapped__)
    windows = place_windows((6, 11), (3, 5), (1, 1), "same", (1, 2))
    images, kernel = normal("float64", 2, 6, 11, 3), normal("float64", 3, 5, 3, 1)
    cotangent = normal("float64", 2, *windows.outputs, 3)
    compared("convolve", monkeypatch, images, kernel, windows, 3)
    compared("spread", monkeypatch, cotangent, kernel, windows, 3)
    compared("kernel_gradient", monkeypatch, images, cotangent[None], windows, 3)


@needs_numba
@pytest.mark.parametrize("groups", [1, 6])
def test_a_cotangent_that_is_one_number_many_times_is_taken_by_compiled_code(groups, monkeypatch):
    """As behind a mean over all places."""
    windows = place_windows((6, 7), (3, 3), (1, 1), "same")
    images, kernel = normal("float32", 2, 6, 7, 6), normal("float32", 3, 3, 6 // groups, 6)
    cotangent = np.broadcast_to(normal("float32", 2, 1, 1, 6), (2, 6, 7, 6))
    compared("spread", monkeypatch, cotangent, kernel, windows, groups, places=16)
    compared("kernel_gradient", monkeypatch, images, cotangent[None], windows, groups, places=16)


@needs_numba
@pytest.mark.parametrize("change", ["multiplier", "order", "complex", "volume"])
def test_what_compiled_convolution_cannot_take_goes_to_numpy(change):
    lengths = (4, 5, 3) if change == "volume" else (4, 5)
    windows = place_windows(lengths, (2,) * len(lengths), (1,) * len(lengths), "same")
    multiplier = 2 if change == "multiplier" else 1
    images, kernel = normal("float32", 2, *lengths, 3), normal("float32", *windows.size, 3, multiplier)
    cotangent = normal("float32", 2, *windows.outputs, 3 * multiplier)
    if change == "order":
        images, cotangent = np.asfortranarray(images), np.asfortranarray(cotangent)
    if change == "complex":
        images, cotangent = images * 1j, cotangent * 1j
    results = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        outputs = kernels.convolve(images, kernel, windows, 3)
        inputs = kernels.spread(cotangent, kernel, windows, 3)
        results.append([outputs, inputs, kernels.kernel_gradient(images, cotangent[None], windows, 3)])
    for own, expected in zip(*results, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-5)


DIRECT_PLACES = [
    *PLACES,
    ((30, 33), (3, 3), (1, 1), "valid", None),
    ((5, 30), (7, 3), (1, 1), "same", None),  # windows taller than the images
    ((3, 12), (3, 3), (1, 1), "same", (2, 2)),
    ((9, 9), (3, 3), (2, 2), "same", None),
]
# Channels, filters, groups.
DIRECT_SIZES = [(1, 32, 1), (3, 16, 1), (5, 45, 1), (4, 32, 2), (6, 9, 3), (2, 130, 1), (32, 32, 32), (48, 48, 48)]


@needs_numba
@pytest.mark.parametrize("gates", [True, False])
@pytest.mark.parametrize("sizes", DIRECT_SIZES)
@pytest.mark.parametrize("place", DIRECT_PLACES)
def test_products_that_read_images_where_they_lie(place, sizes, gates, monkeypatch):
    monkeypatch.setattr("nnlite.kernels.compiled.convolution.SHORTEST_ROW", 1)
    monkeypatch.setattr("nnlite.kernels.compiled.direct.convolution.BLOCK_BYTES", 8000)
    windows, (channels, filters, groups) = place_windows(*place), sizes
    images = normal("float32", 3, *place[0], channels)
    kernel = normal("float32", *windows.size, channels // groups, filters)
    cotangent = normal("float32", 3, *windows.outputs, filters)
    slopes = normal("float32", *cotangent.shape) > 0 if gates else None
    compared("convolve", monkeypatch, images, kernel, windows, groups)
    compared("kernel_gradient", monkeypatch, images, cotangent[None], windows, groups, slopes, places=16)
    if set(windows.strides) == {1} or groups == channels > 1:
        compared("spread", monkeypatch, cotangent, kernel, windows, groups, slopes, places=16)


@needs_numba
def test_a_block_of_outputs_goes_on_where_it_lies():
    windows = place_windows((8, 9), (3, 3), (1, 1), "same")
    images, kernel = normal("float32", 5, 8, 9, 4), normal("float32", 3, 3, 4, 7)
    places = []

    def double(block, place):
        places.append(place)
        block *= 2

    kernels.use("numba")
    outputs = kernels.convolve(images, kernel, windows, 1, double)
    np.testing.assert_allclose(outputs, 2 * reference.convolve(images, kernel, windows), rtol=0, atol=1e-4)
    assert sorted(image for images, _ in places for image in range(images.start, images.stop)) == [0, 1, 2, 3, 4]


@needs_numba
def test_long_sums_keep_their_digits():
    windows = place_windows((150, 150), (3, 3), (1, 1), "same")
    images = 1 + normal("float32", 1, 150, 150, 2)
    cotangent = 1 + normal("float32", 1, 150, 150, 16)
    kernels.use("numba")
    gradient = kernels.kernel_gradient(images, cotangent[None], windows)
    exact = reference.kernel_gradient(images.astype("float64"), cotangent[None].astype("float64"), windows)
    np.testing.assert_allclose(gradient, exact, rtol=2e-6)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", [(6, 8), (7, 5)])
def test_the_largest_of_squares_side_by_side(lengths, dtype, monkeypatch):
    windows, images = place_windows(lengths, (2, 2), (2, 2)), np.round(2 * normal(dtype, 3, *lengths, 5))
    for corner in range(4):
        images[0, corner // 2, corner % 2, corner] = images[1, corner // 2, corner % 2, :corner] = np.nan
    compared("largest_of_windows", monkeypatch, images, windows, 1, places=0)


def mixture(dtype):
    generator = np.random.default_rng(0)
    pixels = generator.integers(20, size=(4, 3, 11))
    return normal(dtype, 3, 20, 5), pixels, normal(dtype, *pixels.shape), normal(dtype, 3, 11, 5)


@needs_both
@pytest.mark.parametrize("seeds", [(), (2,)])
def test_mixtures_of_pixels(seeds, choice):
    kernels.use(choice)
    images, pixels, weights, cotangent = mixture("float64")
    images, cotangent = (np.broadcast_to(own, (*seeds, *own.shape)) for own in (images, cotangent))
    result = kernels.mix_pixels(images, pixels, weights)
    back = kernels.spread_pixels(cotangent, pixels, weights, 20)
    expected, spread = np.zeros(cotangent.shape), np.zeros(images.shape)
    for tap, n, place in np.ndindex(*pixels.shape):
        expected[..., n, place, :] += images[..., n, pixels[tap, n, place], :] * weights[tap, n, place]
        spread[..., n, pixels[tap, n, place], :] += cotangent[..., n, place, :] * weights[tap, n, place]
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(back, spread, rtol=1e-12, atol=1e-13)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_mixtures_of_pixels(dtype, monkeypatch):
    images, pixels, weights, cotangent = mixture(dtype)
    compared("mix_pixels", monkeypatch, images, pixels, weights)
    compared("spread_pixels", monkeypatch, cotangent, pixels, weights, 20)


def locked(*shape):
    array = normal("float32", *shape)
    array.flags.writeable = False  # as data that are mapped from a file
    return array


@needs_numba
@pytest.mark.parametrize("sizes", [(4, 6, 1), (16, 16, 16), (6, 6, 6), (4, 8, 2)])
def test_arrays_that_may_not_be_written(sizes):
    kernels.use("numba")
    windows, (channels, filters, groups) = place_windows((8, 9), (3, 3), (1, 1), "same"), sizes
    images, cotangent = locked(3, 8, 9, channels), locked(3, 8, 9, filters)
    kernel = locked(3, 3, channels // groups, filters)
    for name, first, second in (
        ("convolve", images, kernel),
        ("spread", cotangent, kernel),
        ("kernel_gradient", images, cotangent[None]),
    ):
        expected = getattr(reference, name)(first, second, windows, groups)
        np.testing.assert_allclose(getattr(kernels, name)(first, second, windows, groups), expected, atol=1e-4)
