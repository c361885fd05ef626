"""Models whose class writes `call`: how they are built and trained, and how their data are read."""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.errors import ConfigError
from nnlite.jacobians import Bundle
from nnlite.layers import Layer, Program
from nnlite.layers.base.contract.building import building
from nnlite.layers.base.contract.running import RunsLinearize, read_methods
from nnlite.layers.base.inputs import read_inputs
from nnlite.layers.base.shapes import shapes_in, tried_on_unequal, zeros_for
from nnlite.layers.composite.graph import in_line
from nnlite.layers.composite.program import Data, Mask
from nnlite.losses import Loss
from nnlite.models.drawn.drawing import free_name
from nnlite.models.drawn.reading import data_in_a_row
from nnlite.ops.tape import trial_run
from nnlite.parameters import each_once
from nnlite.random import RandomSource
from nnlite.training.outputs import OutputsTrainer

__all__ = [
    "CallsInTurn",
    "RecordedProgram",
    "expect_outputs",
    "finish_building",
    "name_inside",
    "need_drawing",
    "program_of_chain",
    "record_call",
    "recorded_input",
    "recorded_names",
    "recorded_outputs",
    "remembering",
    "take_attributes",
]


class RecordedProgram(Program):
    """A program of a single use: the recorded `call` of a built model."""

    def __init__(self, model: Any) -> None:
        self.layer: Any = model

    def run(
        self,
        inputs: Data,
        grouped: Sequence[tuple[np.ndarray, ...]],
        training: bool = False,
        random: RandomSource | None = None,
        mask: Mask = None,
    ) -> tuple[Data, Bundle]:
        """The output and the record of `call`."""
        return self.layer.linearize(inputs, *grouped[0], training=training, random=random, mask=mask)

    def group(self, items: Sequence) -> list[tuple]:
        """All `items`: there is a single use."""
        return [tuple(items)]

    def plan(self, wanted: Sequence[bool], into: Sequence) -> tuple[Sequence[bool], Sequence]:
        """Plan of `backward` for the record, without the inputs."""
        return wanted, into

    def backward(self, jacobians: Any, cotangent: Data, plan: tuple[Sequence[bool], Sequence]) -> None:
        """Write the gradients that the plan requires."""
        (wanted, into), data = plan, jacobians.data
        jacobians.vjp(cotangent, (*[False] * data, *wanted), (*[None] * data, *into))

    def update_state(self, state: Any) -> None:
        """Store the state in the record."""
        self.layer.update_state(state)

    @property
    def line(self) -> None:
        """None: what `call` does is known from its record only."""
        return None

    @property
    def last_layers(self) -> list[Any]:
        """For each output the layer that produces it, from a trial run on zeros; None for an op."""
        with trial_run():
            record = self.layer.linearize(zeros_for(self.layer, self.layer.input_shape, 1), *self.layer.values)[1]
        givers = {slot: node.owner for node in record.nodes for slot in node.outputs}
        ends = [givers.get(slot) for slot, _ in record.outputs]
        return [owner if isinstance(owner, Layer) else None for owner in ends]

    @property
    def labels(self) -> list[tuple[str, list[str]]]:
        """Label of the model."""
        return [(str(self.layer.name), ["inputs"])]

    def with_layers(self, replace: Callable[[int, Layer], Layer]) -> "RecordedProgram":
        """The program with `replace(0, model)` in place of the model."""
        program = object.__new__(RecordedProgram)
        program.layer = replace(0, self.layer)
        return program


class CallsInTurn(RunsLinearize):
    """The method `call` of a chain, which the `call` of a subclass may use: it runs the layers in order."""

    def run(self, layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The output of the last layer; recorded if `layer` is the `self` of a subclass's `call`."""
        if not layer._writes_call:
            return super().run(layer, inputs, bool(training), mask)
        for number, inner in enumerate(layer.layers):
            inputs = inner(inputs, training=training, **({} if number or mask is None else {"mask": mask}))
        return inputs


def record_call(cls: Any) -> None:
    """Let models of a class that writes `call` run that, and record it for derivatives; its `build` builds them."""
    if not isinstance(vars(cls).get("call"), RunsLinearize | None):
        several, cls.linearize = cls.takes_several, Layer.linearize
        read_methods(cls, Layer.linearize)
        cls.takes_several = several
    cls.build = building(cls.build) if "build" in vars(cls) else cls.build


def program_of_chain(model: Any, output_shape: tuple) -> tuple[Program, tuple]:
    """Program of a chain of built layers, which is `call` where the class of the model writes it, and its output shape.

    Args:
        model: with its layers, its dtype and its input shape.
        output_shape: of the last layer.
    """
    if model._writes_call:
        return RecordedProgram(model), Layer.compute_output_shape(model, model.input_shape)
    return in_line(model.layers, model.dtype, len(shapes_in(model._free_shapes[0]))), output_shape


def _read_data(model: Any, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
    """Data of a model that writes `call`: floating-point numbers in its dtype, integers and strings as they are."""
    if model._writes_call:
        inputs = data_in_a_row(model, inputs)
    if isinstance(inputs, (list, tuple)) and all(isinstance(item, np.ndarray) for item in inputs) and inputs:
        return tuple(_read(model, item) for item in inputs)
    return _read(model, inputs)


def _read(model: Any, inputs: Any) -> np.ndarray:
    array = inputs if isinstance(inputs, np.ndarray) else np.asarray(inputs, object if _is_text(inputs) else None)
    array = read_inputs(array, "strings" if array.dtype.kind in "OUT" else "indices", model.label)
    return array.astype(model.dtype, copy=False) if array.dtype.kind == "f" else array


def _is_text(inputs: Any) -> bool:
    while isinstance(inputs, (list, tuple)) and inputs:
        inputs = inputs[0]
    return isinstance(inputs, str)


def name_inside(layers: Sequence[Layer]) -> None:
    """Name each unnamed layer with a name that is free among them."""
    names, least = {layer.name for layer in layers if layer._given_name}, {}
    for layer in layers:
        if layer._given_name is None:
            layer.name = free_name(layer, names, least)
            names.add(layer.name)


def remembering(constructor: Callable[..., None]) -> Callable[..., None]:
    """`__init__` of a class that writes `call`, which records the arguments for rebuilding the model."""
    signature = inspect.signature(constructor)

    @functools.wraps(constructor)
    def remember(self: Any, *arguments: Any, **options: Any) -> None:
        if "_given" not in vars(self):
            with suppress(TypeError):  # which the constructor raises
                bound = signature.bind(self, *arguments, **options)
                bound.apply_defaults()
                attributes = dict(list(bound.arguments.items())[1:])
                for parameter in signature.parameters.values():
                    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                        attributes |= attributes.pop(parameter.name)
                    elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                        attributes.pop(parameter.name, None)
                vars(self)["_given"] = attributes
        constructor(self, *arguments, **options)

    return remember


class NothingToRunError(ConfigError, NotImplementedError):
    """A model without a graph, whose class does not write `call`, was given data."""


def recorded_input(model: Any, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
    """User data in the form that `call` takes; the first data build the model."""
    if not model._writes_call and not model._writes_steps:
        raise NothingToRunError(
            f"{model.label} needs inputs and outputs; a subclass may write call(self, inputs) instead, or train_step"
        )
    model.dtype = model._given_dtype or floatx()
    arrays = _read_data(model, inputs)
    several = isinstance(arrays, tuple)
    if not model._writes_call:
        model.parameters = each_once(layer.parameters for layer in model.layers)
        model.built = True
        return arrays
    listed_arrays = arrays if several else (arrays,)
    if not model.built:
        kinds = ["strings" if item.dtype.kind in "OUT" else "numbers" for item in listed_arrays]
        model._kind_of_data, model._kinds_of_data = kinds[0], kinds if several else None
        whole = tuple(item.shape for item in listed_arrays)
        model._built_on, shapes = whole if several else whole[0], tuple((None, *shape[1:]) for shape in whole)
        with tried_on_unequal(listed_arrays):
            model._ensure_built(shapes if several else shapes[0])
    if not model._reads_batches:  # what its steps are given may be something else than what `call` takes
        model._check_input_shape(tuple(item.shape for item in arrays) if several else arrays.shape)
    model._check_ready()
    return arrays


def recorded_names(model: Any) -> list[str]:
    """Names of several inputs for `jacobian`; none for a single one."""
    return [f"inputs_{number}" for number in range(len(model.input_shape))] if model.takes_several else []


def recorded_outputs(model: Any) -> list[str]:
    """The names of several outputs, as far as they are known; none for a single one."""
    shapes: Any = model.output_shape if model.built else None
    if shapes is None or not isinstance(shapes[0], tuple):
        return []
    if isinstance(model._structure, dict) and len(model._structure) == len(shapes):
        return list(model._structure)
    return [f"output_{number + 1}" for number in range(len(shapes))]


def expect_outputs(model: Any, loss: Any, others: tuple[Any, ...]) -> None:
    """Give an unbuilt model that writes `call` the outputs that arguments of `compile` name.

    Args:
        model: compiled before it has met data.
        loss: the argument of `compile`: a dict by the names of the outputs, or a list.
        others: the further arguments that may be dicts by the names of the outputs.
    """
    if model._drawing is not None or model.built:
        return
    named = [
        name
        for argument in (loss, *others)
        if isinstance(argument, dict) and not is_spec(argument)
        for name in argument
    ]
    names = list(dict.fromkeys(named))
    if isinstance(loss, (list, tuple)) and len(loss) > 1:
        names = [f"output_{number + 1}" for number in range(len(loss))]
    if names:
        vars(model)["trainer"] = OutputsTrainer(model, names)


def is_spec(mapping: dict) -> bool:
    """Whether a dict describes one loss, rather than one for each output."""
    return "class_name" in mapping or (len(mapping) == 1 and next(iter(mapping)) in Loss.members())


def finish_building(model: Any) -> None:
    """Set the program of a model whose `call` has run on zeros; `ConfigError` for losses that came too early."""
    trainer = vars(model).get("trainer")
    names = recorded_outputs(model)
    model.chain = RecordedProgram(model)
    if len(names) > 1 and trainer is not None and not isinstance(trainer, OutputsTrainer):
        OutputsTrainer.take_over(trainer, names)
    if isinstance(trainer, OutputsTrainer) and not names and trainer.names == [model._output_name]:
        trainer.leave()
    elif isinstance(trainer, OutputsTrainer) and not set(trainer.names) <= set(names):
        model.built = False
        raise ConfigError(
            f"{model.label} returns the outputs {', '.join(names)}; compile was given "
            f"losses for {', '.join(trainer.names)}"
        )
    elif isinstance(trainer, OutputsTrainer):
        trainer.reorder(names)
    model._lowers = any(layer._lowers for layer in model.layers)
    for layer in model.layers:
        if layer.chain is not None:
            layer._nested = True


def need_drawing(model: Any, what: str) -> None:
    """`ConfigError` for a model that writes `call`, and so has no such symbol."""
    if model._drawing is None:
        raise ConfigError(f"{model.label} writes call, and is not a graph: it has no symbol {what!r}")


def take_attributes(model: Any) -> None:
    """Treat the model as one of the layers among its attributes, which are built with the first data."""
    model._drawing, model.outputs = None, []
    model.random = RandomSource(model.seed)
