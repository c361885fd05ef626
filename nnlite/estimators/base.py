"""What both estimators share: the parameters, and their translation into calls of `Sequential`."""

from collections.abc import Callable, Sequence
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from nnlite.callbacks import EarlyStopping
from nnlite.config import FloatType
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.estimators.parameters import check_parameters
from nnlite.estimators.tables import labelled_table
from nnlite.layers import Dense, Layer, Normalization
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction
from nnlite.optimizers import LearningRateSchedule, Optimizer
from nnlite.registry.field_types import Count, jsonable, read
from nnlite.registry.fields import Spec

if TYPE_CHECKING:
    import pandas as pd

FLOATS = [np.float64, np.float32]
ROWS_AT_ONCE = 1024
Layers = Sequence[Spec[Layer]]


class BaseNetwork(BaseEstimator):
    """Base of the estimators; each sets `_loss`, `_metrics`, `_output_activation`, and writes `fit` and `predict`."""

    _loss: str
    _metrics: tuple[str, ...] = ()
    _output_activation: str | None = None
    model_: Sequential
    n_features_in_: int
    history_: dict[str, list[float]]
    loss_: float
    n_iter_: int

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | np.ndarray = (100,),
        *,
        layers: Layers | Callable[[int, int], Layers] | None = None,
        activation: Spec[ActivationFunction] = "relu",
        dropout: float = 0.0,
        optimizer: Spec[Optimizer] = "adam",
        learning_rate: float | Spec[LearningRateSchedule] | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        standardize: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.layers = layers
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_parameters(self.get_params(deep=False), type(self).__name__)

    def _train(self, X, y, n_outputs, sample_weight, restore=()):
        """Train `model_` on standardised inputs; afterwards it scales by itself, and ends in the layers `restore`."""
        scale = [normalization(X, sample_weight, name="standardize_inputs")] if self.standardize else []
        for layer in scale:
            X = layer(X)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        model = Sequential(self._layer_stack(X.shape[1], n_outputs), seed=seed)
        # Dividing by the sum of the weights makes a weight of 2 the same as a sample that is there twice.
        loss = {self._loss: {"reduction": "mean_with_sample_weight"}}
        model.compile(self._own_optimizer(), loss, list(self._metrics))
        model.adapt(X)
        self._check_outputs(model, n_outputs)
        history = model.fit(X, y, sample_weight=sample_weight, **self._fit_arguments())
        self.history_ = history.history
        self.n_iter_ = len(history.epoch)
        self.loss_ = self.history_["loss"][-1]
        if not np.isfinite(self.loss_):
            raise DataError(
                f"the loss became {self.loss_} in training: lower the learning_rate or standardize the data"
            )
        for layer in scale:  # put in only now: the layers' numbers decide first weights and dropout
            model._insert(0, layer)
        for layer in restore:
            model.add(layer)
        self.model_ = model
        return self

    def _layer_stack(self, n_features, n_outputs):
        """Layers for a new network; those of the user are copied, so that a fit leaves them alone."""
        if callable(self.layers):
            return _copies(self.layers(n_features, n_outputs))
        hidden = self._hidden_layers() if self.layers is None else _copies(self.layers)
        return [*hidden, Dense(n_outputs, activation=self._output_activation)]

    def _hidden_layers(self):
        given: Any = self.hidden_layer_sizes
        try:
            sizes = read([given] if isinstance(given, Integral) else list(given), list[Count])
        except ConfigError as error:
            raise error.within("hidden_layer_sizes") from None
        hidden = []
        for size in sizes:
            hidden.append({"Dense": {"units": size, "activation": jsonable(self.activation)}})
            if self.dropout:
                hidden.append({"Dropout": {"rate": self.dropout}})
        return hidden

    def _check_outputs(self, network, n_outputs):
        last = network.layers[-1]
        if network.output_shape != (None, n_outputs):
            raise ShapeError(f"layers must end in {n_outputs} outputs, {last.label} gives {network.output_shape[1:]}")
        if self._output_activation:
            wanted = ActivationFunction.get(self._output_activation)
            if type(last.without_activation()[1]) is not type(wanted):
                raise ConfigError(f"layers must end in {wanted!r}, {last.label} does not")

    def _own_optimizer(self):
        given = Optimizer.get(self.optimizer)
        rate = {} if self.learning_rate is None else {"learning_rate": jsonable(self.learning_rate)}
        return type(given).from_config({**given.get_config(), **rate})

    def _fit_arguments(self) -> dict[str, Any]:
        verbose = min(int(self.verbose), 2)
        arguments: dict[str, Any] = {"batch_size": self.batch_size, "epochs": self.epochs, "verbose": verbose}
        if not self.early_stopping:
            return arguments
        stopping = EarlyStopping(patience=self.n_iter_no_change, restore_best_weights=True)
        split = {"validation_split": self.validation_fraction, "stratify": is_classifier(self)}
        return {**arguments, **split, "callbacks": [stopping]}

    def _outputs(self, X, return_jacobian=False):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        return self.model_.predict(X, verbose=0, return_jacobian=return_jacobian)

    def sensitivities(self, X: Any) -> "pd.DataFrame | Any":
        """How the outputs change with each feature, summed up over samples.

        The derivatives are those of `model_`, from X as given to outputs in the units that `predict` uses, or to
        probabilities for a classifier; each is in units of the output per unit of the feature.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples to sum up over.

        Returns
        -------
        table : DataFrame, or LabelledTable where pandas is not installed
            One row per feature. Columns are the `mean`, the `mean_absolute` and the `root_mean_square` of the
            derivative over the samples, for each class or output in turn where there are several.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        sums: Any = 0.0
        for start in range(0, len(X), ROWS_AT_ONCE):
            rows = X[start : start + ROWS_AT_ONCE]
            slopes = self.model_.predict(rows, verbose=0, return_jacobian=True)[1].astype(np.float64)
            sums = sums + np.stack([slopes, np.abs(slopes), slopes**2]).sum(axis=1)
        mean, mean_absolute, mean_square = sums / len(X)
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(self.n_features_in_)])
        statistics = {"mean": mean, "mean_absolute": mean_absolute, "root_mean_square": np.sqrt(mean_square)}
        level, outputs = self._output_names()
        return labelled_table(statistics, names, outputs, level)

    def _output_names(self):
        """What the outputs are, and their names; None for a single one without a name."""
        raise NotImplementedError


def _copies(layers):
    """New layers of the same configuration, made by their own classes: a worker process may not know these by name."""
    given = [Layer.get(layer) for layer in layers]
    return [type(layer).from_config(layer.get_config()) for layer in given]


def checked_weight(sample_weight: object, X: np.ndarray) -> np.ndarray | None:
    """`sample_weight` as an array of one number >= 0 per sample, not all of them 0, or None."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(len(X), sample_weight)
    options = {"ensure_2d": False, "dtype": FLOATS, "order": "C", "input_name": "sample_weight"}
    weights = check_array(sample_weight, **options)
    if weights.ndim != 1:
        raise DataError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. Expected either a scalar value or "
            f"a 1D array of length {len(X)}."
        )
    if len(weights) != len(X):
        raise DataError(f"sample_weight.shape == {weights.shape}, expected {(len(X),)}!")
    if not weights.any():
        raise DataError("Sample weights must contain at least one non-zero number.")
    check_non_negative(weights, "`sample_weight`")
    return weights


def normalization(data: np.ndarray, sample_weight: np.ndarray | None, **options: Any) -> Normalization:
    """A `Normalization` by the moments of `data`, computing in the dtype of `data`."""
    scaler: Any = StandardScaler().fit(data, sample_weight=sample_weight)
    dtype = cast(FloatType, data.dtype.name)
    return Normalization(mean=scaler.mean_, variance=scaler.scale_**2, dtype=dtype, **options)
