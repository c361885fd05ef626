"""NNClassifier, a neural network that tells classes apart."""

from typing import Any, Literal, overload

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from nnlite.estimators.base import FLOATS, BaseNetwork, checked_weight

__all__ = ["NNClassifier"]


class NNClassifier(ClassifierMixin, BaseNetwork):
    """Neural network for two or more classes: hidden layers, then a softmax trained by cross-entropy.

    Two classes are two outputs as well. The weights are float32 (`nnlite.config.set_floatx` changes that);
    standardisation is done in the precision of X.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden `Dense` layer; `()` makes a linear model.
    layers : list of layers, callable or None, default=None
        A list takes the place of `hidden_layer_sizes`, `activation` and `dropout`: instances, names or
        `{name: {arguments}}`. A callable `(n_features, n_outputs) -> list` makes the whole stack and must end in
        a softmax over `n_outputs` classes.
        Layers are copied by their configuration, so every fit starts from new weights.
    activation : str, dict or ActivationFunction, default="relu"
        Activation function of the hidden layers.
    dropout : float in [0, 1), default=0.0
        Fraction of the outputs of each hidden layer that is dropped while training.
    optimizer : str, dict or Optimizer, default="adam"
        For example `"sgd"` or `{"AdamW": {"weight_decay": 0.01}}`.
    learning_rate : float, dict, LearningRateSchedule or None, default=None
        In place of the optimizer's own, which is 0.001 for Adam.
    epochs : int, default=100
        Passes over the data; the most there are with `early_stopping`.
    batch_size : int, default=32
        Samples per training step. Larger is faster, and often needs more epochs.
    standardize : bool, default=True
        Bring each feature to mean 0 and variance 1, as networks need; False leaves X to you, which a
        stack that begins with an `Embedding` needs.
    early_stopping : bool, default=False
        Set a part of the samples apart, stop when the loss on it has not improved for `n_iter_no_change` epochs,
        and go back to the weights of the best epoch.
    validation_fraction : float in (0, 1), default=0.1
        The part that `early_stopping` sets apart, at random with the mix of classes kept.
    n_iter_no_change : int, default=10
        Patience of `early_stopping`, in epochs.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, shuffling, dropout and the validation part. An int gives the same fit every time.
    verbose : int, default=0
        1 shows a progress bar, 2 one line per epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : Sequential
        The fitted network, from X as given to class probabilities; `model_.save(path)` writes it.
    history_ : dict of str to list of float
        `"loss"` and `"accuracy"` of each epoch; `"val_loss"` and `"val_accuracy"` with `early_stopping`.
    loss_ : float
        Training loss of the last epoch.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    See Also
    --------
    NNRegressor : The same for numbers as targets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnlite import NNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> NNClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _loss = "SparseCategoricalCrossentropy"
    _metrics = ("accuracy",)
    _output_activation = "softmax"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNClassifier":
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,)
            Labels: numbers or text.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss, >= 0; all the same when None.

        Returns
        -------
        self : NNClassifier
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._train(X, codes, len(self.classes_), checked_weight(sample_weight, X))

    @overload
    def predict_proba(self, X: Any, return_jacobian: Literal[False] = False) -> np.ndarray: ...
    @overload
    def predict_proba(self, X: Any, return_jacobian: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict_proba(self, X: Any, return_jacobian: bool) -> Any: ...
    def predict_proba(self, X: Any, return_jacobian: bool = False) -> Any:
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_jacobian : bool, default=False
            Whether to return the derivatives of the probabilities by X, as given, as well.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        jacobian : ndarray of shape (n_samples, n_classes, n_features)
            With `return_jacobian`: how much each probability changes per unit of each feature.
        """
        return self._outputs(X, return_jacobian)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of `predict_proba`; -inf where a probability is too small for its dtype.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    @overload
    def predict(self, X: Any, return_jacobian: Literal[False] = False) -> np.ndarray: ...
    @overload
    def predict(self, X: Any, return_jacobian: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(self, X: Any, return_jacobian: bool) -> Any: ...
    def predict(self, X: Any, return_jacobian: bool = False) -> Any:
        """The most probable label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_jacobian : bool, default=False
            Whether to return the Jacobian of `predict_proba` as well: labels have no derivative, probabilities do.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        jacobian : ndarray of shape (n_samples, n_classes, n_features)
            With `return_jacobian`: derivatives of the probabilities, in the order of `classes_`, by X as given.
        """
        found = self.predict_proba(X, return_jacobian)
        probabilities = found[0] if return_jacobian else found
        labels = self.classes_[probabilities.argmax(axis=1)]
        return (labels, found[1]) if return_jacobian else labels

    def _output_names(self):
        return "class", self.classes_.tolist()
