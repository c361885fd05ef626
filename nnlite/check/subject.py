"""A function of several arrays, in the form that checks use: flat outputs, one derivative per array."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.jacobians import ParameterVector
from nnlite.jacobians.bundles.partial import map_outputs
from nnlite.jacobians.maps.base import one_row_each

__all__ = []


class Subject:
    """A differentiable function under check.

    Args:
        linearize: `linearize(*arrays) -> (output, Jacobians)`; several outputs come as a tuple.
        arrays: where it is looked at, data first.
        names: what each array is called.
        wanted: which of them have a derivative.
        data: how many of them are data.
        vector: the `ParameterVector` that says what the last array holds, if it is one.
    """

    def __init__(
        self,
        linearize: Callable[..., tuple[Any, Any]],
        arrays: Sequence[np.ndarray],
        names: Sequence[str],
        wanted: Sequence[bool],
        data: int = 1,
        vector: ParameterVector | None = None,
    ) -> None:
        self.linearize = linearize
        self.arrays = arrays
        self.names = names
        self.wanted = wanted
        self.data = data
        self.vector = vector
        self.output, self.jacobians = self.run(arrays)
        self.outputs = self.output if isinstance(self.output, tuple) else (self.output,)
        self.shapes = [np.shape(output) for output in self.outputs]
        self.size = sum(np.size(output) for output in self.outputs)
        self.numeric = all(np.asarray(output).dtype.kind in "biuf" for output in self.outputs)

    def run(self, arrays: Sequence[np.ndarray]) -> tuple[Any, Any]:
        """`linearize` on copies, so that in-place changes do no harm."""
        with np.errstate(all="ignore"):
            return self.linearize(*[array.copy() for array in arrays])

    def function_of(self, index: int) -> Callable[[np.ndarray], np.ndarray]:
        """The outputs, concatenated, as a function of one array."""

        def function(value):
            moved = [value if position == index else array for position, array in enumerate(self.arrays)]
            return self.flat(self.run(moved)[0])

        return function

    def flat(self, outputs: Any, seeds: Shape = ()) -> np.ndarray:
        """Outputs, or tangents of them, concatenated."""
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        filled = [
            np.zeros((*seeds, *shape)) if part is None else part for part, shape in zip(parts, self.shapes, strict=True)
        ]
        flat = [np.reshape(part, (*seeds, -1)) for part in filled]
        return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1)

    def jvp(self, index: int, tangents: Any) -> np.ndarray:
        """`(*seeds, *shape)` tangents of one array to `(*seeds, size)` tangents of the outputs."""
        seeds = tangents.shape[: tangents.ndim - self.arrays[index].ndim]
        return self.push([tangents if position == index else None for position in range(len(self.arrays))], seeds)

    def push(self, tangents: Any, seeds: Shape) -> np.ndarray:
        """A tangent of each array, None for zero, to `(*seeds, size)` tangents of the outputs."""
        result = self.jacobians.jvp(*tangents)
        return np.zeros((*seeds, self.size)) if result is None else self.flat(result, seeds)

    def cotangent(self, random: np.random.Generator, seeds: Shape = (), dtype: Any = np.float64) -> Any:
        """A random incoming Jacobian."""
        parts = tuple(np.asarray(random.normal(size=(*seeds, *shape)), dtype) for shape in self.shapes)
        return parts if isinstance(self.output, tuple) else parts[0]

    def rows_of(self, cotangent: Any) -> Any:
        """One seed per row of the batch."""
        return map_outputs(one_row_each, cotangent)

    def entry(self, index: int, entry: int) -> str:
        """Label of an entry of an array: `kernel[0, 2]`."""
        if self.vector is None or index < len(self.names) - 1:
            return self.names[index] + indexed(entry, self.arrays[index].shape)
        parts = zip(self.vector.names, self.vector.segments, self.vector.shapes, strict=True)
        return next(name + indexed(entry - span.start, shape) for name, span, shape in parts if entry < span.stop)

    def place(self, entry: int) -> str:
        """Label of an entry of the flat outputs: `output[0, 2]`."""
        for number, shape in enumerate(self.shapes):
            size = int(np.prod(shape))
            if entry < size:
                name = f"output {number}" if len(self.shapes) > 1 else "output"
                return name + indexed(entry, shape)
            entry -= size
        return "output"


def indexed(entry: int, shape: Shape) -> str:
    """`[0, 2]` for an entry of a raveled array; empty for a scalar."""
    indices = ", ".join(map(str, np.unravel_index(entry, shape))) if shape else ""
    return f"[{indices}]" if indices else ""
