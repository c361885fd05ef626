"""Ensembles trained at once: layers that keep parameters for each of several members.

Logical shapes keep rows first, `(batch, members, features)`; in memory, members lead, so that what belongs to one
member lies together. A transposed view is both.
"""

from typing import Any

from nnlite.arrays.types import BatchShape
from nnlite.errors import ShapeError

__all__ = []


def member_shape(layer: Any, members: int | None, input_shape: BatchShape) -> tuple[int, ...]:
    """`(members,)`, or `()` for None: what precedes the shape of a parameter.

    Raises:
        ShapeError: the inputs do not have the shape `(batch, members, features)`, or of unknown length.
    """
    if input_shape[-1] is None or len(input_shape) < 2:
        raise ShapeError(f"{layer.label} needs a known number of features, got inputs of shape {input_shape}")
    if members is None:
        return ()
    if len(input_shape) != 3 or input_shape[1] != members:
        raise ShapeError(
            f"{layer.label} with members={members} needs inputs of shape (batch, {members}, features), got "
            f"{input_shape}; RepeatVector({members}) gives all members the same inputs"
        )
    return (members,)
