"""Which epochs' weights a fitted estimator has."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from nnlite import NNClassifier, NNRegressor
from nnlite.callbacks import Callback
from nnlite.layers import Dense

CLASSES, NUMBERS = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)


class RecorderOfWeights(Callback):
    """Keeps the weights of each epoch."""

    def on_train_begin(self, logs=None):
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(kernels(self.model))


def kernels(model):
    return [layer.get_weights()[0].copy() for layer in model.layers if isinstance(layer, Dense)]


@pytest.mark.parametrize(
    ("cls", "data", "options", "count"),
    [
        (NNClassifier, CLASSES, {}, 3),
        (NNClassifier, CLASSES, {"learning_rate": 0.01}, 1),  # a recipe of the user's
        (NNRegressor, NUMBERS, {}, 1),
    ],
)
def test_a_single_network_has_the_mean_of_its_best_epochs(cls, data, options, count):
    recorder = RecorderOfWeights()
    model = cls((8,), n_members=1, epochs=12, random_state=0, callbacks=[recorder], **options).fit(*data)
    best = np.argsort(model.validation_loss_curve_)[:count]
    for index, kernel in enumerate(kernels(model.model_)):
        mean = np.mean([recorder.weights[epoch][index] for epoch in best], axis=0)
        np.testing.assert_allclose(kernel, mean, rtol=1e-4, atol=1e-6)
