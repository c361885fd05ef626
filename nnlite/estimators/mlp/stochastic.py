"""Mini-batch training with scikit-learn's rules for the learning rate and for stopping."""

import math
import warnings
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from nnlite.errors.caller import warn_user
from nnlite.estimators.mlp.network import Network
from nnlite.optimizers import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from nnlite.estimators.mlp.base import BaseMLP

__all__ = ["Rows", "Training", "optimizer_of"]

LEAST_RATE = 1e-6  # below it, "adaptive" divides no more
CELLS_AT_ONCE = 2**15  # numbers of the rows that are gathered at once


class Rows(NamedTuple):
    """Examples: X, an array or a CSR matrix, the targets in the form that the loss reads, and weights or None."""

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None

    def take(self, rows: np.ndarray | slice) -> "Rows":
        """Some of the rows; sparse ones become dense."""
        X = _taken(self.X, rows) if isinstance(self.X, np.ndarray) else self.X[rows].toarray()
        return Rows(X, _taken(self.y, rows), None if self.sample_weight is None else self.sample_weight[rows])


def _taken(array, rows):
    """`array[rows]`; for numbers of rows by the quicker way."""
    return array[rows] if isinstance(rows, slice) else array.take(rows, axis=0)


def optimizer_of(estimator: "BaseMLP") -> Optimizer:
    """The optimizer given by the estimator's `solver` and its parameters."""
    rate = float(estimator.learning_rate_init)
    if estimator.solver == "sgd":
        return SGD(rate, float(estimator.momentum), bool(estimator.nesterovs_momentum))
    return Adam(rate, float(estimator.beta_1), float(estimator.beta_2), float(estimator.epsilon))


class Training:
    """The epochs of one call of `fit` or `partial_fit`.

    Args:
        estimator: its parameters say how; `loss_`, `loss_curve_`, `n_iter_`, `t_` and the scores are kept in it.
        network: what is trained.
        train: the examples.
        score: measures the weights on the examples set apart; None without early stopping.
        random: shuffles.

    Attributes:
        best: the weights with the best score of all calls; while an earlier call has it, the weights in training.
    """

    def __init__(
        self,
        estimator: "BaseMLP",
        network: Network,
        train: Rows,
        score: Callable[[], float] | None,
        random: np.random.RandomState,
    ) -> None:
        self.estimator, self.network, self.train, self.score, self.random = estimator, network, train, score, random
        self.count, self.best = train.X.shape[0], network.values
        self.batch_size = self._batch_size()
        self.order = np.arange(self.count)
        self.alpha, self.tol = float(estimator.alpha), float(estimator.tol)  # single precision would spread
        bounded = network.objective.surplus is not None
        self.logits = np.zeros((self.count, network.units[-1]), network.dtype) if bounded else None
        self.draws_on = not isinstance(estimator.random_state, Integral)

    def _batch_size(self):
        wanted = self.estimator.batch_size
        if wanted == "auto":
            return min(200, self.count)
        if wanted > self.count:
            warn_user("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
        return min(int(wanted), self.count)

    def run(self, single: bool) -> None:
        """All epochs, or a `single` one; Ctrl+C ends them with a warning."""
        estimator = self.estimator
        estimator.n_iter_ = 0
        try:
            for _ in range(1 if single else estimator.max_iter):
                self._epoch()
                if self._stops():
                    return
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
            return
        if not single:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter:d}) reached and the optimization "
                "hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )

    @property
    def _shuffles(self) -> bool:
        """Whether the rows come in an order of their own in each epoch."""
        return bool(self.estimator.shuffle) and self.batch_size < self.count

    def _turns(self) -> Iterator[Rows]:
        """The batches, several gathered at once; several come together where compiled code takes them in one call.

        A single batch needs no shuffling, but others may draw from `random`.
        """
        shuffles, size = self._shuffles, self.batch_size
        if shuffles:
            self.order = self.order[self.random.permutation(self.count)]
        elif self.estimator.shuffle and self.draws_on:
            self.random.permutation(self.count)
        dense = isinstance(self.train.X, np.ndarray)
        gathered = size * (max(CELLS_AT_ONCE // (size * max(self.train.X.shape[1], 1)), 1) if dense else 1)
        for start in range(0, self.count, gathered):
            rows = slice(start, start + gathered)
            permuted = self.train.take(self.order[rows] if shuffles else rows)
            first, count = 0, len(permuted.y)
            while first < count:
                several = 1 if count - first < 2 * size else self._together()
                stop = first + min(several, max((count - first) // size, 1)) * size
                yield permuted if stop - first >= count else permuted.take(slice(first, stop))
                first = stop

    def _together(self) -> int:
        """Number of batches of the next turn, where that many are left; the rows' weights are those of one batch."""
        return 1 if self.train.sample_weight is not None else self.network.together(self.batch_size)

    def _epoch(self):
        estimator, total, start = self.estimator, 0.0, 0
        for rows in self._turns():
            value, outputs = self.network.step(*rows, self.alpha, self.batch_size)
            stop = start + len(rows.y)
            total += value * (stop - start)
            if self.logits is not None:
                self.logits[start:stop] = outputs
            start = stop
        total -= self._surplus()
        estimator.n_iter_ += 1
        estimator.loss_ = total / self.count
        estimator.t_ += self.count
        estimator.loss_curve_.append(estimator.loss_)
        if not math.isfinite(estimator.loss_):
            estimator._check_finite()
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        self._count_failures()
        if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
            rate = float(estimator.learning_rate_init) / (estimator.t_ + 1) ** float(estimator.power_t)
            self.network.model.optimizer.learning_rate = rate

    def _surplus(self) -> float:
        """The part of the sum of this epoch's losses that scikit-learn leaves out, weighted within each batch."""
        if self.logits is None:
            return 0.0
        rows = self.order if self._shuffles else slice(None)
        by_row = self.network.objective.beyond(self.train.y[rows], self.logits)
        if by_row is None:
            return 0.0
        if self.train.sample_weight is None:
            return by_row.sum().item()
        weights, starts = self.train.sample_weight[rows], np.arange(0, self.count, self.batch_size)
        sizes, totals = np.diff([*starts, self.count]), np.add.reduceat(weights, starts)
        shares = np.add.reduceat(by_row * weights, starts)
        return float((shares[totals != 0] / totals[totals != 0]) @ sizes[totals != 0])

    def _count_failures(self):
        """Count the epochs in a row that were not better than the best one by `tol`."""
        estimator = self.estimator
        if self.score is None:
            fails = estimator.loss_ > estimator.best_loss_ - self.tol
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)  # the best where the loss is NaN
        else:
            score = self.score()
            estimator.validation_scores_.append(score)
            if estimator.verbose:
                print(f"Validation score: {score:f}")
            fails = score < estimator.best_validation_score_ + self.tol
            if score > estimator.best_validation_score_:
                estimator.best_validation_score_ = score
                self.best = self.network.values.copy()
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if fails else 0

    def _stops(self) -> bool:
        estimator = self.estimator
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Training loss" if self.score is None else "Validation score"
        text = f"{what} did not improve more than tol={self.tol:f} for {estimator.n_iter_no_change} "
        ends, then = self._after_failures()
        if estimator.verbose:
            print(f"{text}consecutive epochs. {then}")
        if not ends:
            estimator._no_improvement_count = 0
        return ends

    def _after_failures(self) -> tuple[bool, str]:
        """Whether training ends, and a message about it."""
        if self.estimator.solver != "sgd" or self.estimator.learning_rate != "adaptive":
            return True, "Stopping."
        optimizer: Any = self.network.model.optimizer
        if optimizer.learning_rate <= LEAST_RATE:
            return True, "Learning rate too small. Stopping."
        optimizer.learning_rate /= 5.0
        return False, f"Setting learning rate to {optimizer.learning_rate:f}"
