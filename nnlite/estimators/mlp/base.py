"""Base of both multi-layer perceptrons: the parameters, and scikit-learn's order of calls."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from nnlite.errors import ConfigError, DataError
from nnlite.estimators.fitting.failures import unchanged_by_failure
from nnlite.estimators.fitting.weights import checked_weight
from nnlite.estimators.mlp.lbfgs import GradientsOnly, minimize
from nnlite.estimators.mlp.network import Network, as_model, forward, initial_weights
from nnlite.estimators.mlp.objectives import objective_of
from nnlite.estimators.mlp.parameters import RULES, hidden_units
from nnlite.estimators.mlp.parts import divided
from nnlite.estimators.mlp.stochastic import Rows, Training, optimizer_of
from nnlite.estimators.parameters import check_parameters
from nnlite.estimators.pickling import state_of, take_state
from nnlite.models import Sequential
from nnlite.optimizers import Optimizer
from nnlite.training.resources import suited

__all__ = ["SPARSE", "BaseMLP"]


SPARSE = ("csr", "csc")


class BaseMLP(BaseEstimator):
    """Base of `MLPClassifier` and `MLPRegressor`, which read targets and convert outputs to predictions."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    loss_: float
    best_loss_: Any
    loss_curve_: list[float]
    validation_scores_: Any
    best_validation_score_: Any
    t_: int
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    n_features_in_: int
    out_activation_: str
    _network: Network | None
    _optimizer: Optimizer
    _no_improvement_count: int

    def __init__(
        self,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    def _read(self, X: Any, y: Any, goes_on: bool, reset: bool) -> tuple[Any, np.ndarray]:
        """X, and y as the loss takes it; `n_outputs_` and `out_activation_` are set."""
        raise NotImplementedError

    def _score_of(self, outputs: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> float:
        """The score of these outputs for the targets `y` as `_read` returns them."""
        raise NotImplementedError

    def _stratifies(self) -> bool:
        """Whether the parts for early stopping keep the shares of classes; else they are a simple draw."""
        return False

    def _check_parameters(self) -> None:
        if not get_config()["skip_parameter_validation"]:
            check_parameters(self.get_params(deep=False), type(self).__name__, RULES)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        hidden = hidden_units(self.hidden_layer_sizes)
        fitted = "coefs_" in vars(self)
        fresh = not fitted or not (self.warm_start or incremental)
        with unchanged_by_failure(self):
            X, y = self._read(X, y, self.warm_start or incremental, fresh)
            if not isinstance(X, np.ndarray):
                X = X.tocsr()
            data, random = (
                Rows(X, y, checked_weight(sample_weight, len(y), negative=True)),
                check_random_state(self.random_state),
            )
        units = [X.shape[1], *hidden, self.n_outputs_]
        if fresh:
            self._start(units, X.dtype, random)
        elif units != [*map(len, self.coefs_), len(self.intercepts_[-1])]:
            past = [len(intercept) for intercept in self.intercepts_]
            raise ConfigError(
                f"the weights to continue from belong to layers of {past} units, but layers of {units[1:]} units are "
                "needed; set warm_start=False and call fit, or clone the estimator"
            )
        self._solve(units, data, incremental, random)
        self._check_finite()
        return self

    def _start(self, units: list[int], dtype: np.dtype, random: np.random.RandomState) -> None:
        """Forget what was learned."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(units)
        self.coefs_, self.intercepts_ = initial_weights(units, self.activation, dtype, random)
        for name in {"_network", "_optimizer", "_no_improvement_count"} & vars(self).keys():
            delattr(self, name)

    def _solve(self, units: list[int], data: Rows, incremental: bool, random: np.random.RandomState) -> None:
        objective = objective_of(self.out_activation_, self.n_outputs_)
        dtype = self.coefs_[0].dtype
        batch_size = 200 if self.batch_size == "auto" else int(self.batch_size)
        epochs = 1 if incremental else self.max_iter
        if self.solver == "lbfgs":
            network = Network(units, self.activation, objective, GradientsOnly(), np.dtype(np.float64))
            network.assign(self.coefs_, self.intercepts_)
            with suited(cast(Any, network.model), batch_size):
                minimize(self, network, data)
            self.coefs_, self.intercepts_ = ([array.astype(dtype) for array in group] for group in network.weights)
            return
        if not incremental or "_optimizer" not in vars(self):
            self._optimizer = optimizer_of(self)
        network = self._ready_network(units, dtype)
        data = Rows(data.X.astype(dtype, copy=False), *data[1:])
        steps = epochs * -(-data.X.shape[0] // batch_size)
        with suited(cast(Any, network.model), batch_size, steps, may_end=not incremental):
            self._train(network, data, incremental, random)

    def _ready_network(self, units: list[int], dtype: np.dtype) -> Network:
        """The network with the weights of the estimator, which from now on are the network's own."""
        network = vars(self).get("_network")
        if network is None or not network.is_for(units, self.activation):
            objective = objective_of(self.out_activation_, self.n_outputs_)
            self._network = network = Network(units, self.activation, objective, self._optimizer, dtype)
        elif network.model.optimizer is not self._optimizer:
            network.use(self._optimizer)
        network.assign(self.coefs_, self.intercepts_)
        self.coefs_, self.intercepts_ = network.weights
        return network

    def _train(self, network: Network, data: Rows, incremental: bool, random: np.random.RandomState) -> None:
        """Train by batches; with early stopping on a part of the data, and back to the best weights."""
        if "_no_improvement_count" not in vars(self) or (self.best_loss_ is None) != self.early_stopping:
            self._start_curves()
        if not self.early_stopping:
            Training(self, network, data, None, random).run(incremental)
            return
        train, test = divided(data, float(self.validation_fraction), self._stratifies(), random)

        def score() -> float:
            outputs = self._outputs(test.X)
            return self._score_of(outputs, test.y, test.sample_weight) if np.isfinite(outputs).all() else np.nan

        training = Training(self, network, train, score, random)
        training.run(incremental)
        network.values[...] = training.best

    def _start_curves(self) -> None:
        self._no_improvement_count, self.loss_curve_ = 0, []
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _check_finite(self) -> None:
        if not all(np.isfinite(array).all() for array in [*self.coefs_, *self.intercepts_]):
            raise DataError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                "preprocessed."
            )

    def _outputs(self, X: Any) -> np.ndarray:
        """The outputs for checked data. Shape: (rows, n_outputs_)."""
        return forward(X, self.coefs_, self.intercepts_, self.activation, self.out_activation_)

    def _checked_outputs(self, X: Any) -> np.ndarray:
        if "coefs_" not in vars(self):  # to ask is quicker than the check, which takes a tenth of a small prediction
            check_is_fitted(self)
        return self._outputs(validate_data(self, X, accept_sparse=SPARSE, reset=False))

    @property
    def model_(self) -> Sequential:
        """The fitted network as a new `Sequential` with the current weights: for derivatives, or to save."""
        check_is_fitted(self)
        return as_model(self.coefs_, self.intercepts_, self.activation, self.out_activation_)

    def __getstate__(self) -> dict:
        """The state without the network, which is rebuilt on demand."""
        return {name: value for name, value in state_of(self).items() if name != "_network"}

    __setstate__ = take_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
