"""The memory of an optimizer in a file of Keras, as the slots of nnlite's optimizer of the same name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.optimizers.base.slots import AVERAGE
from nnlite.parameters import Parameter

__all__ = ["optimizer_arrays", "optimizer_state", "optimizer_variables"]

PREFIX = "optimizer/vars/"
Group = list[tuple[str, float]]  # slots that Keras keeps beside one another for each parameter, and their factors


def _adam(optimizer: Any) -> list[Group]:
    """The means of Keras are sums here: `momentum / (1 - beta_1)`."""
    first, second = 1 / (1 - optimizer.beta_1), 1 / (1 - optimizer.beta_2)
    return [[("momentum", first), ("squares", second)], *([[("largest", second)]] if optimizer.amsgrad else [])]


def _rmsprop(optimizer: Any) -> list[Group]:
    change, center = [[("change", 1.0)]] * bool(optimizer.momentum), [[("average_gradient", 1.0)]] * optimizer.centered
    return [[("velocity", 1.0)], *change, *center]


def _of(*names: str) -> Callable[[Any], list[Group]]:
    return lambda optimizer: [[(name, 1.0) for name in names]]


# Optimizer -> the groups of its slots in the order of Keras.
LAYOUTS: dict[str, Callable[[Any], list[Group]]] = {
    "SGD": lambda optimizer: [[("velocity", 1.0)]] if optimizer.momentum else [],
    "RMSprop": _rmsprop,
    "Adam": _adam,
    "AdamW": _adam,
    "Adadelta": _of("accumulated_grad", "accumulated_delta_var"),
    "Adagrad": _of("accumulator"),
    "Adamax": _of("momentum", "norm"),
    "Nadam": _of("momentum", "velocity"),
    "Ftrl": _of("accumulator", "linear"),
    "Lion": _of("momentum"),
    "Lamb": _of("momentum", "velocity"),
}
BEHIND = {"Nadam": 1}  # variables behind the slots, which follow from the number of updates
Slot = tuple[Parameter, str, float]  # a slot of a parameter, and its factor


def _slots_in_order(optimizer: Any, parameters: Sequence[Parameter]) -> list[Slot]:
    """The slots as Keras numbers them; `ModelFileError` where they mean something else there."""
    kind = type(optimizer).__name__
    if kind not in LAYOUTS or optimizer.gradient_accumulation_steps:
        raise ModelFileError(f"the slots of {optimizer!r} have another meaning in Keras")
    groups = [*([[(AVERAGE, 1.0)]] * optimizer.use_ema), *LAYOUTS[kind](optimizer)]
    return [(parameter, *slot) for group in groups for parameter in parameters for slot in group]


def optimizer_variables(optimizer: Any, parameters: Sequence[Parameter], packs: Sequence[Any]) -> dict[str, np.ndarray]:
    """The inverse of `optimizer_state`: the variables by their places in a file of Keras; none before the first step.

    Raises:
        ModelFileError: an optimizer whose slots mean something else in Keras.
    """
    wanted = _slots_in_order(optimizer, parameters)
    if wanted and not optimizer.slots:
        return {}
    values = {
        (id(parameter), name): slot.reshape(-1)[segment].reshape(parameter.shape)
        for pack, slots in zip(packs, optimizer.slots, strict=True)
        for name, slot in slots.items()
        for parameter, segment in zip(pack.parameters, pack.segments, strict=True)
    }
    rate, kind = optimizer.learning_rate, next((value.dtype for value in values.values()), None)
    arrays = [np.array(optimizer.iterations), *([np.array(rate, np.float32)] if isinstance(rate, float) else [])]
    arrays += [values[id(parameter), name] / np.asarray(factor, kind) for parameter, name, factor in wanted]
    if type(optimizer).__name__ in BEHIND:
        steps = np.arange(1, optimizer.iterations + 1)
        arrays.append(np.prod(optimizer.beta_1 * (1 - 0.5 * 0.96**steps)).astype(np.float32))
    return {f"{PREFIX}{number}": array for number, array in enumerate(arrays)}


def optimizer_arrays(datasets: Mapping[str, Any]) -> list[np.ndarray]:
    """The variables of the optimizer in the order of their numbers; none if the file has no such group."""
    numbers = sorted(int(place[len(PREFIX) :]) for place in datasets if place.startswith(PREFIX))
    return [datasets[f"{PREFIX}{number}"][()] for number in numbers]


def optimizer_state(
    optimizer: Any, arrays: Sequence[np.ndarray], parameters: Sequence[Parameter], packs: Sequence[Any]
) -> dict[str, Any]:
    """The state by which `optimizer.set_state` goes on where Keras stopped.

    Args:
        optimizer: compiled as it was in Keras.
        arrays: its variables in the file.
        parameters: those that are trained, in the order of Keras.
        packs: in which the model trains them.

    Raises:
        ModelFileError: an optimizer whose slots mean something else here, or variables that do not fit.
    """
    kind, wanted = type(optimizer).__name__, _slots_in_order(optimizer, parameters)
    first = 2 if isinstance(optimizer.learning_rate, float) else 1  # the number of updates, the rate
    if len(arrays) != first + len(wanted) + BEHIND.get(kind, 0):
        raise ModelFileError(f"{kind} keeps {first + len(wanted)} arrays for this model, the file has {len(arrays)}")
    slots: dict[tuple[int, str], np.ndarray] = {}
    for array, (parameter, name, factor) in zip(arrays[first:], wanted, strict=False):
        if array.size != parameter.size:
            shapes = f"has the shape {array.shape}, needed {parameter.shape}"
            raise ModelFileError(f"{kind}: {name} of {parameter.path!r} {shapes}")
        slots[id(parameter), name] = array.reshape(-1) * factor
    names = dict.fromkeys(name for _, name, _ in wanted)
    made = [
        {
            name: np.concatenate([slots[id(parameter), name] for parameter in pack.parameters]).astype(
                pack.values.dtype
            )
            for name in names
        }
        for pack in packs
    ]
    return {"iterations": int(arrays[0]), "slots": made if names else [{} for _ in packs]}
