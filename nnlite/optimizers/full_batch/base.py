"""Base of full-batch optimizers: their state, stopping conditions, and memory."""

import math
import time
from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError
from nnlite.optimizers.base import LearningRate, Optimizer
from nnlite.optimizers.full_batch.objective import Objective
from nnlite.registry.bounds import Count, NonNegative, Positive
from nnlite.registry.fields import option

__all__ = ["FullBatchOptimizer", "norm"]

UNUSED = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_overwrite_frequency",
          "loss_scale_factor", "gradient_accumulation_steps", "exclude_from_weight_decay",
          "learning_rate_multipliers")  # fmt: skip
GRADIENT, GOAL, TIME = "minimum gradient reached", "performance goal met", "maximum time elapsed"
FAILURES, EPOCHS = "validation stop", "maximum epoch reached"
NO_STEP = "no step lowers the loss"


def norm(vector: Array) -> float:
    """The Euclidean norm, in a third of the time of `numpy.linalg.norm`."""
    return math.sqrt(float(vector @ vector))


class FullBatchOptimizer(Optimizer, abstract=True):
    """Base of the optimizers that use the loss over all rows; subclasses write `step`.

    In `fit` an epoch is one iteration over all rows: leave `batch_size` out. Its `loss` is that of the weights after
    the iteration. All is computed in float64, also where the model's weights are float32: the slot `point` keeps the
    weights in full precision, and is taken up again as long as the model's weights are its rounding. `learning_rate`
    is there for callbacks that read it, and must be 1; arguments of `Optimizer` that have no meaning here, such as
    `clipnorm`, are refused.

    Args:
        goal: training ends where the loss is at most this; None for no such limit, as a loss may go below 0.
        min_grad: training ends where the Euclidean norm of the gradient is at most this.
        max_fail: training ends after this many consecutive epochs whose `val_loss` is not a new minimum, and the
            weights of that minimum are given back; None for no such limit. Without validation data it has no effect.
        time: training ends after this many seconds; None for no limit.

    Attributes:
        stop_reason: why the last training ended; None if something else ended it, such as a callback.
        logs: what is logged beside the loss after each iteration, `name -> number`; it has `log_names`.

    Raises:
        ConfigError: an argument without meaning here; a training step on gradients of a part of the rows.
    """

    log_names: ClassVar[tuple[str, ...]] = ("gradient_norm", "step_norm")
    # Numbers that are kept from one iteration to the next; 0 before the first.
    number_names: ClassVar[tuple[str, ...]] = ()
    # Whether the loss must be a sum of squares, and whether a matrix of all parameters is made.
    needs_squares: ClassVar[bool] = False

    learning_rate: LearningRate = option(default=1.0, kw_only=True)
    goal: float | None = field(default=None, kw_only=True)
    min_grad: NonNegative = field(default=1e-7, kw_only=True)
    max_fail: Count | None = field(default=None, kw_only=True)
    time: Positive | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stop_reason: str | None = None
        self.logs: dict[str, float] = {}
        self._started: float | None = None

    def validate(self) -> None:
        super().validate()
        settings = [name for name in UNUSED if getattr(self, name)]
        if settings:
            raise ConfigError(
                f"{settings[0]} has no meaning for a full-batch method", (type(self).__name__, settings[0])
            )
        self._need_rate_of_one()

    def _need_rate_of_one(self) -> None:
        if self.learning_rate != 1.0:
            message = "must be 1: the method finds the length of its steps itself, and callbacks cannot set it"
            raise ConfigError(message, (type(self).__name__, "learning_rate"))

    def step(self, objective: Objective, point: Array) -> tuple[Array, float]:
        """One iteration: the next point and the loss there; sets `logs`, and `stop_reason` if it is the last."""
        raise NotImplementedError

    def check(self, size: int) -> None:
        """`ConfigError` if the method cannot handle this many parameters."""

    def accept(self, objective: Objective) -> None:
        """`ConfigError` where the method cannot minimize this loss."""

    def begin(self) -> None:
        """Start a training: elapsed time counts from here."""
        self._started, self.stop_reason = time.monotonic(), None

    def iterate(self, objective: Objective, packs: Sequence[Any]) -> tuple[Array, float]:
        """One iteration on the parameters of `packs`, which get the new values; returns the point and the loss."""
        self._need_rate_of_one()
        self.build_packs(packs)
        self.stop_reason = None
        point, value = self.step(objective, self._point(packs))
        start = 0
        for pack, slots in zip(packs, self.slots, strict=True):
            slots["point"][...] = point[start : start + pack.values.size]
            pack.values[...] = slots["point"]
            start += pack.values.size
        self.batches += 1
        if self.stop_reason is None and self._reached(value):
            self.stop_reason = GOAL
        if self.stop_reason is None and self.time and self._started and time.monotonic() - self._started >= self.time:
            self.stop_reason = TIME
        return point, value

    def _point(self, packs: Sequence[Any]) -> Array:
        """The weights in float64: those kept, where the model's are their rounding."""
        parts = []
        for pack, slots in zip(packs, self.slots, strict=True):
            values, kept = pack.values, slots["point"]
            rounded = values.dtype != kept.dtype and kept.astype(values.dtype).tobytes() == values.tobytes()
            parts.append(kept if rounded else values)
        return parts[0].astype(np.float64) if len(parts) == 1 else np.concatenate(parts, dtype=np.float64)

    def _ended(self, value: float, gradient: Array) -> bool:
        """Whether there is nothing left to do at a point with this loss and gradient; says why."""
        self.logs = dict.fromkeys(self.log_names, 0.0)
        self.logs["gradient_norm"] = norm(gradient)
        if self._reached(value):
            self.stop_reason = GOAL
        elif self.logs["gradient_norm"] <= self.min_grad:
            self.stop_reason = GRADIENT
        return self.stop_reason is not None

    def _reached(self, value: float) -> bool:
        return self.goal is not None and value <= self.goal

    def matrix_names(self) -> dict[str, int]:
        """Slots of several vectors the size of the weights: name -> number of vectors."""
        return {}

    def slot_names(self) -> tuple[str, ...]:
        return ("point", "numbers", *self.matrix_names())

    def new_slots(self, pack: Any) -> dict[str, np.ndarray]:
        size = pack.values.size
        slots = {name: np.zeros(count * size) for name, count in self.matrix_names().items()}
        return {"point": np.zeros(size), "numbers": np.zeros(len(self.number_names)), **slots}

    def _number(self, name: str) -> float:
        return float(self.slots[0]["numbers"][self.number_names.index(name)])

    def _keep_number(self, name: str, value: float) -> None:
        for slots in self.slots:
            slots["numbers"][self.number_names.index(name)] = value

    def _matrix(self, name: str) -> Array:
        """A copy of that slot, `(count, size)`."""
        rows = self.matrix_names()[name]
        return np.concatenate([slots[name].reshape(rows, -1) for slots in self.slots], axis=1)

    def _keep_matrix(self, name: str, matrix: Array) -> None:
        start = 0
        for slots in self.slots:
            width = slots["point"].size
            slots[name][...] = matrix[:, start : start + width].reshape(-1)
            start += width

    def apply_packs(self, packs: Sequence) -> None:
        raise ConfigError(
            f"{type(self).__name__} takes the loss over all rows, not gradients of some: train a model with it by fit"
        )

    def slot_views(self, number: int, index: int) -> dict[str, np.ndarray]:
        """None: slots do not have the shapes of parameters."""
        return {}
