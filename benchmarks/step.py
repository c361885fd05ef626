"""A bare training step of nnlite against the same step written by hand in plain NumPy with preallocated buffers.

    python -m benchmarks.step [--rounds 30] [--threads 1]

Both start from the same weights and see the same batches; their losses are compared at the end, so that neither is
fast by being wrong. Rounds are interleaved; the first ones are thrown away; medians and quartiles are printed.
"""

import argparse
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from nnlite import Sequential
from nnlite.layers import Dense, Input
from nnlite.optimizers import Adam

CASES = {
    "13-64-64-1, batch 32": {"sizes": (13, 64, 64, 1), "batch": 32, "steps": 300, "limit": 1.5},
    "784-512-512-10, batch 128": {"sizes": (784, 512, 512, 10), "batch": 128, "steps": 10, "limit": 1.25},
}


class ByHand:
    """ReLU network, Adam, float32: mean squared error for one output, else softmax cross-entropy from logits."""

    def __init__(self, weights, batch):
        self.values = np.concatenate([weight.ravel() for weight in weights])
        self.gradients = np.zeros_like(self.values)
        self.m, self.v, self.scratch = (np.zeros_like(self.values) for _ in range(3))
        self.count = 0
        views, start = [], 0
        for weight in weights:
            stop = start + weight.size
            views.append(
                (self.values[start:stop].reshape(weight.shape), self.gradients[start:stop].reshape(weight.shape))
            )
            start = stop
        self.layers = list(zip(views[::2], views[1::2], strict=True))
        widths = [kernel.shape[1] for (kernel, _), _ in self.layers]
        self.outputs = [np.empty((batch, width), np.float32) for width in widths]
        self.slopes = [np.empty((batch, width), np.float32) for width in widths]
        self.masks = [np.empty((batch, width), bool) for width in widths]
        self.rows = np.arange(batch)

    def step(self, x, y):
        """One training step; returns the loss."""
        signal = x
        for index, ((kernel, _), (bias, _)) in enumerate(self.layers):
            output = self.outputs[index]
            np.dot(signal, kernel, out=output)
            output += bias
            if index < len(self.layers) - 1:
                np.maximum(output, 0, out=output)
            signal = output
        loss = self._mean_squared_error(y) if signal.shape[1] == 1 else self._cross_entropy(y)
        slope = self.slopes[-1]
        for index in range(len(self.layers) - 1, -1, -1):
            (kernel, kernel_gradient), (_, bias_gradient) = self.layers[index]
            below = self.outputs[index - 1] if index else x
            np.dot(below.T, slope, out=kernel_gradient)
            np.add.reduce(slope, axis=0, out=bias_gradient)
            if index:
                np.dot(slope, kernel.T, out=self.slopes[index - 1])
                slope = self.slopes[index - 1]
                np.greater(below, 0, out=self.masks[index - 1])
                np.multiply(slope, self.masks[index - 1], out=slope)
        self._adam()
        return loss

    def _mean_squared_error(self, y):
        slope = np.subtract(self.outputs[-1], y, out=self.slopes[-1])
        loss = float(np.dot(slope[:, 0], slope[:, 0])) / len(y)
        slope *= 2 / len(y)
        return loss

    def _cross_entropy(self, y):
        logits, slope = self.outputs[-1], self.slopes[-1]
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=slope)
        total = slope.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - logits[self.rows, y]).mean())
        slope /= total
        slope[self.rows, y] -= 1
        slope *= 1 / len(y)
        return loss

    def _adam(self, rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
        self.count += 1
        rate *= (1 - beta_2**self.count) ** 0.5 / (1 - beta_1**self.count)
        for start in range(0, self.values.size, 65_536):
            block = slice(start, start + 65_536)
            g, m, v, values, scratch = (
                array[block] for array in (self.gradients, self.m, self.v, self.values, self.scratch)
            )
            np.subtract(g, m, out=scratch)
            scratch *= 1 - beta_1
            m += scratch
            np.multiply(g, g, out=scratch)
            scratch -= v
            scratch *= 1 - beta_2
            v += scratch
            np.sqrt(v, out=scratch)
            scratch += epsilon
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            values -= scratch


def nets(sizes, batch):
    """The two nets with equal weights, and batches for both."""
    *hidden, last = sizes[1:]
    layers = [Input((sizes[0],)), *(Dense(width, activation="relu") for width in hidden), Dense(last)]
    model = Sequential(layers, seed=0)
    loss = "mse" if last == 1 else {"SparseCategoricalCrossentropy": {"from_logits": True}}
    model.compile(Adam(), loss)
    by_hand = ByHand(model.get_weights(), batch)
    generator = np.random.default_rng(0)
    x = generator.standard_normal((8, batch, sizes[0]), np.float32)
    y = generator.standard_normal((8, batch, 1), np.float32) if last == 1 else generator.integers(last, size=(8, batch))
    return model, by_hand, x, y


def seconds_per_step(step, x, y, steps):
    """Mean time of `steps` steps, and the last loss."""
    start = time.perf_counter()
    for number in range(steps):
        loss = step(x[number % 8], y[number % 8])
    return (time.perf_counter() - start) / steps, loss


def run(name, rounds, sizes, batch, steps, limit):
    """Measure one case and print a row of Markdown."""
    model, by_hand, x, y = nets(sizes, batch)
    contestants = {"nnlite": model.train_step, "by hand": by_hand.step}
    times, losses = {key: [] for key in contestants}, {}
    for _ in range(rounds + 3):
        for key, step in contestants.items():
            seconds, loss = seconds_per_step(step, x, y, steps)
            losses.setdefault(key, loss)  # of the first round: near a loss of zero, rounding alone decides
            times[key].append(seconds * 1e6)
    ours, theirs = (times[key][3:] for key in contestants)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    cells = [" / ".join(f"{value:.1f}" for value in statistics.quantiles(series, n=4)) for series in (ours, theirs)]
    agree = np.isclose(losses["nnlite"], losses["by hand"], rtol=1e-2)
    print(f"| {name} | {cells[0]} | {cells[1]} | {ratio:.2f} | {limit} | {'yes' if agree else losses} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"BLAS threads: {options.threads}; microseconds per step: quartiles; ratio: median over rounds\n")
    print("| case | nnlite | by hand | ratio | aim | same loss |\n|---|---|---|---|---|---|")
    with threadpool_limits(options.threads):
        for name, case in CASES.items():
            run(name, options.rounds, **case)


if __name__ == "__main__":
    main()
