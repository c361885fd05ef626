"""Variables and parameter loop of optimizer subclasses that write `update_step`, as in Keras."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, NotReadyError
from nnlite.optimizers.base.patterns import parameter_factors
from nnlite.parameters import Parameter, RowPack, assign_all
from nnlite.variables import Variable

__all__ = ["WrittenSteps"]

ADDED = "added_"  # begins the names under which the state has variables that a subclass added


class WrittenSteps:
    """Variables that a subclass added to its state, and the order of those that it updates.

    Args:
        owner: the optimizer's class, for errors.

    Attributes:
        added: the variables that were added.
        within_build: whether the subclass is being built for the parameters of a model.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.added: list[Variable] = []
        self.within_build = False
        self._waiting: list[np.ndarray] = []  # values of such variables, read before these were there
        self._indexed: dict[int, int] = {}  # id of a variable -> its index

    def index(self, variables: Sequence[Any]) -> None:
        """Register the variables that are updated."""
        if not all(isinstance(variable, Parameter) for variable in variables):
            raise ConfigError(f"{self.owner}.update_step takes variables: wrap arrays in Variable(array)")
        self._indexed = {id(variable): index for index, variable in enumerate(variables)}

    def index_of(self, variable: Parameter) -> int:
        """The index of a variable among those that are updated."""
        if id(variable) not in self._indexed:
            raise NotReadyError(f"{self.owner} was not built for {variable!r}")
        return self._indexed[id(variable)]

    def build(self, optimizer: Any, packs: Sequence[Any]) -> None:
        """Let the subclass build itself for the parameters of the packs, unless it has done so."""
        parameters = [parameter for pack in packs for parameter in pack.parameters]
        if all(id(parameter) in self._indexed for parameter in parameters):
            return
        if self._indexed:  # copied, or with a model whose parameters are others now
            self.index(optimizer._variables or parameters)
            return
        self.within_build = True
        try:
            optimizer.build(parameters)
        finally:
            self.within_build = False

    def take_waiting(self) -> None:
        """Restore added variables from the values that were read for them."""
        if self._waiting and (self.added or self._indexed):
            waiting, self._waiting = self._waiting, []
            assign_all(self.added, waiting, self.owner)

    def put_into(self, slots: list[dict[str, np.ndarray]]) -> None:
        """Add the values of the variables to a state, as slots of the first pack."""
        self.take_waiting()
        if slots:
            slots[0] |= {f"{ADDED}{number}": one.numpy() for number, one in enumerate(self.added)}

    def take_from(self, slots: list[dict[str, np.ndarray]]) -> None:
        """The inverse of `put_into`: the values are removed from the slots."""
        count = sum(name.startswith(ADDED) for name in slots[0]) if slots else 0
        self._waiting = [slots[0].pop(f"{ADDED}{number}") for number in range(count)]
        if self.added:
            self.take_waiting()

    def walk(self, optimizer: Any, packs: Iterable[Any], learning_rate: float, decay: float) -> None:
        """Apply `update_step` to each parameter of the packs, and write the new values back."""
        self.take_waiting()
        patterns = optimizer.exclude_from_weight_decay, optimizer.learning_rate_multipliers
        for pack in packs:
            dense = np.asarray(pack.parameters[0].gradient).reshape(-1) if isinstance(pack, RowPack) else pack.gradients
            factors = parameter_factors(pack.paths, *patterns)
            for variable, segment, factor in zip(pack.parameters, pack.segments, factors, strict=True):
                if decay:
                    variable.assign(variable.value * (1.0 - decay * factor.decay))
                gradient = dense[segment].reshape(variable.shape)
                optimizer.update_step(gradient, variable, learning_rate * factor.update)
                pack.values[segment] = variable.value.reshape(-1)
