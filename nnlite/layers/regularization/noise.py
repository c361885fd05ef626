"""Layers that add noise to their inputs in training."""

import math

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.layers.base.variables import seeds
from nnlite.random import RandomSource
from nnlite.registry.bounds import BelowOne, Index, NonNegative

__all__ = ["GaussianDropout", "GaussianNoise"]


class GaussianNoise(Layer):
    """During training, outputs = inputs + noise, the noise normal with mean 0.

    Shape: any, unchanged.

    Args:
        stddev: standard deviation of the noise, >= 0.
        seed: draws from a stream of its own instead of the model's.

    Reference: Bishop 1995, "Training with noise is equivalent to Tikhonov regularization".

    >>> import numpy as np
    >>> layer, x = GaussianNoise(0.5, seed=0), np.zeros((1000, 20))
    >>> print(layer(x, training=True).std().round(1), layer(x).std())
    0.5 0.0
    """

    stddev: NonNegative
    seed: Index | None = None

    _drawn_by = "stddev"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _kept_kinds = "biu"

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(
        self, inputs: np.ndarray, training: bool = False, random: RandomSource | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        by_inputs = Jacobians(Identity(inputs.shape))
        if not training or self.stddev == 0:
            return inputs, by_inputs
        inputs = floating(self, inputs)
        return inputs + self.stddev * _normal(self, random, inputs), by_inputs


class GaussianDropout(Layer):
    """During training, outputs = inputs * noise, normal with mean 1 and deviation sqrt(rate / (1 - rate)).

    Shape: any, unchanged.

    Args:
        rate: as of `Dropout`, whose noise has the same mean and deviation, in [0, 1).
        seed: draws from a stream of its own instead of the model's.

    Reference: Srivastava et al. 2014, JMLR 15, section 10.

    >>> import numpy as np
    >>> layer, x = GaussianDropout(0.2, seed=0), np.ones((1000, 20))
    >>> print(layer(x, training=True).std().round(1))  # sqrt(rate / (1 - rate))
    0.5
    >>> bool((layer(x) == x).all())
    True
    """

    rate: BelowOne
    seed: Index | None = None

    _drawn_by = "rate"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _kept_kinds = "biu"

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(
        self, inputs: np.ndarray, training: bool = False, random: RandomSource | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        if not training or self.rate == 0:
            return inputs, Jacobians(Identity(inputs.shape))
        inputs = floating(self, inputs)
        noise = 1 + math.sqrt(self.rate / (1 - self.rate)) * _normal(self, random, inputs)
        return inputs * noise, Jacobians(Diagonal(noise, inputs.shape, inputs.shape))


def _normal(layer, random, inputs):
    """Standard normal numbers of the shape and type of `inputs`."""
    return random.seeded(layer.seed).generator("dropout").standard_normal(inputs.shape, inputs.real.dtype)
