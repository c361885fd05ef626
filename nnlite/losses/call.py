"""The method `call` of losses: recorded if a class writes it, derived if it writes `per_row`."""

import copy
import functools
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np

from nnlite import tree
from nnlite.arrays.types import BFLOAT16, dtype_of
from nnlite.arrays.weights import fitted_weights
from nnlite.config import floatx
from nnlite.errors import ShapeError
from nnlite.jacobians import Jacobians
from nnlite.jacobians.maps.base import Jacobian
from nnlite.losses.masks import counted_weights
from nnlite.losses.numerical import numerical_gradient
from nnlite.ops.names.pointwise import divide_no_nan
from nnlite.ops.plain.numbers import as_result
from nnlite.ops.plain.results import in_floatx
from nnlite.ops.tracing import Trace, Traced, call_traced

__all__ = []

MUST_RETURN = "call must return what functions of nnlite.ops and operators make of y_pred"


def trace_loss(loss: Any, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[np.ndarray, Jacobian]:
    """`loss.call(y_true, y_pred)`: one loss per row, or one for the batch, and its Jacobian by `y_pred`."""
    trace = Trace()
    name, expected = type(loss).__name__, f"{MUST_RETURN}, one loss per row, shape ({len(y_pred)}, ...)"
    predicted = trace.variable(y_pred)
    losses = call_traced(name, expected, lambda: loss.call(y_true, predicted))
    if not isinstance(losses, Traced):
        raise ShapeError(
            f"{name}: {expected}, got {type(losses).__name__}: it has no derivative with respect to y_pred"
        )
    if losses.shape and losses.shape[:1] != y_pred.shape[:1]:
        raise ShapeError(
            f"{name}: {expected}, or one for the batch, shape (), got {losses.shape}; take means over axis=-1"
        )
    return losses.value, cast(Jacobian, trace.jacobians(losses)[0])


def recorded_loss(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The value of a loss of traced predictions or targets, with its derivatives with respect to those traced."""
    if isinstance(sample_weight, Traced):
        return _weighted(loss, y_true, y_pred, sample_weight)
    if isinstance(y_pred, dict):
        return _loss_of_dicts(loss, y_true, y_pred, sample_weight)
    pair = (y_true, y_pred)
    trace = next(item for item in pair if isinstance(item, Traced)).trace
    targets, outputs = (trace._own(item).value if isinstance(item, Traced) else item for item in pair)
    value, by_outputs = loss._linearized(targets, outputs, sample_weight)
    maps = [(y_pred, by_outputs)] if isinstance(y_pred, Traced) else []
    if isinstance(y_true, Traced) and y_true.dtype.kind == "f":
        maps.append((y_true, by_targets(loss, targets, outputs, sample_weight)))
    if not maps:  # integer targets alone are traced: nothing to differentiate with respect to
        return in_dtype(loss, value, y_pred)
    sources, jacobians = zip(*maps, strict=True)
    output = np.asarray(value, sources[0].value.dtype)
    return trace.note(loss, output, Jacobians(*jacobians), [source.slot for source in sources])


def _weighted(loss: Any, y_true: Any, y_pred: Any, sample_weight: Traced) -> Any:
    """The loss with traced weights, such as an input of a layer, also derived with respect to them."""
    rows = copy.copy(loss)
    rows.reduction = "none"
    losses = rows(y_true, y_pred)
    if not losses.ndim:  # one loss for the whole batch, which each weight weighs
        losses = losses * np.ones(sample_weight.shape, losses.dtype)
    fitted_weights(sample_weight.value, losses.shape, type(loss).__name__)  # refuses those of another shape
    shape = (*sample_weight.shape[: losses.ndim], *(1,) * (losses.ndim - sample_weight.ndim))
    weights = sample_weight.reshape(shape) * np.ones(losses.shape, losses.dtype)
    weighted = losses * weights
    if loss.reduction in ("none", None):
        return weighted
    total = weighted.sum()
    if loss.reduction == "mean_with_sample_weight":
        return divide_no_nan(total, weights.sum()) * loss._factor
    size = losses.size if loss.counts_zeros else np.count_nonzero(losses != 0)
    return total * loss.sum_factor(int(size), None)


def _loss_of_dicts(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The loss of dicts of arrays or traced values, which `loss.call` takes as they are."""
    losses = loss.call(*(tree.map_structure(_as_operand, part) for part in (y_true, y_pred)))
    if sample_weight is not None:
        sample_weight = fitted_weights(sample_weight, losses.shape).astype(losses.dtype)
    weights, size = counted_weights(losses.shape, losses.dtype, sample_weight, None)
    weighted = losses if weights is None else losses * weights
    single = loss.reduction not in ("none", None)
    return weighted.sum() * loss.sum_factor(size, weights) if single else weighted


def _as_operand(value: Any) -> Any:
    return value if isinstance(value, Traced) else np.asarray(value)


def by_targets(loss: Any, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> Jacobian:
    """The Jacobian of a loss with respect to `y_true`, such as the outputs of another network.

    That of a loss in which targets and predictions are exchangeable is the one with respect to predictions; that of
    others is found by differences in float64, four evaluations for each column.
    """
    targets, outputs, weights = loss._fitted(y_true, y_pred, sample_weight)
    if targets.shape != np.shape(y_true) or targets.ndim < 2:
        raise ShapeError(
            f"{type(loss).__name__}: targets that depend on weights need the shape of the predictions, "
            f"{outputs.shape}, got {np.shape(y_true)}; reshape them, or detach them by ops.stop_gradient"
        )
    if vars(type(loss)).get("exchangeable"):  # said by the class itself, not by one that it changes
        return loss.linearize(outputs, targets, weights)[1]
    rows, wide = copy.copy(loss), outputs.astype(np.float64)
    rows.reduction = "none"
    losses, by_rows = numerical_gradient(lambda point: rows.linearize(point, wide)[0], targets)
    return loss._reduced(losses, by_rows, weights, None)[1]


class RunsPerRow:
    """The method `call` of a class that writes `per_row`: one loss per row; subclasses may use it in their own `call`.

    That of a class that has neither raises NotImplementedError.

    Args:
        recorded: the `per_row` that runs `call`.
    """

    def __init__(self, recorded: Callable[..., Any]) -> None:
        self.recorded = recorded

    def __get__(self, loss: Any, owner: type) -> Any:
        if loss is None:
            return self
        written = (vars(base).get("per_row") for base in owner.__mro__)
        per_row = next((method for method in written if method not in (None, self.recorded)), None)
        return functools.partial(self.run, loss, per_row)

    def run(self, loss: Any, per_row: Callable[..., Any] | None, y_true: Any, y_pred: Any) -> Any:
        """The losses of the rows; recorded if predictions are traced."""
        if per_row is None:
            raise NotImplementedError(f"{type(loss).__name__} must define call or per_row(y_true, y_pred)")
        if isinstance(y_pred, dict):
            raise ShapeError(
                f"{type(loss).__name__} compares arrays, got a dict: give compile one loss for each output"
            )
        if isinstance(y_pred, Traced):
            return y_pred.trace.apply(loss, lambda value: per_row(loss, y_true, value), y_pred)
        targets, outputs, _ = loss._fitted(y_true, y_pred, None)
        return per_row(loss, targets, outputs)[0]


def given_dtype(loss: Any) -> str | None:
    """The argument `dtype` of a loss; None for the dtype of the predictions."""
    dtype: str | None = vars(loss)[GivenType.key]
    return dtype


def computation_type(loss: Any) -> str | None:
    """`given_dtype`, or float32 for bfloat16, which NumPy does not compute with."""
    dtype = given_dtype(loss)
    return "float32" if dtype == BFLOAT16 else dtype


def in_dtype(loss: Any, value: Any, y_pred: Any) -> Any:
    """The result of a loss in its `dtype`, or, where none was given, in the type of predictions that have one."""
    kind = given_dtype(loss) or floatx()
    return np.asarray(value, dtype_of(kind))[()] if kind != floatx() else in_floatx(as_result(value), (y_pred,))


class GivenType:
    """The attribute `dtype` of a loss, which is `config.floatx()` if none was given, as in Keras."""

    key: ClassVar[str] = "dtype"

    def __get__(self, loss: Any, owner: type) -> Any:
        return self if loss is None else vars(loss).get(self.key) or floatx()

    def __set__(self, loss: Any, value: Any) -> None:
        vars(loss)[self.key] = value
