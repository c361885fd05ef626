"""The contract of a layer: an op whose inputs are its data and its parameters."""

import copy
import inspect
from dataclasses import field
from typing import Literal

import numpy as np

from nnlite.config import FLOAT_TYPES, floatx
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.initializers import Initializer
from nnlite.ops.activations import ActivationFunction, Linear
from nnlite.ops.base import Op
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, fresh_seed
from nnlite.regularizers import Regularizer

__all__ = ["Layer"]


class Layer(Op, family="layer", abstract=True):
    """A differentiable function with parameters. A subclass writes `build` and `linearize`.

    - `build(input_shape)` declares parameters with `add_weight`; shapes have None for the batch.
    - `linearize(inputs, *parameters)` returns the output and its `Jacobians`, one map per input and parameter, in
      the order of declaration. It may also take `training` (bool) and `random` (a `RandomSource`) by keyword.
    - other layers must not be kept as attributes: a `Sequential` holds them.
    - `compute_output_shape(input_shape)` is worked out from `linearize` unless a subclass knows better.

    `forward(inputs)` caches the Jacobians; `backward(jacobian)` returns the derivative by the inputs and by each
    parameter; calling the layer computes the output alone.

    Args:
        name: shown in summaries and errors; given by the model when None.
        trainable: whether training changes the parameters.
        dtype: floating-point type, `nnlite.config.floatx()` when None.

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> dense = Dense(3)
    >>> dense.forward(np.ones((2, 4))).shape
    (2, 3)
    >>> [gradient.shape for gradient in dense.backward(1)]
    [(2, 4), (4, 3), (3,)]
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)
    dtype: Literal[FLOAT_TYPES] | None = field(default=None, kw_only=True)

    integer_inputs = False
    ends_in_activation = False  # whether `self.activation` is the last thing that `linearize` applies
    context = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        accepted = inspect.signature(cls.linearize).parameters
        cls.context = tuple(name for name in ("training", "random") if name in accepted)

    def __post_init__(self):
        self.parameters: list[Parameter] = []
        self.built = False
        self.input_shape = None
        self.output_shape = None
        self.random = None
        self._calls = 0
        super().__post_init__()

    def build(self, input_shape: tuple) -> None:
        """Declare parameters with `add_weight`; nothing to do for a layer without any."""

    def linearize(self, inputs, *parameters):
        """The output and its `Jacobians`; pure: new moving averages travel in `Jacobians.state`."""
        raise NotImplementedError(f"{type(self).__name__} must define linearize(inputs, *parameters)")

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Output shape for `input_shape`, found by a trial run on zeros (None stands for one, then for two)."""
        shapes = [self._trial_shape(input_shape, size) for size in (1, 2)]
        return tuple(one if one == two else None for one, two in zip(*shapes, strict=True))

    def _trial_shape(self, input_shape, size):
        shape = [size if length is None else length for length in input_shape]
        with np.errstate(all="ignore"):
            zeros = np.zeros(shape, np.intp if self.integer_inputs else self.dtype)
            result = self.linearize(zeros, *self.values)
        if not (isinstance(result, tuple) and len(result) == 2 and len(result[1]) == 1 + len(self.parameters)):
            raise ShapeError(
                f"{self.label}: linearize must return (output, Jacobians) with one map for the inputs and one for "
                f"each of its {len(self.parameters)} parameters"
            )
        return result[0].shape

    def add_weight(self, shape=(), initializer="glorot_uniform", *, trainable=True, regularizer=None, name=None):
        """Declare a parameter; called in `build`.

        Args:
            shape: its shape.
            initializer: an `Initializer` or its name.
            trainable: false for state that training does not change by gradients.
            regularizer: a `Regularizer`, its name or None.
            name: unique within the layer; `weight`, `weight_1`, ... when None.

        Returns:
            The `Parameter`; `linearize` receives its value.
        """
        count = len(self.parameters)
        self.dtype = self.dtype or floatx()
        self.random = self.random or RandomSource(fresh_seed())
        generator = self.random.child(count).generator("initializer")
        value = Initializer.get(initializer)(tuple(shape), dtype=self.dtype, generator=generator)
        regularizer = None if regularizer is None else Regularizer.get(regularizer)
        name = name or (f"weight_{count}" if count else "weight")
        if any(parameter.name == name for parameter in self.parameters):
            raise ConfigError(f"{self.label} has a parameter {name!r} already")
        self.parameters.append(Parameter(name, value, trainable, regularizer))
        return self.parameters[-1]

    def ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        """Build on first use; returns the output shape.

        Args:
            input_shape: with None for the batch.
            random: where initial values are drawn from; fresh entropy when None.
        """
        if not self.built:
            self.dtype = self.dtype or floatx()
            self.random = self.random or random
            self.input_shape = tuple(input_shape)
            if not self.parameters:
                self._build_whole()
            self.check_linearize()
            self.output_shape = tuple(self.compute_output_shape(self.input_shape))
            self.built = True
        self.check_input_shape(input_shape)
        return self.output_shape

    def check_linearize(self) -> None:
        """`ShapeError` unless `linearize` returns what it must, tried on zeros."""
        self._trial_shape(self.input_shape, 1)

    def _build_whole(self) -> None:
        try:
            self.build(self.input_shape)
        except BaseException:
            self.parameters = []
            raise

    @property
    def values(self) -> list[np.ndarray]:
        """The parameters' arrays, as `linearize` takes them."""
        return [parameter.value for parameter in self.parameters]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The parameters that training changes; none when the layer is frozen."""
        return [parameter for parameter in self.parameters if parameter.trainable] if self.trainable else []

    @property
    def weights(self) -> list[Parameter]:
        """All parameters, those declared trainable first."""
        return sorted(self.parameters, key=lambda parameter: not parameter.trainable)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the arrays of `weights`."""
        return [parameter.value.copy() for parameter in self.weights]

    def set_weights(self, weights) -> None:
        """Copy arrays in, in the order of `weights`; `ShapeError` when number or shapes differ."""
        own = self.weights
        if len(weights) != len(own):
            raise ShapeError(f"{self.label} has {len(own)} weights, got {len(weights)}")
        for parameter, value in zip(own, weights, strict=True):
            if np.shape(value) != parameter.shape:
                raise ShapeError(
                    f"{self.label}: weight {parameter.name!r} has the shape {parameter.shape}, got {np.shape(value)}"
                )
        for parameter, value in zip(own, weights, strict=True):
            parameter.assign(value)

    def count_params(self) -> int:
        """Number of scalars in all parameters."""
        return sum(parameter.size for parameter in self.parameters)

    def forward(self, inputs, training: bool = False) -> np.ndarray:
        """Compute the output, keep the Jacobians for `backward`; `training` turns dropout on, updates averages."""
        output, self.jacobians = self._apply(inputs, training)
        self._output = (output.shape, output.dtype)
        return output

    def __call__(self, inputs, training: bool = False) -> np.ndarray:
        """The output alone, in memory of its own; outside training nothing is stored, so threads may share a layer."""
        output = self._apply(inputs, training)[0]
        return output.copy() if np.may_share_memory(output, inputs) else output

    def _apply(self, inputs, training):
        inputs = self.as_input(inputs)
        context = {"training": training, "random": self._next_random() if training else None}
        output, jacobians = self.linearize(inputs, *self.values, **{name: context[name] for name in self.context})
        if training:
            self.update_state(jacobians.state)
        return output, jacobians

    def _next_random(self) -> RandomSource:
        """The source of this layer's own calls, another one for each."""
        source = self.random = self.random or RandomSource(fresh_seed())
        self._calls += 1
        return RandomSource(source.seed, self._calls, source.place)

    def update_state(self, state: tuple) -> None:
        """Store new values of the non-trainable parameters, as `Jacobians.state` carries them."""
        if state:
            for parameter, value in zip((p for p in self.parameters if not p.trainable), state, strict=True):
                parameter.value[...] = value

    def as_input(self, inputs) -> np.ndarray:
        """`inputs` as an array of this layer's dtype, built for and checked against its shape."""
        inputs = as_numbers(inputs, self.label)
        if not self.built:
            self.ensure_built((None, *inputs.shape[1:]))
        self.check_input_shape(inputs.shape)
        self.check_ready()
        if self.integer_inputs or inputs.dtype.kind == "c":
            return inputs
        return inputs.astype(self.dtype, copy=False)

    def check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless `shape` fits the one that this layer was built for."""
        fits = len(shape) == len(self.input_shape) and all(
            None in (expected, length) or expected == length
            for expected, length in zip(self.input_shape, shape, strict=True)
        )
        if not fits:
            raise ShapeError(f"{self.label} was built for inputs of shape {self.input_shape}, got {tuple(shape)}")

    def check_ready(self) -> None:
        """Raise `NotReadyError` when the layer lacks something besides `build`, such as `adapt`."""

    def without_activation(self) -> tuple["Layer", ActivationFunction | None]:
        """This layer up to its final activation, and that activation; parameters are shared, not copied."""
        activation = self.activation if self.ends_in_activation else None
        if activation is None:
            return self, None
        bare = copy.copy(self)
        bare.activation = Linear()
        return bare, activation

    @property
    def output_dtype(self) -> str:
        """Floating-point type of the outputs."""
        return self.dtype

    @property
    def label(self) -> str:
        """How errors call this layer: `layer 'dense_1' (Dense)`."""
        return f"layer {self.name!r} ({type(self).__name__})" if self.name else f"layer {type(self).__name__}"


def as_numbers(inputs, owner: str) -> np.ndarray:
    """`inputs`, an array, list or DataFrame, as an array of numbers; `DataError` or `ShapeError` naming `owner`."""
    if hasattr(inputs, "toarray"):
        raise DataError(f"{owner} needs a dense array, got a sparse one: pass x.toarray()")
    if hasattr(getattr(inputs, "dtypes", None), "items"):  # a DataFrame of pandas
        for name, dtype in inputs.dtypes.items():
            if getattr(dtype, "kind", "O") not in "biuf":
                raise DataError(f"{owner} needs numbers, column {name!r} holds {dtype}: encode or drop it")
        if any(not isinstance(dtype, np.dtype) for dtype in inputs.dtypes):
            inputs = inputs.to_numpy(dtype="float64", na_value=np.nan)
    try:
        array = np.asarray(inputs)
    except ValueError:
        raise ShapeError(f"{owner} needs rows of equal length") from None
    if array.dtype.kind not in "biufc":
        raise DataError(f"{owner} needs numbers, got an array of {array.dtype}")
    if array.ndim == 0:
        raise ShapeError(f"{owner} needs an array of examples, got the single number {array}")
    return array
