"""Line search under the strong Wolfe conditions."""

import math
from typing import NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.optimizers.full_batch.objective import Objective

__all__ = ["Trial", "search"]

DECREASE, CURVATURE = 1e-4, 0.9  # Nocedal & Wright's c1 and c2 for quasi-Newton methods
TRIALS = 25
ROUNDING = 1e-14  # relative difference of two losses below which the slopes decide


class Trial(NamedTuple):
    """A point on the line.

    Attributes:
        length: of the step, in units of the direction.
        value, slope: of the loss there, along the direction.
        gradient: of the loss there.
    """

    length: float
    value: float
    slope: float
    gradient: Array


def search(
    objective: Objective, point: Array, direction: Array, value: float, gradient: Array, first: float = 1.0
) -> Trial | None:
    """A step along `direction` that meets the strong Wolfe conditions; None if no trial lowers the loss.

        value <= value_0 + 1e-4 * length * slope_0 and abs(slope) <= 0.9 * abs(slope_0)

    Losses that differ by rounding alone are compared by their slopes, as Hager & Zhang 2005 do.

    Args:
        value, gradient: of the loss at `point`.
        first: the length of the first trial.

    Reference: Nocedal & Wright 2006, algorithms 3.5 and 3.6.
    """
    start = Trial(0.0, value, float(gradient @ direction), gradient)
    low: Trial = start
    high: Trial | None = None
    length = first
    for _ in range(TRIALS):
        there, slopes = objective.gradient(point + length * direction)
        trial = Trial(length, there, float(slopes @ direction), slopes)
        if not _low_enough(trial, start) or _higher(trial, low):
            high = trial
        elif abs(trial.slope) <= -CURVATURE * start.slope:
            return trial
        else:
            if trial.slope * (high.length - low.length if high else 1.0) >= 0:
                high = low
            low = trial
        length = _between(low, high) if high else min(max(_minimum(start, low), 1.5 * low.length), 10 * low.length)
    return low if low.length else None


def _low_enough(trial: Trial, start: Trial) -> bool:
    """Whether the loss has fallen by its share of what the first slope promises."""
    if not (math.isfinite(trial.value) and np.isfinite(trial.gradient).all()):
        return False
    if trial.value <= start.value + DECREASE * trial.length * start.slope:
        return True
    equal = trial.value <= start.value + ROUNDING * abs(start.value)
    return equal and trial.slope <= (2 * DECREASE - 1) * start.slope


def _higher(trial: Trial, low: Trial) -> bool:
    return bool(low.length) and trial.value > low.value + ROUNDING * abs(low.value)


def _between(low: Trial, high: Trial) -> float:
    """The minimum of the cubic through both, kept away from both ends."""
    width = high.length - low.length
    length = _minimum(low, high)
    if not math.isfinite(length):
        return low.length + 0.5 * width
    return low.length + min(max((length - low.length) / width, 0.1), 0.9) * width


def _minimum(one: Trial, other: Trial) -> float:
    """The minimum of the cubic with the values and slopes of both; infinite where it has none."""
    width = other.length - one.length
    if not width or not all(map(math.isfinite, (other.value, other.slope))):
        return math.inf if not width else math.nan
    bend = one.slope + other.slope - 3 * (other.value - one.value) / width
    square = bend * bend - one.slope * other.slope
    if square < 0:
        return math.inf
    root = math.copysign(math.sqrt(square), width)
    divisor = other.slope - one.slope + 2 * root
    return other.length - width * (other.slope + root - bend) / divisor if divisor else math.inf
