"""What the comparison asks of an engine."""


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


def dense_only(case, engine, dropout=False) -> None:
    """`Unsupported` unless the net is made of dense layers, and of dropout where the engine has it."""
    allowed = {"Dense", "Dropout"} if dropout else {"Dense"}
    others = {type(part).__name__ for part in case.parts} - allowed
    if others:
        raise Unsupported(f"{engine} is compared on dense nets{'' if dropout else ' without dropout'}")
