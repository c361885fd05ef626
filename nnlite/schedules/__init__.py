"""Numbers that vary during training: learning rates, weight decay, dropout rates."""

from nnlite.schedules.base import LearningRateSchedule, scheduled
from nnlite.schedules.decay import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InversePowerDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from nnlite.schedules.functions import deserialize, get, serialize
from nnlite.schedules.progress import CosLog4, FlatCosine, ProgressSchedule
from nnlite.schedules.warmups import LinearDecay, OneCycle, Warmup

__all__ = [
    "CosLog4",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "FlatCosine",
    "InversePowerDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "LinearDecay",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "ProgressSchedule",
    "Warmup",
    "deserialize",
    "get",
    "scheduled",
    "serialize",
]
