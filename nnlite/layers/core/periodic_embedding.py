"""Periodic embeddings of numbers, with which a network resolves fine detail."""

import math
from typing import cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ShapeError
from nnlite.initializers import RandomNormal, RandomUniform
from nnlite.jacobians import WaveJacobians
from nnlite.jacobians.bundles.waves import CIRCLE, beside, moved_axis
from nnlite.layers.base.columns import ColumnChoice, OfSomeColumns, selection
from nnlite.layers.base.members import member_shape
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.fields import option

__all__ = ["PeriodicEmbedding"]


class PeriodicEmbedding(OfSomeColumns):
    """outputs = [inputs, cos(2 pi * frequency * x + phase) @ kernel + bias for each number x], all of it learned.

    The inputs come first, unchanged, then `output_dim` numbers for each column. A small network on top of them bends
    more easily along a single feature than one on the feature alone.

    Shape: `(batch, features) -> (batch, features + columns * output_dim)`; frequency and phase
    `(columns, frequencies)`, kernel `(columns, frequencies, output_dim)`, bias `(columns, output_dim)`. With `members`,
    for an ensemble of networks that is trained at once, inputs and outputs have an axis of members after the batch,
    and parameters one in front.

    Args:
        frequencies: number of waves for each column.
        output_dim: numbers that they are combined to.
        sigma: > 0, the standard deviation of the frequencies at the start: the larger, the wigglier. It suits columns
            of about unit size.
        members: number of networks, each with parameters of its own; None for one network.
        columns: numbers of the columns that get waves, from 0; all when None. Where a config's data have names, these
            as well, or `"numbers"` for all columns of amounts.

    Raises:
        ConfigError: a column that the inputs do not have, or one twice.

    References: Gorishniy et al. 2022, arXiv:2203.05556; with the inputs beside the waves ("PBLD") Holzmüller et al.
    2024, arXiv:2407.04491.

    >>> import numpy as np
    >>> PeriodicEmbedding(columns=[0])(np.array([[0.5, 2.0], [0.25, 4.0]])).shape
    (2, 5)
    """

    frequencies: Count = 16
    output_dim: Count = 3
    sigma: Positive = 0.1
    members: Count | None = None
    columns: ColumnChoice = option(default=None)

    def build(self, input_shape: BatchShape) -> None:
        lead = member_shape(self, self.members, input_shape)
        if len(input_shape) != 2 + len(lead):
            raise ShapeError(f"{self.label} without members needs inputs (batch, features), got {input_shape}")
        columns = self.chosen_columns(input_shape)
        self._places = selection(columns)
        waves, limit = (*lead, len(columns), self.frequencies), 1 / math.sqrt(self.frequencies)
        mixing = RandomUniform(-limit, limit)
        self.frequency = self.add_weight(waves, RandomNormal(stddev=self.sigma), name="frequency")
        self.phase = self.add_weight(waves, RandomUniform(-math.pi, math.pi), name="phase")
        self.kernel = self.add_weight((*waves, self.output_dim), mixing, name="kernel")
        self.bias = self.add_weight((*waves[:-1], self.output_dim), mixing, name="bias")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        columns = cast(int, input_shape[-1]) if self.columns is None else len(self.columns)
        return (*input_shape[:-1], cast(int, input_shape[-1]) + columns * self.output_dim)

    def linearize(self, inputs: Array, *parameters: np.ndarray) -> tuple[np.ndarray, WaveJacobians]:
        frequency, phase, kernel, bias = parameters
        features, axis = inputs.shape[-1], -inputs.ndim
        x = np.ascontiguousarray(moved_axis(inputs[..., self._places], axis, -1))
        angles = CIRCLE * frequency[..., None] * x[..., None, :] + phase[..., None]
        waves = np.cos(angles)
        mixed = np.matmul(kernel.swapaxes(-1, -2), waves) + bias[..., None]
        outputs = beside(inputs, mixed, features, axis)
        return outputs, WaveJacobians(parameters, x, angles, waves, self._places, features)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self.linearize(inputs, *self.values)[0]
