"""Base of the estimators: reading tables, training by the recipe, the fitted model and its predictions."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from nnlite.data.batches import select_rows
from nnlite.data.encoders.tables import TableEncoder
from nnlite.errors import ConfigError, DataError
from nnlite.estimators.fitted import FittedNetwork
from nnlite.estimators.fitting.assembly import assembled, check_outputs, target_encoder, trained_part
from nnlite.estimators.fitting.failures import check_present, unchanged_by_failure
from nnlite.estimators.fitting.inputs import (
    as_matrix,
    code_columns,
    fitted_encoder,
    fitted_scaling,
    n_rows_of,
    number_columns,
    precision,
    read_inputs,
    scaled,
)
from nnlite.estimators.fitting.lbfgs import minimize
from nnlite.estimators.fitting.listening import CallbackSupportMixin, told_of_epochs, with_callbacks
from nnlite.estimators.fitting.policies import is_full_batch, is_lbfgs, warn_of_no_convergence
from nnlite.estimators.fitting.recipe import Problem, Recipe
from nnlite.estimators.fitting.rows import DistinctRows, distinct_rows
from nnlite.estimators.fitting.targets import Targets
from nnlite.estimators.fitting.training import Judged, Lesson, Outcome, learn
from nnlite.estimators.fitting.weights import checked_weight
from nnlite.estimators.nested import NestedParameters
from nnlite.estimators.parameters import AUTO, check_parameters
from nnlite.estimators.specs.directions import directions_of
from nnlite.estimators.specs.losses import loss_of
from nnlite.estimators.specs.stacks import copies
from nnlite.layers import Input, Layer
from nnlite.losses import Loss
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.registry.fields import Spec
from nnlite.schedules import LearningRateSchedule

Layers = Sequence[Spec[Layer]]


class Rows(NamedTuple):
    """The distinct rows of a table: scaled, with their targets, and their indices in the table."""

    x: Any
    y: np.ndarray
    distinct: DistinctRows


class BaseNetwork(FittedNetwork, NestedParameters, CallbackSupportMixin, BaseEstimator):
    """Base of the supervised estimators; each reads its targets, and writes `fit` and `predict`."""

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | np.ndarray = (128, 128, 128),
        *,
        layers: Layers | str | Callable[[int, int], Layers] | None = None,
        activation: Spec[ActivationFunction] = "auto",
        dropout: float | Spec[LearningRateSchedule] = "auto",
        loss: Any = "auto",
        optimizer: Spec[Optimizer] = "auto",
        learning_rate: float | Spec[LearningRateSchedule] = "auto",
        weight_decay: float | Spec[LearningRateSchedule] = "auto",
        alpha: float = 0.0,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        standardize: bool = True,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        tol: float = 1e-4,
        n_iter_no_change: int | None = None,
        n_members: int | str = "auto",
        monotonic_cst: Any = None,
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.layers = layers
        self.activation = activation
        self.dropout = dropout
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.alpha = alpha
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.n_members = n_members
        self.monotonic_cst = monotonic_cst
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _read_targets(
        self, n_rows: int, y: Any, known: Targets | None, classes: np.ndarray | None = None
    ) -> tuple[np.ndarray, Targets]:
        """`y` as an array, and what it is: `known`, if that is not None, which it must fit."""
        raise NotImplementedError

    def _fitted_encoder(self, table: Any) -> TableEncoder | None:
        """The encoder of the table of `fit`; None if it is a matrix of numbers already."""
        return fitted_encoder(table)

    def _row_weights(self, sample_weight: Any, y: np.ndarray) -> np.ndarray | None:
        return checked_weight(sample_weight, len(y))

    def _final_layers(self, judged: Judged | None) -> tuple[list[Layer], list[Layer]]:
        """Layers after each member's outputs, in place of the last activation, and after their average."""
        raise NotImplementedError

    @with_callbacks
    def _fit(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> Any:
        check_parameters(self.get_params(deep=False), type(self).__name__)
        with unchanged_by_failure(self):
            self._learn(X, y, sample_weight, X_val, y_val)
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any) -> None:
        goes_on = self._goes_on()
        rows = self._read_rows(X, y, sample_weight, goes_on)
        judges = self._read_judges(X_val, y_val)
        recipe = self._recipe(rows, goes_on)
        self.n_members_ = recipe.n_members
        network = self._ready_network(recipe, goes_on)
        lesson = self._lesson(rows, judges)
        with told_of_epochs(self, recipe.epochs, X, y) as listeners:
            outcome = (minimize if is_lbfgs(self.optimizer) else learn)(network, lesson, recipe, listeners)
        self._trained_by = recipe
        if not outcome.ended:
            warn_of_no_convergence(recipe.parameters, recipe.epochs)
        self._settle(network, outcome, rows)
        self._keep_history(outcome, len(rows.y))
        self._online = None

    @with_callbacks
    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: np.ndarray | None = None) -> Any:
        check_parameters(self.get_params(deep=False), type(self).__name__)
        with unchanged_by_failure(self):
            self._learn_some(X, y, sample_weight, classes)
        return self

    def _learn_some(self, X: Any, y: Any, sample_weight: Any, classes: np.ndarray | None) -> None:
        goes_on = self._goes_on(online=True)
        rows = self._read_rows(X, y, sample_weight, goes_on, classes)
        recipe = self._recipe(rows, goes_on, online=True)
        self.n_members_ = recipe.n_members
        network = vars(self).get("_online")
        if network is None:
            network = self._ready_network(recipe, goes_on)
        outcome = learn(network, self._lesson(rows, None), recipe, [])
        self._trained_by = recipe
        self._settle(network, outcome, rows)
        self._keep_history(outcome, len(rows.y), added=goes_on)
        self._online = network

    def _goes_on(self, online: bool = False) -> bool:
        """Whether the present network is trained further, in place of a new one."""
        return (online or bool(self.warm_start)) and self.__sklearn_is_fitted__()

    def _read_rows(self, X: Any, y: Any, sample_weight: Any, goes_on: bool, classes: np.ndarray | None = None) -> Rows:
        """The distinct rows, scaled; afterwards the estimator knows its columns and its targets."""
        table = read_inputs(self, X, not goes_on, y)
        y, self._targets = self._read_targets(n_rows_of(table), y, self._targets if goes_on else None, classes)
        if not goes_on:
            self._encoder, self._precision = self._fitted_encoder(table), precision(table)
        matrix = self._matrix(table) if goes_on else as_matrix(table, self._encoder)
        distinct = distinct_rows(matrix, self._targets.keys(y), self._row_weights(sample_weight, y))
        matrix, y = select_rows(matrix, distinct.first), y[distinct.first]
        if not goes_on:
            self._targets.learn(y, distinct.weights)
            vars(self).pop("target_names_", None)
            if self._targets.names is not None:
                self.target_names_ = np.asarray(self._targets.names, object)
            self._scaling = fitted_scaling(matrix, self._encoder) if self.standardize else None
        return Rows(scaled(matrix, self._scaling, self._precision), y, distinct)

    def _read_judges(self, X: Any, y: Any) -> tuple[Any, np.ndarray] | None:
        """Rows that judge the epochs: scaled as the others, with their targets as the loss takes them."""
        if X is None and y is None:
            return None
        if y is None:
            raise ConfigError("X_val was passed without y_val, its targets", ("y_val",))
        if X is None:
            raise ConfigError("y_val was passed without X_val, its rows", ("X_val",))
        check_present(y, "y_val")
        table = read_inputs(self, X, False, y)
        try:
            y, _ = self._read_targets(n_rows_of(table), y, self._targets)
        except DataError as error:
            raise DataError(f"y_val: {error}") from None
        return self._scaled(table), self._targets.encode(y)

    def _scaled(self, table: Any) -> Any:
        """The result of `read_inputs` as the network takes it."""
        return scaled(self._matrix(table), self._scaling, self._precision)

    def _recipe(self, rows: Rows, goes_on: bool, online: bool = False) -> Recipe:
        width, targets = rows.x.shape[1], self._targets
        codes, numbers = code_columns(self._encoder), number_columns(width, self._encoder)
        directions = directions_of(self, self._encoder)
        sizes = len(rows.y), width, targets.n_outputs
        problem = Problem(targets.task, *sizes, targets.activation, codes, numbers, directions)
        return Recipe(self.get_params(deep=False), problem, online, self.n_members_ if goes_on else None)

    def _new_network(self, recipe: Recipe) -> Sequential:
        """A network of the recipe's layers, not trained yet, for scaled rows: `(members, columns)` for several."""
        width = recipe.problem.width
        shape = (width,) if self.n_members_ == 1 else (self.n_members_, width)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        network = Sequential([Input(shape), *recipe.layers()], seed=seed, dtype=self._precision)
        check_outputs(network, self._targets)
        return network

    def _network(self) -> Sequential:
        """The network inside the model, once more as it was trained."""
        return trained_part(self.model_, self._core, self._targets.activation)

    def _ready_network(self, recipe: Recipe, goes_on: bool) -> Sequential:
        """A network to be trained as the recipe says: that inside the model, or a new one."""
        network = self._network() if goes_on else self._new_network(recipe)
        if self._targets.n_outputs == 1 and self._targets.activation == "softmax":
            network.trainer.last_layer.trust()  # one class, whose share is 1, rightly
        network.compile(recipe.optimizer(), self._loss(), list(self._targets.metrics))
        return network

    def _lesson(self, rows: Rows, judges: tuple[Any, np.ndarray] | None) -> Lesson:
        targets = self._targets
        return Lesson(rows.x, targets.encode(rows.y), rows.distinct.weights, targets.mixed(rows.y), judges)

    def _loss(self) -> Loss:
        """The loss, in which a weight of 2 is the same as a row that occurs twice."""
        spec = self._targets.loss if isinstance(self.loss, str) and self.loss == AUTO else self.loss
        loss = loss_of(spec, self._targets)
        weighted = copy.copy(loss)
        weighted.reduction = "mean_with_sample_weight"
        return weighted

    def _settle(self, network: Sequential, outcome: Outcome, rows: Rows) -> None:
        """Make the model of what was trained; keep what members say of rows that they did not learn from."""
        if not np.isfinite(outcome.history["loss"][-1]):
            raise DataError(
                f"the loss became {outcome.history['loss'][-1]} in training: lower the learning_rate or standardize "
                f"the data"
            )
        before, after = self._final_layers(outcome.judged)
        self.model_, self._core = assembled(network, self.n_members_, self._scaling, before, after)
        self.model_.encoder, self.model_.target = self._encoder, target_encoder(self._targets)
        vars(self).pop("oof_prediction_", None)
        judged = outcome.judged
        if judged is not None and judged.rows is not None and self.n_members_ > 1:
            outputs = self._targets.before_activation(judged.outputs) if before else judged.outputs
            for layer in copies([*before, *after]):  # of rows without the axis of members
                outputs = layer(outputs)
            predicted = np.full((len(rows.distinct.inverse), *outputs.shape[1:]), np.nan, outputs.dtype)
            is_known = rows.distinct.inverse >= 0
            predicted[is_known] = outputs[rows.distinct.inverse[is_known]]
            self.oof_prediction_ = self._targets.shaped(predicted)

    def _keep_history(self, outcome: Outcome, n_rows: int, added: bool = False) -> None:
        history = outcome.history
        self.t_ = n_rows * len(history["loss"]) + (self.t_ if added else 0)
        if added:
            history = {name: [*self.history_.get(name, []), *values] for name, values in history.items()}
        self.history_, self.n_iter_ = history, len(history["loss"])
        self.loss_curve_, self.validation_loss_curve_ = history["loss"], history.get("val_loss")
        self.loss_ = history["loss"][-1 if outcome.best_epoch is None else outcome.best_epoch]
        self.best_loss_ = min(history["loss"])
        self.validation_scores_ = self._targets.scores(history)
        self.best_validation_score_ = None if self.validation_scores_ is None else max(self.validation_scores_)
        self.n_outputs_ = self._targets.n_outputs

    def _learns_by_batches(self) -> bool:
        """Whether there is `partial_fit`; AttributeError with the reason if not."""
        if is_lbfgs(self.optimizer) or (self.optimizer != AUTO and is_full_batch(self.optimizer)):
            shown = f"optimizer={self.optimizer!r}"
            raise AttributeError(f"partial_fit takes rows by batches, {shown} all at once: choose another solver")
        return True
