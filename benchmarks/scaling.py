"""How training over MPI scales: a step of one process and messages are measured, steps of up to 64 ranks computed.

python -m benchmarks.scaling --measure                  constants of this machine, as JSON
mpiexec -n 2 python -m benchmarks.scaling --measure     those of messages
python -m benchmarks.scaling                            the table of docs/distributed.md
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nnlite
from nnlite import distributed
from nnlite.distributed.team import HALVED_BYTES
from nnlite.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten

CONSTANTS = Path(__file__).with_name("scaling.json")
RANKS = (1, 2, 4, 8, 16, 32, 64)
SHARDS = 8  # or one for each process, where these are more
STEPS = 4
# Seconds until a message arrives, and bytes per second, between machines; within one these are measured.
NETWORKS = {"Ethernet, 1 Gbit/s": (50e-6, 0.117e9), "Ethernet, 25 Gbit/s": (20e-6, 2.9e9)}


def dense() -> tuple[list[Any], tuple[int, ...], int]:
    """Layers, the shape of a row, and rows of a batch: 1.9 million parameters."""
    return [Dense(1024, activation="relu"), Dropout(0.2), Dense(1024, activation="relu"), Dense(10)], (784,), 512


def images() -> tuple[list[Any], tuple[int, ...], int]:
    """24,000 parameters, and many products for each."""
    made = [Conv2D(32, 3, activation="relu"), BatchNormalization(), Conv2D(64, 3, strides=2, activation="relu")]
    return [*made, Flatten(), Dense(2)], (16, 16, 3), 256


def small() -> tuple[list[Any], tuple[int, ...], int]:
    """The net of a table: 6,000 parameters, batches of 64."""
    return [Dense(64, activation="relu"), Dense(64, activation="relu"), Dense(1)], (20,), 64


MODELS = {"dense 784-1024-1024-10": dense, "convnet 16x16x3": images, "dense 20-64-64-1": small}


def compiled(name: str) -> tuple[nnlite.Sequential, np.ndarray, np.ndarray, int]:
    """A model with data for `STEPS` batches."""
    layers, shape, batch = MODELS[name]()
    model = nnlite.Sequential(layers, seed=0)
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch * STEPS, *shape)).astype(np.float32)
    model.build((None, *shape))
    return model, x, rng.normal(size=(len(x), *model.output_shape[1:])).astype(np.float32), batch


def seconds_of_compute(name: str, ranks: int) -> float:
    """Processor seconds of a step in one of so many ranks, without messages."""
    with distributed.mpi(max(SHARDS // ranks, 1)):
        return seconds_of_step(name, ranks)


def seconds_of_step(name: str, parts: int = 1) -> float:
    """Processor seconds of a step on such a part of a batch: the better of two epochs."""
    model, x, y, batch = compiled(name)
    part, best = batch // parts, math.inf
    for _ in range(2):
        begin = time.process_time()
        model.fit(x[: part * STEPS], y[: part * STEPS], batch_size=part, verbose=0)
        best = min(best, (time.process_time() - begin) / STEPS)
    return best


def messages(team: distributed.Team) -> tuple[float, float]:
    """Seconds of the smallest message between two ranks, there and back halved, and bytes per second of a large one."""
    times = {}
    for size, turns in ((1, 2000), (2**21, 20)):
        vector, received = np.ones(size, np.float32), np.empty(size, np.float32)
        best = math.inf
        for _ in range(5):
            begin = time.perf_counter()
            for _ in range(turns):
                team.communicator.Sendrecv(vector, team.rank ^ 1, recvbuf=received, source=team.rank ^ 1)
            best = min(best, (time.perf_counter() - begin) / turns)
        times[size] = best
    return times[1], 2**21 * 4 / (times[2**21] - times[1])


def measured() -> dict[str, Any]:
    """Constants of this machine: those of one process or, where mpiexec has started two, those of messages."""
    with distributed.mpi() as team:
        if team.size == 2:
            return dict(zip(("message", "bandwidth"), messages(team), strict=True))
    constants: dict[str, Any] = {"plain": {}, "compute": {}, "parameters": {}}
    for name in MODELS:
        constants["parameters"][name] = compiled(name)[0].count_params()
        constants["plain"][name] = seconds_of_step(name)
        constants["compute"][name] = {str(ranks): seconds_of_compute(name, ranks) for ranks in RANKS}
    return constants


def seconds_of_messages(ranks: int, size: int, small: int, latency: float, bandwidth: float) -> float:
    """Seconds of the messages of a step.

    Args:
        ranks: a power of two.
        size: bytes of all gradients, which are added by doubling below `HALVED_BYTES`, else by halves.
        small: how many short sums there are: loss, flags, and of each batch normalization two forward and one backward.
        latency: seconds of a message.
        bandwidth: bytes per second.
    """
    turns = int(math.log2(ranks))
    by_halves = size >= HALVED_BYTES and ranks > 2
    moved = 2 * size * (ranks - 1) / ranks if by_halves else size * turns
    return turns * latency * (small + (2 if by_halves else 1)) + moved / bandwidth


def constants_of(path: Path) -> dict[str, Any]:
    """Constants that were measured before."""
    return json.loads(path.read_text(encoding="utf-8"))


def table(constants: dict[str, Any]) -> str:
    """The simulation, as a table in Markdown: the factor by which a step takes less time than by `fit` as it is."""
    networks = {"one machine": (constants["message"], constants["bandwidth"]), **NETWORKS}
    lines = ["| model | messages | " + " | ".join(map(str, RANKS)) + " |", "|---|---|" + "---|" * len(RANKS)]
    for name, compute in constants["compute"].items():
        small = 2 + 3 * sum(isinstance(layer, BatchNormalization) for layer in MODELS[name]()[0])
        for network, (latency, bandwidth) in networks.items():
            cells, size = [], 4 * constants["parameters"][name]
            for ranks in RANKS:
                taken = compute[str(ranks)] + seconds_of_messages(ranks, size, small, latency, bandwidth)
                cells.append(f"{constants['plain'][name] / taken:.2f}")
            lines.append(f"| {name} | {network} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="print the constants of this machine")
    parser.add_argument("--constants", type=Path, default=CONSTANTS, help="file of constants")
    options = parser.parse_args(arguments)
    if not options.measure:
        print(table(constants_of(options.constants)))
        return
    constants = measured()
    if distributed.rank_of_job() == 0:
        print(json.dumps(constants, indent=2))


if __name__ == "__main__":
    main()
