"""Arithmetic circuits as scikit-learn estimators: a density of discrete columns, and a classifier."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, DensityMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from nnlite.circuits import BayesianNetwork, Circuit, naive_bayes
from nnlite.circuits.learning import weights_of
from nnlite.circuits.networks.evidence import read_evidence
from nnlite.errors import ConfigError, DataError
from nnlite.estimators.circuits.columns import CircuitEstimator, gaps
from nnlite.estimators.fitting.failures import unchanged_by_failure
from nnlite.estimators.parameters import is_whole

__all__ = ["CircuitClassifier", "CircuitDensity"]

CLASS = "class"


class CircuitDensity(DensityMixin, CircuitEstimator):
    """P(x) of discrete columns with missing values: a Chow-Liu tree, one of hidden variables, or a given network.

    A column with more than `max_states` different numbers is cut at quantiles; its states are then intervals, and
    `score_samples` their probabilities. Values that fitting has not seen count as gaps.

    Parameters
    ----------
    structure : {"chow_liu", "hclt"}, path of a BIF file or BayesianNetwork, default="chow_liu"
        The tree of the highest likelihood; the same with a hidden variable for each column; or a network, whose
        states are then those of the rows: arrays hold state numbers, tables the names of states.
    hidden_states : int, default=16
        Of each hidden variable of `"hclt"`.
    pseudocount : float, default=0.1
        Added to each count.
    epochs : int, default=50
        Passes of expectation maximization over rows with gaps or hidden variables.
    batch_size : int, "auto" or None, default="auto"
        Rows a step of EM, whose step falls from 0.2 to 0.003; all of them when None. `"auto"`: a twentieth of the
        rows, 25 to 500 of them, for `"hclt"`, and all of them for other structures.
    max_states : int, default=16
        Of a column.
    random_state : int, RandomState or None, default=None
        Draws first tables and samples.

    Attributes
    ----------
    circuit_ : Circuit
        The fitted circuit.
    history_ : dict
        Mean log-likelihoods by epoch.
    levels_ : list or None
        The states of each column; None for a network of yours, whose rows name them.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    Examples
    --------
    >>> X = [[0, 0], [0, 0], [1, 1], [1, 1]]
    >>> density = CircuitDensity(pseudocount=0).fit(X)
    >>> density.score_samples([[0, 0]]).round(4).tolist()  # log 1/2
    [-0.6931]
    >>> density.impute([[0, None]]).tolist()
    [[0, 0]]
    """

    _structures = ("chow_liu", "hclt")

    def __init__(
        self,
        structure: Any = "chow_liu",
        hidden_states: int = 16,
        pseudocount: float = 0.1,
        epochs: int = 50,
        batch_size: int | str | None = "auto",
        max_states: int = 16,
        random_state: Any = None,
    ) -> None:
        self.structure = structure
        self.hidden_states = hidden_states
        self.pseudocount = pseudocount
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_states = max_states
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, X_val: Any = None) -> "CircuitDensity":
        """Learn the structure and its tables from `X`; with `X_val`, the epoch that fits it best is kept."""
        self._check_parameters()
        with unchanged_by_failure(self):
            self._learn(X, sample_weight, X_val)
        return self

    def _learn(self, X: Any, sample_weight: Any, X_val: Any) -> None:
        network = self._own_network()
        if network is None:
            X = self._validated(X, reset=True)
            sample_weight = weights_of(len(X), sample_weight)
            states = self._states(X, sample_weight)
            rows: Any = self._codes(X)
            count = len(rows)
            network = self._tree(rows, states, sample_weight)
        else:
            rows, self.levels_ = read_evidence(network, X), None
            count = rows.count
            self.n_features_in_ = len(network.observed)
        self.circuit_ = Circuit(network)
        validation = None if X_val is None else self._rows(X_val)
        options = {"sample_weight": sample_weight, "validation_rows": validation}
        self.history_ = self.circuit_.fit(rows, self._learner(count), **options)

    def score_samples(self, X: Any) -> np.ndarray:
        """log P of each row, `(rows,)`; missing values are summed out."""
        rows = self._rows(X)
        return self.circuit_.log_prob(rows)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1) -> np.ndarray:
        """Rows drawn from P(x), `(n_samples, columns)`: values, and the midpoints of intervals."""
        check_is_fitted(self)
        if not is_whole(n_samples) or n_samples < 0:
            raise ConfigError(f"must be an integer >= 0, got {n_samples!r}", ("n_samples",))
        return self._values(self.circuit_.sample(n_samples, seed=self._seed()))

    def impute(self, X: Any) -> np.ndarray:
        """`X` with its missing values replaced by the most probable ones."""
        rows = self._rows(X)
        filled = self._values(self.circuit_.impute(rows))
        if self.levels_ is None:
            return filled
        table = self._validated(X, reset=False)
        missing = np.stack([gaps(column) for column in table.T], axis=1)
        return np.where(missing, filled, table)

    def _rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return X if self.levels_ is None else self._codes(self._validated(X, reset=False))

    def _values(self, codes: np.ndarray) -> np.ndarray:
        network = self.circuit_.network
        codes = codes[:, [network.index(item) for item in network.observed]]
        if self.levels_ is None:
            named: list[Any] = [np.array(network.states[item], object) for item in network.observed]
        else:
            named = [item.values for item in self.levels_]
        columns = [values[column] for values, column in zip(named, codes.T, strict=True)]
        kind = np.result_type(*columns) if all(item.dtype.kind in "biuf" for item in columns) else object
        return np.stack([item.astype(kind) for item in columns], axis=1)


class CircuitClassifier(ClassifierMixin, CircuitEstimator):
    """P(class | x) by one backward pass; missing values are summed out rather than imputed.

    Parameters
    ----------
    structure : {"naive_bayes", "chow_liu", "hclt"}, path of a BIF file or BayesianNetwork, default="naive_bayes"
        Columns that are independent given the class; a tree of the class and the columns; the same with hidden
        variables; or a network of which `target` is the class, whose rows have all other variables.
    target : str or None, default=None
        The class in a network of yours.
    discriminative_epochs : int, default=0
        Passes of Adam on -log P(class | x), after EM has fitted P(class, x).
    hidden_states : int, default=16
        Of each hidden variable of `"hclt"`.
    pseudocount : float, default=1.0
        Added to each count.
    epochs : int, default=50
        Passes of expectation maximization over rows with gaps or hidden variables.
    batch_size : int, "auto" or None, default="auto"
        Rows a step of EM, as for `CircuitDensity`.
    max_states : int, default=16
        Of a column.
    random_state : int, RandomState or None, default=None
        Draws first tables.

    Attributes
    ----------
    circuit_ : Circuit
        The fitted circuit.
    classes_ : ndarray
        The classes.
    target_ : str
        The variable of the circuit that is the class.
    history_ : dict
        Mean log-likelihoods of rows with their classes, by epoch.
    levels_ : list or None
        The states of each column; None for a network of yours, whose rows name them.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.

    Examples
    --------
    >>> X = [["red", 1], ["red", 0], ["blue", 0], ["blue", 1]]
    >>> CircuitClassifier().fit(X, ["a", "a", "b", "b"]).predict([["red", None]]).tolist()
    ['a']
    """

    _structures = ("naive_bayes", "chow_liu", "hclt")

    def __init__(
        self,
        structure: Any = "naive_bayes",
        target: str | None = None,
        discriminative_epochs: int = 0,
        hidden_states: int = 16,
        pseudocount: float = 1.0,
        epochs: int = 50,
        batch_size: int | str | None = "auto",
        max_states: int = 16,
        random_state: Any = None,
    ) -> None:
        self.structure = structure
        self.target = target
        self.discriminative_epochs = discriminative_epochs
        self.hidden_states = hidden_states
        self.pseudocount = pseudocount
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_states = max_states
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "CircuitClassifier":
        """Learn the tables from rows `X` with classes `y`."""
        self._check_parameters()
        with unchanged_by_failure(self):
            self._learn(X, y, sample_weight)
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> None:
        structure = self._own_network()
        X, y = self._validated(X, True, y)
        check_classification_targets(y)
        if structure is None:
            sample_weight = weights_of(len(X), sample_weight)
            states = self._states(X, sample_weight)
            self.classes_ = np.unique(y[sample_weight > 0])
            codes = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)  # others have no weight
            self.target_ = CLASS if CLASS not in states else "the class"
            rows = np.column_stack([self._codes(X), codes])
            network = self._learned(
                rows, sample_weight, {**states, self.target_: list(map(str, self.classes_.tolist()))}
            )
        else:
            network, rows = self._given(structure, X, y)
        if len(self.classes_) < 2:
            raise DataError(f"the classifier needs two classes, got 1 class: {self.classes_.tolist()}")
        self.circuit_ = Circuit(network, target=self.target_)
        self.history_ = self.circuit_.fit(rows, self._learner(len(rows)), sample_weight=sample_weight)
        if self.discriminative_epochs:
            self.circuit_.compile({"adam": {"learning_rate": 0.01}})
            self.circuit_.fit(rows, epochs=self.discriminative_epochs, verbose=0, sample_weight=sample_weight)

    def _learned(self, rows: np.ndarray, weights: np.ndarray, states: dict[str, list[str]]) -> BayesianNetwork:
        if self.structure == "naive_bayes":
            return naive_bayes(states, self.target_)
        return self._tree(rows, states, weights)

    def _given(self, network: BayesianNetwork, X: np.ndarray, y: np.ndarray) -> tuple[BayesianNetwork, list]:
        if self.target is None:
            raise ConfigError("a network of yours needs target, the variable that is the class")
        network.index(self.target)
        self.target_, self.levels_ = self.target, None
        self.classes_ = np.array(network.states[self.target])
        self.columns_ = [item for item in network.observed if item != self.target]
        if X.shape[1] != len(self.columns_):
            raise DataError(f"rows need one column for each of {len(self.columns_)} variables, got {X.shape[1]}")
        named = [
            dict(zip([*self.columns_, self.target], [*row, item], strict=True)) for row, item in zip(X, y, strict=True)
        ]
        return network, named

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(class | x), `(rows, classes)`, in the order of `classes_`."""
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        if self.levels_ is None:
            rows: Any = [dict(zip(self.columns_, row, strict=True)) for row in X]
        else:
            rows = np.column_stack([self._codes(X), np.full(len(X), -1)])
        return self.circuit_.query(rows, self.target_)[self.target_]

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
