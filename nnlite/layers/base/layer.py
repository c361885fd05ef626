"""The contract of a layer: an op whose inputs are its data and its parameters."""

import copy
from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from nnlite.config import FloatType, floatx
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.initializers.blank import allowance
from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.call import build_inner_layers, inner_layers, moves_on, pairs_inside, read_methods, trace_call
from nnlite.layers.base.inputs import check_number, gives_several, read_inputs, read_several, read_training, shape_fits
from nnlite.layers.base.shapes import is_small, trial_shape, trial_shapes, zeros_for
from nnlite.layers.base.simplified import DensePart, Simplified
from nnlite.layers.base.symbolic import apply_to_symbols, symbols_of
from nnlite.ops.activations import ActivationFunction, Linear
from nnlite.ops.base import Op, own_memory
from nnlite.parameters import Parameter, assign_all
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.fields import Settled, Spec, option
from nnlite.regularizers import Regularizer

__all__ = ["Layer"]


class Layer(LayerAttributes, Op, family="layer", abstract=True):
    """A differentiable function with parameters. A subclass writes `build` and either `call` or `linearize`.

    - `build(input_shape)` declares parameters with `add_weight`; shapes have None for the batch.
    - `linearize(inputs, *parameters)` returns the output and its `Jacobians`, one map per input and parameter, in
      the order of declaration. It may also take `training` (bool) and `random` (a `RandomSource`) by keyword.
    - or `call(inputs)`, made of functions of `nnlite.ops`, operators, its parameters and layers it keeps as
      attributes, returns the output alone; what it computes is recorded, and the record is the derivative.
    - `compute_output_shape(input_shape)` is worked out from `linearize` unless a subclass knows better.

    `forward(inputs)` caches the Jacobians; `backward(jacobian)` returns the derivative with respect to the
    inputs and each parameter; calling the layer computes the output alone.

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
    dtype: Settled[FloatType] = option(default=None, kw_only=True)

    _fast_paths: ClassVar[dict[str, Any]] = {"linearize": ("call",)} | dict.fromkeys(
        ("ends_in_activation", "_final_activation", "without_activation", "at_inference", "_dense_part", "infer"),
        ("call", "linearize"),
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        read_methods(cls, Layer.linearize)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "trainable" and self.__dict__.get("built"):
            for layer in inner_layers(self):
                layer.trainable = value

    def __post_init__(self):
        self.parameters = []
        self.built = False
        self.input_shape: Any = None
        self.output_shape: Any = None
        self.random = None
        self._calls = 0
        super().__post_init__()

    def build(self, input_shape: Any) -> None:
        """Declare parameters with `add_weight`; nothing to do for a layer without any."""

    def linearize(self, inputs: Any, *parameters: Any, **context: Any) -> tuple[Any, Any]:
        """The output and its `Jacobians`; pure: new moving averages travel in `Jacobians.state`."""
        if self.call is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(inputs) or linearize(inputs, ...)")
        return trace_call(self, inputs, parameters, context)

    def at_inference(self) -> Simplified | None:
        """What `linearize` computes outside training, in simpler terms, with its present weights; None: as it is."""
        return None

    def _dense_part(self) -> DensePart | None:
        """The part that the layer can take over in several dense layers trained as one; None for none."""
        return None

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Output shape for `input_shape`, found by a trial run on zeros (None stands for one, then for two)."""
        return trial_shape(self, input_shape)

    def add_weight(
        self,
        shape: Sequence[Any] = (),
        initializer: Spec[Initializer] = "glorot_uniform",
        *,
        trainable: bool = True,
        regularizer: Spec[Regularizer] | None = None,
        name: str | None = None,
        sparse: bool = False,
        constraint: Spec[Constraint] | None = None,
    ) -> Parameter:
        """Declare a parameter, whose value `linearize` receives; called in `build`.

        Args:
            shape: its shape.
            initializer: an `Initializer` or its name.
            trainable: false for state that training does not change by gradients.
            regularizer: a `Regularizer`, its name or None.
            name: unique within the layer; `weight`, `weight_1`, ... when None.
            sparse: training changes only the rows that a batch uses; for tables whose map is a `GatherRows`.
            constraint: a `Constraint`, its name or None: what training brings the values back to.
        """
        count = len(self.parameters)
        self.dtype = self.dtype or floatx()
        self.random = self.random or RandomSource(fresh_seed())
        initializer, known = Initializer.get(initializer), allowance()
        if known is not None:
            value = known.take(tuple(shape), self.dtype, self.label)
        else:
            generator = self.random.child(count).generator("initializer")
            value = initializer(tuple(shape), dtype=self.dtype, generator=generator)
        regularizer = None if regularizer is None else Regularizer.get(regularizer)
        constraint = None if constraint is None else Constraint.get(constraint)
        name = name or (f"weight_{count}" if count else "weight")
        if any(parameter.name == name for parameter in self.parameters):
            raise ConfigError(f"{self.label} has a parameter {name!r} already")
        self.parameters.append(Parameter(name, value, trainable, regularizer, sparse, constraint))
        return self.parameters[-1]

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        """Build on first use, drawing from `random`, or from fresh entropy when None; returns the output shape."""
        if not self.built:
            check_number(self, input_shape)
            self.dtype = self.dtype or floatx()
            self.random = self.random or random
            self.input_shape = tuple(input_shape)
            if not self.parameters:
                self._build_whole()
            if allowance() is None:
                self._check_linearize()
            self.output_shape = tuple(self.compute_output_shape(self.input_shape))
            if allowance() is not None and is_small(self.input_shape, self.output_shape):
                self._check_linearize()  # of a model from a file: where that costs next to nothing
            self.built = True
            if not self.trainable:
                self.trainable = False  # that of the layers inside too
        self._check_input_shape(input_shape)
        return self.output_shape

    def _check_linearize(self) -> None:
        """`ShapeError` unless `linearize` returns what it must, tried on zeros."""
        trial_shapes(self, self.input_shape, 1)

    def _build_whole(self) -> None:
        try:
            self.build(self.input_shape)
            if self._traced and inner_layers(self):
                self.random = self.random or RandomSource(fresh_seed())
                build_inner_layers(self, zeros_for(self, self.input_shape, 1))
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
        if not self.trainable:
            return []
        inner = inner_layers(self)
        free = {id(own) for layer in inner for own in layer.trainable_weights}
        frozen = {id(own) for layer in inner for own in layer.parameters} - free
        return [parameter for parameter in self.parameters if parameter.trainable and id(parameter) not in frozen]

    @property
    def weights(self) -> list[Parameter]:
        """All parameters, those declared trainable first."""
        return sorted(self.parameters, key=lambda parameter: not parameter.trainable)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the arrays of `weights`."""
        return [parameter.value.copy() for parameter in self.weights]

    def set_weights(self, weights) -> None:
        """Copy arrays in, in the order of `weights`; `ShapeError` when number or shapes differ."""
        assign_all(self.weights, weights, self.label)

    def count_params(self) -> int:
        """Number of scalars in all parameters."""
        return sum(parameter.size for parameter in self.parameters)

    def forward(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Compute the output, keep the Jacobians for `backward`; `training` turns dropout on, updates averages."""
        output, self.jacobians = self._apply(inputs, training, mask)
        several = isinstance(output, tuple)
        self._output = [(own.shape, own.dtype) for own in output] if several else (output.shape, output.dtype)
        return output

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The output alone, in memory of its own. Outside training nothing is stored, so threads may share a layer.

        But for stateful recurrent layers, which go on from call to call; so does a layer that has one inside.

        Called on an `Input`, or on what another layer gave for one, it draws the graph of a `Model`.
        """
        symbols = symbols_of(inputs)
        if symbols is not None:
            return apply_to_symbols(self, symbols, training, mask)
        output = self._apply(inputs, training, mask)[0]
        given = inputs if self.takes_several else (inputs,)
        if isinstance(output, tuple):
            return own_memory(output, *given)
        return output.copy() if any(np.may_share_memory(output, item) for item in given) else output

    def _apply(self, inputs, training, mask):
        training, inputs = read_training(training, self.label), self._as_input(inputs)
        context = {"training": training, "random": self._next_random() if training else None, "mask": mask}
        output, jacobians = self.linearize(inputs, *self.values, **{name: context[name] for name in self._context})
        if training or moves_on(self):
            self.update_state(jacobians.state)
        return output, jacobians

    def update_state(self, state: tuple) -> None:
        """Store new values of the non-trainable parameters, as `Jacobians.state` carries them."""
        for parameter, value in self._state_pairs(state):
            parameter.value[...] = value

    def _state_pairs(self, state: tuple):
        """`(parameter, new value)` for all that `state` carries."""
        if self._traced and state:
            return pairs_inside(inner_layers(self), state)
        return zip((own for own in self.parameters if not own.trainable), state, strict=True) if state else ()

    def _as_input(self, inputs) -> np.ndarray | tuple[np.ndarray, ...]:
        """`inputs` as an array of this layer's dtype (a tuple for several), built for and checked against its shape."""
        several, kind = gives_several(inputs, self), self.input_kind
        arrays = read_several(inputs, self) if several else (read_inputs(inputs, kind, self.label),)
        shapes = tuple(array.shape for array in arrays)
        if not self.built:
            free = tuple((None, *shape[1:]) for shape in shapes)
            self._ensure_built(free if several else free[0])
        self._check_input_shape(shapes if several else shapes[0])
        self._check_ready()
        if kind == "numbers":
            arrays = tuple(own if own.dtype.kind == "c" else own.astype(self.dtype, copy=False) for own in arrays)
        return arrays if several else arrays[0]

    def _check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless `shape` fits the one that this layer was built for."""
        if not shape_fits(self.input_shape, shape):
            raise ShapeError(f"{self.label} was built for inputs of shape {self.input_shape}, got {tuple(shape)}")

    @property
    def adapted(self) -> bool:
        """Whether the layer knows what it has to learn from data by `adapt`; most have nothing to learn."""
        return True

    def _layers_inside(self) -> "Sequence[Layer]":
        """The layers that a container is made of, in order; none in any other layer."""
        return ()

    @property
    def _activation_argument(self) -> ActivationFunction | None:
        """The argument `activation`; None for a layer that has no such argument."""
        return vars(self).get("activation")

    def _check_ready(self) -> None:
        """Raise `NotReadyError` when the layer lacks something besides `build`, such as `adapt`."""

    def without_activation(self) -> tuple["Layer", ActivationFunction | None]:
        """This layer up to its final activation, and that activation; parameters are shared, not copied."""
        layer: Any = self
        activation = layer.activation if self.ends_in_activation else None
        if activation is None:
            return self, None
        bare = copy.copy(layer)
        bare.activation = Linear()
        return bare, activation

    @property
    def _output_dtype(self) -> str:
        """Type of the outputs: `dtype`, `"int64"` for indices, `"object"` for strings."""
        return self.dtype
