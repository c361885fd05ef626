"""The Jacobians of a periodic embedding: numbers and learned waves of them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.jacobians.bundles.bundle import Into, JointBundle, Products, Wanted, placed

__all__ = ["WaveJacobians"]

CIRCLE = 2 * math.pi


class WaveJacobians(JointBundle):
    """The Jacobians of [inputs, cos(2 pi * frequency * x + phase) @ kernel + bias for each column x of some].

    The inputs come first, then frequency, phase, kernel and bias. With g the cotangent of the numbers beside these:

    - with respect to bias: the sum of g over the examples; to kernel: `cos(angles).T @ g`;
    - to the angles: `a = -sin(angles) * (g @ kernel.T)`; to phase: their sum; to frequency: `2 pi x.T @ a`;
    - to inputs: the cotangent of the inputs beside, plus `2 pi frequency * a` in the columns that have waves.

    Examples are the last axis of all that is kept, members the first: what belongs to one column lies together.

    Args:
        parameters: frequency and phase `(*members, columns, frequencies)`, kernel `(*members, columns, frequencies,
            outputs)`, bias `(*members, columns, outputs)`.
        x: the columns that have waves, `(*members, columns, batch)`.
        angles, waves: `(*members, columns, frequencies, batch)`, the latter the cosine of the former.
        places: which columns of the inputs these are.
        features: how many columns the inputs have.
    """

    __slots__ = ("angles", "features", "in_shapes", "out_shape", "parameters", "places", "waves", "x")

    def __init__(
        self,
        parameters: Sequence[np.ndarray],
        x: np.ndarray,
        angles: np.ndarray,
        waves: np.ndarray,
        places: Any,
        features: int,
    ) -> None:
        self.parameters, self.x, self.angles, self.waves = parameters, x, angles, waves
        self.places, self.features = places, features
        *members, columns, batch = x.shape
        self.in_shapes = [(batch, *members, features), *(parameter.shape for parameter in parameters)]
        self.out_shape = (batch, *members, features + columns * parameters[-1].shape[-1])

    @property
    def mixes_rows(self) -> bool:
        return False

    def vjp(self, cotangent: np.ndarray, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode, as `Bundle.vjp`: the products for inputs, frequency, phase, kernel and bias."""
        wants = (True,) * 5 if wanted is None else tuple(wanted)
        slopes, kernel = np.ascontiguousarray(self._beside(cotangent)), self.parameters[2]  # it is read four times
        products: list[Any] = [None] * 5
        if wants[4]:
            products[4] = slopes.sum(axis=-1)
        if wants[3]:
            products[3] = np.matmul(self.waves, slopes.swapaxes(-1, -2))
        if any(wants[:3]):
            by_angles = np.matmul(kernel, slopes)
            np.multiply(by_angles, -np.sin(self.angles), out=by_angles)
            products[2] = by_angles.sum(axis=-1) if wants[2] else None
            if wants[1]:
                products[1] = np.matmul(by_angles, CIRCLE * self.x[..., None])[..., 0]
            if wants[0]:
                products[0] = self._by_inputs(cotangent, by_angles)
        return tuple(placed(*pair) for pair in zip(products, into or (None,) * 5, strict=True))

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """Forward mode, as `Bundle.jvp`."""
        by_inputs, by_frequency, by_phase, by_kernel, by_bias = tangents
        frequency, _, kernel, _ = self.parameters
        angles: list[np.ndarray] = []
        if by_inputs is not None:
            moved = moved_axis(by_inputs[..., self.places], -self.x.ndim, -1)
            angles.append(CIRCLE * frequency[..., None] * moved[..., None, :])
        if by_frequency is not None:
            angles.append(CIRCLE * by_frequency[..., None] * self.x[..., None, :])
        if by_phase is not None:
            angles.append(by_phase[..., None])
        mixed = [np.matmul(kernel.swapaxes(-1, -2), -np.sin(self.angles) * angle) for angle in angles]
        if by_kernel is not None:
            mixed.append(np.matmul(by_kernel.swapaxes(-1, -2), self.waves))
        if by_bias is not None:
            mixed.append(by_bias[..., None])
        if not mixed:
            return None
        total: Any = sum(mixed)
        shape = (*total.shape[:-1], self.x.shape[-1])
        return beside(by_inputs, np.broadcast_to(total, shape), self.features, -self.x.ndim)

    def _beside(self, cotangent: np.ndarray) -> np.ndarray:
        """The cotangent of the numbers beside the inputs, `(*seeds, *members, columns, outputs, batch)`."""
        moved = moved_axis(cotangent[..., self.features :], -self.x.ndim, -1)
        return moved.reshape(*moved.shape[:-2], *self.parameters[-1].shape[-2:], moved.shape[-1])

    def _by_inputs(self, cotangent: np.ndarray, by_angles: np.ndarray) -> np.ndarray:
        frequency = self.parameters[0]
        added = CIRCLE * np.matmul(frequency[..., None, :], by_angles)[..., 0, :]
        product = cotangent[..., : self.features].astype(np.result_type(cotangent, added))
        product[..., self.places] += moved_axis(added, -1, -self.x.ndim)
        return product

    def stored(self) -> Iterator[np.ndarray]:
        """The parameters, the columns, the angles and their cosines."""
        yield from (*self.parameters, self.x, self.angles, self.waves)

    def __repr__(self) -> str:
        return f"WaveJacobians(columns={self.x.shape[-2]}, frequencies={self.angles.shape[-2]})"


def beside(inputs: np.ndarray | None, mixed: np.ndarray, features: int, axis: int) -> np.ndarray:
    """`[inputs, mixed]`, `(*seeds, batch, *members, features + columns * outputs)`, in memory with the members first.

    Args:
        inputs: `(*seeds, batch, *members, features)`; None for zeros.
        mixed: `(*seeds, *members, columns, outputs, batch)`.
        axis: the axis of the batch in the result, counted from the right.
    """
    *lead, columns, width, batch = mixed.shape
    dtype = mixed.dtype if inputs is None else np.result_type(inputs, mixed)
    joined = np.empty((*lead, batch, features + columns * width), dtype)
    joined[..., :features] = 0 if inputs is None else moved_axis(inputs, axis, -2)
    joined[..., features:] = mixed.reshape(*lead, columns * width, batch).swapaxes(-1, -2)
    return moved_axis(joined, -2, axis)


def moved_axis(array: np.ndarray, source: int, destination: int) -> np.ndarray:
    """`np.moveaxis` of one axis, both positions counted from the right, in a seventh of the time."""
    order = [*range(array.ndim)]
    order.insert(array.ndim + destination, order.pop(source))
    return array.transpose(order)
