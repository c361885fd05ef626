"""A training step of self-attention against PyTorch's eager one: attention, mean over the steps, one dense unit.

    python -m benchmarks.attention [--rounds 30] [--threads 1]

PyTorch is needed for this comparison alone. Both start from the same weights and see the same batches; their losses
are compared after eight steps. Rounds are interleaved; the first ones are thrown away; medians and quartiles are
printed.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from nnlite import Sequential
from nnlite.layers import Dense, GlobalAveragePooling1D, Input, MultiHeadAttention
from nnlite.optimizers import Adam

BATCH, STEPS, FEATURES, HEADS = 32, 128, 64, 4
LIMIT = 1.2


class InTorch(torch.nn.Module):
    """The same net with PyTorch's layers, without attention weights as a result."""

    def __init__(self, weights):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(FEATURES, HEADS, batch_first=True)
        self.dense = torch.nn.Linear(FEATURES, 1)
        *projections, kernel, bias, dense_kernel, dense_bias = map(torch.tensor, weights)
        kernels = [part.reshape(FEATURES, FEATURES).T for part in projections[::2]]
        pairs = [
            (self.attention.in_proj_weight, torch.cat(kernels)),
            (self.attention.in_proj_bias, torch.cat([part.reshape(FEATURES) for part in projections[1::2]])),
            (self.attention.out_proj.weight, kernel.reshape(FEATURES, FEATURES).T),
            (self.attention.out_proj.bias, bias),
            (self.dense.weight, dense_kernel.T),
            (self.dense.bias, dense_bias),
        ]
        for parameter, value in pairs:
            parameter.data = value.contiguous()
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-3, eps=1e-7)

    def forward(self, x):
        """The prediction for a batch."""
        return self.dense(self.attention(x, x, x, need_weights=False)[0].mean(1))

    def step(self, x, y):
        """One training step; returns the loss."""
        self.optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(self(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        self.optimizer.step()
        return loss.item()


def nets():
    """The two nets with equal weights, and batches for both."""
    attention = MultiHeadAttention(HEADS, FEATURES // HEADS)
    model = Sequential([Input((STEPS, FEATURES)), attention, GlobalAveragePooling1D(), Dense(1)], seed=0)
    model.compile(Adam(), "mse")
    generator = np.random.default_rng(0)
    x = generator.standard_normal((8, BATCH, STEPS, FEATURES), np.float32)
    y = generator.standard_normal((8, BATCH, 1), np.float32)
    return model, InTorch(model.get_weights()), x, y


def milliseconds_per_step(step, x, y):
    """Mean time of one step per batch, and the last loss."""
    start = time.perf_counter()
    for own_x, own_y in zip(x, y, strict=True):
        loss = step(own_x, own_y)
    return (time.perf_counter() - start) / len(x) * 1e3, loss


def run(rounds):
    """Measure, and print a row of Markdown."""
    model, twin, x, y = nets()
    contestants = {"nnlite": model.train_step, "PyTorch": twin.step}
    times, losses = {key: [] for key in contestants}, {}
    for _ in range(rounds + 3):
        for key, step in contestants.items():
            milliseconds, loss = milliseconds_per_step(step, x, y)
            times[key].append(milliseconds)
            losses.setdefault(key, loss)
    ours, theirs = (times[key][3:] for key in contestants)
    ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    cells = [" / ".join(f"{value:.2f}" for value in statistics.quantiles(series, n=4)) for series in (ours, theirs)]
    agree = np.isclose(losses["nnlite"], losses["PyTorch"], rtol=1e-3)
    name = f"{HEADS} heads on ({BATCH}, {STEPS}, {FEATURES})"
    print(f"| {name} | {cells[0]} | {cells[1]} | {ratio:.2f} | {LIMIT} | {'yes' if agree else losses} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"threads: {options.threads}; milliseconds per step: quartiles; ratio: median over rounds\n")
    print("| case | nnlite | PyTorch | ratio | aim | same loss |\n|---|---|---|---|---|---|")
    with threadpool_limits(options.threads):
        run(options.rounds)


if __name__ == "__main__":
    main()
