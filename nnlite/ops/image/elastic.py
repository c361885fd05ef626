"""Images whose pixels are moved by a smooth random field."""

from typing import Any, Literal

import numpy as np

from nnlite.ops.image.coordinates import each_image, order_of, read_at
from nnlite.ops.image.filters import gaussian_blur
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.tracing import drawable
from nnlite.random.functions import Seed, normal

__all__ = ["elastic_transform"]


@drawable
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: Literal["bilinear", "nearest"] = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Any:
    """Elastic deformation of images: each pixel is read at a position shifted by smoothed Gaussian noise.

    Args:
        images: with or without a batch; each of a batch is bent in another way.
        alpha: how far pixels move.
        sigma: standard deviation of the numbers and, in pixels, of the blur.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode, fill_value: as of `map_coordinates`.
        seed: an integer or a `SeedGenerator` decides the places.
        data_format: where the channels are; that of `config` when None.

    Reference: Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document
    analysis".
    """
    order, count = order_of(interpolation), lengths(images)[0] if len(lengths(images)) == 4 else 1
    strength, width = float(convert_to_numpy(alpha)), float(convert_to_numpy(sigma))
    around = int(6 * width) | 1
    fields: list[np.ndarray] = []  # that of the first image first

    def read(image: Any, number: float) -> Any:
        rows, columns, _ = lengths(image)
        if not fields:
            noise = normal((count, rows, columns, 2), stddev=width, seed=seed)
            fields.extend(strength * gaussian_blur(noise, (around, around), (width, width), "channels_last"))
        y, x = np.mgrid[:rows, :columns]
        down, right = np.moveaxis(fields[int(number)], -1, 0)
        return read_at(image, y + down, x + right, order, fill_mode, fill_value)

    return each_image(images, data_format, read, np.arange(count)[:, None])
