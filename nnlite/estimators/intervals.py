"""Prediction intervals of estimators that predict numbers."""

from typing import Any

import numpy as np

from nnlite.errors import DataError
from nnlite.estimators.base import BaseNetwork, Rows
from nnlite.estimators.fitting.targets import NumberTargets
from nnlite.estimators.fitting.training import Judged, Outcome
from nnlite.inference.conformal import ConformalIntervals
from nnlite.models import Sequential

__all__ = ["IntervalNetwork"]


class IntervalNetwork(BaseNetwork):
    """A base of `NNRegressor`: keeps the errors on samples that were not learnt from, and makes intervals of them."""

    _intervals: ConformalIntervals | None

    def predict(self, X: Any) -> Any:
        """The expected targets; see the subclass."""
        raise NotImplementedError

    def _settle(self, network: Sequential, outcome: Outcome, rows: Rows) -> None:
        super()._settle(network, outcome, rows)
        judged = outcome.judged
        self._intervals = None if judged is None else ConformalIntervals.of(self._residuals(judged))

    def _residuals(self, judged: Judged) -> np.ndarray:
        """Outputs less targets, in the unit of y, of the rows that were not learnt from: `(rows, n_outputs)`."""
        outputs, targets = judged.outputs.astype(np.float64), self._targets
        assert isinstance(targets, NumberTargets)
        errors = (outputs - judged.y.reshape(outputs.shape)) * targets.scale
        errors = errors.mean(axis=1) if errors.ndim == 3 else errors  # of the mean of the members
        return errors if judged.weights is None else errors[judged.weights > 0]

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """The ends of intervals that hold a new target with probability `level` or more: conformal prediction.

        The prediction +- a quantile of the absolute errors on samples that were not learnt from: each sample's error
        by the member whose fold it was in (with several members), or those of the samples set apart, or X_val. Where
        training stopped by the same samples, intervals are a little too narrow.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
        level : float in (0, 1), default=0.9

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        DataError
            All samples were learnt from, or there were too few others for the level.

        Examples
        --------
        >>> from nnlite.estimators import NNRegressor
        >>> X = np.linspace(0, 1, 200)[:, None]
        >>> model = NNRegressor(epochs=5, random_state=0).fit(X, 3 * X[:, 0])
        >>> low, high = model.predict_interval(X, level=0.8)
        >>> bool((low < high).all())
        True
        """
        predictions = self.predict(X)
        intervals = vars(self).get("_intervals")
        if intervals is None:
            raise DataError(
                "intervals need errors on samples that were not learnt from: fit with early_stopping=True, or with "
                "X_val and y_val"
            )
        widths = intervals.half_widths(level)
        half = widths[0] if predictions.ndim == 1 else widths
        return predictions - half, predictions + half
