"""Pooling, padding, cropping and repetition against PyTorch and by hand, and what they refuse."""

from functools import partial

import numpy as np
import pytest
from draws import stream
from torch_parity import assert_same, channels_first, functional, needs_torch, torch

from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool2D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    Layer,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)

LENGTHS = {1: (7,), 2: (5, 6), 3: (4, 3, 5)}
WINDOWS = [(2, None), (3, None), (3, 1), (2, 3), (3, 2)]
WINDOWED = {
    1: (MaxPooling1D, AveragePooling1D),
    2: (MaxPooling2D, AveragePooling2D),
    3: (MaxPooling3D, AveragePooling3D),
}
ADAPTIVE = {
    1: (AdaptiveMaxPooling1D, AdaptiveAveragePooling1D),
    2: (AdaptiveMaxPooling2D, AdaptiveAveragePooling2D),
    3: (AdaptiveMaxPooling3D, AdaptiveAveragePooling3D),
}


normal = stream(37)


@needs_torch
@pytest.mark.parametrize(("size", "strides"), WINDOWS)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("ties", [False, True], ids=["", "ties"])
def test_windows_without_padding_equal_pytorch(rank, size, strides, ties):
    x = normal(2, *LENGTHS[rank], 3)
    x = x.round() if ties else x
    for kind, name in zip(WINDOWED[rank], (f"max_pool{rank}d", f"avg_pool{rank}d"), strict=True):
        twin = partial(getattr(functional, name), kernel_size=size, stride=strides)
        assert_same(kind(size, strides, dtype="float64"), x, channels_first(twin))


@needs_torch
@pytest.mark.parametrize(("size", "strides"), WINDOWS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_same_padding_counts_for_nothing(rank, size, strides):
    x, pad = normal(2, *LENGTHS[rank], 3), functional.pad
    step, borders = strides or size, []
    for length in LENGTHS[rank]:
        total = max((-(-length // step) - 1) * step + size - length, 0)
        borders[:0] = [total // 2, total - total // 2]
    largest, average = WINDOWED[rank]
    pool, mean = getattr(functional, f"max_pool{rank}d"), getattr(functional, f"avg_pool{rank}d")

    def means(t):
        return mean(pad(t, borders), size, step) / mean(pad(torch.ones_like(t), borders), size, step)

    for kind, twin in ((largest, lambda t: pool(pad(t, borders, value=-np.inf), size, step)), (average, means)):
        assert_same(kind(size, strides, "same", dtype="float64"), x, channels_first(twin))


@needs_torch
@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_adaptive_pooling_equals_pytorch(rank, size):
    x = normal(2, *LENGTHS[rank], 3).round()
    for kind, name in zip(ADAPTIVE[rank], ("max", "avg"), strict=True):
        twin = partial(getattr(functional, f"adaptive_{name}_pool{rank}d"), output_size=size)
        assert_same(kind(size, dtype="float64"), x, channels_first(twin))


def test_global_pooling():
    x = normal(2, 3, 4, 5)
    np.testing.assert_allclose(GlobalAveragePooling2D(dtype="float64")(x), x.mean(axis=(1, 2)))
    np.testing.assert_array_equal(GlobalMaxPooling2D(dtype="float64")(x), x.max(axis=(1, 2)))
    first = GlobalMaxPooling2D(data_format="channels_first", keepdims=True, dtype="float64")
    np.testing.assert_array_equal(first(x), x.max(axis=(2, 3), keepdims=True))
    for layer in (GlobalMaxPooling1D(), GlobalMaxPooling3D(keepdims=True)):
        layer._ensure_built((None, *[None] * layer.rank, 4))
        assert layer.output_shape == ((None, 4) if layer.rank == 1 else (None, 1, 1, 1, 4))


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("keepdims", [False, True])
def test_global_average_heeds_a_mask(first, keepdims):
    x, mask = normal(3, 4, 2), np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]], bool)
    layer = GlobalAveragePooling1D("channels_first" if first else None, keepdims, dtype="float64")
    inputs = x.swapaxes(1, 2) if first else x
    layer._ensure_built((None, *inputs.shape[1:]))
    outputs, jacobians = layer.linearize(inputs, mask=mask)
    expected = np.stack([x[0, :2].mean(0), x[1, [1, 3]].mean(0), np.zeros(2)])
    assert outputs.shape == (3, *layer.output_shape[1:])
    np.testing.assert_allclose(outputs.reshape(3, 2), expected, atol=1e-15)
    upstream = normal(*outputs.shape)
    gradient = jacobians.vjp(upstream)[0]
    gradient = gradient.swapaxes(1, 2) if first else gradient
    assert (gradient[~mask] == 0).all()
    np.testing.assert_allclose(gradient[0, :2], np.broadcast_to(upstream.reshape(3, 2)[0] / 2, (2, 2)))
    whole = layer.linearize(inputs, mask=np.ones((3, 4), bool))[0]
    np.testing.assert_allclose(whole, layer(inputs), rtol=1e-14)
    assert layer.linearize(inputs.astype(np.float32), mask=mask)[0].dtype == np.float32


def test_equal_elements_count_by_the_first():
    layer = MaxPooling2D(dtype="float64")
    layer.forward(np.ones((1, 2, 4, 1)))
    assert layer.backward(1).ravel().tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    layer = GlobalMaxPooling2D(dtype="float64")
    layer.forward(np.array([[0.0, 3, 1], [3, 3, 0]]).reshape(1, 2, 3, 1))
    assert layer.backward(1).ravel().tolist() == [0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("size", [2, 16, 17])
def test_the_chosen_cell_takes_one_byte_as_long_as_it_can(size):
    _, (part,) = MaxPooling2D(size).linearize(normal(2, 34, 34, 3))
    assert part.chosen.dtype == (np.uint8 if size * size <= 256 else np.uint16)
    layer = MaxPooling2D(size, dtype="float64")
    x = normal(1, 34, 34, 2)
    outputs = layer.forward(x)
    gradient = layer.backward(1)
    assert gradient.sum() == outputs.size
    np.testing.assert_array_equal(np.sort(x[gradient > 0]), np.sort(outputs.ravel()))


def test_short_names_are_the_same_classes():
    assert MaxPool2D is MaxPooling2D and AvgPool2D is AveragePooling2D
    assert type(Layer.get("max_pool2d")) is MaxPooling2D
    assert type(Layer.get("GlobalAvgPool2D")) is GlobalAveragePooling2D


PADDED = [
    (ZeroPadding1D(), (3,), [(1, 1)]),
    (ZeroPadding1D((0, 2)), (3,), [(0, 2)]),
    (ZeroPadding2D(2), (3, 4), [(2, 2), (2, 2)]),
    (ZeroPadding2D((0, 1)), (3, 4), [(0, 0), (1, 1)]),
    (ZeroPadding2D(((1, 2), (3, 0))), (3, 4), [(1, 2), (3, 0)]),
    (ZeroPadding3D((1, 0, (0, 2))), (1, 2, 3), [(1, 1), (0, 0), (0, 2)]),
]
CROPPED = [
    (Cropping1D(), (5,), [(1, 1)]),
    (Cropping1D((0, 3)), (5,), [(0, 3)]),
    (Cropping2D(), (3, 4), [(0, 0), (0, 0)]),
    (Cropping2D(((1, 0), (0, 3))), (3, 4), [(1, 0), (0, 3)]),
    (Cropping3D((1, 0, (2, 0))), (3, 2, 4), [(1, 1), (0, 0), (2, 0)]),
]


@pytest.mark.parametrize(("layer", "lengths", "borders"), PADDED, ids=repr)
def test_zero_padding(layer, lengths, borders):
    layer.dtype, x = "float64", normal(2, *lengths, 3)
    np.testing.assert_array_equal(layer(x), np.pad(x, [(0, 0), *borders, (0, 0)]))
    if hasattr(layer, "data_format"):
        twin = type(layer)(layer.padding, data_format="channels_first", dtype="float64")
        np.testing.assert_array_equal(np.moveaxis(twin(np.moveaxis(x, -1, 1)), 1, -1), layer(x))


@pytest.mark.parametrize(("layer", "lengths", "borders"), CROPPED, ids=repr)
def test_cropping(layer, lengths, borders):
    layer.dtype, x = "float64", normal(2, *lengths, 3)
    inside = [slice(before, length - after) for (before, after), length in zip(borders, lengths, strict=True)]
    np.testing.assert_array_equal(layer(x), x[(slice(None), *inside)])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_nearest_repeats(size):
    for layer in (UpSampling1D(size), UpSampling2D(size), UpSampling3D((size, 1, 2))):
        layer.dtype, x = "float64", normal(2, *LENGTHS[layer.rank], 3)
        expected = x
        for axis, factor in enumerate(layer.per_axis("size"), 1):
            expected = expected.repeat(factor, axis)
        np.testing.assert_array_equal(layer(x), expected)


@needs_torch
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (2, 3), (3, 1), (4, 5)])
def test_bilinear_equals_pytorch(size):
    layer = UpSampling2D(size, interpolation="bilinear", dtype="float64")
    assert_same(
        layer, normal(2, 3, 4, 2), channels_first(partial(functional.interpolate, scale_factor=size, mode="bilinear"))
    )


REFUSED = [
    (lambda: MaxPooling2D((2, 2, 2)), r"MaxPooling2D.pool_size: .*2 of them"),
    (lambda: AveragePooling1D(2, strides=0), "strides"),
    (lambda: MaxPooling2D(padding="causal"), "padding.*same, valid"),
    (lambda: AdaptiveMaxPooling3D((2, 2)), "output_size.*3 of them"),
    (lambda: ZeroPadding1D((1, 2, 3)), "ZeroPadding1D.padding"),
    (lambda: ZeroPadding2D(-1), "padding"),
    (lambda: ZeroPadding2D(((1, 2, 3), 1)), "padding"),
    (lambda: Cropping3D((1, 2)), "Cropping3D.cropping: .*3 axes"),
    (lambda: UpSampling2D(0), "size"),
    (lambda: UpSampling2D(interpolation="cubic"), "interpolation.*bicubic"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_arguments_that_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


WRONG = [
    (MaxPooling2D(3, name="pool"), (None, 2, 5, 1), r"'pool' \(MaxPooling2D\) needs at least \(3, 3\) cells.*\(2, 5\)"),
    (AveragePooling1D(2), (None, 4), r"\(batch, steps, channels\), got \(None, 4\)"),
    (GlobalMaxPooling2D(), (None, 4, 4), r"\(batch, rows, cols, channels\)"),
    (AdaptiveAveragePooling2D(2, data_format="channels_first"), (None, 4), r"\(batch, channels, rows, cols\)"),
    (Cropping1D(2), (None, 4, 1), r"longer than what it cuts off, \(4,\), got \(4,\)"),
    (ZeroPadding3D(), (None, 4, 4, 1), "depth"),
    (UpSampling1D(), (None, 4), "steps"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), WRONG, ids=repr)
def test_inputs_that_are_refused(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer._ensure_built(shape)


@pytest.mark.parametrize(
    "layer",
    [MaxPooling2D(), AveragePooling2D(padding="same"), ZeroPadding2D(), Cropping2D(1), UpSampling2D()],
    ids=repr,
)
def test_lengths_may_be_unknown(layer):
    layer._ensure_built((None, None, 6, 1))
    found = layer(np.zeros((2, 4, 6, 1), np.float32)).shape
    assert layer.output_shape == (None, None, *found[2:])
    assert layer.compute_output_shape((None, 4, 6, 1)) == (None, *found[1:])


@pytest.mark.parametrize("mask", [np.ones((3, 1), bool), np.ones((3, 5), bool), np.ones(3, bool), np.ones((3, 4))])
def test_global_average_refuses_a_mask_of_another_form(mask):
    with pytest.raises(ShapeError, match=r"GlobalAveragePooling1D.*mask of booleans of the shape \(3, 4\)"):
        GlobalAveragePooling1D().forward(normal(3, 4, 2), mask=mask)


def test_global_averages_of_whole_numbers_and_of_many_cells():
    counted = GlobalAveragePooling1D().linearize(np.arange(12).reshape(1, 4, 3))[0]
    np.testing.assert_array_equal(counted, [[4.5, 5.5, 6.5]])
    large = (100 + np.random.default_rng(0).random((1, 400, 400, 2))).astype("float32")
    found = GlobalAveragePooling2D().linearize(large)[0]
    np.testing.assert_allclose(found, large.mean(axis=(1, 2), dtype="float64"), rtol=1e-5)
