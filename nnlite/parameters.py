"""Parameters, and the store that keeps them in one contiguous vector with many views."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import ArrayLike, is_floating, widened
from nnlite.constraints import Constraint
from nnlite.errors import ShapeError, WrongTypeError
from nnlite.jacobians import RowGradients, TableGradients
from nnlite.kernels import aligned_zeros
from nnlite.ops.plain.operands import Operand
from nnlite.regularizers import Regularizer

WATCHERS: list[Callable[["Parameter"], None]] = []  # called before a parameter is given another value


class Parameter(Operand):
    """An array that a layer owns: `value` and, once a model trains it, `gradient`.

    Both are views into the model's vectors; write with `assign(x)`. Operators and indexing give arrays; in a training
    step that a user writes they are recorded, as functions of `nnlite.ops` are.

    Args:
        name: unique within its layer, for example `"kernel"`.
        value: the initial array; it is copied into the store when a model packs it.
        trainable: false for state such as moving averages; later, whether training changes the value.
        regularizer: penalty on the value that is added to the loss.
        sparse: whether training changes only the rows that a batch uses; `gradient` then holds these alone.
        constraint: what the value is brought back to after each update.

    Attributes:
        place: of the layer that declared it, from which `path` is made; None for none.
        is_state: whether it was made as state, which has no gradient.
        shown_type: of 16 bits, to which it shows its value, an array of float32, rounded; None for that of the value.

    >>> import numpy as np
    >>> scale = Parameter("scale", np.array([1.0, 2.0]))
    >>> _ = scale.assign_add([1, 1])
    >>> (2 * scale - 1).tolist(), scale[0].item(), scale.path
    ([3.0, 5.0], 2.0, 'scale')
    """

    aggregation: Any = "none"  # Keras's, of several devices
    autocast, synchronization, overwrite_with_gradient = True, cast(Any, "auto"), False

    def __init__(
        self,
        name: str,
        value: np.ndarray,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
        sparse: bool = False,
        constraint: Constraint | None = None,
    ) -> None:
        self.constraint, self.name, self._value = constraint, name, widened(value)
        self.place: Any = None
        self.trainable, self.is_state = trainable, not trainable
        self.shown_type: np.dtype | None = value.dtype if self._value is not value else None
        self.sparse, self.regularizer = sparse, regularizer
        self._gradient: np.ndarray | RowGradients | None = None
        self._leases: tuple[Lease, ...] = ()

    @property
    def value(self) -> np.ndarray:
        """The array itself, not a copy."""
        return self._value

    @property
    def gradient(self) -> np.ndarray | RowGradients | None:
        """Derivative of the last training batch's loss; None before a model has packed this parameter."""
        return self._gradient.spread() if isinstance(self._gradient, TableGradients) else self._gradient

    @property
    def shown(self) -> np.ndarray:
        """The value as operators and users outside of the package see it, in `dtype`."""
        return self._value if self.shown_type is None else self.numpy()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements, as they are shown."""
        return self.shown_type or self._value.dtype

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._value.ndim

    @property
    def path(self) -> str:
        """Its name, preceded by those of the layers in which it was created, such as `"sequential/dense/kernel"`."""
        return self.name if self.place is None else self.place.path_of(self.name)

    def numpy(self) -> np.ndarray:
        """A copy of the value."""
        return self._value.astype(self.dtype)

    def assign(self, value: ArrayLike) -> np.ndarray:
        """Copy `value` in, and return the new value; `ShapeError` unless the shape is the same."""
        value = np.asarray(value)
        if value.shape != self.shape:
            raise ShapeError(f"parameter {self.name!r} has the shape {self.shape}, got {value.shape}")
        for watcher in WATCHERS:
            watcher(self)
        self._value[...] = value
        return self.shown

    def assign_add(self, value: ArrayLike) -> np.ndarray:
        """Add `value`, which has the same shape, to the current one."""
        return self.assign(self._value + np.asarray(value))

    def assign_sub(self, value: ArrayLike) -> np.ndarray:
        """Subtract `value`, which has the same shape, from the current one."""
        return self.assign(self._value - np.asarray(value))

    def constrain(self) -> None:
        """Apply the constraint to the value, if there is one."""
        if self.constraint is not None:
            self._value[...] = self.constraint(self._value)

    def bind(self, value: np.ndarray, gradient: np.ndarray | RowGradients | None) -> None:
        """Move into a store: copy the current value to the view `value`, which holds it from now on."""
        value[...] = self._value
        self._value, self._gradient = value, gradient
        self._end_leases()

    def keep_gradient(self, gradient: np.ndarray) -> None:
        """Keep a separate gradient outside the store, for a user-defined training step."""
        self._gradient = gradient
        self._end_leases()

    def keep_rows(self, table: TableGradients) -> None:
        """Have the gradient, which stays where it is, from the rows of a table once these are written."""
        self._gradient = table

    def _end_leases(self) -> None:
        """Tell who keeps the arrays of this parameter that they are no longer its own."""
        for lease in self._leases:
            lease.ended = True
        self._leases = ()

    def add_lease(self, lease: "Lease") -> None:
        """Invalidate `lease` when this parameter moves to another store."""
        self._leases = (*(other for other in self._leases if not other.ended), lease)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._value, dtype=dtype or self.dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self.shown}>"


def each_once(groups: Iterable[Iterable[Parameter]]) -> list[Parameter]:
    """The parameters of several layers in order; a shared one occurs once, at its first position.

    >>> import numpy as np
    >>> kernel, bias = Parameter("kernel", np.ones(2)), Parameter("bias", np.zeros(1))
    >>> [parameter.name for parameter in each_once([[kernel, bias], [kernel]])]
    ['kernel', 'bias']
    """
    return list({id(parameter): parameter for group in groups for parameter in group}.values())


class Lease:
    """A token that tells whether parameters are still in the same memory, without asking each of them.

    Attributes:
        ended: whether one of them has moved into another store.
    """

    __slots__ = ("ended",)

    def __init__(self, parameters: Iterable[Parameter]):
        self.ended = False
        for parameter in parameters:
            parameter.add_lease(self)


def assign_all(parameters: Sequence[Parameter], values: Sequence, owner: str) -> None:
    """Copy each of `values` into its parameter; `ShapeError` naming `owner`, before any change, unless all fit."""
    if len(values) != len(parameters):
        raise ShapeError(f"{owner} has {len(parameters)} weights, got {len(values)}")
    for parameter, value in zip(parameters, values, strict=True):
        if np.shape(value) != parameter.shape:
            wanted = f"weight {parameter.name!r} has the shape {parameter.shape}"
            raise ShapeError(f"{owner}: {wanted}, got {np.shape(value)}")
    for parameter, value in zip(parameters, values, strict=True):
        parameter.assign(value)


class Pack:
    """The trainable parameters of one dtype as 1-D arrays: the optimizer's view of them.

    Attributes:
        values, gradients: contiguous vectors of equal length.
        segments, parameters: one slice per parameter, and the parameters in this order.
        paths, shapes: their names in the model, such as `"dense/kernel"`, and their shapes.
    """

    __slots__ = ("gradients", "parameters", "paths", "segments", "shapes", "values")

    def __init__(self, parameters: list[Parameter], paths: list[str]) -> None:
        self.parameters, self.paths = parameters, paths
        self.shapes = [parameter.shape for parameter in parameters]
        stops = np.cumsum([one.size for one in parameters]).tolist()
        self.segments = [slice(stop - one.size, stop) for stop, one in zip(stops, parameters, strict=True)]
        self.values, self.gradients = (aligned_zeros(stops[-1], parameters[0].value.dtype) for _ in range(2))
        for one, segment in zip(parameters, self.segments, strict=True):
            one.bind(self.values[segment].reshape(one.shape), self.gradients[segment].reshape(one.shape))


class RowPack:
    """A parameter of which each step changes few rows, in the form of a `Pack`; `rows` has their indices.

    Attributes:
        values, gradients: the whole parameter, and those of `rows`, as vectors.
        width: numbers in a row.
    """

    __slots__ = ("parameters", "paths", "segments", "shapes", "values", "width")

    def __init__(self, parameter: Parameter, path: str) -> None:
        self.parameters, self.paths, self.shapes = [parameter], [path], [parameter.shape]
        self.segments = [slice(None)]
        self.values = aligned_zeros(parameter.size, parameter.value.dtype)
        self.width = parameter.size // parameter.shape[0]
        parameter.bind(self.values.reshape(parameter.shape), RowGradients(parameter.shape, parameter.value.dtype))

    @property
    def rows(self) -> np.ndarray:
        """The rows of the last batch."""
        return cast(RowGradients, self.parameters[0].gradient).rows

    @property
    def gradients(self) -> np.ndarray:
        """The raveled gradients of these rows."""
        return cast(RowGradients, self.parameters[0].gradient).values.reshape(-1)


class ParameterStore:
    """All trainable parameters of a model: one `Pack` per dtype, then a `RowPack` for each sparse one.

    Args:
        parameters: those that are trained.
        paths: the name of each in the model, by which an optimizer knows it; the parameters' own when None.

    Raises:
        WrongTypeError: one that is not a floating-point number.
    """

    __slots__ = ("packs",)

    def __init__(self, parameters: list[Parameter], paths: Sequence[str] | None = None) -> None:
        named = list(zip(parameters, paths or [parameter.name for parameter in parameters], strict=True))
        by_dtype: dict[np.dtype, list[tuple[Parameter, str]]] = {}
        for parameter, path in named:
            if not is_floating(parameter.value.dtype):
                raise WrongTypeError(
                    f"weight {path!r} of {parameter.value.dtype} has no derivative, by which it would be trained: add "
                    "it with trainable=False"
                )
            if not parameter.sparse:
                by_dtype.setdefault(parameter.value.dtype, []).append((parameter, path))
        self.packs = [Pack(*map(list, zip(*group, strict=True))) for group in by_dtype.values()]
        self.packs += [RowPack(parameter, path) for parameter, path in named if parameter.sparse]

    @property
    def size(self) -> int:
        """Number of scalars in all packs."""
        return sum(pack.values.size for pack in self.packs)
