"""Second derivatives of functions whose gradient is at hand."""

from collections.abc import Callable

import numpy as np

from nnlite.jacobians.maps.base import Jacobian

__all__ = ["ComplexStepHessian"]

STEP = 1e-20  # there is no difference of near values, so nothing is lost by a tiny step


class ComplexStepHessian(Jacobian):
    """The Hessian of a function of `point`, as the derivative of its `gradient`, a function of the point; symmetric.

    Products: `imag(gradient(point + i h v)) / h`, exact to rounding where the function is analytic; pieces of
    piecewise functions are chosen by the real part. Storage: the point.
    """

    __slots__ = ("gradient", "point")

    def __init__(self, gradient: Callable[[np.ndarray], np.ndarray], point: np.ndarray) -> None:
        super().__init__(point.shape, point.shape)
        self.gradient = gradient
        self.point = point

    @property
    def mixes_rows(self) -> bool:
        return True

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.reshape(-1, *self.in_shape)
        found = [self.gradient(self.point + 1j * STEP * seed).imag / STEP for seed in seeds]
        return np.reshape(np.array(found, cotangent.dtype), cotangent.shape)

    jvp = vjp
