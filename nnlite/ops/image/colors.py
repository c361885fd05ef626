"""Images in hue, saturation and value, and back."""

from typing import Any

import numpy as np

from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import axis_of_channels, checked, floating
from nnlite.ops.names.constants import convert_to_numpy
from nnlite.ops.names.smooth import mod
from nnlite.ops.tracing import drawable

__all__ = ["hsv_to_rgb", "rgb_to_hsv"]


def _planes(images: Any, axis: int) -> list[Any]:
    return [ops.squeeze(part, axis) for part in ops.split(images, 3, axis)]


@drawable
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue in [0, 1] as hue, saturation and value, all in [0, 1]."""
    axis = axis_of_channels(data_format)
    red, green, blue = _planes(floating(checked(images, with_floats=True)), axis)
    value, least = ops.maximum(ops.maximum(red, green), blue), ops.minimum(ops.minimum(red, green), blue)
    span = ops.subtract(value, least)
    highest = convert_to_numpy(value)
    gray, black = convert_to_numpy(span) <= 0, highest <= 0
    saturation = ops.where(black, 0.0, ops.divide(span, ops.where(black, 1.0, value)))
    share = ops.divide(1 / 6, ops.where(gray, 1.0, span))
    hue = ops.where(
        highest == convert_to_numpy(green),
        ops.add(ops.multiply(share, ops.subtract(blue, red)), 1 / 3),
        ops.add(ops.multiply(share, ops.subtract(red, green)), 2 / 3),
    )
    hue = ops.where(highest == convert_to_numpy(red), ops.multiply(share, ops.subtract(green, blue)), hue)
    below = (convert_to_numpy(hue) < 0) & ~gray
    hue = ops.add(ops.where(gray, 0.0, hue), below.astype(np.real(highest).dtype))
    return ops.stack([hue, saturation, value], axis)


@drawable
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """The inverse of `rgb_to_hsv`."""
    axis = axis_of_channels(data_format)
    hue, saturation, value = _planes(floating(checked(images, with_floats=True)), axis)
    turn = ops.multiply(mod(hue, 1.0), 6.0)
    shades = [
        ops.clip(ops.subtract(ops.abs(ops.subtract(turn, 3.0)), 1.0), 0.0, 1.0),
        ops.clip(ops.subtract(2.0, ops.abs(ops.subtract(turn, 2.0))), 0.0, 1.0),
        ops.clip(ops.subtract(2.0, ops.abs(ops.subtract(turn, 4.0))), 0.0, 1.0),
    ]
    white = ops.subtract(1.0, saturation)
    return ops.stack([ops.multiply(value, ops.add(white, ops.multiply(saturation, shade))) for shade in shades], axis)
