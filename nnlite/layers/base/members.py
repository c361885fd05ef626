"""First values of the parameters of an ensemble, whose members lie along a first axis."""

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.initializers import Initializer
from nnlite.registry.fields import FromSpec

__all__ = ["EachMember"]


class EachMember(Initializer, abstract=True):
    """Parameters of an ensemble, one after another along the first axis, each drawn by `initializer` for itself.

    Fans are those of one member, and no two members get the same numbers, also where `initializer` has a seed.

    >>> from nnlite.initializers import HeNormal
    >>> EachMember(HeNormal(seed=0))((5, 3, 2)).shape
    (5, 3, 2)
    """

    initializer: FromSpec[Initializer]

    def validate(self) -> None:
        self.seed = self.initializer.seed

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return np.stack([self.initializer.draw(shape[1:], generator) for _ in range(shape[0])])
