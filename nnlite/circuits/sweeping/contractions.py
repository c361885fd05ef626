"""Products of the factors of a bucket, summed out as they are formed, and their derivatives."""

import string
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

__all__ = []

ROWS = "Z"


class Product(NamedTuple):
    """A product of factors.

    Attributes:
        value: the product, or what is left of it after the sum: `(*axes, rows)`.
        factors: the arrays.
        heads: products of the first one, of the first two, ..., of all but the last.
    """

    value: np.ndarray
    factors: list[np.ndarray]
    heads: list[np.ndarray]


class Contraction:
    """The product of some factors, summed over the axes that `result` lacks.

    The last product is summed while it is computed, so that an array over all axes is never there; the derivatives with
    respect to the factors, products of all others from both ends, are as well.

    Args:
        factors: the axes of each, rows being a further one, the last.
        whole: the axes of the product.
        result: those that stay.
        cards: states of each axis.

    Attributes:
        fresh: whether the product has memory of its own, and is not a view of a factor.
    """

    def __init__(
        self,
        factors: Sequence[tuple[int, ...]],
        whole: tuple[int, ...],
        result: tuple[int, ...],
        cards: Sequence[int],
    ) -> None:
        letters = dict(zip(whole, string.ascii_letters, strict=False))

        def spelled(axes: Sequence[int]) -> str:
            return "".join(letters[axis] for axis in axes) + ROWS

        heads = [factors[0]]
        for axes in factors[1:-1]:
            heads.append((*heads[-1], *(axis for axis in axes if axis not in heads[-1])))
        names, tops = [spelled(axes) for axes in factors], [spelled(axes) for axes in heads]
        self.heads = [f"{tops[index - 1]},{names[index]}->{tops[index]}" for index in range(1, len(heads))]
        self.last = f"{tops[-1]},{names[-1]}->" if len(factors) > 1 else f"{names[0]}->"
        self.result, self.whole = spelled(result), spelled(whole)
        above = [*tops, self.result]
        self.slopes = [f"{above[index]},{tops[index - 1]}->{names[index]}" for index in range(1, len(factors))]
        self.carries = [f"{above[index]},{names[index]}->{tops[index - 1]}" for index in range(1, len(factors))]
        self.spread = [axis for axis in whole if axis not in result]
        self.fresh = len(factors) > 1 or bool(self.spread)
        self.ones = np.ones([cards[axis] for axis in self.spread])
        self.only = f"{self.result},{spelled(self.spread)[:-1]}->{names[0]}"

    def product(self, factors: list[np.ndarray]) -> Product:
        """The product of these arrays."""
        heads = factors[:1]
        for pattern, factor in zip(self.heads, factors[1:], strict=False):
            heads.append(np.einsum(pattern, heads[-1], factor))
        return Product(self._completed(self.result, factors, heads), factors, heads)

    def completed(self, product: Product) -> np.ndarray:
        """The product over all axes, nothing summed out."""
        return self._completed(self.whole, product.factors, product.heads)

    def _completed(self, result: str, factors: list[np.ndarray], heads: list[np.ndarray]) -> np.ndarray:
        if len(factors) > 1:
            # an order asked for, einsum walks along it, at four times the cost of a sum in the order of memory
            return np.einsum(self.last + result, heads[-1], factors[-1], order="K" if self.spread else "C")
        return factors[0] if self.last == f"{result}->" else np.einsum(self.last + result, factors[0], order="C")

    def slopes_of(self, product: Product, top: np.ndarray, wanted: Sequence[bool]) -> Iterator[tuple[int, np.ndarray]]:
        """For each wanted factor the derivative of sum(top * value) with respect to it, with the factor's axes."""
        for index in range(len(product.factors) - 1, 0, -1):
            if wanted[index]:
                yield index, np.einsum(self.slopes[index - 1], top, product.heads[index - 1])
            if not any(wanted[:index]):
                return
            top = np.einsum(self.carries[index - 1], top, product.factors[index])
        if wanted[0]:
            alone = len(product.factors) == 1
            yield 0, np.einsum(self.only, top, self.ones) if alone else top
