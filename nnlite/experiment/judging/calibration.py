"""Calibration of a trained model's probabilities on its validation part, and its effect."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite.data import Classes, Prepared, Quantities
from nnlite.data.batches import take_rows
from nnlite.errors import ConfigError
from nnlite.experiment.judging.measuring import figure, predictions
from nnlite.inference.calibration import CalibrationMethod
from nnlite.metrics.scores import expected_calibration_error
from nnlite.models.base import BaseModel
from nnlite.trained.evaluation import finite_figures

__all__ = ["calibrate", "check_calibration", "format_calibration"]

TRIED_ROWS = 16  # before training, to see that it goes


def check_calibration(model: BaseModel, data: Prepared, method: CalibrationMethod | None) -> None:
    """`ConfigError` if an experiment's probabilities could not be calibrated after training."""
    if method is None:
        return
    if isinstance(data.preprocessing.target, Quantities):
        raise ConfigError("a regression has no probabilities", ("calibrate",))
    if "validation" not in data.parts:
        raise ConfigError("the data have no validation part to calibrate by: set data.split.validation", ("calibrate",))
    x, y = (take_rows(part, slice(TRIED_ROWS)) for part in data.parts["validation"])
    try:
        model.calibrated(x, y, method)
    except ConfigError as error:
        raise ConfigError(error.message, ("calibrate",)) from None


def calibrate(
    model: BaseModel, data: Prepared, method: CalibrationMethod | None
) -> tuple[BaseModel, dict[str, Any] | None]:
    """The model with calibrated probabilities, and their effect; the model itself if no method is given.

    What changed is the method, and log loss and expected calibration error of the validation and the test part before
    and after. Those of the validation part, by which it was calibrated, flatter it.
    """
    if method is None:
        return model, None
    x, y = data.parts["validation"]
    made = model.calibrated(x, y, method, data.weights.get("validation"))
    told: dict[str, Any] = {"method": method, "before": {}, "after": {}}
    for part in [part for part in data.parts if part != "training"]:
        for when, judged in (("before", model), ("after", made)):
            told[when][part] = _figures(judged, data, part)
    return made, told


def _figures(model: BaseModel, data: Prepared, part: str) -> dict[str, float | None]:
    target: Any = data.preprocessing.target
    truth, weights = data.target(part), data.weights.get(part)
    outputs = np.asarray(predictions(model, data.parts[part][0]))
    if isinstance(target, Classes):
        codes, p = target.codes(truth).ravel(), target.probabilities(outputs).reshape(-1, len(target.labels))
        binary = p.shape[1] == 2
        happened, said = (codes == 1, p[:, 1]) if binary else (codes == p.argmax(axis=1), p.max(axis=1))
    else:
        happened, said = target.encode(truth).ravel(), outputs.ravel()
    spread = None if weights is None else np.repeat(weights, len(said) // len(weights))
    error = expected_calibration_error(happened, said, spread)
    loss = target.scores(truth, outputs, weights)["log_loss"]
    return finite_figures({"log_loss": loss, "expected_calibration_error": error})


def format_calibration(told: Mapping[str, Any]) -> str:
    """One line for each part.

    >>> figures = {"log_loss": 0.5, "expected_calibration_error": 0.1}
    >>> print(format_calibration({"method": "isotonic", "before": {"test": figures}, "after": {"test": figures}}))
    calibration (isotonic), test: log loss 0.5 -> 0.5, expected calibration error 0.1 -> 0.1
    """
    lines = []
    for part, before in told["before"].items():
        after = told["after"][part]
        changes = [f"{name.replace('_', ' ')} {figure(before[name])} -> {figure(after[name])}" for name in before]
        lines.append(f"calibration ({told['method']}), {part}: {', '.join(changes)}")
    return "\n".join(lines)
