"""Damped steps, with damping increased until the loss decreases."""

import functools
import math
import warnings
from collections.abc import Callable

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.jacobians.maps.base import readable_bytes
from nnlite.optimizers.full_batch.base import FullBatchOptimizer, norm
from nnlite.registry.bounds import BelowOne, Count, Positive
from nnlite.threads import match_threads

__all__ = ["MU", "Damped", "DampedOptimizer"]

MU = "maximum mu reached"
SMALLEST = 1e-20  # as MATLAB keeps mu
RAISE = 2.0  # the factor of mu after a step that does not lower the loss, and of that factor
BYTES = 8
LARGE = 500  # parameters from which on SciPy, which takes 0.15 s to import, saves some milliseconds of each solution
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
        matrix: it; it is the same again after each call.
        right: the right-hand side.
    """

    def __init__(self, matrix: Array, right: Array) -> None:
        self.matrix, self.right = matrix, right
        self._entries = np.einsum("ii->i", matrix)
        self._diagonal = self._entries.copy()
        self._largest = float(np.maximum.reduce(self._diagonal))

    def solve(self, damping: float) -> Array | None:
        """`(matrix + damping I)^-1 right`; None if that matrix is singular in float64."""
        self._entries += damping
        try:
            solution, lost = _by_cholesky(self.matrix, self.right), False
            if solution is None:
                solution = np.linalg.solve(self.matrix, self.right)
                lost = damping <= ROUNDING * (self._largest + damping) and not _definite(self.matrix)
        except np.linalg.LinAlgError:
            return None
        finally:
            self._entries[...] = self._diagonal
        return None if lost or not math.isfinite(solution @ solution) else solution


def _by_cholesky(matrix: Array, right: Array) -> Array | None:
    """The solution for a large positive definite matrix by SciPy; None for another one, or without SciPy."""
    dposv = _dposv() if len(right) >= LARGE else None
    if dposv is None:
        return None
    _, solution, failed = dposv(matrix.T, right, lower=1)
    return None if failed else solution


@functools.cache
def _dposv() -> Callable | None:
    """LAPACK's solution by Cholesky's factors; None if SciPy is not installed."""
    try:
        from scipy.linalg.lapack import dposv  # type: ignore[attr-defined]
    except ImportError:
        return None
    match_threads()
    return dposv


def _definite(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
