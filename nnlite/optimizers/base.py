"""What every optimizer shares: clipping, weight decay, slots, the walk over the parameters, its state."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any, ClassVar, cast

import numpy as np

from nnlite import kernels
from nnlite.errors import ConfigError, ModelFileError, ShapeError
from nnlite.optimizers.patterns import Exclusions, Factors, pack_factors
from nnlite.parameters import RowPack
from nnlite.registry import Configurable
from nnlite.registry.field_types import NonNegative, Positive
from nnlite.registry.fields import Converted, Spec, option
from nnlite.schedules import LearningRateSchedule

__all__ = ["Optimizer"]

# An update passes several times over up to five vectors, which should stay in the cache: blocks of this
# length take 0.85 of the time of whole vectors on 5 million float32 parameters; shorter ones pay in calls.
BLOCK_SIZE = 65_536

Vectors = dict[str, np.ndarray]
Cut = tuple[np.ndarray, np.ndarray, Vectors, np.ndarray]
Block = tuple[np.ndarray, np.ndarray, Vectors, np.ndarray, Factors]
LearningRate = Converted[float | Spec[LearningRateSchedule], NonNegative | LearningRateSchedule]
WeightDecay = Converted[float | Spec[LearningRateSchedule] | None, NonNegative | LearningRateSchedule | None]


class Optimizer(Configurable, family="optimizer"):
    """Updates parameters by their gradients; subclasses write `update` and `slot_names`.

    Each step clips the gradients, then decays the values, `values -= learning_rate * weight_decay * values`,
    then calls `update`. The memory of past gradients (momentum and the like) is kept in slots: vectors of the
    size and dtype of the values, zero at first, found under `slots[pack][name]`.

    Args:
        learning_rate: size of a step, >= 0, or a schedule. It may be assigned anew at any time.
        weight_decay: share of the values, >= 0, taken away per unit of learning rate, or a schedule. In PyTorch only
            AdamW's means this; its other optimizers add it to the gradient.
        clipnorm: the gradient of each parameter is scaled down to at most this norm.
        clipvalue: each element of a gradient is cut to [-clipvalue, clipvalue].
        global_clipnorm: all gradients together are scaled down to at most this norm.
        exclude_from_weight_decay: patterns of the parameters without weight decay. Each is matched, as by `fnmatch`,
            with the whole path of a parameter, `"dense/bias"`, and with its last part, `"bias"`. Called as Keras's
            method, `optimizer.exclude_from_weight_decay(var_names=["bias"])`, it takes up more.
        learning_rate_multipliers: what the learning rate is multiplied by, >= 0, for parameters that match a pattern.
            A parameter that several match gets the product.

    Raises:
        ConfigError: more than one of the three ways of clipping is set; at the first step, a pattern matches nothing.

    >>> from nnlite.optimizers import Adam
    >>> Adam(1e-3, weight_decay=0.02, exclude_from_weight_decay=["bias"], learning_rate_multipliers={"bias": 0.1})
    Adam(weight_decay=0.02, exclude_from_weight_decay=['bias'], learning_rate_multipliers={'bias': 0.1})
    """

    # Whether `update` is one call of a kernel: that takes a whole vector at once when compiled, and by a further
    # argument `factors` what the learning rate of each element is multiplied by.
    by_kernel = False
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {"by_kernel": ("update",)}

    learning_rate: LearningRate
    weight_decay: WeightDecay = option(default=None, kw_only=True)
    clipnorm: Positive | None = field(default=None, kw_only=True)
    clipvalue: Positive | None = field(default=None, kw_only=True)
    global_clipnorm: Positive | None = field(default=None, kw_only=True)
    exclude_from_weight_decay: Converted[Sequence[str], Exclusions] = option(default=(), kw_only=True)
    learning_rate_multipliers: dict[str, NonNegative] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.iterations = 0
        self.slots: list[dict[str, np.ndarray]] = []
        self._layout: list[tuple] = []
        self._scratch: list[np.ndarray] = []
        self._patterns: tuple[list[str], dict[str, float]] = [], {}
        self._paths: list[list[str]] = []  # that the factors belong to, where there are patterns
        self._factors: list[Factors] = []
        self._blocks: list[list[tuple[slice, Factors]]] = []  # of each pack, and their factors

    def validate(self) -> None:
        limits = {name: getattr(self, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
        given = [f"{name}={limit}" for name, limit in limits.items() if limit is not None]
        if len(given) > 1:
            message = f"only one of {', '.join(limits)} can be set, got {', '.join(given)}"
            raise ConfigError(message, (type(self).__name__,))

    @property
    def schedules(self) -> tuple[LearningRateSchedule, ...]:
        """The schedules among the arguments, which `fit` tells how long the training is."""
        return tuple(value for value in vars(self).values() if isinstance(value, LearningRateSchedule))

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next update."""
        rate = self.learning_rate
        return float(rate(self.iterations) if isinstance(rate, LearningRateSchedule) else rate)

    @property
    def current_weight_decay(self) -> float:
        """The weight decay of the next update, 0 for none."""
        decay = self.weight_decay
        return float(decay(self.iterations) if isinstance(decay, LearningRateSchedule) else decay or 0.0)

    def slot_names(self) -> tuple[str, ...]:
        """Names of the vectors that `update` keeps from step to step."""
        raise NotImplementedError

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        """Change `values` and `slots` in place, element by element and without allocating.

        Shape: all arrays (block,), where a block is any part of a pack.

        Args:
            gradients: may be read only.
            scratch: may be overwritten.
        """
        raise NotImplementedError

    def build(self, packs: Sequence) -> None:
        """Create the slots for `packs`, or check that the present ones fit; `apply` calls it.

        Raises:
            ShapeError: the optimizer has slots of other parameters.
            ConfigError: a pattern matches no parameter.
        """
        layout = [(pack.values.shape, pack.values.dtype) for pack in packs]
        patterns = self.exclude_from_weight_decay, self.learning_rate_multipliers
        paths = [pack.paths for pack in packs] if any(patterns) else []
        if layout == self._layout and patterns == self._patterns and paths == self._paths:
            return
        self._factors = pack_factors(type(self).__name__, packs, *patterns)
        pairs = zip(self._factors, layout, strict=True)
        self._blocks = [factors.by_block(size, BLOCK_SIZE) for factors, ((size,), _) in pairs]
        if not self.slots:
            self.slots = [{name: np.zeros(*like) for name in self.slot_names()} for like in layout]
        self._check_slots(self.slots, layout)
        self._scratch = [np.empty(min(size, BLOCK_SIZE), dtype) for (size,), dtype in layout]
        self._layout, self._patterns, self._paths = layout, (list(patterns[0]), dict(patterns[1])), paths

    def apply(self, packs: Sequence) -> None:
        """Do one training step: clip, decay, update, count.

        Args:
            packs: objects with `values` and `gradients`, two vectors of one size and dtype, which are changed
                in place, and `segments`, the slice of each parameter in them. The same packs in every call. A
                `RowPack` has the gradients of some rows, and only these rows are updated. Where parameters are
                treated in their own way, `paths`, one for each.
        """
        self.build(packs)
        self._clip(packs)
        learning_rate = self.current_learning_rate
        decay = learning_rate * self.current_weight_decay if self.weight_decay else 0.0
        whole = self.by_kernel and kernels.compiled_now()
        known = zip(packs, self.slots, self._scratch, self._factors, self._blocks, strict=True)
        for pack, slots, scratch, factors, parts in known:
            if isinstance(pack, RowPack):
                self._update_rows(pack, slots, scratch, factors, learning_rate, decay)
                continue
            vectors: Cut = pack.values, pack.gradients, slots, scratch
            blocks: Iterable[Block]
            if whole:
                blocks = [(*vectors, factors)]
            elif factors.stretches and not self.by_kernel:
                blocks = (block for part, own in factors.stretches for block in _blocks(*_cut(*vectors, part), own))
            else:
                blocks = _in_parts(*vectors, parts)
            for block in blocks:
                self._update_block(*block, learning_rate, decay)
        self.iterations += 1

    def get_state(self) -> dict:
        """A copy of what changes during training: `{"iterations": int, "slots": [{name: vector}]}`."""
        slots = [{name: slot.copy() for name, slot in pack_slots.items()} for pack_slots in self.slots]
        return {"iterations": self.iterations, "slots": slots}

    def set_state(self, state: dict) -> None:
        """Continue from what `get_state` returned, here or in another optimizer of the same configuration.

        Raises:
            ModelFileError: the slots have other names than this optimizer's.
            ShapeError: the slots belong to other parameters than this optimizer's.
        """
        slots = [{name: np.array(slot) for name, slot in pack_slots.items()} for pack_slots in state["slots"]]
        for pack_slots in slots:
            if set(pack_slots) != set(self.slot_names()):
                needed, found = (", ".join(names) or "none" for names in (self.slot_names(), pack_slots))
                raise ModelFileError(f"{self!r} needs the slots: {needed}; the saved state has: {found}")
        if slots and self._layout:
            self._check_slots(slots, self._layout)
        self.slots, self._layout = slots, []
        self.iterations = int(state["iterations"])

    def _check_slots(self, slots: list[dict], layout: list[tuple]) -> None:
        if len(slots) != len(layout):
            raise ShapeError(f"{self!r} has slots for {len(slots)} packs, got {len(layout)} packs")
        for pack_slots, (shape, dtype) in zip(slots, layout, strict=True):
            for name, slot in pack_slots.items():
                if (slot.shape, slot.dtype) != (shape, dtype):
                    raise ShapeError(
                        f"{self!r} has a slot {name!r} of shape {slot.shape} and type {slot.dtype}, but the "
                        f"parameters have {shape} and {dtype}; other parameters need a new optimizer"
                    )

    def _clip(self, packs: Sequence) -> None:
        if self.clipvalue is not None:
            for pack in packs:
                np.clip(pack.gradients, -self.clipvalue, self.clipvalue, out=pack.gradients)
        elif self.clipnorm is not None:
            for pack in packs:
                for segment in pack.segments:
                    _limit_norm([pack.gradients[segment]], self.clipnorm)
        elif self.global_clipnorm is not None:
            _limit_norm([pack.gradients for pack in packs], self.global_clipnorm)

    def _update_rows(self, pack, slots, scratch, factors, learning_rate, decay) -> None:
        """Update some rows of a parameter: they are gathered, changed as a vector of their own, and put back."""
        rows, whole = pack.rows, {"": pack.values, **slots}
        tables = {name: vector.reshape(-1, pack.width) for name, vector in whole.items()}
        taken = {name: table[rows].reshape(-1) for name, table in tables.items()}
        values = taken.pop("")
        for block in _blocks(values, pack.gradients, taken, scratch[: values.size], factors):
            self._update_block(*block, learning_rate, decay)
        for name, changed in {"": values, **taken}.items():
            tables[name][rows] = changed.reshape(-1, pack.width)

    def _update_block(self, values, gradients, slots, scratch, factors: Factors, learning_rate, decay) -> None:
        if decay:
            kernels.decay(values, decay * factors.decay, factors.decays, scratch)
        update, _, updates, _, _ = factors
        if updates is None:
            self.update(values, gradients, slots, learning_rate * update, scratch)
        else:
            cast(Any, self).update(values, gradients, slots, learning_rate, scratch, updates)


def _blocks(
    values: np.ndarray, gradients: np.ndarray, slots: Vectors, scratch: np.ndarray, factors: Factors
) -> Iterable[Block]:
    """The five arguments cut into blocks."""
    return _in_parts(values, gradients, slots, scratch, factors.by_block(values.size, BLOCK_SIZE))


def _in_parts(
    values: np.ndarray, gradients: np.ndarray, slots: Vectors, scratch: np.ndarray, parts: list[tuple[slice, Factors]]
) -> Iterable[Block]:
    """The first four arguments cut into parts, with the factors of each; short vectors are spared the slicing."""
    if len(parts) == 1:
        return [(values, gradients, slots, scratch, parts[0][1])]
    return ((*_cut(values, gradients, slots, scratch, part), factors) for part, factors in parts)


def _cut(values: np.ndarray, gradients: np.ndarray, slots: Vectors, scratch: np.ndarray, part: slice) -> Cut:
    """A part of each vector, and as much scratch as there is for it."""
    values = values[part]
    return values, gradients[part], {name: slot[part] for name, slot in slots.items()}, scratch[: values.size]


def _limit_norm(vectors: Sequence[np.ndarray], limit: float) -> None:
    """Scale the vectors in place so that their common norm is at most `limit`."""
    norm = math.sqrt(sum(float(np.dot(vector, vector)) for vector in vectors))
    if not norm <= limit:
        # An overflown gradient has no direction: NaN shows the failure, a factor of zero would hide it.
        factor = limit / norm if math.isfinite(norm) else math.nan
        for vector in vectors:
            np.multiply(vector, factor, vector)
