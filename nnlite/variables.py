"""`Variable`, a parameter that does not belong to a layer."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape, dtype_of, is_bfloat16
from nnlite.errors import ConfigError, ShapeError, WrongTypeError, did_you_mean
from nnlite.initializers import Initializer
from nnlite.ops.plain.operands import on_values
from nnlite.ops.plain.results import as_typed
from nnlite.parameters import WATCHERS, Parameter

__all__ = ["ScopePlace", "StatelessScope", "Variable", "name_scope"]

AGGREGATIONS: tuple[Any, ...] = (None, "none", "mean", "sum", "only_first_replica")
SYNCHRONIZATIONS: tuple[Any, ...] = (None, "none", "on_read", "on_write", "auto")
SCOPES: list[str] = []  # names of those that are open, the outermost first


def checked_name(name: Any, kind: str) -> str:
    """A name for a path; `ConfigError` for another value."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ConfigError(f"the name of a {kind} is a string without '/', got {name!r}")
    return name


def checked_aggregation(aggregation: Any) -> str:
    """The name of a way in which values of several devices become one, "none" for None; `ConfigError` for another."""
    if aggregation not in AGGREGATIONS:
        raise ConfigError(f"unknown aggregation {aggregation!r}; {did_you_mean(str(aggregation), AGGREGATIONS[1:])}")
    return aggregation or "none"


class name_scope:
    """A context in which the `path` of a new `Variable`, and of a layer that is built in it, begins with a name.

    Args:
        name: without a slash; "" for none.
        caller, options: Keras's, with `deduplicate` and `override_parent`; accepted.

    Raises:
        ConfigError: another name.

    >>> with name_scope("encoder"):
    ...     Variable(0.0, name="scale").path
    'encoder/scale'
    """

    def __init__(self, name: str, caller: Any = None, **options: Any) -> None:
        self.name = name if name == "" else checked_name(name, "scope")

    def __enter__(self) -> "name_scope":
        SCOPES.extend([self.name] if self.name else [])
        return self

    def __exit__(self, *error: object) -> None:
        if self.name:
            SCOPES.pop()


class VariableType(type):
    """The class of `Variable`: parameters of layers are its instances too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Parameter) if cls is Variable else super().__instancecheck__(instance)


class Variable(Parameter, metaclass=VariableType):
    """A parameter that does not belong to a layer, with the arguments of Keras's `Variable`; layers use `add_weight`.

    Args:
        initializer: the first value, or an `Initializer`, its name, or a function `(shape)` or `(shape, dtype)`.
        shape: needed unless `initializer` is a value.
        dtype: that of an array when None; lists and numbers of a program have `nnlite.config.floatx()` or int32.
        trainable: whether an optimizer should change it.
        autocast, aggregation, synchronization, layout: Keras's, of precision and of several devices; kept, no more.
        name: shown in errors, "variable" when None.

    Attributes:
        overwrite_with_gradient: whether `apply` of an optimizer assigns the gradient in place of an update.

    Raises:
        ConfigError: an initializer without a shape, or a value of another shape.

    >>> from nnlite import Variable
    >>> step = Variable([1.0, 2.0], name="step")
    >>> _ = step.assign([3, 4])
    >>> step
    <Variable path=step, shape=(2,), dtype=float32, value=[3. 4.]>
    """

    __slots__ = ("aggregation", "autocast", "overwrite_with_gradient", "synchronization")
    __hash__ = Parameter.__hash__

    def __init__(
        self,
        initializer: Any,
        shape: Shape | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
    ) -> None:
        if synchronization not in SYNCHRONIZATIONS:
            raise ConfigError(
                f"unknown synchronization {synchronization!r}; "
                f"{did_you_mean(str(synchronization), SYNCHRONIZATIONS[1:])}"
            )
        self.aggregation, self.autocast = checked_aggregation(aggregation), autocast
        self.synchronization, self.overwrite_with_gradient = synchronization, False
        dtype = dtype and dtype_of(dtype).name
        if callable(initializer) or isinstance(initializer, (str, dict)):
            if shape is None:
                raise ConfigError(f"Variable({initializer!r}) needs the argument shape")
            if None in tuple(shape):
                raise ConfigError(f"Variable: a shape without None, got {tuple(shape)}")
            spec: Any = initializer
            value = Initializer.get(spec)(shape, dtype=dtype)
        else:
            value = np.array(initializer, dtype)
            value = value if dtype else as_typed(value, initializer)
            if value.dtype.kind not in "biufc" and not is_bfloat16(value.dtype):
                raise ConfigError(f"Variable: the value is made of numbers, got {initializer!r}")
            if shape is not None and tuple(shape) != value.shape:
                raise ConfigError(f"Variable: the value has the shape {value.shape}, not {tuple(shape)}")
        super().__init__(checked_name(name or "variable", "variable"), value, trainable)
        if SCOPES:
            self.place = ScopePlace("/".join(SCOPES))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("regularizer", "constraint") and value is not None and not callable(value):
            raise ConfigError(f"the {name} of a variable is a function of its values or None, got {value!r}")
        if name == "overwrite_with_gradient" and not isinstance(value, bool):
            raise WrongTypeError(f"{name} is True or False, got {value!r}", (name,))
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> Any:
        return on_values("__eq__")(self, other)

    def __ne__(self, other: object) -> Any:
        return on_values("__ne__")(self, other)

    def __bool__(self) -> bool:
        raise WrongTypeError(f"{self!r} is neither true nor false: ask its value")

    def __round__(self, decimals: int = 0) -> Any:
        return np.round(self.value, decimals)


class ScopePlace(NamedTuple):
    """The position of a variable in a scope, or in an optimizer.

    Attributes:
        scopes: the names of the scopes, with slashes between, or that of the optimizer.
    """

    scopes: str

    def path_of(self, name: str) -> str:
        """The path of the variable with this name."""
        return f"{self.scopes}/{name}"


class StatelessScope:
    """A context in which variables have other values, and after which they are unchanged.

    What is assigned to variables within it, also by an optimizer's `apply`, is found by `get_current_value`. A training
    by `fit` changes the model for good.

    Args:
        state_mapping: pairs of a variable and the value that it has in the context.
        collect_losses, initialize_variables: Keras's; accepted: losses are those that layers give, and variables have
            values from the start.

    Raises:
        WrongTypeError: a key that is not a variable.
        ShapeError: a value of another shape.

    >>> scale = Variable(2.0)
    >>> with StatelessScope([(scale, 3.0)]) as scope:
    ...     _ = scale.assign_add(1.0)
    >>> scale.numpy().item(), scope.get_current_value(scale).item()
    (2.0, 4.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Parameter, ArrayLike]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.state_mapping = list(state_mapping or ())
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []
        for variable, value in self.state_mapping:
            if not isinstance(variable, Parameter):
                raise WrongTypeError(f"StatelessScope maps variables to values, got {variable!r}")
            if np.shape(value) != variable.shape:
                raise ShapeError(
                    f"StatelessScope: {variable.name!r} has the shape {variable.shape}, got {np.shape(value)}"
                )
        self._before: dict[int, tuple[Parameter, np.ndarray]] = {}  # by identity, with the value outside
        self._after: dict[int, tuple[Parameter, np.ndarray]] = {}  # the same, with the value at the end

    def __enter__(self) -> "StatelessScope":
        WATCHERS.append(self._keep)
        try:
            for variable, value in self.state_mapping:
                variable.assign(value)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        WATCHERS.remove(self._keep)
        for variable, value in self._before.values():
            self._after[id(variable)] = variable, variable.numpy()
            variable.value[...] = value
        self._before = {}

    def _keep(self, variable: Parameter) -> None:
        self._before.setdefault(id(variable), (variable, variable.numpy()))

    def get_current_value(self, variable: Parameter) -> np.ndarray | None:
        """The value of a variable in the scope; None if the scope does not set it."""
        if id(variable) in self._before:
            return variable.numpy()
        return self._after.get(id(variable), (variable, None))[1]
