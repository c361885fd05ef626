"""A wrapper around an optimizer that keeps half-precision gradients from vanishing."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from nnlite.errors import ConfigError
from nnlite.optimizers.base import Optimizer, StateVariable
from nnlite.optimizers.base.packs import overwritten_among
from nnlite.optimizers.base.rates import InnerRate, LossScale, Rate, StepCount
from nnlite.parameters import Parameter
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.field_types import read
from nnlite.registry.fields import Spec
from nnlite.registry.modules import keras_form, refuse_unknown
from nnlite.variables import ScopePlace

__all__ = ["LossScaleOptimizer"]


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale and divides the gradients by it, adjusting the scale to be as large as is safe.

    An update whose gradients are not all finite is left out, and halves the scale; after `dynamic_growth_steps` others
    in a row it is doubled. In a custom loop `scale_loss` comes before the derivatives, `apply` after them; `fit`,
    whose gradients are those of the loss itself, leaves out the updates that are not finite.

    Args:
        inner_optimizer: what makes the updates; its learning rate is that of this one.
        initial_scale: first scale, > 0.
        dynamic_growth_steps: updates after which the scale is doubled, >= 1.
        name: by default the name of the class in snake case.

    The further arguments of optimizers are those of the inner one.

    >>> import numpy as np
    >>> from nnlite.optimizers import SGD
    >>> optimizer, weights = LossScaleOptimizer(SGD(0.5), initial_scale=4.0), np.array([1.0, 2.0])
    >>> optimizer.apply([optimizer.scale_loss(1.0) * np.array([1.0, -1.0])], [weights])
    >>> weights.tolist()
    [0.5, 2.5]
    """

    _rate: ClassVar[type[Rate]] = InnerRate

    def __init__(
        self,
        inner_optimizer: Spec[Optimizer],
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        self.inner_optimizer: Optimizer = Optimizer.get(inner_optimizer)
        if isinstance(self.inner_optimizer, LossScaleOptimizer):
            raise ConfigError("it scales the loss already; give it alone", ("LossScaleOptimizer", "inner_optimizer"))
        self.initial_scale = self._number(initial_scale, Positive, "initial_scale")
        self.dynamic_growth_steps = int(self._number(dynamic_growth_steps, Count, "dynamic_growth_steps"))
        self.inner_optimizer.loss_scale_factor = None
        batches = self.inner_optimizer.batches  # the constructor starts the count, which is the inner one's, at 0
        super().__init__(learning_rate=self.inner_optimizer.__dict__[Rate.key], name=name)
        self.batches = batches
        self.use_ema = self.inner_optimizer.use_ema
        self.gradient_accumulation_steps = self.inner_optimizer.gradient_accumulation_steps
        self.step_counter, self.dynamic_scale = 0, self.initial_scale

    @property
    def batches(self) -> int:
        """The number of batches so far, that of the inner optimizer."""
        return self.inner_optimizer.batches

    @batches.setter
    def batches(self, value: int) -> None:
        self.inner_optimizer.batches = value

    @property
    def step_counter(self) -> int:
        """The number of finite steps since the scale changed."""
        return StepCount.of(self, self._finite_steps)

    @step_counter.setter
    def step_counter(self, value: int) -> None:
        self._finite_steps = int(value)

    @property
    def dynamic_scale(self) -> float:
        """The current scale."""
        return LossScale.of(self, self._scale)

    @dynamic_scale.setter
    def dynamic_scale(self, value: float) -> None:
        self._scale = float(value)

    @staticmethod
    def _number(value: Any, hint: Any, name: str) -> float:
        try:
            return float(read(value, hint))
        except ConfigError as error:
            raise error.within("LossScaleOptimizer", name) from None

    @property
    def schedules(self) -> tuple[Any, ...]:
        """The schedules among the arguments of the inner optimizer."""
        return self.inner_optimizer.schedules

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next update."""
        return self.inner_optimizer.current_learning_rate

    def slot_names(self) -> tuple[str, ...]:
        return self.inner_optimizer.slot_names()

    def build(self, variables: Iterable[Parameter | np.ndarray]) -> None:
        """Create the slots for these variables; see `Optimizer.build`."""
        self.inner_optimizer.build(variables)
        self._follow()

    def build_packs(self, packs: Sequence[Any]) -> None:
        """Create the slots for `packs`; see `Optimizer.build_packs`."""
        self.inner_optimizer.build_packs(packs)
        self._follow()

    def apply_packs(self, packs: Sequence[Any]) -> None:
        """Do one training step, unless a gradient is not finite; see `Optimizer.apply_packs`."""
        if self._goes_on(bool(np.isfinite(pack.gradients).all()) for pack in packs):
            self.inner_optimizer.apply_packs(packs)
        self._follow()

    def apply(self, gradients: Iterable[Any], variables: Iterable[Parameter | np.ndarray] | None = None) -> None:
        """Undo the scale of gradients and update variables with them; see `Optimizer.apply`.

        With a gradient that is not finite the variables stay, and the scale is halved. Variables that take their
        gradients as values take them as they are.
        """
        gradients, scale = list(gradients), self.dynamic_scale
        variables = None if variables is None else list(variables)
        arrays = [None if gradient is None else np.asarray(gradient) for gradient in gradients]
        if self._goes_on(bool(np.isfinite(array).all()) for array in arrays if array is not None):
            overwritten = dict(overwritten_among(self.inner_optimizer._variables if variables is None else variables))
            unscaled = [
                array if array is None or number in overwritten else array / array.dtype.type(scale)
                for number, array in enumerate(arrays)
            ]
            self.inner_optimizer.apply(unscaled, variables)
        elif variables is not None and not self.built:
            self.build(variables)
        self._follow()

    def _goes_on(self, finite: Iterable[bool]) -> bool:
        """Count a step, change the scale if it is time, and say whether all was finite."""
        if not all(finite):
            self.step_counter, self.dynamic_scale = 0, self.dynamic_scale / 2
            return False
        self.step_counter += 1
        if self.step_counter == self.dynamic_growth_steps:
            self.step_counter, self.dynamic_scale = 0, self.dynamic_scale * 2
        return True

    def _follow(self) -> None:
        """Have the slots of the inner optimizer."""
        self.slots, self._layout = self.inner_optimizer.slots, self.inner_optimizer._layout

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale."""
        return loss * self.dynamic_scale

    def put_averages(self, packs: Sequence[Any]) -> None:
        """Swap in the averages that the inner optimizer's `use_ema` keeps."""
        self.inner_optimizer.put_averages(packs)

    def finalize_variable_values(self, variables: Iterable[Parameter | np.ndarray] | None = None) -> None:
        """With `use_ema` of the inner optimizer, replace the values by their average."""
        self.inner_optimizer.finalize_variable_values(variables)

    @property
    def variables(self) -> list[Parameter]:
        """As Keras lists them: two unused ones, the steps since the scale changed, the scale, the inner ones."""
        unused = [
            StateVariable(name, 0, kind, _nothing) for name, kind in (("iteration", "i4"), ("learning_rate", "f4"))
        ]
        counted = StateVariable("step_counter", self.step_counter, np.int32, self._set_counter)
        scale = StateVariable("dynamic_scale", self.dynamic_scale, np.float32, self._set_scale)
        listed = [*unused, counted, scale]
        for variable in listed:
            variable.place = ScopePlace(str(self.name))
        return [*listed, *self.inner_optimizer.variables]

    def get_state(self) -> dict[str, Any]:
        """A copy of the mutable state; see `Optimizer.get_state`."""
        state = self.inner_optimizer.get_state()
        if state["slots"]:
            counters = {"step_counter": np.array(self.step_counter), "dynamic_scale": np.array(self.dynamic_scale)}
            state["slots"][0] |= counters
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the result of `get_state`; see `Optimizer.set_state`."""
        first = dict(state["slots"][0]) if state["slots"] else {}
        self.step_counter = int(first.pop("step_counter", 0))
        self.dynamic_scale = float(first.pop("dynamic_scale", self.initial_scale))
        slots = [first, *state["slots"][1:]] if state["slots"] else []
        self.inner_optimizer.set_state(state | {"slots": slots})
        self._follow()

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values in Keras's form."""
        return {name: keras_form(value) for name, value in self._arguments().items()}

    def _set_counter(self, value: np.ndarray) -> None:
        self.step_counter = int(value)

    def _set_scale(self, value: np.ndarray) -> None:
        self.dynamic_scale = float(value)


def _nothing(value: np.ndarray) -> None:
    pass


refuse_unknown(LossScaleOptimizer, {"dynamic": "is passed over: a fixed scale is loss_scale_factor of the optimizer"})
