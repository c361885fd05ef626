"""The contract of a bundle: the Jacobians of an output with respect to all inputs, multiplied together."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NoReturn, TypeAlias

import numpy as np

from nnlite.jacobians.bundles.partial import Partial, map_outputs
from nnlite.jacobians.maps.base import Jacobian, one_row_each

__all__ = ["Bundle", "JointBundle"]

Cotangent: TypeAlias = "np.ndarray | tuple[np.ndarray | None, ...]"  # a tuple where there are several outputs
Products: TypeAlias = "tuple[np.ndarray | None, ...]"  # one per input, None if not wanted or without derivative
Wanted: TypeAlias = "Sequence[bool] | None"  # one per input, None for all
Into: TypeAlias = "Sequence[np.ndarray | None] | None"  # one per input, None for none


class Bundle(ABC):
    """The Jacobians of an output, or of several, with respect to each input of an op, a layer or a program.

    Inputs are counted from 0: the first `data` of them are data, the others parameters, which all examples share.
    Leading seed axes are free, as in a `Jacobian`. Where there are several outputs, cotangents and tangents of the
    output are tuples with an array for each, or None for zero.

    A subclass writes `vjp`, `jvp`, `mixes_rows`, `__len__` and `__getitem__`; one that cannot do one of these calls
    `refuse` in it. The other methods follow from them, and are overridden where there is a faster way.

    Attributes:
        data: how many inputs come first that are data.
        state: new values of a layer's non-trainable parameters, in their order; a program's has one entry per layer.
        mask: which steps of the output count, `(batch, steps)`, None for all; a tuple where there are several outputs.
        outer: a map that all inputs share, applied last; None for none.

    >>> import numpy as np
    >>> from nnlite.jacobians import Bundle
    >>> from nnlite.ops import Multiply
    >>> output, bundle = Multiply().linearize(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> isinstance(bundle, Bundle), len(bundle)
    (True, 2)
    >>> bundle.vjp(np.ones(2), wanted=(True, False))
    (array([3., 4.]), None)
    >>> bundle.jvp(None, np.ones(2))
    array([1., 2.])
    """

    __slots__ = ()

    data: int = 1
    state: tuple = ()
    mask: "np.ndarray | tuple | None" = None
    outer: Jacobian | None = None

    @abstractmethod
    def vjp(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode: `cotangent` times the Jacobian with respect to each input.

        Args:
            cotangent: `(*seeds, *out_shape)`.
            wanted: one flag per input; where it is false, the product is spared and None returned.
            into: one array or None per input; a wanted product is written into its array, which is returned.

        Shape: `(*seeds, *in_shape)` for each input.
        """

    @abstractmethod
    def jvp(self, *tangents: np.ndarray | None) -> "np.ndarray | tuple | None":
        """Forward mode: the tangent of the output for one tangent per input; None stands for zero, also in the result.

        Shape: `(*seeds, *in_shape)` for each input to `(*seeds, *out_shape)`.
        """

    @property
    @abstractmethod
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the data, as with moments over the batch."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of inputs."""

    @abstractmethod
    def __getitem__(self, index: int) -> Jacobian | None:
        """The whole map from one input to the (first) output; None without derivative."""

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch, for the parameters; None in place of the data.

        The sum of a product over its first axis is that of `vjp`. This one lets each example be a seed of its own:
        right for every bundle, and slower by the size of the batch.

        Args:
            cotangent: `(batch, ...)`, without seed axes.
            wanted, into: as for `vjp`.

        Shape: `(batch, *in_shape)` for each parameter.
        """
        chosen = self.chosen_parameters(wanted)
        return self.vjp(map_outputs(one_row_each, cotangent), chosen, into) if any(chosen) else (None,) * len(self)

    def without_data(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """`vjp` for the parameters alone; None in place of the data."""
        chosen = self.chosen_parameters(wanted)
        return self.vjp(cotangent, chosen, into) if any(chosen) else (None,) * len(self)

    def chosen_parameters(self, wanted: Wanted) -> tuple[bool, ...]:
        """`wanted` for the parameters, one flag per input; false for the data."""
        return tuple([index >= self.data and (wanted is None or bool(wanted[index])) for index in range(len(self))])

    def parts(self) -> "Sequence[tuple[str, Jacobian | Bundle]]":
        """`(label, map or bundle)` of each component, for display."""
        return [(str(index), part) for index in range(len(self)) if (part := self[index]) is not None]

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept; one that several maps share is repeated."""
        for _, part in self.parts():
            yield from part.stored()

    def refuse(self, method: str) -> NoReturn:
        """Raise `NotImplementedError`: this bundle has no `method`."""
        raise NotImplementedError(f"{type(self).__name__} has no {method}: it is made for the step of a training loop")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(self[index]) for index in range(len(self)))})"


class JointBundle(Bundle):
    """A bundle whose products are computed in a single pass: the map of one input is a view of the bundle.

    A subclass writes `vjp`, `jvp`, `mixes_rows`, `stored` and says what the shapes are.

    Attributes:
        in_shapes: the shape of each input; None for one without derivative.
        out_shape: the shape of the output, the first one of several.
        seen_from: the class of the map with respect to one input.
    """

    __slots__ = ()

    in_shapes: Sequence[tuple[int, ...] | None]
    out_shape: tuple[int, ...]
    seen_from: type[Partial] = Partial

    @abstractmethod
    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept."""

    def __len__(self) -> int:
        return len(self.in_shapes)

    def __getitem__(self, index: int) -> Partial | None:
        shape = self.in_shapes[index]
        return None if shape is None else self.seen_from(self, index, shape, self.out_shape)


def placed(result: np.ndarray | None, out: np.ndarray | None) -> np.ndarray | None:
    """The result, written into `out` if that is given."""
    if result is None or out is None:
        return result
    out[...] = result  # the array may be a `RowGradients`, which takes what is assigned
    return out
