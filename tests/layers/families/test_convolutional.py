"""Convolutions against PyTorch, by blocks of every size, and what they refuse."""

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, relative_error
from torch_parity import assert_same, channels_first, functional, needs_torch, torch

from nnlite import Sequential
from nnlite.arrays import depthwise, windows
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Input,
    Layer,
    SeparableConv1D,
    SeparableConv2D,
)
from nnlite.random import RandomSource

normal = stream(31)


def built(layer, *shape):
    """A layer in float64 with random parameters, and a batch."""
    layer.dtype = "float64"
    layer._ensure_built((None, *shape[1:]), RandomSource(0))
    for parameter in layer.parameters:
        parameter.assign(normal(*parameter.shape))
    return layer, normal(*shape)


def to_first(x):
    return np.moveaxis(x, -1, 1)


PLAIN = [
    (Conv1D(3, 2), (2, 5, 2)),
    (Conv1D(3, 4, strides=3, padding="same"), (2, 8, 2)),
    (Conv1D(4, 3, padding="causal", dilation_rate=2, groups=2), (3, 7, 6)),
    (Conv1D(2, 5, padding="same", activation="relu"), (1, 3, 1)),
    (Conv1D(2, 2, strides=4, use_bias=False), (2, 9, 5)),
    (Conv2D(4, 3), (2, 6, 5, 3)),
    (Conv2D(4, (2, 3), strides=(2, 1), padding="same", activation="relu"), (2, 5, 4, 3)),
    (Conv2D(6, 2, dilation_rate=(1, 2), groups=3), (2, 4, 5, 6)),
    (Conv2D(3, 3, strides=2, padding="same", use_bias=False), (3, 6, 6, 1)),
    (Conv2D(2, 1), (2, 1, 3, 7)),
    (Conv3D(2, 2), (2, 3, 4, 3, 2)),
    (Conv3D(2, (1, 2, 3), strides=(1, 2, 1), padding="same"), (2, 2, 3, 4, 1)),
    (Conv3D(4, 2, groups=2, activation="tanh"), (1, 3, 3, 2, 4)),
    (Conv3D(3, 3, padding="same", dilation_rate=2), (1, 3, 2, 3, 2)),
    (Conv3D(1, 2, strides=2), (2, 5, 2, 4, 3)),
    (DepthwiseConv1D(2), (2, 5, 3)),
    (DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2), (2, 4, 3)),
    (DepthwiseConv1D(2, dilation_rate=3), (1, 6, 2)),
    (DepthwiseConv1D(1, use_bias=False), (2, 3, 4)),
    (DepthwiseConv1D(5, padding="same", activation="relu"), (2, 3, 1)),
    (DepthwiseConv2D(2), (2, 4, 3, 3)),
    (DepthwiseConv2D((3, 2), strides=2, padding="same", depth_multiplier=2), (2, 5, 4, 3)),
    (DepthwiseConv2D(2, dilation_rate=2), (1, 5, 4, 2)),
    (DepthwiseConv2D(1, use_bias=False), (2, 3, 2, 4)),
    (DepthwiseConv2D(3, padding="same", activation="relu"), (2, 2, 3, 5)),
]
TRANSPOSED = [
    (Conv1DTranspose(3, 2), (2, 4, 2)),
    (Conv1DTranspose(2, 4, strides=3, padding="same"), (2, 3, 2)),
    (Conv1DTranspose(2, 2, strides=4), (2, 3, 3)),
    (Conv1DTranspose(2, 3, strides=2, output_padding=1, padding="same"), (1, 5, 1)),
    (Conv1DTranspose(3, 3, dilation_rate=2, use_bias=False), (2, 2, 2)),
    (Conv2DTranspose(3, 2), (2, 4, 3, 2)),
    (Conv2DTranspose(2, (4, 3), strides=(3, 2), padding="same", activation="relu"), (2, 3, 4, 2)),
    (Conv2DTranspose(2, 2, strides=3), (2, 3, 2, 3)),
    (Conv2DTranspose(2, 3, strides=2, output_padding=(1, 0)), (1, 2, 5, 1)),
    (Conv2DTranspose(3, 3, dilation_rate=(2, 1), padding="same"), (2, 3, 2, 2)),
    (Conv3DTranspose(2, 2), (2, 2, 3, 2, 2)),
    (Conv3DTranspose(2, 3, strides=2, padding="same"), (1, 2, 2, 3, 2)),
    (Conv3DTranspose(1, 2, strides=(1, 2, 3)), (2, 2, 1, 2, 3)),
    (Conv3DTranspose(2, 3, strides=2, output_padding=1, padding="same"), (1, 2, 1, 2, 1)),
    (Conv3DTranspose(2, 2, dilation_rate=2, use_bias=False), (1, 2, 2, 1, 2)),
]
SEPARABLE = [
    (SeparableConv1D(3, 2), (2, 5, 2)),
    (SeparableConv1D(2, 3, strides=2, padding="same", depth_multiplier=2), (2, 4, 3)),
    (SeparableConv1D(2, 2, dilation_rate=3), (1, 6, 2)),
    (SeparableConv1D(4, 1, use_bias=False), (2, 3, 1)),
    (SeparableConv1D(2, 5, padding="same", activation="relu"), (2, 3, 2)),
    (SeparableConv2D(3, 2), (2, 4, 3, 2)),
    (SeparableConv2D(2, (3, 2), strides=2, padding="same", depth_multiplier=2), (2, 5, 4, 3)),
    (SeparableConv2D(2, 2, dilation_rate=2), (1, 5, 4, 2)),
    (SeparableConv2D(4, 1, use_bias=False), (2, 3, 2, 1)),
    (SeparableConv2D(2, 3, padding="same", activation="relu"), (2, 2, 3, 2)),
]


def axes_of(layer):
    return zip(*map(layer.per_axis, ("kernel_size", "strides", "dilation_rate")), strict=True)


def borders(layer, lengths):
    """PyTorch's list of padding, last axis first, worked out by Keras's rules."""
    found = []
    for length, (size, stride, step) in zip(lengths, axes_of(layer), strict=True):
        reach = (size - 1) * step
        total = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
        found[:0] = {"valid": [0, 0], "same": [total // 2, total - total // 2], "causal": [reach, 0]}[layer.padding]
    return found


def without_bias(layer):
    """The layer in terms of `torch.nn.functional`: a function of the inputs, channels first, and the kernels."""
    pad = functional.pad
    plain = getattr(functional, f"conv{layer.rank}d")
    turned = getattr(functional, f"conv_transpose{layer.rank}d")
    options = {"stride": layer.per_axis("strides"), "dilation": layer.per_axis("dilation_rate")}
    front = tuple(range(layer.rank))

    def convolution(x, kernel):
        kernel = kernel.permute(layer.rank + 1, layer.rank, *front)
        return plain(pad(x, borders(layer, x.shape[2:])), kernel, groups=layer.groups, **options)

    def depthwise(x, kernel):
        kernel = kernel.reshape(*kernel.shape[:-2], -1, 1).permute(layer.rank, layer.rank + 1, *front)
        return plain(pad(x, borders(layer, x.shape[2:])), kernel, groups=x.shape[1], **options)

    def separable(x, kernel, pointwise):
        return plain(depthwise(x, kernel), pointwise.permute(layer.rank + 1, layer.rank, *front))

    def transposed(x, kernel):
        whole = turned(x, kernel.permute(layer.rank + 1, layer.rank, *front).contiguous(), **options)
        found, place = layer.compute_output_shape((1, *x.shape[2:], x.shape[1]))[1:-1], []
        for length, full in zip(found, whole.shape[2:], strict=True):
            before = max(full - length, 0) // 2 if layer.padding == "same" else 0
            place[:0] = [-before, length - full + before]
        return pad(whole, place)

    name = type(layer).__name__
    if "Transpose" in name:
        return transposed
    return separable if "Separable" in name else depthwise if "Depthwise" in name else convolution


@needs_torch
@pytest.mark.parametrize(("layer", "shape"), PLAIN + TRANSPOSED + SEPARABLE, ids=repr)
def test_outputs_and_gradients_equal_those_of_pytorch(layer, shape):
    layer, x = built(layer, *shape)
    activate = {"ReLU": torch.relu, "Tanh": torch.tanh}.get(type(layer.activation).__name__, torch.positive)

    def twin(inputs, *parameters):
        *kernels, bias = parameters if layer.use_bias else (*parameters, 0)
        return activate(channels_first(without_bias(layer))(inputs, *kernels) + bias)

    assert_same(layer, x, twin)


def test_every_layer_is_compared_on_five_shapes():
    kinds = [type(layer) for layer, _ in PLAIN + TRANSPOSED + SEPARABLE]
    module = {Conv2D.__module__, SeparableConv2D.__module__}
    assert {kinds.count(cls) for cls in Layer.members().values() if cls.__module__ in module} == {5}


@pytest.mark.parametrize(("layer", "shape"), [PLAIN[1], PLAIN[6], PLAIN[7], TRANSPOSED[6], SEPARABLE[6]], ids=repr)
def test_channels_first_moves_the_channels_alone(layer, shape):
    layer, x = built(layer, *shape)
    twin = type(layer).from_config({**layer.get_config(), "data_format": "channels_first"})
    twin._ensure_built((None, *to_first(x).shape[1:]))
    twin.set_weights(layer.get_weights())
    outputs = layer.forward(x)
    np.testing.assert_allclose(twin.forward(to_first(x)), to_first(outputs), rtol=1e-13)
    upstream = normal(*outputs.shape)
    (ours, *own), (theirs, *others) = layer.backward(upstream), twin.backward(to_first(upstream))
    np.testing.assert_allclose(theirs, to_first(ours), rtol=1e-12, atol=1e-13)
    for one, other in zip(own, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


BLOCKED = [
    (Conv1D(3, 2, padding="causal", activation="relu"), (4, 5, 2)),
    (Conv2D(4, 3, padding="same", groups=2, activation="relu"), (3, 5, 4, 12)),
    (Conv2D(2, 2, strides=2, activation="tanh", use_bias=False), (5, 4, 7, 1)),
    (Conv2DTranspose(2, 3, strides=2, padding="same"), (3, 3, 4, 2)),
    (Conv3D(2, 2), (2, 3, 3, 2, 2)),
    (DepthwiseConv2D(3, padding="same", depth_multiplier=2), (3, 5, 4, 3)),
    (Conv2D(6, 2, groups=3, activation="relu"), (3, 4, 3, 3)),
]


@pytest.mark.parametrize(("layer", "shape"), BLOCKED, ids=repr)
@pytest.mark.parametrize("size", [1, 500, 1000, 3000])
def test_the_size_of_blocks_changes_nothing(layer, shape, size, monkeypatch):
    layer, x = built(layer, *shape)
    expected = layer.forward(x)
    upstream = normal(*expected.shape)
    whole, each = layer.backward(upstream), layer.jacobians.per_example(upstream)
    monkeypatch.setattr(windows, "BLOCK_BYTES", size)
    monkeypatch.setattr("nnlite.kernels.reference.elementwise.BLOCK", size)
    assert relative_error(layer.forward(x), expected) <= EXACT
    for one, other in zip(layer.backward(upstream), whole, strict=True):
        assert relative_error(one, other) <= EXACT
    for index in range(1, len(each)):
        assert relative_error(layer.jacobians.per_example(upstream)[index], each[index]) <= EXACT
        out = np.full(layer.values[index - 1].shape, np.nan)
        layer.jacobians[index].vjp_into(upstream, out)
        assert relative_error(out, whole[index]) <= EXACT


def test_patches_of_the_whole_batch_are_never_there():
    import tracemalloc

    layer = Conv2D(4, 5, padding="same")
    x = np.zeros((64, 32, 32, 8), np.float32)
    layer.forward(x[:1])
    for run in (lambda: layer.forward(x), lambda: layer.backward(1)):
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * x.nbytes < 25 * x.nbytes  # all patches would be 25 times the inputs


def test_maps_keep_inputs_and_kernel_alone():
    layer = Conv2D(8, 3, activation="relu")
    _, jacobians = built(layer, 4, 10, 10, 16)[0].linearize(normal(4, 10, 10, 16), *layer.values)
    assert jacobians[0].nbytes == layer.kernel.value.nbytes + 4 * 8 * 8 * 8
    assert jacobians[1].nbytes == 4 * 10 * 10 * 16 * 8 + 4 * 8 * 8 * 8


SHAPES = [
    (Conv1D(4, 3), (None, 10, 2), (None, 8, 4)),
    (Conv1D(4, 3, strides=2, padding="same"), (None, 9, 2), (None, 5, 4)),
    (Conv1D(4, 3, padding="causal", dilation_rate=4), (None, 5, 2), (None, 5, 4)),
    (Conv2D(8, (3, 5)), (None, 28, 28, 1), (None, 26, 24, 8)),
    (Conv2D(8, 3, data_format="channels_first"), (None, 1, 28, 28), (None, 8, 26, 26)),
    (Conv2D(8, 3, padding="same"), (None, None, None, 3), (None, None, None, 8)),
    (Conv2D(8, 3), (None, None, 9, 3), (None, None, 7, 8)),
    (DepthwiseConv2D(3, depth_multiplier=4), (None, 5, 5, 2), (None, 3, 3, 8)),
    (SeparableConv2D(7, 3, strides=2), (None, 7, None, 2), (None, 3, None, 7)),
    (Conv2DTranspose(8, 3), (None, 5, 5, 2), (None, 7, 7, 8)),
    (Conv2DTranspose(8, 2, strides=3), (None, 5, None, 2), (None, 15, None, 8)),
    (Conv2DTranspose(8, 3, strides=2), (None, 5, 5, 2), (None, 11, 11, 8)),
    (Conv2DTranspose(8, 3, strides=2, output_padding=1), (None, 5, 5, 2), (None, 12, 12, 8)),
    (Conv2DTranspose(8, 3, strides=2, padding="same"), (None, 5, 5, 2), (None, 10, 10, 8)),
    (Conv2DTranspose(8, 3, strides=2, padding="same", output_padding=0), (None, 5, 5, 2), (None, 9, 9, 8)),
    (Conv2DTranspose(8, 4, strides=2, padding="same", output_padding=1), (None, 5, 5, 2), (None, 9, 9, 8)),
    (Conv1DTranspose(4, 2, dilation_rate=2, padding="same", output_padding=0), (None, 5, 2), (None, 5, 4)),
]


@pytest.mark.parametrize(("layer", "given", "expected"), SHAPES, ids=repr)
def test_output_shapes_are_those_of_keras(layer, given, expected):
    layer._ensure_built(given)
    assert layer.output_shape == expected
    sized = [length or size for length, size in zip(given, (2, 11, 13, 5), strict=False)]
    found = layer(np.zeros(sized, np.float32)).shape
    assert all(length in (None, own) for length, own in zip(expected, found, strict=True))


def test_same_padding_puts_the_odd_cell_at_the_end():
    layer = Conv1D(1, 2, padding="same", use_bias=False, kernel_initializer="ones")
    assert layer(np.array([[[1.0], [2.0], [4.0]]])).ravel().tolist() == [3, 6, 4]
    layer = Conv1D(1, 3, padding="causal", use_bias=False, kernel_initializer="ones")
    assert layer(np.array([[[1.0], [2.0], [4.0]]])).ravel().tolist() == [1, 3, 7]
    layer = Conv1DTranspose(1, 4, strides=2, padding="same", use_bias=False, kernel_initializer="ones")
    assert layer(np.array([[[1.0], [2.0]]])).ravel().tolist() == [1, 3, 3, 2]


WEIGHTS = [
    (Conv1D(4, 3, groups=2), (7, 6), {"kernel": (3, 3, 4), "bias": (4,)}),
    (Conv3D(4, (1, 2, 3), use_bias=False), (3, 3, 3, 2), {"kernel": (1, 2, 3, 2, 4)}),
    (Conv2DTranspose(4, 3), (3, 3, 2), {"kernel": (3, 3, 4, 2), "bias": (4,)}),
    (DepthwiseConv2D(3, depth_multiplier=5), (3, 3, 2), {"kernel": (3, 3, 2, 5), "bias": (10,)}),
    (
        SeparableConv1D(4, 3, depth_multiplier=5),
        (3, 2),
        {"depthwise_kernel": (3, 2, 5), "pointwise_kernel": (1, 10, 4), "bias": (4,)},
    ),
]


@pytest.mark.parametrize(("layer", "shape", "weights"), WEIGHTS, ids=repr)
def test_weights(layer, shape, weights):
    layer._ensure_built((None, *shape))
    assert {weight.name: weight.shape for weight in layer.weights} == weights


REFUSED = [
    (lambda: Conv2D(5, 3, groups=2), ConfigError, "filters.*5.*2"),
    (lambda: Conv2D(4, 3, strides=2, dilation_rate=2), ConfigError, "Conv2D takes strides > 1 or dilation_rate > 1"),
    (lambda: Conv1DTranspose(4, 3, strides=(2,), dilation_rate=2), ConfigError, "not both"),
    (lambda: DepthwiseConv2D(3, strides=2, dilation_rate=(1, 2)), ConfigError, "not both"),
    (lambda: Conv2D(4, (3, 3, 3)), ConfigError, r"Conv2D.kernel_size: .*2 of them, got \(3, 3, 3\)"),
    (lambda: Conv2D(4, 0), ConfigError, "kernel_size"),
    (lambda: Conv2D(4, 3, padding="causal"), ConfigError, "padding.*same, valid"),
    (lambda: Conv2D(4, 3, data_format="NCHW"), ConfigError, "data_format.*channels_first"),
    (lambda: Conv2DTranspose(4, 3, strides=2, output_padding=2), ConfigError, "output_padding below strides"),
    (lambda: Conv2DTranspose(4, 3, strides=2, output_padding=(1,)), ConfigError, "output_padding"),
]


@pytest.mark.parametrize(("make", "error", "message"), REFUSED)
def test_arguments_that_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


WRONG = [
    (Conv2D(4, 5, name="wide"), (None, 4, 6, 1), r"'wide' \(Conv2D\) needs at least \(5, 5\) cells.*got \(4, 6\)"),
    (Conv1D(4, 3, dilation_rate=3), (None, 6, 1), r"at least \(7,\) cells"),
    (Conv2D(4, 3, groups=2), (None, 8, 8, 3), "groups=2 divides, got 3 channels"),
    (Conv2D(4, 3), (None, 8, 8), r"\(batch, rows, cols, channels\), got \(None, 8, 8\)"),
    (Conv1D(4, 3, data_format="channels_first"), (None, 8), r"\(batch, channels, steps\)"),
    (Conv3D(4, 3), (None, 8, 8, 8), r"\(batch, depth, rows, cols, channels\)"),
    (Conv2D(4, 3), (None, 8, 8, None), "known number of channels"),
    (DepthwiseConv2D(3), (None, 2, 8, 1), "at least"),
    (SeparableConv1D(4, 3), (None, 2, 1), "at least"),
    (Conv1DTranspose(4, 2, strides=2, padding="same", output_padding=0), (None, 1, 1), "no output"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), WRONG, ids=repr)
def test_inputs_that_are_refused(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer._ensure_built(shape)
    assert not layer.built
    assert layer.parameters == []


@pytest.mark.parametrize("make", [Conv2D, Conv2DTranspose], ids=lambda kind: kind.__name__)
def test_an_empty_batch_gives_an_empty_one(make):
    for layer in (make(2, 3, activation="relu"), make(2, 3, padding="same")):
        layer._ensure_built((None, 5, 5, 3))
        x = np.zeros((0, 5, 5, 3), np.float32)
        assert layer.forward(x).shape == (0, *layer.output_shape[1:])
        by_inputs, *others = layer.backward(1)
        assert by_inputs.shape == x.shape
        assert all((gradient == 0).all() for gradient in others)


def test_an_image_of_unknown_size_is_checked_when_it_comes():
    layer = Conv2D(2, 3)
    layer._ensure_built((None, None, None, 1))
    assert layer(np.zeros((1, 4, 5, 1))).shape == (1, 2, 3, 2)
    with pytest.raises(ShapeError, match=r"at least \(3, 3\) cells.*got \(2, 5\)"):
        layer(np.zeros((1, 2, 5, 1)))
    model = Sequential([Input((None, None, 1)), Conv2D(2, 3)])
    assert model.output_shape == (None, None, None, 2)


def test_depthwise_cells_that_lie_in_the_padding_alone_have_no_part():
    layer, x = built(DepthwiseConv2D(3, dilation_rate=4, padding="same", use_bias=False), 2, 3, 3, 4)
    kernel, upstream = layer.parameters[0].value[..., 0], normal(2, 3, 3, 4)
    np.testing.assert_allclose(layer.forward(x), x * kernel[1, 1], rtol=1e-13)
    by_inputs, by_kernel = layer.backward(upstream)
    expected = np.zeros_like(by_kernel)
    expected[1, 1, :, 0] = (x * upstream).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(by_inputs, upstream * kernel[1, 1], rtol=1e-13)
    np.testing.assert_allclose(by_kernel, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (DepthwiseConv1D(3, padding="same", depth_multiplier=2), (2, 9, 3)),
        (DepthwiseConv2D((2, 3), strides=2, padding="same"), (2, 5, 7, 4)),
    ],
    ids=repr,
)
def test_lines_too_long_for_copies_of_weights_change_nothing(layer, shape, monkeypatch):
    layer, x = built(layer, *shape)
    upstream = normal(*layer.forward(x).shape)
    results = []
    for most in (10**6, 0):
        monkeypatch.setattr(depthwise, "MOST_WEIGHTS", most)
        results.append([layer.forward(x), *layer.backward(upstream)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-13)


def test_a_depthwise_convolution_of_no_images_has_gradients_of_none():
    layer, x = built(DepthwiseConv2D(2), 0, 4, 4, 3)
    upstream = np.zeros(layer.forward(x).shape)
    by_inputs, by_kernel, _ = layer.backward(upstream)
    assert (by_inputs.shape, by_kernel.any()) == (x.shape, False)
    assert layer.jacobians.per_example(upstream)[1].shape == (0, 2, 2, 3, 1)


# Images and windows that are gone over image by image, together, in several turns, and in parts of an image.
@pytest.mark.parametrize("shape", [(3, 12, 14, 4), (30, 7, 7, 4), (5, 9, 700, 4), (600, 13, 13, 2), (2, 300, 96, 4)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("per_example", [False, True])
def test_gradients_of_depthwise_kernels_keep_their_digits(shape, stride, per_example):
    """Each is a sum over all places of all images, of which float32 must not lose much."""
    generator, (batch, *lengths, channels) = np.random.default_rng(0), shape
    places = windows.place_windows(tuple(lengths), (3, 3), (stride, stride), "same")
    images, slopes = generator.random(shape), generator.random((1, batch, *places.outputs, channels))
    padded = np.pad(images, [(0, 0), *((before, 4) for before in places.before), (0, 0)])
    across, along = (stride * count for count in places.outputs)
    cells = [
        np.einsum("nhwc,nhwc->nc", padded[:, row : row + across : stride, side : side + along : stride], slopes[0])
        for row in range(3)
        for side in range(3)
    ]
    expected = np.stack(cells, axis=1)
    images, slopes = images.astype("float32"), slopes.astype("float32")
    result = depthwise.kernel_gradient(images, slopes, places, per_example=per_example)
    np.testing.assert_allclose(result[0], expected if per_example else expected.sum(axis=0), rtol=4e-6)
