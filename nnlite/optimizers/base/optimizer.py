"""The base of all optimizers: their common arguments, and one step over all parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any, ClassVar, cast

import numpy as np

from nnlite import kernels
from nnlite.errors import ConfigError
from nnlite.kernels.reference.forms import UpdateForm
from nnlite.optimizers.base import blocks
from nnlite.optimizers.base.blocks import Block, Described, blocks_of, clip_gradients, walk
from nnlite.optimizers.base.patterns import Exclusions, Factors, pack_factors
from nnlite.optimizers.base.rates import LearningRate, Rate, WeightDecay, current_rate
from nnlite.optimizers.base.slots import FLUSH_PERIOD
from nnlite.optimizers.base.variables import VariableDoors
from nnlite.parameters import Parameter, RowPack
from nnlite.registry import Configurable
from nnlite.registry.bounds import Count, Fraction, Index, NonNegative, Positive
from nnlite.registry.field_types import jsonable
from nnlite.registry.fields import Converted, option
from nnlite.registry.modules import keras_form, refuse_unknown
from nnlite.registry.names import default_name
from nnlite.schedules import LearningRateSchedule

__all__ = ["Optimizer"]

BEYOND_KERAS = ("exclude_from_weight_decay", "learning_rate_multipliers")


class Optimizer(VariableDoors, Configurable, family="optimizer"):
    """Updates parameters by their gradients; subclasses write `update` and `slot_names`, or `update_step` as in Keras.

    Each step clips the gradients, then decays the values, `values -= learning_rate * weight_decay * values`,
    then calls `update`. The memory of past gradients (momentum and the like) is kept in slots: vectors of the
    size and dtype of the values, zero at first, found under `slots[pack][name]`. Numbers in them that have faded to
    next to nothing, below 2**24 times the smallest normal number of their dtype, become 0 every 128 batches.

    Args:
        learning_rate: size of a step, >= 0, a schedule of the number of batches, or a function without arguments. It
            may be reassigned at any time, also by `optimizer.learning_rate.assign(0.01)` where it is a number.
        weight_decay: share of the values, >= 0, taken away per unit of learning rate, or a schedule. In PyTorch only
            AdamW's means this; its other optimizers add it to the gradient.
        clipnorm: the gradient of each parameter is scaled down to at most this norm.
        clipvalue: each element of a gradient is cut to [-clipvalue, clipvalue].
        global_clipnorm: all gradients together are scaled down to at most this norm.
        use_ema: keep an average of the values, `average = ema_momentum * average + (1 - ema_momentum) * values` after
            each batch, at first the values themselves. `fit` puts it in their place when it ends.
        ema_momentum: share of the average that is kept from batch to batch, in [0, 1].
        ema_overwrite_frequency: updates after which the average takes the place of the values, again and again;
            0 as None: never.
        loss_scale_factor: what `scale_loss` multiplies a loss by, and `apply` divides gradients by; `fit`, whose
            gradients are those of the loss itself, does neither.
        gradient_accumulation_steps: batches whose mean gradient makes one update, >= 2.
        name: by default the name of the class in snake case.
        exclude_from_weight_decay: patterns of the parameters without weight decay. Each is matched, as by `fnmatch`,
            with the whole path of a parameter, `"dense/bias"`, and with its last part, `"bias"`. Called as Keras's
            method, `optimizer.exclude_from_weight_decay(var_list=[layer.bias], var_names=["bias"])`, it adds
            some, which a further call replaces.
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
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {
        "by_kernel": ("update", "update_step"),
        "update_form": (
            *("update", "slot_names", "new_slots", "apply_packs", "_update_packs", "_update_block", "step_size"),
            "update_step",
            *("current_learning_rate", "current_weight_decay", "iterations"),
        ),
    }

    _rate: ClassVar[type[Rate]] = Rate

    learning_rate: LearningRate
    weight_decay: WeightDecay = option(default=None, kw_only=True)
    clipnorm: Positive | None = field(default=None, kw_only=True)
    clipvalue: Positive | None = field(default=None, kw_only=True)
    global_clipnorm: Positive | None = field(default=None, kw_only=True)
    use_ema: bool = field(default=False, kw_only=True)
    ema_momentum: Fraction = field(default=0.99, kw_only=True)
    ema_overwrite_frequency: Index | None = field(default=None, kw_only=True)
    loss_scale_factor: Positive | None = field(default=None, kw_only=True)
    gradient_accumulation_steps: Count | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)
    exclude_from_weight_decay: Converted[Sequence[str], Exclusions] = option(default=(), kw_only=True)
    learning_rate_multipliers: dict[str, NonNegative] = field(default_factory=dict, kw_only=True)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._writes_step = cls.update_step is not Optimizer.update_step
        setattr(cls, Rate.key, cls._rate())  # after the fields' defaults were taken from the class
        if "__init__" in vars(cls) and not cls._own_constructor:
            refuse_unknown(cls, {"decay": "is passed over, as in Keras: use a schedule from optimizers.schedules"})

    def __post_init__(self) -> None:
        super().__post_init__()
        VariableDoors.__init__(self)
        self.name = default_name(type(self)) if self.name is None else self.name
        self._scratch: list[np.ndarray] = []
        self._patterns: tuple[list[str], dict[str, float]] = [], {}
        self._paths: list[list[str]] = []  # that the factors belong to, where there are patterns
        self._factors: list[Factors] = []
        self._blocks: list[list[tuple[slice, Factors]]] = []  # of each pack, and their factors

    def validate(self) -> None:
        limits = {name: getattr(self, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
        settings = [f"{name}={limit}" for name, limit in limits.items() if limit is not None]
        if len(settings) > 1:
            message = f"only one of {', '.join(limits)} can be set, got {', '.join(settings)}"
            raise ConfigError(message, (type(self).__name__,))
        if self.gradient_accumulation_steps == 1:
            message = "must be an integer >= 2 or None, got 1"
            raise ConfigError(message, (type(self).__name__, "gradient_accumulation_steps"))

    @property
    def schedules(self) -> tuple[LearningRateSchedule, ...]:
        """The schedules among the arguments; `fit` tells them the length of the training."""
        return tuple(value for value in vars(self).values() if isinstance(value, LearningRateSchedule))

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next update."""
        return current_rate(self.__dict__["learning_rate"], self.batches)

    @property
    def current_weight_decay(self) -> float:
        """The weight decay of the next update, 0 for none."""
        return current_rate(self.weight_decay or 0.0, self.batches)

    def update(
        self,
        values: np.ndarray,
        gradients: np.ndarray,
        slots: dict[str, np.ndarray],
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        """Update `values` and `slots` in place, elementwise.

        Shape: all arrays (block,), where a block is any part of a pack.

        Args:
            gradients: may be read only.
            scratch: may be overwritten.
        """
        raise NotImplementedError

    def update_step(self, gradient: np.ndarray, variable: Parameter, learning_rate: float) -> None:
        """Update one variable by its gradient; a subclass may write this in place of `update`."""
        number, index = self._in_order()[self._get_variable_index(variable)]
        values = variable.value.reshape(-1).copy()
        self._update_one(number, index, values, gradient, learning_rate)
        variable.assign(values.reshape(variable.shape))

    def update_form(self) -> UpdateForm | None:
        """Code of `update` for compiled code that runs whole steps; None if there is none."""
        return None

    def step_size(self, learning_rate: Any, step: Any) -> Any:
        """Factor of the gradients, or of the direction derived from them, after this many updates.

        Both may be arrays: of several steps.
        """
        return learning_rate

    def build_packs(self, packs: Sequence) -> None:
        """Create the slots for `packs`, or check that the existing ones fit; called by `apply_packs`.

        Raises:
            ShapeError: the optimizer has slots of other parameters.
            ConfigError: a pattern matches no parameter.
        """
        excluded, multipliers = self.exclude_from_weight_decay, self.learning_rate_multipliers
        if isinstance(excluded, Exclusions) and excluded.variables:
            excluded.resolve(type(self).__name__, packs)
        layout, patterns = self._layout_of(packs), (excluded, multipliers)
        if self._writes_step:
            self._written.build(self, packs)
        paths = [pack.paths for pack in packs] if any(patterns) else []
        if layout == self._layout and patterns == self._patterns and paths == self._paths:
            return
        self._factors = pack_factors(type(self).__name__, packs, *patterns)
        sizes = [pack.values.size for pack in packs]
        pairs = zip(self._factors, sizes, strict=True)
        self._blocks = [factors.by_block(size, blocks.BLOCK_SIZE) for factors, size in pairs]
        self._fill_slots(packs)
        self._scratch = [
            kernels.aligned_zeros(min(size, blocks.BLOCK_SIZE), pack.values.dtype)
            for size, pack in zip(sizes, packs, strict=True)
        ]
        self._layout, self._patterns, self._paths = layout, (list(patterns[0]), dict(patterns[1])), paths

    def _layout_of(self, packs: Sequence) -> list[tuple]:
        """By what it is known whether slots and factors still fit."""
        return [(pack.values.shape, pack.values.dtype) for pack in packs]

    def apply_packs(self, packs: Sequence) -> None:
        """Do one training step: clip, decay, update, count.

        Args:
            packs: objects with `values` and `gradients`, two vectors of one size and dtype, which are changed
                in place, and `segments`, the slice of each parameter in them. The same packs in every call. A
                `RowPack` has the gradients of some rows, and only these rows are updated. `paths` and `shapes`
                are those of the `parameters`.
        """
        self.build_packs(packs)
        ready = self._sum_gradients(packs) if self.gradient_accumulation_steps else packs
        if ready:
            clip_gradients(ready, self.clipvalue, self.clipnorm, self.global_clipnorm)
            self._update_packs(ready)
        if self.gradient_accumulation_steps and ready:
            for pack in ready:
                pack.gradients.fill(0.0)
        if self.use_ema:
            self._average_values(packs, self.ema_momentum)
            if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
                self.put_averages(packs)
        self.count_batches(packs, 1)

    def count_batches(self, packs: Sequence, count: int) -> None:
        """Count this many more batches; from time to time, flush tiny slot values to 0."""
        self.batches += count
        if not self.batches % FLUSH_PERIOD:
            self._flush(packs)

    def _update_packs(self, packs: Sequence) -> None:
        learning_rate = self.current_learning_rate
        decay = learning_rate * self.current_weight_decay if self.weight_decay else 0.0
        if self._writes_step:
            self._written.walk(self, packs, learning_rate, decay)
            return
        for described in self._described_packs(packs):
            if isinstance(described[0], RowPack):
                self._update_rows(*described[:-1], learning_rate, decay)
                continue
            for block in walk(described, self.by_kernel):
                self._update_block(block, learning_rate, decay)

    def _described_packs(self, packs: Sequence) -> Iterable[Described]:
        """Each pack with its slots, scratch memory, factors and blocks."""
        return zip(packs, self.slots, self._scratch, self._factors, self._blocks, strict=True)

    def _update_rows(self, pack, slots, scratch, factors, learning_rate, decay) -> None:
        """Update some rows of a parameter: they are gathered, changed as a vector of their own, and put back."""
        rows, whole = pack.rows, {"": pack.values, **slots}
        tables = {name: vector.reshape(-1, pack.width) for name, vector in whole.items()}
        taken = {name: table[rows].reshape(-1) for name, table in tables.items()}
        values = taken.pop("")
        for block in blocks_of(values, pack.gradients, taken, scratch[: values.size], factors):
            self._update_block(block, learning_rate, decay)
        if not (self.batches + 1) % FLUSH_PERIOD:
            for name in self.fading_slots():
                kernels.flush(taken[name])
        for name, changed in {"": values, **taken}.items():
            tables[name][rows] = changed.reshape(-1, pack.width)

    def _update_one(self, number, index, values, gradient, learning_rate) -> None:
        slots = {name: slot[self._described[number][1][index]] for name, slot in self.slots[number].items()}
        self.update(values, gradient.reshape(-1), slots, learning_rate, np.empty_like(values))

    def _update_block(self, block: Block, learning_rate: float, decay: float) -> None:
        values, gradients, slots, scratch, factors = block
        if decay:
            kernels.decay(values, decay * factors.decay, factors.decays, scratch)
        update, _, updates, _, _ = factors
        if updates is None:
            self.update(values, gradients, slots, learning_rate * update, scratch)
        else:
            cast(Any, self).update(values, gradients, slots, learning_rate, scratch, updates)

    def get_config(self) -> dict[str, Any]:
        """All arguments as plain values in Keras's form; those that Keras lacks only if they are not the defaults."""
        config = {name: keras_form(value) for name, value in self._arguments().items()}
        return {name: value for name, value in config.items() if value or name not in BEYOND_KERAS}

    def to_spec(self) -> dict[str, Any]:
        """`{ClassName: {argument: value}}`: what `get` reads and files store."""
        return {type(self).__name__: {name: jsonable(value) for name, value in self._arguments().items()}}

    def _arguments(self) -> dict[str, Any]:
        stored = {key: value for key, value in vars(self).items() if key == Rate.key}  # a plain number
        arguments = super()._arguments()
        return {name: stored.get(name, value) for name, value in arguments.items()}

    def _repr_arguments(self) -> dict[str, Any]:
        """A name that is the default one is not shown."""
        named = self.name != default_name(type(self))
        return {name: value for name, value in super()._repr_arguments().items() if named or name != "name"}
