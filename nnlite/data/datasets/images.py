"""Batches of images from the files of a directory."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nnlite.data.datasets.folders import from_directory
from nnlite.data.safety.files import regular
from nnlite.data.safety.limits import limits
from nnlite.errors import ConfigError, DataError, needed_for
from nnlite.errors.boundary import reading
from nnlite.ops.interpolation import resize_matrices, resized
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.field_types import read_call

__all__ = ["image_dataset_from_directory"]

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # none that starts a program, as EPS does
NO_IMAGE = "no image that Pillow can read"
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
DEEP_COLOURS = re.compile(";16[BLN]")  # in the name of a decoder of Pillow: colors or gray with opacity
EXACT = 2**24  # up to it, float32 holds every integer
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Literal["int", "categorical", "binary"] | None = "int",
    class_names: list[str] | None = None,
    color_mode: Literal["grayscale", "rgb", "rgba"] = "rgb",
    batch_size: Count | None = 32,
    image_size: tuple[Count, Count] | Count = (256, 256),
    shuffle: bool = True,
    seed: Index | None = None,
    validation_split: BelowOne | None = None,
    subset: Literal["training", "validation", "both"] | None = None,
    interpolation: Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"] = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: Literal["channels_last", "channels_first"] | None = None,
    format: Literal["tf", "grain"] = "tf",
    verbose: bool = True,
) -> Any:
    """Batches `(images, labels)` of the image files below a directory, one subdirectory per class.

    Shape: images `(batch, height, width, channels)`, float32 in [0, 255]; labels int32 `(batch,)`, or float32
    `(batch, classes)` for `categorical` and `(batch, 1)` for `binary`.

    16-bit, 32-bit and floating-point grayscale images keep their values.

    Args:
        directory: with files `*.bmp`, `*.gif` (their first frame), `*.jpeg`, `*.jpg` and `*.png`.
        labels: `inferred` from the subdirectories, None, or one integer per file in the order of their paths.
        label_mode: how labels are written; None for images alone.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        color_mode: 1, 3 or 4 channels.
        batch_size: images per batch; None for single images.
        image_size: height and width that images are resized to, as by `Resizing`; one number for both.
        shuffle: another order in each epoch; else alphabetical order.
        seed: decides the order, and which files are set apart.
        validation_split: part of the files that is set apart, in [0, 1).
        subset: which part is wanted; `both` gives two.
        interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio: as of `Resizing`.
        follow_links: whether to enter linked subdirectories.
        data_format: `channels_last`, the default, or `channels_first`.
        format: Keras's; accepted: batches are arrays.
        verbose: say how many files were found.

    Returns:
        `LazyBatches`, for `fit(dataset, epochs=...)`; two of them for `both`.

    Raises:
        ConfigError: arguments that do not fit together; Pillow is not installed.
        DataError: no directory, no images, or not one label per image; a file that is not an image, or one whose values
            would not be kept, such as colors of 16 bits.
    """
    arguments = dict(locals())
    arguments |= read_call(image_dataset_from_directory, arguments)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ConfigError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude one another")
    names = ("interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    read = ImageReader(
        arguments["color_mode"],
        (size, size) if isinstance(size := arguments["image_size"], int) else size,
        tuple(arguments[name] for name in names),
        arguments["data_format"] == "channels_first",
    )
    return from_directory(arguments, SUFFIXES, read)


def sizes_of_images(paths: Sequence[str]) -> np.ndarray:
    """Height and width of image files, from their first bytes, `(files, 2)`; `DataError` for other files."""
    opened = _opener()
    sizes = []
    for path in paths:
        regular(path)
        with reading(path, NO_IMAGE), opened(path, formats=FORMATS) as file:
            sizes.append(file.size[::-1])
    return np.array(sizes)


def _opener() -> Any:
    with needed_for("images are read by Pillow", "nnlite[images]"):
        from PIL import Image
    return Image.open


class ImageReader:
    """Makes an array of an image file, `(height, width, channels)` of float32 in [0, 255].

    Args:
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        size: height and width that images are resized to.
        options: interpolation, crop_to_aspect_ratio and pad_to_aspect_ratio of `Resizing`.
        channels_first: whether channels are the first axis.
    """

    def __init__(self, color_mode: str, size: tuple[int, int], options: tuple, channels_first: bool = False) -> None:
        self.open, self.limits = _opener(), limits()
        self.mode, self.size, self.options = MODES[color_mode], size, options
        self.channels = len(self.mode)
        self.channels_first = channels_first

    def __call__(self, path: str) -> np.ndarray:
        image = self._pixels(path)
        image = image.reshape(*image.shape[:2], -1)
        if image.shape[:2] != self.size:
            matrices = resize_matrices(image.shape[:2], self.size, *self.options)
            image = resized(image, [matrix.astype(np.float32) for matrix in matrices])
        return np.moveaxis(image, -1, 0) if self.channels_first else image

    def _pixels(self, path: str) -> np.ndarray:
        regular(path)
        with reading(path, NO_IMAGE), self.open(path, formats=FORMATS) as file:
            self.limits.check_pixels(file.size, path)
            if file.mode.startswith("I") or file.mode == "F":
                return self._deep(path, np.asarray(file))
            reduced = DEEP_COLOURS.search(str(file.tile))
            image = np.asarray(file.convert(self.mode), np.float32)
        if reduced:
            raise DataError(
                f"{path}: colors of 16 bits each, but Pillow reads only 8; save the image with 8 bits, or in gray, "
                "whose 16 bits are kept"
            )
        return image

    def _deep(self, path: str, image: np.ndarray) -> np.ndarray:
        """Gray of more than 8 bits, which `convert` would cut at 255: its values stay, in each channel alike."""
        if image.dtype.kind != "f" and np.abs(image.astype(np.int64)).max() > EXACT:
            raise DataError(f"{path}: integers above {EXACT}, which float32 does not tell apart; scale the image down")
        if self.mode == "RGBA":
            raise DataError(
                f"{path}: gray of more than 8 bits has no opacity; read it with color_mode='grayscale' or 'rgb', or "
                "save it with 8 bits"
            )
        image = image.astype(np.float32)
        return image if self.mode == "L" else np.repeat(image[..., None], 3, axis=-1)
