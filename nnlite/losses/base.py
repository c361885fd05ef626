"""The contract of a loss: the distance of predictions from targets, and its derivative."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from nnlite.arrays.types import Array, ArrayLike, BatchShape, shaped, widened
from nnlite.arrays.weights import fitted_weights, mask_of
from nnlite.config import computed_type, floatx
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.jacobians import ComplexStepHessian, Composed, Contraction, Diagonal, Jacobian
from nnlite.kernels.reference.forms import LossForm
from nnlite.losses import forms
from nnlite.losses.call import GivenType, RunsPerRow, in_dtype, recorded_loss, trace_loss
from nnlite.losses.masks import counted_weights
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.tracing import Traced
from nnlite.registry import Configurable
from nnlite.registry.modules import NamedByClass, take_by_position

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Loss"]

BY_POSITION, OF_CLASSES = ("name", "reduction", "dtype"), ("reduction", "name", "dtype")  # as Keras orders them
CLASS_OF_FUNCTION: dict[int, type["Loss"]] = {}  # by the identity of a function such as `losses.mean_squared_error`


class Loss(NamedByClass, Configurable, family="loss", abstract=True):
    """A number that measures how far `y_pred` is from `y_true`. A subclass writes `call`, or `per_row`.

    `call(y_true, y_pred)` returns one loss per row, made of functions of `nnlite.ops` and operators; what it computes
    is recorded, and the record is the derivative. `per_row` returns the losses and their Jacobian.

    `forward(y_true, y_pred)` caches the Jacobian, `backward()` returns the derivative with respect to `y_pred`; calling
    the loss computes its value alone.

    Shape: y_pred `(batch, ..., units)`, or `(units,)`, a single row; y_true as `y_pred` (class numbers without the last
    axis); sample_weight a number, `(batch,)`, `(batch, 1)`, or any shape that broadcasts to `(batch, ...)`, that of the
    losses, with its first axes first; the result is a number, or `(batch, ...)` with reduction "none".

    Args:
        reduction: `"sum_over_batch_size"` (or `"mean"`) divides the weighted sum by the number of losses, weights of
            0 included, as Keras does; masked losses do not count. `"sum"` does not divide, `"mean_with_sample_weight"`
            divides by the sum of the weights, `"none"` (or None) returns one value per row.
        name: for display; by default the class name in snake case.
        dtype: floating-point type in which the loss is computed; that of the predictions when None.

    Raises:
        ShapeError: shapes that do not fit. A call repeats targets, but not classes, along axes of length 1.
        DataError: targets out of range.

    >>> from nnlite.losses import MeanSquaredError
    >>> loss = MeanSquaredError()
    >>> loss.forward([[1.0], [2.0]], [[1.5], [2.0]])
    0.125
    >>> loss.backward().tolist()
    [[0.5], [0.0]]
    """

    reduction: Literal["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None] = field(
        default="sum_over_batch_size", kw_only=True
    )
    name: str | None = field(default=None, kw_only=True)
    dtype: Literal["float16", "bfloat16", "float32", "float64"] | None = field(default=None, kw_only=True)

    jacobian = cast("Jacobian | None", None)  # of the last `forward`
    counts_zeros = True  # whether rows whose loss is 0 are counted in a mean
    compares_numbers: ClassVar[bool] = False  # whether the loss of a row is the mean of one for each number
    _factor = 1.0  # of `scaled`
    _adapts = forms.adapts
    axis = -1  # of the outputs that are compared as one row; a field where Keras has the argument
    target_kind: ClassVar[str] = "regression"
    from_logits = False  # whether predictions are logits, which `link` turns into probabilities
    link: ClassVar[type[ActivationFunction] | None] = None  # activation that makes predictions out of logits

    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {
        "per_row": ("call",),
        "total": ("per_row",),
        "row_hessian": ("per_row", "linearize"),
        **dict.fromkeys(("link", "step_form"), ("per_row", "total", "linearize")),
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and not cls._own_constructor:
            direct = Loss in cls.__bases__ and not cls.__module__.startswith("nnlite.")
            take_by_position(cls, BY_POSITION if direct else OF_CLASSES, {"dtype": computed_type})
        setattr(cls, GivenType.key, GivenType())  # after the fields' defaults were taken from the class

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any] | Callable[..., Any]") -> "Self":
        """As `Configurable.get`; a function of targets and predictions is also accepted, see `FunctionLoss`."""
        if isinstance(spec, (Loss, type)) or not callable(spec):
            return super().get(spec)  # type: ignore[arg-type]
        known = CLASS_OF_FUNCTION.get(id(spec))
        of_function: Any = cls._lookup("FunctionLoss")
        return cast("Self", of_function(spec) if known is None else known())

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values; `dtype` if it was given."""
        return {name: value for name, value in super().get_config().items() if name != "dtype" or value}

    def per_row(self, y_true: np.ndarray, y_pred: np.ndarray) -> tuple[Array, Jacobian]:
        """One loss per row of `y_pred`, shape `(batch, ...)`, and the Jacobian of these with respect to `y_pred`."""
        return trace_loss(self, y_true, y_pred)

    call = cast("Callable[..., Any] | None", RunsPerRow(per_row))

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray] | None:
        """`scale` * sum of weighted losses, and its gradient with respect to `y_pred`; None if that is not faster."""
        return None

    def step_form(self) -> LossForm | None:
        """Code of this loss for compiled code that runs whole steps; None if there is none."""
        return None

    def row_hessian(self, y_true: np.ndarray, y_pred: np.ndarray) -> Jacobian | None:
        """The Hessian of the sum of all losses with respect to `y_pred`, a block per row; None if not provided."""
        return None

    def output_hessian(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Jacobian:
        """The second derivative of this loss with respect to `y_pred`, a structured map from its shape to its shape.

        It is diagonal for losses of numbers and diag(p) - p p' for cross-entropies of logits, times what weights and
        reduction say. For a loss that states no such form, products are complex steps through its gradient.
        """
        return self.curvature(*self._fitted(y_true, y_pred, sample_weight))

    def curvature(
        self,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> Jacobian:
        """`output_hessian` for matching arrays; rows count as in `linearize`."""
        if self.reduction in ("none", None):
            raise ConfigError('a Hessian needs a single number: choose another reduction than "none"')
        rows = None if self._adapts(y_pred) else self.row_hessian(y_true, y_pred)
        if rows is None:

            def gradient(point: np.ndarray) -> np.ndarray:
                by_outputs: Any = self.linearize(y_true, point, sample_weight, mask)[1]
                return by_outputs.gradients

            return ComplexStepHessian(gradient, y_pred)
        weights, size = counted_weights(y_pred.shape[:-1], y_pred.dtype, sample_weight, mask)
        share = np.full((*y_pred.shape[:-1], 1), self.sum_factor(size, weights), y_pred.dtype)
        if weights is not None:
            share *= weights[..., None]
        return Composed(Diagonal(share, y_pred.shape, y_pred.shape), rows)

    def linearize(
        self,
        y_true: np.ndarray,
        y_pred: Array,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[Any, Jacobian]:
        """The reduced loss and its Jacobian with respect to `y_pred`, for matching arrays; pure.

        Rows where a `mask` of their shape is false do not count, neither in the sum nor in the number of rows.
        """
        if self._adapts(y_pred):
            return forms.linearize_adapted(self, y_true, y_pred, sample_weight, mask)
        single = self.reduction not in ("none", None)
        if single and type(self).total is not Loss.total:
            weights, size = counted_weights(y_pred.shape[:-1], y_pred.real.dtype, sample_weight, mask)
            quick = self.total(y_true, y_pred, self.sum_factor(size, weights), weights)
            if quick is not None:
                return quick[0], Contraction(quick[1], y_pred.ndim)
        losses, rows = self.per_row(y_true, y_pred)
        return self._reduced(losses, rows, sample_weight, mask)

    def _reduced(
        self, losses: Array, rows: Jacobian, sample_weight: np.ndarray | None, mask: np.ndarray | None
    ) -> tuple[Any, Jacobian]:
        """The result of `linearize` for `losses`, one per row or one for the batch, and their Jacobian."""
        single = self.reduction not in ("none", None)
        if not losses.ndim and sample_weight is not None:
            losses, rows = forms.spread(losses, rows, sample_weight.shape)
        if not self.counts_zeros:
            mask = losses.real > 0 if mask is None else mask & (losses.real > 0)
        shape = losses.shape
        weights, size = counted_weights(shape, losses.real.dtype, sample_weight, mask)
        if weights is not None:
            losses = losses * weights
        if not single:
            return losses, rows if weights is None else Composed(Diagonal(weights, shape, shape), rows)
        scale = self.sum_factor(size, weights)
        gradient = rows.vjp(np.full(shape, scale, losses.dtype) if weights is None else weights * scale)
        return np.add.reduce(losses, axis=None).item() * scale, Contraction(gradient, gradient.ndim)

    _row_axis = property(lambda self: self.axis)  # the axis of the outputs over which there is one loss

    def sum_factor(self, size: int, weights: np.ndarray | None) -> float:
        """The factor of the sum of all losses."""
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            return self._factor / (float(weights.sum()) or 1)
        return self._factor / (1 if self.reduction == "sum" else max(size, 1))

    def forward(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """The loss; the Jacobian with respect to `y_pred` is kept for `backward` and `jvp`."""
        value, self.jacobian = self._linearized(y_true, y_pred, sample_weight)
        return value

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """The loss, without keeping anything. That of traced numbers is recorded, like an op."""
        mask, outputs = mask_of(y_pred), y_pred
        if self.target_kind != "sparse" and not self._takes_any:
            y_true, y_pred = forms.operands(y_true, y_pred, type(self).read_targets is Loss.read_targets)
        if isinstance(y_pred, dict) or any(isinstance(one, Traced) for one in (y_true, y_pred, sample_weight)):
            return recorded_loss(self, y_true, y_pred, sample_weight)
        return in_dtype(self, self._linearized(y_true, y_pred, sample_weight, mask)[0], outputs)

    def _linearized(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any = None) -> tuple[Any, Jacobian]:
        """`linearize` of user data, possibly a single row."""
        if np.ndim(y_pred) != 1:
            return self.linearize(*self._fitted(y_true, y_pred, sample_weight), mask)
        if np.shape(sample_weight)[:1] == np.shape(y_pred) != (1,):  # a weight for each number, not for the row
            sample_weight = np.asarray(sample_weight).reshape(1, -1)
        return forms.linearize_single(self, mask, self._fitted([y_true], np.atleast_2d(y_pred), sample_weight))

    def backward(self, jacobian: ArrayLike = 1) -> np.ndarray:
        """The derivative with respect to `y_pred`, from that with respect to this loss. Shape: that of `y_pred`."""
        cached = self._cached()
        if np.shape(jacobian) not in ((), cached.out_shape):
            raise ShapeError(f"{self!r}.backward expects the shape {cached.out_shape}, got {np.shape(jacobian)}")
        return cached.vjp(np.full(cached.out_shape, jacobian, dtype=cached.dtype))

    def jvp(self, tangent: ArrayLike) -> Any:
        """The change of the loss for the change `tangent` of `y_pred`."""
        cached, tangent = self._cached(), np.asarray(tangent)
        if tangent.shape[tangent.ndim - len(cached.in_shape) :] != cached.in_shape:
            raise ShapeError(f"{self!r}.jvp expects a tangent of shape {cached.in_shape}, got {tangent.shape}")
        return cached.jvp(tangent)

    def _cached(self):
        if self.jacobian is None:
            raise NotReadyError(f"{self!r} has no Jacobian yet: call forward(y_true, y_pred) first")
        return self.jacobian

    def _fitted(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        outputs: Array = np.asarray(y_pred)
        if outputs.dtype.kind not in "fc":
            outputs = outputs.astype(floatx())
        targets, weights = self.prepare_targets(y_true, outputs.shape, outputs.real.dtype), None
        if len(targets) != len(outputs):
            raise ShapeError(f"{type(self).__name__}: {len(targets)} targets for {len(outputs)} predictions")
        if sample_weight is not None:
            shape = forms.shape_of_rows(self, outputs, np.shape(sample_weight), type(self).per_row is Loss.per_row)
            weights = fitted_weights(sample_weight, shape).astype(outputs.real.dtype, copy=False)
        return targets, outputs, weights

    def prepare_targets(self, y_true: ArrayLike, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        """Targets in the form that this loss compares with outputs of `output_shape`, whose batch length is ignored.

        Raises:
            ShapeError, DataError: targets that do not fit, are not finite or out of range.
        """
        if len(output_shape) < 2:
            raise ShapeError(f"{type(self).__name__} needs outputs of shape (batch, ..., units), got {output_shape}")
        targets = widened(np.asarray(y_true))
        if targets.dtype.kind not in "biuf":
            raise DataError(f"{type(self).__name__} needs numbers as targets, got {targets.dtype}; encode labels first")
        forms.check_finite(targets, "")
        with np.errstate(over="ignore"):
            fitted = self.read_targets(targets, tuple(output_shape), dtype)
        forms.check_finite(fitted, f" in {np.dtype(dtype)}")
        return fitted

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        """`prepare_targets` after the checks that every loss needs."""
        if self.compares_numbers and targets.ndim == len(output_shape) - 1 and output_shape[-1] == 1:
            targets = targets[..., None]
        return shaped(self, targets, output_shape, self._takes_any).astype(dtype, copy=False)

    @property
    def _takes_any(self) -> bool:
        """Whether targets of any shape go to `call`, which a user has written, as class or as function."""
        return type(self).read_targets is Loss.read_targets and not isinstance(type(self).call, RunsPerRow)

    def from_outputs_of(self, activation: ActivationFunction) -> "Loss | None":
        """This loss as a function of the inputs of the final `activation`, if that is more exact; else None."""
        is_link = self.link is not None and type(activation).linearize is self.link.linearize
        if not is_link or self.from_logits or not activation.along_last_axis or self.axis != -1:
            return None
        twin = copy.copy(self)
        twin.from_logits = True
        return twin


take_by_position(Loss, BY_POSITION, {"dtype": computed_type})
