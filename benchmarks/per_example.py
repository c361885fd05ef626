"""Gradients of each example's loss: nnlite against a loop over the rows, and against torch.func.vmap(grad).

    python -m benchmarks.per_example [--rounds 40] [--threads 1]

All start from the same weights and see the same batch; their results are compared first. Rounds are interleaved, the
first ones are thrown away; medians and quartiles are printed. Without PyTorch that row is left out.
"""

import argparse
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from nnlite import Sequential
from nnlite.layers import Dense, Input

SIZES, ROWS = (20, 64, 64, 1), 512


def net():
    """The model, and a batch."""
    layers = [Input((SIZES[0],)), *(Dense(width, activation="tanh") for width in SIZES[1:-1]), Dense(SIZES[-1])]
    model = Sequential(layers, seed=0)
    model.compile("sgd", "mse")
    generator = np.random.default_rng(0)
    return (
        model,
        generator.standard_normal((ROWS, SIZES[0]), np.float32),
        generator.standard_normal((ROWS, 1), np.float32),
    )


def loop(model, x, y):
    """One gradient after the other."""
    return np.stack([model.gradient(x[row : row + 1], y[row : row + 1]) for row in range(len(x))])


def by_vmap(model, x, y):
    """The same in PyTorch, as a function without arguments; None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    parameters = tuple(torch.tensor(value.copy()) for value in model.values)
    inputs, targets = torch.tensor(x), torch.tensor(y)

    def loss(parameters, row, target):
        for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            row = torch.tanh(row @ kernel + bias)
        return ((row @ parameters[-2] + parameters[-1] - target) ** 2).mean()

    rows = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))

    def flat():
        return torch.cat([found.flatten(1) for found in rows(parameters, inputs, targets)], dim=1).numpy()

    def by_name():
        return rows(parameters, inputs, targets)

    return flat, by_name


def measure(contestants, rounds):
    """Milliseconds of each contestant in each round."""
    times = {name: [] for name in contestants}
    for _ in range(rounds + 3):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: series[3:] for name, series in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    model, x, y = net()
    contestants = {
        "nnlite, one matrix": lambda: model.per_example_gradients(x, y),
        "nnlite, by name": lambda: model.per_example_gradients(x, y, flat=False),
        "loop over rows": lambda: loop(model, x, y),
    }
    if torch_rows := by_vmap(model, x, y):
        contestants |= dict(zip(("vmap(grad), one matrix", "vmap(grad), by name"), torch_rows, strict=True))
    expected = loop(model, x, y)
    for name, run in contestants.items():
        if "by name" not in name:
            assert np.allclose(run(), expected, rtol=1e-4, atol=1e-5), name
    print(f"{'-'.join(map(str, SIZES))}, {ROWS} rows, float32, BLAS threads: {options.threads}; milliseconds\n")
    print("| | lower quartile / median / upper | times nnlite's, of the same form |\n|---|---|---|")
    with threadpool_limits(options.threads):
        times = measure(contestants, options.rounds)
    for name, series in times.items():
        ours = times["nnlite, by name" if "by name" in name else "nnlite, one matrix"]
        ratio = statistics.median(their / our for our, their in zip(ours, series, strict=True))
        print(f"| {name} | {' / '.join(f'{value:.2f}' for value in statistics.quantiles(series, n=4))} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
