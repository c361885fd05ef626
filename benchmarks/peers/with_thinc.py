"""thinc."""

import numpy as np
from thinc.api import Adam, Dropout as ThincDropout, Linear, Relu, Softmax, chain

from benchmarks.parts import Dense
from benchmarks.peers.base import Peer, dense_only


class Thinc(Peer):
    """A chain of its layers with its fused Adam; the loss is a few lines of NumPy."""

    probabilities = True

    def __init__(self, case, threads):
        super().__init__(case, threads)
        dense_only(case, "thinc", dropout=True)
        made = [_layer(part, part is case.parts[-1] and case.loss == "crossentropy") for part in case.parts]
        self.model = chain(*made)
        self.model.initialize(X=case.example(0)[0])
        for layer, weights in zip(made, case.weights(), strict=True):
            if weights:
                layer.set_param("W", np.ascontiguousarray(weights[0].T))
                layer.set_param("b", weights[1])
        self.optimizer = Adam(0.001, eps=1e-7, grad_clip=0.0, use_averages=False)
        self.rows = np.arange(case.batch)

    def step(self, x, y):
        outputs, backprop = self.model.begin_update(x)
        if self.case.loss == "mse":
            slopes = outputs - y
            loss = (slopes * slopes).mean()
            slopes *= 2 / slopes.size
        else:
            slopes = outputs.copy()
            loss = -np.log(slopes[self.rows, y]).mean()
            slopes[self.rows, y] -= 1
            slopes *= 1 / len(y)
        backprop(slopes)
        self.model.finish_update(self.optimizer)
        self.optimizer.step_schedules()
        return loss

    def predict(self, x):
        return self.model.predict(x)


def _layer(part, ends):
    if not isinstance(part, Dense):
        return ThincDropout(part.rate)
    if ends:
        return Softmax(part.units)
    return Relu(part.units) if part.relu else Linear(part.units)
