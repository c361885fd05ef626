"""Steps by a matrix that is damped until the loss falls."""

import math
import warnings
from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.optimizers.full_batch.base import FullBatchOptimizer, norm
from nnlite.registry.bounds import BelowOne, Count, Positive

__all__ = ["MU", "Damped", "DampedOptimizer"]

MU = "maximum mu reached"
SMALLEST = 1e-20  # as MATLAB keeps mu
BYTES = 8
ROUNDING = float(np.finfo(np.float64).eps)


class DampedOptimizer(FullBatchOptimizer, abstract=True):
    """Base of the optimizers whose step solves `(A + mu I) d = -b`, mu larger until the loss falls.

    A step that lowers what is minimized is taken, and `mu` multiplied by `mu_dec`; else `mu` is multiplied by `mu_inc`
    and the step tried again. Training ends where `mu` is larger than `mu_max`.

    Args:
        mu: the first damping.
        mu_dec, mu_inc: factors of it after a step that lowers the loss, and after one that does not.
        mu_max: the largest damping.
        max_parameters: a model with more is refused: the matrix has the square of that number of entries.

    The further arguments are those of `FullBatchOptimizer`.
    """

    log_names = ("gradient_norm", "step_norm", "mu")
    number_names = ("mu",)

    mu: Positive = 1e-3
    mu_dec: BelowOne = 0.1
    mu_inc: Positive = 10.0
    mu_max: Positive = 1e10
    max_parameters: Count = 4000

    def validate(self) -> None:
        super().validate()
        if self.mu_inc <= 1:
            raise ConfigError(f"must be > 1, got {self.mu_inc:g}", (type(self).__name__, "mu_inc"))

    def check(self, size: int) -> None:
        if size > self.max_parameters:
            gigabytes = BYTES * size * size / 1e9
            raise ConfigError(
                f"{type(self).__name__} makes a matrix of the square of the number of trained parameters: {size:,} of "
                f"them take {gigabytes:.3g} GB, and at most {self.max_parameters:,} are allowed. Take LBFGS, NewtonCG "
                "or GaussNewton, which need no such matrix, freeze layers, or raise max_parameters"
            )

    def _damped_step(
        self, solve: Callable[[float], Array | None], loss: Callable[[Array], float], point: Array, value: float
    ) -> tuple[Array, float]:
        """The first point `point + solve(mu)` at which `loss` is below `value`; `point` if there is none.

        `solve` returns None if the damped matrix is singular.
        """
        mu = self._number("mu") or self.mu
        while mu <= self.mu_max:
            step = solve(mu)
            if step is None:
                self._say_singular(mu)
            else:
                reached = point + step
                lower = loss(reached)
                if lower < value:
                    self._keep_number("mu", max(mu * self.mu_dec, SMALLEST))
                    self.logs |= {"mu": mu, "step_norm": norm(step)}
                    return reached, lower
            mu *= self.mu_inc
        self.stop_reason = MU
        self.logs["mu"] = mu
        return point, value

    def begin(self) -> None:
        super().begin()
        self._said = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._said = False

    def _say_singular(self, mu: float) -> None:
        if not self._said:
            self._said = True
            warnings.warn(
                f"{type(self).__name__}: the matrix J'J is singular with the damping mu = {mu:.3g}, which is raised "
                "until it is not; some combinations of the weights have no effect on the outputs",
                TrainingWarning,
                stacklevel=2,
            )


class Damped:
    """A symmetric matrix that is solved with several dampings.

    Args:
        matrix: it; it is the same again after each call.
        right: the right-hand side.
    """

    def __init__(self, matrix: Array, right: Array) -> None:
        self.matrix, self.right = matrix, right
        self._entries = np.einsum("ii->i", matrix)
        self._diagonal = self._entries.copy()
        self._largest = float(self._diagonal.max(initial=0.0))

    def solve(self, damping: float) -> Array | None:
        """`(matrix + damping I)^-1 right`; None if that matrix is singular in float64."""
        self._entries += damping
        try:
            solution = np.linalg.solve(self.matrix, self.right)
            lost = damping <= ROUNDING * (self._largest + damping) and not _definite(self.matrix)
        except np.linalg.LinAlgError:
            return None
        finally:
            self._entries[...] = self._diagonal
        return None if lost or not math.isfinite(solution @ solution) else solution


def _definite(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
