"""Optimizers that users write as Keras's are: `update_step` changes one variable, beside variables of their own."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.errors import ConfigError, NotReadyError
from nnlite.optimizers.base.patterns import parameter_factors
from nnlite.optimizers.base.slots import SummedPack
from nnlite.optimizers.base.variables import VariableDoors
from nnlite.parameters import Parameter, RowPack, assign_all
from nnlite.variables import Variable

__all__ = ["VariableSteps"]

ADDED = "added_"  # begins the names under which the state has variables that a subclass added


class VariableSteps(VariableDoors):
    """What a subclass with an `update_step` of its own is made of; all others work on whole vectors."""

    _writes_step: ClassVar[bool] = False
    exclude_from_weight_decay: Any
    learning_rate_multipliers: Any

    def __init__(self) -> None:
        super().__init__()
        self._added: list[Variable] = []
        self._waiting: list[np.ndarray] = []  # values of such variables, read before these were there
        self._indexed: dict[int, int] = {}  # id of a variable -> its index
        self._within_build = False

    def update_step(self, gradient: np.ndarray, variable: Parameter, learning_rate: float) -> None:
        """Change one variable by its gradient, in place, with `variable.assign` or `assign_sub`.

        A subclass may write this instead of `update`. Called as `super().update_step(...)`, it is what the optimizer
        does otherwise. The gradient is clipped, and the weights are decayed, before.

        Shape: `gradient` as `variable`.

        Args:
            learning_rate: that of this update and of this variable.
        """
        number, place = self._where(variable)
        values = variable.value.reshape(-1).copy()
        self._update_one(number, place, values, gradient, learning_rate)
        variable.assign(values.reshape(variable.shape))

    def build(self, variables: Iterable[Parameter | np.ndarray]) -> None:
        """Create the slots for these variables, or check that the present ones fit; see `Optimizer.apply`.

        A subclass that keeps variables of its own calls `super().build(variables)`, then adds them.

        Args:
            variables: arrays of floating-point numbers, which `apply` changes in place, or parameters of layers; for
                an `update_step` of one's own, such parameters alone.

        Raises:
            ConfigError: one is no such array.
            ShapeError: the optimizer has slots of other variables.
        """
        variables = list(variables)
        if self._writes_step:
            if not all(isinstance(variable, Parameter) for variable in variables):
                raise ConfigError(
                    f"{type(self).__name__}.update_step changes variables: wrap arrays in Variable(array)"
                )
            self._indexed = {id(variable): index for index, variable in enumerate(variables)}
        if not self._within_build:
            super().build(variables)

    def add_variable(
        self,
        shape: Shape,
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A variable that belongs to the state: it is listed, saved and resumed.

        Args:
            shape: its shape.
            initializer: an `Initializer`, or its name.
            dtype: `nnlite.config.floatx()` when None.
            aggregation, layout: accepted for Keras's sake.
            name: shown in `variables`.
        """
        added = Variable(initializer, tuple(shape), dtype, trainable=False, name=name or f"variable_{len(self._added)}")
        self._added.append(added)
        return added

    def add_variable_from_reference(
        self, reference_variable: Parameter, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A variable of the shape and type of another one, whose name it begins with; see `add_variable`."""
        path = reference_variable.path.replace("/", "_")
        shape, dtype = reference_variable.shape, reference_variable.dtype.name
        return self.add_variable(shape, initializer, dtype, name=f"{path}_{name or 'var'}")

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Parameter], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """`add_variable_from_reference` for each: a list, or for several names a tuple of such lists.

        Args:
            trainable_variables: those that are referred to.
            name: one name, or several.
            initializer: one for all, or one for each name.
        """
        variables = list(trainable_variables)
        names = [name] if isinstance(name, str) else list(name)
        first = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(first) != len(names):
            raise ConfigError(f"add_optimizer_variables got {len(names)} names and {len(first)} initializers")
        lists = tuple(
            [self.add_variable_from_reference(variable, one, start) for variable in variables]
            for one, start in zip(names, first, strict=True)
        )
        return lists[0] if isinstance(name, str) else lists

    def stateless_apply(
        self, optimizer_variables: Sequence[ArrayLike], grads: Iterable[Any], trainable_variables: Sequence[ArrayLike]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What `apply` makes of these variables and of this state; neither they nor the optimizer change.

        Args:
            optimizer_variables: values of `variables`.
            grads: one for each variable.
            trainable_variables: their values.

        Returns:
            The values of the variables, and those of the optimizer.

        Raises:
            NotReadyError: before `build`.
        """
        if not self._writes_step:
            return super().stateless_apply(optimizer_variables, grads, trainable_variables)
        twin = copy.deepcopy(self)
        twin.set_weights(optimizer_variables)
        known: Any = twin._variables
        assign_all(known, list(trainable_variables), type(self).__name__)
        twin.apply(grads)
        return [variable.value for variable in known], twin.get_weights()

    def slot_names(self) -> tuple[str, ...]:
        """Names of the vectors that `update` keeps from step to step; none unless a subclass says so."""
        return ()

    def further_variables(self) -> list[Any]:
        """The variables that a subclass added."""
        self._take_waiting()
        return [*super().further_variables(), *self._added]

    def get_state(self) -> dict[str, Any]:
        """A copy of what changes during training: `{"iterations": int, "slots": [{name: vector}]}`.

        The number is that of batches, which with `gradient_accumulation_steps` are more than the updates. Variables
        that a subclass added are among the slots of the first pack.
        """
        self._take_waiting()
        state = super().get_state()
        if state["slots"]:
            state["slots"][0] |= {f"{ADDED}{number}": one.numpy() for number, one in enumerate(self._added)}
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` returned, here or in another optimizer of the same configuration.

        Raises:
            ModelFileError: the slots have other names than this optimizer's.
            ShapeError: the slots belong to other parameters than this optimizer's.
        """
        first = dict(state["slots"][0]) if state["slots"] else {}
        count = sum(name.startswith(ADDED) for name in first)
        waiting = [np.array(first.pop(f"{ADDED}{number}")) for number in range(count)]
        super().set_state(state | {"slots": [first, *state["slots"][1:]]} if waiting else state)
        self._waiting = waiting
        if self._added:
            self._take_waiting()

    def _take_waiting(self) -> None:
        """Give the variables that a subclass added the values that were read for them."""
        if self._waiting and (self._added or self._indexed):
            waiting, self._waiting = self._waiting, []
            assign_all(self._added, waiting, type(self).__name__)

    def _build_by_hand(self, packs: Sequence[Any]) -> None:
        """Let a subclass with an `update_step` build itself for the parameters of the packs."""
        if not self._writes_step:
            return
        parameters = [parameter for pack in packs for parameter in pack.parameters]
        if all(id(parameter) in self._indexed for parameter in parameters):
            return
        if self._indexed:  # copied, or with a model whose parameters are others now
            known = self._variables or parameters
            self._indexed = {id(variable): index for index, variable in enumerate(known)}
            return
        self._within_build = True
        try:
            self.build(parameters)
        finally:
            self._within_build = False

    def _step_by_step(self, packs: Sequence[Any], learning_rate: float, decay: float) -> None:
        """`update_step` for each parameter of the packs, whose vectors then have the new values."""
        self._take_waiting()
        for pack in packs:
            whole = pack.pack if isinstance(pack, SummedPack) else pack
            factors = parameter_factors(whole.paths, self.exclude_from_weight_decay, self.learning_rate_multipliers)
            dense = pack.gradients
            if isinstance(pack, RowPack):
                dense = np.asarray(pack.parameters[0].gradient).reshape(-1)
            for variable, segment, own in zip(whole.parameters, whole.segments, factors, strict=True):
                if decay:
                    variable.assign(variable.value * (1.0 - decay * own.decay))
                self.update_step(dense[segment].reshape(variable.shape), variable, learning_rate * own.update)
                pack.values[segment] = variable.value.reshape(-1)

    def _update_one(
        self, number: int, place: int, values: np.ndarray, gradient: np.ndarray, learning_rate: float
    ) -> None:
        """Change `values`, those of one parameter in a row, and its slots as the optimizer does by itself."""
        raise NotImplementedError

    def _where(self, variable: Parameter) -> tuple[int, int]:
        """The number of the pack, and the place in it, of a variable."""
        return self._in_order()[self._get_variable_index(variable)]

    def _get_variable_index(self, variable: Parameter) -> int:
        """The index of a variable among those that the optimizer was built for, as Keras calls it."""
        if id(variable) not in self._indexed:
            raise NotReadyError(f"{type(self).__name__} was not built for {variable!r}")
        return self._indexed[id(variable)]
