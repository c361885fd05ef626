"""Data and trainings of small dense networks; a user's own loss, optimizer and schedule, which no fast path knows."""

import numpy as np

from nnlite.layers import Dense, Dropout, Flatten, Rescaling
from nnlite.losses import MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.optimizers import SGD, Adam
from nnlite.schedules import ExponentialDecay, LearningRateSchedule

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


SHARED = {
    "plain": {},
    "activations": {"layers": [Dense(8, "selu"), Dense(7, "mish"), Dense(5, "sigmoid"), Dense(3, "tanh")]},
    "wide": {"layers": [Dense(40, "relu"), Dense(48, "tanh"), Dense(3)]},  # products by a transposed copy
    "dropout": {"layers": [Dense(8, "relu"), Dropout(0.3), Dense(7, "selu"), Dropout(0.2), Dense(3)]},
    "scheduled dropout": {"layers": [Dense(8, "relu"), Dropout(Halved()), Dense(3)]},
    "weights": {"fit": {"sample_weight": WEIGHTS}},
    "mean of weights": {
        "loss": MeanSquaredError(reduction="mean_with_sample_weight"),
        "fit": {"sample_weight": WEIGHTS},
    },
    "sum": {"loss": MeanSquaredError(reduction="sum"), "optimizer": SGD(0.001)},
    "softmax": {
        "layers": [Dense(8, "relu"), Dense(3, "softmax")],
        "loss": "sparse_categorical_crossentropy",
        "y": CLASSES,
        "metrics": ["accuracy"],
        "fit": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    },
    "classes": {"loss": SparseCategoricalCrossentropy(from_logits=True), "y": CLASSES, "metrics": ["accuracy"]},
    "binary": {"layers": [Dense(8, "relu"), Dense(1, "sigmoid")], "loss": "binary_crossentropy", "y": CLASSES > 0},
    "accumulated": {"optimizer": Adam(ExponentialDecay(0.01, 5, 0.9), gradient_accumulation_steps=3)},
    "scaled and flattened": {
        "layers": [Rescaling(0.5, 1.0), Flatten(), Dense(8, "relu"), Dense(3)],
        "x": X.reshape(ROWS, 2, 3),
        "shape": (2, 3),
    },
}
