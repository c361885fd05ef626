"""The floor of a step: its bare matrix products and one pass over parameters and slots, nothing else.

The products are those of forward and backward, `np.matmul(out=)` on arrays made beforehand, but for a column times a
row, for which that does not call the matrix library and takes five times as long as `np.dot(out=)`; a convolution's are
those of its patches, which lie ready. Training adds one in-place addition of the gradients to the parameters and to
each of Adam's two slots, in blocks that stay in the cache: reading and writing each of them once.
"""

import numpy as np

from benchmarks.peers.base import Peer

BLOCK_SIZE = 65_536


class Floor(Peer):
    """Runs the floor of a case as if it were an engine."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        generator = np.random.default_rng(0)
        self.work = [
            multiplication
            for product, needed in case.products()
            for multiplication in _multiplications(product, needed, case.trains, generator)
        ]
        size = case.parameter_count() if case.trains else 0
        self.gradients, *self.vectors = (np.zeros(size, np.float32) for _ in range(4))

    def step(self, x, y):
        for left, right, out, times in self.work:
            for _ in range(times):
                (np.dot if left.shape[1:] == (1,) else np.matmul)(left, right, out=out)
        for start in range(0, len(self.gradients), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            for vector in self.vectors:
                np.add(vector[block], self.gradients[block], out=vector[block])
        return 0.0

    def predict(self, x):
        return self.step(x, None)


def _multiplications(product, needed, trains, generator):
    """`(left, right, out, times)` of a product, of the gradient by its right factor, of that by its left one."""
    rows, inner, columns, stack, times, _ = product

    def matrix(*shape):
        numbers = generator.standard_normal((stack, *shape), np.float32)
        return numbers if stack > 1 else numbers[0]

    left, right, out = matrix(rows, inner), matrix(inner, columns), matrix(rows, columns)
    yield left, right, out, times
    if trains:
        all_left = left if times == 1 else matrix(times * rows, inner)
        slopes = out if times == 1 else matrix(times * rows, columns)
        yield all_left.swapaxes(-1, -2), slopes, matrix(inner, columns), 1
    if trains and needed:
        yield out, right.swapaxes(-1, -2), matrix(rows, inner), times
