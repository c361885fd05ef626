"""What is compared: nets with their weights and batches, the same numbers in whatever process they are made.

Nothing here needs nnlite or an engine, NumPy alone.
"""

import math
import zlib
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.parts import Block, Convolution, Dense, Dropout, Flatten, Lookup, Mean, Part, Pool, Recurrence

BATCHES = 8  # that timed rounds go through


@dataclass(frozen=True)
class Case:
    """One net and one task.

    Args:
        name: for the command line.
        title: for the table.
        shape: of one example.
        parts: the net.
        batch: rows per step.
        steps: steps per round, which should take some tens of milliseconds or more.
        kind: `"train"` (Adam with Keras' defaults); `"fit"`, the same through the loop of an epoch that the engine has,
            shuffling and all; `"batch"`, through its method for a batch by itself; or `"predict"`.
        loss: `"mse"` or `"crossentropy"`, from logits and class numbers.
        vocabulary: inputs are integers below it; numbers from a normal distribution when 0.
        aims: wanted ratios, peer's time / ours, for NumPy alone and with compiled kernels.
        against: the peer that the aims speak of, the best one unless said.
        floor_aims: the same for our time / that of the floor.
        compared: steps after which losses are compared.
        jitter: the first weights are changed by about this fraction, to see how much rounding matters.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    parts: tuple[Part, ...]
    batch: int
    steps: int
    kind: str = "train"
    loss: str = "crossentropy"
    vocabulary: int = 0
    aims: tuple[float | None, float | None] = (None, None)
    against: str | None = None
    floor_aims: tuple[float | None, float | None] = (None, None)
    compared: int = 200
    jitter: float = 0.0

    @property
    def shapes(self) -> list[tuple]:
        """The shape of each part's input, and that of the outputs."""
        found = [self.shape]
        for part in self.parts:
            found.append(part.output(found[-1]))
        return found

    @property
    def drops(self) -> bool:
        """Whether results depend on chance, so that losses cannot agree step by step."""
        return any(isinstance(part, Dropout) for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """Of the matrix products of one step, those of the derivatives included."""
        return sum(product.multiply_adds * (2 + needed if self.trains else 1) for product, needed in self.products())

    @property
    def activations(self) -> int:
        """Numbers that the layers put out."""
        return self.batch * sum(math.prod(shape) for shape in self.shapes[1:])

    @property
    def trains(self) -> bool:
        """Whether the task is a training step."""
        return self.kind != "predict"

    def products(self) -> list[tuple]:
        """The forward matrix products, and for each whether the gradient by its left factor is needed."""
        found, first = [], True
        for part, shape in zip(self.parts, self.shapes, strict=False):
            found += [(own, not (first and own.of_inputs)) for own in part.products(shape, self.batch)]
            first = first and not part.weights(shape)
        return found

    def without_dropout(self) -> "Case":
        """The same net without chance, for comparing losses."""
        return replace(self, parts=tuple(part for part in self.parts if not isinstance(part, Dropout)))

    def weights(self) -> list[list[np.ndarray]]:
        """The first weights of each part: kernels after Glorot, biases 0, scales 1."""
        generator = np.random.default_rng(zlib.crc32(self.name.encode()))
        found = [
            [_first_value(name, size, generator) for name, size in part.weights(shape).items()]
            for part, shape in zip(self.parts, self.shapes, strict=False)
        ]
        for weight in (weight for own in found for weight in own if self.jitter):
            weight *= 1 + self.jitter * generator.standard_normal(weight.shape, np.float32)
        return found

    def parameter_count(self) -> int:
        """Number of scalars."""
        return sum(weight.size for weights in self.weights() for weight in weights)

    def example(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch `number`: inputs, and targets that can be learnt from them but for some noise.

        Inputs of class numbers are small, and a third of these is wrong: with larger ones, or without noise, two runs
        of one net part after some hundred steps because of rounding alone.
        """
        generator = np.random.default_rng([zlib.crc32(self.name.encode()), number])
        size, outputs = (self.batch, *self.shape), self.shapes[-1][-1]
        if self.vocabulary:
            x = generator.integers(self.vocabulary, size=size)
            return x, _teacher(self.vocabulary, outputs)[x].mean(axis=1).argmax(axis=1)
        x = generator.standard_normal(size, np.float32)
        if self.loss == "crossentropy":
            y, others = generator.integers(outputs, size=(2, self.batch))
            x = np.float32(0.1) * x + np.float32(0.03) * _teacher(outputs, *self.shape)[y]
            return x, np.where(generator.random(self.batch) < 0.3, others, y)
        signal = x
        if len(self.shape) > 1:  # what all steps of a sequence have in common
            signal = generator.standard_normal((self.batch, self.shape[-1]), np.float32)
            x = np.float32(0.5) * x + signal[:, None]
        scores = signal @ _teacher(self.shape[-1], outputs) / math.sqrt(self.shape[-1])
        return x, scores + np.float32(0.3) * generator.standard_normal(scores.shape, np.float32)


def _teacher(*shape):
    return np.random.default_rng(7).standard_normal(shape, np.float32)


def _first_value(name, size, generator):
    if name.startswith("gamma"):
        return np.ones(size, np.float32)
    if "bias" in name or name.startswith("beta"):
        return np.zeros(size, np.float32)
    limit = math.sqrt(6 / (math.prod(size[:-1]) + size[-1]))
    return generator.uniform(-limit, limit, size).astype(np.float32)


def dense(*widths: int) -> tuple[Part, ...]:
    """A net of dense layers with these widths, ReLU between them."""
    *hidden, last = widths
    return (*(Dense(width, relu=True) for width in hidden), Dense(last))


CONVNET = (Convolution(32), Pool(), Convolution(64), Pool(), Flatten(), Dropout(0.5), Dense(10))
WITH_DROPOUT = (Dense(512, True), Dropout(0.2), Dense(512, True), Dropout(0.2), Dense(10))
TEXT = (Lookup(20_000, 64), Mean(), Dense(64, True), Dense(2))

TRAINING = [
    Case(
        "tabular", "13-64-64-1, batch 32", (13,), dense(64, 64, 1), 32, 300,
        loss="mse", aims=(4.0, 5.0), floor_aims=(1.35, 1.2),
    ),
    Case("mlp", "784-128-10, batch 64", (784,), dense(128, 10), 64, 100, aims=(1.2, 1.4), floor_aims=(1.35, 1.2)),
    Case(
        "dropout", "784-512-512-10, dropout 0.2, batch 128", (784,), WITH_DROPOUT, 128, 20,
        aims=(1.0, 1.2), floor_aims=(1.35, 1.2),
    ),
    Case("wide", "784-2048-2048-10, batch 256", (784,), dense(2048, 2048, 10), 256, 2, aims=(0.95, 1.0)),
    Case("convnet", "convnet 28 x 28, batch 128", (28, 28, 1), CONVNET, 128, 4, aims=(1.0, 1.3)),
    Case(
        "lstm", "LSTM 64, 100 steps of 32, batch 32", (100, 32), (Recurrence(64), Dense(1)), 32, 8,
        loss="mse", aims=(1.0, 1.5),
    ),
    Case("text", "embedding 20,000 x 64, mean of 200, batch 32", (200,), TEXT, 32, 20, vocabulary=20_000),
    Case(
        "transformer", "transformer block, batch 32, 128 steps of 64", (128, 64), (Block(4, 256), Mean(), Dense(1)),
        32, 4, loss="mse",
    ),
]  # fmt: skip

DOORS = [
    Case(
        "fit-tabular", "13-64-64-1, batch 32, whole epochs", (13,), dense(64, 64, 1), 32, 1000,
        kind="fit", loss="mse", aims=(None, 4.0),
    ),
    Case(
        "fit-mlp", "784-128-10, batch 64, whole epochs", (784,), dense(128, 10), 64, 40,
        kind="fit", aims=(None, 1.4),
    ),
    Case(
        "batch-tabular", "13-64-64-1, batch 32, `train_on_batch`", (13,), dense(64, 64, 1), 32, 300,
        kind="batch", loss="mse", aims=(None, 4.0), against="torch",
    ),
]  # fmt: skip

ONE_ROW = {"aims": (2.0, 2.0), "against": "torch"}
PREDICTION = [
    Case(
        f"predict-{name}-{rows}", f"predict {rows:,} {'row' if rows == 1 else 'rows'}, {title}", shape, parts,
        rows, steps, kind="predict", loss=loss, **(ONE_ROW if rows == 1 and name != "convnet" else {}),
    )
    for name, title, shape, parts, loss, repeated in (
        ("tabular", "13-64-64-1", (13,), dense(64, 64, 1), "mse", (1000, 500, 10)),
        ("mlp", "784-128-10", (784,), dense(128, 10), "crossentropy", (1000, 200, 5)),
        ("convnet", "convnet", (28, 28, 1), CONVNET, "crossentropy", (50, 5, 1)),
    )
    for rows, steps in zip((1, 100, 10_000), repeated, strict=True)
]  # fmt: skip

# For tests of the comparison itself.
TINY = Case("tiny", "5-8-2, batch 4", (5,), dense(8, 2), 4, 3, compared=10)
DIGITS = Case("digits", "whole process: digits, 20 epochs", (64,), dense(128, 10), 32, 0)

CASES = {case.name: case for case in [*TRAINING, *DOORS, *PREDICTION]}
BY_NAME = {**CASES, **{case.name: case for case in (TINY, DIGITS)}}


def grown(width: int, depth: int, batch: int) -> Case:
    """A net of `depth` hidden layers of `width` units, with as many steps as a round of some 30 ms takes."""
    case = Case(f"growth-{width}-{depth}-{batch}", "", (width,), dense(*[width] * depth, 10), batch, 1)
    return replace(case, steps=max(1, round(0.03 / (1e-4 + 3e-11 * case.multiply_adds))))


def named(name: str) -> Case:
    """The case of this name; `growth-WIDTH-DEPTH-BATCH` is a net of any size."""
    if name.startswith("growth-"):
        return grown(*map(int, name.split("-")[1:]))
    return BY_NAME[name]
