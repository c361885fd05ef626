"""NNEmbedder, learned embeddings of categories."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nnlite.data.encoders.columns import Ordinal
from nnlite.data.encoders.tables import TableEncoder
from nnlite.data.frames import Frame, read_frame
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.estimators.family.single import SingleNetwork
from nnlite.estimators.family.tasks import names_classes
from nnlite.estimators.family.vectors import VectorClassifier, VectorRegressor, embedding_encoder, learned_vectors
from nnlite.estimators.fitting.failures import check_present, unchanged_by_failure
from nnlite.estimators.fitting.targets import read_classes, read_numbers
from nnlite.estimators.fitting.weights import checked_weight
from nnlite.estimators.parameters import is_whole
from nnlite.estimators.tables import labelled_table

__all__ = ["NNEmbedder"]


class NNEmbedder(SingleNetwork):
    """Embeddings of the levels of categories, learned by a network that predicts targets from the whole table.

    `transform` replaces each column of categories by `n_components` columns of numbers and passes the others on as
    they are, for models that need numbers: levels that mean the same for the targets come to lie close to one another.
    Unknown levels, gaps and levels that are rarer than `min_frequency` in `fit` share the vector of code 0. Where
    there were none to learn it from, it is the mean of the vectors of all samples.

    A table without such columns is returned unchanged, and nothing is learned.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Units of each hidden `Dense` layer behind the vectors.
    n_components : int, default=8
        Length of each vector.
    columns : list of str or int, default=None
        The columns to replace, by name or by position; numbers and booleans among them become categories. None are all
        columns of text and of categories.
    task : {"auto", "class", "number"}, default="auto"
        What the targets are; `"auto"` takes text, booleans and integers for classes. Integers that are amounts need
        `"number"`.
    min_frequency : int, default=2
        Number of samples, or sum of their weights, from which on a level has a vector of its own.
    activation, dropout, loss, optimizer, learning_rate, weight_decay, epochs, batch_size : default="auto"
        As in `NNClassifier` and `NNRegressor`, and so are alpha, shuffle, early_stopping, validation_fraction, tol,
        n_iter_no_change and callbacks.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, shuffling, dropout and the samples set apart.
    verbose : int, default=0
        1 shows a progress bar, 2 one line per epoch.

    Attributes
    ----------
    embeddings_ : dict of str to DataFrame, or to LabelledTable where pandas is not installed
        For each column that is replaced the vectors of its levels, one level per row.
    unknown_embeddings_ : dict of str to ndarray of shape (n_components,)
        For each of these columns the vector of all other levels and of gaps.
    model_ : Sequential
        The network, from the table to the targets; only where there are such columns, as what follows.
    history_, loss_, best_loss_, n_iter_, loss_curve_, validation_loss_curve_
        As in `NNClassifier`.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    References
    ----------
    Guo, Berkhahn 2016, "Entity embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> import numpy as np
    >>> from nnlite import NNEmbedder
    >>> table = np.array([["Rome", 3.0], ["Oslo", 1.0], ["Bern", 2.0], ["Oslo", 4.0]] * 10, object)
    >>> embedder = NNEmbedder(n_components=2, epochs=5, random_state=0).fit(table, np.arange(40.0))
    >>> embedder.get_feature_names_out().tolist(), embedder.transform(table).shape
    (['x0_0', 'x0_1', 'x1'], (40, 3))
    """

    unknown_embeddings_: dict[str, np.ndarray]
    _encoder: TableEncoder

    def __init__(
        self,
        hidden_layer_sizes: Any = (128, 128, 128),
        n_components: int = 8,
        *,
        columns: Any = None,
        task: str = "auto",
        min_frequency: int = 2,
        activation: Any = "auto",
        dropout: Any = "auto",
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
        self.columns = columns
        self.task = task
        self.min_frequency = min_frequency

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNEmbedder":
        """Learn the embeddings.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            Columns of numbers, booleans, text, categories and dates, with gaps; no sparse matrix.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, >= 0; a weight of 2 is the same as a sample that occurs twice.

        Returns
        -------
        self : NNEmbedder

        Raises
        ------
        ConfigError
            A column that X does not have.
        """
        self._check_own_parameters()
        with unchanged_by_failure(self):
            self._learn(X, y, sample_weight)
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> None:
        check_present(y)
        classes = self.task == "class" or (names_classes(y) and self.task == "auto")
        frame = read_frame(self._read(X, True, y))
        weights, chosen = checked_weight(sample_weight, frame.n_rows), self._chosen(frame)
        self._encoder = embedding_encoder(frame, chosen, weights, self.min_frequency)
        inner = self._inner(VectorClassifier if classes else VectorRegressor, self._encoder)
        vectors: dict[str, np.ndarray] = {}
        if chosen:
            inner.fit(X, y, weights)
            self._keep(inner)
            vectors = learned_vectors(inner.model_, self._encoder, frame, weights, chosen)
        else:
            (read_classes if classes else read_numbers)(frame.n_rows, y, self)
        self._vectors = vectors
        self.unknown_embeddings_ = {name: table[0] for name, table in vectors.items()}

    def _check_own_parameters(self) -> None:
        if self.task not in ("auto", "class", "number"):
            raise ConfigError(f"task={self.task!r}; {did_you_mean(self.task, ['auto', 'class', 'number'])}", ("task",))
        if not is_whole(self.min_frequency) or self.min_frequency < 1:
            raise ConfigError(f"must be an integer of 1 or more, got {self.min_frequency!r}", ("min_frequency",))

    def _chosen(self, frame: Frame) -> list[str]:
        """The names of the columns to replace, in the order of the table."""
        if self.columns is None:
            return [column.name for column in frame.columns if column.kind == "category"]
        names = set()
        for column in self.columns:
            index = column if is_whole(column) else -1
            if column not in frame.names and not 0 <= index < frame.n_columns:
                hint = did_you_mean(column, frame.names)
                raise ConfigError(f"the table has no column {column!r}; {hint}", ("columns",))
            names.add(column if column in frame.names else frame.names[index])
        return [name for name in frame.names if name in names]

    @property
    def embeddings_(self) -> dict[str, Any]:
        """The vectors of each replaced column, a row for each level; derived, so that skops writes arrays alone."""
        check_is_fitted(self)
        return {name: self._table(name, table[1:]) for name, table in self._vectors.items()}

    def _table(self, name: str, vectors: np.ndarray) -> Any:
        values = {f"{name}_{index}": column[None] for index, column in enumerate(vectors.T)}
        return labelled_table(values, self._levels[name].categories, None, "", row=name)

    @property
    def _levels(self) -> dict[str, Ordinal]:
        """The codes of each column that is replaced."""
        return {column.name: column for column in self._encoder.columns if isinstance(column, Ordinal)}

    def transform(self, X: Any) -> np.ndarray:
        """The table with embeddings in place of categories.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)

        Returns
        -------
        table : ndarray of shape (n_samples, n_columns)
            The vectors of a column stand where it stood. Numbers, unless text or dates are among the columns that pass:
            then the array holds objects.
        """
        check_is_fitted(self)
        frame = read_frame(self._read(X, reset=False))
        if not (frame.named and self._encoder.named):
            frame = frame.renamed(self._encoder.names)
        return np.column_stack([self._part(frame, name) for name in self._encoder.names])

    def _part(self, frame: Frame, name: str) -> np.ndarray:
        """Encoding of one column of the table, `(rows, columns)`."""
        if name in self._vectors:
            return self._vectors[name][self._levels[name].codes(frame)]
        column = frame.columns[frame.places[name]]
        values = column.values[:, None]
        return values if column.kind in ("number", "boolean") else values.astype(object)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The columns of the transformed table: `"city_0"`, `"city_1"`, ... for a column `"city"`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The columns of the table; those of `fit`, where it had names.

        Returns
        -------
        names : ndarray of str objects
        """
        check_is_fitted(self)
        names = self._encoder.names
        if input_features is not None:
            input_names = list(input_features)
            if "feature_names_in_" in vars(self) and input_names != names:
                raise DataError("input_features is not equal to feature_names_in_")
            if len(input_names) != len(names):
                raise DataError(
                    f"input_features should have length equal to number of features ({len(names)}), "
                    f"got {len(input_names)}"
                )
            renamed = dict(zip(names, input_names, strict=True))
        else:
            renamed = {name: name for name in names}
        features: list[str] = []
        for name in names:
            numbered = [f"{renamed[name]}_{index}" for index in range(self.n_components)]
            features += numbered if name in self._vectors else [renamed[name]]
        return np.array(features, object)

    def __sklearn_is_fitted__(self) -> bool:
        return "_vectors" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
