"""The explained quantity: one number of a prediction as a function of the model's outputs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.data import Classes, Quantities
from nnlite.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from nnlite.trained.model import TrainedModel

__all__ = []

STEP = 1e-4  # of the numerical derivative of an amount by the output


class Answer(NamedTuple):
    """One number of a prediction as a function of the model's outputs.

    Args:
        name: a label, or what an amount is called.
        of: from outputs to the number, shape (rows,), float64.
        slope: its derivative with respect to the outputs, in their shape.
    """

    name: Any
    of: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


def answer_of(trained: "TrainedModel", output: Any, outputs: np.ndarray) -> Answer:
    """The quantity that is explained for a row with these outputs, shape (1, ...)."""
    target: Any = trained.target
    if target is None or isinstance(target, Quantities):
        return _amount(trained, output)
    column = _predicted_label(trained, outputs) if output is None else _label(target, output)
    binary = isinstance(target, Classes) and target.kind == "binary"
    unit, sign = (0, 2 * column - 1) if binary else (column, 1)

    def of(outputs: np.ndarray) -> np.ndarray:
        return target.probabilities(trained._answering(outputs))[:, column].astype(np.float64)

    def slope(outputs: np.ndarray) -> np.ndarray:
        seed = np.zeros_like(outputs)
        seed[:, unit] = sign
        return seed if trained._link is None else trained._link.linearize(outputs)[1].vjp(seed)[0]

    return Answer(target.labels[column], of, slope)


def _label(target: Any, output: Any) -> int:
    names = [str(label) for label in target.labels]
    if str(output) not in names:
        raise ConfigError(f"no label {output!r}; {did_you_mean(output, names)}", ("output",))
    return names.index(str(output))


def _predicted_label(trained: "TrainedModel", outputs: np.ndarray) -> int:
    """The predicted class; of labels that do not exclude one another, the most probable one."""
    target: Any = trained.target
    answers = trained._answering(outputs)
    return int(target.chosen(answers)[0] if isinstance(target, Classes) else target.probabilities(answers).argmax())


def _amount(trained: "TrainedModel", output: Any) -> Answer:
    """An amount in the target's unit, or a raw output."""
    target = trained.target
    count = trained.model.output_shape[-1]
    names = trained.target_names or [f"output_{n}" if count > 1 else "output" for n in range(count)]
    if output is not None and output not in names:
        raise ConfigError(f"no target {output!r}; {did_you_mean(output, names)}", ("output",))
    column = 0 if output is None else names.index(output)

    def of(outputs: np.ndarray) -> np.ndarray:
        wide = outputs.astype(np.float64)
        return (wide if not isinstance(target, Quantities) else target.units(wide))[:, column]

    def slope(outputs: np.ndarray) -> np.ndarray:
        seed, step = np.zeros_like(outputs), np.zeros(count)
        step[column] = STEP
        seed[:, column] = (of(outputs + step) - of(outputs - step)) / (2 * STEP)
        return seed

    return Answer(names[column], of, slope)
