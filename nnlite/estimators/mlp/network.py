"""A stack of dense layers as scikit-learn's multi-layer perceptron trains it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np

from nnlite.config import FloatType
from nnlite.estimators.mlp.objectives import Objective
from nnlite.layers import Dense, Input
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.regularizers import L2

__all__ = ["Network", "as_model", "forward", "initial_weights"]

Weights = list[np.ndarray]

ROWS_AT_ONCE = 512

# scikit-learn's names of activation functions, and the functions; None does nothing.
ACTIVATIONS = {
    name: ActivationFunction.get(function) if function else None
    for name, function in [
        ("identity", None),
        ("logistic", "sigmoid"),
        ("tanh", "tanh"),
        ("relu", "relu"),
        ("softmax", "softmax"),
        ("exp", "exp"),
    ]
}


class Network:
    """The dense layers, and their training step.

    Args:
        units: number of features, of the units of each hidden layer, of outputs.
        activation: scikit-learn's name of the hidden layers' activation.
        objective: what is minimized.
        optimizer: does a step.
        dtype: of the weights, float32 or float64.
    """

    def __init__(
        self, units: Sequence[int], activation: str, objective: Objective, optimizer: Optimizer, dtype: np.dtype
    ) -> None:
        self.units, self.activation, self.objective, self.dtype = list(units), activation, objective, np.dtype(dtype)
        self.penalty = L2(0.0)  # its strength depends on the rows of the batch
        name = self.dtype.name
        options: dict[str, Any] = {"dtype": name, "kernel_initializer": "zeros", "kernel_regularizer": self.penalty}
        hidden = [Dense(count, ACTIVATIONS[activation], **options) for count in self.units[1:-1]]
        self.model = Sequential([*hidden, Dense(self.units[-1], **options)], seed=0)
        self.model.build((None, self.units[0]))
        self.use(optimizer)

    def use(self, optimizer: Optimizer) -> None:
        """Train with this optimizer from now on; it keeps its state. The weights move to new memory."""
        self.model.optimizer, self.model.loss = optimizer, self.objective.loss
        self.steps = self.model.trainer.bare_steps()

    def is_for(self, units: Sequence[int], activation: str) -> bool:
        """Whether these are its layers."""
        return self.units == list(units) and self.activation == activation

    @property
    def weights(self) -> tuple[Weights, Weights]:
        """The kernels and the biases, not copies."""
        values = self.model.values
        return values[::2], values[1::2]

    def assign(self, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> None:
        """Copy weights in, except those that are the network's own already."""
        arrays = [array for pair in zip(coefs, intercepts, strict=True) for array in pair]
        for parameter, array in zip(self.model.parameters, arrays, strict=True):
            if array is not parameter.value:
                parameter.assign(array)

    @property
    def values(self) -> np.ndarray:
        """All weights as one vector, not a copy."""
        return self.steps.store.packs[0].values

    @property
    def gradients(self) -> np.ndarray:
        """The gradients of the last step."""
        return self.steps.store.packs[0].gradients

    def together(self, batch_size: int) -> int:
        """Number of batches of this size, without weights, that the next `step` may take at once."""
        return self.steps.together(batch_size) if self.objective.shown == 1 else 1

    def step(
        self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, alpha: float, batch_size: int
    ) -> tuple[float, np.ndarray | float]:
        """One training step; returns the loss as scikit-learn reports it and the outputs, both from before the step.

        The loss is the mean over rows, weighted, plus `alpha / 2` times the squared kernels over the number of rows,
        or the sum of their weights. Rows whose weights are all 0 are as good as absent: nothing happens.

        Args:
            batch_size: with several times as many rows, as `together` allows, these are several steps in
                sequence, and the loss is the mean of theirs.
        """
        if len(x) > batch_size:
            self.penalty.l2 = 0.5 * alpha / batch_size
            return self.steps.train(x, y, None, batch_size)
        total = len(x) if sample_weight is None else sample_weight.sum().item()
        return self.share(x, y, sample_weight, alpha, total)[1:] if total else (0.0, 0.0)

    def share(
        self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, alpha: float, total: float
    ) -> tuple[float, float, np.ndarray]:
        """A step along the gradient of these rows' part in a loss over rows whose weights sum to `total`.

        Returns:
            The share, that share as scikit-learn shows it, and the outputs before the last activation.
        """
        shown, scale = self.objective.shown, len(x) / total
        weights = None if sample_weight is None else np.multiply(sample_weight, scale, dtype=self.dtype)
        if weights is None and scale != 1:
            weights = np.full(len(x), scale, self.dtype)
        self.penalty.l2 = 0.5 * alpha / total
        penalty = 0.0 if shown == 1 else sum(map(self.penalty.penalty, self.weights[0]))
        value, outputs = self.steps.train(x, y, weights)
        return value, (value - penalty) * shown + penalty, outputs


def initial_weights(
    units: Sequence[int], activation: str, dtype: np.dtype, random: np.random.RandomState
) -> tuple[Weights, Weights]:
    """Kernels and biases uniform in [-limit, limit), as scikit-learn draws them.

    `limit = sqrt(6 / (fan_in + fan_out))`; with the activation "logistic" it is 2 in place of 6.

    Reference: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward networks".
    """
    coefs, intercepts = [], []
    for fan_in, fan_out in pairwise(units):
        limit = np.sqrt((2.0 if activation == "logistic" else 6.0) / (fan_in + fan_out))
        coefs.append(random.uniform(-limit, limit, (fan_in, fan_out)).astype(dtype))
        intercepts.append(random.uniform(-limit, limit, fan_out).astype(dtype))
    return coefs, intercepts


def forward(X: Any, coefs: Weights, intercepts: Weights, activation: str, out_activation: str) -> np.ndarray:
    """The outputs for X, an array or a sparse matrix. Shape: `(rows, features) -> (rows, outputs)`.

    Many rows go through in pieces that fit into the cache.
    """
    if X.shape[0] > ROWS_AT_ONCE:
        X = X if isinstance(X, np.ndarray) else X.tocsr()
        pieces = [X[start : start + ROWS_AT_ONCE] for start in range(0, X.shape[0], ROWS_AT_ONCE)]
        return np.concatenate([forward(piece, coefs, intercepts, activation, out_activation) for piece in pieces])
    hidden, last = ACTIVATIONS[activation], ACTIVATIONS[out_activation]
    for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
        X = X @ coef
        X += intercept
        if hidden is not None:
            hidden.in_place(X)(X)
    X = X @ coefs[-1]
    X += intercepts[-1]
    return X if last is None else last.linearize(X)[0]  # that in place rounds small probabilities to 0


def as_model(coefs: Weights, intercepts: Weights, activation: str, out_activation: str) -> Sequential:
    """The layers as a new model with the current weights and the last activation."""
    functions = [*[activation] * (len(coefs) - 1), out_activation]
    layers = [
        Dense(coef.shape[1], ACTIVATIONS[function], dtype=cast(FloatType, coef.dtype.name))
        for coef, function in zip(coefs, functions, strict=True)
    ]
    model = Sequential([Input((coefs[0].shape[0],)), *layers], seed=0)
    for layer, *arrays in zip(layers, coefs, intercepts, strict=True):
        layer.set_weights(arrays)
    return model
