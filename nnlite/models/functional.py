"""Model, a graph of layers with any number of inputs and outputs."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite.config import FloatType, floatx
from nnlite.errors import ConfigError, DataError
from nnlite.layers import Layer
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.inputs import in_memory, read_inputs
from nnlite.layers.base.symbolic import Symbol, fingerprint
from nnlite.layers.composite.graph import Graph
from nnlite.losses import Loss
from nnlite.losses.output_losses import OutputLosses
from nnlite.models.base import BaseModel
from nnlite.models.drawing import Drawing, free_name, listed, redrawn
from nnlite.optimizers import Optimizer
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.field_types import Index, read
from nnlite.registry.fields import Spec
from nnlite.training import Trainer
from nnlite.training.outputs import OutputActivations, OutputsTrainer


class Model(BaseModel):
    """A graph of layers: branches, several inputs and outputs, layers that are used more than once.

    The graph is drawn by calling layers on an `Input`, and on what other layers gave. A layer that is called twice has
    one set of weights; its gradients are summed (total derivative).

    Args:
        inputs: an `Input`, or a list of them.
        outputs: what a layer gave, or a list of such values.
        seed: decides shuffling, splits, dropout, and the initial weights of layers that have no others yet; drawn
            when None.
        name: for display.

    Data for several inputs are a list of arrays in their order, or a dict by the names of the inputs; targets for
    several outputs likewise, by the names of the layers that give them.

    Raises:
        ConfigError: an output that depends on an `Input` which is not among `inputs`, two layers of one name.

    >>> import numpy as np
    >>> from nnlite import Input, Model
    >>> from nnlite.layers import Concatenate, Dense
    >>> left, right = Input((3,), name="left"), Input((2,), name="right")
    >>> shared = Concatenate()([Dense(4, activation="relu")(left), right])
    >>> model = Model([left, right], [Dense(1, name="price")(shared), Dense(2, name="kind")(shared)], seed=0)
    >>> [output.shape for output in model.predict([np.ones((5, 3)), np.ones((5, 2))], verbose=0)]
    [(5, 1), (5, 2)]
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        seed: Index | None = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: FloatType | None = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        given = read(seed, Index | None)
        self.seed = fresh_seed() if given is None else given
        self.inputs = listed(inputs, "inputs")
        self.outputs = listed(outputs, "outputs")
        self.takes_several = len(self.inputs) > 1
        self._drawing = Drawing(self.inputs, self.outputs)
        self.layers = self._drawing.layers()
        self._name_layers()
        self._build_graph(given is not None)

    @functools.cached_property
    def trainer(self) -> Trainer:
        """What trains the model; with several outputs there is a loss, and there are metrics, for each."""
        return OutputsTrainer(self, self.output_names) if len(self.outputs) > 1 else Trainer(self)

    def compile(
        self,
        optimizer: Spec[Optimizer] = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        loss_weights: Any = None,
    ) -> None:
        """Choose how to train, as `Sequential.compile` does.

        Args:
            optimizer: as there.
            loss: with several outputs a list, a dict by name (an output that it leaves out is not trained on), or one
                loss for all.
            metrics, weighted_metrics: as there; with several outputs a list with one list per output, or a dict of
                lists by the outputs' names.
            loss_weights: factor of each loss in the sum, a list or a dict by name; 1 by default.

        Raises:
            ConfigError: unknown name or argument, or another number of entries than outputs.
        """
        if isinstance(self.trainer, OutputsTrainer):
            self.trainer.compile(optimizer, loss, metrics, weighted_metrics, loss_weights)
        elif loss_weights is not None:
            raise ConfigError("a model with one output has one loss", ("loss_weights",))
        else:
            self.trainer.compile(optimizer, loss, metrics, weighted_metrics)

    def _name_layers(self) -> None:
        names = [layer.name for layer in (*self._input_layers, *self.layers) if layer.name]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigError(f"there are two layers named {twice[0]!r}; names must be unique")
        for layer in (*self._input_layers, *self.layers):
            if layer.name is None:
                layer.name = free_name(layer, names)
                names.append(layer.name)

    @property
    def _input_layers(self) -> list[Layer]:
        return [symbol.layer for symbol in self.inputs]

    def _input_names(self) -> list[str]:
        return [str(layer.name) for layer in self._input_layers]  # those without a name have got one

    def _build_graph(self, redraw: bool) -> None:
        self.dtype = self.dtype or floatx()
        self.random = RandomSource(self.seed)
        for index, layer in enumerate(self.layers):
            trainable = any(own.trainable for own in layer.parameters)
            if redraw and trainable and layer._drawn is not None and layer._drawn == fingerprint(layer):
                twin = type(layer).from_config(layer.get_config())
                twin._ensure_built(layer.input_shape, self.random.child(index))
                for own, new in zip(layer.parameters, twin.parameters, strict=True):
                    if own.trainable:
                        own.assign(new.value)
                _take_fingerprints(layer, twin)
            layer._drawn = None
            if not self.trainable:
                layer.trainable = False
            if isinstance(layer, BaseModel):
                layer._nested = True
        self.parameters = [parameter for layer in self.layers for parameter in layer.parameters]
        self.chain = self._graph(self._drawing.uses())
        shapes = [symbol.shape for symbol in self.inputs]
        self.input_shape = tuple(shapes) if self.takes_several else shapes[0]
        shapes = [symbol.shape for symbol in self.outputs]
        self.output_shape = tuple(shapes) if len(shapes) > 1 else shapes[0]
        self.built = True

    def _graph(self, uses: list[tuple]) -> Graph:
        return Graph(uses, len(self.inputs), self._drawing.ends(), (self.dtype,) * len(self.inputs))

    def build(self, input_shape: tuple | None = None) -> None:
        """Nothing to do: layers are built when they are called."""

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return self.chain.compute_output_shape(input_shape)

    @property
    def input(self) -> Symbol | list[Symbol]:
        """The input, or a list of them: where another graph may begin."""
        return self.inputs if self.takes_several else self.inputs[0]

    @property
    def output(self) -> Symbol | list[Symbol]:
        """The output, or a list of them: where another graph may go on."""
        return self.outputs if len(self.outputs) > 1 else self.outputs[0]

    @property
    def input_names(self) -> list[str]:
        """What `jacobian` calls the inputs: their names where there are several."""
        return self._input_names() if self.takes_several else super().input_names

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs; with a number where one gives several."""
        names = [str(symbol.layer.name) for symbol in self.outputs]
        return [
            f"{name}_{symbol.index}" if names.count(name) > 1 else name
            for name, symbol in zip(names, self.outputs, strict=True)
        ]

    @property
    def _output_dtype(self) -> str:
        return self.outputs[0].layer._output_dtype

    @property
    def input_kind(self) -> str:
        """What the layers that take the first input need."""
        return self._input_kinds[0]

    @property
    def _input_kinds(self) -> list[str]:
        """`input_kind` for each of the inputs."""
        return [self._kind(symbol) for symbol in self.inputs]

    def _kind(self, symbol: Symbol) -> str:
        number = self._drawing.numbers()[symbol.key]
        takers = [layer.input_kind for layer, taken in self._drawing.uses() if number in taken]
        return takers[0] if takers and len(set(takers)) == 1 else "numbers"

    def _as_input(self, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
        inputs = self._in_order(inputs)
        if not self.takes_several:
            return super()._as_input(inputs[0])
        arrays = self._read(inputs)
        self._check_input_shape(tuple(array.shape for array in arrays))
        if len({len(array) for array in arrays}) > 1:
            raise DataError(f"{self.label}: the inputs have {', '.join(str(len(array)) for array in arrays)} rows")
        self._check_ready()
        return tuple(arrays)

    def _in_order(self, inputs: Any) -> list:
        """Data as users pass them, as a list with one entry per input."""
        names = self._input_names()
        inputs = inputs if isinstance(inputs, dict) and set(inputs) == set(names) else self._encoded(inputs)
        if isinstance(inputs, dict):
            if set(inputs) != set(names):
                raise DataError(f"{self.label} needs data for {', '.join(names)}, got {', '.join(map(str, inputs))}")
            inputs = [inputs[name] for name in names]
        elif not self.takes_several:
            inputs = inputs if isinstance(inputs, list) and len(inputs) == 1 else [inputs]
        if not isinstance(inputs, (list, tuple)) or len(inputs) != len(self.inputs):
            raise DataError(f"{self.label} needs a list of {len(self.inputs)} arrays, or a dict by name")
        return list(inputs)

    def _read(self, inputs) -> list[np.ndarray]:
        arrays = []
        for layer, kind, given in zip(self._input_layers, self._input_kinds, inputs, strict=True):
            array = read_inputs(given, kind, layer.label)
            is_cast = kind == "numbers" and array.dtype.kind != "c"
            arrays.append(array.astype(self.dtype, copy=False) if is_cast else array)
        return arrays

    @property
    def _with_state(self) -> list:
        """The layers that `Jacobians.state` has a part for, in its order."""
        return self.chain.layers

    def adapt(self, data: Any) -> None:
        """Let each layer that is not `adapted` yet see the data, as the layers before it pass it on."""
        values = [in_memory(value) for value in self._read(self._in_order(data))]
        for layer, taken in self._drawing.uses():
            given = [values[number] for number in taken]
            given = tuple(given) if layer.takes_several else given[0]
            if not layer.adapted:
                layer.adapt(given)
            output = layer(given)
            values += output if isinstance(output, tuple) else [output]

    def _until_loss(self, loss: Loss | OutputLosses) -> tuple[Graph, Loss | OutputLosses, Any]:
        """What training runs: the graph up to activations that the losses take over, the loss, these activations."""
        several = isinstance(loss, OutputLosses)
        losses: list[Any] = list(loss.losses) if several else [loss]
        activations: list[Any] = [None] * len(losses)
        uses = self._drawing.uses()
        for index, (symbol, taking) in enumerate(zip(self.outputs, losses, strict=True)):
            position = self._drawing.last_use(symbol, uses)
            if position is None or not taking:
                continue
            bare, activation = symbol.layer.without_activation()
            from_logits = activation and taking.from_outputs_of(activation)
            if from_logits:
                uses[position] = (bare, uses[position][1])
                losses[index], activations[index] = from_logits, activation
        if not any(activations):
            return self.chain, loss, None
        if several:
            both = OutputLosses(losses, loss.weights, loss.names)
            return self._graph(uses), both, OutputActivations(activations)
        return self._graph(uses), losses[0], activations[0]

    def get_config(self) -> dict:
        """The layers, and how they are connected: values are numbered, inputs first."""
        place = {id(layer): index for index, layer in enumerate(self.layers)}
        return {
            "inputs": [layer.to_spec() for layer in self._input_layers],
            "layers": [layer.to_spec() for layer in self.layers],
            "nodes": [[place[id(layer)], list(taken)] for layer, taken in self._drawing.uses()],
            "outputs": list(self._drawing.ends()),
            **{name: getattr(self, name) for name in ("seed", "name", "trainable", "dtype")},
        }

    @classmethod
    def from_config(cls, config: Mapping) -> "Model":
        """The inverse of `get_config`."""
        inputs, outputs = redrawn(config)
        options = {name: config[name] for name in ("seed", "name", "trainable", "dtype") if name in config}
        return cls(inputs, outputs, **options)


def _take_fingerprints(layer: Layer, twin: Layer) -> None:
    """The first weights of `layer`, and of the layers inside, are those of its twin now."""
    layer._first = twin._first
    for own, other in zip(inner_layers(layer), inner_layers(twin), strict=True):
        _take_fingerprints(own, other)
