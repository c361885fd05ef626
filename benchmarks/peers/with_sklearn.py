"""scikit-learn's multilayer perceptron."""

import pickle

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.parts import Dense
from benchmarks.peers.base import Peer, dense_only


class SklearnMLP(Peer):
    """One `partial_fit` per step. Its squared error has a factor 1/2, so its epsilon has it too."""

    probabilities = True

    def __init__(self, case, threads):
        super().__init__(case, threads)
        dense_only(case, "scikit-learn")
        hidden = tuple(part.units for part in case.parts[:-1] if isinstance(part, Dense))
        self.factor = 2 if case.loss == "mse" else 1
        kind = MLPRegressor if case.loss == "mse" else MLPClassifier
        options = {"alpha": 0.0, "batch_size": case.batch, "epsilon": 1e-7 / self.factor, "shuffle": False}
        self.model = kind(hidden_layer_sizes=hidden, **options)
        classes = {} if case.loss == "mse" else {"classes": np.arange(case.shapes[-1][-1])}
        self._fit(*case.example(0), **classes)  # which makes its arrays
        for kernel, bias, (own_kernel, own_bias) in zip(
            self.model.coefs_, self.model.intercepts_, case.weights(), strict=True
        ):
            kernel[...], bias[...] = own_kernel, own_bias
        adam = self.model._optimizer
        adam.t = 0
        for slot in (*adam.ms, *adam.vs):
            slot[...] = 0

    def _fit(self, x, y, **classes):
        self.model.partial_fit(x, y.ravel(), **classes)

    def step(self, x, y):
        self._fit(x, y)
        return self.model.loss_ * self.factor

    def predict(self, x):
        return self.model.predict(x) if self.case.loss == "mse" else self.model.predict_proba(x)

    def train(self, x, y, batch, epochs, generator):
        self.model.set_params(max_iter=epochs, shuffle=True, n_iter_no_change=epochs).fit(x, y)

    def train_epoch(self, x, y, generator):
        self.model.set_params(shuffle=True)
        self._fit(x, y)  # `fit` would start over

    def save(self, folder):
        (folder / "model.pickle").write_bytes(pickle.dumps(self.model))
