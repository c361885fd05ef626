"""Functions in windows, of signals, of images: values beside plain loops, derivatives beside differences."""

import numpy as np
import pytest
from numeric import check_value_and_derivative

from nnlite import Input, Model, ops
from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError
from nnlite.ops import image
from nnlite.ops.tracing import Trace

generator = np.random.default_rng(5)
IMAGES = generator.uniform(0.1, 0.9, (2, 6, 5, 3))
PLANES = generator.normal(size=(2, 3, 5, 6))
KERNEL = generator.normal(size=(3, 2, 4, 3))  # height, width, filters, channels
WAVE = generator.normal(size=(2, 24))
COMPLEX = generator.normal(size=(2, 2, 4, 6))
AFFINE = np.array([0.9, 0.1, 0.3, -0.2, 1.1, 0.4, 0.0, 0.0])
CORNERS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 5.0], [4.0, 5.0]])
WARPED = np.array([[0.0, 0.5], [3.5, 0.0], [0.0, 5.0], [4.0, 4.5]])


def transposed_convolution(x, kernel, stride=1, rate=1):
    """What `conv_transpose` adds up, without padding, by loops."""
    rows, columns = (stride * (n - 1) + (k - 1) * rate + 1 for n, k in zip(x.shape[1:3], kernel.shape, strict=False))
    out = np.zeros((len(x), rows, columns, kernel.shape[2]))
    for row, column in np.ndindex(*x.shape[1:3]):
        for down, right in np.ndindex(*kernel.shape[:2]):
            place = row * stride + down * rate, column * stride + right * rate
            out[:, place[0], place[1]] += x[:, row, column] @ kernel[down, right].T
    return out


def unfolded(x, size, stride, margin=0):
    x = np.pad(x, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    starts = [range(0, length - size + 1, stride) for length in x.shape[2:]]
    patches = [x[:, :, row : row + size, column : column + size] for row in starts[0] for column in starts[1]]
    return np.stack([patch.reshape(len(x), -1) for patch in patches], -1)


def pooled(x, count, reduce):
    parts = [
        [
            reduce(
                x[:, row * n // count : -(-(row + 1) * n // count), column * m // count : -(-(column + 1) * m // count)]
            )
            for column in range(count)
        ]
        for row in range(count)
        for n, m in [x.shape[1:3]]
    ]
    return np.moveaxis(np.array(parts), 2, 0)


def windows(x, length, stride, whole):
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    weights = np.pad(weights, ((whole - length) // 2, whole - length - (whole - length) // 2))
    padded = np.pad(x, ((0, 0), (whole // 2, whole // 2)), "reflect")
    count = 1 + (padded.shape[1] - whole) // stride
    return np.stack([np.fft.rfft(padded[:, at * stride : at * stride + whole] * weights) for at in range(count)], 1)


def spectrum(x):
    return ops.fft((x, 0.5 * x))


DERIVED = {
    "conv_transpose": (lambda x: ops.conv_transpose(x, KERNEL), lambda x: transposed_convolution(x, KERNEL), IMAGES),
    "conv_transpose by kernel": (
        lambda k: ops.conv_transpose(IMAGES, k, 2),
        lambda k: transposed_convolution(IMAGES, k, 2),
        KERNEL,
    ),
    "conv_transpose dilated": (
        lambda x: ops.conv_transpose(x, KERNEL, dilation_rate=2),
        lambda x: transposed_convolution(x, KERNEL, 1, 2),
        IMAGES,
    ),
    "conv_transpose same": (
        lambda x: ops.conv_transpose(x, KERNEL, 2, "same"),
        lambda x: transposed_convolution(x, KERNEL, 2)[:, :12, :10],
        IMAGES,
    ),
    "unfold": (lambda x: ops.unfold(x, 2, stride=2, padding=1), lambda x: unfolded(x, 2, 2, 1), PLANES),
    "fold": (
        lambda x: ops.fold(ops.unfold(x, 2), (5, 6), 2),
        lambda x: x * np.outer([1, 2, 2, 2, 1], [1, 2, 2, 2, 2, 1]),
        PLANES,
    ),
    "fold with padding": (
        lambda x: ops.fold(ops.unfold(x, 3, padding=1, stride=3), (5, 6), 3, padding=1, stride=3),
        lambda x: np.where(np.arange(6) < 5, x, 0),
        PLANES,
    ),
    "space_to_depth": (
        lambda x: ops.space_to_depth(x, 2),
        lambda x: (
            unfolded(np.moveaxis(x, -1, 1), 2, 2).reshape(2, 3, 4, 3, 2).transpose(0, 3, 4, 2, 1).reshape(2, 3, 2, 12)
        ),
        IMAGES[:, :, :4],
    ),
    "depth_to_space": (lambda x: ops.depth_to_space(ops.space_to_depth(x, 2), 2), lambda x: x, IMAGES[:, :, :4]),
    "depth_to_space, channels first": (
        lambda x: ops.depth_to_space(ops.space_to_depth(x, 2, "channels_first"), 2, "channels_first"),
        lambda x: x,
        PLANES[:, :, :4],
    ),
    "adaptive_average_pool": (
        lambda x: ops.adaptive_average_pool(x, 4),
        lambda x: pooled(x, 4, lambda part: part.mean((1, 2))),
        IMAGES,
    ),
    "adaptive_max_pool": (
        lambda x: ops.adaptive_max_pool(x, (4, 4)),
        lambda x: pooled(x, 4, lambda part: part.max((1, 2))),
        IMAGES,
    ),
    "cdist": (
        lambda x: ops.cdist(x, WAVE[:, :5]),
        lambda x: np.linalg.norm(x[:, :, None] - WAVE[None, None, :, :5], axis=-1),
        PLANES[:, 0, :, :5],
    ),
    "rearrange": (
        lambda x: ops.rearrange(x, "b (h p) w c -> b h (w c p)", p=2),
        lambda x: x.reshape(2, 3, 2, 5, 3).transpose(0, 1, 3, 4, 2).reshape(2, 3, 30),
        IMAGES,
    ),
    "associative_scan": (
        lambda x: ops.associative_scan(lambda a, b: a * b, x, axis=1),
        lambda x: np.cumprod(x, 1),
        IMAGES,
    ),
    "associative_scan backwards": (
        lambda x: ops.associative_scan(ops.add, x, reverse=True),
        lambda x: np.cumsum(x[::-1], 0)[::-1],
        IMAGES[0],
    ),
    "fft": (lambda x: spectrum(x)[0], lambda x: np.fft.fft(x * (1 + 0.5j)).real, WAVE),
    "imaginary fft": (lambda x: spectrum(x)[1], lambda x: np.fft.fft(x * (1 + 0.5j)).imag, WAVE),
    "fft2": (lambda x: ops.fft2((x[0], x[1]))[1], lambda x: np.fft.fft2(x[0] + 1j * x[1]).imag, COMPLEX),
    "ifft2": (lambda x: ops.ifft2((x[0], x[1]))[0], lambda x: np.fft.ifft2(x[0] + 1j * x[1]).real, COMPLEX),
    "rfft": (lambda x: ops.rfft(x)[1], lambda x: np.fft.rfft(x).imag, WAVE),
    "rfft filled up": (lambda x: ops.rfft(x, 31)[0], lambda x: np.fft.rfft(x, 31).real, WAVE),
    "rfft cut": (lambda x: ops.rfft(x, 7)[0], lambda x: np.fft.rfft(x, 7).real, WAVE),
    "irfft": (lambda x: ops.irfft((x[0], x[1])), lambda x: np.fft.irfft(x[0] + 1j * x[1]), COMPLEX),
    "irfft of odd length": (lambda x: ops.irfft((x[0], x[1]), 9), lambda x: np.fft.irfft(x[0] + 1j * x[1], 9), COMPLEX),
    "stft": (lambda x: ops.stft(x, 6, 3, 8)[0], lambda x: windows(x, 6, 3, 8).real, WAVE),
    "imaginary stft": (lambda x: ops.stft(x, 6, 3, 8)[1], lambda x: windows(x, 6, 3, 8).imag, WAVE),
    "istft": (lambda x: ops.istft(ops.stft(x, 8, 4, 8), 8, 4, 8), lambda x: x, WAVE),
    "istft of a length": (lambda x: ops.istft(ops.stft(x, 8, 2, 10), 8, 2, 10, length=20), lambda x: x[:, :20], WAVE),
    "rgb_to_hsv and back": (lambda x: image.hsv_to_rgb(image.rgb_to_hsv(x)), lambda x: x, IMAGES),
    "rgb_to_hsv": (image.rgb_to_hsv, None, IMAGES),
    "crop_images": (
        lambda x: image.crop_images(x, top_cropping=1, left_cropping=2, target_height=3, right_cropping=1),
        lambda x: x[:, 1:4, 2:4],
        IMAGES,
    ),
    "crop_images, channels first": (
        lambda x: image.crop_images(x, 1, 2, 1, 1, data_format="channels_first"),
        lambda x: x[:, :, 1:4, 2:5],
        PLANES,
    ),
    "pad_images": (
        lambda x: image.pad_images(x, top_padding=1, left_padding=2, target_height=9, right_padding=0),
        lambda x: np.pad(x, ((0, 0), (1, 2), (2, 0), (0, 0))),
        IMAGES,
    ),
    "extract_patches": (
        lambda x: image.extract_patches(x, (2, 2)),
        lambda x: np.stack([x[:, :, 2 * n : 2 * n + 2].reshape(2, 3, 12) for n in range(2)], 2),
        IMAGES,
    ),
    "extract_patches_3d": (
        lambda x: image.extract_patches_3d(x, 2, 1),
        lambda x: np.stack([x[:, n : n + 2, :, :2].reshape(1, -1) for n in range(2)], 1).reshape(1, 2, 1, 1, 16),
        IMAGES[:1, :3, :2, :2, None] * np.ones(2),
    ),
    "gaussian_blur": (
        lambda x: image.gaussian_blur(x, (1, 3), (1.0, 0.7)),
        lambda x: (
            np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))[:, :-2] * SIDE
            + x * (1 - 2 * SIDE)
            + np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))[:, 2:] * SIDE
        ),
        IMAGES,
    ),
    "sobel_edges": (lambda x: image.sobel_edges(x)[:, 1:-1, 1:-1], lambda x: slopes(x), IMAGES),
    "ssim": (lambda x: image.ssim(x, IMAGES[::-1], filter_size=3), None, IMAGES),
    "map_coordinates": (
        lambda x: image.map_coordinates(x, [np.array([0.5, 3.0]), np.array([1.25, 2.0])], 1),
        lambda x: np.array([(x[:2, 1:3] * [[0.375, 0.125], [0.375, 0.125]]).sum(), x[3, 2]]),
        WAVE.reshape(6, 8),
    ),
    "affine_transform": (lambda x: image.affine_transform(x, AFFINE, fill_mode="reflect"), None, IMAGES),
    "perspective_transform": (lambda x: image.perspective_transform(x, CORNERS, WARPED), None, IMAGES),
    "scale_and_translate": (
        lambda x: image.scale_and_translate(x, (2, 12, 5, 3), [2.0], [0.0], [1], "linear"),
        lambda x: image.resize(x, (12, 5)),
        IMAGES,
    ),
    "resize smoothly": (
        lambda x: image.resize(x, (3, 5), antialias=True),
        lambda x: np.einsum("ih,bhwc->biwc", HALVED, x),
        IMAGES,
    ),
    "resize a part": (
        lambda x: image.resize(x, (2, 2), "nearest", crop_to_aspect_ratio=True),
        lambda x: x[:, :5][:, 1:5:2][:, :, 1:5:2],
        IMAGES,
    ),
    "resize in a frame": (
        lambda x: image.resize(x, (6, 10), "nearest", pad_to_aspect_ratio=True, fill_value=0.5),
        lambda x: np.pad(x, ((0, 0), (0, 0), (2, 3), (0, 0)), constant_values=0.5),
        IMAGES,
    ),
    "norm of vectors": (lambda x: ops.norm(x, 3, -1), lambda x: np.linalg.norm(x, 3, -1), WAVE),
    "norm of matrices": (lambda x: ops.norm(x, 1), lambda x: np.linalg.norm(x, 1), WAVE),
    "norm of rows": (
        lambda x: ops.norm(x, -np.inf, (0, 1), True),
        lambda x: np.linalg.norm(x, -np.inf, keepdims=True),
        WAVE,
    ),
    "Frobenius": (lambda x: ops.norm(x, "fro", (1, 2)), lambda x: np.linalg.norm(x, axis=(1, 2)), IMAGES),
}
SIDE = np.exp(-0.5 / 0.49) / (1 + 2 * np.exp(-0.5 / 0.49))
HALVED = np.maximum(0, 1 - np.abs(2 * np.arange(3)[:, None] + 0.5 - np.arange(6)) / 2)
HALVED = HALVED / HALVED.sum(1, keepdims=True)


def slopes(x):
    down = x[:, 2:] - x[:, :-2]
    right = x[:, :, 2:] - x[:, :, :-2]
    return np.stack(
        [down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:], right[:, :-2] + 2 * right[:, 1:-1] + right[:, 2:]], -1
    )


@pytest.mark.parametrize("name", DERIVED)
def test_values_and_derivatives(name):
    check_value_and_derivative(*DERIVED[name], generator)


def test_hues():
    colors = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0.5, 0.5, 0.5], [0, 0, 0]]).reshape(1, 6, 3)
    hues = image.rgb_to_hsv(colors)[0]
    assert hues[:, 0] == pytest.approx([0, 1 / 3, 2 / 3, 5 / 6, 0, 0])
    assert hues[:, 1:].tolist() == [[1, 1], [1, 1], [1, 1], [1, 1], [0, 0.5], [0, 0]]


def test_likeness_of_images():
    assert image.ssim(IMAGES, IMAGES, filter_size=3) == pytest.approx([1, 1])
    flat = np.full((6, 6, 1), 0.5)
    assert image.ssim(flat, 0 * flat, filter_size=3) == pytest.approx(1e-4 / (0.25 + 1e-4))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("constant", [9, 9]), ("nearest", [1, 3]), ("wrap", [2, 1]), ("mirror", [3, 2]), ("reflect", [2, 3])],
)
def test_places_outside(mode, expected):
    places = [np.array([-2.0, 3.0])]
    assert image.map_coordinates(np.array([1.0, 2.0, 3.0]), places, 1, mode, 9.0).tolist() == expected
    assert image.map_coordinates(np.array([1, 2, 3]), places, 0, mode, 9).dtype == np.int64


def test_whole_numbers_between_places_are_rounded():
    assert image.map_coordinates(np.array([1, 2, 4]), [np.array([0.75, 1.25])], 1).tolist() == [2, 2]


def test_maps_of_images():
    moved = image.affine_transform(IMAGES, [1.0, 0, 1, 0, 1, 2, 0, 0], fill_value=7.0)
    np.testing.assert_allclose(moved[:, :4, :4], IMAGES[:, 2:, 1:])
    assert (moved[:, 4:] == 7).all()
    single = image.affine_transform(IMAGES[0], [1.0, 0, 1, 0, 1, 2, 0, 0], "nearest", data_format="channels_last")
    np.testing.assert_allclose(single[:4, :4], IMAGES[0, 2:, 1:])
    shifted = image.perspective_transform(PLANES, CORNERS, CORNERS - 1, data_format="channels_first")
    np.testing.assert_allclose(shifted[:, :, :-1, :-1], PLANES[:, :, 1:, 1:], atol=1e-12)


def test_gradients_by_hand():
    @ops.custom_gradient
    def steep(x, y):
        def gradient(*arrays, upstream=None):
            return upstream * 3 * arrays[1], upstream * arrays[0]

        return x * y, gradient

    @ops.custom_gradient
    def straight(x):
        return x * 0.5, lambda upstream: upstream * 7

    assert steep(np.array([2.0]), np.array([5.0])).tolist() == [10]
    trace = Trace()
    x, y = trace.variable(np.array([2.0, 1.0])), trace.variable(np.array([5.0, 4.0]))
    result = straight(steep(x, y))
    assert result.value.tolist() == [5, 2]
    jacobians = trace.jacobians(result, data=2)
    assert [part.tolist() for part in jacobians.vjp(np.ones(2))] == [[105, 84], [14, 7]]
    assert jacobians.jvp(np.array([1.0, 0.0]), None).tolist() == [105, 0]
    repeated = ops.custom_gradient(lambda x: (np.repeat(x, 3), lambda upstream: upstream.sum(keepdims=True) * 2))
    one = np.array([4.0])
    assert ops.jvp(repeated, (one,), (one,))[1].tolist() == [8, 8, 8]  # more outputs than inputs


def test_forward_derivatives():
    value, change = ops.jvp(ops.sin, (0.1,), (0.2,))
    assert (value, change) == pytest.approx((np.sin(0.1), 0.2 * np.cos(0.1)))
    value, change, further = ops.jvp(lambda x, y: (x * y, "more"), (2.0, 3.0), (1.0, 0.0), has_aux=True)
    assert (value, change, further) == (6, 3, "more")
    assert ops.jvp(lambda x: 4.0, (2.0,), (1.0,)) == (4, 0)
    with pytest.raises(ShapeError, match="1 primals and 2 tangents"):
        ops.jvp(ops.sin, (0.1,), (0.2, 0.3))


def test_scans_of_structures():
    pairs = {"a": np.array([1.0, 2.0, 3.0]), "b": (np.array([2.0, 2.0, 2.0]),)}
    both = ops.associative_scan(lambda x, y: {"a": x["a"] + y["a"], "b": (x["b"][0] * y["b"][0],)}, pairs)
    assert both["a"].tolist() == [1, 3, 6] and both["b"][0].tolist() == [2, 4, 8]


def test_complex_numbers_as_pairs():
    pairs = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32)
    numbers = ops.view_as_complex(pairs)
    assert numbers.dtype == np.complex64 and numbers.tolist() == [1 + 2j, 3 - 1j]
    np.testing.assert_array_equal(ops.view_as_real(numbers), pairs)
    with pytest.raises(ShapeError, match="last axis of 2"):
        ops.view_as_complex(np.ones(3))


def test_norms_by_singular_values():
    for order in (2, -2, "nuc"):
        assert ops.norm(WAVE, order) == pytest.approx(np.linalg.norm(WAVE, order))
    assert ops.norm(np.array([0.0, 2.0, 3.0]), 0) == 2


def test_in_a_graph():
    inputs = Input((6, 5, 3))
    model = Model(inputs, ops.adaptive_max_pool(ops.conv_transpose(inputs, KERNEL), 2))
    expected = ops.adaptive_max_pool(ops.conv_transpose(IMAGES, KERNEL), 2)
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ops.conv_transpose(IMAGES, KERNEL, padding="full"), ConfigError, "padding must be"),
        (lambda: ops.unfold(PLANES, 9), ShapeError, "do not fit"),
        (lambda: ops.fold(np.ones((1, 8, 5)), (4, 4), 2), ShapeError, "has 9 patches, got 5"),
        (lambda: ops.fold(np.ones((1, 7, 9)), (4, 4), 2), ShapeError, "a multiple of 4 rows, got 7"),
        (lambda: ops.depth_to_space(np.ones((1, 2, 2, 3)), 2), ShapeError, "into blocks of 2"),
        (lambda: ops.depth_to_space(np.ones((2, 2, 4)), 2), ShapeError, "into blocks of 2"),
        (lambda: ops.space_to_depth(np.ones((1, 3, 2, 4)), 2), ShapeError, "into blocks of 2"),
        (lambda: ops.space_to_depth(np.ones((1, 4, 2, 3)), 2, "channels_first"), ShapeError, "into blocks of 2"),
        (lambda: ops.cdist(np.ones((2, 3)), np.ones((2, 4))), ShapeError, "cdist takes"),
        (lambda: ops.rearrange(IMAGES, "b (h p) w c -> b h p w c", h=0), ShapeError, "does not fit"),
        (lambda: image.crop_images(np.ones((2, 2)), 0, 0, 1, 1), ShapeError, "3 axes, or 4"),
        (lambda: ops.rearrange(IMAGES, "b h w c -> b h w"), ConfigError, "same axes"),
        (lambda: ops.rearrange(IMAGES, "b h w -> b (h w)"), ShapeError, "takes 3 axes"),
        (lambda: ops.rearrange(IMAGES, "b (h p) w c -> b h p w c"), ShapeError, "say the lengths of h and p"),
        (lambda: ops.fft(WAVE[0]), WrongTypeError, "tuple of real and imaginary"),
        (lambda: ops.fft((WAVE, WAVE[:, :3])), ShapeError, "one shape"),
        (lambda: ops.stft(np.ones((1, 8), int), 4, 2, 4), WrongTypeError, "floating-point"),
        (lambda: ops.stft(WAVE, 4, 2, 3), ConfigError, "sequence_length = 4"),
        (lambda: ops.stft(WAVE, 4, 2, 4, window="box"), ConfigError, "hann"),
        (lambda: ops.stft(WAVE, 4, 2, 4, window=np.ones(3)), ShapeError, r"\(4,\)"),
        (lambda: image.map_coordinates(WAVE, [np.ones(2)], 1), ShapeError, r"\(2, ...\)"),
        (lambda: image.map_coordinates(WAVE, [np.ones(2)] * 2, 3), ConfigError, "0 or 1"),
        (lambda: image.map_coordinates(WAVE, [np.ones(2)] * 2, 1, "zeros"), ConfigError, "constant, nearest"),
        (lambda: image.affine_transform(IMAGES, AFFINE, "cubic"), ConfigError, "nearest"),
        (lambda: image.perspective_transform(IMAGES, CORNERS[:3], CORNERS[:3]), ShapeError, r"\(4, 2\)"),
        (lambda: image.perspective_transform(IMAGES, CORNERS, CORNERS * 0), DataError, "no three may lie on a line"),
        (lambda: image.affine_transform(IMAGES[[0, 0, 0]], [AFFINE] * 2), ShapeError, "got 2 for 3"),
        (lambda: image.resize(IMAGES, (2, 2), "cubic"), ConfigError, "must be nearest, bilinear.*got 'cubic'"),
        (lambda: image.crop_images(IMAGES, 1), ConfigError, "exactly two of top_cropping"),
        (lambda: image.crop_images(IMAGES, 9, 0, target_height=1, target_width=1), ConfigError, ">= 0"),
        (lambda: image.resize(IMAGES, (2, 2), fill_mode="wrap"), ConfigError, "constant"),
        (
            lambda: image.resize(IMAGES, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
            ConfigError,
            "one of",
        ),
        (lambda: image.scale_and_translate(IMAGES, IMAGES.shape, [1.0], [0.0], [1], "area"), ConfigError, "lanczos"),
        (lambda: ops.norm(IMAGES, 2), ShapeError, "vectors and matrices"),
        (lambda: ops.norm(WAVE, "fro", 1), ShapeError, "takes a number"),
        (lambda: ops.norm(WAVE, 3), ShapeError, "known order"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
