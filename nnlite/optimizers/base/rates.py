"""Learning rates as arguments: a number that may be reassigned, a schedule, or a function without arguments."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from nnlite.errors import ConfigError, WrongTypeError
from nnlite.ops.plain.operands import Operand
from nnlite.registry import NamedFunction
from nnlite.registry.bounds import Index, NonNegative, Positive
from nnlite.registry.field_types import Specified, read
from nnlite.registry.fields import Converted, Spec
from nnlite.registry.functions import is_function_form
from nnlite.schedules import LearningRateSchedule

__all__ = [
    "AssignableRate",
    "InnerRate",
    "LearningRate",
    "LossScale",
    "Rate",
    "RateFunction",
    "StepCount",
    "UpdateCount",
    "WeightDecay",
    "current_rate",
]


@Specified.register
class RateFunction(NamedFunction):
    """A learning rate that a function without arguments returns before each update."""

    def __float__(self) -> float:
        """The current learning rate."""
        return float(self.function())

    @classmethod
    def get(cls, spec: Any) -> "RateFunction":
        """The function for a callable, or for the name of a registered one; classes are refused."""
        if isinstance(spec, type) or not (callable(spec) or isinstance(spec, str) or is_function_form(spec)):
            raise ConfigError(f"expected a function without arguments, got {spec!r}")
        named = super().get(spec)
        return named if isinstance(named, cls) else cls(named.function)


def plain_number(value: Any) -> Any:
    """The number in an array, a NumPy number or a variable without axes; anything else as it is."""
    arrays: Any = np.ndarray, np.generic, Operand
    single = isinstance(value, arrays) and not np.ndim(value)
    return np.asarray(value).item() if single else value


class NumberOfOptimizer:
    """A number of an optimizer, with the attributes and methods of its variable in Keras."""

    optimizer: Any
    name: ClassVar[str]
    dtype: ClassVar[str]
    attribute: ClassVar[str]  # of the optimizer
    accepted: ClassVar[Any]
    plain: ClassVar[type]
    shape: ClassVar[tuple[int, ...]] = ()
    trainable: ClassVar[bool] = False

    @classmethod
    def of(cls, optimizer: Any, value: Any) -> Any:
        """`value`, which was read from `optimizer`."""
        number: Any = cls(value)  # type: ignore[call-arg]
        number.optimizer = optimizer
        return number

    @property
    def path(self) -> str:
        """The name, after that of the optimizer."""
        return f"{self.optimizer.name}/{self.name}"

    def assign(self, value: Any) -> Any:
        """Set the number of the optimizer that this one was read from, and return the new one."""
        setattr(self.optimizer, self.attribute, read(plain_number(value), self.accepted))
        return getattr(self.optimizer, self.attribute)

    def assign_add(self, value: Any) -> Any:
        """Set the number of the optimizer to this one and `value` together, and return it."""
        return self.assign(self.plain(self) + plain_number(value))  # type: ignore[call-arg]

    def numpy(self) -> Any:
        """The plain number."""
        return self.plain(self)  # type: ignore[call-arg]

    def __reduce__(self) -> tuple:
        return self.plain, (self.plain(self),)  # type: ignore[call-arg]


class AssignableRate(NumberOfOptimizer, float):
    """A learning rate as a number, with `assign`, as Keras's is a variable."""

    name, attribute, dtype, plain, accepted = "learning_rate", "learning_rate", "float32", float, NonNegative


class LossScale(NumberOfOptimizer, float):
    """The factor of the loss as a number, with `assign`."""

    name, attribute, dtype, plain, accepted = "dynamic_scale", "dynamic_scale", "float32", float, Positive


class StepCount(NumberOfOptimizer, int):
    """The number of finite steps since the scale changed."""

    name, attribute, dtype, plain, accepted = "step_counter", "step_counter", "int32", int, Index


class UpdateCount(NumberOfOptimizer, int):
    """The number of updates so far, which Keras has as a variable too."""

    name, attribute, dtype, plain, accepted = "iteration", "iterations", "int32", int, Index


# To a checker: what is accepted, and what is read. At runtime values are read by the second alone.
if TYPE_CHECKING:
    Accepted = float | Spec[LearningRateSchedule] | Callable[[], float]
    LearningRate = Converted[Accepted, AssignableRate | LearningRateSchedule | RateFunction]
else:
    LearningRate = NonNegative | LearningRateSchedule | RateFunction
WeightDecay = Converted[float | Spec[LearningRateSchedule] | None, NonNegative | LearningRateSchedule | None]


class Rate:
    """The attribute `learning_rate` of an optimizer: numbers are read as `AssignableRate`, and stored as they are."""

    key: ClassVar[str] = "learning_rate"

    @overload
    def __get__(self, optimizer: None, owner: type) -> "Rate": ...
    @overload
    def __get__(self, optimizer: object, owner: type) -> Any: ...
    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is None:
            return self
        try:
            value = optimizer.__dict__[self.key]
        except KeyError:
            raise AttributeError(f"{owner.__name__} has no {self.key} yet") from None
        if isinstance(value, LearningRateSchedule):
            value._looked_up_at = optimizer.batches
        if not isinstance(value, (int, float, RateFunction)):
            return value
        return AssignableRate.of(optimizer, float(value))

    def __set__(self, optimizer: Any, value: Any) -> None:
        value = float(value) if isinstance(value, AssignableRate) else plain_number(value)
        if isinstance(vars(optimizer).get(self.key), LearningRateSchedule) and isinstance(value, (int, float)):
            message = f"{type(optimizer).__name__}.{self.key}: a schedule decides it; make the optimizer with a number"
            raise WrongTypeError(message)
        plain = callable(value) and not isinstance(value, (type, LearningRateSchedule, RateFunction))
        optimizer.__dict__[self.key] = RateFunction(value) if plain else value


class InnerRate(Rate):
    """The learning rate of a wrapping optimizer: that of the inner one."""

    def __get__(self, optimizer: Any, owner: type) -> Any:
        return self if optimizer is None else optimizer.inner_optimizer.learning_rate

    def __set__(self, optimizer: Any, value: Any) -> None:
        optimizer.inner_optimizer.learning_rate = value


def current_rate(rate: Any, step: int) -> float:
    """A number, the value of a schedule after `step` batches, or the current value of a function."""
    if type(rate) is float:
        return rate
    if isinstance(rate, LearningRateSchedule):
        return float(rate(step))
    return float(rate() if isinstance(rate, RateFunction) else rate)
