"""What a row of the table of layers is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numeric import apart

from nnlite.layers import Layer
from nnlite.random import RandomSource

__all__ = ["Case"]


class Case(NamedTuple):
    """How to make a layer, and the shape of a batch for it."""

    make: Callable[[], Layer]
    shape: tuple
    training: bool = False

    def __str__(self):
        mode = "-training" if self.training else ""
        return f"{self.make()!r}-{'x'.join(map(str, self.shape))}{mode}"

    @property
    def context(self):
        """What `linearize` takes by keyword, the same at every call."""
        everything = {"training": self.training, "random": RandomSource(7)}
        return {name: everything[name] for name in type(self.make()).context}

    def prepared(self, batch=None):
        """A built layer whose parameters are all random, and a batch of inputs."""
        layer, random = self.make(), np.random.default_rng(17)
        shape = self.shape if batch is None else (batch, *self.shape[1:])
        if hasattr(layer, "adapt") and not layer.integer_inputs:
            layer.adapt(random.normal(size=(6, *shape[1:])))
        layer.ensure_built((None, *shape[1:]), RandomSource(3))
        for parameter in layer.parameters:
            drawn = random.uniform(0.5, 2, parameter.shape)
            parameter.assign(drawn if "variance" in parameter.name else drawn * random.choice([-1, 1], parameter.shape))
        if layer.integer_inputs:
            return layer, random.integers(0, 5, shape)
        return layer, apart(*shape).astype(layer.dtype)
