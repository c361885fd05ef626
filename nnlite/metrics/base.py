"""Metric, the interface of all metrics; Average, the weighted mean over samples; Mean of given values."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.arrays.weights import fitted_weights
from nnlite.config import computed_type, floatx
from nnlite.errors import ShapeError
from nnlite.initializers import Initializer
from nnlite.metrics.state.kinds import check_gathered
from nnlite.metrics.state.numbers import state_number
from nnlite.metrics.state.variables import MetricVariable, listed, named, of_recorded, set_state, with_numbers
from nnlite.registry import Configurable
from nnlite.registry.modules import NamedByClass, take_by_position

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Average", "Mean", "Metric"]


class Metric(NamedByClass, Configurable, family="metric"):
    """A metric accumulated over batches: `update_state` adds a batch, `result` is the value so far.

    A subclass writes `update_state`, `result` and `reset_state`, and says by the class attribute
    `higher_is_better` which way is up, for callbacks that monitor it (None: their `mode` must say it). Or it makes its
    state by `add_variable` in its constructor, as with Keras; then it needs no `reset_state`.

    Args:
        name: key in the logs and in the history; by default the class name in snake case.
        dtype: of `variables`, as with Keras; by default that of `config.floatx()`. Sums are taken in float64.
    """

    _positional: ClassVar[tuple[str, ...] | None] = None  # in Keras's order; None: those of the class, name, dtype
    _masked: ClassVar[int | None] = None  # the position of the data whose mask is a factor of the weights
    takes_logits: ClassVar[bool] = False  # whether logits give the same result as probabilities
    _default_dtype: ClassVar[str | None] = None  # where it is not `floatx()`
    _rounds: ClassVar[bool] = True  # whether a dtype of 16 bits is that of state and result, as it is in Keras
    _state: ClassVar[tuple[str, ...]] = ()  # the attributes that `reset_state` sets
    _memory: ClassVar[tuple[str, ...]] = ()  # further ones, which are not arrays
    adds_up: ClassVar[bool] = False  # whether several batches passed as one give the same result as in sequence
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = dict.fromkeys(("takes_logits", "adds_up"), ("update_state",))
    higher_is_better: ClassVar[bool | None] = None
    name: str | None = field(default=None, kw_only=True)
    dtype: str | None = field(default=None, kw_only=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and not cls._own_constructor:
            take_by_position(cls, ("name", "dtype"), {"dtype": computed_type})
        for method, wrapper in (("update_state", of_recorded), ("result", with_numbers)):
            if method in vars(cls):
                setattr(cls, method, wrapper(vars(cls)[method]))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dtype = self.dtype or self._default_dtype or floatx()
        self._added: list[MetricVariable] = []
        # A user-defined constructor has yet to make the variables that its own `reset_state` is about.
        classes = [base for base in type(self).__mro__ if "reset_state" in vars(base)]
        ours = [base for base in classes if base.__module__.startswith("nnlite.")]
        (ours if self._own_constructor else classes)[0].reset_state(self)

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any] | Callable[..., Any]") -> "Self":
        """As `Configurable.get`; a function becomes a `MeanMetricWrapper`.

        A metric asked for by a name, such as `mse`, is logged under that name.
        """
        if callable(spec) and not isinstance(spec, (Metric, type)):
            wrapper: Any = cls._lookup("MeanMetricWrapper")
            return wrapper.called_after(spec)
        described: Any = spec
        metric = super().get(described)
        if isinstance(spec, str):
            metric.name = spec
        return metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add one batch.

        Args:
            y_true: targets.
            y_pred: predictions, of the shape of `y_true` up to a last axis of size 1.
            sample_weight: weight of each sample, shape (batch,); all 1 by default.

        Raises:
            ShapeError: shapes that do not fit; nothing is broadcast.
        """
        raise NotImplementedError

    def result(self) -> float:
        """The value over all batches since `reset_state`; 0.0 before the first."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Discard all batches: set the variables of `add_variable` to 0, and reset metrics that are attributes."""
        for variable in self._added:
            variable[...] = 0
        for inner in vars(self).values():
            if isinstance(inner, Metric):
                inner.reset_state()

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str | None = None,
    ) -> MetricVariable:
        """Add an array with `assign` and `assign_add` to the metric's state; called in the constructor.

        Args:
            shape: its shape.
            initializer: an `Initializer` or its name: the values until `reset_state`, which sets 0 as Keras does.
            dtype: `config.floatx()` when None, as in Keras: counts beyond 2**24 need float64 or an integer dtype.
            name: shown in `variables`; `variable`, `variable_1` and so on by default.
        """
        generator = np.random.default_rng(0)
        initial = Initializer.get(initializer)(tuple(shape), dtype=dtype or floatx(), generator=generator)
        number = sum(variable.name.startswith("variable") for variable in self._added)
        variable = named(initial, name or (f"variable_{number}" if number else "variable"), str(self.name))
        self._added.append(variable)
        return variable

    add_weight = add_variable

    @property
    def _listed(self) -> dict[str, str]:
        """The attributes that `variables` shows, and their names there."""
        return {name: name for name in self._state}

    @property
    def _known(self) -> list[str]:
        """The attributes of them that have a shape, which is some only after the first batch."""
        return [*self._listed]

    @property
    def variables(self) -> list[np.ndarray]:
        """The state, as arrays with a `name`: copies in `dtype`, and the variables of `add_variable` themselves."""
        states = [listed(self, key, self._listed[key]) for key in self._known]
        inner = [variable for one in vars(self).values() if isinstance(one, Metric) for variable in one.variables]
        return [*states, *self._added, *inner]

    def _repr_arguments(self) -> dict[str, Any]:
        """A dtype that is the default one is not shown."""
        plain = self.dtype == (self._default_dtype or floatx())
        return {name: value for name, value in super()._repr_arguments().items() if not (plain and name == "dtype")}

    def stateless_update_state(self, metric_variables: Sequence[ArrayLike], *batch: Any, **options: Any) -> list[Any]:
        """The `variables` after `update_state` with a batch, starting from these.

        >>> mean = Mean()
        >>> [array.item() for array in mean.stateless_update_state(mean.variables, [1.0, 5.0])], mean.result()
        ([6.0, 2.0], 0.0)
        """
        twin = self._with_variables(metric_variables)
        twin.update_state(*batch, **options)
        return twin.variables

    def stateless_result(self, metric_variables: Sequence[ArrayLike]) -> Any:
        """The `result` for these `variables`."""
        return self._with_variables(metric_variables).result()

    def stateless_reset_state(self) -> list[Any]:
        """The `variables` after `reset_state`."""
        twin = copy.deepcopy(self)
        twin.reset_state()
        return twin.variables

    def _with_variables(self, values: Sequence[ArrayLike]) -> "Self":
        """A copy whose `variables` are these; `ShapeError` for another number of them."""
        twin, count, names = copy.deepcopy(self), len(self.variables), self._known
        if len(values) not in (count, count + len(self._listed) - len(names)):
            raise ShapeError(f"{self.name} has {count} variables, got {len(values)}")
        names = names if len(values) == count else [*self._listed]
        for name, value in zip(names, values, strict=False):
            set_state(twin, name, value)
        rest = iter(values[len(names) :])
        for variable in twin._added:
            variable.assign(next(rest))
        for key, inner in vars(twin).items():
            if isinstance(inner, Metric):
                setattr(twin, key, inner._with_variables([next(rest) for _ in inner.variables]))
        return twin

    def get_state(self) -> dict[str, Any]:
        """The state accumulated by `update_state` so far, for checkpoints within an epoch."""
        return {name: copy.copy(getattr(self, name)) for name in self._gathered}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` returned; `ConfigError` for the state of another metric."""
        check_gathered(state, self.get_state(), str(self.name), type(self).__module__.startswith("nnlite."))
        for name, value in state.items():
            variable = getattr(self, name)
            if isinstance(variable, MetricVariable) and variable.stored is None:
                variable[...] = value
            else:
                setattr(self, name, value)

    @property
    def _gathered(self) -> list[str]:
        """The attributes that batches change: those declared; of a user-defined class, all that are not arguments."""
        if type(self).__module__.startswith("nnlite."):
            return [*self._state, *self._memory]
        arguments = self.get_config()
        return [name for name in vars(self) if name not in arguments and name != "_added"]

    def __call__(self, *batch: Any, **options: Any) -> float:
        """`update_state`, then `result`."""
        self.update_state(*batch, **options)
        return self.result()

    def aligned(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Both as arrays of one shape, without a trailing axis of size 1 that only one of them has."""
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape != y_pred.shape:
            if (*y_true.shape, 1) == y_pred.shape:
                y_pred = y_pred[..., 0]
            elif (*y_pred.shape, 1) == y_true.shape:
                y_true = y_true[..., 0]
        if y_true.shape != y_pred.shape or y_true.ndim == 0:
            raise ShapeError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}; both must be "
                "(batch, ...) and equal, up to a last axis of size 1"
            )
        return y_true, y_pred

    def weights(self, sample_weight: ArrayLike, batch_size: int) -> np.ndarray:
        """`sample_weight` as an array of shape (batch_size,), or `ShapeError`."""
        return fitted_weights(sample_weight, (batch_size,), str(self.name))


class Average(Metric, abstract=True):
    """Base of metrics that are a weighted mean over samples: `result = total / count`."""

    total = state_number("total", "Weighted sum of the values, in double precision.")
    count = state_number("count", "Sum of the weights, in double precision: one in float32 would stop at 2**24.")
    _masked = 1
    _state = ("total", "count")
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"adds_up": ("accumulate",)}

    def reset_state(self) -> None:
        self._total: float = 0.0
        self._count: float = 0

    def result(self) -> float:
        return self._total / self._count if self._count else 0.0

    def accumulate(self, values: np.ndarray, sample_weight: ArrayLike | None = None) -> None:
        """Add the mean of `values` within each sample, weighted by `sample_weight`.

        Shape: values (batch, ...), numbers or booleans; sample_weight a number, which counts the batch once as in
        Keras, (batch,), or any that broadcasts to the first axes of the values: the weights of steps.
        """
        batch_size = len(values)
        if batch_size and sample_weight is not None and not np.ndim(sample_weight):
            values, batch_size = values.mean(dtype=np.float64).reshape(1), 1
        if sample_weight is not None:
            weight = fitted_weights(sample_weight, values.shape, str(self.name))
            inner = tuple(range(weight.ndim, values.ndim))
            per_weight = values.mean(axis=inner) if inner else values
            share = batch_size / weight.size if batch_size else 1.0
            self._total += float(np.vdot(weight, per_weight)) * share
            self._count += float(weight.sum(dtype=np.float64)) * share
        elif batch_size:
            is_boolean = values.dtype.kind == "b"
            total = np.count_nonzero(values) if is_boolean else np.add.reduce(values, axis=None, dtype=np.float64)
            self._total += float(total) * batch_size / values.size
            self._count += batch_size


class Mean(Average):
    """Mean of given values: `sum(sample_weight * values) / sum(sample_weight)`.

    Shape: values (batch, ...) or a scalar; sample_weight (batch,) or a scalar.

    >>> Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    2.0
    """

    _masked = 0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, or one value that already is the mean over `sample_weight` samples."""
        weight = 1 if sample_weight is None else sample_weight
        numbers = isinstance(values, float) and isinstance(weight, int)  # as in each step; `np.ndim` takes 1 us each
        if numbers or not (np.ndim(values) or np.ndim(weight)):
            self._total += float(values * weight)
            self._count += weight
        else:
            self.accumulate(np.atleast_1d(values), sample_weight)


take_by_position(Metric, ("dtype", "name"), {"dtype": computed_type})
