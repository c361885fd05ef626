"""The state of an optimizer in a Keras file, as the slots of nnlite's optimizer of the same name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.optimizers.base import KerasSlot
from nnlite.optimizers.base.slots import AVERAGE
from nnlite.parameters import Parameter

__all__ = ["optimizer_arrays", "optimizer_state", "optimizer_variables"]

PREFIX = "optimizer/vars/"
# Whose slots mean the same in Keras, as their `keras_slots` and `further_variables` list them.
KINDS = frozenset(
    (
        *("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Nadam", "Ftrl", "Lion", "Lamb", "Muon"),
        "ScheduleFreeAdamW",
    )
)


def _slots_in_order(
    optimizer: Any, parameters: Sequence[Parameter], packs: Sequence[Any]
) -> list[tuple[Parameter, KerasSlot]]:
    """The slots of the parameters as Keras numbers them; `ModelFileError` if they have another meaning there."""
    if type(optimizer).__name__ not in KINDS or optimizer.gradient_accumulation_steps:
        raise ModelFileError(f"the slots of {optimizer!r} have another meaning in Keras")
    groups = [*([[KerasSlot(AVERAGE, AVERAGE)]] * optimizer.use_ema), *optimizer.keras_slots()]
    paths = {id(parameter): path for pack in packs for parameter, path in zip(pack.parameters, pack.paths, strict=True)}
    names_by_id = {id(one): {AVERAGE, *optimizer.slots_of(one.shape, paths[id(one)])} for one in parameters}
    return [
        (one, slot) for group in groups for one in parameters for slot in group if slot.name in names_by_id[id(one)]
    ]


def optimizer_variables(optimizer: Any, parameters: Sequence[Parameter], packs: Sequence[Any]) -> dict[str, np.ndarray]:
    """The inverse of `optimizer_state`: the variables by their paths in a Keras file; none before the first step.

    Raises:
        ModelFileError: an optimizer whose slots have another meaning in Keras.
    """
    wanted = _slots_in_order(optimizer, parameters, packs)
    if wanted and not optimizer.slots:
        return {}
    optimizer.build_packs(packs)
    values = {
        (id(parameter), name): view
        for number, pack in enumerate(packs)
        for index, parameter in enumerate(pack.parameters)
        for name, view in optimizer.slot_views(number, index).items()
    }
    rate, kind = optimizer.learning_rate, next((value.dtype for value in values.values()), None)
    arrays = [np.array(optimizer.iterations), *([np.array(rate, np.float32)] if isinstance(rate, float) else [])]
    arrays += [values[id(parameter), slot.name] / np.asarray(slot.factor, kind) for parameter, slot in wanted]
    arrays += [variable.value for variable in optimizer.further_variables()]
    return {f"{PREFIX}{number}": array for number, array in enumerate(arrays)}


def optimizer_arrays(datasets: Mapping[str, Any]) -> list[np.ndarray]:
    """The variables of the optimizer in numerical order; none if the file has no such group."""
    numbers = sorted(int(path[len(PREFIX) :]) for path in datasets if path.startswith(PREFIX))
    return [datasets[f"{PREFIX}{number}"][()] for number in numbers]


def optimizer_state(
    optimizer: Any, arrays: Sequence[np.ndarray], parameters: Sequence[Parameter], packs: Sequence[Any]
) -> dict[str, Any]:
    """The state with which `optimizer.set_state` resumes where Keras stopped.

    Args:
        optimizer: compiled as it was in Keras.
        arrays: its variables in the file.
        parameters: those that are trained, in the order of Keras.
        packs: in which the model trains them.

    Raises:
        ModelFileError: an optimizer whose slots have another meaning here, or variables that do not fit.
    """
    kind, wanted = type(optimizer).__name__, _slots_in_order(optimizer, parameters, packs)
    first = 2 if isinstance(optimizer.learning_rate, float) else 1  # the number of updates, the rate
    count = first + len(wanted) + len(optimizer.further_variables())
    if len(arrays) != count:
        raise ModelFileError(f"{kind} keeps {count} arrays for this model, the file has {len(arrays)}")
    if any(array.dtype.kind in "OSU" for array in arrays) or any(array.size != 1 for array in arrays[:first]):
        raise ModelFileError(
            f"{kind} keeps {'the steps and the learning rate' if first == 2 else 'the steps'} first, as numbers"
        )
    slots: dict[tuple[int, str], np.ndarray] = {}
    for array, (parameter, slot) in zip(arrays[first:], wanted, strict=False):
        if array.size != parameter.size:
            shapes = f"has the shape {array.shape}, needed {parameter.shape}"
            raise ModelFileError(f"{kind}: {slot.name} of {parameter.path!r} {shapes}")
        slots[id(parameter), slot.name] = array.reshape(-1) * slot.factor
    names = dict.fromkeys(slot.name for _, slot in wanted)
    made = [
        {
            name: np.concatenate(
                [slots[id(one), name] for one in pack.parameters if (id(one), name) in slots] or [np.zeros(0)]
            ).astype(pack.values.dtype)
            for name in names
        }
        for pack in packs
    ]
    return {"iterations": int(arrays[0]), "slots": made if names else [{} for _ in packs]}
