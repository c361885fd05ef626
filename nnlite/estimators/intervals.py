"""Prediction intervals of regression estimators."""

from typing import Any, Literal, NamedTuple

import numpy as np

from nnlite.errors import ConfigError, DataError
from nnlite.estimators.fitted import FittedNetwork
from nnlite.estimators.fitting.inputs import read_inputs
from nnlite.estimators.fitting.targets import NumberTargets, Targets
from nnlite.estimators.fitting.training import Judged
from nnlite.inference.conformal import ConformalIntervals, jackknife_ends, rank_of

__all__ = ["IntervalPredictions", "OutOfFold", "intervals_of", "out_of_fold_of"]

METHODS = ("conformal", "cv+", "jackknife+")
CELLS_AT_ONCE = 2**22  # of rows against samples


class OutOfFold(NamedTuple):
    """Predictions of members for samples that they did not learn from.

    Attributes:
        members: the member that did not learn from each sample, `(samples,)`.
        errors: its absolute errors, in the unit of y, `(samples, outputs)`.
    """

    members: np.ndarray
    errors: np.ndarray

    def ends(self, predictions: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """The bounds of CV+ intervals, `(rows, outputs)`, from the members' predictions, `(rows, members, outputs)`.

        Raises:
            ConfigError: a level that is not between 0 and 1.
            DataError: a level that needs more samples than there were.
        """
        rank = rank_of(level, len(self.members), f"the {len(self.members)} samples of the fit")
        step = max(CELLS_AT_ONCE // self.errors.size, 1)
        lower, upper = np.empty((2, len(predictions), predictions.shape[-1]))
        for start in range(0, len(predictions), step):
            some = slice(start, start + step)
            by_sample = predictions[some].astype(np.float64)[:, self.members]
            lower[some], upper[some] = jackknife_ends(by_sample, self.errors, rank)
        return lower, upper


class IntervalPredictions(FittedNetwork):
    """Intervals of a fitted network whose outputs are numbers; a base of `NNRegressor`."""

    _intervals: ConformalIntervals | None
    _out_of_fold: OutOfFold | None

    def predict_interval(
        self, X: Any, level: float = 0.9, method: Literal["conformal", "cv+", "jackknife+"] = "conformal"
    ) -> tuple[np.ndarray, np.ndarray]:
        """The bounds of intervals that hold a new target with probability `level`, for any model.

        All methods go by the errors on samples that were not learned from. Where training stopped by them, intervals
        are a little too narrow.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
        level : float in (0, 1), default=0.9
        method : {"conformal", "cv+", "jackknife+"}, default="conformal"
            `"conformal"`: the prediction +- a quantile of the absolute errors of the folds of the members, of the part
            set apart, or of X_val; all intervals have one width. `"cv+"`, for several members with folds: with the
            member k(i) that did not learn from sample i, and its error R_i there, the quantiles over the samples of
            `prediction of k(i) - R_i` and `prediction of k(i) + R_i`. It is wider where members disagree, holds
            `2 * level - 1` for certain and about `level` in practice. `"jackknife+"`: the same with as many members as
            samples, each leaving one out. For more samples than one trains members for, `cv+` is its stand-in,
            and the `jackknife+` of `Uncertainty` has single models by influence, without retraining.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ConfigError
            Another method or level.
        DataError
            All samples were learned from, or there were too few others for the level; `"cv+"` without folds,
            `"jackknife+"` with folds of several samples.

        References
        ----------
        Barber, Candes, Ramdas & Tibshirani 2021, "Predictive inference with the jackknife+".

        Examples
        --------
        >>> import numpy as np
        >>> from nnlite import NNRegressor
        >>> X = np.linspace(0, 1, 200)[:, None]
        >>> model = NNRegressor(epochs=5, random_state=0).fit(X, 3 * X[:, 0])
        >>> low, high = model.predict_interval(X, level=0.8, method="cv+")
        >>> bool((low < high).all())
        True
        """
        if method not in METHODS:
            raise ConfigError(f"method={method!r}: expected {' or '.join(map(repr, METHODS))}", ("method",))
        predictions = self.predict(X)
        if method != "conformal":
            lower, upper = self._by_folds(X, level, method)
            return lower.reshape(predictions.shape), upper.reshape(predictions.shape)
        intervals = vars(self).get("_intervals")
        if intervals is None:
            raise DataError(
                "intervals need errors on samples that were not learned from: fit with early_stopping=True, or with "
                "X_val and y_val"
            )
        widths = intervals.half_widths(level)
        half = widths[0] if predictions.ndim == 1 else widths
        return predictions - half, predictions + half

    def predict(self, X: Any) -> Any:
        """The expected targets."""
        raise NotImplementedError

    def _by_folds(self, X: Any, level: float, method: str) -> tuple[np.ndarray, np.ndarray]:
        out_of_fold: OutOfFold | None = vars(self).get("_out_of_fold")
        if out_of_fold is None:
            raise DataError(
                f"method={method!r} needs members that each left a fold out: fit with n_members of 2 or more, "
                "early_stopping=True, and without X_val"
            )
        if method == "jackknife+" and len(set(out_of_fold.members.tolist())) < len(out_of_fold.members):
            raise DataError(
                f"method='jackknife+' needs a member for each of {len(out_of_fold.members)} samples, but there are "
                f"{self.n_members_}: take 'cv+', which has folds of several samples, fit with as many members as "
                "samples, or leave rows out by influence, as the uncertainty(x, y) of a Sequential does"
            )
        return out_of_fold.ends(self._by_members(self._matrix(read_inputs(self, X, False))), level)


def intervals_of(judged: Judged | None, targets: Targets) -> ConformalIntervals | None:
    """The intervals derived from errors on samples not used for training; None if there are none.

    Errors are those of the mean of the members, in the unit of y; samples of weight 0 are left out.
    """
    if judged is None:
        return None
    errors = _errors(judged, targets)
    errors = errors.mean(axis=1) if errors.ndim == 3 else errors
    return ConformalIntervals.of(errors if judged.weights is None else errors[judged.weights > 0])


def out_of_fold_of(judged: Judged | None, targets: Targets) -> OutOfFold | None:
    """The errors of members on their folds; None if there are no folds. Samples of weight 0 are left out."""
    if judged is None or judged.members is None:
        return None
    assert isinstance(targets, NumberTargets)
    kept = np.ones(len(judged.members), bool) if judged.weights is None else judged.weights > 0
    seen = targets.encode(np.stack([targets.low, targets.high]))  # which predictions do not leave
    inside = judged._replace(outputs=np.clip(judged.outputs, *seen))
    return OutOfFold(judged.members[kept], np.abs(_errors(inside, targets)[kept]))


def _errors(judged: Judged, targets: Targets) -> np.ndarray:
    """Outputs less targets, in the unit of y."""
    assert isinstance(targets, NumberTargets)
    outputs = judged.outputs.astype(np.float64)
    return (outputs - judged.y.reshape(outputs.shape)) * targets.scale
