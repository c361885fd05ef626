"""Predictions of a classifier: probabilities, their logarithms, labels."""

from typing import Any, Literal, overload

import numpy as np
from sklearn.utils.metadata_routing import UNUSED

from nnlite.estimators.fitted import FittedNetwork
from nnlite.estimators.fitting.targets import LabelTargets

__all__ = []

SMALLEST = np.finfo(np.float32).tiny


class ClassPredictions(FittedNetwork):
    """Predictions of a fitted network whose outputs are probabilities; a base of `NNClassifier`."""

    __metadata_request__predict_proba = {"return_jacobian": UNUSED, "return_std": UNUSED}

    classes_: np.ndarray

    @overload
    def predict_proba(
        self, X: Any, return_jacobian: Literal[False] = False, return_std: Literal[False] = False
    ) -> np.ndarray: ...
    @overload
    def predict_proba(
        self, X: Any, return_jacobian: Literal[True], return_std: Literal[False] = False
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict_proba(
        self, X: Any, return_jacobian: Literal[False] = False, *, return_std: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict_proba(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any: ...
    def predict_proba(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any:
        """Probability of each class, averaged over the members.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
        return_jacobian : bool, default=False
            Whether to return the derivatives of the probabilities with respect to X as well.
        return_std : bool, default=False
            Whether to return the standard deviation of the members' probabilities as well: how far they disagree.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; for labels that do not exclude one another, the probability of each.
        jacobian : ndarray of shape (n_samples, n_classes, n_features)
            With `return_jacobian`: how much each probability changes per unit of each feature; NaN for features that
            are not numbers.
        std : ndarray of shape (n_samples, n_classes)
            With `return_std`.
        """
        return self._outputs(X, return_jacobian, return_std)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`; -inf where a probability is too small for its dtype.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """Logarithm of the probabilities; for two classes, and for multiple labels, the log odds.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            The larger, the more probable; those of two classes are above 0 for `classes_[1]`.
        """
        probabilities = np.clip(self.predict_proba(X), SMALLEST, None)
        if isinstance(self._targets, LabelTargets):
            return np.log(probabilities) - np.log(np.clip(1 - probabilities, SMALLEST, None))
        scores = np.log(probabilities)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[False] = False, return_std: Literal[False] = False
    ) -> np.ndarray: ...
    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[True], return_std: Literal[False] = False
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[False] = False, *, return_std: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any: ...
    def predict(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any:
        """The most probable label; for multiple labels, all that are more probable than not.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
        return_jacobian, return_std : bool, default=False
            Whether to return the Jacobian, or the spread, of `predict_proba` as well: labels have none.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
        jacobian : ndarray of shape (n_samples, n_classes, n_features)
            With `return_jacobian`.
        std : ndarray of shape (n_samples, n_classes)
            With `return_std`.
        """
        predicted = self.predict_proba(X, return_jacobian, return_std)
        if not (return_jacobian or return_std):
            return self._targets.decided(predicted)
        return self._targets.decided(predicted[0]), *predicted[1:]
