"""What a row of the table of layers is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numeric import apart

from nnlite.layers import Layer
from nnlite.random import RandomSource

__all__ = ["Case"]

WORDS = ["red", "green", "blue", "Green, red", "a"]  # what layers that take strings are shown


class Case(NamedTuple):
    """How to make a layer, and the shape of a batch for it; a tuple of shapes for a layer of several inputs."""

    make: Callable[[], Layer]
    shape: tuple
    training: bool = False
    mask: object = None  # for the whole batch: an array, or one for each input

    def __str__(self):
        mode = "-training" * self.training + "-masked" * (self.mask is not None)
        return f"{self.make()!r}-{'-'.join('x'.join(map(str, shape)) for shape in self.shapes)}{mode}"

    @property
    def several(self):
        """Whether the inputs are a tuple of arrays."""
        return isinstance(self.shape[0], tuple)

    @property
    def shapes(self):
        """The shape of each input."""
        return self.shape if self.several else (self.shape,)

    def with_batch(self, batch):
        """The same case with so many examples, the first ones of the mask."""
        if batch is None:
            return self
        shapes = tuple((batch, *shape[1:]) for shape in self.shapes)
        masks = self.mask if isinstance(self.mask, tuple) else (self.mask,)
        masks = tuple(None if own is None else own[:batch] for own in masks)
        return self._replace(
            shape=shapes if self.several else shapes[0], mask=masks if isinstance(self.mask, tuple) else masks[0]
        )

    @property
    def context(self):
        """What `linearize` takes by keyword, the same at every call."""
        everything = {"training": self.training, "random": RandomSource(7), "mask": self.mask}
        return {name: everything[name] for name in type(self.make())._context}

    def prepared(self):
        """A built layer whose parameters are all random, and a batch of inputs."""
        layer, random, shape = self.make(), np.random.default_rng(17), self.shape
        if not layer.adapted:
            layer.adapt(random.normal(size=(6, *shape[1:])))
        free = tuple((None, *own[1:]) for own in self.shapes)
        layer.ensure_built(free if self.several else free[0], RandomSource(3))
        for parameter in layer.parameters:
            drawn = random.uniform(0.5, 2, parameter.shape)
            parameter.assign(drawn if "variance" in parameter.name else drawn * random.choice([-1, 1], parameter.shape))
        if layer.input_kind == "indices":
            return layer, random.integers(0, 5, shape)
        if layer.input_kind != "numbers":
            return layer, random.choice(WORDS, shape)
        rolled = [np.roll(apart(*own), place) + 0.05 * place for place, own in enumerate(self.shapes)]
        arrays = tuple(array.astype(layer.dtype) for array in rolled)
        return layer, arrays if self.several else arrays[0]
