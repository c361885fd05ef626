"""Layers that act while training only."""

import numpy as np

from nnlite.errors import ConfigError
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.layers.base import Layer
from nnlite.random import RandomSource
from nnlite.reading import Fraction, Index

__all__ = ["Dropout"]


class Dropout(Layer):
    """While training, outputs = inputs * keep / (1 - rate), keep drawn 1 with probability 1 - rate, else 0.

    The scale keeps the expected value, so nothing is left to do at inference. The mask of a training step
    depends on the model's seed, the layer's place and the step alone.

    Args:
        rate: fraction of the inputs that is dropped, in [0, 1], in steps of 1 / 65536.
        noise_shape: shape of the mask, broadcast to the inputs; None in it stands for the inputs' own length.
        seed: draws from a stream of its own instead of the model's.

    Reference: Srivastava et al. 2014, JMLR 15.
    """

    rate: Fraction
    noise_shape: tuple[int | None, ...] | None = None
    seed: Index | None = None

    def compute_output_shape(self, input_shape):
        if self.noise_shape is not None and len(self.noise_shape) != len(input_shape):
            raise ConfigError(f"{self.label}: noise_shape {self.noise_shape} has another rank than {input_shape}")
        return input_shape

    def linearize(self, inputs, training=False, random=None):
        if not training or self.rate == 0:
            return inputs, Jacobians(Identity(inputs.shape))
        source = random if self.seed is None else RandomSource(self.seed, random.step)
        shape = inputs.shape
        if self.noise_shape is not None:
            shape = tuple(own if own is not None else n for own, n in zip(self.noise_shape, shape, strict=True))
        dtype = inputs.real.dtype
        scale = 0.0 if self.rate == 1 else 1 / (1 - self.rate)
        mask = np.multiply(_keep(source.generator("dropout"), self.rate, shape), scale, dtype=dtype)
        return inputs * mask, Jacobians(Diagonal(mask, inputs.shape, inputs.shape))


def _keep(generator, rate, shape):
    """True with probability 1 - rate, from 16 random bits each: a quarter of the cost of uniform floats."""
    size = int(np.prod(shape))
    bits = generator.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
    return (bits >= round(rate * 65536)).reshape(shape) if rate < 1 else np.zeros(shape, bool)
