"""Further members of Keras's layers: stateless calls, shapes, arrays by number."""

import inspect
import itertools
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.config import DTypePolicy
from nnlite.errors import ConfigError, NotReadyError, ShapeError, did_you_mean
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.contract.arguments import in_form, keyed_shape
from nnlite.layers.base.contract.around import put_around
from nnlite.layers.base.contract.building import without_batch
from nnlite.layers.base.contract.naming import place_of, policy_name
from nnlite.layers.base.contract.penalties import weight_penalties
from nnlite.layers.base.contract.structure import arranged_as, kept
from nnlite.layers.base.symbolic import CONTAINERS, STAND_INS
from nnlite.layers.base.variables.seeds import all_seed_states, variables_of
from nnlite.parameters import Parameter, assign_all
from nnlite.registry import Configurable
from nnlite.variables import StatelessScope

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

QUANTIZATIONS = (None, "int8", "float8", "int4", "gptq", "awq")


def stateless_call(
    self: "Layer",
    trainable_variables: Sequence[Any],
    non_trainable_variables: Sequence[Any],
    *inputs: Any,
    return_losses: bool = False,
    **options: Any,
) -> tuple:
    """Outputs for `inputs` with these values of its variables, which are not changed.

    Args:
        trainable_variables, non_trainable_variables: arrays, or parameters, in the order of the properties of these
            names.
        inputs, options: as for a call.
        return_losses: whether the terms that the call adds to the loss, and the penalties of weights, are returned too.

    Returns:
        The outputs and the new values of the non-trainable variables, a list of arrays; with `return_losses` the
        list of losses behind them.

    Raises:
        NotReadyError: the layer is not built.
        ShapeError: another number of values than of variables, or other shapes.

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> dense = Dense(1)
    >>> dense.build((None, 2))
    >>> outputs, state = dense.stateless_call([np.ones((2, 1)), np.ones(1)], [], np.ones((1, 2)))
    >>> outputs.tolist(), state
    ([[3.0]], [])
    """
    if not self.built:
        raise NotReadyError(f"{self.label} has no variables yet: build it, or call it on data")
    values = {
        **{id(parameter): parameter.value for parameter in self.parameters},  # some are no variables
        **_by_parameter(self.label, self.trainable_variables, trainable_variables),
        **_by_parameter(self.label, self.non_trainable_variables, non_trainable_variables),
    }
    call, taken = self._read_call(*inputs, **options), [values[id(parameter)] for parameter in self.parameters]
    with StatelessScope((state, values[id(state)]) for state in all_seed_states(self)) as scope:
        output, jacobians = self._apply(call.inputs, call.training, call.mask, call.runner, taken)
    values |= {id(parameter): value for parameter, value in self._state_pairs(jacobians.state)}
    values |= {id(state): scope.get_current_value(state) for state, _ in scope.state_mapping}
    state = [np.array(values[id(parameter)], parameter.dtype) for parameter in self.non_trainable_variables]
    outputs = self._returned(call, output)
    return (outputs, state, [*self._losses, *weight_penalties(self, values)]) if return_losses else (outputs, state)


def _by_parameter(owner: str, parameters: Sequence[Parameter], values: Sequence[Any]) -> dict[int, np.ndarray]:
    """The value for each parameter, by the identity of it."""
    if len(values) != len(parameters):
        raise ShapeError(f"{owner} has {len(parameters)} variables of this kind, got {len(values)} values")
    arrays = [np.asarray(value, parameter.value.dtype) for parameter, value in zip(parameters, values, strict=True)]
    for parameter, array in zip(parameters, arrays, strict=True):
        if array.shape != parameter.shape:
            raise ShapeError(f"{owner}: variable {parameter.name!r} has the shape {parameter.shape}, got {array.shape}")
    return {id(parameter): array for parameter, array in zip(parameters, arrays, strict=True)}


def compute_output_spec(self: "Layer", *inputs: Any, **options: Any) -> Any:
    """Stand-ins for the outputs, with their shapes and dtypes, for inputs of known shape and dtype.

    Args:
        inputs: symbols, arrays, or whatever has a `shape`; several as a list or dict.
        options: further ones by name; those without a shape, such as `training`, make no difference.

    >>> from nnlite.layers import Dense, Input
    >>> compute_output_spec(Dense(3), Input((2,)))
    <KerasTensor shape=(None, 3), dtype=float32, sparse=False, ragged=False, name=keras_tensor>
    """
    operands = [*inputs, *(value for value in options.values() if not isinstance(value, (bool, type(None))))]
    shapes = [_shape_of(value) for value in operands]
    given_shape: Any = shapes[0] if len(shapes) == 1 else shapes
    shapes_out: Any = self.compute_output_shape(given_shape)
    outputs = _stand_ins(shapes_out, itertools.cycle(self._returned_dtypes))
    if self._structure is None or isinstance(outputs, Mapping):
        return outputs
    return arranged_as(self._structure, outputs if isinstance(outputs, tuple) else (outputs,))


def _stand_ins(shapes: Any, kinds: Iterator[str]) -> Any:
    """Stand-ins for values of these shapes, in the same structure."""
    if isinstance(shapes, Mapping):
        return {key: _stand_ins(shape, kinds) for key, shape in shapes.items()}
    if len(shapes) > 0 and isinstance(shapes[0], (tuple, list, Mapping)):
        return tuple(_stand_ins(shape, kinds) for shape in shapes)
    return STAND_INS[0](tuple(shapes), next(kinds))


def _shape_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shape_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shape_of(item) for item in value]
    return tuple(value.shape)


def symbolic_call(self: "Layer", *inputs: Any, **options: Any) -> Any:
    """The outputs of a call on symbols, as symbols."""
    return self(*inputs, **options)


def rematerialized_call(self: "Layer", layer_call: Any, *_: Any, **__: Any) -> Any:
    """`layer_call` itself: Keras's would compute values again in place of keeping them for derivatives."""
    return layer_call


def drawn_mask(self: "Layer", inputs: Any, previous_mask: Any) -> Any:
    """The mask of the outputs, for symbols and the symbol of their mask: the same; none in a layer that sets another.

    A layer that makes another one of it says which, in functions that arrays and symbols take alike.
    """
    return None if self._sets_mask else previous_mask


def add_metric(self: "Layer", *_: Any, **__: Any) -> None:
    """Keras's former method: raises `NotImplementedError` with an alternative."""
    raise NotImplementedError(f"{self.label}: give metrics to `compile`, or update one of your own within train_step")


def quantize(self: "Layer", mode: str | None = None, *_: Any, **__: Any) -> None:
    """Keras's method: raises `NotImplementedError`, since layers compute in float32 or float64.

    Raises:
        ConfigError: a `mode` that Keras does not have either.
    """
    if mode not in QUANTIZATIONS:
        raise ConfigError(
            f"{self.label}: quantize: unknown mode {mode!r}; {did_you_mean(str(mode), QUANTIZATIONS[1:])}"
        )
    raise NotImplementedError(f"{self.label}: nothing is quantized: weights are float32 or float64")


@property
def metrics(self: "Layer") -> list[Any]:
    """The metrics among the attributes of the layer and of nested layers."""
    inside = [metric for layer in inner_layers(self) for metric in layer.metrics]
    return [item for item in kept(self, Configurable) if item._family == "metric"] + inside


@property
def metrics_variables(self: "Layer") -> list[Any]:
    """The variables of `metrics`."""
    return [variable for metric in self.metrics for variable in metric.variables]


# How Keras names the shapes of the inputs of attention with heads.
OF_HEADS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("MultiHeadAttention", "GroupQueryAttention"), ("query_shape", "value_shape", "key_shape")
)


def get_build_config(self: "Layer") -> dict[str, Any] | None:
    """The shape that the layer was built for, for `build_from_config`; None before.

    None too for one that needs no building, if it was just called, or is in a chain.
    That of the first data has their number of examples; several shapes are named if `build` names them.
    """
    called = self._built_on is not None or self._node is not None or self in CONTAINERS
    if not self.built or self.input_shape is None or (self._needs_no_building and called):
        return None
    shape: Any = self._built_on or self._told_shape or self.input_shape
    if self._data_keys or self._data_form is not None:
        return {"input_shape": in_form(self, shape)}
    names = [name for name in inspect.signature(self.build).parameters if name.endswith("shape")]
    if type(self).__name__ in OF_HEADS:
        shape, names = shape if isinstance(shape[0], tuple) else (shape, shape), OF_HEADS[type(self).__name__]
    several = isinstance(shape[0], tuple) and len(names) > 1
    return {"shapes_dict": dict(zip(names, shape, strict=False))} if several else {"input_shape": shape}


def build_from_config(self: "Layer", config: Mapping[str, Any] | None) -> None:
    """Build the layer for the shape that `get_build_config` returned, or for those in Keras's `shapes_dict`."""
    config = config or {}
    shapes: Any = [shape for shape in config.get("shapes_dict", {}).values() if shape is not None]
    if len(shapes) > 1:
        self.build(*map(without_batch, shapes))
    elif (shape := shapes[0] if shapes else config.get("input_shape")) is not None:
        self._ensure_built(keyed_shape(self, without_batch(shape)))


def save_own_variables(self: "Layer", store: MutableMapping[str, Any]) -> None:
    """Put the arrays of the layer's own parameters into `store` under `"0"`, `"1"` and so on, as in Keras's files."""
    for index, parameter in enumerate(_own_weights(self)):
        store[str(index)] = parameter.numpy()


def load_own_variables(self: "Layer", store: Mapping[str, Any]) -> None:
    """Take the arrays that `save_own_variables` put into `store`; `ShapeError` if number or shapes differ."""
    assign_all(_own_weights(self), [np.asarray(store[key]) for key in store], self.label)


def save_assets(self: "Layer", dir_path: str) -> None:
    """Write files that belong to the layer into a folder, which is saved with the model; for subclasses."""


def load_assets(self: "Layer", dir_path: str) -> None:
    """Read the files that `save_assets` wrote."""


def _own_weights(layer: "Layer") -> list[Parameter]:
    """The parameters that the layer itself declared, those that training changes first."""
    declared = set(map(id, layer._declared))
    return [parameter for parameter in layer.weights if id(parameter) in declared]


@property
def path(self: "Layer") -> str | None:
    """The names of the layers inside which it was built and its own, as in the paths of variables; None before.

    None too, as in Keras, for one that needs no building.
    """
    was_built = self.built and self.input_shape is not None and not self._needs_no_building
    return place_of(self).path if was_built else None


@property
def dtype_policy(self: "Layer") -> DTypePolicy:
    """The argument `dtype` as a policy."""
    return DTypePolicy(policy_name(self))


@dtype_policy.setter
def dtype_policy(self: "Layer", policy: Any) -> None:
    if self.built:
        raise ConfigError(f"{self.label} is built: its policy can be set before that")
    self.dtype = (policy if isinstance(policy, DTypePolicy) else DTypePolicy(policy)).name
    put_around(self)


@property
def input_dtype(self: "Layer") -> str:
    """`compute_dtype`, to which inputs are cast."""
    return self.compute_dtype


@property
def variables(self: "Layer") -> list[Parameter]:
    """`weights`, and the state of each generator of random numbers behind the weights of its layer."""
    return variables_of(self)


@property
def trainable_variables(self: "Layer") -> list[Parameter]:
    """Alias of `trainable_weights`, as in Keras."""
    return self.trainable_weights


@property
def non_trainable_variables(self: "Layer") -> list[Parameter]:
    """`non_trainable_weights`, and the states of generators of random numbers."""
    changed = set(map(id, self.trainable_weights))
    return [variable for variable in self.variables if id(variable) not in changed]
