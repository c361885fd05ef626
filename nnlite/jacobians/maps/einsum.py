"""The Jacobian of a sum of products with labelled axes."""

from collections.abc import Hashable, Sequence

import numpy as np

from nnlite.arrays.contraction import contract, diagonal
from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["EinsumJacobian"]


class EinsumJacobian(Jacobian):
    """dC/dA of C = einsum(A, *others): the output is linear in each operand.

    vjp is the einsum of the cotangent with the others, labelled as A; jvp the same einsum with A's tangent. Labels of
    A that nothing else has are stretched, and where a label stands twice in A the diagonal is filled.
    Storage: the other operands.

    Args:
        labels: one per axis of A.
        out_labels: one per axis of C, each once.
        others: the other operands.
        other_labels: their labels.
    """

    __slots__ = ("labels", "other_labels", "others", "out_labels")

    def __init__(
        self,
        labels: Sequence[Hashable],
        out_labels: Sequence[Hashable],
        others: Sequence[np.ndarray],
        other_labels: Sequence[Sequence[Hashable]],
        in_shape: Shape,
        out_shape: Shape,
    ) -> None:
        super().__init__(in_shape, out_shape)
        self.labels = tuple(labels)
        self.out_labels = tuple(out_labels)
        self.others = tuple(others)
        self.other_labels = tuple(other_labels)

    @property
    def mixes_rows(self) -> bool:
        return self.labels[:1] != self.out_labels[:1] or not self.labels

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return self._by_operand(cotangent, tuple(range(cotangent.ndim - len(self.out_shape))))

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tuple(range(tangent.ndim - len(self.in_shape)))
        labels = (seeds + self.labels, *self.other_labels)
        return contract(labels, (tangent, *self.others), seeds + self.out_labels)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        if not self.out_labels or self.out_labels[0] in self.labels:
            return super().per_example(cotangent)
        return self._by_operand(cotangent, (), self.out_labels[:1])

    def _by_operand(self, cotangent, seeds, kept=()):
        """The einsum of `cotangent` and the others with the axes of A, after those of `seeds` and `kept`."""
        unique = tuple(dict.fromkeys(self.labels))
        labels_beside = {*self.out_labels, *(label for operand in self.other_labels for label in operand)}
        reached = tuple(label for label in unique if label in labels_beside)
        labels = (seeds + self.out_labels, *self.other_labels)
        result = contract(labels, (cotangent, *self.others), seeds + kept + reached)
        if reached == self.labels:
            return result
        length = dict(zip(self.labels, self.in_shape, strict=True))
        lead = result.shape[: len(seeds + kept)]
        missing = [1 if label not in labels_beside else length[label] for label in unique]
        stretched = np.broadcast_to(result.reshape((*lead, *missing)), (*lead, *(length[label] for label in unique)))
        if unique == self.labels:
            return stretched
        full = np.zeros((*lead, *self.in_shape), result.dtype)
        diagonal((*range(len(lead)), *self.labels), full)[1][...] = stretched
        return full
