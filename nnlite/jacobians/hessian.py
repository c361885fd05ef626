"""Second derivatives of functions whose gradient is available."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.jacobians.maps.base import Jacobian

__all__ = ["ComplexStepHessian", "directional_derivative"]

STEP = 1e-20  # there is no difference of near values, so nothing is lost by a tiny step
EIGHTH, SIXTH = (4 / 5, -1 / 5, 4 / 105, -1 / 280), (3 / 4, -3 / 20, 1 / 60, 0.0)  # central differences of these orders
SHORTER, TRIES, AGREEMENT = 8.0, 5, 1e-9


def directional_derivative(function: Callable[[Any], Any], step: float | None = None) -> Any:
    """The derivative of `function(t)` at t = 0, where the function is smooth.

    Args:
        function: of one number; gives an array.
        step: None for `imag(function(i h)) / h`, exact to rounding. A length for functions that take no complex
            number: central differences of order 8 over four steps to each side, the steps shorter until they agree
            with those of order 6; to about 1e-12 of the largest entry.

    Raises:
        ConfigError: they do not agree: the function has kinks wherever one looks.
    """
    if step is None:
        return function(1j * STEP).imag / STEP
    for attempt in range(TRIES):
        length = step / SHORTER**attempt
        pairs = [(function(k * length) - function(-k * length)) / length for k in range(1, 1 + len(EIGHTH))]
        better, other = (np.tensordot(order, pairs, axes=1) for order in (EIGHTH, SIXTH))
        if np.abs(better - other).max(initial=0) <= AGREEMENT * np.abs(better).max(initial=0):
            return better
    raise ConfigError(
        "a second derivative does not exist here: differences of the gradient do not agree; take smooth activations, "
        "such as tanh"
    )


class ComplexStepHessian(Jacobian):
    """The Hessian of a function of `point`, as the derivative of its `gradient`, a function of the point; symmetric.

    Products: `imag(gradient(point + i h v)) / h`, exact to rounding where the function is analytic; pieces of
    piecewise functions are chosen by the real part. Storage: the point.
    """

    __slots__ = ("gradient", "point")

    def __init__(self, gradient: Callable[[np.ndarray], Any], point: np.ndarray) -> None:
        super().__init__(point.shape, point.shape)
        self.gradient = gradient
        self.point = point

    @property
    def mixes_rows(self) -> bool:
        return True

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.reshape(-1, *self.in_shape)
        products = [directional_derivative(lambda t, seed=seed: self.gradient(self.point + t * seed)) for seed in seeds]
        return np.reshape(np.array(products, cotangent.dtype), cotangent.shape)

    jvp: Any = vjp
