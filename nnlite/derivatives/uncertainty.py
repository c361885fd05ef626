"""Uncertainty of the predictions of a trained model: the delta method, Laplace's approximation, conformal intervals."""

import math
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives.curvature.base import check_dense
from nnlite.derivatives.influence import LeaveOneOut, need_rows, outputs_at, penalized_curvature, penalized_last_layer
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.inference.conformal import ConformalIntervals, check_level, jackknife_ends, rank_of
from nnlite.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Gamma,
    Huber,
    LogCosh,
    Poisson,
    SparseCategoricalCrossentropy,
    Tweedie,
)
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.full_batch.parts import each_part, output_shapes, sums_squares
from nnlite.training.predict import joined
from nnlite.training.trainable import Trainable

__all__ = ["Uncertainty"]

CLASSES = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)
AMOUNTS = (Huber, LogCosh, Poisson, Gamma, Tweedie)  # of each output and its target, with a second derivative
ROUNDING = 1e-6  # of a number of parameters that a solution of equations gave
PLACE = ("uncertainty",)
JACKKNIFE = ("jackknife+", "jackknife-minmax")
Method = Literal["delta", "conformal", "jackknife+", "jackknife-minmax"]


class Uncertainty:
    """The spread of a model's predictions, from the Jacobian g of the outputs; made by `model.uncertainty(x, y)`.

    Squared errors: the delta method. With the Jacobian J of the n training rows, the residual variance s^2, their sum
    of squares over n less the effective number of parameters, and penalties L as they are in the loss,

        variance of an output = s^2 g' (J'J + L)^-1 g           of a new target: s^2 more

    Cross-entropies: Laplace's approximation. With the curvature C of the loss summed over the rows, the inputs of the
    softmax or sigmoid have the covariance `g' C^-1 g`, and the probabilities are averaged over it by MacKay's formula.

    Huber's, LogCosh's, Poisson's, Gamma's and Tweedie's losses: intervals by the two jackknives, and by
    `"conformal"`, of one width for all rows; they contain no estimate of the noise, so no variance.

    A model of several outputs, none of them classes, has one curvature, that of the weighted sum of its losses: what
    the parameters owe to one output narrows the others, as is right where the weights of squared errors are to one
    another as the inverse variances of their noise. What is returned is a list of one array for each output.

    Args:
        whole: the loss over the training rows, as in prediction.
        model: whose predictions they are.
        layers: `"all"`, or `"last"` for the parameters of the last layer alone.
        damping: added to the diagonal of the curvature.

    Attributes:
        effective_parameters: the sum of the leverages: how many parameters the data determine.
        residual_std: s, one for each output; None if the loss is not a sum of squares.

    Reference: Hwang & Ding 1997, "Prediction intervals for artificial neural networks"; MacKay 1992, "The evidence
    framework applied to classification networks"; Barber et al. 2021, "Predictive inference with the jackknife+".

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((1,)), Dense(1)], seed=0)
    >>> model.compile("LBFGS", "mse")
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> noise = 0.1 * np.random.default_rng(0).normal(size=(40, 1))
    >>> history = model.fit(x, 2 * x + noise, epochs=50, verbose=0)
    >>> sure = model.uncertainty(x, 2 * x + noise)
    >>> low, high = sure.predict_interval([[0.0], [5.0]], level=0.9)
    >>> (high - low).round(2).ravel().tolist()
    [0.27, 0.45]
    """

    def __init__(self, whole: WholeLoss, model: Trainable, layers: Literal["all", "last"], damping: float) -> None:
        need_rows(whole)
        self.whole, self.damping = whole, damping
        self._losses = [loss for (loss,) in each_part(whole.loss)]
        self._classes = isinstance(self._losses[0], CLASSES)
        self._need_known_losses(layers)
        if layers == "all":
            check_dense(whole.size, "layers='last'")
            self.curvature = penalized_curvature(whole, model, "dense")
        else:
            self.curvature = penalized_last_layer(whole, model)
        shares = sum(rows.leverages.sum(axis=0) for rows in LeaveOneOut(whole, self.curvature, damping, "first"))
        self.effective_parameters = float(np.sum(shares))
        self.residual_std = self._residual_std(np.asarray(shares)) if whole.squares else None
        self._scores: ConformalIntervals | None = None
        self._jackknife: tuple[Array, Array] | None = None

    def _need_known_losses(self, layers: str) -> None:
        """`ConfigError` unless the losses are of kinds whose spread is known."""
        several = len(self._losses) > 1
        for loss in self._losses:
            if loss is None:
                raise ConfigError("needs a loss for each output: make a Model of those that have one", PLACE)
            if several and isinstance(loss, CLASSES):
                raise ConfigError("of several outputs, none may be classes: make a Model of one of them", PLACE)
            if not isinstance(loss, (*CLASSES, *AMOUNTS)) and not sums_squares(loss):
                known = ", ".join(kind.__name__ for kind in AMOUNTS)
                message = f"needs squared errors, a cross-entropy, or {known}; the loss is {type(loss).__name__}"
                raise ConfigError(message, PLACE)
        if several and layers == "last":
            raise ConfigError("of several outputs, no layer is the last one of all: take layers='all'", PLACE)

    def _errors(self, weighted: bool = False) -> Array:
        """Targets less outputs of the training rows, `(rows, U)`, U the numbers of all outputs.

        Args:
            weighted: whether they are multiplied by the square roots of the weights of the rows.
        """
        whole, errors = self.whole, []
        outputs = joined([piece.outputs for piece in whole.linearized(whole.point)])
        for _, y, output, weights in each_part(whole.loss, whole.arrays[1], outputs, whole.arrays[2]):
            error = (y - output).reshape(len(y), -1)
            errors.append(error * np.sqrt(weights.reshape(len(y), -1)) if weighted and weights is not None else error)
        return np.concatenate(errors, axis=1)

    def _residual_std(self, shares: Array) -> Array:
        """s of each output, from the effective parameters that each of them tells."""
        errors = self._errors(weighted=True)
        left = len(errors) - shares
        if (left <= ROUNDING * len(errors)).any():
            raise DataError(
                f"{len(errors)} rows are too few for the residual variance with {self.effective_parameters:.3g} "
                "effective parameters: pass a larger damping, or layers='last'"
            )
        return np.sqrt((errors**2).sum(axis=0) / left)

    def _at(self, x: Any) -> tuple[Array, Array, Array]:
        """Raw outputs `(rows, U)` at new rows, their Jacobians `(rows, U, P)`, and their covariances by C alone."""
        parts = outputs_at(self.whole, x, self.curvature.vector)
        outputs = np.concatenate([output.reshape(len(output), -1) for output, _ in parts], axis=1)
        slopes = np.concatenate([jacobian for _, jacobian in parts], axis=1)
        solved = self.curvature.solve(slopes.reshape(-1, slopes.shape[-1]), self.damping).reshape(slopes.shape)
        return outputs, slopes, np.einsum("rup,rvp->ruv", slopes, solved)

    def _spread(self, covered: Array) -> Array:
        """Standard deviations of the raw outputs, `(rows, U)`."""
        variances = np.maximum(np.einsum("ruu->ru", covered), 0.0)
        if self.residual_std is None:
            return np.sqrt(variances / self.whole.divisor)
        return np.sqrt(2 * (self.whole.scale or self.whole.scales) * variances) * self.residual_std

    def _apart(self, numbers: Array) -> Any:
        """`(rows, U)` in returned form: for several outputs, a list with one array for each."""
        if len(self._losses) == 1:
            return numbers
        widths = [math.prod(shape[1:]) for shape in output_shapes(self.whole.steps.trainer.model)]
        return np.split(numbers, np.cumsum(widths)[:-1], axis=1)

    def predict(self, x: Any, return_std: bool = False) -> Any:
        """Predictions at `x`; with `return_std` also their standard deviations due to the parameters alone.

        Of squared errors, the outputs and theirs. Of classes, probabilities that are averaged over the parameters, and
        the standard deviations of the inputs of the softmax or sigmoid.

        Shape: `(rows, outputs)`, twice with `return_std`; lists of such where there are several outputs.
        """
        outputs, _, covered = self._at(x)
        if return_std and not self._classes:
            self._noise("a standard deviation")
        spread = self._spread(covered)
        predictions = outputs
        if self._classes:
            moderated = outputs / np.sqrt(1 + math.pi / 8 * spread**2)
            predictions = self.whole.steps.predictions(moderated)
        predictions = self._apart(predictions)
        return (predictions, self._apart(spread)) if return_std else predictions

    def predict_interval(self, x: Any, level: float = 0.9, method: Method | None = None) -> tuple[Any, Any]:
        """The bounds of intervals that hold a new target with probability `level`.

        Args:
            x: rows.
            level: in (0, 1).
            method: `"delta"`, of squared errors: the output +- Student's quantile times its standard deviation and the
                noise's, right where the model and its noise are. `"conformal"`: scaled on rows of `calibrate`, which
                holds whatever the model is. `"jackknife+"`: by what leaving each training row out would change,
                without setting rows apart; the level holds up to the error of the Newton steps, and is never below
                `2 * level - 1` for exact ones. `"jackknife-minmax"`: a quantile of the same errors below the lowest and
                above the highest of these predictions, about a tenth wider; with exact steps the level is certain. Take
                it where rows are few for the parameters: a Newton step stays at the minimum that all rows together
                have led to, so the errors of jackknife+ are too small. None: conformal after
                `calibrate`, else delta, or jackknife+ if the loss is not a sum of squares.

        Shape: two arrays `(rows, outputs)`; two lists of such where there are several outputs.

        Raises:
            ConfigError: a model of classes; another level or method, or one that the loss does not allow.
            NotReadyError: `"conformal"` before `calibrate`.
            DataError: a level that needs more rows than there were.
        """
        self._need_amounts()
        check_level(level)
        method = method or ("conformal" if self._scores else "jackknife+" if self.residual_std is None else "delta")
        if method in JACKKNIFE:
            low, high = self._jackknife_interval(x, level, method == "jackknife-minmax")
            return self._apart(low), self._apart(high)
        if method == "delta":
            self._noise("the delta method")
        outputs, width = self._new_targets(x)
        if method == "delta":
            width *= _student(0.5 + level / 2, self.whole.count - self.effective_parameters)
        elif method != "conformal":
            known = "'delta', 'conformal', 'jackknife+' or 'jackknife-minmax'"
            raise ConfigError(f"method must be {known}, got {method!r}")
        elif self._scores is None:
            raise NotReadyError("conformal intervals need rows that were not trained on: call calibrate(x, y) before")
        else:
            width *= self._scores.half_widths(level)
        return self._apart(outputs - width), self._apart(outputs + width)

    def calibrate(self, x: Any, y: Any) -> "Uncertainty":
        """Learn the required width of intervals from rows that were not trained on; returns itself.

        The scores are `abs(y - output)` over the standard deviation that the delta method gives a new target, or over 1
        if the loss is not a sum of squares: split conformal prediction, whose intervals hold their level whatever the
        model is.
        """
        self._need_amounts()
        x, y, _ = self.whole.steps.trainer.read_batch(x, y)
        outputs, width = self._new_targets(x)
        parts = [target.reshape(len(outputs), -1) for _, target in each_part(self.whole.loss, y)]
        self._scores = ConformalIntervals.of((np.concatenate(parts, axis=1) - outputs) / width)
        return self

    def _need_amounts(self) -> None:
        """`ConfigError` for a model of classes, which have no intervals."""
        if self._classes:
            raise ConfigError("intervals are those of amounts, and the model tells classes: see predict")

    def _noise(self, needed_by: str) -> Array:
        """The residual standard deviation of each output; `ConfigError` where the loss does not tell one."""
        if self.residual_std is None:
            raise ConfigError(
                f"{needed_by} needs squared errors, the loss is {type(self.whole.loss).__name__}: take 'jackknife+', "
                "or 'conformal' after calibrate(x, y)"
            )
        return self.residual_std

    def _new_targets(self, x: Any) -> tuple[Array, Array]:
        """Outputs at rows, and the standard deviations of new targets there, `(rows, U)`; 1 if not known."""
        outputs, _, covered = self._at(x)
        if self.residual_std is None:
            return outputs, np.ones(outputs.shape)
        return outputs, np.sqrt(self._spread(covered) ** 2 + self.residual_std**2)

    def _jackknife_interval(self, x: Any, level: float, widest: bool) -> tuple[Array, Array]:
        if self._jackknife is None:
            left_out = list(LeaveOneOut(self.whole, self.curvature, self.damping, "newton"))
            moves = np.concatenate([rows.moves for rows in left_out])
            by_own_row = np.concatenate([rows.output_moves for rows in left_out])
            self._jackknife = moves, np.abs(self._errors() - by_own_row)
        moves, residuals = self._jackknife
        rank = rank_of(level, len(moves), f"{len(moves)} training rows")
        outputs, slopes, _ = self._at(x)
        shifted = outputs[..., None] + slopes @ moves.T  # (rows, U, training rows)
        return jackknife_ends(shifted.swapaxes(1, 2), residuals, rank, widest)


def _student(share: float, freedom: float) -> float:
    """Student's quantile from the normal one, by Fisher & Cornish's expansion; four digits from 5 degrees on."""
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))
