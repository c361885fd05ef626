"""Sums of products with labelled axes."""

import functools
from collections.abc import Sequence

import numpy as np

from nnlite.arrays.contraction import contract
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import EinsumJacobian, Jacobians
from nnlite.ops.base import Op

__all__ = ["Einsum"]


class Einsum(Op):
    """C = einsum(subscripts, A, B, ...): the product of all operands, summed over the labels that C lacks.

    Every label has one length; unlike in NumPy an axis of length 1 is not stretched. The products are matrix
    products where the labels allow.

    Args:
        subscripts: one letter per axis, as in `"bij,bjk->bik"`; `...` stands for the axes that are not named, and
            without `->` the result has the letters that occur once, in alphabetical order.

    Raises:
        ConfigError: subscripts that cannot be read.
        ShapeError: operands that do not fit them.

    >>> from nnlite.ops import Einsum
    >>> einsum = Einsum("ij,j->i")  # a matrix times a vector
    >>> einsum.forward([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0]).tolist()
    [12.0, 34.0]
    >>> [gradient.tolist() for gradient in einsum.backward([1.0, 1.0])]
    [[[10.0, 1.0], [10.0, 1.0]], [4.0, 6.0]]
    """

    _keeps_integers = True

    subscripts: str

    def validate(self) -> None:
        read_subscripts(self.subscripts)

    def linearize(self, *arrays: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        labels, wanted = labels_of(self, self.subscripts, [array.shape for array in arrays])
        output = contract(labels, arrays, wanted)
        maps = []
        for index, array in enumerate(arrays):
            others = (*arrays[:index], *arrays[index + 1 :])
            other_labels = (*labels[:index], *labels[index + 1 :])
            maps.append(EinsumJacobian(labels[index], wanted, others, other_labels, array.shape, output.shape))
        return output, Jacobians(*maps)


@functools.lru_cache(maxsize=256)
def read_subscripts(subscripts: str) -> tuple[tuple[tuple, ...], tuple | None]:
    """The labels of each operand and of the result, with `...` as one of them; None for an omitted result."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    spelled = [_labels(part) for part in left.split(",")]
    operands = tuple(operand for operand in spelled if operand is not None)
    if len(operands) < len(spelled) or (result := _labels(right)) is None:
        raise ConfigError(f"subscripts are letters and ... for the axes, as in 'bij,bjk->bik', got {subscripts!r}")
    if not arrow:
        return operands, None
    labels = {label for operand in operands for label in operand}
    for label in result:
        if result.count(label) > 1 or label not in labels:
            raise ConfigError(f"{subscripts!r} needs each label of the result once, and in an operand: {label!r}")
    return operands, result


def labels_of(owner: object, subscripts: str, shapes: Sequence[tuple]) -> tuple[list[tuple], tuple]:
    """One label per axis of each operand and of the result; `ShapeError` naming `owner` if the shapes do not fit."""
    operands, result = read_subscripts(subscripts)
    if len(operands) != len(shapes):
        raise ShapeError(f"{owner!r} needs {len(operands)} operands, got {len(shapes)}")
    unnamed, labels, lengths = 0, [], {}
    for operand, shape in zip(operands, shapes, strict=True):
        missing = len(shape) - len(operand) + 1 if "..." in operand else 0
        if missing < 0 or (not missing and len(operand) - ("..." in operand) != len(shape)):
            raise ShapeError(f"{owner!r} needs an array with the axes {''.join(operand)!r}, got the shape {shape}")
        unnamed = max(unnamed, missing)
        labels.append(expanded(operand, missing))
        for label, length in zip(labels[-1], shape, strict=True):
            if lengths.setdefault(label, length) != length:
                raise ShapeError(
                    f"{owner!r}: the axes {label!r} have the lengths {lengths[label]} and {length}: {shapes}"
                )
    if result is None:
        every = [label for operand in operands for label in operand]
        once = sorted(label for label in set(every) if label != "..." and every.count(label) == 1)
        result = ("...", *once) if "..." in every else tuple(once)
    return labels, expanded(result, unnamed)


def _labels(text):
    """`"a...b"` as `("a", "...", "b")`; None when it cannot be read."""
    head, dots, tail = text.partition("...")
    readable = all(part == "" or (part.isalpha() and part.isascii()) for part in (head, tail))
    return (*head, *([dots] if dots else []), *tail) if readable else None


def expanded(labels: tuple, unnamed: int) -> tuple:
    """`...` replaced by this many labels, counted from the right."""
    if "..." not in labels:
        return labels
    position = labels.index("...")
    return (*labels[:position], *(f"...{count}" for count in range(unnamed, 0, -1)), *labels[position + 1 :])
