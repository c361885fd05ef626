"""Layers that calibrate probabilities, fitted to rows that a network did not learn from."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import DataError, ShapeError, needed_for
from nnlite.layers import IsotonicCalibration, TemperatureScaling
from nnlite.metrics.scores.reading import as_weights
from nnlite.ops.shaping import as_indices

__all__ = ["CalibrationMethod", "isotonic_of", "temperature_of"]

CalibrationMethod = Literal["temperature", "isotonic"]


def temperature_of(
    logits: Array,
    y: Array,
    weights: Array | None = None,
    exclusive: bool = True,
    dtype: Any = None,
    **bounds: float,
) -> TemperatureScaling:
    """The temperature and the blur that fit some rows; see `TemperatureScaling.calibrate`.

    Args:
        logits: `(rows, ..., classes)`, or `(rows, ..., events)`.
        y: class numbers `(rows, ...)`, or 0 and 1 for each event.
        weights: of the rows, >= 0.
        exclusive: whether the outputs are mutually exclusive classes rather than independent events.
        dtype: of the layer.
        bounds: `low` and `high` of the temperature.
    """
    scaling = TemperatureScaling(activation="softmax" if exclusive else "sigmoid", dtype=dtype, name="temperature")
    scaling.calibrate(logits, y, weights, **bounds)
    return scaling


def isotonic_of(
    probabilities: Array, y: Array, weights: Array | None = None, exclusive: bool = True, dtype: Any = None
) -> IsotonicCalibration:
    """Isotonic regression: the nondecreasing functions of probabilities with the least squared error.

    Each class is fitted against all others; of two, the second one, and the first one's function is its mirror image.
    The blur is `1 / (n + 1)` for n rows of a weight above 0, so that no event is called impossible.

    Args:
        probabilities: `(rows, classes)`, or `(rows, events)`.
        y: class numbers `(rows,)`, or 0 and 1 for each event.
        weights: of the rows, >= 0.
        exclusive: whether the outputs are mutually exclusive classes rather than independent events.
        dtype: of the layer.

    Raises:
        DataError: no row of a weight above 0, probabilities or weights that are not finite, a weight below 0, or no
            such class.
        ShapeError: probabilities that are not `(rows, columns)`, or targets or weights that do not fit them.
        ImportError: without scikit-learn.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 2:
        raise ShapeError(f"isotonic calibration needs probabilities (rows, columns), got an array of shape {p.shape}")
    every = as_weights(weights, len(p))
    has_weight = every > 0
    if not has_weight.any() or not np.isfinite(p).all():
        raise DataError("isotonic calibration needs finite probabilities, and a row of a weight above 0")
    happened, row_weights = _happened(np.asarray(y), p.shape, exclusive), every[has_weight]
    if exclusive and p.shape[1] == 2:
        thresholds, values = _fitted(p[has_weight, 1], happened[has_weight, 1], row_weights)
        mirrored = [1 - at for at in reversed(thresholds)], [1 - value for value in reversed(values)]
        functions = [mirrored, (thresholds, values)]
    else:
        functions = [
            _fitted(p[has_weight, column], happened[has_weight, column], row_weights) for column in range(p.shape[1])
        ]
    blur = 1 / (int(has_weight.sum()) + 1)
    return IsotonicCalibration(
        *map(list, zip(*functions, strict=True)), blur=blur, exclusive=exclusive, dtype=dtype, name="isotonic"
    )


def _happened(y: Array, shape: tuple[int, ...], exclusive: bool) -> Array:
    """Whether each class was the row's, or each event happened, of a shape `(rows, columns)`."""
    wanted = shape[:1] if exclusive else shape
    if y.size != np.prod(wanted):
        raise ShapeError(f"isotonic calibration: targets of shape {y.shape} for probabilities of shape {shape}")
    codes = as_indices(y.reshape(wanted), shape[1] if exclusive else 2, "isotonic calibration")
    return codes[:, None] == np.arange(shape[1]) if exclusive else codes == 1


def _fitted(p: Array, happened: Array, weights: Array) -> tuple[list[float], list[float]]:
    """Thresholds and values of the isotonic regression of one event."""
    with needed_for("isotonic calibration is fitted by scikit-learn", "scikit-learn"):
        from sklearn.isotonic import IsotonicRegression

    fit: Any = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(p, happened, weights)
    return fit.X_thresholds_.tolist(), fit.y_thresholds_.tolist()
