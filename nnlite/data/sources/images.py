"""Images in a folder, one folder per class inside it."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from nnlite.data.array_files import read_array_file
from nnlite.data.datasets.folders import Files
from nnlite.data.datasets.images import SUFFIXES, ImageReader
from nnlite.data.encoders.targets import TargetKind
from nnlite.data.safety.limits import limits
from nnlite.data.sources.arrays import checked_numbers
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.errors import ConfigError, DataError
from nnlite.registry.bounds import Count

__all__ = ["ImageFolder"]


class ImageFolder(DataSource):
    """Image files in one folder per class; the name of its folder is the label of an image.

    `flowers/rose/1.jpg` has the label `rose` if `path` is `flowers`. Files end in `.bmp`, `.gif` (the first frame
    counts), `.jpeg`, `.jpg` or `.png`, and may lie in further folders below that of their class; names that begin with
    a dot do not count. All images are kept in memory; `nnlite.data.image_dataset_from_directory` reads them batch by
    batch.

    Inputs: float32 `(images, height, width, channels)`, in [0, 255]; 16-bit, 32-bit and floating-point grayscale images
    keep their values.

    Args:
        path: the folder.
        image_size: height and width that images are resized to, as by the layer `Resizing`.
        color_mode: `grayscale`, `rgb` or `rgba`: 1, 3 or 4 channels.
        class_names: the folders to read; all when None.
        interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio: as of `Resizing`.

    >>> import os, tempfile
    >>> from nnlite.utils import array_to_img
    >>> os.mkdir(f"{(folder := tempfile.mkdtemp())}/cat")
    >>> array_to_img(np.full((4, 6, 3), 250), scale=False).save(f"{folder}/cat/1.png")
    >>> ImageFolder(folder, (1, 2), "grayscale").load("auto").inputs.tolist()
    [[[[250.0], [250.0]]]]
    """

    path: str
    image_size: tuple[Count, Count]
    color_mode: Literal["grayscale", "rgb", "rgba"] = "rgb"
    class_names: list[str] | None = None
    interpolation: Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"] = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False

    def validate(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            path = ("ImageFolder", "pad_to_aspect_ratio")
            raise ConfigError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude one another", path)

    def located(self, folder: str) -> "ImageFolder":
        return dataclasses.replace(self, path=find_file(self.path, folder, "folder"))

    def load(self, target_kind: TargetKind) -> Dataset:
        if target_kind in ("regression", "multilabel"):
            raise ConfigError(
                "the folder of an image is its one label; choose a loss of classes, such as "
                "sparse_categorical_crossentropy",
                ("ImageFolder",),
            )
        paths, labels = labelled_images(self.path, self.class_names)
        return Dataset(self._images(paths, self.path), labels, ["class"], row_names=self._names(paths, self.path))

    def read_inputs(self, path: str) -> np.ndarray:
        """The images in a folder, at any depth, in the order of `row_names`; one image; or an array of images."""
        paths = self._paths(path)
        if paths is not None:
            return self._images(paths, path)
        array = read_array_file(path)
        if array is None:
            raise DataError(f"{path}: neither a folder nor an image ({', '.join(SUFFIXES)}) nor an array of NumPy")
        return checked_numbers(array, path)

    def row_names(self, path: str) -> list[str] | None:
        paths = self._paths(path)
        return None if paths is None else self._names(paths, path)

    def input_chunks(self, path: str, rows: int) -> Iterator[np.ndarray]:
        paths = self._paths(path)
        if paths is None:
            yield self.read_inputs(path)
            return
        for start in range(0, len(paths), rows):
            yield self._images(paths[start : start + rows], path)

    def _paths(self, path: str) -> list[str] | None:
        """The image files that `path` stands for; None for a file of another kind."""
        if os.path.isdir(path):
            return Files(path, SUFFIXES, None, None, None, follow_links=False).paths
        return [path] if Path(path).suffix.lower() in SUFFIXES else None

    def _names(self, paths: list[str], top: str) -> list[str]:
        names = [Path(path).relative_to(top).as_posix() if path != top else Path(path).name for path in paths]
        return [os.fsencode(name).decode("utf-8", "backslashreplace") for name in names]  # any bytes, for text files

    def _images(self, paths: list[str], location: str) -> np.ndarray:
        options = (self.interpolation, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio)
        read = ImageReader(self.color_mode, self.image_size, options)
        shape = (len(paths), *self.image_size, read.channels)
        limits().check_array(shape, np.dtype(np.float32).itemsize, location)
        images = np.empty(shape, np.float32)
        for row, path in enumerate(paths):
            images[row] = read(path)
        return images


def labelled_images(folder: str, class_names: list[str] | None = None) -> tuple[list[str], np.ndarray]:
    """The paths of the images in one folder per class, and the class of each; `DataError` for a class without any.

    Args:
        folder: with the folders of the classes in it.
        class_names: the folders to read; all when None.
    """
    files = Files(folder, SUFFIXES, "inferred", "int", class_names, follow_links=False)
    names = np.array(files.class_names)
    labels = names[files.targets]
    empty = np.setdiff1d(names, labels)
    if len(empty):
        raise DataError(f"{folder}: no images in the folder {str(empty[0])!r}; remove it, or state `class_names`")
    return files.paths, labels
