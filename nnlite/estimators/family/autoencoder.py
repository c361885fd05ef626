"""NNAutoencoder, a network that compresses a table."""

from typing import Any, cast

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, OutlierMixin
from sklearn.utils.validation import check_array, check_is_fitted

from nnlite.errors import ConfigError, ShapeError
from nnlite.estimators.family.reconstruction import CODES, Reconstruction, reconstructed_encoder, weighted_quantile
from nnlite.estimators.family.single import SingleNetwork
from nnlite.estimators.fitting.failures import unchanged_by_failure
from nnlite.estimators.fitting.inputs import as_matrix
from nnlite.estimators.fitting.training import rows_at_once
from nnlite.estimators.fitting.weights import FLOATS, checked_weight
from nnlite.layers import Input
from nnlite.models import Sequential

__all__ = ["NNAutoencoder"]


class NNAutoencoder(ClassNamePrefixFeaturesOutMixin, OutlierMixin, SingleNetwork):
    """A network trained to reconstruct its inputs through a narrow layer: codes, and anomaly scores.

    An encoder of `hidden_layer_sizes` ends in `n_components` linear units, the codes; a decoder of the same sizes in
    reverse order makes the table of them again. It minimizes

        mean over rows and columns of ((reconstruction - x) / scale)**2,

    with the standard deviation of each column of numbers as its scale, and 1 for columns of 0 and 1. A sample that it
    gives back badly is unlike those that it learned from: an anomaly.

    Pass it the raw table. It reconstructs the columns of numbers that the table is encoded as,
    `column_names_`: numbers with gaps filled by the median, an indicator of the gaps, one column for each level of a
    category (the 64 most frequent ones; where there are more than 64, levels that occur once have none).

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(64,)
        Units of each hidden `Dense` layer of the encoder; `()` makes it linear, as a principal component analysis is.
    n_components : int, default=8
        Number of codes.
    activation : "auto", str, dict or ActivationFunction, default="auto"
        Activation function of the hidden layers; `"auto"` is Mish.
    dropout : "auto", float in [0, 1), dict or LearningRateSchedule, default=0.0
        Fraction of the outputs of each hidden layer that is dropped while training.
    loss : "auto", str, dict, Loss or callable, default="auto"
        What is minimized, as in `NNRegressor`; `"auto"` is the squared error.
    optimizer, learning_rate, weight_decay, epochs, batch_size : default="auto"
        As in `NNRegressor`, and so are alpha, shuffle, validation_fraction, tol, n_iter_no_change and callbacks.
    early_stopping : bool, default=True
        Judge each epoch by samples that are not learned from, and go back to the best one.
    contamination : float in (0, 0.5], default=0.1
        The part of the samples of `fit` that count as anomalies; it sets `offset_`.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, shuffling, dropout and the samples set apart.
    verbose : int, default=0
        1 shows a progress bar, 2 one line per epoch.

    Attributes
    ----------
    model_ : Sequential
        From the table to its reconstruction; `model_.encoder` reads raw tables.
    encoder_, decoder_ : Sequential
        From the table to the codes, and from the codes to the reconstruction; they share the layers of `model_`.
    column_names_ : list of str
        The columns of the reconstruction.
    scale_ : ndarray of shape (n_columns,)
        What errors of each of these are divided by.
    offset_ : float
        `score_samples` of an anomaly is below it.
    history_, loss_, best_loss_, n_iter_, loss_curve_, validation_loss_curve_
        As in `NNRegressor`.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    References
    ----------
    Hinton, Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks", Science 313.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnlite import NNAutoencoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = NNAutoencoder(n_components=2, epochs=30, random_state=0).fit(X)
    >>> model.transform(X).shape, bool(model.reconstruction_error(X).mean() < 0.1)
    ((150, 2), True)
    >>> model.predict([[50.0, 3.5, 1.4, 0.2]]).tolist()
    [-1]
    """

    encoder_: Sequential
    decoder_: Sequential
    column_names_: list[str]
    scale_: np.ndarray
    offset_: float

    def __init__(
        self,
        hidden_layer_sizes: Any = (64,),
        n_components: int = 8,
        *,
        activation: Any = "auto",
        dropout: Any = 0.0,
        loss: Any = "auto",
        optimizer: Any = "auto",
        learning_rate: Any = "auto",
        weight_decay: Any = "auto",
        alpha: float = 0.0,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        tol: float = 1e-4,
        n_iter_no_change: int | None = None,
        callbacks: Any = None,
        contamination: float = 0.1,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            n_components,
            activation=activation,
            dropout=dropout,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            alpha=alpha,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            callbacks=callbacks,
            random_state=random_state,
            verbose=verbose,
        )
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "NNAutoencoder":
        """Learn to reconstruct the samples.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns of numbers, booleans, text, categories and dates, with gaps; no sparse matrix.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, >= 0; a weight of 2 is the same as a sample that occurs twice.

        Returns
        -------
        self : NNAutoencoder
        """
        if not 0 < self.contamination <= 0.5:
            raise ConfigError(
                f"The 'contamination' parameter of {type(self).__name__} must be a float in the range (0.0, 0.5]. Got "
                f"{self.contamination!r} instead."
            )
        with unchanged_by_failure(self):
            table = self._read(X, reset=True)
            encoder = reconstructed_encoder(table)
            inner = self._inner(Reconstruction, encoder)
            matrix = as_matrix(table, encoder)
            weights = checked_weight(sample_weight, len(matrix))
            inner.fit_encoded(X, matrix, weights)
            self._keep(inner)
            self._medians, self.scale_ = inner.medians, inner.scale
            places = range(matrix.shape[1])
            self.column_names_ = [f"x{index}" for index in places] if encoder is None else encoder.feature_names
            self._split()
            self.offset_ = weighted_quantile(self._scores(matrix), self.contamination, weights)
        return self

    def _split(self) -> None:
        """The two halves of the model."""
        layers, seed = self.model_.layers, self.model_.seed
        count = [layer.name for layer in layers].index(CODES) + 1
        self.encoder_ = Sequential([Input(self.model_.input_shape[1:]), *layers[:count]], seed=seed)
        self.encoder_.encoder = self._encoder
        self.decoder_ = Sequential([Input((self.n_components,)), *layers[count:]], seed=seed)

    def _matrix(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return as_matrix(self._read(X, reset=False), self._encoder, self._medians)

    def transform(self, X: Any) -> np.ndarray:
        """The codes of each sample.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
        """
        matrix = self._matrix(X)
        return self.encoder_.predict(matrix, rows_at_once(matrix.shape[1]), verbose=0)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """The reconstructions of codes, in the units of the table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        reconstruction : ndarray of shape (n_samples, n_columns)
            The columns `column_names_`; for an array of numbers without gaps those of the array.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=cast(Any, FLOATS))
        if codes.shape[1] != self.n_components:
            raise ShapeError(f"X has {codes.shape[1]} columns, but there are {self.n_components} codes")
        return self.decoder_.predict(codes, rows_at_once(codes.shape[1]), verbose=0)

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Reconstruction error of each sample: the mean over columns of ((reconstruction - x) / scale_)**2.

        About 1 where nothing was learned, and 0 where the codes say everything.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        errors : ndarray of shape (n_samples,)
        """
        return -self.score_samples(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the `reconstruction_error`: the lower, the more abnormal.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        return self._scores(self._matrix(X))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`, by which searches compare; 0 is perfect."""
        return float(self.score_samples(X).mean())

    def _scores(self, matrix: np.ndarray) -> np.ndarray:
        rebuilt = self.model_.predict(matrix, rows_at_once(matrix.shape[1]), verbose=0)
        away = (rebuilt - matrix.astype(np.float64)) / self.scale_
        return -np.mean(away**2, axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` minus `offset_`: below 0 for anomalies.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Whether each sample is similar to those of `fit`.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            1 for inliers, -1 for anomalies.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def __sklearn_is_fitted__(self) -> bool:
        return "offset_" in vars(self)

    @property
    def _n_features_out(self) -> int:
        return self.encoder_.output_shape[-1]  # AttributeError before `fit`, as scikit-learn expects
