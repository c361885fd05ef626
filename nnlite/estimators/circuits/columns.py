"""Base of circuit estimators: columns become states, structures become networks."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from nnlite.arrays.tables import numbers_of_objects
from nnlite.circuits import EM, BayesianNetwork, Circuit, chow_liu, hidden_chow_liu
from nnlite.data.frames.cells import is_gap
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.estimators.mlp.parameters import COUNT, NOT_NEGATIVE
from nnlite.estimators.parameters import RULES as OF_NETWORKS, Rule, check_parameters, is_whole
from nnlite.estimators.pickling import state_of, take_state

__all__ = []

RULES: dict[str, Rule] = {
    "hidden_states": COUNT,
    "pseudocount": NOT_NEGATIVE,
    "epochs": COUNT,
    "discriminative_epochs": (lambda value: is_whole(value) and value >= 0, "an int in the range [0, inf)"),
    "batch_size": (
        lambda value: value is None or value == "auto" or (is_whole(value) and value >= 1),
        "'auto', an int in the range [1, inf) or None",
    ),
    "max_states": COUNT,
    "random_state": OF_NETWORKS["random_state"],
}
WRITTEN = "_circuit"  # in states: the config of a circuit and its weights
BATCHES, FEWEST, MOST = 20, 25, 500  # batches of an epoch of EM, and the limits of their rows


class Levels:
    """The states of one column: its values if they are few, else intervals between quantiles.

    Attributes:
        values: what each state stands for: the values, or the middles of intervals.
        edges: between the intervals; None if the states are values.
        names: of the states.
    """

    def __init__(self, column: np.ndarray, most: int, weights: np.ndarray) -> None:
        column = numbers_of_objects(column)
        present = column[~gaps(column)]
        if not present.size:
            raise DataError("a column without a single value has no states")
        self.edges: np.ndarray | None = None
        self.values = np.array(sorted(set(present.tolist()), key=lambda value: (str(type(value)), value)), column.dtype)
        if len(self.values) > most:
            if column.dtype.kind not in "biuf":
                raise DataError(f"a column has {len(self.values)} values, max_states is {most}: raise it or drop it")
            weights = weights[~gaps(column)]
            order = np.argsort(present, kind="stable")
            reached = np.cumsum(weights[order]) / weights.sum()
            first = np.searchsorted(reached, np.arange(1, most) / most - 1e-12)
            self.edges = np.unique(present[order][first])
            places = np.searchsorted(self.edges, present, side="right")
            counts = np.bincount(places, weights, len(self.edges) + 1)
            sums, there = np.bincount(places, weights * present, len(self.edges) + 1), counts > 0
            self.values = np.interp(np.arange(len(counts)), np.flatnonzero(there), sums[there] / counts[there])
        self.names = [str(value) for value in self.values.tolist()]
        if len(set(self.names)) < len(self.names):
            self.names = [f"{name} ({index})" for index, name in enumerate(self.names)]

    def codes(self, column: np.ndarray) -> np.ndarray:
        """State numbers, -1 for missing values and for values that did not occur in the fit."""
        column = numbers_of_objects(column) if self.edges is not None else column
        missing = gaps(column)
        if self.edges is not None:
            return np.where(missing, -1, np.searchsorted(self.edges, np.where(missing, 0, column), side="right"))
        code_by_value = {value: code for code, value in enumerate(self.values.tolist())}
        cells = zip(column.tolist(), missing, strict=True)
        return np.array([-1 if gap else code_by_value.get(value, -1) for value, gap in cells])


def gaps(column: np.ndarray) -> np.ndarray:
    """Mask of None, NaN, NaT and NA in a column."""
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype != object:
        return np.zeros(column.shape, bool)
    return np.array([is_gap(cell) for cell in column.tolist()], bool)


class CircuitEstimator(BaseEstimator):
    """Base of both estimators: columns to states, structures, EM."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        tags.non_deterministic = False
        return tags

    if TYPE_CHECKING:  # the estimators' arguments
        structure: Any
        hidden_states: int
        pseudocount: float
        epochs: int
        batch_size: int | str | None
        max_states: int
        random_state: Any
        _structures: tuple[str, ...]
        levels_: Any
        circuit_: Circuit

    def __getstate__(self) -> dict[str, Any]:
        """The state, in which the circuit is its config and its weights: arrays and numbers alone, as skops writes."""
        state = state_of(self)
        circuit = state.pop("circuit_", None)
        return state if circuit is None else {**state, WRITTEN: (circuit.get_config(), circuit.get_weights())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        take_state(self, {name: value for name, value in state.items() if name != WRITTEN})
        if WRITTEN in state:
            config, weights = state[WRITTEN]
            self.circuit_ = Circuit.from_config(config)
            self.circuit_.ensure_built()
            self.circuit_.set_weights(weights)

    def _check_parameters(self) -> None:
        check_parameters(self.get_params(deep=False), type(self).__name__, RULES)

    def _validated(self, X: Any, reset: bool, y: Any = "no_validation") -> Any:
        return validate_data(self, X, y, reset=reset, dtype=None, ensure_all_finite="allow-nan")

    def _states(self, X: np.ndarray, weights: np.ndarray) -> dict[str, list[str]]:
        names = vars(self).get("feature_names_in_")
        columns = [f"x{index}" for index in range(X.shape[1])] if names is None else [str(name) for name in names]
        self.levels_ = [Levels(column[weights > 0], self.max_states, weights[weights > 0]) for column in X.T]
        return {name: levels.names for name, levels in zip(columns, self.levels_, strict=True)}

    def _codes(self, X: np.ndarray) -> np.ndarray:
        return np.stack([levels.codes(column) for levels, column in zip(self.levels_, X.T, strict=True)], axis=1)

    def _tree(self, rows: np.ndarray, states: dict[str, list[str]], weights: np.ndarray) -> BayesianNetwork:
        """The tree of all columns of state numbers, with hidden variables for `structure="hclt"`."""
        if self.structure == "hclt":
            return hidden_chow_liu(rows, states, self.hidden_states, self._seed(), weights)
        return chow_liu(rows, states, self.pseudocount, weights)

    def _learner(self, rows: int) -> EM:
        batch_size: Any = self.batch_size
        if batch_size == "auto":
            hidden = isinstance(self.structure, str) and self.structure == "hclt"
            batch_size = min(max(rows // BATCHES, FEWEST), MOST) if hidden else None
        steps: dict[str, Any] = {} if batch_size is None or batch_size >= rows else {"step": 0.2, "final_step": 0.003}
        options: dict[str, Any] = {"epochs": self.epochs, "pseudocount": self.pseudocount, "seed": self._seed()}
        return EM(**options, batch_size=batch_size, **steps)

    def _seed(self) -> int:
        if isinstance(self.random_state, np.random.RandomState):
            return int(self.random_state.randint(2**31))
        return 0 if self.random_state is None else int(self.random_state)

    def _own_network(self) -> BayesianNetwork | None:
        """The network that `structure` is; None for the name of a structure."""
        structure = self.structure
        if isinstance(structure, (BayesianNetwork, Mapping)):
            return BayesianNetwork.get(structure)
        if isinstance(structure, PathLike) or str(structure).endswith(".bif"):
            return BayesianNetwork.from_bif(structure)
        if structure not in self._structures:
            raise ConfigError(
                f"unknown structure {structure!r}; {did_you_mean(structure, self._structures)}, a BIF file or a "
                "BayesianNetwork"
            )
        return None
