"""What a row of the table of layers is."""

from dataclasses import dataclass

import numpy as np
from numeric import apart

from nnlite.layers import Layer
from nnlite.random import RandomSource

WORDS = ["red", "green", "blue", "Green, red", "a"]  # what layers that take strings are shown


@dataclass(frozen=True, eq=False)
class Case:
    """A layer as its spec, and a batch for it: `Case("Dense", {"units": 2}, (3, 4))`.

    Attributes:
        layer: the registered name.
        options: its arguments, as a config has them.
        shape: of a batch of inputs; a tuple of shapes for a layer of several inputs.
        mask: for the whole batch: an array, or one for each input.
        skipped: the checks that leave this layer out on purpose.
        codes: columns of the last axis that hold 0 or 1, not any number.
    """

    layer: str
    options: dict
    shape: tuple
    mask: object = None
    skipped: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        shapes = "-".join("x".join(map(str, shape)) for shape in self.shapes)
        return f"{self.layer}({options[:120]})-{shapes}{'-masked' * (self.mask is not None)}"

    @property
    def several(self) -> bool:
        """Whether the inputs are a tuple of arrays."""
        return isinstance(self.shape[0], tuple)

    @property
    def shapes(self) -> tuple:
        """The shape of each input."""
        return self.shape if self.several else (self.shape,)

    def build(self) -> Layer:
        """A new layer, not built yet."""
        return Layer.get({self.layer: self.options})

    def prepared(self) -> tuple[Layer, object]:
        """A built layer whose parameters are all random, and a batch of inputs."""
        layer, random, shape = self.build(), np.random.default_rng(17), self.shape
        if not layer.adapted:
            layer.adapt(random.normal(size=(6, *shape[1:])))
        free = tuple((None, *own[1:]) for own in self.shapes)
        layer._ensure_built(free if self.several else free[0], RandomSource(3))
        for parameter in layer.parameters:
            drawn = random.uniform(0.5, 2, parameter.shape)
            parameter.assign(drawn if "variance" in parameter.name else drawn * random.choice([-1, 1], parameter.shape))
        if layer.input_kind == "indices":
            return layer, random.integers(0, 5, shape)
        if layer.input_kind != "numbers":
            return layer, random.choice(WORDS, shape)
        rolled = [np.roll(apart(*own), place) + 0.05 * place for place, own in enumerate(self.shapes)]
        arrays = tuple(array.astype(layer.dtype) for array in rolled)
        for column in self.codes:
            arrays[0][..., column] = random.integers(0, 2, arrays[0].shape[:-1])
        return layer, arrays if self.several else arrays[0]
