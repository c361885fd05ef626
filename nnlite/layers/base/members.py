"""Ensembles trained jointly: layers with separate parameters for each member.

Logical shapes keep rows first, `(batch, members, features)`; in memory, members lead, so that what belongs to one
member lies together. A transposed view is both.
"""

from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape, Shape
from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.registry.fields import FromSpec

__all__ = []


def member_shape(layer: Any, members: int | None, input_shape: BatchShape) -> tuple[int, ...]:
    """`(members,)`, or `()` for None: the prefix of the shape of a parameter.

    Raises:
        ShapeError: the inputs do not have the shape `(batch, members, features)`, or `(batch, ..., features)` for None,
            or are of unknown length.
    """
    name, needed, fits, hint = layer.label, "(batch, ..., features)", len(input_shape) >= 2, ""
    if members is not None:
        name += f" with {members} member{'s' * (members > 1)}"
        needed, hint = f"(batch, {members}, features)", f"; RepeatVector({members}) gives all members the same inputs"
        fits = len(input_shape) == 3 and input_shape[1] == members
    if not fits or input_shape[-1] is None:
        raise ShapeError(f"{name} needs inputs of shape {needed}, got {tuple(input_shape)}{hint}")
    return () if members is None else (members,)


def for_members(members: int | None, initializer: Initializer) -> Initializer:
    """Initializer of a parameter for this many members; the initializer itself for None."""
    return initializer if members is None else EachMember(initializer)


class EachMember(Initializer, abstract=True):
    """Parameters of an ensemble, stacked along the first axis, each initialized independently.

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
