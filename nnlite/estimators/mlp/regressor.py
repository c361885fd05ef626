"""MLPRegressor, scikit-learn's multi-layer perceptron for regression."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from nnlite.errors import DataError
from nnlite.estimators.fitting.failures import check_numbers
from nnlite.estimators.fitting.targets import dense_targets
from nnlite.estimators.fitting.weights import FLOATS
from nnlite.estimators.mlp.base import SPARSE, BaseMLP
from nnlite.estimators.mlp.partial import by_batches

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, BaseMLP):
    """scikit-learn's multi-layer perceptron for regression: same arguments, attributes and results, in less time.

    Several targets are trained by the sum of their losses. `loss_` and `loss_curve_` show the mean of their squared
    errors, as scikit-learn does; L-BFGS minimizes the sum, whose gradient scikit-learn takes for that of the mean.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        Half the squared error; or half the Poisson deviance of targets >= 0, with exp after the last layer.
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
        Whether "sgd" and "adam" set a part of the samples apart, stop by the score on it
        rather than by the training loss, and go back to the weights with the best score; a warm
        start, only to those that beat the score of earlier calls.
    validation_fraction : float in [0, 1), default=0.1
        The part that `early_stopping` sets apart. Where a tenth or more of few samples is less than two, two are set
        apart, which scikit-learn refuses. Where at least half of up to 100 samples are copies of others, weights
        being numbers of copies, all copies of a sample are in the same part.
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
    coefs_, intercepts_ : list of ndarray
        Kernel `(n_inputs, n_units)` and bias `(n_units,)` of each layer, in the dtype of X; predictions follow when
        they are changed or replaced.
    model_ : Sequential
        The network with the current weights, a copy, from X to y: for derivatives, and to save.
    loss_, best_loss_, loss_curve_ : float, float or None, list of float
        Training loss of the last epoch, the lowest one (None with early stopping), and that of each epoch; only the
        first with "lbfgs".
    validation_scores_, best_validation_score_ : list of float and float, or None
        R2 of the part set apart, with early stopping.
    n_iter_, t_ : int
        Epochs of the last call, or iterations of "lbfgs"; samples seen by "sgd" and "adam" in all calls.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        Number of layers, the inputs among them; of outputs; the activation of the last layer.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of features, and their names when X was a DataFrame with text as column names.

    See Also
    --------
    MLPClassifier : The same for classes as targets.
    NNRegressor : The regressor of nnlite, with any layers.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nnlite import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", tol=0.1, max_iter=1000, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.45
    True
    """

    def __init__(
        self,
        loss: Literal["squared_error", "poisson"] = "squared_error",
        hidden_layer_sizes: int | Sequence[int] | np.ndarray = (100,),
        activation: Literal["identity", "logistic", "tanh", "relu"] = "relu",
        *,
        solver: Literal["lbfgs", "sgd", "adam"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal["constant", "invscaling", "adaptive"] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.loss = loss

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Train; with `warm_start` from the weights of the last call, else from new ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers without missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; `predict` returns the same number of dimensions.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample in the loss; all the same when None.

        Returns
        -------
        self : MLPRegressor
        """
        self._check_parameters()
        return self._fit(X, y, sample_weight, incremental=False)

    @by_batches
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """Train for one epoch, with `solver="lbfgs"` for `max_iter` iterations, from the weights of the last call.

        Other solvers have no `partial_fit` with `early_stopping`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : MLPRegressor
        """
        self._check_parameters()
        return self._fit(X, y, sample_weight, incremental=True)

    def _read(self, X: Any, y: Any, goes_on: bool, reset: bool) -> tuple[Any, np.ndarray]:
        options: dict[str, Any] = {"accept_sparse": SPARSE, "multi_output": True, "dtype": FLOATS, "reset": reset}
        y = dense_targets(y)
        check_numbers(y, type(self).__name__)
        X, y = validate_data(self, X, y, y_numeric=True, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.reshape(len(y), -1).astype(X.dtype, copy=False)
        if self.loss == "poisson" and (y < 0).any():
            raise DataError("Some value(s) of y are out of the valid range of the loss 'poisson': they must be >= 0.")
        self.n_outputs_, self.out_activation_ = y.shape[1], "exp" if self.loss == "poisson" else "identity"
        return X, y

    def _score_of(self, outputs: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> float:
        return float(r2_score(y, outputs, sample_weight=sample_weight))

    def predict(self, X: Any) -> np.ndarray:
        """The expected targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._checked_outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
