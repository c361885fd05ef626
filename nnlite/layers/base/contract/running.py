"""The method `call` of layers that write `linearize`."""

import copy
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError
from nnlite.layers.base.contract.arguments import CONTEXT, context_of

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


class RunsLinearize:
    """The method `call` of a class that writes `linearize`; a subclass may use it in a `call` of its own."""

    def __init__(self, linearize: Callable) -> None:
        self.linearize = linearize

    def __get__(self, layer: "Layer | None", owner: type) -> Any:
        return self if layer is None else functools.partial(self.run, layer)

    def run(self, layer: "Layer", inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """The outputs; recorded, where `layer` is what a subclass's `call` knows as `self`."""
        if layer._recorded is None:
            return layer._apply(inputs, training, mask)[0]
        taken = [name for name in inspect.signature(self.linearize).parameters if name not in CONTEXT]
        parameters = layer.parameters[: len(taken) - 2]  # after self and inputs
        if not all(parameter.trainable for parameter in parameters):
            raise ConfigError(f"{layer.label} keeps state: override linearize, which returns it, in place of call")
        runner: Any = copy.copy(layer)
        runner.parameters, runner._recorded, runner._context = parameters, None, context_of(self.linearize)
        vars(runner)["linearize"] = functools.partial(self.linearize, runner)
        first = inputs[0] if isinstance(inputs, (tuple, list)) else inputs
        values = [layer._recorded[id(parameter)] for parameter in parameters]
        return first.trace.use(runner, inputs, values, training=training or None, mask=mask)
