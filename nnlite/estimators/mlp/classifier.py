"""MLPClassifier, scikit-learn's multi-layer perceptron for classes."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from nnlite.errors import DataError
from nnlite.estimators.mlp.base import FLOATS, SPARSE, BaseMLP
from nnlite.kernels import log_softmax, softplus

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """DOC"""

    classes_: np.ndarray
    _multilabel: bool
    _label_form: Any  # the type of y, an array or a sparse matrix

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPClassifier":
        """Train; from the weights of the last call with `warm_start`, else from new ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; an indicator matrix of zeros and ones where a sample has several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss, >= 0; all the same when None.

        Returns
        -------
        self : MLPClassifier
        """
        self._check_parameters()
        return self._fit(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._check_stochastic())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """Train for one epoch; not with `solver="lbfgs"`, nor with `early_stopping`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All classes that there will be; needed in the first call, and the same later.

        Returns
        -------
        self : MLPClassifier
        """
        self._check_parameters()
        self._read_classes(y, classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def _read_classes(self, y, classes):
        known = vars(self).get("classes_")
        if known is None and classes is None:
            raise DataError("classes must be passed on the first call to partial_fit.")
        if known is None:
            self.classes_, self._multilabel = unique_labels(classes), type_of_target(y).startswith("multilabel")
        elif classes is not None and not np.array_equal(known, unique_labels(classes)):
            raise DataError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}")

    def _read(self, X: Any, y: Any, goes_on: bool, reset: bool) -> tuple[Any, np.ndarray]:
        options: dict[str, Any] = {"accept_sparse": SPARSE, "multi_output": True, "dtype": FLOATS, "reset": reset}
        X, y = validate_data(self, X, y, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._label_form, kind = type(y), type_of_target(y)
        if kind in ("multiclass", "binary"):
            classes = np.unique(y)
        elif kind == "multilabel-indicator":
            classes = np.arange(y.shape[1])
        else:
            check_classification_targets(y)
            raise DataError("Multioutput target data is not supported with label binarization")
        if goes_on and "classes_" in vars(self):
            self._check_classes(classes)
        else:
            self.classes_, self._multilabel = classes, kind == "multilabel-indicator"
        return X, self._encoded(y, X.dtype)

    def _check_classes(self, classes):
        strange = set(classes.tolist()) ^ set(self.classes_.tolist())
        if self.warm_start and strange:
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {classes}"
            )
        if strange - set(self.classes_.tolist()):
            raise DataError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encoded(self, y, dtype):
        """Zeros and ones, a column for each output; of three and more classes the number of each row's."""
        if self._multilabel:
            y = y if isinstance(y, np.ndarray) else y.toarray()
            self.n_outputs_, self.out_activation_ = y.shape[1], "logistic"
            return y.astype(dtype)
        codes = np.searchsorted(self.classes_, y)
        if len(self.classes_) > 2:
            self.n_outputs_, self.out_activation_ = len(self.classes_), "softmax"
            return codes
        self.n_outputs_, self.out_activation_ = 1, "logistic"
        return codes.astype(dtype)[:, None]

    def _stratify(self, y: np.ndarray) -> np.ndarray | None:
        """The classes, where each has two samples and either part has room for all; nothing for several labels."""
        if self._multilabel:
            return None
        counts, least = np.unique(y, return_counts=True)[1], min(self.validation_fraction, 1 - self.validation_fraction)
        return y if counts.min() >= 2 and least * len(y) >= len(counts) else None

    def _decided(self, outputs):
        """The outputs as `_encoded` writes targets."""
        return outputs.argmax(axis=1) if self.out_activation_ == "softmax" else outputs > 0.5

    def _score_of(self, outputs: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> float:
        right = self._decided(outputs) == y
        return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=sample_weight))

    def predict(self, X: Any) -> Any:
        """The most probable class, or an indicator matrix of the labels that are more probable than not.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
            A sparse matrix where that was the form of y in `fit`.
        """
        decided = self._decided(self._checked_outputs(X))
        if self._multilabel:
            labels = decided.astype(np.int64)
            return labels if self._label_form is np.ndarray else self._label_form(labels)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(decided))
        return self.classes_[decided.ravel().astype(np.intp)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        outputs = self._checked_outputs(X)
        if outputs.shape[1] > 1 or self._multilabel:
            return outputs
        return np.concatenate([1 - outputs, outputs], axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`, finite also where that is rounded to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        logits = self._checked_outputs(X, logits=True)
        if self.out_activation_ == "softmax":
            return log_softmax(logits)
        if self._multilabel:
            return -softplus(-logits)
        return -softplus(np.concatenate([logits, -logits], axis=1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
