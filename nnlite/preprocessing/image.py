"""Images as files and as arrays, and of another size."""

from typing import Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.config import DataFormat, image_data_format
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import Resizing
from nnlite.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]


def smart_resize(
    x: ArrayLike,
    size: tuple[int, int],
    interpolation: Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"] = "bilinear",
    data_format: DataFormat | None = None,
) -> np.ndarray:
    """Resize images, cropping the longer side first so that their proportions are kept.

    Args:
        x: one image, `(height, width, channels)`, or a batch of them.
        size: height and width of the result.
        interpolation: how pixels are mixed; see `nnlite.layers.Resizing`.
        data_format: where the channels are; `nnlite.config.image_data_format()` when None.
    """
    images = np.asarray(x)
    if len(size) != 2:
        raise ConfigError(f"must be (height, width), got {tuple(size)}", ("size",))
    if images.ndim not in (3, 4):
        raise ShapeError(f"images must have three axes, or four with that of a batch, got the shape {images.shape}")
    resizing = Resizing(*size, interpolation, crop_to_aspect_ratio=True, data_format=data_format or image_data_format())
    return resizing(images) if images.ndim == 4 else resizing(images[None])[0]
