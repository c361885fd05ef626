"""NNTransformer, the features that a network has learned."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from nnlite.errors import ConfigError, did_you_mean
from nnlite.estimators.base import BaseNetwork
from nnlite.estimators.classifier import NNClassifier
from nnlite.estimators.family.tasks import names_classes, take_columns
from nnlite.estimators.fitting.failures import unchanged_by_failure
from nnlite.estimators.fitting.inputs import read_inputs
from nnlite.estimators.fitting.training import rows_at_once
from nnlite.estimators.parameters import is_whole
from nnlite.estimators.pickling import state_of, take_state
from nnlite.estimators.regressor import NNRegressor
from nnlite.layers import Input
from nnlite.models import Sequential

__all__ = ["NNTransformer"]


class NNTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Features of a hidden layer of a trained network, as input for other models.

    The layers up to the chosen one become `model_`; for an ensemble the features of all members stand side by side.
    The features have the dtype of the network: that of an array X of `fit`, `nnlite.config.floatx()` for a table.

    Parameters
    ----------
    estimator : NNClassifier, NNRegressor, FrozenEstimator or None, default=None
        The estimator to clone and fit. A fitted one inside scikit-learn's `FrozenEstimator` is used directly. None is a
        `NNClassifier` where the targets are classes, text or integers, and else a `NNRegressor`.
    layer : int, str or None, default=None
        Place, which may count from the end, or name of a layer of the fitted `estimator_.model_`. None is the last
        hidden layer: the input of the last layer with trainable weights.
    random_state : int, RandomState instance or None, default=None
        That of the estimator; None leaves it its own.

    Attributes
    ----------
    estimator_ : NNClassifier or NNRegressor
        The fitted estimator.
    model_ : Sequential
        From the table to the features, `(rows, units)`, or `(rows, members, units)` of several members.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    See Also
    --------
    NNEmbedder : Vectors for the levels of categories alone.
    NNAutoencoder : Features learned without targets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnlite import NNClassifier, NNTransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> network = NNClassifier([16, 4], epochs=20, n_members=1, random_state=0)
    >>> features = NNTransformer(network).fit(X, y)
    >>> features.transform(X).shape, features.get_feature_names_out()[:2].tolist()
    ((150, 4), ['nntransformer0', 'nntransformer1'])
    """

    __getstate__ = state_of
    __setstate__ = take_state

    estimator_: BaseNetwork
    model_: Sequential
    n_features_in_: int

    def __init__(self, estimator: Any = None, *, layer: int | str | None = None, random_state: Any = None) -> None:
        self.estimator = estimator
        self.layer = layer
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "NNTransformer":
        """Fit the estimator, unless it is frozen, and find the layer.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
            As the estimator takes it.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or numbers, as the estimator takes them; a frozen one needs none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, >= 0.

        Returns
        -------
        self : NNTransformer

        Raises
        ------
        ConfigError
            An estimator of another kind, or a layer that it does not have.
        """
        with unchanged_by_failure(self):
            self.estimator_ = self._fitted(X, y, sample_weight)
            self.model_ = self._up_to_layer()
            take_columns(self, self.estimator_)
        return self

    def _fitted(self, X: Any, y: Any, sample_weight: Any) -> BaseNetwork:
        argument = self.estimator
        if isinstance(argument, FrozenEstimator):
            check_is_fitted(argument.estimator)
            return _checked(argument.estimator)
        if argument is None:
            argument = NNClassifier() if names_classes(y) else NNRegressor()
        estimator = _checked(clone(argument))
        if self.random_state is not None:
            estimator.set_params(random_state=self.random_state)
        return estimator.fit(X, y, sample_weight)  # type: ignore[attr-defined]

    def _up_to_layer(self) -> Sequential:
        """The model up to the chosen layer; it shares the layers of the estimator's."""
        whole = self.estimator_.model_
        count = self._place(whole) + 1
        model = Sequential([Input(whole.input_shape[1:]), *whole.layers[:count]], seed=whole.seed)
        model.encoder = whole.encoder
        return model

    def _place(self, model: Sequential) -> int:
        """The index of the chosen layer; -1 if the features are the model's inputs."""
        names, layer = [str(item.name) for item in model.layers], self.layer
        if layer is None:
            return max(index for index, item in enumerate(model.layers) if item.trainable_weights) - 1
        if isinstance(layer, str) and layer in names:
            return names.index(layer)
        if not isinstance(layer, str) and is_whole(layer) and -len(names) <= layer < len(names):
            return layer % len(names)
        hint = did_you_mean(layer, names)
        raise ConfigError(f"layer={layer!r} is not one of the {len(names)} layers of the model; {hint}", ("layer",))

    def transform(self, X: Any) -> np.ndarray:
        """The features of each sample.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray of shape (n_samples, n_units) or (n_samples, n_members * n_units)
        """
        check_is_fitted(self)
        matrix = self.estimator_._matrix(read_inputs(self, X, False))
        features = self.model_.predict(matrix, rows_at_once(matrix.shape[1]), verbose=0)
        return features.reshape(len(features), -1)

    @property
    def _n_features_out(self) -> int:
        return int(np.prod(self.model_.output_shape[1:]))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags = get_tags(NNClassifier() if self.estimator is None else self.estimator).input_tags
        return tags


def _checked(estimator: Any) -> BaseNetwork:
    if not isinstance(estimator, BaseNetwork):
        raise ConfigError(f"expected a NNClassifier or a NNRegressor, got {estimator!r}", ("estimator",))
    return estimator
