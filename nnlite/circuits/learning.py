"""Learning of tables: expectation maximization on all rows or in batches, or any optimizer."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from nnlite.circuits import queries
from nnlite.circuits.networks.evidence import Evidence
from nnlite.circuits.networks.problems import NetworkError
from nnlite.errors import ConfigError, DataError
from nnlite.models import Sequential
from nnlite.registry import Configurable
from nnlite.registry.bounds import Count, Index, NonNegative, Range
from nnlite.registry.fields import option

if TYPE_CHECKING:
    from nnlite.circuits.circuit import Circuit

__all__ = ["EM", "LearningMethod"]


NEVER = -1e5  # log-likelihood in place of -inf, which data may not hold; its exponential is 0 all the same
Share = Annotated[float, Range(0, 1, low_open=True)]


class LearningMethod(Configurable, family="learning method", abstract=True):
    """Base of methods that learn the tables of a circuit from rows. A subclass writes `fit`."""

    def fit(
        self, circuit: "Circuit", evidence: Evidence, weights: np.ndarray, validation: Evidence | None
    ) -> dict[str, list[float]]:
        """Change the tables; returns mean log-likelihoods by epoch, `log_likelihood` and `val_log_likelihood`."""
        raise NotImplementedError(f"{type(self).__name__} must define fit(circuit, evidence, weights, validation)")


class EM(LearningMethod):
    """Expectation maximization: each table is set to its normalized expected counts.

    theta(x | u) = (N(x, u) + pseudocount) / sum over x of the same, N = sum over rows of P(x, u | row), by one
    backward pass. With all rows and no pseudocount the likelihood never falls; on complete rows one step is the
    closed-form estimate. Structural zeros stay; a row of a table that no row of data has anything to say of stays too.

    Args:
        epochs: passes over the rows.
        pseudocount: added to each expected count.
        step: how far the counts move to those of a batch: `(1 - step) * counts + step * counts of the batch * batches`.
        final_step: the step of the last batch, if it is to fall in equal parts from batch to batch; None for one step
            throughout. A step that falls lets the first batches move far, and the last ones settle.
        batch_size: rows a step; all of them when None.
        tolerance: with all rows, the training ends when an epoch gains less, in nats a row.
        patience: epochs without a better mean log-likelihood of the validation rows before the training ends; the
            best tables are kept. For as long as `epochs` when None.
        seed: of the order of the rows.

    References: Dempster, Laird & Rubin 1977; Cappe & Moulines 2009, "On-line expectation-maximization".

    >>> from nnlite.circuits import BayesianNetwork, Circuit
    >>> circuit = Circuit(BayesianNetwork({"coin": ["heads", "tails"]}))
    >>> history = circuit.fit([{"coin": "heads"}] * 3 + [{"coin": "tails"}], EM(epochs=1))
    >>> circuit.tables()[0].round(6).tolist()
    [0.75, 0.25]
    """

    epochs: Count = 100
    pseudocount: NonNegative = 0.0
    step: Share = 1.0
    final_step: Share | None = option(default=None, kw_only=True)
    batch_size: Count | None = None
    tolerance: NonNegative = 1e-6
    patience: Count | None = None
    seed: Index = 0

    def fit(
        self, circuit: "Circuit", evidence: Evidence, weights: np.ndarray, validation: Evidence | None
    ) -> dict[str, list[float]]:
        history: dict[str, list[float]] = {"log_likelihood": []}
        counts: list[np.ndarray] | None = None
        generator, known = np.random.default_rng(self.seed), evidence.known_everywhere()
        best = _Best(circuit, validation, history, self.patience or self.epochs)
        steps = self._steps(evidence.count)
        for _ in range(self.epochs):
            total = 0.0
            for rows in self._batches(evidence.count, generator):
                part, part_weights = evidence.part(rows), weights[rows]
                fresh, logs = queries.expected_counts(circuit, part, part_weights, known)
                total += float(_checked(logs, part_weights, rows) @ part_weights)
                scale = weights.sum() / max(part_weights.sum(), 1e-300)
                counts = _blended(counts, [new * scale for new in fresh], next(steps))
                self._update(circuit, counts)
            history["log_likelihood"].append(total / weights.sum())
            if best.ended() or self._converged(history["log_likelihood"], validation):
                break
        best.restore()
        return history

    def _batches(self, count: int, generator: np.random.Generator) -> Iterator[Any]:
        if self.batch_size is None or self.batch_size >= count:
            yield slice(None)
            return
        order = generator.permutation(count)
        for start in range(0, count, self.batch_size):
            yield order[start : start + self.batch_size]

    def _steps(self, count: int) -> Iterator[float]:
        """The step of each batch of a training on `count` rows."""
        last = self.step if self.final_step is None else self.final_step
        yield from np.linspace(self.step, last, self.epochs * math.ceil(count / (self.batch_size or count))).tolist()

    def _update(self, circuit: "Circuit", counts: list[np.ndarray]) -> None:
        tables = {}
        supports = circuit.parameters[1::2]
        for name, count, support, old in zip(
            circuit.network.variables, counts, supports, circuit.tables(), strict=True
        ):
            raised = (count + self.pseudocount) * (support.value != 0)
            sums = raised.sum(axis=-1, keepdims=True)
            tables[name] = np.where(sums > 0, raised / np.where(sums > 0, sums, 1), old)
        circuit.update_tables(tables)

    def _converged(self, means: list[float], validation: Evidence | None) -> bool:
        whole = self.batch_size is None and validation is None and len(means) > 1
        return whole and means[-1] - means[-2] < self.tolerance


class _Best:
    """Keeps the tables of the epoch with the best validation rows."""

    def __init__(
        self, circuit: "Circuit", validation: Evidence | None, history: dict[str, list[float]], patience: int
    ) -> None:
        self.circuit, self.validation, self.history, self.patience = circuit, validation, history, patience
        self.value, self.weights, self.waited = -np.inf, [value.copy() for value in circuit.values], 0
        if validation is not None:
            history["val_log_likelihood"] = []

    def ended(self) -> bool:
        """Whether the training has waited long enough for a better epoch than the best one."""
        if self.validation is None:
            return False
        value = float(queries.log_prob(self.circuit, self.validation).mean())
        self.history["val_log_likelihood"].append(value)
        self.waited += 1
        if value > self.value:
            self.value, self.weights, self.waited = value, [array.copy() for array in self.circuit.values], 0
        return self.waited >= self.patience

    def restore(self) -> None:
        """Set the best tables again."""
        if self.validation is not None:
            for parameter, value in zip(self.circuit.parameters, self.weights, strict=True):
                parameter.assign(value)


def _blended(counts: list[np.ndarray] | None, fresh: list[np.ndarray], step: float) -> list[np.ndarray]:
    """Counts moved towards those of a batch; these themselves if they are the first."""
    if counts is None or step == 1:
        return fresh
    return [old + step * (new - old) for old, new in zip(counts, fresh, strict=True)]


def _checked(logs: np.ndarray, weights: np.ndarray, rows: Any) -> np.ndarray:
    wrong = np.flatnonzero(~np.isfinite(logs) & (weights > 0))
    if wrong.size:
        row = wrong[0] if isinstance(rows, slice) else rows[wrong[0]]
        raise NetworkError(f"row {int(row)} is impossible: a structural zero of a table says that it cannot happen")
    return np.where(weights > 0, logs, 0)


def weights_of(rows: int, sample_weight: Any) -> np.ndarray:
    """A weight for each row, 1 when None; `DataError` unless they are >= 0 and not all 0."""
    weights = np.ones(rows) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if weights.shape != (rows,) or not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        raise DataError(f"sample_weight needs one weight >= 0 for each of {rows} rows, not all zero")
    return weights


def fit_by_gradient(circuit: "Circuit", settings: dict[str, Any], evidence: Evidence, y: Any, **options: Any) -> Any:
    """Train with an optimizer; the `History` of the training.

    Args:
        circuit: what is trained.
        settings: the arguments of `compile`.
        evidence: the rows.
        y: states of the target, as numbers; where None, those of its column. A circuit without a target needs none.
        options: of the model's `fit`.
    """
    model = Sequential([circuit])
    if circuit.target is None:
        if y is not None:
            raise ConfigError("targets need a circuit with a target: Circuit(network, target=...)")
        codes, y = evidence.codes, np.zeros((evidence.count, 1))
        loss: Any = "negative_log_likelihood"
    else:
        column, codes = circuit.network.index(circuit.target), evidence.codes.copy()
        y = codes[column].copy() if y is None else np.asarray(y)
        if (y < 0).any():
            raise NetworkError(f"row {int((y < 0).argmax())} has no target", variable=circuit.target)
        codes[column] = -1
        loss = {"SparseCategoricalCrossentropy": {"from_logits": True}}
    hard = Evidence(codes, evidence.soft)
    inputs: Any = np.maximum(hard.log_likelihoods(circuit.network.cards), NEVER) if hard.soft else codes.T
    model.compile(**{"loss": loss, **settings})
    return model.fit(inputs, y, **options)
