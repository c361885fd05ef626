"""Queries of a circuit, by a pass up and, if derivatives are needed, one down."""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.circuits.networks.evidence import Evidence, read_evidence
from nnlite.circuits.sweeping.sampling import draw
from nnlite.circuits.sweeping.sweeps import chunks, normalized

if TYPE_CHECKING:
    from nnlite.circuits.circuit import Circuit

__all__ = []

FEW_NUMBERS = 100_000  # of a sweep over all rows, for which a plan of their own is not worth its time


def log_prob(circuit: "Circuit", evidence: Evidence) -> np.ndarray:
    """log P(evidence), `(rows,)`."""
    result = np.empty(evidence.count)
    sweep = circuit.sweep(known=_worth_looking_up(circuit, evidence))
    for rows in chunks(evidence.count, sweep.entries):
        part = evidence.part(rows)
        up = sweep.upward(part)
        result[rows] = np.where(up.exact, up.log_scale + log_of(up.value), -np.inf)
        again = np.flatnonzero(~up.exact)
        if again.size:
            result[rows.start + again] = _in_logarithms(circuit, part.part(again))[0]
    return result


def marginals(circuit: "Circuit", evidence: Evidence) -> list[np.ndarray]:
    """P(x | evidence) of every variable, `(rows, states)` each; NaN where the evidence is impossible."""
    cards = circuit.network.cards
    result = [np.empty((evidence.count, card)) for card in cards]
    known = _worth_looking_up(circuit, evidence)
    for column in known:
        result[column][:] = evidence.likelihoods(column, cards[column]).T
    sweep = circuit.sweep(known=known)
    for rows in chunks(evidence.count, sweep.entries):
        part = evidence.part(rows)
        up = sweep.upward(part)
        down = sweep.downward(up, np.ones_like(up.value), part, tables=False, lambdas=True)
        shares = {column: slopes * part.likelihoods(column, cards[column]) for column, slopes in down.evidence.items()}
        for column, share in normalized(shares).items():
            result[column][rows] = share.T
        again = np.flatnonzero(~up.exact)
        if again.size:
            _posteriors_in_logarithms(circuit, part.part(again), result, rows.start + again)
    return result


def joint(circuit: "Circuit", evidence: Evidence, columns: Sequence[int]) -> np.ndarray:
    """P(columns | evidence), `(rows, *states)`; NaN where the evidence is impossible."""
    shape = [circuit.network.cards[column] for column in columns]
    result = np.empty((evidence.count, *shape))
    sweep = circuit.sweep(tuple(columns))
    for rows in chunks(evidence.count, sweep.entries):
        part = evidence.part(rows)
        up = sweep.upward(part)
        value = np.moveaxis(up.value, -1, 0)
        with np.errstate(invalid="ignore"):
            result[rows] = value / value.reshape(len(value), -1).sum(axis=1).reshape(-1, *[1] * len(shape))
        for row in np.flatnonzero(~up.exact):
            result[rows.start + row] = _joint_in_logarithms(circuit, part.part([row]), columns, shape)
    return result


def flips(circuit: "Circuit", evidence: Evidence) -> list[np.ndarray]:
    """log P(x', evidence without X) for every variable and each of its states, `(rows, states)` each."""
    cards = circuit.network.cards
    result = [np.empty((evidence.count, card)) for card in cards]
    sweep = circuit.sweep()
    for rows in chunks(evidence.count, sweep.entries):
        part = evidence.part(rows)
        up = sweep.upward(part)
        down = sweep.downward(up, np.ones_like(up.value), part, tables=False, lambdas=True)
        for column, slopes in down.evidence.items():
            result[column][rows] = (log_of(slopes) + up.log_scale).T
        for row in np.flatnonzero(~up.exact):
            _flips_one_by_one(circuit, part.part([row]), result, rows.start + row)
    return result


def expected_counts(
    circuit: "Circuit",
    evidence: Evidence,
    weights: np.ndarray | None = None,
    known: frozenset[int] | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Sum over rows of P(x, u | evidence) for every table, and log P of each row.

    Args:
        circuit: whose tables.
        evidence: the rows.
        weights: one for each row, 1 when None.
        known: columns to look up rather than sum over; those that every row knows, if there are rows enough, when None.
    """
    network = circuit.network
    counts = [np.zeros(network.shape(variable)) for variable in network.variables]
    logs = np.empty(evidence.count)
    sweep = circuit.sweep(known=_worth_looking_up(circuit, evidence) if known is None else known)
    weights = np.ones(evidence.count) if weights is None else weights
    for rows in chunks(evidence.count, sweep.entries):
        part = evidence.part(rows)
        up = sweep.upward(part)
        logs[rows] = np.where(up.exact, up.log_scale + log_of(up.value), -np.inf)
        seed = np.where(up.exact, weights[rows], 0) / np.where(up.exact, up.value, 1)
        down = sweep.downward(up, seed, part, tables=True, lambdas=False)
        for column, slopes in down.tables.items():
            counts[column] += slopes * sweep.tables[column]
        again = np.flatnonzero(~up.exact)
        if again.size:
            logs[rows.start + again] = _counts_in_logarithms(circuit, part.part(again), weights[rows][again], counts)
    return counts, logs


def mpe(circuit: "Circuit", evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """The most probable complete row for each row, `(rows, variables)`, -1 where impossible, and its log P."""
    network = circuit.network
    codes, logs = np.empty((evidence.count, len(network.variables)), np.int64), np.empty(evidence.count)
    for rows in chunks(evidence.count, 4 * circuit.plan.entries):
        logs[rows], shares = _in_logarithms(circuit, evidence.part(rows), "max", derivative=True)
        for column, (start, stop) in enumerate(itertools.pairwise(circuit.starts)):
            share = shares[:, start:stop]
            codes[rows, column] = np.where(share.any(axis=1), share.argmax(axis=1), -1)
    return codes, logs


def sample(circuit: "Circuit", n: int, evidence: Evidence, generator: np.random.Generator) -> np.ndarray:
    """`n` complete rows for evidence of one row, or one for each of `n` rows, drawn from P(x | evidence)."""
    result = np.empty((n, len(circuit.network.variables)), np.int64)
    sweep = circuit.sweep()
    for rows in chunks(n, sweep.entries):
        part = evidence if evidence.count == 1 else evidence.part(rows)
        places = np.zeros(rows.stop - rows.start, int) if evidence.count == 1 else np.arange(part.count)
        result[rows] = draw(sweep, part, places, generator)
    return result


def log_of(values: np.ndarray) -> np.ndarray:
    """The logarithm, -inf at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(values)


def read(circuit: "Circuit", rows: Any) -> Evidence:
    """Rows as evidence for this circuit."""
    circuit.ensure_built()
    return read_evidence(circuit.network, rows)


def _worth_looking_up(circuit: "Circuit", evidence: Evidence) -> frozenset[int]:
    """The columns that every row knows, where rows and circuit are large enough for a plan without these."""
    many = evidence.count * circuit.plan.entries >= FEW_NUMBERS
    return evidence.known_everywhere() - set(circuit.plan.targets) if many else frozenset()


def _in_logarithms(circuit: "Circuit", evidence: Evidence, semiring: Any = "sum", derivative: bool = False) -> Any:
    """log P of each row, summed over a target, by the layers, its derivative with respect to log lambda if asked."""
    values = [value.astype(np.float64, copy=False) for value in circuit.values]
    outputs, jacobians = circuit.log_sweep(evidence.log_likelihoods(circuit.network.cards), values, semiring)
    top = outputs.max(axis=1, keepdims=True)
    terms = np.exp(outputs - np.where(np.isfinite(top), top, 0))
    total = terms.sum(axis=1, keepdims=True)
    if semiring == "max":
        logs, shares = top[:, 0], np.zeros_like(terms)
        np.put_along_axis(shares, outputs.argmax(axis=1)[:, None], 1, axis=1)
    else:
        logs, shares = (
            log_of(total[:, 0]) + np.where(np.isfinite(top[:, 0]), top[:, 0], 0),
            terms / np.where(total == 0, 1, total),
        )
    wanted = [True] + [False] * len(values)
    return logs, jacobians.vjp(shares, wanted)[0] if derivative else (jacobians, shares)


def _posteriors_in_logarithms(circuit: "Circuit", evidence: Evidence, result: list, places: np.ndarray) -> None:
    logs, slopes = _in_logarithms(circuit, evidence, derivative=True)
    for column, (start, stop) in enumerate(itertools.pairwise(circuit.starts)):
        result[column][places] = np.where(np.isfinite(logs)[:, None], slopes[:, start:stop], np.nan)


def _joint_in_logarithms(circuit: "Circuit", evidence: Evidence, columns: Sequence[int], shape: list) -> np.ndarray:
    """The joint distribution for one row, one log P for each combination of states."""
    count = int(np.prod(shape))
    combinations = np.indices(shape).reshape(len(shape), -1)
    logs = np.zeros(count)
    codes = np.repeat(evidence.codes, count, axis=1)
    soft = {column: np.repeat(values, count, axis=1) for column, values in evidence.soft.items()}
    for column, states in zip(columns, combinations, strict=True):
        logs += log_of(evidence.likelihoods(column, circuit.network.cards[column])[:, 0])[states]
        codes[column] = states
        soft.pop(column, None)
    logs += _in_logarithms(circuit, Evidence(codes, soft))[0]
    if not np.isfinite(logs).any():
        return np.full(shape, np.nan)
    weights = np.exp(logs - logs.max())
    return (weights / weights.sum()).reshape(shape)


def _flips_one_by_one(circuit: "Circuit", evidence: Evidence, result: list, row: int) -> None:
    """As `flips` for one row that scaled numbers are too small for: log P of every changed row."""
    cards = circuit.network.cards
    count = sum(cards)
    codes = np.repeat(evidence.codes, count, axis=1)
    soft = {column: np.repeat(values, count, axis=1) for column, values in evidence.soft.items()}
    for column, (start, stop) in enumerate(itertools.pairwise(circuit.starts)):
        codes[column, start:stop] = np.arange(cards[column])
        if column in soft:
            soft[column][:, start:stop] = np.eye(cards[column])
    changed = Evidence(codes, soft)
    logs = np.concatenate(
        [_in_logarithms(circuit, changed.part(rows))[0] for rows in chunks(count, 4 * circuit.plan.entries)]
    )
    for column, (start, stop) in enumerate(itertools.pairwise(circuit.starts)):
        result[column][row] = logs[start:stop]


def _counts_in_logarithms(
    circuit: "Circuit", evidence: Evidence, weights: np.ndarray, counts: list[np.ndarray]
) -> np.ndarray:
    """Add the expected counts of rows that scaled numbers are too small for; returns their log P."""
    logs, (jacobians, shares) = _in_logarithms(circuit, evidence)
    seed = shares * np.where(np.isfinite(logs), weights, 0)[:, None]
    for column, part in enumerate(circuit.counts_by_layers(jacobians, seed)):
        counts[column] += part
    return logs
