"""Every compiled kernel against its reference in NumPy, on arrays of the sizes that training meets.

    python -m benchmarks.kernels [--rounds 30]

Calls are interleaved; the time of the process is taken, so that a busy machine disturbs little; medians are printed.
"""

import argparse
import statistics
import time

import numpy as np

from nnlite.kernels import compiled
from nnlite.kernels.reference import elementwise as reference


def update(kernel, signs, *numbers):
    """A row per length: an optimizer's update of float32 vectors, `-` standing for one it does without."""
    generator = np.random.default_rng(0)
    for size in (5_000, 65_536):
        vectors = [None if sign == "-" else generator.random(size, np.float32) for sign in signs]
        yield f"{kernel} {signs}, {size:,}", kernel, (*vectors, *numbers, None, np.empty(size, np.float32))


def loss(kernel, rows, units):
    """A row: a loss of float32 logits."""
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((rows, units), np.float32)
    one_class = kernel == "softmax_crossentropy"
    targets = generator.integers(units, size=rows) if one_class else generator.random((rows, units), np.float32)
    yield f"{kernel}, {rows} x {units}", kernel, (logits, targets, 1 / rows)


ROWS = [
    *update("adam", "1111-", 0.1, 1e-3, 1e-3, 1e-7),
    *update("adam", "11111", 0.1, 1e-3, 1e-3, 1e-7),
    *update("decay", "1", 1e-6),
    *update("rmsprop", "111--", 0.1, 1e-3, 0.0, 1e-7),
    *update("rmsprop", "11111", 0.1, 1e-3, 0.9, 1e-7),
    *update("sgd", "11-", 1e-3, 0.0, False),
    *update("sgd", "111", 1e-3, 0.9, True),
    *loss("sigmoid_crossentropy", 32, 1),
    *loss("softmax_crossentropy", 32, 3),
    *loss("softmax_crossentropy", 64, 10),
    *loss("softmax_crossentropy", 128, 32),
]


def microseconds(function, arguments, calls=20):
    """Mean time of some calls."""
    start = time.process_time_ns()
    for _ in range(calls):
        function(*arguments)
    return (time.process_time_ns() - start) / calls / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    print("| kernel | NumPy, us | compiled, us | ratio |\n|---|---|---|---|")
    for label, kernel, arguments in ROWS:
        times = [
            [microseconds(getattr(source, kernel), arguments) for source in (reference, compiled)]
            for _ in range(rounds + 3)
        ]
        plain, fused = (statistics.median(column) for column in zip(*times[3:], strict=True))
        print(f"| {label} | {plain:.1f} | {fused:.1f} | {plain / fused:.1f} |", flush=True)


if __name__ == "__main__":
    main()
