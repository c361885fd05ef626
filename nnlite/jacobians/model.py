"""The Jacobian of a whole network, with respect to its inputs or to its concatenated parameters."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.jacobians.bundles.partial import at_index
from nnlite.jacobians.maps.base import Jacobian, fitted, one_row_each, readable_bytes, shown_as_html
from nnlite.jacobians.parameter_vector import ParameterVector

__all__ = ["NetworkJacobian"]


class NetworkJacobian(Jacobian):
    """The Jacobian of a network's outputs with respect to its data or parameters; the chain rule is not multiplied out.

    For parameters, `in_shape` is `(count,)`: `vector` says how they are laid end to end, and its `by_name` takes a
    product apart. Storage: that of the layers' own maps.

    Args:
        jacobians: those of the network with respect to all its inputs and parameters.
        vector: the `ParameterVector` meant; None for an input.
        in_shape: shape of what it is differentiated with respect to.
        out_shape: shape of the network's outputs.
        labels: for display: what each stage is called, and what its inputs are, data first.
        index: which input is meant, without a `vector`.
    """

    __slots__ = ("index", "jacobians", "labels", "vector")

    def __init__(
        self,
        jacobians: Any,
        vector: ParameterVector | None,
        in_shape: Shape,
        out_shape: Shape,
        labels: Sequence[tuple[str, Sequence[str]]] = (),
        index: int = 0,
    ) -> None:
        super().__init__(in_shape, out_shape)
        self.jacobians = jacobians
        self.vector = vector
        self.labels = labels
        self.index = index

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        cotangent = self._fitting(cotangent, self.out_shape, "vjp")
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        if self.vector is not None:
            return self.vector.vjp(self.jacobians, cotangent, seeds)
        return self.jacobians.vjp(cotangent, at_index(self.index, self.jacobians, True, False))[self.index]

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        tangent = self._fitting(tangent, self.in_shape, "jvp")
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        if self.vector is None:
            result = self.jacobians.jvp(*at_index(self.index, self.jacobians, tangent, None))
        else:
            result = self.vector.jvp(self.jacobians, tangent)
        return np.zeros(seeds + self.out_shape, tangent.dtype) if result is None else result

    def per_example(self, cotangent: np.ndarray | None = None) -> np.ndarray:
        """Contribution of each example.

        With a cotangent `(batch, ...)`: its product with each example's own Jacobian, `(batch, count)` for parameters
        or `(batch, *row)` for inputs. Without: these Jacobians themselves, `(batch, *outputs of a row, ...)`.
        """
        if cotangent is not None:
            return self._contributions(cotangent)
        batch, *row = self.out_shape
        units = math.prod(row)
        row_shape = self.in_shape[1:] if self.vector is None else self.in_shape
        self._check_dense_bytes(batch * units * math.prod(row_shape) * self.dtype.itemsize, "per-example")
        result = np.empty((batch, units, *row_shape), self.dtype)
        for unit in range(units):
            seed = np.zeros((batch, units), self.dtype)
            seed[:, unit] = 1
            result[:, unit] = self._contributions(seed.reshape(self.out_shape))
        return result.reshape(batch, *row, *row_shape)

    def _fitting(self, array, shape, method, seeds="..., "):
        needs = f"{method} of the Jacobian of {self.out_shape} by {self.in_shape} needs an array"
        return fitted(array, shape, self.dtype, needs, seeds)

    def _contributions(self, cotangent):
        cotangent = self._fitting(cotangent, self.out_shape, "per_example", seeds="")
        if self.vector is not None:
            return self.vector.per_example(self.jacobians, cotangent)
        if not self.mixes_rows:
            return self.vjp(cotangent)
        rows = np.arange(len(cotangent))
        return self.vjp(one_row_each(cotangent))[rows, rows]

    @property
    def mixes_rows(self) -> bool:
        return self.vector is not None or self.jacobians.mixes_rows

    def stored(self) -> Iterator[np.ndarray]:
        return self.jacobians.stored()

    def parts(self) -> Sequence[tuple[str, Any]]:
        return self.jacobians.parts()

    def __repr__(self) -> str:
        dense = readable_bytes(self.dense_nbytes)
        head = f"Jacobian of {self.out_shape} by {self.in_shape}: {readable_bytes(self.nbytes)} kept, {dense} if dense"
        return "\n".join([head, *tree(self.parts(), names=self.labels)])

    def _repr_html_(self) -> str:
        return shown_as_html(self, self.labels)


def tree(
    parts: Sequence[tuple[str, Any]], indent: str = "", names: Sequence[tuple[str, Sequence[str]]] = ()
) -> list[str]:
    """One line per map: its kind, shapes and bytes; a composition is followed by its components.

    Args:
        parts: `(label, map)` pairs.
        indent: the beginning of each line.
        names: `(label, names of its inputs)` for each part, where better ones than those of `parts` are known.
    """
    lines = []
    for number, (label, part) in enumerate(parts):
        last = number == len(parts) - 1
        label, inputs = names[number] if len(names) == len(parts) else (label, ())
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{described(label, part)}")
        inner = [(inputs[int(key)] if key.isdigit() and inputs else key, piece) for key, piece in part.parts()]
        lines += tree(inner, indent + ("   " if last else "│  "))
    return lines


def described(label: str, part: Any) -> str:
    """A map in one line: `kernel: KernelOfRows (784, 512) -> (128, 512), 392 KiB kept, 98 GiB if dense`."""
    if not isinstance(part, Jacobian):
        return label
    sizes = f"{readable_bytes(part.nbytes)} kept, {readable_bytes(part.dense_nbytes)} if dense"
    prefix = f"{label}: " if label else ""
    return f"{prefix}{type(part).__name__} {part.in_shape} -> {part.out_shape}, {sizes}"
