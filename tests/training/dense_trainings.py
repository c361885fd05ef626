"""Data of small dense networks, and a user's own loss, optimizer and schedule, which no fast path knows."""

import numpy as np

from nnlite.losses import MeanSquaredError
from nnlite.optimizers import SGD
from nnlite.schedules import LearningRateSchedule

FEATURES, ROWS, BATCH = 6, 77, 8  # nine full batches, and one of five rows
X = np.random.default_rng(0).standard_normal((ROWS, FEATURES))
Y = np.stack([X[:, 0] * X[:, 1], X[:, 2], X.sum(axis=1)], axis=1)
CLASSES = (Y[:, 0] > 0).astype(int) + (Y[:, 2] > 1)
WEIGHTS = np.random.default_rng(1).random(ROWS)


class OwnError(MeanSquaredError):
    """A loss of a user's own."""

    def per_row(self, y_true, y_pred):
        losses, rows = super().per_row(y_true, y_pred)
        return 2 * losses, type(rows)(2 * rows.gradients)


class OwnSGD(SGD):
    """An optimizer of a user's own."""

    def update(self, values, gradients, slots, learning_rate, scratch, factors=None):
        super().update(values, gradients, slots, 2 * learning_rate, scratch, factors)


class Halved(LearningRateSchedule):
    """Another rate at each step."""

    def __call__(self, step):
        return 0.3 / (1 + step % 3)
