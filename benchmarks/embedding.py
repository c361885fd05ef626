"""Training step of an embedding bag with sparse row updates, against PyTorch's EmbeddingBag with SparseAdam.

    python -m benchmarks.embedding [--rounds 30]

One thread, float32: 20,000 x 64 vectors, batches of 32 texts of 100 words, mean over the words, Dense 1, MSE, Adam.
Both start from the same weights and see the same batches; rounds alternate.
"""

import argparse
import statistics
import time

import numpy as np

WORDS, WIDTH, BATCH, LENGTH, STEPS = 20_000, 64, 32, 100, 20


def ours(table, kernel, sparse=True):
    """A function that does one training step and returns the loss."""
    from nnlite import Input, Sequential
    from nnlite.layers import Dense, Embedding, GlobalAveragePooling1D

    layers = [Embedding(WORDS, WIDTH, sparse=sparse), GlobalAveragePooling1D(), Dense(1)]
    model = Sequential([Input((LENGTH,)), *layers], seed=0)
    model.compile("adam", "mse")
    model.set_weights([table, kernel, np.zeros(1, np.float32)])
    return model.train_step


def torch_step(table, kernel):
    """The same in PyTorch; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(table.copy()), freeze=False, mode="mean", sparse=True)
    dense = torch.nn.Linear(WIDTH, 1)
    with torch.no_grad():
        dense.weight.copy_(torch.from_numpy(kernel.T.copy()))
        dense.bias.zero_()
    optimizers = [
        torch.optim.SparseAdam(bag.parameters(), lr=1e-3, eps=1e-7),
        torch.optim.Adam(dense.parameters(), lr=1e-3, eps=1e-7),
    ]

    def step(x, y):
        loss = torch.nn.functional.mse_loss(dense(bag(torch.from_numpy(x))), torch.from_numpy(y))
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return step


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    generator = np.random.default_rng(0)
    table = generator.normal(0, 0.05, (WORDS, WIDTH)).astype(np.float32)
    kernel = generator.normal(0, 0.1, (WIDTH, 1)).astype(np.float32)
    batches = [
        (generator.integers(0, WORDS, (BATCH, LENGTH)), generator.normal(size=(BATCH, 1)).astype(np.float32))
        for _ in range(STEPS)
    ]
    steps = {
        "nnlite, sparse": ours(table, kernel),
        "nnlite, dense": ours(table, kernel, False),
        "PyTorch, sparse": torch_step(table, kernel),
    }
    times, losses = {name: [] for name, step in steps.items() if step}, {}
    for _ in range(rounds + 2):
        for name in times:
            start = time.perf_counter()
            losses.setdefault(name, []).append([steps[name](x, y) for x, y in batches][-1])
            times[name].append((time.perf_counter() - start) / STEPS * 1e6)
    for name, found in times.items():
        low, middle, high = statistics.quantiles(found[2:], n=4)
        shown = f"{name:16} {middle:8.0f} us a step ({low:.0f} to {high:.0f})"
        print(f"{shown}, losses {losses[name][0]:.6f} {losses[name][-1]:.6f}")
    if "PyTorch, sparse" in times:
        pairs = zip(times["nnlite, sparse"][2:], times["PyTorch, sparse"][2:], strict=True)
        print(f"our time / PyTorch's: {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
