"""Sums of values, and metrics made of functions: user-defined ones, or scikit-learn's."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import losses
from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError, needed_for
from nnlite.kernels import sigmoid
from nnlite.metrics.base import Average, Metric
from nnlite.metrics.state.numbers import state_number
from nnlite.metrics.state.variables import weights_of_values
from nnlite.registry import NamedFunction, snake_case
from nnlite.registry.field_types import jsonable
from nnlite.registry.functions import custom_function, function_form, is_function_form

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MeanMetricWrapper", "SklearnMetric", "Sum", "sklearn_metric"]


class Sum(Metric):
    """Sum of given values: `sum(sample_weight * values)`.

    Shape: values (batch, ...) or a scalar; sample_weight a number, (batch,), or any that broadcasts to the values.

    >>> Sum()([1, 3, 5, 7])
    16.0
    """

    total = state_number("total", "Weighted sum of the values.")
    _masked = 0
    _state = ("total",)

    def reset_state(self) -> None:
        self._total: float = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values."""
        values = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if sample_weight is not None:
            values = values * weights_of_values(self, sample_weight, values.shape)
        self._total += float(values.sum())

    def result(self) -> float:
        return self._total


class MeanMetricWrapper(Average):
    """The mean of a function of targets and predictions; made by `compile(metrics=[function])`.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)` returns one value, or several, for each sample, or one for the batch, which
            then counts once. It is kept in files by its name, if it is registered by `register_function`.
        name: key in the logs, `mean_metric_wrapper` when None; `compile` calls it after the function.
        dtype: see `Metric`.
        options: further arguments of the function; `**kwargs` are added to them.

    >>> MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="mae")([1, 2], [1, 4])
    1.0
    """

    def __init__(
        self,
        fn: Callable[..., Any] | str,
        name: str | None = None,
        dtype: str | None = None,
        options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.fn, self.options = NamedFunction.get(_known_function(fn)), {**(options or {}), **kwargs}

    @classmethod
    def called_after(cls, fn: Callable[..., Any]) -> "MeanMetricWrapper":
        """The metric of a function, with the function's name in snake case; that of a loss has the loss's name."""
        if isinstance(fn, losses.Loss):
            return cls(fn, fn.name)
        return cls(fn, snake_case(re.sub(r"\W", "", repr(NamedFunction.get(fn)).rpartition(".")[2])))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        values = np.asarray(self.fn(np.asarray(y_true), np.asarray(y_pred), **self.options))
        if values.ndim:
            self.accumulate(values, sample_weight)
        else:
            self._total += float(values)
            self._count += 1

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Self":
        """The metric of `get_config`."""
        if cls is not MeanMetricWrapper:
            return super().from_config(config)
        arguments = {key: config[key] for key in ("fn", "name", "dtype", "options") if key in config}
        further = {key: value for key, value in config.items() if key not in arguments}
        return super().from_config({**arguments, "options": {**(arguments.get("options") or {}), **further}})

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values, those of the function beside them."""
        function = jsonable(self.fn)
        named = function_form(function) if isinstance(function, str) else function
        return {"name": self.name, "dtype": self.dtype, "fn": named, **jsonable(self.options)}

    def _arguments(self) -> dict[str, Any]:
        return {"fn": self.fn, "name": self.name, "dtype": self.dtype, "options": jsonable(self.options)}


def _known_function(function: Any) -> Any:
    """A function, or the name of a user-defined one, unchanged; the name of a loss becomes its function."""
    name = function["config"] if is_function_form(function) else function
    if not isinstance(name, str) or custom_function(name) is not None:
        return function
    room: Any = losses  # which loads its functions when they are asked for, as here
    return room.functions.FUNCTIONS.get(name, function)


class SklearnMetric(Metric):
    """A scorer of scikit-learn: predictions are collected, and scored together when the result is requested.

    Scorers of classes get the most probable class (one output: 1 where it is above 0.5), those of probabilities the
    outputs. Larger is better for all scorers, which is why errors are negative.

    Args:
        scorer: its name in scikit-learn, such as `"balanced_accuracy"` or `"neg_mean_absolute_error"`.
        from_logits: whether predictions are logits, which are turned into probabilities.

    >>> sklearn_metric("balanced_accuracy")([0, 0, 0, 1], [[0.1], [0.2], [0.6], [0.9]])
    0.8333333333333333
    """

    higher_is_better = True
    scorer: str
    from_logits: bool = False

    def __post_init__(self) -> None:
        with needed_for("metrics of scikit-learn are computed by it", "scikit-learn"):
            from sklearn.metrics import get_scorer
        try:
            self._scorer: Any = get_scorer(self.scorer)
        except ValueError as error:
            raise ConfigError(str(error), (type(self).__name__, "scorer")) from None
        self.name = self.scorer if self.name is None else self.name
        super().__post_init__()

    _memory = ("_batches",)

    def reset_state(self) -> None:
        self._batches: list[tuple[np.ndarray, np.ndarray, Any]] = []

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = np.array(y_true), np.array(y_pred, dtype=np.float64)
        if not y_true.ndim or not y_pred.ndim or len(y_true) != len(y_pred):
            raise ShapeError(f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}")
        weight = None if sample_weight is None else self.weights(sample_weight, len(y_pred))
        self._batches.append((y_true, y_pred, weight))

    def result(self) -> float:
        batches = [batch for batch in self._batches if len(batch[0])]
        if not batches:
            return 0.0
        y_true, y_pred = (np.concatenate([batch[part] for batch in batches]) for part in (0, 1))
        weights = [np.ones(len(batch[0])) if batch[2] is None else batch[2] for batch in batches]
        weighted = any(batch[2] is not None for batch in batches)
        named = {"sample_weight": np.concatenate(weights)} if weighted else {}
        scorer = self._scorer
        if scorer._score_func.__module__.endswith("_regression"):
            one = y_pred.ndim == 2 and y_pred.shape[1] == 1
            y_pred, y_true = (y_pred[:, 0], y_true.reshape(-1)) if one else (y_pred, y_true)
        else:
            y_true, y_pred = self._classes(y_true, y_pred)
        return float(scorer._sign * scorer._score_func(y_true, y_pred, **scorer._kwargs, **named))

    def _classes(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Class numbers, and what the scorer compares with them: class numbers or probabilities."""
        single = y_pred.ndim == 1 or y_pred.shape[-1] == 1
        if single:
            y_true, chance = y_true.reshape(-1), y_pred.reshape(-1)
            chance = sigmoid(chance) if self.from_logits else chance
            labels, shares = (chance > 0.5).astype(int), chance
        else:
            if self.from_logits:
                y_pred = np.exp(y_pred - y_pred.max(-1, keepdims=True))
                y_pred = y_pred / y_pred.sum(-1, keepdims=True)
            y_true = y_true.argmax(-1) if y_true.shape == y_pred.shape else y_true.reshape(-1)
            labels, shares = y_pred.argmax(-1), y_pred[:, 1] if y_pred.shape[1] == 2 else y_pred
        methods = self._scorer._response_method
        return y_true, labels if methods == "predict" or methods[0] == "predict" else shares


def sklearn_metric(scorer: str, name: str | None = None, from_logits: bool = False) -> SklearnMetric:
    """The metric for a scikit-learn scorer, by its name, for `compile` or on its own; see `SklearnMetric`."""
    return SklearnMetric(scorer, from_logits, name=name)
