"""Drawing complete rows from a circuit, variable by variable in reverse elimination order."""

import numpy as np

from nnlite.circuits.networks.evidence import Evidence
from nnlite.circuits.sweeping.sweeps import Sweep

__all__ = []


def draw(sweep: Sweep, evidence: Evidence, places: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One row of state numbers for each of `places`, the evidence's row it obeys; -1 where that is impossible.

    Shape: `(places,)` -> `(places, variables)`.
    """
    up = sweep.upward(evidence)
    codes = np.full((len(sweep.plan.cards), len(places)), -1)
    for number in range(len(sweep.steps) - 1, -1, -1):
        variable = sweep.plan.buckets[number].variable
        if variable is None:
            continue
        step, left = sweep.steps[number], sweep.left[number]
        product = step.contraction.completed(up.products[number])
        weights = _at(product, step.right, variable, codes, places)
        if left is not None:
            weights = weights * _at(left, step.left, variable, codes, None)
        steps = np.cumsum(weights, axis=1)
        drawn = generator.random(len(places))[:, None] * steps[:, -1:]
        states = np.minimum((drawn >= steps).sum(axis=1), weights.shape[1] - 1)
        codes[variable] = np.where(steps[:, -1] > 0, states, 0)
    codes[:, ~up.exact[places]] = -1
    return codes.T


def _at(
    array: np.ndarray, axes: tuple[int, ...], variable: int, codes: np.ndarray, rows: np.ndarray | None
) -> np.ndarray:
    """The entries of an array for every state of `own`, the other axes at the states drawn so far."""
    position = axes.index(variable)
    moved = np.moveaxis(array, position, -1)
    index = tuple(codes[axis] for axis in axes if axis != variable)
    if rows is not None:
        index = (*index, rows)
    picked = moved[index] if index else moved
    return picked if picked.ndim == 2 else np.broadcast_to(picked, (codes.shape[1], picked.shape[-1]))
