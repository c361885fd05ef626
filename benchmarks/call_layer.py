"""A training step of a Dense layer that writes `call` alone, against the built-in one with its derivative by hand.

    python -m benchmarks.call_layer [--rounds 40] [--threads 1]

Both start from the same weights and see the same batches; their gradients are compared first. Rounds are interleaved,
the first ones are thrown away; the ratio is the median over rounds.
"""

import argparse
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from nnlite import Sequential, ops
from nnlite.layers import Dense, Input, Layer

CASES = {
    "784-128, batch 64": {"features": 784, "units": 128, "batch": 64, "steps": 30, "limit": 1.3},
    "20-16, batch 32": {"features": 20, "units": 16, "batch": 32, "steps": 200, "limit": None},
}


class CallDense(Layer):
    """A Dense layer as a user of Keras writes it."""

    units: int

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs):
        return ops.relu(ops.matmul(inputs, self.kernel) + self.bias)


def nets(features, units, batch):
    """Both models with equal weights, and eight batches."""
    models = []
    for layer in (CallDense(units), Dense(units, activation="relu")):
        model = Sequential([Input((features,)), layer], seed=0)
        model.compile({"Adam": {"learning_rate": 1e-4}}, "mse")
        models.append(model)
    models[0].set_weights(models[1].get_weights())
    generator = np.random.default_rng(0)
    x = generator.standard_normal((8, batch, features), np.float32)
    return models, x, generator.standard_normal((8, batch, units), np.float32)


def run(name, rounds, features, units, batch, steps, limit):
    """Measure one case and print a row of Markdown."""
    models, x, y = nets(features, units, batch)
    for model in models:
        model.train_step(x[0], y[0])
    for ours, theirs in zip(*(model.trainable_weights for model in models), strict=True):
        assert np.array_equal(ours.gradient, theirs.gradient)
    times = [[], []]
    for _ in range(rounds + 3):
        for model, series in zip(models, times, strict=True):
            start = time.perf_counter()
            for number in range(steps):
                model.train_step(x[number % 8], y[number % 8])
            series.append((time.perf_counter() - start) / steps * 1e6)
    ours, theirs = (series[3:] for series in times)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    cells = [" / ".join(f"{value:.1f}" for value in statistics.quantiles(series, n=4)) for series in (ours, theirs)]
    print(f"| {name} | {cells[0]} | {cells[1]} | {ratio:.2f} | {limit or ''} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"BLAS threads: {options.threads}; microseconds per step: quartiles; ratio: median over rounds\n")
    print("| case | `call` alone | built in | ratio | aim |\n|---|---|---|---|---|")
    with threadpool_limits(options.threads):
        for name, case in CASES.items():
            run(name, options.rounds, **case)


if __name__ == "__main__":
    main()
