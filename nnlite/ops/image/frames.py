"""Cropping, padding and patches of images."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nnlite.errors import ConfigError, ShapeError, WrongTypeError
from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import axis_of_height
from nnlite.ops.names.constants import lengths
from nnlite.ops.names.neural import channels_last, each, patches_of
from nnlite.ops.names.placed import pad
from nnlite.ops.tracing import drawable

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images"]


def _measured(lengths: dict[str, int | None], length: int, sign: int) -> tuple[int, int]:
    """The lengths added, or with a `sign` of -1 taken away, before and behind; two of three numbers say them."""
    for name, number in lengths.items():
        if number is not None and not isinstance(number, (int, np.integer)):
            raise WrongTypeError(f"must be an integer, got {number!r}", (name,))
    before, behind, target = lengths.values()
    if list(lengths.values()).count(None) != 1:
        raise ConfigError(f"must specify exactly two of {', '.join(lengths)}, got {list(lengths.values())}")
    both = 0 if target is None else sign * (target - length)
    before = both - (behind or 0) if before is None else before
    behind = both - before if behind is None else behind
    if before < 0 or behind < 0:
        first, second, _ = lengths
        raise ConfigError(f"{first} and {second} must be >= 0, got {before} and {behind}")
    return before, behind


def _spans(images: Any, data_format: str | None, sizes: dict[str, Any], word: str, sign: int) -> list[tuple[int, int]]:
    """`_measured` along each axis of the images, no change along all but height and width."""
    if len(lengths(images)) not in (3, 4):
        raise ShapeError(f"images have 3 axes, or 4 with a batch, got the shape {lengths(images)}")
    rows = axis_of_height(data_format)
    spans = [(0, 0)] * len(lengths(images))
    for axis, names in (
        (rows, (f"top_{word}", f"bottom_{word}", "target_height")),
        (rows + 1, (f"left_{word}", f"right_{word}", "target_width")),
    ):
        spans[axis] = _measured({name: sizes[name] for name in names}, lengths(images)[axis], sign)
    return spans


@drawable
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without some rows and columns at their edges; rows are given by two of top, bottom and height."""
    spans = _spans(images, data_format, locals(), "cropping", -1)
    kept = zip(spans[-3:], lengths(images)[-3:], strict=True)
    return ops.getitem(images, (..., *(slice(before, length - behind) for (before, behind), length in kept)))


@drawable
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images in a frame of zeros; its rows are given by two of top, bottom and height, its columns likewise."""
    return pad(images, _spans(images, data_format, locals(), "padding", 1))


def _extracted(
    images: Any, size: Sequence[int], strides: Any, dilation: Any, padding: str, data_format: str | None
) -> Any:
    rank = len(size)
    single = len(lengths(images)) == rank + 1
    batch = ops.expand_dims(images, 0) if single else images

    def compute(rows: Any) -> Any:
        patches = patches_of(rows, size, strides, padding, dilation, 0.0)
        return ops.reshape(patches, (*lengths(patches)[: rank + 1], -1))

    result = channels_last(compute, batch, data_format)
    return ops.squeeze(result, 0) if single else result


@drawable
def extract_patches(
    images: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: str | None = None,
) -> Any:
    """Patches of images, each flattened into channels: `(batch, rows, columns, height * width * channels)`.

    Args:
        images: with or without a batch.
        size: height and width of a patch; three numbers for volumes.
        strides: from one patch to the next; `size` when None.
        dilation_rate: distance of the pixels in a patch.
        padding: `"valid"` or `"same"`.
        data_format: where the channels are; that of `config` when None.
    """
    return _extracted(images, each(size, 2, ()), strides, dilation_rate, padding, data_format)


@drawable
def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: Literal["valid", "same"] = "valid",
    data_format: str | None = None,
) -> Any:
    """`extract_patches` of volumes, with patches that have a depth."""
    sizes = each(size, 3, ())
    if len(sizes) != 3:
        raise WrongTypeError(f"must be an integer or three of them, got {size!r}", ("size",))
    return _extracted(volumes, sizes, strides, dilation_rate, padding, data_format)
