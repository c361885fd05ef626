"""Keras's wrappers: a compiled model, or a function that makes one, as an estimator of scikit-learn."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ConfigError, DataError, ShapeError, needed_for
from nnlite.models import Model, clone_model

with needed_for("wrappers are made for scikit-learn", "scikit-learn"):
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils import check_array, check_consistent_length, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from typing_extensions import Self

    from nnlite.callbacks import History

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


class WrappedModel(BaseEstimator):
    """Base of the wrappers; `SKLearnRegressor` has its arguments.

    Attributes:
        n_features_in_: the number of columns of the last fit.
    """

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> "Self":
        """Train a model.

        Args:
            X: rows, `(rows, ...)`.
            y: a target for each row, `(rows,)`.
            kwargs: for the model's `fit`, after `fit_kwargs`.

        Raises:
            ConfigError: the model is not compiled.
            ValueError: rows that are not numbers, or another number of targets.
        """
        rows = check_array(X, allow_nd=True)
        check_consistent_length(rows, y)
        targets = self._read_targets(column_or_1d(y, warn=True))
        self.n_features_in_ = rows.shape[1]
        if not self._trains_on():
            self.model_ = self._new_model(rows, targets)
        self.history_: History = self.model_.fit(rows, targets, **{**(self.fit_kwargs or {}), **kwargs})
        return self

    @property
    def epoch_(self) -> int:
        """The number of epochs of the last fit."""
        return len(self.history_.epoch)

    def predict(self, X: Any) -> np.ndarray:
        """The prediction for each row, `(rows,)`."""
        return self._outputs(X)

    def _outputs(self, X: Any) -> Any:
        """The model's predictions."""
        check_is_fitted(self, "model_")
        rows = check_array(X, allow_nd=True)
        if rows.shape[1] != self.n_features_in_:
            name = type(self).__name__
            raise ShapeError(f"X has {rows.shape[1]} features, but {name} is expecting {self.n_features_in_} features")
        return self.model_.predict(rows, verbose=0)

    def _trains_on(self) -> bool:
        """Whether `fit` trains the model of the last one."""
        return self.warm_start and "model_" in vars(self)

    def _read_targets(self, targets: np.ndarray) -> np.ndarray:
        """Targets as the model gets them."""
        return targets[:, None]

    def _new_model(self, rows: np.ndarray, targets: np.ndarray) -> Model:
        if isinstance(self.model, Model):
            model = clone_model(self.model)
        else:
            model = self.model(rows, targets, **(self.model_kwargs or {}))
        if not isinstance(model, Model) or not model.compiled:
            raise ConfigError(f"{type(self).__name__} needs a compiled model, or a function that returns one")
        return model


class SKLearnClassifier(ClassifierMixin, WrappedModel):
    """A model of classes, trained on one-hot targets, as a classifier of scikit-learn.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: see `SKLearnRegressor`.

    Attributes:
        classes_: sorted; those of the first fit with `warm_start`.

    Raises:
        DataError: the targets are of one class alone, or a warm start gets a class that the first fit did not have.

    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> def build(X, y):
    ...     model = Sequential([Dense(y.shape[1], activation="softmax")], seed=0)
    ...     model.compile("adam", "categorical_crossentropy")
    ...     return model
    >>> rows, names = np.repeat(np.eye(2), 4, axis=0), np.repeat(["no", "yes"], 4)
    >>> classifier = SKLearnClassifier(build, fit_kwargs={"epochs": 400, "verbose": 0}).fit(rows, names)
    >>> classifier.predict(np.eye(2)).tolist(), classifier.score(rows, names)
    (['no', 'yes'], 1.0)
    """

    def _read_targets(self, targets: np.ndarray) -> np.ndarray:
        check_classification_targets(targets)
        present = np.unique(targets)
        if not self._trains_on():
            if len(present) < 2:
                raise DataError("Classifier can't train when only one class is present.")
            self.classes_ = present
        elif unknown := sorted(set(present.tolist()) - set(self.classes_.tolist())):
            raise DataError(f"the model trained so far has the classes {self.classes_.tolist()}, got {unknown} too")
        return np.eye(len(self.classes_))[np.searchsorted(self.classes_, targets)]

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, `(rows,)`."""
        return self.classes_[self._outputs(X).argmax(axis=1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """The model's outputs for each row, `(rows, classes)`."""
        return self._outputs(X)


class SKLearnRegressor(RegressorMixin, WrappedModel):
    """A model of one number as a regressor of scikit-learn.

    Args:
        model: a compiled model that each fit trains a copy of; or a function of `X`, `y` and `model_kwargs` that
            returns one.
        warm_start: whether a further fit trains the same model on.
        model_kwargs: for `model`, where it is a function.
        fit_kwargs: for the model's `fit`.

    Attributes:
        model_, history_: the trained model, and what its `fit` returned.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 3, "verbose": 0}).fit(np.eye(2), [1.0, 2.0])
    >>> regressor.predict(np.eye(2)).shape, regressor.epoch_, regressor.model_ is model
    ((2,), 3, False)
    """

    def predict(self, X: Any) -> np.ndarray:
        """The prediction for each row, `(rows,)`."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1:] == (1,) else outputs


class SKLearnTransformer(TransformerMixin, WrappedModel):
    """A model whose predictions are new features, as a transformer of scikit-learn.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: see `SKLearnRegressor`.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit_transform(np.eye(2), [1.0, 2.0]).shape
    (2, 1)
    """

    def transform(self, X: Any) -> np.ndarray:
        """The model's predictions, `(rows, features)`."""
        return self._outputs(X)
