"""The trainable parameters of a model as one vector, and conversion of vectors in other forms."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nnlite.arrays.types import Shape
from nnlite.errors import ShapeError

__all__ = ["ParameterVector"]


class ParameterVector:
    """Joins one array per parameter into a vector and splits it again.

    Args:
        shapes: shape of each parameter of a model.
        names: one for each.
        chosen: whether each is part of the vector.
        dtype: of new vectors.
    """

    def __init__(self, shapes: Sequence[Shape], names: Sequence[str], chosen: Sequence[bool], dtype: DTypeLike) -> None:
        self.chosen = tuple(chosen)
        self.dtype = dtype
        self.names = [name for name, want in zip(names, chosen, strict=True) if want]
        self.shapes = [tuple(shape) for shape, want in zip(shapes, chosen, strict=True) if want]
        stops = np.cumsum([math.prod(shape) for shape in self.shapes], dtype=np.intp).tolist()
        self.segments = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]
        self.size = stops[-1] if stops else 0

    def read(self, argument: Any, method: str, seeds: bool = True) -> np.ndarray:
        """A vector, list of arrays or dict by name as a vector; `ShapeError` unless it fits.

        Args:
            argument: what a user passed; a vector may have leading axes unless `seeds` is false.
            method: what it was passed to, for the error.
        """
        if isinstance(argument, dict):
            if set(argument) != set(self.names):
                raise ShapeError(
                    f"{method} needs an array for each of {', '.join(self.names)}, got {', '.join(argument)}"
                )
            argument = [argument[name] for name in self.names]
        if isinstance(argument, (list, tuple)):
            shapes = [np.shape(part) for part in argument]
            if shapes != self.shapes:
                raise ShapeError(f"{method} needs arrays of the shapes {self.shapes}, got {shapes}")
            return np.concatenate([np.ravel(part) for part in argument]) if argument else np.zeros(0, self.dtype)
        vector = np.asarray(argument)
        if vector.shape[-1:] != (self.size,) or (vector.ndim > 1 and not seeds):
            raise ShapeError(f"{method} needs a vector of shape ({self.size},), as the parameters, got {vector.shape}")
        return vector if vector.dtype.kind in "fc" else vector.astype(self.dtype)

    def split(self, vector: np.ndarray) -> list:
        """One array per parameter of the model, None if the vector does not include it."""
        pieces = iter(zip(self.segments, self.shapes, strict=True))
        return [self._piece(vector, *next(pieces)) if want else None for want in self.chosen]

    def join(self, arrays: Sequence[np.ndarray | None], seeds: Shape) -> np.ndarray:
        """One vector `(*seeds, count)` from one array per parameter of the model; None stands for zeros."""
        picked = [array for array, want in zip(arrays, self.chosen, strict=True) if want]
        dtypes = [array.dtype for array in picked if array is not None]
        vector = np.zeros((*seeds, self.size), np.result_type(*dtypes) if dtypes else self.dtype)
        for array, segment in zip(picked, self.segments, strict=True):
            if array is not None:
                vector[..., segment] = array.reshape(*seeds, -1)
        return vector

    def wanted(self, jacobians: Any) -> tuple[bool, ...]:
        """For each input of a model's `jacobians`, data first, whether the vector includes it."""
        return (*[False] * jacobians.data, *self.chosen)

    def vjp(self, jacobians: Any, cotangent: np.ndarray, seeds: Shape = ()) -> np.ndarray:
        """`cotangent`, `(*seeds, *outputs)`, times the Jacobian of the parameters. Shape: `(*seeds, count)`."""
        return self.join(jacobians.vjp(cotangent, self.wanted(jacobians))[jacobians.data :], seeds)

    def jvp(self, jacobians: Any, tangent: np.ndarray) -> Any:
        """The Jacobian with respect to the parameters times `(*seeds, count)`; None if no parameter has an effect."""
        return jacobians.jvp(*[None] * jacobians.data, *self.split(tangent))

    def per_example(self, jacobians: Any, cotangent: np.ndarray) -> np.ndarray:
        """`jacobians.per_example(cotangent)` for the parameters, `(batch, count)`, written into place directly."""
        data = jacobians.data
        matrix = np.empty((len(cotangent), self.size), np.result_type(cotangent.dtype, self.dtype))
        views = self.split(matrix)
        results = jacobians.per_example(cotangent, self.wanted(jacobians), (*[None] * data, *views))
        for view, result in zip(views, results[data:], strict=True):
            if view is not None and result is not view:
                view[...] = 0 if result is None else result
        return matrix

    def by_name(self, vector: np.ndarray) -> dict:
        """`(*seeds, count)` as one array `(*seeds, *shape)` per name."""
        pieces = zip(self.names, self.segments, self.shapes, strict=True)
        return {name: self._piece(vector, segment, shape) for name, segment, shape in pieces}

    def like(self, example: Any, vector: np.ndarray) -> Any:
        """`vector` in the form and precision of `example`."""
        vector = vector.astype(self.dtype, copy=False)
        if isinstance(example, dict):
            return self.by_name(vector)
        return list(self.by_name(vector).values()) if isinstance(example, (list, tuple)) else vector

    @staticmethod
    def _piece(vector, segment, shape):
        return vector[..., segment].reshape(vector.shape[:-1] + shape)
