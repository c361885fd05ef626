"""Resizing of images, and conversion to grayscale."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import saturated
from nnlite.config import floatx, image_data_format
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.interpolation import KERNELS, resize_matrices
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import cast, convert_to_numpy, lengths
from nnlite.ops.names.products import tensordot
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import drawable

__all__ = ["resize", "rgb_to_grayscale"]

LUMA = (0.2989, 0.587, 0.114)  # shares of red, green and blue in a shade of gray: ITU-R BT.601


def axis_of_channels(data_format: str | None) -> int:
    """The axis of the channels; `ConfigError` for an unknown format."""
    data_format = data_format or image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ConfigError(f"must be channels_last or channels_first, got {data_format!r}", ("data_format",))
    return -1 if data_format == "channels_last" else -3


def axis_of_height(data_format: str | None) -> int:
    """The axis of the height, before that of the width."""
    return -3 if axis_of_channels(data_format) == -1 else -2


def floating(images: Any) -> Any:
    """Images in a floating-point dtype, for interpolation."""
    return images if np.real(convert_to_numpy(images)).dtype.kind == "f" else cast(images, floatx())


def checked(images: Any, with_floats: bool = False) -> Any:
    """`images`; `ShapeError` unless there are three axes, or four with a batch, `DataError` for numbers of no range.

    Args:
        images: of any type.
        with_floats: whether they must be floating-point numbers, in [0, 1].
    """
    shape, kind = lengths(images), np.real(convert_to_numpy(images)).dtype
    if len(shape) not in (3, 4):
        raise ShapeError(f"images must have three axes, or four with that of a batch, got the shape {tuple(shape)}")
    if with_floats and kind.kind in "iub":
        raise DataError(f"images must be floating-point numbers in [0, 1], got {kind}: divide those up to 255 by 255.0")
    return images


@drawable
@by_float32
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images of `(height, width)`: `(batch, height, width, channels)`, or one without a batch.

    Those of integers are rounded, and stay such.

    Args:
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether more pixels are mixed where images get smaller.
        crop_to_aspect_ratio: take the largest part in the middle that has the ratio of `size`.
        pad_to_aspect_ratio: take the smallest box around images that has it.
        fill_mode, fill_value: what is in that box: `"constant"` is all there is.
        data_format: where the channels are; that of `config` when None.
    """
    if interpolation not in ("nearest", *KERNELS):
        raise ConfigError(f"must be nearest, {', '.join(KERNELS)}, got {interpolation!r}", ("interpolation",))
    if fill_mode != "constant":
        raise ConfigError(f"must be 'constant', got {fill_mode!r}", ("fill_mode",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ConfigError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be true")
    if len(size) != 2 or min(size) < 1:
        raise ConfigError(f"must be (height, width), both > 0, got {tuple(size)}", ("size",))
    channels = axis_of_channels(data_format)
    rows = moveaxis(floating(checked(images)), channels, -1)
    rank, kind = len(lengths(rows)), np.real(convert_to_numpy(rows)).dtype
    height, width, _ = lengths(rows)[-3:]
    target = size[0], size[1]
    matrices = resize_matrices(
        (height, width), target, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, antialias
    )
    inside = [matrix.sum(1) for matrix in matrices]
    for axis, matrix in zip((rank - 3, rank - 2), matrices, strict=True):
        rows = moveaxis(tensordot(matrix.astype(kind), rows, ([1], [axis])), 0, axis)
    if pad_to_aspect_ratio and fill_value:
        outside = 1 - np.outer(*inside)[..., None]
        rows = ops.add(rows, (fill_value * outside).astype(kind))
    dtype = convert_to_numpy(images).dtype
    if dtype.kind in "iu":
        rows = saturated(np.rint(convert_to_numpy(rows)), dtype)
    return moveaxis(rows, -1, channels)


@drawable
@by_float32
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """0.2989 red + 0.587 green + 0.114 blue, as a single channel; for integers truncated to integers, as in Keras.

    Images of a single channel are gray already, and unchanged; `ShapeError` for other numbers of channels.
    """
    axis = axis_of_channels(data_format)
    dtype, mixed = convert_to_numpy(checked(images)).dtype, floating(images)
    channels = lengths(images)[axis]
    if channels not in (1, 3):
        raise ShapeError(f"ops.image.rgb_to_grayscale: images need 3 channels, or 1 that is gray, got {channels}")
    shares = np.array(LUMA if channels == 3 else [1], np.real(convert_to_numpy(mixed)).dtype)
    gray = ops.sum(ops.multiply(mixed, shares.reshape((-1,) if axis == -1 else (-1, 1, 1))), axis, True)
    return gray.astype(dtype) if dtype.kind in "iu" else gray
