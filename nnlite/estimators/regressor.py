"""NNRegressor, a neural network that predicts numbers."""

from typing import Any, Literal, overload

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from nnlite.estimators.base import FLOATS, BaseNetwork, checked_weight, normalization

__all__ = ["NNRegressor"]


class NNRegressor(RegressorMixin, BaseNetwork):
    """Neural network for one or more numbers as targets: hidden layers, then a linear one trained by squared error.

    The weights are float32 (`nnlite.config.set_floatx` changes that); standardisation is done in the precision of
    X and of y.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden `Dense` layer; `()` makes a linear model.
    layers : list of layers, callable or None, default=None
        A list takes the place of `hidden_layer_sizes`, `activation` and `dropout`: instances, names or
        `{name: {arguments}}`. A callable `(n_features, n_outputs) -> list` makes the whole stack with its
        `n_outputs` outputs.
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
        Bring each feature and each target to mean 0 and variance 1, as networks need; predictions are in the units
        of y all the same. False leaves X and y to you, which a stack that begins with an `Embedding` needs.
    early_stopping : bool, default=False
        Set a part of the samples apart, stop when the loss on it has not improved for `n_iter_no_change` epochs,
        and go back to the weights of the best epoch.
    validation_fraction : float in (0, 1), default=0.1
        The part that `early_stopping` sets apart, at random.
    n_iter_no_change : int, default=10
        Patience of `early_stopping`, in epochs.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, shuffling, dropout and the validation part. An int gives the same fit every time.
    verbose : int, default=0
        1 shows a progress bar, 2 one line per epoch.

    Attributes
    ----------
    model_ : Sequential
        The fitted network, from X as given to y in its own units; `model_.save(path)` writes it.
    history_ : dict of str to list of float
        `"loss"` of each epoch, of the standardised targets; `"val_loss"` with `early_stopping`.
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
    NNClassifier : The same for classes as targets.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nnlite import NNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNRegressor(hidden_layer_sizes=(32, 16), early_stopping=True, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.45
    True
    """

    _loss = "MeanSquaredError"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNRegressor":
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; `predict` returns the same number of dimensions.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss, >= 0; all the same when None.

        Returns
        -------
        self : NNRegressor
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        sample_weight = checked_weight(sample_weight, X)
        self._squeeze = y.ndim == 1
        y = y.reshape(len(y), -1).astype(y.dtype if y.dtype in FLOATS else np.float64, copy=False)
        restore = []
        if self.standardize:
            restore = [normalization(y, sample_weight, name="restore_targets", invert=True)]
            y = normalization(y, sample_weight)(y)
        return self._train(X, y, y.shape[1], sample_weight, restore)

    @overload
    def predict(self, X: Any, return_jacobian: Literal[False] = False) -> np.ndarray: ...
    @overload
    def predict(self, X: Any, return_jacobian: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(self, X: Any, return_jacobian: bool) -> Any: ...
    def predict(self, X: Any, return_jacobian: bool = False) -> Any:
        """The expected targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        return_jacobian : bool, default=False
            Whether to return the derivatives of the targets by X as well, in the units of y per unit of X.

        Returns
        -------
        targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        jacobian : ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            With `return_jacobian`.
        """
        found = self._outputs(X, return_jacobian)
        found = [array[:, 0] if self._squeeze else array for array in (found if return_jacobian else [found])]
        return tuple(found) if return_jacobian else found[0]

    def _output_names(self):
        return "output", None if self._squeeze else [f"y{place}" for place in range(self.model_.output_shape[-1])]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
