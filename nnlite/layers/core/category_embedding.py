"""Columns of codes in a table of numbers: one learned vector per category."""

import math
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, DataError
from nnlite.initializers import Initializer, RandomNormal
from nnlite.jacobians import Composed, GatherRows, Jacobians, Rearrange, Segment, Slice
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.columns import NamedColumns, OfColumns, check_columns, selection
from nnlite.layers.base.members import for_members, member_shape
from nnlite.registry.bounds import Count, Index
from nnlite.registry.fields import FromSpec, Settled, option
from nnlite.regularizers import Regularizer

__all__ = ["CategoryEmbedding"]

TOLERANCE = 0.01  # how far from an integer a code may be; within it, codes have a derivative, which is 0


class CategoryEmbedding(OfColumns):
    """Replaces columns of codes by learned embeddings: outputs = [other columns, embeddings[code], ...].

    The other columns come first, in order, then `output_dim` numbers for each column of codes, in the order of
    `sizes`. The derivative with respect to a code is 0.

    Shape: `(batch, ..., features) -> (batch, ..., features - codes + codes * output_dim)`, for so many columns of
    codes; embeddings `(levels, output_dim)`, the tables of all columns in one. With `members`, for an ensemble of
    networks that is trained at once: `(batch, members, features)`, and embeddings `(members, levels, output_dim)`.

    Args:
        sizes: for each column that holds codes, by its number from 0: how many codes there are. None, in a config
            whose data are a table, for all columns of codes (`embed`).
        output_dim: length of each vector.
        members: number of networks, each with tables of its own; None for one network.
        embeddings_initializer: N(0, 1) by default, so that the vectors are of the size of standardized numbers.
        embeddings_regularizer: penalty added to the loss.

    Raises:
        ConfigError: a column that the inputs do not have.
        DataError: a code that is none of 0 to size - 1 (to within 0.01).

    Reference: Guo & Berkhahn 2016, arXiv:1604.06737.

    >>> import numpy as np
    >>> layer = CategoryEmbedding({1: 3}, output_dim=2, embeddings_initializer="ones")
    >>> layer(np.array([[0.5, 2.0, -0.5], [0.25, 0.0, 4.0]])).tolist()
    [[0.5, -0.5, 1.0, 1.0], [0.25, 4.0, 1.0, 1.0]]
    """

    sizes: Settled[dict[Index, Count]] = option(default=None)
    output_dim: Count = 8
    members: Count | None = None
    embeddings_initializer: FromSpec[Initializer] = option(default_factory=lambda: RandomNormal(stddev=1.0))
    embeddings_regularizer: FromSpec[Regularizer | None] = option(default=None)

    @property
    def has_names(self) -> bool:
        return self.sizes is None

    def name_columns(self, named: NamedColumns) -> None:
        if self.sizes is None:
            if not named.code_sizes:
                raise ConfigError(f"the data have no column of codes (`embed`); leave {self.label} out")
            self.sizes = named.code_sizes

    def build(self, input_shape: BatchShape) -> None:
        if self.sizes is None:
            raise ConfigError(f"{self.label} needs sizes: the columns that hold codes, and how many codes there are")
        lead = member_shape(self, self.members, input_shape)
        check_columns(self, list(self.sizes), input_shape)
        features = cast(int, input_shape[-1])
        self._codes = selection(list(self.sizes))
        self._others = selection([column for column in range(features) if column not in self.sizes])
        levels = np.array(list(self.sizes.values()))
        self._levels, total = levels, int(levels.sum())
        offsets = np.cumsum(levels) - levels
        self._offsets = offsets if self.members is None else offsets + total * np.arange(self.members)[:, None]
        self.embeddings = self.add_weight(
            (*lead, total, self.output_dim),
            for_members(self.members, self.embeddings_initializer),
            regularizer=self.embeddings_regularizer,
            name="embeddings",
        )

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        features = cast(int, input_shape[-1])
        return (*input_shape[:-1], features + len(self.sizes) * (self.output_dim - 1))

    def linearize(self, inputs: Array, embeddings: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        rows = self._rows(inputs)
        shape: Any = self.compute_output_shape(inputs.shape)
        passing = inputs[..., self._others]
        first = passing.shape[-1]
        # Written in the order of memory: rows lead, or members where there are any.
        order = tuple(range(inputs.ndim)) if self.members is None else (1, 0, 2)
        outputs = np.empty([shape[axis] for axis in order], np.result_type(inputs, embeddings))
        outputs[..., :first] = passing.transpose(order)
        vectors = embeddings.reshape(-1, self.output_dim).take(rows.transpose(order), axis=0)
        outputs[..., first:] = vectors.reshape(*vectors.shape[:-2], shape[-1] - first)
        return outputs.transpose(order), Jacobians(
            Composed(
                Segment(-1, 0, first, passing.shape, shape),
                Slice((*[slice(None)] * (inputs.ndim - 1), self._others), inputs.shape, passing.shape),
            ),
            self._by_embeddings(rows, embeddings, first, shape),
        )

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self.linearize(inputs, *self.values)[0]

    def _rows(self, inputs: Array) -> np.ndarray:
        """The rows of the tables of all columns, and members, that the codes name."""
        codes = inputs.real[..., self._codes]
        whole = np.clip(np.rint(codes), 0, self._levels - 1)
        fits = np.abs(codes - whole) <= TOLERANCE
        if not fits.all():
            *_, index = np.argwhere(~fits)[0]
            column, size = list(self.sizes.items())[index]
            raise DataError(
                f"{self.label}: column {column} must hold codes, integers from 0 to {size - 1}, got "
                f"{codes[~fits].flat[0]:g}"
            )
        rows = whole.astype(np.intp)
        rows += self._offsets
        return rows

    def _by_embeddings(self, rows, embeddings, first, shape) -> Jacobian:
        vectors, joined = (*rows.shape, self.output_dim), (*shape[:-1], shape[-1] - first)
        table = (math.prod(embeddings.shape[:-1]), self.output_dim)
        maps = [
            Segment(-1, first, shape[-1], joined, shape),
            Rearrange(vectors, joined),
            GatherRows(rows, -2, table, vectors),
        ]
        if self.members is not None:
            maps.append(Rearrange(embeddings.shape, table))
        return Composed(*maps)
