"""The base of all schedules, and reading of arguments that may be one."""

import functools
import operator
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from nnlite.config import floatx
from nnlite.errors import ConfigError, shown
from nnlite.ops.plain.numbers import as_result
from nnlite.registry import Configurable
from nnlite.registry.modules import NamedByClass, take_by_position

__all__ = ["LearningRateSchedule", "scheduled"]


class LearningRateSchedule(NamedByClass, Configurable, family="schedule"):
    """A learning rate, or another number, as a function of the number of batches so far.

    Args:
        name: kept with it, as Keras's; by default that of the class.
    """

    name: str | None = field(default=None, kw_only=True)

    _positional: ClassVar[tuple[str, ...] | None] = None
    _looked_up_at = 0  # the number of batches of the optimizer that was asked for its learning rate last

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and not cls._own_constructor:
            take_by_position(cls, ("name",))
        if "__call__" in vars(cls):
            setattr(cls, "__call__", _of_any_step(vars(cls)["__call__"]))  # noqa: B010

    @classmethod
    def default_name(cls) -> str:
        """The name of the class, unless Keras has another one."""
        return vars(cls).get("_default_name") or cls.__name__

    def __call__(self, step: int) -> float:
        """The value for the update that follows `step` updates."""
        raise NotImplementedError

    def __float__(self) -> float:
        """The value at the optimizer's next update, for the optimizer whose `learning_rate` was read last."""
        return float(self(self._looked_up_at))

    shape: ClassVar[tuple[int, ...]] = ()

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the value, that of `config.floatx()`."""
        return np.dtype(floatx())

    def numpy(self) -> float:
        """As `float(schedule)`."""
        return float(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(float(self), dtype or floatx())

    def bind(self, total_steps: int | None, first_step: int = 0) -> None:
        """Receive the length of the training from `fit`. Most schedules only count steps.

        Args:
            total_steps: number of updates of the whole training; None if it is not known beforehand.
            first_step: number of updates done before it.
        """


def _on_value(function: Callable[..., Any], reflected: bool = False) -> Callable[..., Any]:
    """A method that applies a function of `operator` to `float(schedule)`, as the second operand if `reflected`."""

    def method(self: LearningRateSchedule, *others: Any) -> Any:
        numbers = [float(item) if isinstance(item, LearningRateSchedule) else item for item in (self, *others)]
        return as_result(function(*(reversed(numbers) if reflected else numbers)))

    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(LearningRateSchedule, f"__{_name}__", _on_value(getattr(operator, _name)))
    setattr(LearningRateSchedule, f"__r{_name}__", _on_value(getattr(operator, _name), reflected=True))
for _name in ("lt", "le", "gt", "ge", "neg", "abs"):
    setattr(LearningRateSchedule, f"__{_name}__", _on_value(getattr(operator, _name)))


def _of_any_step(call: Callable[..., Any]) -> Callable[..., Any]:
    """`__call__` that takes a step as an array or a variable too, or several, and gives a float as a `Number`."""

    @functools.wraps(call)
    def __call__(self: Any, step: Any) -> Any:
        if isinstance(step, (int, float)):
            return as_result(call(self, step))
        steps = np.asarray(step)
        if steps.dtype.kind not in "biuf":
            raise ConfigError(f"{type(self).__name__} needs the number of a step, got {shown(step)}")
        if not steps.ndim:
            return as_result(call(self, steps.item()))
        return np.array([call(self, one) for one in steps.ravel().tolist()], floatx()).reshape(steps.shape)

    return __call__


def scheduled(value: float | LearningRateSchedule, step: int) -> float:
    """`value` itself or, if it is a schedule, its value after `step` updates.

    >>> from nnlite.schedules import ExponentialDecay
    >>> scheduled(0.1, 20), scheduled(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5), 20)
    (0.1, 0.025)
    """
    return value(step) if isinstance(value, LearningRateSchedule) else value
