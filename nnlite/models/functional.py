"""Model, a graph of layers with any number of inputs and outputs."""

import functools
from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np

from nnlite.config import Policy, floatx
from nnlite.foreign.keras_graphs import keras_order
from nnlite.layers import Layer
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.contract.arguments import keyed_shape
from nnlite.layers.base.contract.input_spec import Described
from nnlite.layers.base.contract.structure import by_key, structure_of
from nnlite.layers.base.shapes import shapes_of_twin
from nnlite.layers.composite.graph import Graph
from nnlite.layers.composite.operation import Operation
from nnlite.models.base import BaseModel
from nnlite.models.drawn import description, ends
from nnlite.models.drawn.again import CallsGraph, build_added, drawn_ends
from nnlite.models.drawn.drawing import Drawing
from nnlite.models.drawn.first_weights import draw_weights, name_layers
from nnlite.models.drawn.reading import adapt_each, drawn_input, read_drawn_call, shapes_by_name
from nnlite.models.drawn.recorded import (
    RecordedProgram,
    expect_outputs,
    finish_building,
    name_inside,
    need_drawing,
    record_call,
    recorded_input,
    recorded_names,
    recorded_outputs,
    remembering,
    take_attributes,
)
from nnlite.optimizers import Optimizer
from nnlite.parameters import Parameter, each_once
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.bounds import Count, Index
from nnlite.registry.field_types import read
from nnlite.registry.fields import Spec, change_constructor
from nnlite.registry.names import custom_object_scope
from nnlite.training import Trainer
from nnlite.training.outputs import OutputsTrainer


class Functional(BaseModel, aliases=("Model",)):
    """A graph of layers: branches, several inputs and outputs, layers that are used more than once.

    `Model` is the same class, as which it is subclassed. The graph is built by calling layers on an `Input` and on the
    outputs of other layers. A layer that is called twice has one set of weights; its gradients are summed (total
    derivative).

    Args:
        inputs: an `Input`, or a list or dict of them; or the output of a layer, if the graph is to begin there.
        outputs: the output of a layer, or a list or dict of outputs; the model returns them in this form. A plain dict
            is in the order of its keys, as in Keras.
        seed: determines shuffling, splits, dropout, and initial weights of layers without any; drawn when None.
        name: for display.

    Data for several inputs are a list of arrays in the same order, or a dict by the names of the inputs. Targets for
    several outputs have the same forms, by the keys of the outputs' dict or the names of the output layers.

    Raises:
        ConfigError: an output depends on an `Input` that is not among `inputs`, or two layers have the same name.

    >>> import numpy as np
    >>> from nnlite import Input, Model
    >>> from nnlite.layers import Concatenate, Dense
    >>> left, right = Input((3,), name="left"), Input((2,), name="right")
    >>> shared = Concatenate()([Dense(4, activation="relu")(left), right])
    >>> model = Model([left, right], [Dense(1, name="price")(shared), Dense(2, name="kind")(shared)], seed=0)
    >>> [output.shape for output in model.predict([np.ones((5, 3)), np.ones((5, 2))], verbose=0)]
    [(5, 1), (5, 2)]
    """

    call = cast(Any, CallsGraph(BaseModel.linearize))  # for the `call` of a subclass, which is recorded
    takes_several = None  # of a class that writes `call`, what it is given decides
    _drawing, _kinds_of_data = cast(Any, None), cast(Any, None)  # the first is the `Drawing` of a graph
    _building, _default_name, _stands_for_all = False, "functional", True  # the last: see `ModelType`
    _lists_inputs = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        record_call(cls)
        if "__init__" in vars(cls):
            change_constructor(cls, remembering)

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        seed: Index | None = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: Policy | None = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        number = read(seed, Index | None)
        self.seed, self._draws_seed = (fresh_seed(), True) if number is None else (number, False)
        if inputs is None and outputs is None:
            take_attributes(self)
            return
        inputs, outputs = by_key(inputs), by_key(outputs)
        begins, self.outputs = drawn_ends(inputs, outputs)
        self._structure, self._input_structure = structure_of(outputs), structure_of(inputs)
        self._lists_inputs, self._lists_outputs = isinstance(inputs, list), isinstance(outputs, list)
        self.takes_several = len(begins) > 1
        if self._writes_call and isinstance(self._input_structure, dict):
            self._data_keys = tuple(self._input_structure)  # in which form `call` takes them
        self._drawing = Drawing(begins, self.outputs)
        self._drawing.form = self._structure, self._lists_outputs
        self._drawn_layers = self._drawing.layers()
        name_layers([*self._input_layers, *self._drawn_layers])
        self._build_graph(number is not None)

    @property
    def _runs_call(self) -> bool:
        """Whether the model runs the `call` of its class, not its graph alone, which that may run."""
        return self._drawing is None or self._writes_call

    @property
    def layers(self) -> list[Layer]:  # type: ignore[override]
        """The layers of the graph, including inputs, those farthest from the outputs first; or a subclass's own."""
        return [layer for layer in self._listed() if not isinstance(layer, Operation)]

    def _listed(self) -> list[Layer]:
        return inner_layers(self) if self._drawing is None else list(keras_order(self))

    def _layers_inside(self) -> list[Layer]:
        return inner_layers(self) if self._drawing is None else self._drawn_layers

    @functools.cached_property
    def trainer(self) -> Trainer:
        """The trainer of the model; with several outputs, each has its own loss and metrics."""
        names = recorded_outputs(self) if self._drawing is None else self.output_names
        return OutputsTrainer(cast(Any, self), names) if len(names) > 1 else Trainer(cast(Any, self))

    def compile(
        self,
        optimizer: Spec[Optimizer] = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        loss_weights: Any = None,
        run_eagerly: bool | None = False,
        steps_per_execution: Count = 1,
        jit_compile: bool | Literal["auto"] | None = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Configure training, as `Sequential.compile` does.

        Args:
            optimizer: as there.
            loss: with several outputs a list, a dict by name (an output that it leaves out is not trained on), or one
                loss for all.
            metrics, weighted_metrics: as there; with several outputs a list with one list per output, or a dict of
                lists by the outputs' names.
            loss_weights: factor of each loss in the sum, a list or a dict by name; 1 by default.
            run_eagerly, steps_per_execution, jit_compile, auto_scale_loss: see `Sequential.compile`.

        Raises:
            ConfigError: unknown name or argument, or another number of entries than outputs.
        """
        expect_outputs(self, loss, (loss_weights, metrics, weighted_metrics))
        options = (run_eagerly, steps_per_execution, jit_compile, auto_scale_loss)
        self.trainer.compile(optimizer, loss, metrics, weighted_metrics, loss_weights, *options)

    @property
    def _input_layers(self) -> list[Layer]:
        return [symbol.layer for symbol in self._drawing.inputs]

    def _input_names(self) -> list[str]:
        return [str(layer.name) for layer in self._input_layers]  # those without a name have got one

    def _build_graph(self, redraw: bool) -> None:
        self.dtype = self._given_dtype or floatx()
        self.random = RandomSource(self.seed)
        draw_weights(self, redraw)
        self.parameters = each_once(layer.parameters for layer in self._drawn_layers)
        self.chain = RecordedProgram(self) if self._writes_call else self._graph(self._drawing.uses())
        shapes, results = (tuple(symbol.free_shape for symbol in symbols) for symbols in self._stated_ends())
        self.input_shape = shapes if self.takes_several else shapes[0]
        self.output_shape = results if len(self.outputs) > 1 else results[0]
        self._penalizes = any(layer._penalizes for layer in self._drawn_layers)
        lowering = any(layer._lowers for layer in self._drawn_layers)
        self._lowers = lowering or self._returned_dtypes != ends.dtypes_of_outputs(self)
        self.built = True

    def _graph(self, uses: list[tuple]) -> Graph:
        return Graph(uses, len(self._drawing.inputs), self._drawing.ends(), ends.dtypes_of_inputs(self))

    def build(self, input_shape: Any = None) -> None:
        """Build the layers of a subclass that writes `call`, for data of this shape; a graph is built already."""
        if self._drawing is None and not self._building and not self.built:
            self._ensure_built(tuple(keyed_shape(self, input_shape) or ()))

    def _build_whole(self) -> None:
        name_inside(self.layers)
        self._building = True
        try:
            super()._build_whole()
        finally:
            self._building = False
        name_inside(self.layers)  # `build` may have made more

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> Any:
        finished, shape = self._drawing is not None or self.built, super()._ensure_built(input_shape, random)
        if not finished:
            finish_building(self)
        return shape

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self._drawing is None and not self._build_done:
            return shapes_of_twin(self, tuple(keyed_shape(self, input_shape)))
        shapes = Layer.compute_output_shape if self._runs_call else shapes_by_name
        return shapes(self, input_shape)

    @property
    def input(self) -> Any:
        """The input, a list or a dict of them, from which another graph may start."""
        need_drawing(self, "input")
        return ends.ends_in_structure(self.inputs, self._input_structure, self._lists_inputs)

    @property
    def output(self) -> Any:
        """The output, a list or a dict of them, from which another graph may continue."""
        need_drawing(self, "output")
        return ends.ends_in_structure(self.outputs, self._structure, self._lists_outputs)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs for `jacobian`: those of the inputs themselves if there are several."""
        if self._drawing is None:
            return recorded_names(self) or super().input_names
        return self._input_names() if self.takes_several else super().input_names

    @property
    def output_names(self) -> list[str]:
        """The keys of a dict of outputs, or the names of the layers that produce them."""
        return description.names_of_outputs(self)

    @property
    def _output_name(self) -> str | None:
        return next(iter(self.output_names or self._structure or ()), None) or super()._output_name

    _returned_dtypes, _output_dtype, _names_outputs = ends.returned_dtypes, ends.output_dtype, ends.names_outputs
    _input_kinds: Any = ends.input_kinds
    input_spec, inputs = Described(ends.specs_of_inputs), cast("list[Any]", ends.inputs_of_graph)

    @property
    def input_kind(self) -> str:
        """The kind of the first input, as required by the layers that take it; that of the data if `call` decides."""
        return cast(Any, self._input_kinds)[0] if self._drawing else self._kind_of_data

    def _as_input(self, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
        if self._drawing is None:
            return recorded_input(self, self._encoded(inputs))
        build_added(self)
        return drawn_input(self, inputs, super()._as_input)

    @property
    def _with_state(self) -> list:
        """The layers that `Jacobians.state` has a part for, in its order."""
        return inner_layers(self) if self._runs_call else cast(Graph, self.chain).stateful_layers

    @property
    def weights(self) -> list[Parameter]:
        return Layer.weights.__get__(self) if self._traced else super().weights

    @property
    def trainable_weights(self) -> list[Parameter]:
        return Layer.trainable_weights.__get__(self) if self._traced else super().trainable_weights

    @property
    def adapted(self) -> bool:
        return self._drawing is None or super().adapted

    adapt, _until_loss, _read_call, _stated_ends = adapt_each, ends.until_loss, read_drawn_call, ends.ends_of_graph

    def get_config(self) -> dict:
        """The layers with their calls, in Keras's form if that is sufficient; for a subclass, its arguments."""
        by_graph = description.is_described_by_graph(self)
        return description.config_of(self) if by_graph else description.config_of_class(self, super().get_config())

    @classmethod
    def from_config(cls, config: Mapping, custom_objects: Mapping[str, Any] | None = None) -> "Model":
        """The inverse of `get_config`; `custom_objects` maps names in it to classes and functions."""
        with custom_object_scope(custom_objects):
            if cls is not Model and not config.keys() & {"nodes", "layers"}:
                return super().from_config(config)
            return description.drawn_from(cls, config)

    _arguments, get_build_config = cast(Any, description.arguments_of), description.build_config_of


Functional._spec_name = "Model"  # in configs and files
Model = Functional
