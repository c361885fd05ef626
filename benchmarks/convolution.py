"""A training step of a small convnet for 28 x 28 images against the same step in PyTorch, eager.

    python -m benchmarks.convolution [--rounds 30] [--threads 1] [--memory]

conv 32 3x3, relu, pool, conv 64 3x3, relu, pool, dropout 0.5, dense 10; Adam, batch 128, float32. Both start from the
same weights and see the same batches; a second pair without dropout, whose masks differ, shows that the losses agree.
Rounds are interleaved, the first ones thrown away; medians and quartiles are printed. Without PyTorch nnlite is timed
alone.
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from nnlite import Sequential
from nnlite.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from nnlite.optimizers import Adam

BATCH, STEPS = 128, 5


def ours(rate):
    """The net in nnlite; returns the model and its step."""
    layers = [
        Input((28, 28, 1)),
        Conv2D(32, 3, activation="relu"),
        MaxPooling2D(),
        Conv2D(64, 3, activation="relu"),
        MaxPooling2D(),
        Flatten(),
        Dropout(rate),
        Dense(10),
    ]
    model = Sequential(layers, seed=0)
    model.compile(Adam(), {"SparseCategoricalCrossentropy": {"from_logits": True}})
    return model, model.train_step


def theirs(rate, weights, threads):
    """The same net in PyTorch, from the same weights; returns its step."""
    import torch

    torch.set_num_threads(threads)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(32, 64, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Dropout(rate),
        torch.nn.Linear(1600, 10),
    )
    first, first_bias, second, second_bias, kernel, bias = weights
    dense = kernel.reshape(5, 5, 64, 10).transpose(3, 2, 0, 1).reshape(10, 1600)  # channels come first there
    twins = [first.transpose(3, 2, 0, 1), first_bias, second.transpose(3, 2, 0, 1), second_bias, dense, bias]
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), twins, strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    optimizer = torch.optim.Adam(net.parameters(), eps=1e-7)

    def step(x, y):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(x).permute(0, 3, 1, 2)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def batches():
    generator = np.random.default_rng(0)
    return generator.random((8, BATCH, 28, 28, 1), np.float32), generator.integers(10, size=(8, BATCH))


def names():
    return ["nnlite", "PyTorch"] if importlib.util.find_spec("torch") else ["nnlite"]


def step_of(name, rate, threads):
    model, step = ours(rate)
    return step if name == "nnlite" else theirs(rate, model.get_weights(), threads)


def work(name, threads):
    """Run `STEPS` steps for every line of input, and print their mean time in milliseconds."""
    x, y = batches()
    step = step_of(name, 0.5, threads)
    for _ in sys.stdin:
        start = time.perf_counter()
        for number in range(STEPS):
            step(x[number], y[number])
        print((time.perf_counter() - start) / STEPS * 1e3, flush=True)


def measure(rounds, threads):
    """Milliseconds per step of every round, by name; each in a process, and with a memory allocator, of its own."""
    command = [sys.executable, "-m", "benchmarks.convolution", "--threads", str(threads), "--worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {name: subprocess.Popen([*command, name], **pipes) for name in names()}
    times = {name: [] for name in workers}
    for _ in range(rounds + 3):
        for name, worker in workers.items():
            print(file=worker.stdin, flush=True)
            times[name].append(float(worker.stdout.readline()))
    for worker in workers.values():
        worker.communicate()
    return {name: series[3:] for name, series in times.items()}


def peak():
    """The largest resident memory of this process so far, in MiB, as Linux counts it."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def peak_of(name, threads):
    """MiB by which ten steps raise the peak of this process above what it had before the first."""
    x, y = batches()
    step = step_of(name, 0.5, threads)
    step(x[0][:1], y[0][:1])  # loads libraries and their buffers
    before = peak()
    for number in range(10):
        step(x[number % 8], y[number % 8])
    return peak() - before


def report_memory(threads):
    """Print the peaks, each measured in a process of its own, and their ratio."""
    command = [sys.executable, "-m", "benchmarks.convolution", "--threads", str(threads), "--peak-of"]
    peaks = {
        name: float(subprocess.run([*command, name], capture_output=True, text=True, check=True).stdout)
        for name in names()
    }
    print("peak memory of a step: " + ", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items()), end="")
    print(f", ratio {peaks['nnlite'] / peaks['PyTorch']:.2f} (aim 1.5)" if "PyTorch" in peaks else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="measure peak memory too")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with threadpool_limits(options.threads):
        if options.worker:
            work(options.worker, options.threads)
        elif options.peak_of:
            print(peak_of(options.peak_of, options.threads))
        else:
            report(options)


def report(options):
    """Print times, losses and, if asked for, memory."""
    print(f"threads: {options.threads}; milliseconds per step: quartiles; ratio: median over rounds, aim 1.0\n")
    times = measure(options.rounds, options.threads)
    for name, series in times.items():
        print(f"{name}: " + " / ".join(f"{value:.1f}" for value in statistics.quantiles(series, n=4)))
    if "PyTorch" in times:
        pairs = zip(times["nnlite"], times["PyTorch"], strict=True)
        print(f"ratio: {statistics.median(our / their for our, their in pairs):.2f}")
    x, y = batches()
    for name in names():
        step = step_of(name, 0.0, options.threads)
        losses = [step(x[number % 8], y[number % 8]) for number in range(20)]
        print(f"loss of {name} without dropout, steps 1, 10, 20: {losses[0]:.5f} {losses[9]:.5f} {losses[19]:.5f}")
    if options.memory:
        report_memory(options.threads)


if __name__ == "__main__":
    main()
