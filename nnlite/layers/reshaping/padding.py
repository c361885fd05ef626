"""Layers that pad, crop or repeat cells of the spatial axes."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Embedded, Jacobians, Transposed
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Spatial
from nnlite.registry.bounds import Index

__all__ = ["Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]

# One number for all ends, or for each spatial axis one number or (before, after).
Borders = Index | tuple[Index | tuple[Index, Index], ...]


def borders_of(layer: Any, name: str) -> list[tuple[int, int]]:
    """The argument `name` as (before, after) for each axis; `ConfigError` if it has another form."""
    value = getattr(layer, name)
    if isinstance(value, int):
        return [(value, value)] * layer.rank
    if layer.rank == 1 and len(value) == 2:
        value = (value,)
    if len(value) != layer.rank or (layer.rank == 1 and not isinstance(value[0], tuple)):
        raise ConfigError(
            f"expected an integer, or a number or (before, after) for each of {layer.rank} axes, got {value!r}",
            (type(layer).__name__, name),
        )
    return [(ends, ends) if isinstance(ends, int) else ends for ends in value]


def whole_borders(layer: Any, name: str) -> Any:
    """The argument `name` as the attribute is: (before, after), for each axis where there are several."""
    borders = tuple(borders_of(layer, name))
    return borders[0] if layer.rank == 1 else borders


def inside(borders: list[tuple[int, int]], lengths: tuple[int, ...], trailing: int) -> tuple[slice, ...]:
    """The slices of the last axes without the borders; the `trailing` last ones are not spatial."""
    spatial = [slice(before, before + length) for (before, _), length in zip(borders, lengths, strict=True)]
    return (*spatial, *[slice(None)] * trailing)


class _ZeroPadding(Spatial, Layer, abstract=True):
    padding: Borders = 1

    _kept_kinds = "biu"

    def validate(self) -> None:
        self.padding = whole_borders(self, "padding")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        axes = zip(self.spatial(input_shape), borders_of(self, "padding"), strict=True)
        return self.with_spatial(input_shape, [None if n is None else n + sum(ends) for n, ends in axes])

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        interior = inside(borders_of(self, "padding"), self.spatial(inputs.shape), self.trailing)
        shape: Any = self.compute_output_shape(inputs.shape)
        part = Embedded(interior, inputs.shape, shape)
        return part.jvp(inputs), Jacobians(part)


class ZeroPadding1D(_ZeroPadding):
    """Adds `padding` zeros at the ends of the steps.

    Shape: `(batch, steps, channels) -> (batch, before + steps + after, channels)`.

    Args:
        padding: one number for both ends, or (before, after).
        data_format: "channels_last", also for None, or "channels_first".

    >>> import numpy as np
    >>> ZeroPadding1D((1, 2))(np.array([1.0, 2.0]).reshape(1, 2, 1)).ravel().tolist()
    [0.0, 1.0, 2.0, 0.0, 0.0]
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Adds `padding` zeros around each image.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, channels)`.

    Args:
        padding: one number for all sides; or (for rows, for cols), each a number or (before, after).
        data_format: "channels_last", also for None, or "channels_first".

    >>> import numpy as np
    >>> print(ZeroPadding2D(1)(np.ones((1, 2, 2, 1)))[0, ..., 0])
    [[0. 0. 0. 0.]
     [0. 1. 1. 0.]
     [0. 1. 1. 0.]
     [0. 0. 0. 0.]]
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Adds `padding` zeros around each volume; as `ZeroPadding2D` with one more axis.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, new_depth, new_rows, new_cols, channels)`.

    >>> import numpy as np
    >>> ZeroPadding3D((1, 0, 2))(np.ones((1, 4, 4, 6, 1))).shape
    (1, 6, 4, 10, 1)
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    rank = 3


class _Cropping(Spatial, Layer, abstract=True):
    cropping: Borders = 1

    _kept_kinds = "biu"

    def validate(self) -> None:
        self.cropping = whole_borders(self, "cropping")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        lengths, borders = self.spatial(input_shape), borders_of(self, "cropping")
        left = [None if n is None else n - sum(ends) for n, ends in zip(lengths, borders, strict=True)]
        if any(length is not None and length < 1 for length in left):
            raise ShapeError(
                f"{self.label} needs inputs longer than what it cuts off, {tuple(map(sum, borders))}, got {lengths}"
            )
        return self.with_spatial(input_shape, left)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        shape: Any = self.compute_output_shape(inputs.shape)
        interior = inside(borders_of(self, "cropping"), self.spatial(shape), self.trailing)
        part = Transposed(Embedded(interior, shape, inputs.shape))
        return part.jvp(inputs), Jacobians(part)


class Cropping1D(_Cropping):
    """Removes `cropping` steps at both ends.

    Shape: `(batch, steps, channels) -> (batch, steps - before - after, channels)`.

    Args:
        cropping: one number for both ends, or (before, after).

    Raises:
        ShapeError: nothing would be left.

    >>> import numpy as np
    >>> Cropping1D((1, 2))(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [1.0, 2.0, 3.0]
    """

    rank = 1


class Cropping2D(_Cropping):
    """Removes `cropping` pixels at the sides of each image.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, channels)`.

    Args:
        cropping: one number for all sides; or (for rows, for cols), each a number or (before, after).
        data_format: "channels_last", also for None, or "channels_first".

    Raises:
        ShapeError: nothing would be left.

    >>> import numpy as np
    >>> Cropping2D(1)(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 6.0, 9.0, 10.0]
    """

    cropping: Borders = 0
    data_format: Literal["channels_last", "channels_first"] | None = None

    rank = 2


class Cropping3D(_Cropping):
    """Removes `cropping` voxels at the sides of each volume; as `Cropping2D`, by default one at each side.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, new_depth, new_rows, new_cols, channels)`.

    >>> import numpy as np
    >>> Cropping3D((1, 0, 2))(np.ones((1, 4, 4, 6, 1))).shape
    (1, 2, 4, 2, 1)
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    rank = 3
