"""The contract of a structured Jacobian."""

import functools
import math

import numpy as np

__all__ = ["Jacobian"]


class Jacobian:
    """The derivative of one output by one input, as a linear map between arrays.

    Rows are indexed by the output, columns by the input: `todense()` has the shape `out_shape + in_shape`.
    Subclasses store what determines the map and write the two products:

    - `vjp(cotangent)`: `(*seeds, *out_shape) -> (*seeds, *in_shape)`, the vector-Jacobian product of reverse mode;
    - `jvp(tangent)`: `(*seeds, *in_shape) -> (*seeds, *out_shape)`, the Jacobian-vector product of forward mode.

    Leading seed axes are free: a map counts its axes from the right. Products are bilinear without complex
    conjugation, so complex steps pass through. A result may be a read-only view.
    """

    __slots__ = ("in_shape", "out_shape")

    def __init__(self, in_shape, out_shape):
        self.in_shape = in_shape
        self.out_shape = out_shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dense form, `out_shape + in_shape`."""
        return (*self.out_shape, *self.in_shape)

    def vjp(self, cotangent):
        """Multiply an incoming Jacobian by this one, from the left: `cotangent @ J`."""
        raise NotImplementedError

    def jvp(self, tangent):
        """Push a tangent of the input forward: `J @ tangent`."""
        raise NotImplementedError

    def vjp_into(self, cotangent, out) -> None:
        """Write `vjp(cotangent)` into `out`."""
        out[...] = self.vjp(cotangent)

    def per_example(self, cotangent):
        """`vjp` without the sum over the batch, for an input that every example shares: a parameter.

        Shape: `(batch, ...) -> (batch, *in_shape)`; `per_example(g).sum(0)` equals `vjp(g)`.
        """
        batch = cotangent.shape[0]
        one_row_each = np.zeros((batch, *cotangent.shape), cotangent.dtype)
        one_row_each[np.arange(batch), np.arange(batch)] = cotangent
        return self.vjp(one_row_each)

    def todense(self):
        """The whole Jacobian as an array of shape `out_shape + in_shape`: `vjp` seeded with the identity."""
        size = math.prod(self.out_shape)
        identity = np.eye(size, dtype=self.dtype).reshape(size, *self.out_shape)
        return np.array(self.vjp(identity)).reshape(self.shape)

    def stored(self):
        """The arrays that this map keeps, those of nested maps included."""
        for cls in type(self).__mro__:
            for slot in getattr(cls, "__slots__", ()):
                value = getattr(self, slot)
                for item in value if isinstance(value, tuple) else (value,):
                    if isinstance(item, np.ndarray):
                        yield item
                    elif isinstance(item, Jacobian):
                        yield from item.stored()

    @property
    def dtype(self):
        """Floating-point type of the entries; float64 where nothing is stored."""
        kinds = [array.dtype for array in self.stored() if array.dtype.kind in "fc"]
        return np.result_type(*kinds) if kinds else np.dtype(np.float64)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored arrays, shared ones counted once."""
        return sum({id(array): array.nbytes for array in self.stored()}.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(out_shape={self.out_shape}, in_shape={self.in_shape})"


@functools.lru_cache(maxsize=4096)
def broadcast_axes(in_shape, out_shape) -> tuple[int, ...]:
    """The axes of `out_shape`, counted from the right, along which `in_shape` was stretched."""
    rank, missing = len(out_shape), len(out_shape) - len(in_shape)
    return tuple(
        axis - rank
        for axis in range(rank)
        if axis < missing or (in_shape[axis - missing] == 1 and out_shape[axis] != 1)
    )
