"""Images in another size, and in shades of gray."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.config import floatx, image_data_format
from nnlite.ops import functions as ops
from nnlite.ops.interpolation import resize_matrices
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import cast, convert_to_numpy, lengths
from nnlite.ops.names.products import tensordot
from nnlite.ops.tracing import drawable

__all__ = ["resize", "rgb_to_grayscale"]

LUMA = (0.2989, 0.587, 0.114)  # shares of red, green and blue in a shade of gray: ITU-R BT.601


def _axis_of_channels(data_format: str | None) -> int:
    return -1 if (data_format or image_data_format()) == "channels_last" else -3


def _floating(images: Any) -> Any:
    """Images as floating-point numbers, in which they can be mixed."""
    return images if np.real(convert_to_numpy(images)).dtype.kind == "f" else cast(images, floatx())


@drawable
def resize(images: Any, size: Sequence[int], interpolation: str = "bilinear", data_format: str | None = None) -> Any:
    """Images of `(height, width)`: `(batch, height, width, channels)`, or one without a batch.

    Those of integers become floating-point numbers, of `config.floatx()`.

    Args:
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        data_format: where the channels are; that of `config` when None.
    """
    channels = _axis_of_channels(data_format)
    rows = moveaxis(_floating(images), channels, -1)
    rank, kind = len(lengths(rows)), np.real(convert_to_numpy(rows)).dtype
    height, width, _ = lengths(rows)[-3:]
    matrices = resize_matrices((height, width), (size[0], size[1]), interpolation)
    for axis, matrix in zip((rank - 3, rank - 2), matrices, strict=True):
        rows = moveaxis(tensordot(matrix.astype(kind), rows, ([1], [axis])), 0, axis)
    return moveaxis(rows, -1, channels)


@drawable
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """0.2989 red + 0.587 green + 0.114 blue, as a single channel; of integers cut down to integers, as with Keras."""
    axis = _axis_of_channels(data_format)
    shape = (3,) if axis == -1 else (3, 1, 1)
    given, mixed = convert_to_numpy(images).dtype, _floating(images)
    shares = np.array(LUMA, np.real(convert_to_numpy(mixed)).dtype).reshape(shape)
    gray = ops.sum(ops.multiply(mixed, shares), axis, True)
    return gray.astype(given) if given.kind in "iu" else gray
