"""The base of the transformers that train a single network: its parameters, and the estimator inside."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array

from nnlite.data.encoders.tables import TableEncoder
from nnlite.errors import ConfigError
from nnlite.estimators.base import BaseNetwork
from nnlite.estimators.fitting.inputs import is_sparse, read_inputs
from nnlite.estimators.nested import NestedParameters
from nnlite.estimators.parameters import check_parameters, is_whole
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.registry.fields import Spec
from nnlite.schedules import LearningRateSchedule

__all__ = ["GivenEncoder", "SingleNetwork"]

Inner = TypeVar("Inner", bound="GivenEncoder")


class GivenEncoder(BaseNetwork):
    """An estimator whose table encoder is given rather than detected.

    Attributes:
        given_encoder: the encoder; None for a matrix of numbers without gaps.
        n_components: numbers that what is learned has: codes, or the vector of a level.
    """

    given_encoder: TableEncoder | None
    n_components: int

    def _fitted_encoder(self, table: Any) -> TableEncoder | None:
        return self.given_encoder


class SingleNetwork(TransformerMixin, NestedParameters, BaseEstimator):
    """Parameters of `NNClassifier` and `NNRegressor` for transformers that train one network."""

    model_: Sequential
    n_features_in_: int
    history_: dict[str, list[float]]
    loss_: float
    n_iter_: int
    _encoder: TableEncoder | None

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | np.ndarray,
        n_components: int,
        *,
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
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        tol: float = 1e-4,
        n_iter_no_change: int | None = None,
        callbacks: Any = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _inner(self, kind: type[Inner], encoder: TableEncoder | None) -> Inner:
        """A new estimator with the parameters that it shares with this one, which are checked first."""
        parameters = self.get_params(deep=False)
        check_parameters(parameters, type(self).__name__)
        if not is_whole(self.n_components) or self.n_components < 1:
            raise ConfigError(
                f"The 'n_components' parameter of {type(self).__name__} must be an int in the range [1, inf). Got "
                f"{self.n_components!r} instead."
            )
        inner = kind(n_members=1)
        inner.set_params(**{name: parameters[name] for name in parameters.keys() & inner.get_params(deep=False).keys()})
        inner.given_encoder, inner.n_components = encoder, self.n_components
        return inner

    def _keep(self, inner: BaseNetwork) -> None:
        """Take over what the fitted estimator knows."""
        self.model_, self._encoder = inner.model_, inner._encoder
        for name in ("history_", "loss_", "n_iter_", "loss_curve_", "validation_loss_curve_", "best_loss_"):
            setattr(self, name, vars(inner)[name])

    def _read(self, X: Any, reset: bool, y: Any = "no_validation") -> Any:
        """X as `read_inputs` reads it; a sparse matrix is refused, as scikit-learn does."""
        return read_inputs(self, check_array(X) if is_sparse(X) else X, reset, y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags
