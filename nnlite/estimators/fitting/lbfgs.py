"""Training by L-BFGS: an epoch is one iteration, with the loss over all rows and its gradient."""

from typing import Any

import numpy as np

from nnlite.callbacks import CallbackList
from nnlite.data.batches import count_rows, take_rows
from nnlite.errors import ConfigError
from nnlite.estimators.fitting.recipe import Recipe, copies
from nnlite.estimators.fitting.training import Lesson, Outcome
from nnlite.estimators.mlp.lbfgs import GradientsOnly, Limits, minimum_of, warn_of
from nnlite.estimators.specs.stacks import adapt_waiting
from nnlite.layers import Input
from nnlite.models import Sequential
from nnlite.training.epoch import callback_list
from nnlite.training.inputs import adapt_first_weights
from nnlite.training.resources import suited
from nnlite.training.train_step import JOINED_ROWS, Steps

__all__ = ["minimize"]

MOST_EVALUATIONS = 15_000  # of the loss, as in scikit-learn's MLP


class _Ended(Exception):
    """A callback wants no further iteration."""


def minimize(network: Sequential, lesson: Lesson, recipe: Recipe, listeners: list[Any]) -> Outcome:
    """Minimize the loss of a compiled network over all rows.

    Raises:
        ConfigError: layers that draw at random while training, so that the loss is not a function of the weights; rows
            that judge epochs.
    """
    if lesson.judges is not None:
        raise ConfigError("optimizer='lbfgs' judges no epochs: leave X_val and y_val out", ("X_val",))
    twin: Any = _in_float64(network)
    adapt_waiting(twin, lesson.x)
    arrays = twin.trainer.read_batch(lesson.x, lesson.y, lesson.weights)
    adapt_first_weights(twin, arrays[0])
    steps = twin.trainer.bare_steps()
    if steps.draws:
        raise ConfigError("optimizer='lbfgs' needs a loss without chance: pass dropout=0, or layers without noise")
    callbacks = callback_list(twin, [*recipe.callbacks(), *listeners], recipe.verbosity, epochs=recipe.epochs, steps=1)
    with suited(twin, JOINED_ROWS):
        losses = _iterate(_WholeLoss(steps, arrays), recipe, callbacks)
    network.set_weights(twin.get_weights())
    return Outcome({"loss": losses}, None, None, True)


def _in_float64(network: Sequential) -> Sequential:
    """A copy of the network in the precision of SciPy's L-BFGS, to be trained by it."""
    layers = copies(network.layers)
    twin = Sequential([Input(network.input_shape[1:]), *layers], seed=network.seed, dtype="float64")
    twin.set_weights(network.get_weights())
    twin.trainer.last_layer.trust()  # the network was compared
    twin.compile(GradientsOnly(), network.trainer.loss)
    return twin


def _iterate(objective: "_WholeLoss", recipe: Recipe, callbacks: CallbackList) -> list[float]:
    """The loss after each iteration; the weights are those after the last one."""
    losses: list[float] = []

    def after_iteration(values: np.ndarray) -> None:
        losses.append(objective.loss)
        callbacks.on_epoch_end(len(losses) - 1, {"loss": objective.loss})
        if objective.trainer.stop_training:
            raise _Ended
        if len(losses) < recipe.epochs:
            callbacks.on_epoch_begin(len(losses))

    objective.trainer.stop_training = False
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    limits = Limits(recipe.epochs, MOST_EVALUATIONS, recipe.parameters["tol"])
    try:
        result = minimum_of(objective, objective.values, limits, after_iteration)
    except _Ended:
        pass
    else:
        if result.status:
            warn_of(result, "epochs", recipe.epochs)
        objective(result.x)
    callbacks.on_train_end({"loss": objective.loss})
    return losses or [objective.loss]


class _WholeLoss:
    """The loss over all rows and its gradient as a function of the weights; a piece of the rows at a time.

    Args:
        steps: of a model that is compiled with `GradientsOnly`.
        arrays: `(x, y, sample_weight)` as the steps take them.

    Attributes:
        loss: of the last call.
    """

    def __init__(self, steps: Steps, arrays: tuple) -> None:
        self.steps, self.arrays, self.trainer, self.loss = steps, arrays, steps.trainer, np.inf
        self.count = count_rows(arrays[0])
        self.total = self._weight_of(slice(None))

    def _weight_of(self, rows: slice) -> float:
        weights = self.arrays[2]
        return float(len(self.arrays[1][rows]) if weights is None else weights[rows].sum())

    @property
    def values(self) -> np.ndarray:
        """A copy of all weights, as one vector."""
        return np.concatenate([pack.values for pack in self.steps.store.packs])

    def __call__(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        packs, gradient, self.loss = self.steps.store.packs, np.zeros_like(values), 0.0
        bounds = np.cumsum([len(pack.values) for pack in packs])[:-1]
        for pack, stretch in zip(packs, np.split(values, bounds), strict=True):
            pack.values[...] = stretch
        for start in range(0, self.count, JOINED_ROWS):
            rows = slice(start, start + JOINED_ROWS)
            share = self._weight_of(rows) / self.total
            value, _ = self.steps.train(*(take_rows(array, rows) for array in self.arrays))
            self.loss += value * share
            gradient += np.concatenate([pack.gradients for pack in packs]) * share
        return self.loss, gradient
