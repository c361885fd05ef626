"""MLPClassifier, scikit-learn's multi-layer perceptron for classification."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from nnlite.errors import DataError
from nnlite.estimators.fitting.weights import FLOATS
from nnlite.estimators.mlp.base import SPARSE, BaseMLP
from nnlite.estimators.mlp.partial import by_batches, is_stochastic

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """scikit-learn's multi-layer perceptron for classification: same arguments, attributes and results, in less time.

    It is trained by cross-entropy, on one logistic output for two classes, a softmax for more, and a logistic output
    for each label where samples have several.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer; `()` makes a linear model.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation function of the hidden layers.
    solver : {"lbfgs", "sgd", "adam"}, default="adam"
        L-BFGS on all samples at once, which suits small data; stochastic gradient descent; or Adam.
    alpha : float, default=0.0001
        L2 penalty: `alpha / 2` times the squared weights, over the number of samples of the batch, or the sum of their
        weights, is added to the loss.
    batch_size : int or "auto", default="auto"
        Samples per step of "sgd" and "adam"; "auto" is `min(200, n_samples)`.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        Of "sgd": `learning_rate_init`; that over `t_ ** power_t`, changed after each epoch; or that, divided by 5 each
        time training would have ended, down to 1e-6.
    learning_rate_init : float, default=0.001
        Learning rate of "sgd" and "adam".
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        The most iterations; these are epochs with "sgd" and "adam".
    shuffle : bool, default=True
        Whether "sgd" and "adam" take the samples in a new order in each epoch.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, the part for early stopping and the order of samples. An int gives the same fit every
        time, and the one that scikit-learn gives.
    tol : float, default=1e-4
        What counts as an improvement of loss or score; for "lbfgs", the largest slope at the end.
    verbose : bool or int, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last call.
    momentum : float in [0, 1], default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" looks ahead along its momentum.
    early_stopping : bool, default=False
        Whether "sgd" and "adam" set a part of the samples apart, stop by the score on it rather than by the training
        loss, and go back to the weights with the best score; a warm start, only to those that beat the score of earlier
        calls. It is the part that scikit-learn draws, which keeps the shares of two classes, but not those of more.
    validation_fraction : float in [0, 1), default=0.1
        The part that `early_stopping` sets apart. Where a tenth or more of few samples is less than two, or than the
        two classes, more are set apart, which scikit-learn refuses. Where at least half of up to 100 samples are
        copies of others, weights being numbers of copies, all copies of a sample are in the same part.
    beta_1 : float in [0, 1), default=0.9
        Share of the running mean of the gradients that "adam" keeps.
    beta_2 : float in [0, 1), default=0.999
        Share of the running mean of their squares.
    epsilon : float, default=1e-8
        Keeps the division of "adam" finite.
    n_iter_no_change : int or inf, default=10
        Epochs in a row without an improvement by `tol` that are borne; one more ends training.
    max_fun : int, default=15000
        The most evaluations of the loss by "lbfgs".

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coefs_, intercepts_ : list of ndarray
        Kernel `(n_inputs, n_units)` and bias `(n_units,)` of each layer, in the dtype of X; predictions follow when
        they are changed or replaced.
    model_ : Sequential
        The network with the current weights, a copy, from X to probabilities: for derivatives, and to save.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        Training loss of the last epoch, the lowest one (None with early stopping), and that of each epoch; only the
        first with "lbfgs".
    validation_scores_, best_validation_score_ : list of float and float, or None
        Accuracy of the part set apart, with early stopping.
    n_iter_, t_ : int
        Epochs of the last call, or iterations of "lbfgs"; samples seen by "sgd" and "adam" in all calls.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        Number of layers, the inputs among them; of outputs; the activation of the last layer.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of features, and their names when X was a DataFrame with text as column names.

    See Also
    --------
    MLPRegressor : The same for numbers as targets.
    NNClassifier : The classifier of nnlite, with any layers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnlite import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=(10,), solver="lbfgs", random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.95
    True
    """

    loss: str = "log_loss"
    classes_: np.ndarray
    _multilabel: bool
    _label_form: Any  # the type of y, an array or a sparse matrix

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPClassifier":
        """Train; with `warm_start` from the weights of the last call, else from new ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels; an indicator matrix of zeros and ones where a sample has several labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss; all the same when None.

        Returns
        -------
        self : MLPClassifier
        """
        self._check_parameters()
        return self._fit(X, y, sample_weight, incremental=False)

    @by_batches
    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """Train for one epoch; not available with `solver="lbfgs"` or `early_stopping`.

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
        earlier = vars(self).get("classes_")
        if earlier is None and classes is None:
            raise DataError("classes must be passed on the first call to partial_fit.")
        if earlier is None:
            self.classes_, self._multilabel = unique_labels(classes), type_of_target(y).startswith("multilabel")
        elif classes is not None and not np.array_equal(earlier, unique_labels(classes)):
            raise DataError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {earlier!r}")

    def _read(self, X: Any, y: Any, goes_on: bool, reset: bool) -> tuple[Any, np.ndarray]:
        options: dict[str, Any] = {"accept_sparse": SPARSE, "multi_output": True, "dtype": FLOATS, "reset": reset}
        X, y = validate_data(self, X, y, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._label_form, kind = type(y), type_of_target(y)
        if kind in ("multiclass", "binary"):
            classes = unique_labels(y)
        elif kind == "multilabel-indicator":
            classes = np.arange(y.shape[1])
        else:
            check_classification_targets(y)
            raise DataError("Multioutput target data is not supported with label binarization")
        if goes_on and "classes_" in vars(self):
            self._check_classes(classes, kind == "multilabel-indicator")
        else:
            self.classes_, self._multilabel = classes, kind == "multilabel-indicator"
        return X, self._encoded(y, X.dtype)

    def _check_classes(self, classes, multilabel):
        if multilabel != self._multilabel:
            before, now = ("one class", "several labels") if multilabel else ("several labels", "one class")
            raise DataError(f"`y` has {now} per sample, and had {before} in the previous call; clone the estimator")
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

    def _stratifies(self) -> bool:
        """Whether there are two classes, as in scikit-learn; with more, the part is a simple draw."""
        return self.n_outputs_ == 1

    def _decided(self, outputs):
        """The outputs as `_encoded` writes targets."""
        return outputs.argmax(axis=1) if self.out_activation_ == "softmax" else outputs > 0.5

    def _score_of(self, outputs: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> float:
        right = self._decided(outputs) == y
        return float(np.average(right if right.ndim == 1 else right.all(axis=1), weights=sample_weight))

    def predict(self, X: Any) -> Any:
        """The most probable class, or for multiple labels an indicator matrix of those that are more probable than not.

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
        """Logarithm of `predict_proba`; -inf where a probability is too small for its dtype.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
