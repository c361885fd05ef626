"""Time of a training step, layer by layer, compared with the minimum time."""

import copy
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from nnlite.jacobians import Bundle, KernelOfRows
from nnlite.layers import Program
from nnlite.random import RandomSource
from nnlite.training.train_step import Steps

__all__ = ["Profile", "profile_step"]

FLOOR_ROUNDS = 20
WARM_UP = 3
LOSS, UPDATE = range(2)  # keys of times that belong to no layer; those of layers are their names


@dataclass(frozen=True)
class Row:
    """Microseconds of one layer, or of another part of the step; `floor` is None if no matrix product bounds it."""

    name: str
    forward: float
    backward: float
    floor: float | None


@dataclass(frozen=True)
class Profile:
    """The time of one training step: medians, in microseconds.

    Attributes:
        rows: one per layer, then loss, update and the rest.
        layered: of the step of these rows, with each layer run separately.
        total: of the step of `fit`, which runs dense layers in a row as one.
        floor: of the bare matrix products of all layers plus one pass over parameters, gradients and optimizer state.
        steps, batch: how many steps were measured, of how many examples.
    """

    rows: list[Row]
    layered: float
    total: float
    floor: float
    steps: int
    batch: int

    def __str__(self) -> str:
        lines = [("", "forward", "backward", "share", "floor")]
        for row in self.rows:
            share = (row.forward + row.backward) / self.layered
            floor = "" if row.floor is None else f"{row.floor:.1f}"
            lines.append((row.name, f"{row.forward:.1f}", f"{row.backward:.1f}", f"{share:.0%}", floor))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(cell.ljust(width) if not index else cell.rjust(width) for index, (cell, width) in enumerate(row))
            for row in (list(zip(cells, widths, strict=True)) for cells in lines)
        ]
        rule = "-" * len(table[0])
        return "\n".join(
            [
                f"one training step of {self.batch} examples: {self.total:.1f} us, {self.total / self.floor:.2f} x its "
                f"floor of {self.floor:.1f} us (medians of {self.steps} steps)",
                f"layers separately: {self.layered:.1f} us",
                *(table[0], rule, *table[1:]),
            ]
        )

    __repr__ = __str__


def profile_step(model: Any, x: Any, y: Any, sample_weight: np.ndarray | None, steps: int) -> Profile:
    """Measure `steps` training steps of copies of `model` on one batch of arrays that its trainer has read."""
    times = defaultdict(list)
    total = _median(_measured(copy.deepcopy(model).trainer.bare_steps(), (x, y, sample_weight), steps))
    timed = Steps(copy.deepcopy(model).trainer, join=False)
    jacobians = timed.chain.run(x, timed.layered.values, True, RandomSource(timed.seed))[1]
    floors = _floors(timed, jacobians)
    timed.joined = timed.layered = timed.layered._replace(program=_timed_program(timed.chain, times))
    timed.loss = _Timed(timed.loss, times, LOSS, ("linearize",))
    timed.optimizer = cast(Any, _Timed(timed.optimizer, times, UPDATE, ("apply_packs",)))
    layered = _median(_measured(timed, (x, y, sample_weight), steps, times))
    rows = [
        Row(name, _median(times[name, "linearize"]), _median(times[name, "vjp"]), floors.get(name))
        for name in dict.fromkeys(label for label, _ in timed.chain.labels)
    ]
    rows.append(Row("loss", _median(times[LOSS, "linearize"]), 0.0, None))
    streaming = _streaming(timed)
    rows.append(Row("update", 0.0, _median(times[UPDATE, "apply_packs"]), streaming))
    rows.append(Row("the rest", layered - sum(row.forward + row.backward for row in rows), 0.0, None))
    floor = sum(floors.values()) + streaming
    return Profile(rows, layered, total, floor, steps, len(y[0]) if isinstance(y, tuple) else len(y))


def _measured(timed: Steps, batch: tuple, steps: int, times: dict | None = None) -> list[float]:
    """The seconds of each of this many steps; warm-up steps are removed from `times`, which parts of the step fill."""
    seconds = []
    for step in range(WARM_UP + steps):
        if step == WARM_UP and times is not None:
            times.clear()
        start = time.perf_counter()
        timed.train(*batch)
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


class _Timed:
    """Something whose methods are timed, and those of the Jacobians that it returns; everything else is its own."""

    def __init__(
        self, target: Any, times: dict, key: Any, methods: tuple[str, ...], of_jacobians: tuple[str, ...] = ()
    ):
        self.__dict__.update(_own=target, _times=times, _key=key, _methods=methods, _of_jacobians=of_jacobians)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._own, attribute)
        if attribute not in self._methods:
            return value

        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            result = value(*arguments, **options)
            self._times[self._key, attribute].append(time.perf_counter() - start)
            if not self._of_jacobians:
                return result
            return result[0], _Timed(result[1], self._times, self._key, self._of_jacobians)

        return timed

    def __len__(self) -> int:
        return len(self._own)

    def __getitem__(self, index: int) -> Any:
        return self._own[index]


def _timed_program(program: Program, times: dict) -> Program:
    """The program with every layer timed."""
    names = [label for label, _ in program.labels]

    def timed(number: int, layer: Any) -> Any:
        return _Timed(layer, times, names[number], ("linearize",), ("vjp",))

    return program.with_layers(timed)


def _floors(steps: Steps, jacobians: Bundle) -> dict[str, float]:
    """The time of the bare matrix products of each layer that has any: forward, by the kernel and by the inputs."""
    floors, first = {}, True
    for (name, _), (_, stage) in zip(steps.chain.labels, jacobians.parts(), strict=True):
        for _, part in stage.parts():
            if isinstance(part, KernelOfRows):
                rows = part.rows.reshape(-1, part.in_shape[0])
                floors[name] = floors.get(name, 0.0) + _products(rows, part.in_shape[1], first)
                first = False
    return floors


def _products(rows: np.ndarray, units: int, first: bool) -> float:
    kernel, gradient = np.ones((rows.shape[1], units), rows.dtype), np.ones((len(rows), units), rows.dtype)
    products = [(rows, kernel), (rows.T, gradient)] + ([] if first else [(gradient, kernel.T)])
    outs = [np.empty((left.shape[0], right.shape[1]), rows.dtype) for left, right in products]
    seconds = []
    for _ in range(FLOOR_ROUNDS):
        start = time.perf_counter()
        for (left, right), out in zip(products, outs, strict=True):
            np.matmul(left, right, out=out)
        seconds.append(time.perf_counter() - start)
    return _median(seconds)


def _streaming(steps: Steps) -> float:
    """The time of reading and writing parameters and optimizer state once."""
    pairs = [(pack.values.copy(), pack.values.copy()) for pack in steps.store.packs]
    seconds = []
    count = 1 + len(steps.optimizer.slot_names())
    for _ in range(FLOOR_ROUNDS):
        start = time.perf_counter()
        for source, target in pairs:
            for _ in range(count):
                np.copyto(target, source)
        seconds.append(time.perf_counter() - start)
    return _median(seconds)


def _median(seconds: list[float]) -> float:
    return float(np.median(seconds)) * 1e6 if seconds else 0.0
