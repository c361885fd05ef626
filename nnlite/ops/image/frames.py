"""Images cut, framed by zeros, and taken apart into patches."""

from collections.abc import Sequence
from typing import Any, Literal

from nnlite.errors import ConfigError
from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import axis_of_channels
from nnlite.ops.names.constants import lengths
from nnlite.ops.names.neural import channels_last, each, patches_of
from nnlite.ops.names.placed import pad
from nnlite.ops.tracing import drawable

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images"]


def _measured(
    names: tuple[str, str, str], before: int | None, behind: int | None, target: int | None, difference: Any
) -> tuple[int, int]:
    """The lengths added, or taken away, before and behind; two of three numbers say them."""
    given = {"before": before, "behind": behind, "target": target}
    if sum(value is not None for value in given.values()) != 2:
        raise ConfigError(f"must specify exactly two of {', '.join(names)}, got {list(given.values())}")
    if target is not None:
        before = difference(target) - behind if before is None else before
        behind = difference(target) - before
    assert before is not None and behind is not None  # two were given
    if before < 0 or behind < 0:
        raise ConfigError(f"{names[0]} and {names[1]} must be >= 0, got {before} and {behind}")
    return before, behind


def _spans(sizes: dict[str, Any], height: int, width: int, word: str, sign: int) -> list[tuple[int, int]]:
    spans = []
    for length, names in (
        (height, (f"top_{word}", f"bottom_{word}", "target_height")),
        (width, (f"left_{word}", f"right_{word}", "target_width")),
    ):
        values = [sizes[name] for name in names]
        spans.append(_measured(names, *values, lambda target, length=length: sign * (target - length)))
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
    """Images without rows and columns at their edges; two of top, bottom and height say how many, as for columns."""
    sizes = dict(locals())
    first = axis_of_channels(data_format) == -3  # channels first
    height, width = lengths(images)[-2:] if first else lengths(images)[-3:-1]
    (top, bottom), (left, right) = _spans(sizes, height, width, "cropping", -1)
    rows, columns = slice(top, height - bottom), slice(left, width - right)
    return ops.getitem(images, (..., rows, columns) if first else (..., rows, columns, slice(None)))


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
    """Images in a frame of zeros; two of top, bottom and height say how wide it is, as for columns."""
    sizes = dict(locals())
    first = axis_of_channels(data_format) == -3  # channels first
    height, width = lengths(images)[-2:] if first else lengths(images)[-3:-1]
    spans = _spans(sizes, height, width, "padding", 1)
    outer = [(0, 0)] * (len(lengths(images)) - 3)
    return pad(images, [*outer, (0, 0), *spans] if first else [*outer, *spans, (0, 0)])


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
    """Patches of images, each with all its numbers as channels: `(batch, rows, columns, height * width * channels)`.

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
    """`extract_patches` of volumes, whose patches have a depth too."""
    return _extracted(volumes, each(size, 3, ()), strides, dilation_rate, padding, data_format)
