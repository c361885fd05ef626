"""Dense layers in a row, for many rows: blocks of them that stay in the cache, a column for each row."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.inference.stages import Prepared, Stage, starts_of
from nnlite.kernels import aligned_zeros
from nnlite.layers import Layer
from nnlite.layers.base.simplified import Activated, Product, Step, Unchanged
from nnlite.ops.activations import kernel_code

__all__ = ["MANY_ROWS", "joined_layers", "joined_stages"]

MANY_ROWS = 8  # fewer are done sooner by the layers one by one
# OpenBLAS multiplies without copying the factors first up to so many multiply-adds: 240 x 64 x 64, float32, takes three
# quarters of the time per row that 512 x 64 x 64 takes.
SMALL_PRODUCT = 10**6
ROUND = 16  # rows: blocks of a multiple of it begin and end with lines of the cache
LONGEST, SHORTEST = 512, 192  # blocks: longer ones leave the cache, with shorter ones the layers one by one are quicker


class DenseBlocks(Stage):
    """Several dense layers: what leaves one lies transposed above a row of ones, and biases are rows of kernels.

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
        rows, units = self._rows_of_block(len(x)), self.kernels[-1].shape[1]
        entering = [_ones(len(kernel), rows, kernel.dtype) for kernel in self.kernels]
        last = np.empty((rows, units), entering[0].dtype)
        leaving = [*(memory[:-1] for memory in entering[1:]), last]
        first, final, blocks = entering[0][:-1], entering[-1].T, starts_of(len(x), rows)
        activates = [_in_place(own, like) for own, like in zip(self.activations, leaving, strict=True)]
        hidden = [*zip((kernel.T for kernel in self.kernels[:-1]), entering, leaving, activates, strict=False)]
        kernel, activate, shape = self.kernels[-1], activates[-1], (len(x), units)

        def run(x: np.ndarray, out: np.ndarray | None) -> np.ndarray:
            outputs = np.empty(shape, kernel.dtype) if out is None else out
            for start in blocks:
                first[...] = x[start : start + rows].T
                for left, right, product, overwrite in hidden:
                    overwrite(np.dot(left, right, out=product))
                activate(np.dot(final, kernel, out=outputs[start : start + rows]))
            return outputs

        return Prepared(run, np.empty(shape, kernel.dtype))

    def infer(self, x: np.ndarray) -> np.ndarray:
        """The outputs for `(rows, features)`, in memory of their own."""
        return self.prepare(x, False).run(x, None)

    def _rows_of_block(self, rows: int) -> int:
        """As many in each block, but for some that the last one shares with the one before it."""
        if rows <= self.block:
            return rows
        each = -(-rows // -(-rows // self.block))
        return min(self.block, -(-each // ROUND) * ROUND)

    def __repr__(self) -> str:
        return " -> ".join(f"Product{kernel.shape}" for kernel in self.kernels)


def _ones(rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """Ones, from the beginning of a line of the cache on."""
    memory = aligned_zeros(rows * columns, dtype)
    memory[...] = 1
    return memory.reshape(rows, columns)


def _with_bias(product: Product, dtype: np.dtype) -> np.ndarray:
    """The kernel above the bias, which is 0 where there is none."""
    bias = np.zeros(product.kernel.shape[1]) if product.bias is None else product.bias
    return np.concatenate([product.kernel, bias[None]]).astype(dtype)


def _in_place(activation: Any, like: np.ndarray) -> Callable[[np.ndarray], Any]:
    return _unchanged if activation is None else activation.in_place(like)


def _unchanged(x: np.ndarray) -> None:
    """Nothing."""


def joined_stages(steps: Sequence[Step], stages: Sequence[Stage], dtype: np.dtype) -> list[Stage]:
    """The stages with one in place of narrow dense layers in a row.

    Args:
        steps: of which the stages were made.
    """
    joined: list[Stage] = []
    start = 0
    while start < len(steps):
        products = _products_from(steps[start:])
        joined.append(DenseBlocks(products, dtype) if len(products) > 1 else stages[start])
        start += max(1, len(products))
    return joined


def joined_layers(layers: Sequence[Layer], dtype: np.dtype) -> list[Callable[[np.ndarray], np.ndarray]]:
    """`infer` of each layer, and one function in place of narrow dense layers in a row.

    Nothing else is multiplied into the dense layers: a shift of large numbers would cost digits there.
    """
    steps: list[Step] = []
    sources: list[list[Layer]] = []
    for layer in layers:
        wide = any(parameter.size * SHORTEST > SMALL_PRODUCT for parameter in layer.parameters)
        step = None if wide else layer.at_inference()
        if isinstance(step, Unchanged):
            continue
        joined = (
            steps[-1].then(step) if isinstance(step, Activated) and steps and isinstance(steps[-1], Product) else None
        )
        if joined is not None:
            steps[-1] = joined
            sources[-1].append(layer)
        else:
            steps.append(step if isinstance(step, Product) else layer)
            sources.append([layer])
    runs: list[Any] = []
    start = 0
    while start < len(steps):
        products = _products_from(steps[start:])
        alone = [layer.infer for layer in sources[start]]
        runs += [DenseBlocks(products, dtype).infer] if len(products) > 1 else alone
        start += max(1, len(products))
    return runs


def _products_from(steps: Sequence[Step]) -> list[Product]:
    """The dense layers that come first and can be one; none if to turn their inputs would take too long."""
    found: list[Product] = []
    for step in steps:
        if not isinstance(step, Product) or step.kernel.ndim > 2 or not step.matrix:
            break
        if (len(step.kernel) + 1) * step.kernel.shape[1] * SHORTEST > SMALL_PRODUCT:
            break
        found.append(step)
        if kernel_code(step.activation) is None and not step.activation.by_element:
            break
    widths = sum(product.kernel.shape[1] for product in found)
    return found if found and len(found[0].kernel) <= 2 * widths else []
