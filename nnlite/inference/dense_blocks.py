"""Consecutive dense layers on many rows: blocks that fit into the cache, one column per row."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.inference.stages import Prepared, Stage, starts_of
from nnlite.kernels import aligned_zeros
from nnlite.layers.base.simplified import Product, Step

__all__ = ["MANY_ROWS", "joined_stages"]

MANY_ROWS = 8  # fewer are done sooner by the layers one by one
# OpenBLAS multiplies without copying the factors first up to this many multiply-adds: 240 x 64 x 64, float32, takes
# three quarters of the time per row that 512 x 64 x 64 takes.
SMALL_PRODUCT = 10**6
ROUND = 16  # rows: blocks of a multiple of it begin and end with lines of the cache
TOGETHER = 2**17  # numbers on their way through blocks that go together, in one call for each layer
LONGEST, SHORTEST = 512, 192  # blocks: longer ones leave the cache, with shorter ones the layers one by one are quicker


class DenseBlocks(Stage):
    """Several dense layers: outputs are stored transposed above a row of ones, and biases are rows of kernels.

    So no addition of biases is left, and a block goes through all layers before the next one begins.

    Args:
        products: the layers, two or more of matrices, all activations but the last element by element.
        dtype: of weights and outputs.
    """

    def __init__(self, products: Sequence[Product], dtype: np.dtype) -> None:
        self.kernels = [_with_bias(product, dtype) for product in products]
        self.activations = [product.activation for product in products]
        most = min(LONGEST, SMALL_PRODUCT // max(kernel.size for kernel in self.kernels))
        self.block = max(ROUND, most // ROUND * ROUND)

    def prepare(self, x: np.ndarray, fixed: bool) -> Prepared:
        *lead, rows = self._sizes(len(x))
        together, units = math.prod(lead) * rows, self.kernels[-1].shape[1]
        entering = [_ones((*lead, len(kernel), rows), kernel.dtype) for kernel in self.kernels]
        first, *below = (memory[..., :-1, :] for memory in entering)
        last = np.empty((*lead, rows, units), first.dtype)
        leaving, final = [*below, last], entering[-1].swapaxes(-1, -2)
        activates = [_in_place(activation, like) for activation, like in zip(self.activations, leaving, strict=True)]
        hidden = [*zip((kernel.T for kernel in self.kernels[:-1]), entering, leaving, activates, strict=False)]
        kernel, activate, shape = self.kernels[-1], activates[-1], (len(x), units)
        multiply, blocks = np.matmul if lead else np.dot, starts_of(len(x), together)
        block_shape = (*lead, rows, first.shape[-2])

        def run(x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
            outputs = np.empty(shape, kernel.dtype) if out is None else out
            for start in blocks:
                first[...] = x[start : start + together].reshape(block_shape).swapaxes(-1, -2)
                for left, right, product, overwrite in hidden:
                    overwrite(multiply(left, right, out=product))
                part = outputs[start : start + together].reshape(last.shape)
                activate(multiply(final, kernel, out=part))
            return outputs

        return Prepared(run, np.empty(shape, kernel.dtype))

    def _sizes(self, rows: int) -> tuple[int, ...]:
        """The rows of a block, and before them how many blocks go together, where that is more than one.

        All have one size: the last ones share some rows with those before them.
        """
        together = max(1, TOGETHER // (self.block * sum(len(kernel) for kernel in self.kernels)))
        if together > 1 and rows >= 2 * together * self.block:
            return together, self._rounded(rows, together)
        return (rows if rows <= self.block else self._rounded(rows, 1),)

    def _rounded(self, rows: int, together: int) -> int:
        """The fewest rows of a block with which no more blocks are needed, rounded up."""
        count = together * -(-rows // (together * self.block))
        return min(self.block, -(-rows // (count * ROUND)) * ROUND)

    def __repr__(self) -> str:
        return " -> ".join(f"Product{kernel.shape}" for kernel in self.kernels)


def _ones(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Ones, from the beginning of a line of the cache on."""
    memory = aligned_zeros(math.prod(shape), dtype)
    memory[...] = 1
    return memory.reshape(shape)


def _with_bias(product: Product, dtype: np.dtype) -> np.ndarray:
    """The kernel above the bias, which is 0 if there is none."""
    bias = np.zeros(product.kernel.shape[1]) if product.bias is None else product.bias
    return np.concatenate([product.kernel, bias[None]]).astype(dtype)


def _in_place(activation: Any, like: np.ndarray) -> Callable[[np.ndarray], Any]:
    """The activation, prepared to overwrite arrays such as `like`; for None they are unchanged."""
    return _unchanged if activation is None else activation.in_place(like)


def _unchanged(x: np.ndarray) -> None:
    """Nothing."""


def joined_stages(steps: Sequence[Step], stages: Sequence[Stage], dtype: np.dtype) -> list[Stage]:
    """The stages, with consecutive narrow dense layers joined into one.

    Args:
        steps: the steps that the stages were made from.
    """
    joined: list[Stage] = []
    start = 0
    while start < len(steps):
        products = _products_from(steps[start:])
        joined.append(DenseBlocks(products, dtype) if len(products) > 1 else stages[start])
        start += max(1, len(products))
    return joined


def _products_from(steps: Sequence[Step]) -> list[Product]:
    """The dense layers that come first and can be one; none if to turn their inputs would take too long."""
    products: list[Product] = []
    for step in steps:
        if not isinstance(step, Product) or step.kernel.ndim > 2 or not step.matrix:
            break
        if (len(step.kernel) + 1) * step.kernel.shape[1] * SHORTEST > SMALL_PRODUCT:
            break
        products.append(step)
        if step.activation is not None and not step.activation.by_element:
            break
    widths = sum(product.kernel.shape[1] for product in products)
    return products if products and len(products[0].kernel) <= 2 * widths else []
