"""An optimizer used on its own, on a list of arrays or parameters, as in Keras's custom training loops."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, cast

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.errors import ConfigError, NotReadyError, ShapeError
from nnlite.optimizers.base.blocks import clipped
from nnlite.optimizers.base.packs import Variable, VariablePack, array_of, packed, without_overwritten
from nnlite.optimizers.base.rates import UpdateCount
from nnlite.optimizers.base.slots import Slots
from nnlite.parameters import Parameter, assign_all
from nnlite.variables import ScopePlace, Variable as Added

__all__ = ["VariableDoors"]


class VariableDoors(Slots):
    """Methods by which an optimizer updates a list of variables: NumPy arrays, in place, or `Parameter`s."""

    loss_scale_factor: float | None
    clipvalue: Any
    clipnorm: Any
    global_clipnorm: Any
    _writes_step: ClassVar[bool] = False  # whether a subclass has an `update_step` of its own

    def __init__(self) -> None:
        super().__init__()
        self._packs: list[VariablePack] = []  # of `_variables`
        self._variables: list[Variable] = []

    def build_packs(self, packs: Sequence) -> None:
        """Create the slots for `packs`; see `Optimizer`."""
        raise NotImplementedError

    def apply_packs(self, packs: Sequence) -> None:
        """Do one step; see `Optimizer`."""
        raise NotImplementedError

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the slots for these variables, or check that the existing ones fit.

        A subclass that keeps variables of its own calls `super().build(variables)`, then adds them.

        Args:
            variables: arrays of floating-point numbers, which `apply` changes in place, or parameters of layers; for
                an `update_step` of a subclass such parameters alone.

        Raises:
            ConfigError: one is no such array.
            ShapeError: the optimizer has slots of other variables.
        """
        variables = list(variables)
        if self._writes_step:
            self._written.index(variables)
        if self._written.within_build:
            return
        for variable in variables:
            writable = isinstance(variable, Parameter) or (
                isinstance(variable, np.ndarray) and variable.flags.writeable
            )
            if not writable or array_of(variable).dtype.kind != "f":
                kind = f" of {variable.dtype}" if isinstance(variable, (Parameter, np.ndarray)) else ""
                raise ConfigError(
                    f"{type(self).__name__} updates writable NumPy arrays of floating-point numbers and parameters of "
                    f"layers, got {type(variable).__name__}{kind}"
                )
        packs = packed(variables)
        self.build_packs(packs)
        self._packs, self._variables = packs, variables

    def apply(self, gradients: Iterable[Any], variables: Iterable[Variable] | None = None) -> None:
        """Update variables by their gradients.

        Args:
            gradients: one for each variable, of its shape; None leaves the variable and its slots unchanged.
            variables: some or all of those that the optimizer was built for; the first call builds it for them. All,
                when None.

        Raises:
            NotReadyError: no variables, and the optimizer was not built.
            ConfigError: a variable that the optimizer was not built for, or no gradient at all.
            ShapeError: gradients that do not fit.
        """
        gradients, variables = list(gradients), None if variables is None else list(variables)
        if not gradients and not variables:  # of a model that has nothing to train
            return
        if variables is not None and not self._variables:
            self.build(variables)
        if not self._variables:
            name = type(self).__name__
            raise NotReadyError(f"{name} does not know the variables: pass them, or call build(variables) first")
        variables = self._variables if variables is None else variables
        gradients, taking = without_overwritten(gradients, variables)
        for variable, value in taking:
            variable.assign(array_of(value))
        if taking and all(gradient is None for gradient in gradients):
            self.batches += 1
            return
        by_place = self._by_place(gradients, variables)
        for pack in self._packs:
            pack.take([by_place[index] for index in pack.places], self.loss_scale_factor)
        kept = [pair for number in range(len(self._packs)) for pair in self._without_gradient(number, by_place)]
        self.apply_packs(self._packs)
        for array, before in kept:
            array[...] = before
        for pack in self._packs:
            pack.write_values()

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> int:
        """`apply` for pairs of a gradient and its variable; returns the number of calls so far."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return UpdateCount.of(self, self.batches)

    def stateless_apply(
        self, optimizer_variables: Sequence[ArrayLike], grads: Iterable[Any], trainable_variables: Sequence[ArrayLike]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The variables and the state that `apply` would produce from these; nothing is modified.

        Args:
            optimizer_variables: values of `variables`.
            grads: one for each variable.
            trainable_variables: their values.

        Returns:
            The values of the variables, and those of the optimizer.

        Raises:
            NotReadyError: before `build`.
        """
        twin, values = copy.deepcopy(self), [np.array(value) for value in trainable_variables]
        twin.set_weights(optimizer_variables)
        if self._writes_step:
            assign_all(cast(Any, twin._variables), values, type(self).__name__)
            twin.apply(grads)
            return [np.array(variable) for variable in twin._variables], twin.get_weights()
        twin.build(values)
        twin.apply(grads, values)
        return values, twin.get_weights()

    def assign(self, variable: Parameter, value: ArrayLike) -> None:
        """Assign a value to a variable."""
        variable.assign(value)

    def assign_add(self, variable: Parameter, value: ArrayLike) -> None:
        """Add to the value of a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Parameter, value: ArrayLike) -> None:
        """Subtract from the value of a variable."""
        variable.assign_sub(value)

    def add_variable(
        self,
        shape: Shape,
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Added:
        """A variable of a subclass that belongs to the state: it is listed, saved and restored.

        `aggregation` and `layout` are accepted for Keras's sake; the others are those of `nnlite.Variable`.
        """
        kept = self._written.added
        kept.append(Added(initializer, tuple(shape), dtype, trainable=False, name=name or f"variable_{len(kept)}"))
        kept[-1].place = ScopePlace(str(self.name))
        return kept[-1]

    def add_variable_from_reference(
        self, reference_variable: Parameter, name: str | None = None, initializer: Any = "zeros"
    ) -> Added:
        """A variable with the shape and dtype of another one, whose name is its prefix; see `add_variable`."""
        name = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype.name, name=name)

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Parameter], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """`add_variable_from_reference` for each: a list, or a tuple of lists for several names and initializers."""
        variables, names = list(trainable_variables), [name] if isinstance(name, str) else list(name)
        first = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(first) != len(names):
            raise ConfigError(f"add_optimizer_variables got {len(names)} names and {len(first)} initializers")
        lists = tuple(
            [self.add_variable_from_reference(variable, one, start) for variable in variables]
            for one, start in zip(names, first, strict=True)
        )
        return lists[0] if isinstance(name, str) else lists

    def _get_variable_index(self, variable: Parameter) -> int:
        """The index of a variable among those that the optimizer was built for, as Keras calls it."""
        if self._writes_step:
            return self._written.index_of(variable)
        indices = [index for index, one in enumerate(self._variables) if one is variable]
        if not indices:
            raise NotReadyError(f"{type(self).__name__} was not built for {variable!r}")
        return indices[0]

    def _clip_gradients(self, gradients: Sequence[Any]) -> list[Any]:
        """Copies of gradients as they go into an update, as Keras calls it."""
        return clipped(gradients, self.clipvalue, self.clipnorm, self.global_clipnorm)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`; `apply` divides the gradients by it."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, variables: Iterable[Variable] | None = None) -> None:
        """With `use_ema`, replace the values by their average, as `fit` does when it ends.

        Args:
            variables: those that the optimizer is used for; needed where `fit`, not `build`, named them.
        """
        if not self.use_ema:
            return
        packs = self._packs or packed(list(variables or ()))
        self.put_averages(packs)
        for pack in packs:
            pack.write_values()

    def _in_order(self) -> list[tuple[int, int]]:
        """The order in which the variables were passed to `build`, regardless of dtype."""
        places = [list(pack.places) for pack in self._packs]
        return sorted(super()._in_order(), key=lambda pair: places[pair[0]][pair[1]] if places else 0)

    def _without_gradient(self, number: int, by_place: list[Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Values and slots of the parameters of a pack that have no gradient, views, each with a copy."""
        pack = self._packs[number]
        for index, segment in enumerate(pack.segments):
            if by_place[pack.places[index]] is None:
                for view in (pack.values[segment], *self.slot_views(number, index).values()):
                    yield view, view.copy()

    def _by_place(self, gradients: list[Any], chosen: Sequence[Variable]) -> list[Any]:
        """The gradient of each variable, None if there is none."""
        if len(gradients) != len(chosen):
            raise ShapeError(f"{type(self).__name__} got {len(gradients)} gradients for {len(chosen)} variables")
        places = {id(variable): index for index, variable in enumerate(self._variables)}
        by_place: list[Any] = [None] * len(self._variables)
        for gradient, variable in zip(gradients, chosen, strict=True):
            if id(variable) not in places:
                raise ConfigError(
                    f"Unknown variable of shape {variable.shape}: {type(self).__name__} is built for "
                    f"{len(self._variables)} others; other variables need a new optimizer"
                )
            shape = variable.shape if gradient is None else array_of(gradient).shape
            if shape != variable.shape:
                raise ShapeError(f"a gradient has the shape {shape}, its variable {variable.shape}")
            by_place[places[id(variable)]] = gradient
        if all(gradient is None for gradient in by_place):
            raise ConfigError("No gradients provided for any variable.")
        return by_place
