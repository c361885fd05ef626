"""What every model has: layers by name, weights, a summary, files."""

import math

import numpy as np

from nnlite import saving
from nnlite.data.batches import take_rows
from nnlite.derivatives import Derivatives
from nnlite.errors import ConfigError, ModelFileError, NotReadyError, did_you_mean
from nnlite.inference import Predictor
from nnlite.layers import Layer
from nnlite.layers.base.call import pairs_inside
from nnlite.layers.base.shapes import zeros_for
from nnlite.layers.composite.chain import Chain
from nnlite.models.summary import summary_table
from nnlite.training import Trainer
from nnlite.training.inputs import prepared
from nnlite.training.profile import Profile, profile_step


class BaseModel(Trainer, Derivatives, Layer, abstract=True):
    """A layer made of `layers` that can be trained, saved and loaded.

    A subclass has `layers`, `seed`, and a `chain`, the program that runs its layers.
    """

    _nested = False

    @property
    def label(self) -> str:
        return f"model {self.name!r}" if self.name else "the model"

    def as_targets(self, y):
        """`y` as an array, or as a tuple of one array per output."""
        return np.asarray(y)

    def check_linearize(self):
        """Nothing to do: each layer was checked when it was built."""

    def linearize(self, inputs, *parameters, training=False, random=None, mask=None):
        """The output and the Jacobians by the inputs and every parameter, in the order of `parameters`."""
        return self.chain.linearize(inputs, *parameters, training=training, random=random, mask=mask)

    def state_pairs(self, state):
        return pairs_inside(self._with_state, state) if state else ()

    def stage_labels(self):
        return self.chain.labels

    def check_ready(self):
        for layer in self.layers:
            layer.check_ready()

    @property
    def adapted(self) -> bool:
        return all(layer.adapted for layer in self.layers)

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

    def compile_predict(self, batch_size: int | None = None) -> Predictor:
        """A function that predicts faster than the model, above all for few rows: `predictor(x)` returns the outputs.

        It holds the weights of this moment, with normalizations multiplied into them and dropout left out; its results
        agree with `predict` to rounding.

        Args:
            batch_size: rows to be ready for; any number of rows can be given later.

        >>> import numpy as np
        >>> from nnlite import Input, Sequential
        >>> from nnlite.layers import BatchNormalization, Dense, Dropout
        >>> model = Sequential([Input((3,)), BatchNormalization(), Dense(4, "relu"), Dropout(0.5), Dense(1)], seed=0)
        >>> model.compile_predict()
        Predictor(Product(3, 4), Product(4, 1))
        """
        self._need_built()
        self.check_ready()
        layers = list(_flattened(self))
        _, jacobians = self.linearize(zeros_for(self, self.input_shape, batch_size or 1), *self.values)
        if _sets_a_mask(jacobians) or any(layer.dtype != self.dtype for layer in layers):
            layers = [self]
        predictor = Predictor(layers, self)
        if batch_size is not None and not self.takes_several:
            predictor(zeros_for(self, self.input_shape, batch_size))
        return predictor

    def profile(self, x, y, sample_weight=None, batch_size: int = 32, steps: int = 50) -> Profile:
        """Where the time of a training step goes: forward, backward and update, layer by layer, beside the floor.

        A copy of the model is trained; the model itself stays as it is.

        Args:
            x, y, sample_weight: data as for `fit`; the first `batch_size` rows are the batch.
            batch_size: examples in the step.
            steps: how many are measured.

        Returns:
            A table to print, with `rows`, `total` and `floor` in microseconds.
        """
        self._need_loss("profile")
        arrays = prepared(self, x, y, sample_weight)
        self._ready_steps()
        return profile_step(self, *(take_rows(array, slice(0, batch_size)) for array in arrays), steps=steps)

    def largest_product(self, batch_size: int | None) -> int:
        """Multiply-adds of the largest matrix product of a step: it decides how many threads pay."""
        found = 0
        for layer in self.layers:
            kernels = [parameter.size for parameter in layer.parameters if len(parameter.shape) > 1]
            places = math.prod(length or 1 for length in layer.output_shape[1:-1] if not isinstance(length, tuple))
            found = max([found, *(size * places for size in kernels)])
        return found * (batch_size or 32)

    def summary(self, print_fn=print) -> None:
        """Print a table of layers, output shapes and numbers of parameters."""
        print_fn(summary_table(self))

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
    def _from_state(cls, header, arrays, source) -> "BaseModel":
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


def load_model(filepath, compile: bool = True) -> BaseModel:
    """Read a model that `model.save(filepath)` wrote; with `compile`, compiled as it was.

    Own layers and losses must have been defined, by importing their module, before their file is read.

    Raises:
        ModelFileError: missing, damaged or foreign file, or one that names unknown classes.
    """
    header, arrays = saving.read(filepath)
    if header.get("content") != "model":
        raise ModelFileError(f"{filepath} holds weights alone: build the model and call load_weights")
    try:
        return BaseModel._from_state(header if compile else {**header, "compile": None}, arrays, filepath)
    except ConfigError as error:
        raise ModelFileError(f"{filepath}: {error}; import the module that defines your own classes first") from None


def _flattened(model):
    """The layers of a chain, those of chains inside it among them; a model of another kind as one layer."""
    if not isinstance(getattr(model, "chain", None), Chain):
        yield model
        return
    for layer in model.layers:
        yield from _flattened(layer)


def _sets_a_mask(jacobians) -> bool:
    """Whether a layer said which steps count, which the layers after it heed."""
    inner = [part for _, part in jacobians.parts() if hasattr(part, "mask")]
    return jacobians.mask is not None or any(map(_sets_a_mask, inner))
