"""What tests run under mpiexec: `python mpi_programs.py NAME[+NAME] FOLDER [ARGUMENTS]`; rank 0 prints its lines."""

import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nnlite
from nnlite import distributed
from nnlite.callbacks import Callback, Checkpoints, EarlyStopping
from nnlite.cli import main as nnlite_main
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
    return layers, "sparse_categorical_crossentropy", ["accuracy"], (x, y), fit


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


def sums(folder: Path) -> list[str]:
    """Long vectors, added by halves, and the same by doubling."""
    team = distributed.current_team()
    assert team is not None
    rng = np.random.default_rng(team.rank)
    for size in (20_001, 70_003):
        vector = rng.normal(size=size).astype(np.float32)
        doubled, halved = vector.copy(), vector.copy()
        team._add_doubling(doubled)
        team._add_halves(halved)
        pairs = np.array(team.gather(vector))
        while len(pairs) > 1:
            pairs = pairs[::2] + pairs[1::2]
        assert np.array_equal(doubled, halved) and np.array_equal(pairs[0], halved)
    return ["done"]


class StopsOnOne(Callback):
    """Ends the training in one process alone, after its fourth batch."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if rank() == 1 and batch == 3:
            self.model.stop_training = True


class ChangesOne(Callback):
    """Changes a weight in one process alone."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if rank() == 1:
            self.model.layers[0].kernel.value[0, 0] += 1


class FailsOnOne(Callback):
    """Raises an error in one process alone."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if rank() == 1 and batch == 2:
            raise ZeroDivisionError("of one process alone")


class Dies(Callback):
    """Kills one process in the second epoch, if the environment says so."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if os.environ.get("DIES") == str(rank()) and self.model.optimizer.batches == 12:
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)


def rank() -> int:
    """Number of this process."""
    team = distributed.current_team()
    return -1 if team is None else team.rank


def with_callback(callback: Callback) -> Callable[[Path], list[str]]:
    """A program that trains with a callback, and then says after how many steps it ended."""

    def run(folder: Path) -> list[str]:
        model, data, fit = made("dense")
        model.fit(*data, callbacks=[callback], **fit)
        return [f"{model.optimizer.batches} steps, {digest(model)}"]

    return run


def unlike(folder: Path) -> list[str]:
    """Models of other sizes in each process."""
    model = nnlite.Sequential([Dense(2 + rank()), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(np.ones((16, 2)), np.ones((16, 1)), verbose=0)
    return []


def unseeded(folder: Path) -> list[str]:
    """A model whose processes draw seeds of their own; and files, which rank 0 alone writes."""
    model = nnlite.Sequential([Dense(4, activation="relu"), Dropout(0.5, seed=1), Dense(1)])
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    place = folder / str(rank())
    model.fit(
        rng.normal(size=(40, 3)),
        rng.normal(size=(40, 1)),
        validation_split=0.2,
        verbose=0,
        callbacks=[Checkpoints(place), EarlyStopping(patience=3)],
    )
    return [digest(model), str(sorted(path.name for path in folder.iterdir()))]


def wrong(folder: Path) -> list[str]:
    """An error that all processes have."""
    model, data, fit = made("dense")
    model.fit(*data, **fit | {"epochs": -1})
    return []


PROGRAMS: dict[str, Callable[[Path], list[str]]] = {
    "train": train,
    "sums": sums,
    "stops": with_callback(StopsOnOne()),
    "changes": with_callback(ChangesOne()),
    "fails": with_callback(FailsOnOne()),
    "unlike": unlike,
    "unseeded": unseeded,
    "wrong": wrong,
}


def main() -> None:
    """Run the program of that name, or `nnlite` with the arguments that follow."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    if name == "nnlite":
        sys.exit(nnlite_main(sys.argv[3:]))
    with distributed.mpi(int(os.environ.get("SHARDS", "8"))) as team:
        lines = [line for part in name.split("+") for line in PROGRAMS[part](folder)]
        everywhere = team.gather(lines)
        if team.rank == 0:
            assert all(other == lines for other in everywhere), everywhere
            print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
