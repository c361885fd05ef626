"""Methods of a model that delegate to its trainer or to its derivatives."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

import numpy as np

from nnlite.callbacks import Callback
from nnlite.derivatives import Derivatives
from nnlite.errors import WrongTypeError, did_you_mean
from nnlite.losses import Loss
from nnlite.losses.output_losses import OutputLosses
from nnlite.registry.fields import Spec
from nnlite.training.epoch import Verbose

__all__ = ["Evaluate", "GivenLoss", "ModelType", "OfTrainer", "Predict", "SecondOrderDoors", "door", "stop_flag"]

P = ParamSpec("P")
R = TypeVar("R")


def door(part: str, method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of a model that calls the method with the same name of `model.<part>`.

    Its signature and its docstring are those of `method`, for `help`, `inspect.signature`, editors and type checkers.
    An argument that it does not have is a `WrongTypeError` with the nearest names.

    Args:
        part: `"trainer"` or `"derivatives"`.
        method: of the class of that part.
    """
    name = method.__name__
    names = list(inspect.signature(method).parameters)[1:]
    known = frozenset(names)

    @functools.wraps(method)
    def enter(self: Any, *arguments: P.args, **options: P.kwargs) -> R:
        if options and not known.issuperset(options):
            stranger = next(option for option in options if option not in known)
            raise WrongTypeError(f"{name}: unknown argument {stranger!r}; {did_you_mean(stranger, names)}")
        return getattr(getattr(self, part), name)(*arguments, **options)

    return enter


class OfTrainer(Generic[R]):
    """An attribute of a model that is its trainer's.

    Args:
        name: of both.
        text: the docstring.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name, self.__doc__ = name, text

    @overload
    def __get__(self, model: None, owner: Any) -> "OfTrainer[R]": ...
    @overload
    def __get__(self, model: object, owner: Any) -> R: ...
    def __get__(self, model: Any, owner: Any) -> Any:
        return self if model is None else vars(model.trainer)[self.name]

    def __set__(self, model: Any, value: Any) -> None:
        setattr(model.trainer, self.name, value)


def stop_flag(activity: str) -> OfTrainer[bool]:
    """The attribute `stop_<activity>` of a model."""
    return OfTrainer(f"stop_{activity}", f"Set to True, by a callback, to end the {activity} after the batch.")


class GivenLoss(OfTrainer[Any]):
    """The attribute `loss` of a model: what `compile` was given. One that is assigned is read as by `compile`."""

    def __get__(self, model: Any, owner: Any) -> Any:
        return self if model is None else model.trainer.given.get(self.name)

    def __set__(self, model: Any, value: Any) -> None:
        model.trainer.loss = value if value is None or isinstance(value, OutputLosses) else Loss.get(value)
        model.trainer.given["loss"] = value  # as it was spelled


class Evaluate(Protocol):
    """Type of `model.evaluate`: see `Trainer.evaluate`."""

    @overload
    def __call__(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        *,
        return_dict: Literal[True],
    ) -> dict[str, float]: ...
    @overload
    def __call__(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_dict: bool = False,
    ) -> float | Any: ...  # a list of numbers where there are metrics


class Predict(Protocol):
    """Type of `model.predict`: see `Trainer.predict`."""

    @overload
    def __call__(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        *,
        return_jacobian: Literal[True],
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def __call__(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_jacobian: bool = False,
    ) -> np.ndarray | Any: ...  # a tuple of arrays where there are several outputs


class SecondOrderDoors:
    """A base of models: methods of `model.derivatives` under the same names."""

    ggn = door("derivatives", Derivatives.ggn)
    influence = door("derivatives", Derivatives.influence)
    self_influence = door("derivatives", Derivatives.self_influence)
    leverage = door("derivatives", Derivatives.leverage)
    cooks_distance = door("derivatives", Derivatives.cooks_distance)
    uncertainty = door("derivatives", Derivatives.uncertainty)


class ModelType(type):
    """The class of classes of models: a chain, too, is an instance of `Model`, as in Keras."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return issubclass(type(instance), cls)

    def __subclasscheck__(cls, subclass: type) -> bool:
        of_all = "_stands_for_all" in vars(cls) and isinstance(subclass, ModelType)
        return of_all or super().__subclasscheck__(subclass)
