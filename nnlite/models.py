"""Sequential, a chain of layers that can be trained, saved and loaded."""

import itertools
from dataclasses import field

import numpy as np

from nnlite import saving
from nnlite.config import floatx
from nnlite.errors import ConfigError, ModelFileError, NotReadyError, did_you_mean
from nnlite.layers import Chain, Input, Layer, Normalization
from nnlite.random import RandomSource, fresh_seed
from nnlite.reading import Index
from nnlite.registry import snake_case
from nnlite.training import Trainer


class Sequential(Trainer, Layer):
    """A chain of layers. Being a layer itself, it may stand inside another one.

    Args:
        layers: the layers in order. With an `Input` first the model is built at once, else when it meets data.
        seed: decides initial weights, shuffling, splits and dropout; drawn, and kept in `model.seed`, when None.
        name: for display.

    Raises:
        ConfigError: the same layer, or the same name, twice.

    >>> import numpy as np
    >>> from nnlite.layers import Dense, Input
    >>> model = Sequential([Input((2,)), Dense(8, activation="tanh"), Dense(1)], seed=0)
    >>> model.compile(optimizer={"Adam": {"learning_rate": 0.03}}, loss="mse")
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = model.fit(x, [0, 1, 1, 0], epochs=300, verbose=0)
    >>> (model.predict(x, verbose=0) > 0.5).ravel().tolist()
    [False, True, True, False]
    """

    layers: list[Layer] = field(default_factory=list)
    seed: Index | None = field(default=None, kw_only=True)

    def __post_init__(self):
        self.layers = [] if self.layers is None else self.layers
        super().__post_init__()
        self.seed = fresh_seed() if self.seed is None else self.seed
        self.chain = None
        self._given_shape = None
        self._nested = False
        given, self.layers = self.layers, []
        for layer in given:
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Append a layer; an `Input` states the shape of the data and is not counted as one."""
        layer = Layer.get(layer)
        self._check_free()
        if isinstance(layer, Input):
            if self.layers or self._given_shape:
                raise ConfigError("Input must come first")
            self._given_shape = (None, *layer.shape)
            return
        if layer is self or any(layer is present for present in self.layers):
            raise ConfigError(f"{layer.label} is in the model already; a layer can be added once")
        names = [present.name for present in self.layers]
        if layer.name in names:
            raise ConfigError(f"there is a layer named {layer.name!r} already; names must be unique")
        if layer.name is None:
            base = snake_case(type(layer).__name__)
            candidates = itertools.chain([base], (f"{base}_{count}" for count in itertools.count(1)))
            layer.name = next(name for name in candidates if name not in names)
        self.layers.append(layer)
        try:
            self._rebuild()
        except Exception:
            self.pop()  # the model stays as it was
            raise

    def pop(self) -> Layer:
        """Remove and return the last layer."""
        self._check_free()
        if not self.layers:
            raise ConfigError("the model has no layer to pop")
        layer = self.layers.pop()
        self._rebuild()
        return layer

    def _check_free(self) -> None:
        if self._nested:
            raise ConfigError(f"{self.label} is part of another model and can no longer be changed")

    def _rebuild(self) -> None:
        shape = self.input_shape or self._given_shape
        self.built, self.chain, self._steps, self._metrics = False, None, None, None
        self.parameters = []
        if shape and self.layers:
            self.ensure_built(shape)

    def build(self, input_shape=None) -> None:
        """Give every layer its parameters, for data of `input_shape`, `(None, features)` for a table."""
        shape = tuple(input_shape or self._given_shape or ())
        if not self.layers or not shape:
            raise NotReadyError(f"{self.label} needs at least one layer and an input shape to be built")
        if self.built:
            self.check_input_shape(shape)
            return
        random = self.random = self.random or RandomSource(self.seed)
        self.input_shape, self.dtype = shape, self.dtype or floatx()
        for layer in self.layers:
            layer.dtype = layer.dtype or self.dtype
            layer.trainable = layer.trainable and self.trainable
            if isinstance(layer, Sequential):
                layer._nested = True
        self.dtype = self.layers[0].dtype  # data is brought into it
        for index, layer in enumerate(self.layers):
            try:
                shape = layer.ensure_built(shape, random.child(index))
            except ConfigError as error:
                raise error.within("layers", index) from None
        self.parameters = [parameter for layer in self.layers for parameter in layer.parameters]
        self.chain = Chain(self.layers, self.dtype)
        self.output_shape, self.built = shape, True

    def _arguments(self):
        given = [Input(self._given_shape[1:])] if self._given_shape else []
        return {**super()._arguments(), "layers": [*given, *self.layers]}

    @property
    def label(self) -> str:
        return f"model {self.name!r}" if self.name else "the model"

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "trainable" and self.__dict__.get("built"):
            for layer in self.layers:
                layer.trainable = value

    @property
    def output_dtype(self) -> str:
        return self.layers[-1].output_dtype

    def check_linearize(self):
        """Nothing to do: each layer was checked when it was built."""

    def compute_output_shape(self, input_shape):
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    def linearize(self, inputs, *parameters, training=False, random=None):
        """The output and the Jacobians by the inputs and every parameter, in the order of `parameters`."""
        return self.chain.linearize(inputs, *parameters, training=training, random=random)

    def update_state(self, state):
        self.chain.update_state(state)

    def check_ready(self):
        for layer in self.layers:
            layer.check_ready()

    @property
    def integer_inputs(self) -> bool:
        """Whether the first layer takes indices."""
        return bool(self.layers) and self.layers[0].integer_inputs

    @property
    def trainable_weights(self):
        return [weight for layer in self.layers for weight in layer.trainable_weights] if self.trainable else []

    @property
    def weights(self):
        return [weight for layer in self.layers for weight in layer.weights]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or at that place."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ConfigError(f"there is no layer {index}; the model has {len(self.layers)}")
            return self.layers[index]
        by_name = {layer.name: layer for layer in self.layers}
        if name not in by_name:
            raise ConfigError(f"there is no layer named {name!r}; {did_you_mean(name, by_name)}")
        return by_name[name]

    def adapt(self, data) -> None:
        """Let each `Normalization` that does not know its data yet see it, as the layers before it pass it on."""
        data = np.asarray(data)
        self.ensure_built((None, *data.shape[1:]))
        waiting = [layer for layer in self.layers if isinstance(layer, Normalization) and not layer.adapted]
        for layer in self.layers if waiting else ():
            if layer in waiting:
                layer.adapt(data)
                if layer is waiting[-1]:
                    break
            data = layer(data)

    def summary(self, print_fn=print) -> None:
        """Print a table of layers, output shapes and numbers of parameters."""
        rows = [("Layer", "Output shape", "Params")]
        for layer in self.layers:
            shape = str(layer.output_shape) if layer.built else "?"
            count = f"{layer.count_params():,}" if layer.built else "?"
            rows.append((f"{layer.name} ({type(layer).__name__})", shape, count))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}" for row in rows]
        rule = "-" * len(lines[0])
        print_fn("\n".join([f"Model: {self.name or 'sequential'}", lines[0], rule, *lines[1:], rule]))
        if self.built:
            total, trained = self.count_params(), sum(weight.size for weight in self.trainable_weights)
            print_fn(f"Total params: {total:,}  trainable: {trained:,}  non-trainable: {total - trained:,}")

    def count_params(self):
        """Number of scalars in all parameters; `NotReadyError` before `build`."""
        self._need_built()
        return super().count_params()

    def _need_built(self) -> None:
        if not self.built:
            raise NotReadyError("the model has no weights before it is built: add an Input, or call build(shape)")

    def save(self, filepath, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write layers, weights, `compile` arguments and the optimizer's state to one `.safetensors` file."""
        saving.write(filepath, *self._state(include_optimizer), overwrite=overwrite)

    def save_weights(self, filepath, overwrite: bool = True) -> None:
        """Write the weights alone; `load_weights` of a model with the same layers reads them."""
        saving.write(filepath, {"content": "weights"}, self._weight_arrays(), overwrite=overwrite)

    def load_weights(self, filepath) -> None:
        """Read weights from a file of `save_weights` or `save`.

        Raises:
            ModelFileError: missing or damaged file, or names or shapes that are not this model's.
        """
        _, arrays = saving.read(filepath)
        self._assign({name: array for name, array in arrays.items() if name.startswith("weights/")}, filepath)

    def _weight_arrays(self) -> dict[str, np.ndarray]:
        self._need_built()
        return {f"weights/{number}.{weight.name}": weight.value for number, weight in enumerate(self.parameters)}

    def _assign(self, arrays, source) -> None:
        own = self._weight_arrays()
        saving.check_names(own, arrays, source)
        for name, array in arrays.items():
            own[name][...] = array

    def _state(self, include_optimizer=True) -> tuple[dict, dict[str, np.ndarray]]:
        arrays = self._weight_arrays()
        header = {"content": "model", "model": self.to_spec(), "input_shape": list(self.input_shape), "compile": None}
        if self.compiled and include_optimizer:
            state = self.optimizer.get_state()
            if self._steps and self._steps.store.size != sum(weight.size for weight in self.trainable_weights):
                state["slots"] = []  # layers were frozen or freed since `compile`
            header |= {"compile": self.compile_config(), "iterations": state["iterations"]}
            arrays |= saving.slots_to_arrays(state["slots"])
        return header, arrays

    @classmethod
    def _from_state(cls, header, arrays, source) -> "Sequential":
        model = Layer.get(header["model"])
        model.ensure_built(tuple(header["input_shape"]))
        model._assign({name: array for name, array in arrays.items() if name.startswith("weights/")}, source)
        if header["compile"]:
            model.compile(**header["compile"])
            slots = saving.slots_from_arrays(arrays)
            model.optimizer.set_state({"iterations": header["iterations"], "slots": slots})
        return model

    def __getstate__(self):
        if not self.built:
            return {"spec": self.to_spec(), "compile": self.compile_config() if self.compiled else None}
        header, arrays = self._state()
        return {"header": header, "arrays": arrays}

    def __setstate__(self, state):
        if "header" in state:
            restored = self._from_state(state["header"], state["arrays"], "the pickled model")
        else:
            restored = Layer.get(state["spec"])
            if state["compile"]:
                restored.compile(**state["compile"])
        self.__dict__.update(restored.__dict__)


def load_model(filepath, compile: bool = True) -> Sequential:
    """Read a model that `model.save(filepath)` wrote; with `compile`, compiled as it was.

    Own layers and losses must have been defined, by importing their module, before their file is read.

    Raises:
        ModelFileError: missing, damaged or foreign file, or one that names unknown classes.
    """
    header, arrays = saving.read(filepath)
    if header.get("content") != "model":
        raise ModelFileError(f"{filepath} holds weights alone: build the model and call load_weights")
    try:
        return Sequential._from_state(header if compile else {**header, "compile": None}, arrays, filepath)
    except ConfigError as error:
        raise ModelFileError(f"{filepath}: {error}; import the module that defines your own classes first") from None
