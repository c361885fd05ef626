"""Damped steps, with damping increased until the loss decreases."""

import math
import warnings
from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.jacobians.maps.base import readable_bytes
from nnlite.kernels.lapack import positive_solution
from nnlite.optimizers.full_batch.base import FullBatchOptimizer, norm
from nnlite.registry.bounds import BelowOne, Count, Positive

__all__ = ["MU", "Damped", "DampedOptimizer"]

MU = "maximum mu reached"
SMALLEST = 1e-20  # as MATLAB keeps mu
RAISE = 2.0  # the factor of mu after a step that does not lower the loss, and of that factor
BYTES = 8
ROUNDING = float(np.finfo(np.float64).eps)


class DampedOptimizer(FullBatchOptimizer, abstract=True):
    """Base of the optimizers whose step solves `(A + mu I) d = -b`, with mu increased until the loss decreases.

    A step that lowers what is minimized is taken, and `mu` multiplied by `mu_dec`; else `mu` is multiplied by `mu_inc`
    and the step tried again. Training ends where `mu` is larger than `mu_max`.

    By default both factors follow Nielsen's rule. With rho, the reduction over that which the quadratic model promised,
    the former is `max(1 / 3, 1 - (2 rho - 1)^3)`: a step that keeps its promise lowers `mu`, one that keeps less than
    half of it raises `mu` for the next. The latter is 2, 4, 8 ... for as many steps in a row.

    Args:
        mu: the first damping.
        mu_dec, mu_inc: factors of it after a step that lowers the loss, and after one that does not, such as MATLAB's
            0.1 and 10; None for those of Nielsen's rule.
        mu_max: the largest damping.
        max_parameters: a model with more is refused: the matrix has the square of that number of entries.

    The further arguments are those of `FullBatchOptimizer`.

    Reference: Nielsen 1999, "Damping parameter in Marquardt's method".
    """

    log_names = ("gradient_norm", "step_norm", "mu")
    number_names = ("mu",)

    mu: Positive = 1e-3
    mu_dec: BelowOne | None = None
    mu_inc: Positive | None = None
    mu_max: Positive = 1e10
    max_parameters: Count = 4000

    def validate(self) -> None:
        super().validate()
        if self.mu_inc is not None and self.mu_inc <= 1:
            raise ConfigError(f"must be > 1, got {self.mu_inc:g}", (type(self).__name__, "mu_inc"))

    def check(self, size: int) -> None:
        if size > self.max_parameters:
            raise ConfigError(
                f"{type(self).__name__} makes a matrix of the square of the number of trained parameters: {size:,} of "
                f"them take {readable_bytes(BYTES * size * size)}, and at most {self.max_parameters:,} are allowed. "
                "Take LBFGS, NewtonCG or GaussNewton, which need no such matrix, freeze layers, or raise max_parameters"
            )

    def _damped_step(
        self,
        solve: Callable[[float], Array | None],
        loss: Callable[[Array], float],
        point: Array,
        value: float,
        slope: Array,
        unit: float = 1.0,
    ) -> tuple[Array, float]:
        """The first point `point + solve(mu)` at which `loss` is below `value`; `point` if there is none.

        Args:
            solve: `(A + unit mu I)^-1 (-slope)`; None if the damped matrix is singular.
            loss: a function of the point.
            point, value, slope: where the step begins, the loss there and its gradient.
            unit: what `mu` is multiplied by in the matrix.
        """
        mu, raising = self._number("mu") or self.mu, self.mu_inc or RAISE
        while mu <= self.mu_max:
            step = solve(mu)
            if step is None:
                self._say_singular(mu)
            else:
                reached = point + step
                lower = loss(reached)
                if lower < value:
                    promised = 0.5 * float(step @ (unit * mu * step - slope))
                    kept = (value - lower) / promised if promised > 0 else 1.0
                    self._keep_number("mu", max(mu * self._lowering(kept), SMALLEST))
                    self.logs |= {"mu": mu, "step_norm": norm(step)}
                    return reached, lower
            mu *= raising
            raising *= 1.0 if self.mu_inc else RAISE
        self.stop_reason = MU
        self.logs["mu"] = mu
        return point, value

    def _lowering(self, kept: float) -> float:
        """The factor of `mu` after a step that lowered the loss by this share of what the quadratic model promised."""
        return max(1 / 3, 1 - (2 * kept - 1) ** 3) if self.mu_dec is None else self.mu_dec

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
    """A symmetric matrix to be solved with several dampings.

    Args:
        matrix: it; no call changes it.
        right: the right-hand side.
    """

    def __init__(self, matrix: Array, right: Array) -> None:
        self.matrix, self.right = matrix, right
        self._lost = ROUNDING * float(np.maximum.reduce(matrix.diagonal()))  # a smaller damping is lost

    def solve(self, damping: float) -> Array | None:
        """`(matrix + damping I)^-1 right`; None if that matrix is singular in float64."""
        if damping <= self._lost and not _definite(self._sum(damping)):
            return None
        solution = positive_solution(self.matrix, self.right, damping)
        if solution is None:
            solution = self._by_elimination(damping)
        return None if solution is None or not math.isfinite(solution @ solution) else solution

    def _by_elimination(self, damping: float) -> Array | None:
        """The same for a matrix that may be indefinite."""
        try:
            return np.linalg.solve(self._sum(damping), self.right)
        except np.linalg.LinAlgError:
            return None

    def _sum(self, damping: float) -> Array:
        return self.matrix + damping * np.eye(len(self.right))


def _definite(matrix: Array) -> bool:
    """Whether a matrix is positive definite, each pivot larger than its rounding error."""
    try:
        roots = np.linalg.cholesky(matrix).diagonal()
    except np.linalg.LinAlgError:
        return False
    return bool((roots**2 > len(roots) * ROUNDING * matrix.diagonal()).all())
