"""Recorded calls: in a training step, in `call` of another layer, of `linearize` itself; how a class is recorded."""

import copy
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.call import build_rest
from nnlite.layers.base.contract.arguments import CONTEXT, context_of, data_arguments
from nnlite.ops.tape import active_tape
from nnlite.ops.tracing import Trace, Traced

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


def recorded_call(layer: "Layer", call: LayerCall) -> Any:
    """The output of a call recorded by a training step or by an enclosing `call`; None if nothing records.

    Raises:
        ConfigError: a layer with weights that the other one does not keep: each call would make new ones.
    """
    if (tape := active_tape()) is not None:
        return tape.call_layer(layer, call.inputs, call.training, call.mask, call.runner)
    several = isinstance(call.inputs, (tuple, list))
    data = tuple(call.inputs) if several else (call.inputs,)
    trace: Any = next((item.trace for item in data if isinstance(item, Traced)), None)
    if trace is None:
        return None
    shapes = tuple((None, *item.shape[1:]) for item in data)
    layer._ensure_built(shapes if several else shapes[0])
    if layer.parameters:
        raise ConfigError(f"{layer.label} has weights: keep it as an attribute of the layer whose call uses it")
    if type(trace) is Trace:  # of an activation function, which a layer without weights may be
        output, jacobians = layer.linearize(data[0].value, **dict.fromkeys(layer._context))
        return trace.note(layer, output, jacobians, [data[0].slot])
    runner = None if call.runner is layer else call.runner
    output = trace.use(layer, data if several else data[0], (), runner, training=call.training, mask=call.mask)
    return layer._as_returned(output)


class RunsLinearize:
    """The method `call` of a class that writes `linearize`; a subclass may use it in its own `call`."""

    def __init__(self, linearize: Callable) -> None:
        self.linearize = linearize

    def __get__(self, layer: "Layer | None", owner: type) -> Any:
        return self if layer is None else functools.partial(self.run, layer)

    def __call__(self, layer: "Layer", *inputs: Any, **options: Any) -> Any:
        """The same as `super().call`, by the name of the class: `Dense.call(self, inputs)`."""
        return self.run(layer, *inputs, **options)

    def run(self, layer: "Layer", inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """The outputs; recorded if `layer` is the `self` of a subclass's `call`."""
        if layer._recorded is None:
            return layer._apply(inputs, training, mask)[0]
        parameter_names = [name for name in inspect.signature(self.linearize).parameters if name not in CONTEXT]
        by_name = {parameter.name: parameter for parameter in layer.parameters}
        named = [by_name[name] for name in parameter_names[2:] if name in by_name]  # after self and inputs
        parameters = named or layer.parameters[: len(parameter_names) - 2]
        if any(parameter.is_state for parameter in parameters):
            raise ConfigError(f"{layer.label} keeps state: override linearize, which returns it, in place of call")
        runner: Any = copy.copy(layer)
        runner.parameters, runner._recorded, runner._context = parameters, None, context_of(self.linearize)
        vars(runner)["linearize"] = functools.partial(self.linearize, runner)
        first = inputs[0] if isinstance(inputs, (tuple, list)) else inputs
        values = [layer._recorded[id(parameter)] for parameter in parameters]
        return first.trace.use(runner, inputs, values, training=training or None, mask=mask)


def read_methods(cls: Any, recorded: Callable) -> None:
    """Set the flags about the methods of a layer class: `_traced`, `_context`, `_call_context` and others.

    A class that writes `call` is recorded, unless it derives its `linearize` from abstract classes alone: that may run
    the `call` of subclasses, where that of a complete layer would be another function. One that writes `linearize`
    gets a `call` that runs it.

    Args:
        cls: the class that has just been made.
        recorded: the `linearize` that records `call`.
    """
    order, complete = cls.__mro__, [*cls._members.values()]
    owner = next(index for index, base in enumerate(order) if index and "linearize" in vars(base))
    if "call" in vars(cls) and cls.linearize is recorded and not any(base in complete for base in order[1 : owner + 1]):
        cls.linearize = order[owner].linearize
    if "linearize" in vars(cls) and "call" not in vars(cls) and cls.linearize is not recorded:
        cls.call = RunsLinearize(cls.linearize)
    written = None if isinstance(cls.call, RunsLinearize) else cls.call
    cls._writes_call = written is not None
    cls._call_context = context_of(written) if written else ()
    cls._call_arguments = data_arguments(written, CONTEXT) if written else ("inputs",)
    base_of_ours = written is None and cls.__module__.startswith("nnlite.")  # whose subclasses write either
    cls._traced = cls.linearize is recorded and not base_of_ours
    if cls._traced:
        cls._fixes = "last"
        cls.takes_several = None if cls.takes_several is False else cls.takes_several
        cls._kept_kinds = vars(cls).get("_kept_kinds", "" if cls._builds_itself else "biu")
    cls._context = CONTEXT if cls._traced else context_of(cls.linearize)  # layers kept inside may need any of it


def input_of(layer: Any, runner: Any, inputs: Any) -> Any:
    """The data of a call as arrays, read by the `runner` if that takes other arguments than `layer` was built for."""
    if runner is None or runner._data_arguments == layer._data_arguments:
        return layer._as_input(inputs)
    build_rest(layer, runner)
    return runner._as_input(inputs)
