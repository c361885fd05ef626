"""Penalties on the size of parameters, added to the loss."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, cast

import numpy as np

from nnlite.arrays.types import ArrayLike, is_floating
from nnlite.config import floatx
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops.tracing import Trace, Traced
from nnlite.registry import Configurable, NamedFunction, modules
from nnlite.registry.bounds import NonNegative
from nnlite.registry.fields import Settled, option


class Regularizer(Configurable, family="regularizer"):
    """A penalty on the values of one parameter and its gradient.

    A subclass writes `penalty` and `add_gradient`, or `__call__(values)` out of functions of `nnlite.ops`.

    >>> Regularizer.get({"L2": {"l2": 0.5}})(np.array([1.0, 2.0])).item()
    2.5
    """

    _of_functions = "FunctionRegularizer"
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"strengths": ("penalty", "add_gradient")}

    def __call__(self, values: ArrayLike) -> np.floating:
        """`penalty` as a number of the type of the values."""
        array = np.asarray(values)
        return np.dtype(array.dtype if is_floating(array.dtype) else floatx()).type(self.penalty(array))

    def strengths(self) -> tuple[float, float] | None:
        """The factors of the sum of absolute values and of the sum of squares; None if the penalty has another form."""
        return None

    def penalty(self, values: np.ndarray) -> float:
        """The penalty that is added to the loss, for values of any shape."""
        return 0.0 if type(self).__call__ is Regularizer.__call__ else float(np.asarray(self(values)))

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        """Add d penalty / d values to `gradient` in place; both have the same shape."""
        if type(self).__call__ is not Regularizer.__call__:
            _add_recorded(self, self, values, gradient)


class FunctionRegularizer(Regularizer):
    """The penalty given by a user-defined function, made of operators and functions of `nnlite.ops`.

    Its derivative is recorded.

    Args:
        function: from the values to a single number; kept in files by its name, if `register_function` knows it.

    Raises:
        ShapeError: it does not return a scalar.

    >>> from nnlite import ops
    >>> penalty = Regularizer.get(lambda values: 0.5 * ops.sum(ops.square(values)))
    >>> gradient = np.zeros(2)
    >>> penalty.add_gradient(np.array([1.0, 2.0]), gradient)
    >>> penalty(np.array([1.0, 2.0])).item(), gradient.tolist()
    (2.5, [1.0, 2.0])
    """

    function: NamedFunction

    def penalty(self, values: np.ndarray) -> float:
        return float(np.asarray(self.function(values)))

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        _add_recorded(self, self.function, values, gradient)


def _add_recorded(owner: Regularizer, function: Callable[[Any], Any], values: np.ndarray, gradient: np.ndarray) -> None:
    """Add the derivative of what a function of `nnlite.ops` computes."""
    trace = Trace()
    penalty = function(trace.variable(values))
    if not isinstance(penalty, Traced) or penalty.size != 1:
        raise ShapeError(f"{owner!r} must return a single number, made of functions of nnlite.ops")
    gradient += trace.jacobians(penalty).vjp(np.ones(penalty.shape, penalty.dtype))[0]


class NormPenalty(Regularizer, abstract=True):
    """Base of the penalties `l1 * sum(abs(values)) + l2 * sum(values**2)`."""

    l1 = cast(Any, 0.0)
    l2 = cast(Any, 0.0)

    def validate(self) -> None:
        for name in ("l1", "l2"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(type(self), name))
        if not np.isfinite(self.strengths()).all():
            raise ConfigError(
                f"the strength of a penalty must be finite, got {self.strengths()}", (type(self).__name__,)
            )

    def strengths(self) -> tuple[float, float]:
        return self.l1, self.l2

    def penalty(self, values: np.ndarray) -> float:
        total = 0.0
        if self.l1:
            total += self.l1 * float(np.abs(values).sum())
        if self.l2:
            total += self.l2 * float(np.vdot(values, values))
        return total

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        if self.l1:
            gradient += self.l1 * np.sign(values)
        if self.l2:
            gradient += (2.0 * self.l2) * values


class L1(NormPenalty):
    """`penalty = l1 * sum(abs(values))`: drives values to exactly zero, where its gradient is taken as zero.

    Args:
        l1: strength, >= 0; the default if None.

    >>> import numpy as np
    >>> float(L1(0.1)(np.array([1.0, -3.0])))
    0.4
    """

    l1: Settled[NonNegative] = option(default=0.01)


class L2(NormPenalty):
    """`penalty = l2 * sum(values**2)`: keeps values small.

    The `weight_decay` of PyTorch's SGD and Adam is this with `l2 = weight_decay / 2`.

    Args:
        l2: strength, >= 0; the default if None.

    >>> import numpy as np
    >>> float(L2(0.1)(np.array([1.0, -3.0])))
    1.0
    """

    l2: Settled[NonNegative] = option(default=0.01)


class L1L2(NormPenalty, aliases=("l1_l2",)):
    """`penalty = l1 * sum(abs(values)) + l2 * sum(values**2)`; also called the elastic net.

    Args:
        l1: strength of the absolute part, >= 0; 0 if None.
        l2: strength of the squared part, >= 0; 0 if None.

    >>> import numpy as np
    >>> float(L1L2(l1=0.5, l2=0.25)(np.array([1.0, -3.0])))
    4.5
    """

    l1: Settled[NonNegative] = option(default=0.0)
    l2: Settled[NonNegative] = option(default=0.0)


class OrthogonalRegularizer(Regularizer):
    """`penalty = factor * mean of abs(cos(angle))` over all pairs of rows, or of columns, which it makes orthogonal.

    Args:
        factor: strength, >= 0.
        mode: `"rows"` or `"columns"`.

    Raises:
        ConfigError: the parameter is not a matrix.

    >>> OrthogonalRegularizer(1.0)(np.array([[1.0, 0.0], [1.0, 1.0]])).item().__round__(4)
    0.7071
    """

    factor: NonNegative = 0.01
    mode: Literal["rows", "columns"] = "rows"

    def penalty(self, values: np.ndarray) -> float:
        cosines = self._cosines(values)[0]
        return float(np.abs(cosines).sum()) / 2 * self._share(cosines)

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        cosines, rows, lengths = self._cosines(values)
        by_rows = np.sign(cosines) @ rows * self._share(cosines)
        by_rows = (by_rows - rows * (by_rows * rows).sum(axis=1, keepdims=True)) / lengths
        gradient += by_rows if self.mode == "rows" else by_rows.T

    def _cosines(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The products of different rows, 0 on the diagonal; the rows with length 1; their lengths."""
        if values.ndim != 2:
            raise ConfigError(f"is for matrices, got a parameter of shape {values.shape}", ("OrthogonalRegularizer",))
        rows = values if self.mode == "rows" else values.T
        lengths = np.maximum(np.sqrt((rows * rows).sum(axis=1, keepdims=True)), np.finfo(rows.dtype).tiny ** 0.5)
        rows = rows / lengths
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, 0)
        return cosines, rows, lengths

    def _share(self, cosines: np.ndarray) -> float:
        """`factor` for each of the pairs."""
        return self.factor / max(len(cosines) * (len(cosines) - 1) // 2, 1)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
get, serialize, deserialize = modules.of_family(Regularizer, {})
