"""Calibration of a fitted classifier's probabilities, by the parameter `calibration`."""

from typing import Any

from nnlite.errors import ConfigError
from nnlite.estimators.fitting.targets import LabelTargets, Targets
from nnlite.estimators.fitting.training import Judged
from nnlite.estimators.parameters import AUTO
from nnlite.inference.calibration import isotonic_of, temperature_of
from nnlite.layers import Layer

__all__ = ["calibration_layers"]


def calibration_layers(
    method: str | None, judged: Judged | None, targets: Targets, automatic: bool, dtype: Any, n_rows: int
) -> tuple[list[Layer], list[Layer]]:
    """Layers after each member's outputs, in place of the last activation, and after their average.

    Args:
        method: the parameter.
        judged: outputs for samples that were not learned from; None if there are none.
        targets: classes, or labels side by side.
        automatic: whether `"auto"` means a temperature, where there are such samples.
        dtype: of the layers.
        n_rows: distinct samples that were learned from.

    Raises:
        ConfigError: a method, and no samples to calibrate by.
    """
    if method is None or (method == AUTO and (judged is None or not automatic)):
        return [], []
    if judged is None:
        raise ConfigError(
            f"calibration={method!r} of the probabilities of classes needs samples that were not learned from: with "
            f"n_samples = {n_rows} none were set apart; fit 10 or more with early_stopping=True, or pass X_val, y_val",
            ("calibration",),
        )
    exclusive = not isinstance(targets, LabelTargets)
    if method != "isotonic":
        logits = targets.before_activation(judged.outputs)
        return [temperature_of(logits, judged.y, judged.weights, exclusive, dtype)], []
    outputs, y = judged.outputs, judged.y
    if outputs.ndim == 3:  # each member judged each row
        outputs, y = outputs.mean(axis=1), y[:, 0]
    return [], [isotonic_of(outputs, y, judged.weights, exclusive, dtype)]
