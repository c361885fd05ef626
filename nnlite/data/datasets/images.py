"""Batches of images from the files of a directory."""

from typing import Any, Literal

import numpy as np

from nnlite.data.datasets.folders import from_directory
from nnlite.errors import ConfigError, DataError, needed_for
from nnlite.ops.interpolation import resize_matrices, resized
from nnlite.registry.field_types import BelowOne, Count, Index, read_call

__all__ = ["image_dataset_from_directory"]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Literal["int", "categorical", "binary"] | None = "int",
    class_names: list[str] | None = None,
    color_mode: Literal["grayscale", "rgb", "rgba"] = "rgb",
    batch_size: Count | None = 32,
    image_size: tuple[Count, Count] = (256, 256),
    shuffle: bool = True,
    seed: Index | None = None,
    validation_split: BelowOne | None = None,
    subset: Literal["training", "validation", "both"] | None = None,
    interpolation: Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"] = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: Literal["channels_last", "channels_first"] | None = None,
    verbose: bool = True,
) -> Any:
    """Batches `(images, labels)` of the image files below a directory, one subdirectory per class.

    Shape: images `(batch, height, width, channels)`, float32 in [0, 255]; labels int32 `(batch,)`, or float32
    `(batch, classes)` for `categorical` and `(batch, 1)` for `binary`.

    Args:
        directory: with files `*.bmp`, `*.gif` (their first frame), `*.jpeg`, `*.jpg` and `*.png`.
        labels: `inferred` from the subdirectories, None, or one integer per file in the order of their paths.
        label_mode: how labels are written; None for images alone.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        color_mode: 1, 3 or 4 channels.
        batch_size: images per batch; None for single images.
        image_size: height and width that images are resized to, as by `Resizing`.
        shuffle: another order in each epoch; else alphabetical order.
        seed: decides the order, and which files are set apart.
        validation_split: part of the files that is set apart, in [0, 1).
        subset: which part is wanted; `both` gives two.
        interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio: as of `Resizing`.
        follow_links: whether to enter linked subdirectories.
        data_format: `channels_last`, the default, or `channels_first`.
        verbose: say how many files were found.

    Returns:
        `LazyBatches`, for `fit(dataset, epochs=...)`; two of them for `both`.

    Raises:
        ConfigError: arguments that do not fit together; Pillow is not installed.
        DataError: no directory, no images, or not one label per image.
    """
    given = dict(locals())
    given |= read_call(image_dataset_from_directory, given)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ConfigError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude one another")
    return from_directory(given, SUFFIXES, _Reader(given))


class _Reader:
    """Makes an array of an image file."""

    def __init__(self, given) -> None:
        with needed_for("images are read by Pillow", "nnlite[images]"):
            from PIL import Image
        self.open = Image.open
        self.mode = MODES[given["color_mode"]]
        self.size = given["image_size"]
        self.options = (given["interpolation"], given["crop_to_aspect_ratio"], given["pad_to_aspect_ratio"])
        self.channels_first = given["data_format"] == "channels_first"

    def __call__(self, path):
        try:
            with self.open(path) as file:
                image = np.asarray(file.convert(self.mode), np.float32)
        except OSError as error:
            raise DataError(f"{path} is no image that Pillow can read: {error}") from None
        image = image.reshape(*image.shape[:2], -1)
        if image.shape[:2] != self.size:
            matrices = resize_matrices(image.shape[:2], self.size, *self.options)
            image = resized(image, [matrix.astype(np.float32) for matrix in matrices])
        return np.moveaxis(image, -1, 0) if self.channels_first else image
