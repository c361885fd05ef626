"""Piecewise linear encodings of numbers."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import DataError
from nnlite.jacobians import Jacobians, Pieces
from nnlite.layers.base.columns import ColumnChoice, OfSomeColumns, known_width, selection
from nnlite.layers.preprocessing.numbers import check_adapted, examples_for
from nnlite.registry.bounds import Count
from nnlite.registry.fields import option

__all__ = ["PiecewiseLinearEncoding"]


class PiecewiseLinearEncoding(OfSomeColumns):
    """outputs = [inputs, clip((x - edge[i]) / (edge[i + 1] - edge[i]), 0, 1) for each bin i of each number x].

    The inputs come first, unchanged. What stands beside them rises from 0 to 1 inside its bin and is constant outside
    it, so that a linear layer on top is a piecewise linear function of each number, with bends at the edges: a network
    sees thresholds as a tree does.

    `adapt` takes quantiles as edges, so that each bin holds about as many examples as any other, and the distinct
    values of a column where these are no more than the edges. Bins that a column does not need are 0; so are all of a
    column with two values or one.

    Shape: `(batch, ..., features) -> (batch, ..., features + columns * num_bins)`; edges `(columns, num_bins + 1)`.

    Args:
        num_bins: number of bins for each column.
        columns: numbers of the columns that get pieces, from 0; all when None. Where a config's data have names, these
            as well, or `"numbers"` for all columns of amounts.

    Raises:
        NotReadyError: used before `adapt`.
        ConfigError: a column that the inputs do not have, or one twice.

    Reference: Gorishniy et al. 2022, arXiv:2203.05556.

    >>> import numpy as np
    >>> layer = PiecewiseLinearEncoding(num_bins=2)
    >>> layer.adapt(np.array([[0.0], [1.0], [2.0], [10.0]]))
    >>> layer(np.array([[0.75], [5.75], [12.0]])).tolist()
    [[0.75, 0.5, 0.0], [5.75, 1.0, 0.5], [12.0, 1.0, 1.0]]
    """

    num_bins: Count = 32
    columns: ColumnChoice = option(default=None)

    def build(self, input_shape: BatchShape) -> None:
        columns = self.chosen_columns(input_shape)
        self._places = selection(columns)
        # nan says "not adapted yet"; a saved model brings its own values.
        self.edges = self.add_weight((len(columns), self.num_bins + 1), "zeros", trainable=False, name="edges")
        self.edges.value[...] = np.nan

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        features = known_width(self, input_shape)
        columns = features if self.columns is None else len(self.columns)
        return (*input_shape[:-1], features + columns * self.num_bins)

    def adapt(self, data: Any) -> None:
        """Set the edges of each column of `data`, an array or a DataFrame of examples.

        Raises:
            DataError: empty, or with values that are not finite in the layer's dtype.
        """
        data = examples_for(self, data)
        with np.errstate(over="ignore"):
            columns = data.reshape(-1, data.shape[-1])[:, self._places].astype(self.dtype).astype(np.float64)
        if not np.isfinite(columns).all():
            raise DataError(f"{self.label}: adapt needs values that are finite in {self.dtype}")
        for edges, column in zip(self.edges.value, columns.T, strict=True):
            column_edges = edges_of(column, self.num_bins)
            edges[: len(column_edges)], edges[len(column_edges) :] = column_edges, column_edges[-1]

    @property
    def adapted(self) -> bool:
        """Whether the edges are known."""
        return self.built and not np.isnan(self.edges.value).any()

    def _check_ready(self) -> None:
        check_adapted(self)

    def linearize(self, inputs: Array, edges: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        low, widths = edges[:, :-1], edges[:, 1:] - edges[:, :-1]
        steepness = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
        features = inputs.shape[-1]
        outputs = np.empty_like(inputs, shape=(*inputs.shape[:-1], features + low.size))
        outputs[..., :features] = inputs
        flat = outputs[..., features:]
        pieces = flat.reshape(*inputs.shape[:-1], *low.shape)
        np.subtract(inputs[..., self._places, None], low, out=pieces)
        flat *= steepness.ravel()  # along all bins at once, as it takes half the time of bins by column
        if np.iscomplexobj(flat):
            flat[flat.real <= 0], flat[flat.real >= 1] = 0, 1
        else:
            np.clip(flat, 0, 1, out=flat)
        return outputs, Jacobians(Pieces(pieces, steepness, self._places, features), None)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self.linearize(inputs, *self.values)[0]


def edges_of(column: np.ndarray, num_bins: int) -> np.ndarray:
    """The increasing edges of up to `num_bins` bins of a column; a single edge, so no bin, for one or two values."""
    distinct = np.unique(column)
    if len(distinct) <= 2:
        return distinct[:1]
    if len(distinct) <= num_bins + 1:
        return distinct
    return np.unique(np.quantile(column, np.linspace(0, 1, num_bins + 1)))
