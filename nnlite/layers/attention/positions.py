"""Positional encodings, since attention ignores the order of steps."""

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, Identity, Jacobians, Reparametrized, Slice
from nnlite.layers.base.layer import Layer
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.fields import FromSpec, option

__all__ = ["PositionEmbedding", "SinePositionEncoding"]


class PositionEmbedding(Layer):
    """outputs = inputs + embeddings[:steps]: one learned vector per step.

    Keras Hub's layer of this name returns the vectors alone; they are added here, so that it fits into a `Sequential`.

    Shape: `(batch, ..., steps, features)`, unchanged; embeddings `(sequence_length, features)`.

    Args:
        sequence_length: largest number of steps.
        initializer: first values of the embeddings.

    Raises:
        ShapeError: more steps than that.

    >>> import numpy as np
    >>> layer = PositionEmbedding(sequence_length=10)
    >>> layer(np.ones((2, 4, 3))).shape, layer.count_params()
    ((2, 4, 3), 30)
    """

    sequence_length: Count
    initializer: FromSpec[Initializer] = option(default="glorot_uniform")

    supports_masking = True

    def build(self, input_shape: BatchShape) -> None:
        check_steps(self, input_shape)
        if input_shape[-2] is not None:
            self._check_length(input_shape[-2])
        self.add_weight((self.sequence_length, input_shape[-1]), self.initializer, name="embeddings")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        steps, features = inputs.shape[-2:]
        self._check_length(steps)
        first_steps = (slice(0, steps), slice(None))
        by_embeddings = Reparametrized(
            Broadcast((steps, features), inputs.shape), Slice(first_steps, embeddings.shape, (steps, features))
        )
        return inputs + embeddings[:steps], Jacobians(Identity(inputs.shape), by_embeddings)

    def _check_length(self, steps):
        if steps > self.sequence_length:
            raise ShapeError(f"{self.label} has vectors for {self.sequence_length} steps, got {steps}")


class SinePositionEncoding(Layer):
    """outputs = inputs + encoding, with sinusoids of increasing wavelength.

    encoding[step, 2 i] = sin(angle), encoding[step, 2 i + 1] = cos(angle), where
    angle = step / max_wavelength ** (2 i / features).

    Keras Hub's layer of this name returns the encoding alone; it is added here, so that it fits into a `Sequential`.

    Shape: `(batch, ..., steps, features)`, unchanged.

    Args:
        max_wavelength: how many steps the longest wave takes, divided by 2 pi.

    Reference: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.

    >>> import numpy as np
    >>> print(SinePositionEncoding()(np.zeros((1, 3, 2)))[0].round(2))
    [[ 0.    1.  ]
     [ 0.84  0.54]
     [ 0.91 -0.42]]
    """

    max_wavelength: Positive = 10000.0

    supports_masking = True

    def build(self, input_shape: BatchShape) -> None:
        check_steps(self, input_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        steps, features = inputs.shape[-2:]
        waves = np.arange(features)
        angles = np.arange(steps)[:, None] * self.max_wavelength ** (-2.0 * (waves // 2) / features)
        encoding = np.where(waves % 2, np.cos(angles), np.sin(angles)).astype(inputs.real.dtype)
        return inputs + encoding, Jacobians(Identity(inputs.shape))


def check_steps(layer: Layer, input_shape: BatchShape) -> None:
    """`ShapeError` unless the inputs are sequences of a known number of features."""
    if len(input_shape) < 3 or input_shape[-1] is None:
        raise ShapeError(f"{layer.label} needs inputs (batch, steps, features), got {tuple(input_shape)}")
