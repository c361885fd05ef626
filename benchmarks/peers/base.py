"""What the comparison asks of an engine."""

import numpy as np


class Unsupported(Exception):
    """The engine has no such net; the message says why."""


class Peer:
    """One net in one engine, built from a case: the same weights, the same task.

    Adam has a learning rate of 0.001, beta 0.9 and 0.999, epsilon 1e-7.

    Args:
        case: what to build.
        threads: how many the engine may use.
    """

    probabilities = False  # whether `predict` gives probabilities where others give logits

    def __init__(self, case, threads: int):
        self.case = case
        self.threads = threads

    def take(self, array):
        """A NumPy array in a form that `step` and `predict` accept."""
        return array

    def convert(self, array):
        """A NumPy array in the engine's own form, so that nothing is left to do."""
        return self.take(array)

    def step(self, x, y):
        """One training step; returns the loss in any form that `float` takes."""
        raise NotImplementedError

    def exact_loss(self, x, y) -> float:
        """As `step`, where the loss that `step` returns is not that of the batch alone."""
        return float(self.step(x, y))

    def predict(self, x):
        """The outputs of the net for `x`, outside training."""
        raise NotImplementedError

    def wait(self, result):
        """Return when the work behind what `step` or `predict` returned is done."""
        return result

    def train(self, x, y, batch, epochs, generator) -> None:
        """Train over `(x, y)` in shuffled batches of the same length."""
        for _ in range(epochs):
            order = generator.permutation(len(x))
            for start in range(0, len(x) - batch + 1, batch):
                rows = order[start : start + batch]
                loss = self.step(self.take(x[rows]), self.take(y[rows]))
        self.wait(loss)

    def train_until(self, wanted, x, y, held_x, held_y, epochs) -> list[float]:
        """Train until the loss of the rows that are held back is as wanted; these losses, one for each epoch."""
        generator, losses = np.random.default_rng(0), []
        while len(losses) < epochs and not (losses and losses[-1] <= wanted):
            self.train_epoch(x, y, generator)
            losses.append(self.loss_of_outputs(np.asarray(self.outputs(held_x), np.float64), held_y))
        return losses

    def train_epoch(self, x, y, generator) -> None:
        """Go through the rows once, in an order that the generator draws, where an earlier epoch stopped."""
        self.train(x, y, self.case.batch, 1, generator)

    def outputs(self, x):
        """The outputs for `x` between epochs of a training."""
        return self.predict(self.take(x))

    def loss_of_outputs(self, outputs, y) -> float:
        """The mean loss of outputs as `predict` gives them."""
        if self.case.loss == "mse":
            return float(((outputs.reshape(y.shape) - y) ** 2).mean())
        if self.probabilities:
            outputs = np.log(np.maximum(outputs, 1e-30))
        outputs = outputs - outputs.max(axis=1, keepdims=True)
        return float((np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(y)), y]).mean())

    def save(self, folder) -> None:
        """Write the trained net into this folder, in the engine's own way."""
        raise NotImplementedError


def dense_only(case, engine, dropout=False) -> None:
    """`Unsupported` unless the net is made of dense layers, and of dropout where the engine has it."""
    allowed = {"Dense", "Dropout"} if dropout else {"Dense"}
    others = {type(part).__name__ for part in case.parts} - allowed
    if others:
        raise Unsupported(f"{engine} is compared on dense nets{'' if dropout else ' without dropout'}")
