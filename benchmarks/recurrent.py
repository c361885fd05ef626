"""A training step of a recurrent net against the same step in PyTorch, eager.

    python -m benchmarks.recurrent [--rounds 30] [--threads 1] [--layer LSTM]

64 units over batches of 32 sequences of 100 steps and 32 features, dense 1 after the last step, mean squared error,
Adam, float32. Both start from the same weights and see the same batches; their losses are compared at the end. Rounds
are interleaved, the first ones thrown away; quartiles and the median ratio are printed. Without PyTorch nnlite is
timed alone.

Most of the time goes into matrix products, so it matters which kernels NumPy's library chose for this processor; the
name is printed. A library older than the processor may choose kernels for shorter vectors: with OpenBLAS, the variable
OPENBLAS_CORETYPE (for example SkylakeX, for AVX-512) says which ones to take.
"""

import argparse
import importlib.util
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from nnlite import Sequential
from nnlite.layers import GRU, LSTM, Dense, Input, SimpleRNN
from nnlite.optimizers import Adam

LAYERS = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}
BATCH, LENGTH, FEATURES, UNITS, STEPS = 32, 100, 32, 64, 5
ORDER = {"LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2], "SimpleRNN": [0]}  # PyTorch's gates among ours


def ours(name):
    """The net in nnlite."""
    model = Sequential([Input((LENGTH, FEATURES)), LAYERS[name](UNITS), Dense(1)], seed=0)
    model.compile(Adam(), "mse")
    return model


def theirs(name, weights, threads):
    """The same net in PyTorch, from the same weights; returns its step."""
    import torch

    torch.set_num_threads(threads)
    kind = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "SimpleRNN": torch.nn.RNN}[name]
    layer, dense = kind(FEATURES, UNITS, batch_first=True), torch.nn.Linear(UNITS, 1)
    kernel, recurrent, bias, last, last_bias = weights

    def in_order(array):
        return array.reshape(*array.shape[:-1], -1, UNITS)[..., ORDER[name], :].reshape(array.shape).T

    first, second = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    values = [in_order(kernel), in_order(recurrent), in_order(first), in_order(second), last.T, last_bias]
    parameters = [*layer.parameters(), *dense.parameters()]
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    if name != "GRU":
        parameters[3].requires_grad_(False)  # their second bias, which is the same again
    optimizer = torch.optim.Adam([own for own in parameters if own.requires_grad], eps=1e-7)

    def step(x, y):
        optimizer.zero_grad()
        outputs, _ = layer(torch.from_numpy(x))
        loss = torch.nn.functional.mse_loss(dense(outputs[:, -1]), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def measure(steps, x, y, rounds):
    """Milliseconds per step of every round, and the last loss, by name."""
    times, losses = {name: [] for name in steps}, {}
    for _ in range(rounds + 3):
        for name, step in steps.items():
            start = time.perf_counter()
            for number in range(STEPS):
                losses[name] = step(x[number], y[number])
            times[name].append((time.perf_counter() - start) / STEPS * 1e3)
    return {name: series[3:] for name, series in times.items()}, losses


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layer", choices=LAYERS, default="LSTM")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    x = generator.standard_normal((STEPS, BATCH, LENGTH, FEATURES), np.float32)
    y = generator.standard_normal((STEPS, BATCH, 1), np.float32)
    kernels = {info.get("architecture") for info in threadpool_info() if info["user_api"] == "blas"}
    with threadpool_limits(options.threads):
        print(f"{options.layer}, threads: {options.threads}, BLAS kernels: {kernels}; milliseconds per step: quartiles")
        model = ours(options.layer)
        steps = {"nnlite": model.train_step}
        if importlib.util.find_spec("torch"):
            steps["PyTorch"] = theirs(options.layer, model.get_weights(), options.threads)
        times, losses = measure(steps, x, y, options.rounds)
        for name, series in times.items():
            quartiles = " / ".join(f"{value:.2f}" for value in statistics.quantiles(series, n=4))
            print(f"{name}: {quartiles}, last loss {losses[name]:.5f}")
        if "PyTorch" in times:
            pairs = zip(times["nnlite"], times["PyTorch"], strict=True)
            print(f"ratio: {statistics.median(our / their for our, their in pairs):.2f} (aim 1.0)")


if __name__ == "__main__":
    main()
