"""What tests run under mpiexec: `python programs.py NAME FOLDER [ARGUMENTS]`; rank 0 prints one line."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nnlite
from nnlite import distributed
from nnlite.layers import (
    LSTM,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
)

EPOCHS = 2


def digest(model: nnlite.Sequential) -> str:
    """SHA-256 of all weights."""
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()[:16]


def dense() -> tuple:
    """Dropout, batch normalization, penalties of weights and activities, weights of rows, a split for validation."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(205, 6)).astype(np.float32), rng.integers(0, 3, 205)
    layers = [
        Dense(16, activation="relu", kernel_regularizer="l2", activity_regularizer="l2"),
        BatchNormalization(momentum=0.9),
        Dropout(0.3),
        Dense(3, activation="softmax"),
    ]
    fit = {"sample_weight": rng.uniform(0.5, 1.5, 205).astype(np.float32), "validation_split": 0.2, "batch_size": 32}
    return layers, "sparse_categorical_crossentropy", ["accuracy", "auc_of_classes"][:1], (x, y), fit


def images() -> tuple:
    """Convolutions, with moments over positions, in batches that no number of shards divides."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(45, 6, 6, 2)).astype(np.float32), rng.normal(size=(45, 1)).astype(np.float32)
    layers = [Conv2D(4, 3), BatchNormalization(), Dropout(0.2), Flatten(), Dense(1)]
    return layers, "mse", ["mae"], (x, y), {"batch_size": 19, "validation_data": (x, y)}


def words() -> tuple:
    """A table of which batches use few rows, masks, and a loss whose divisor depends on weights."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 50, (60, 7)), rng.integers(0, 2, (60, 1))
    layers = [Embedding(50, 5, mask_zero=True, sparse=True), LSTM(4), Dense(1, activation="sigmoid")]
    return layers, "binary_crossentropy", ["auc"], (x, y), {"batch_size": 16}


MODELS = {"dense": dense, "images": images, "words": words}


def made(name: str) -> tuple[nnlite.Sequential, tuple, dict]:
    """A compiled model, its data and its arguments of `fit`."""
    layers, loss, metrics, data, fit = MODELS[name]()
    model = nnlite.Sequential(layers, seed=3)
    model.compile("adam", loss, metrics=metrics)
    return model, data, {"epochs": EPOCHS, "verbose": 0, **fit}


def train(folder: Path) -> list[str]:
    """Digest and logs of each model."""
    lines = []
    for name in MODELS:
        model, data, fit = made(name)
        history = model.fit(*data, **fit).history
        lines.append(f"{name} {digest(model)} {' '.join(f'{key}={values[-1]!r}' for key, values in history.items())}")
    return lines


PROGRAMS: dict[str, Callable[[Path], list[str]]] = {"train": train}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    with distributed.mpi(int(os.environ.get("SHARDS", "8"))) as team:
        lines = PROGRAMS[name](folder)
        everywhere = team.gather(lines)
        if team.rank == 0:
            assert all(other == lines for other in everywhere), everywhere
            print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
