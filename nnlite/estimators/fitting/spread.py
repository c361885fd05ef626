"""The delta method for the last layer of a single fitted network."""

from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.tables import as_plain_array
from nnlite.estimators.fitting.training import Judged, Lesson, rows_at_once
from nnlite.layers import Dense, Input
from nnlite.losses import MeanSquaredError
from nnlite.models import Sequential

__all__ = ["LastLayer", "last_layer_of"]

MOST_ROWS = 2**14  # of the fit that are asked, evenly spread
ROUNDS = 20  # of the search for the strength of a penalty
ROUNDING = 1e-12  # of the largest eigenvalue


class LastLayer(NamedTuple):
    """The uncertainty of a last layer, by the delta method.

    Attributes:
        inverse: `(H'H + strength I)^-1`, H what enters the layer at the rows of the fit, with 1 for its bias.
        deviation: the standard deviation of the errors of each output, in terms of the loss, `(outputs,)`.
    """

    inverse: np.ndarray
    deviation: np.ndarray

    def spread(self, model: Sequential, x: Any, layers: int) -> np.ndarray:
        """`s sqrt(h' inverse h)`, the standard deviations of the layer's outputs, `(rows, outputs)`.

        Args:
            model: from encoded rows to outputs.
            x: encoded rows.
            layers: of the model, up to what enters the layer.
        """
        entering = _entering(model, x, layers, len(self.inverse))
        shares = np.einsum("ri,ij,rj->r", entering, self.inverse, entering)
        return np.sqrt(np.maximum(shares, 0))[:, None] * self.deviation


def last_layer_of(network: Sequential, lesson: Lesson, judged: Judged | None) -> LastLayer | None:
    """The uncertainty of a fitted network's last layer; None unless it is linear, and errors are squared.

    The deviation is that of rows that were not learned from, where some were set apart; else of the rows of the fit,
    over their number less the effective number of parameters, the sum of `l / (l + strength)` over the eigenvalues l of
    H'H. That number times the variance, over the sum of the squared weights, is the strength: the most probable one.

    Source: MacKay 1992, "Bayesian interpolation".
    """
    layer = network.layers[-1]
    if type(layer) is not Dense or layer.without_activation()[1] is not None:
        return None
    if type(network.trainer.loss) is not MeanSquaredError:
        return None
    some = np.arange(0, len(lesson.y), -(-len(lesson.y) // MOST_ROWS))
    x, y, weights = lesson.taken(some)
    entering = _entering(network, x, len(network.layers) - 1, layer.input_shape[-1] + layer.use_bias)
    counts = _counts(weights, len(y)) * (len(lesson.y) / len(some))
    values, vectors = np.linalg.eigh((entering * counts[:, None]).T @ entering)
    values, sizes = np.maximum(values, values[-1] * ROUNDING), np.square(layer.at_inference().kernel).sum()
    if judged is None:
        errors = network.predict(x, rows_at_once(x.shape[1]), verbose=0) - y
    else:
        errors, counts = judged.outputs - judged.y, _counts(judged.weights, len(judged.y))
    total, strength = counts.sum(), 0.0
    squares = counts @ errors.astype(np.float64) ** 2 / max(total, np.finfo(np.float64).tiny)
    for _ in range(ROUNDS):
        effective = (values / (values + strength)).sum()
        variance = squares if judged is not None else squares / max(1 - effective / total, 1 / len(errors))
        strength = effective * variance.sum() / max(sizes, np.finfo(np.float64).tiny)
    return LastLayer(vectors / (values + strength) @ vectors.T, np.sqrt(variance))


def _counts(weights: np.ndarray | None, rows: int) -> np.ndarray:
    """The weights of the rows, in float64; 1 each without weights."""
    return np.ones(rows) if weights is None else weights.astype(np.float64)


def _entering(model: Sequential, x: Any, layers: int, width: int) -> np.ndarray:
    """Outputs of the first `layers` layers, in float64, followed by 1 for the bias of a layer of `width` inputs."""
    outputs = x
    if layers:
        first = Sequential([Input(model.input_shape[1:]), *model.layers[:layers]], seed=model.seed)
        outputs = first.predict(x, rows_at_once(x.shape[1]), verbose=0)
    ones = np.ones((len(outputs), width - outputs.shape[1]))
    return np.concatenate([as_plain_array(outputs).astype(np.float64), ones], axis=1)
