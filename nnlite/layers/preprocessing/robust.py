"""Robust scaling of columns by medians and quartiles."""

from typing import Any

import numpy as np

from nnlite.arrays.rows import SparseRows
from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers.base.columns import ColumnChoice, OfSomeColumns, selection
from nnlite.layers.base.simplified import Affine
from nnlite.layers.preprocessing.numbers import check_adapted, examples_for, known_numbers
from nnlite.registry.bounds import Positive
from nnlite.registry.fields import option

__all__ = ["RobustScaling"]

FARTHEST = 16  # widths from 0 to a center, up to which scale and shift as one product lose at most a digit


class RobustScaling(OfSomeColumns):
    """z = (inputs - center) / width, outputs = z / sqrt(1 + (z / clip) ** 2): outliers saturate at -clip and clip.

    `adapt` takes the median as the center and the interquartile range as the width. Where that is 0, the width is half
    the range. A column of exactly two values becomes -1 and 1 (before the clip), a constant one 0.

    Shape: `(batch, ..., features)`, unchanged.

    Args:
        center, width: known numbers in place of `adapt`, one for all columns or one for each; both or neither.
        clip: > 0, what outputs come close to for large z; None for outputs = z.
        columns: numbers of the columns to be scaled, from 0; the others pass unchanged. All when None. Where a config's
            data have names, these as well, or `"numbers"` for all columns of amounts.

    Raises:
        NotReadyError: used before `adapt`.
        ConfigError: a column that the inputs do not have, or one twice; a width that is not > 0.

    Reference: Holzmüller et al. 2024, arXiv:2407.04491.

    >>> import numpy as np
    >>> layer = RobustScaling(clip=None)
    >>> layer.adapt(np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 9.0], [6.0, 9.0], [1000.0, 9.0]]))
    >>> layer(np.array([[4.0, 5.0], [6.0, 9.0]])).tolist()
    [[0.0, -1.0], [0.5, 1.0]]
    """

    center: Any = None
    width: Any = None
    clip: Positive | None = 3.0
    columns: ColumnChoice = option(default=None)

    supports_masking = True

    def validate(self) -> None:
        if (self.center is None) != (self.width is None):
            raise ConfigError("RobustScaling takes center and width together, or neither")

    def build(self, input_shape: BatchShape) -> None:
        columns = self.chosen_columns(input_shape)
        self._places = slice(None) if self.columns is None else selection(columns)
        # nan says "not adapted yet"; a saved model brings its own values. What the type of the numbers cannot hold of
        # a center is kept beside it: inputs far from 0 lose no digits.
        names = ("center", "center_rest", "width")
        self.statistics = [self.add_weight((len(columns),), "zeros", trainable=False, name=name) for name in names]
        if self.center is None or self.width is None:
            self._keep(np.nan, np.nan)
        else:
            width = known_numbers(self, "width", self.width, (len(columns),))
            if not (width > 0).all():
                raise ConfigError(f"{self.label}: a width must be > 0, got {self.width!r}")
            self._keep(known_numbers(self, "center", self.center, (len(columns),)), width)

    def _keep(self, center: np.ndarray | float, width: np.ndarray | float) -> None:
        first, rest, own_width = (parameter.value for parameter in self.statistics)
        first[...] = center
        rest[...] = center - first.astype(np.float64)
        own_width[...] = width

    def adapt(self, data: Any) -> None:
        """Set center and width of each column from `data`, an array, a DataFrame or `SparseRows` of examples.

        Raises:
            DataError: empty, or with values that are not finite in the layer's dtype.
        """
        if not isinstance(data, SparseRows):
            data = examples_for(self, data)
            self._keep(*self._statistics(data.reshape(-1, data.shape[-1])[:, self._places]))
            return
        examples_for(self, data[:1])
        statistics = [self._statistics(block) for block in data.column_blocks()]
        center, width = (np.concatenate(values)[self._places] for values in zip(*statistics, strict=True))
        self._keep(center, width)

    def _statistics(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Center and width of each column."""
        with np.errstate(over="ignore"):
            seen = columns.astype(self.dtype).astype(np.float64)
        if not np.isfinite(seen).all():
            raise DataError(f"{self.label}: adapt needs values that are finite in {self.dtype}")
        ordered = np.sort(np.ascontiguousarray(seen.T))  # `quantile` takes half the time then
        lowest, highest = ordered[:, 0], ordered[:, -1]
        first, center, third = _quartiles(ordered)
        half = highest / 2 - lowest / 2
        two_values = ((ordered == lowest[:, None]) | (ordered == highest[:, None])).all(axis=1)
        center = np.where(two_values, lowest / 2 + highest / 2, center)
        width = np.where(two_values | (third == first), half, third - first)
        return center, np.where(half > 0, width, 1)

    @property
    def adapted(self) -> bool:
        """Whether center and width are known."""
        return self.built and not np.isnan(self.statistics[0].value).any()

    @property
    def steepest(self) -> np.ndarray:
        """The input of each feature at which the outputs rise most, `(features,)`: beside it they rise ever less."""
        places, (center, rest, _) = np.zeros(self.input_shape[-1]), self.values
        places[self._places] = center.astype(np.float64) + rest
        return places

    def _check_ready(self) -> None:
        check_adapted(self)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Affine | None:
        center, rest, width = (value.astype(np.float64) for value in self.values)
        if self.clip is not None or np.abs(center / width).max() > FARTHEST:
            return None
        scale, shift = np.ones(self.input_shape[-1]), np.zeros(self.input_shape[-1])
        scale[self._places], shift[self._places] = 1 / width, -(center + rest) / width
        return Affine(scale, shift)

    def linearize(
        self, inputs: Array, center: np.ndarray, center_rest: np.ndarray, width: np.ndarray
    ) -> tuple[np.ndarray, Jacobians]:
        scaled = self._standard(inputs, center, center_rest, width)
        slopes = 1 / width
        if self.clip is not None:
            scaled, bend = _bent(scaled, self.clip)
            slopes = np.multiply(bend, slopes, out=bend)
        if self.columns is not None:
            outputs, all_slopes = inputs.copy(order="K"), np.ones(slopes.shape[:-1] + inputs.shape[-1:], slopes.dtype)
            outputs[..., self._places], all_slopes[..., self._places] = scaled, slopes
            scaled, slopes = outputs, all_slopes
        return scaled, Jacobians(Diagonal(slopes, inputs.shape, inputs.shape), None, None, None)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        scaled = self._standard(inputs, *self.values)
        if self.clip is not None:
            scaled = _bent(scaled, self.clip)[0]
        if scaled.shape == inputs.shape and isinstance(self._places, slice):  # all columns, in their order
            return scaled
        outputs = inputs.copy()
        outputs[..., self._places] = scaled
        return outputs

    def _standard(self, inputs: Array, center: np.ndarray, center_rest: np.ndarray, width: np.ndarray) -> np.ndarray:
        """(inputs - center) / width of the columns that are scaled."""
        scaled = inputs[..., self._places] - center
        scaled -= center_rest
        scaled /= width
        return scaled


def _quartiles(ordered: np.ndarray) -> np.ndarray:
    """`np.quantile(ordered, [0.25, 0.5, 0.75], axis=1)` of rows in ascending order, which need not be ordered again."""
    last = ordered.shape[1] - 1
    places = np.array([0.25, 0.5, 0.75]) * last
    below = places.astype(np.intp)
    low, high, part = ordered[:, below], ordered[:, np.minimum(below + 1, last)], places - below
    return np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part)).T


def _bent(z: Array, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """z / sqrt(1 + (z / clip) ** 2), and its slopes (1 + (z / clip) ** 2) ** -1.5; `z` is overwritten."""
    limit = np.asarray(1e12 if z.real.dtype.itemsize == 4 else 1e100, z.dtype)  # its square is finite, its slope 0
    z /= clip
    np.minimum(np.maximum(z, -limit, out=z), limit, out=z)
    shrink = z * z
    shrink += 1
    np.sqrt(shrink, out=shrink)
    np.divide(1, shrink, out=shrink)
    z *= shrink
    z *= clip
    return z, shrink * shrink * shrink
