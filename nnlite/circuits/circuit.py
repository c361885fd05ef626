"""Circuits, and the queries they answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.circuits import pictures, queries
from nnlite.circuits.compiled import CompiledNetwork
from nnlite.circuits.learning import EM, LearningMethod, fit_by_gradient, weights_of
from nnlite.circuits.networks.problems import NetworkError
from nnlite.errors import ConfigError

__all__ = ["Circuit"]


class Circuit(CompiledNetwork):
    """outputs = log P(evidence), or log P(target, evidence) for each state of a target, by variable elimination.

    The circuit of a network is a graph of `SumProduct` layers, one for each variable that is summed out. Its inputs
    are log lambda, 0 for a state that is possible and -inf for one that is not, or any log-likelihood: the derivative
    of log P by them is the posterior of every variable, `P(x | evidence)`. Its parameters are the logits of every
    table, whose derivative is P(x, u | evidence) - theta P(u | evidence). What stands for a query, `log_prob`,
    `marginals` and others, takes raw rows and computes with scaled numbers, or logarithms where those get
    too small.

    Shape: `(batch, states of all variables)`, log-likelihoods side by side, or `(batch, variables)`, state numbers,
    -1 or NaN where missing, -> `(batch, 1)`, or `(batch, states of the target)`.

    Args:
        network: a `BayesianNetwork`, the path of a BIF file, or `{"states": ..., "parents": ..., "cpts": ...}`.
            Zeros in its tables are structural: they have no logit and stay.
        target: the variable whose states are the outputs, for a classifier trained by cross-entropy from logits.
        order: the variables, first eliminated first; found by `elimination_order` when None.
        restarts: how often each heuristic is tried.
        seed: of the draws for ties.
        max_entries: what the largest table may have, for one row.
        semiring: `"max"` for the log probability of the most probable explanation in place of log P.

    Raises:
        WidthError: a table would have more than `max_entries` entries.
        NetworkError: an invalid network.

    >>> from nnlite.circuits import BayesianNetwork
    >>> network = BayesianNetwork(
    ...     {"rain": ["yes", "no"], "wet": ["yes", "no"]},
    ...     {"wet": ["rain"]},
    ...     {"rain": [0.2, 0.8], "wet": [[0.9, 0.1], [0.3, 0.7]]},
    ... )
    >>> circuit = Circuit(network)
    >>> circuit.marginals([{"wet": "yes"}])["rain"].round(3).tolist()  # 0.18 / (0.18 + 0.24)
    [[0.429, 0.571]]
    >>> circuit.forward(circuit.log_likelihoods([{"wet": "yes"}])).round(3).tolist()  # log 0.42
    [[-0.868]]
    >>> circuit.backward(1)[0].round(3).tolist()  # the posteriors of rain and of wet
    [[0.429, 0.571, 1.0, 0.0]]

    Reference: Darwiche 2003, "A differential approach to inference in Bayesian networks", J. ACM 50(3).
    """

    def log_prob(self, rows: Any) -> np.ndarray:
        """log P(evidence) of each row, `(rows,)`; -inf where the evidence is impossible. For rows see `marginals`."""
        return queries.log_prob(self, queries.read(self, rows))

    def marginals(self, rows: Any) -> dict[str, np.ndarray]:
        """P(x | evidence) of every variable, by one pass up and one down; NaN if the evidence is impossible.

        Args:
            rows: an array of state numbers `(rows, variables)`; a DataFrame or a dict of columns whose names are
                variables; a list of dicts `{variable: state}`, or one. What is left out is missing, as are None, NaN
                and -1. A cell is the name of a state, its number, or soft evidence: a likelihood for each state.

        Shape: `{variable: (rows, states)}`.
        """
        return dict(zip(self.network.variables, queries.marginals(self, queries.read(self, rows)), strict=True))

    def query(self, rows: Any, names: str | Sequence[str], joint: bool = False) -> Any:
        """P(names | evidence): `{name: (rows, states)}`, or with `joint` one array `(rows, *states of each)`."""
        names = [names] if isinstance(names, str) else list(names)
        columns = [self.network.index(name) for name in names]
        evidence = queries.read(self, rows)
        if joint:
            return queries.joint(self, evidence, columns)
        marginals = queries.marginals(self, evidence)
        return {name: marginals[column] for name, column in zip(names, columns, strict=True)}

    def mpe(self, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        """The most probable complete row that agrees with each row, `(rows, variables)`, and its log P, `(rows,)`.

        The derivative of the maximum by log lambda has a 1 for each state of that row. -1 and -inf where the evidence
        is impossible.
        """
        return queries.mpe(self, queries.read(self, rows))

    def flips(self, rows: Any, log: bool = False) -> dict[str, np.ndarray]:
        """P(x', evidence without X) for every variable X and each of its states, or its logarithm.

        The derivative of P(evidence) by lambda: what P would be, had X been seen in another state.

        Shape: `{variable: (rows, states)}`.
        """
        flips = queries.flips(self, queries.read(self, rows))
        return {name: logs if log else np.exp(logs) for name, logs in zip(self.network.variables, flips, strict=True)}

    def expected_counts(self, rows: Any, sample_weight: Any = None) -> dict[str, np.ndarray]:
        """Sum over rows of P(x, u | evidence), u being the parents, as in EM; impossible rows contribute nothing.

        Shape: `{variable: (*states of the parents, states)}`.
        """
        evidence = queries.read(self, rows)
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        return dict(zip(self.network.variables, queries.expected_counts(self, evidence, weights)[0], strict=True))

    def sample(self, n: int, evidence: Any = None, seed: int | None = None) -> np.ndarray:
        """`n` complete rows of state numbers, `(n, variables)`, drawn from P(x | evidence).

        Args:
            n: how many.
            evidence: one row that all obey, or `n` rows, one for each; see `marginals`. Nothing is known when None.
            seed: of the draws.

        Raises:
            NetworkError: another number of rows, or impossible evidence.
        """
        observations = queries.read(self, [{}] if evidence is None else evidence)
        if observations.count not in (1, n):
            raise NetworkError(f"evidence for {n} samples has one row or {n}, got {observations.count}")
        rows = queries.sample(self, n, observations, np.random.default_rng(seed))
        if (rows < 0).any():
            raise NetworkError(f"the evidence of row {int((rows < 0).any(axis=1).argmax())} is impossible")
        return rows

    @property
    def sizes(self) -> pictures.Sizes:
        """Size of the circuit: width, tables, nodes, edges, layers."""
        return pictures.sizes_of(self)

    def summary(self) -> None:
        """Print the sizes and a line for each layer."""
        print(pictures.summary(self))

    def plot(self, ax: Any = None) -> Any:
        """Draw the layers as a tree, the output on the right; needs matplotlib, `pip install "nnlite[plot]"`.

        Args:
            ax: the axes to draw on; new ones when None.

        Returns:
            The axes; `ax.figure.savefig("circuit.png")` writes a file.
        """
        return pictures.plot(self, ax)

    def compile(self, optimizer: Any = "adam", loss: Any = None, **options: Any) -> None:
        """Set the optimizer for training by gradients.

        Args:
            optimizer: an `Optimizer`, its name or spec.
            loss: the mean of -log P when None; with a target -log P(target | evidence), the cross-entropy from logits.
            options: further arguments of `Sequential.compile`, such as `metrics`.
        """
        self._settings = {"optimizer": optimizer, **options} | ({} if loss is None else {"loss": loss})

    def fit(
        self,
        rows: Any,
        method: "LearningMethod | Mapping[str, Any] | str | None" = None,
        y: Any = None,
        sample_weight: Any = None,
        validation_rows: Any = None,
        **options: Any,
    ) -> Any:
        """Learn the tables from rows, which may have gaps.

        Args:
            rows: see `marginals`.
            method: an `EM`; when None, the optimizer of `compile`, or, where that has not been called, `EM()`.
            y: with an optimizer and a target, its state numbers; the target's column of `rows` when None.
            sample_weight: one for each row.
            validation_rows: rows by which EM keeps the best epoch.
            options: with an optimizer, further arguments of `Sequential.fit`, such as `epochs` and `batch_size`.

        Returns:
            By EM `{"log_likelihood": mean log P of the rows before each epoch's last step, ...}`; by an optimizer a
            `History`.

        Raises:
            NetworkError: a row that a structural zero makes impossible.
        """
        evidence = queries.read(self, rows)
        if method is None and self._settings is not None:
            return fit_by_gradient(self, self._settings, evidence, y, sample_weight=sample_weight, **options)
        if options or y is not None:
            name = min(options) if options else "y"
            raise ConfigError(f"fit takes {name!r} with an optimizer: call compile(...) first")
        learner = EM() if method is None else LearningMethod.get(method)
        validation = None if validation_rows is None else queries.read(self, validation_rows)
        return learner.fit(self, evidence, weights_of(evidence.count, sample_weight), validation)

    def impute(self, rows: Any, method: Literal["mpe", "marginal", "sample"] = "mpe", seed: int | None = None) -> Any:
        """Complete rows of state numbers, `(rows, variables)`: missing values are filled in.

        Args:
            rows: see `marginals`.
            method: the most probable row as a whole, the most probable state of each variable, or one draw.
            seed: of the draws.
        """
        evidence = queries.read(self, rows)
        if method == "sample":
            return self.sample(evidence.count, evidence, seed)
        if method == "mpe":
            return queries.mpe(self, evidence)[0]
        marginals = queries.marginals(self, evidence)
        codes = [np.where(np.isnan(marginal[:, 0]), -1, marginal.argmax(axis=1)) for marginal in marginals]
        return np.where(evidence.codes >= 0, evidence.codes, codes).T
