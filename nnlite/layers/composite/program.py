"""The contract of a program: layers run together, in the form that a training step needs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from nnlite.jacobians import Bundle
from nnlite.parameters import Parameter
from nnlite.random import RandomSource

__all__ = ["Program"]

Data: TypeAlias = "np.ndarray | tuple[np.ndarray, ...]"  # a tuple where a program takes, or returns, several
Mask: TypeAlias = "np.ndarray | tuple[np.ndarray | None, ...] | None"


class Runnable(Protocol):
    """Interface of a program's steps: a `Layer`, or several that were joined into one.

    Attributes:
        name: for display.
        parameters: what `linearize` takes after the data, in order.
        _context: which of `training`, `random` and `mask` `linearize` takes by keyword. In a chain there is `source`
            as well: the random source of the whole chain; that of layer i is `source.child(i)`.
        _keeps_mask: whether the mask of the data is that of the output; where not, the bundle has it.
    """

    name: Any
    parameters: list[Parameter]
    _context: tuple[str, ...]

    @property
    def _keeps_mask(self) -> bool:
        """See there."""
        raise NotImplementedError

    @property
    def linearize(self) -> Callable[..., tuple[Any, Any]]:
        """The output and the Jacobians; pure."""
        ...

    def update_state(self, state: tuple) -> None:
        """Store the contents of `Bundle.state`."""


class ProgramStage(NamedTuple):
    """One of several consecutive layers.

    Attributes:
        index: the number of the layer in the chain, which keys its random numbers; a `Cast` has that of the next one.
        layer: what is run.
        start, stop: where its parameters stand among those of the program.
    """

    index: int
    layer: Runnable
    start: int
    stop: int


class Program(ABC):
    """Built layers as one differentiable function of the data and of all their parameters.

    A step of training calls, once and for all, `group` with the parameters' arrays and `plan` with their gradients;
    then, for each batch, `run`, `backward` with what the plan is, and `update_state`. Other callers use `linearize`.

    A subclass writes all but `linearize`. What `group` and `labels` return has one entry per use of a layer,
    in the order in which they run.
    """

    @abstractmethod
    def run(
        self,
        inputs: Data,
        grouped: Sequence[tuple[np.ndarray, ...]],
        training: bool = False,
        random: RandomSource | None = None,
        mask: Mask = None,
    ) -> tuple[Data, Bundle]:
        """The output and its Jacobians: with respect to the data first, then to all parameters.

        Args:
            inputs: the data; a tuple where there are several.
            grouped: the parameters' arrays, as `group` cuts them.
            training: whether dropout drops, and normalization uses the moments of the batch.
            random: where each layer gets a source of its own from; None draws nothing.
            mask: which steps of the data count; a tuple where there are several data.
        """

    def linearize(
        self,
        inputs: Data,
        *values: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Mask = None,
    ) -> tuple[Data, Bundle]:
        """As `run`, with the parameters' arrays in one sequence."""
        return self.run(inputs, self.group(values), training, random, mask)

    @abstractmethod
    def group(self, items: Sequence) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per use."""

    @abstractmethod
    def plan(self, wanted: Sequence[bool], into: Sequence) -> Any:
        """The plan of `backward`, computed before the first step.

        Args:
            wanted: for each parameter whether its gradient is.
            into: where that is written, None if it is not wanted.
        """

    @abstractmethod
    def backward(self, jacobians: Bundle, cotangent: Data, plan: Any) -> None:
        """Write the gradients that the plan requires.

        Args:
            jacobians: what `run` returned.
            cotangent: the derivative of the loss with respect to the output; a tuple where there are several.
            plan: what `plan` returned.
        """

    @abstractmethod
    def update_state(self, state: Iterable) -> None:
        """Store the new values of non-trainable parameters in the `state` of the Jacobians."""

    @property
    @abstractmethod
    def line(self) -> list[ProgramStage] | None:
        """The layers, if each takes only the output of the one before; else None."""

    @property
    @abstractmethod
    def last_layers(self) -> list[Any]:
        """For each output, the last layer that computes its values rather than rearranging them.

        None for an output that is an input.
        """

    @property
    @abstractmethod
    def labels(self) -> list[tuple[str, list[str]]]:
        """Labels of each use and of its inputs, for display."""

    @abstractmethod
    def with_layers(self, replace: Callable[[int, Runnable], Runnable]) -> "Program":
        """This program with `replace(number of the use, layer)` in place of each layer."""


def label_of(layer: Runnable, data: int = 1) -> tuple[str, list[str]]:
    """Labels of a layer with this many inputs, of the inputs, and of its parameters."""
    return layer.name or type(layer).__name__, [*["inputs"] * data, *(parameter.name for parameter in layer.parameters)]
