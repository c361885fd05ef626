"""Wrappers of `linearize`: for layers with an activity penalty, an adapter of low rank, or a mixed policy."""

import copy
from collections.abc import Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.types import dtype_of, is_floating
from nnlite.config import DTypePolicy, default_for, floatx, load_type
from nnlite.jacobians import Bundle, Composed, GraphJacobians, Jacobians, Node, Penalized
from nnlite.layers.base.contract.structure import arranged_as
from nnlite.ops.base import own_memory
from nnlite.ops.tracing import Trace

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


class Regularized:
    """`linearize` of a layer with an `activity_regularizer`, in place of the method of its class.

    Args:
        layer: whose outputs are penalized.
        run: what computes them; None for the method of the class.
    """

    def __init__(self, layer: "Layer", run: Any = None) -> None:
        self.layer, self.run = layer, run

    def __call__(self, inputs: Any, *parameters: np.ndarray, **context: Any) -> tuple[Any, Bundle]:
        layer: Any = self.layer
        run = self.run or MethodType(type(layer).linearize, layer)
        outputs, jacobians = run(inputs, *parameters, **context)
        if type(jacobians) is Jacobians:
            penalized = Penalized(outputs, layer.activity_regularizer)
            jacobians.outer = penalized if jacobians.outer is None else Composed(penalized, jacobians.outer)
            return outputs, jacobians
        several = isinstance(outputs, tuple)
        arrays = (*(inputs if isinstance(inputs, tuple) else (inputs,)), *parameters)
        return outputs, self._after(jacobians, arrays, outputs if several else (outputs,))

    def _after(self, jacobians: Bundle, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> Bundle:
        """`jacobians` of arrays, and a `Penalized` behind each output."""
        regularizer: Any = self.layer.activity_regularizer
        start, count = len(arrays), len(outputs)
        nodes = [Node(jacobians, tuple(range(start)), tuple(range(start, start + count)), self.layer)]
        ends = []
        for slot, output in enumerate(outputs, start):
            ends.append((slot + count, output.shape))
            nodes.append(Node(Jacobians(Penalized(output, regularizer)), (slot,), (slot + count,), regularizer))
        shapes = [array.shape if array.dtype.kind in "fc" else None for array in arrays]
        return GraphJacobians(nodes, shapes, ends, jacobians.data, jacobians.state, jacobians.mask)


class Adapted:
    """`linearize` of a layer with an adapter of low rank, in place of the method of its class.

    The kernel is the first parameter, and the two matrices of the adapter are the last ones.
    """

    def __init__(self, layer: "Layer") -> None:
        self.layer = layer

    def __call__(self, inputs: Any, *parameters: np.ndarray, **context: Any) -> tuple[Any, Any]:
        layer, trace = cast(Any, self.layer), Trace()
        data, kernel, *others, a, b = map(trace.variable, (inputs, *parameters))
        merged = kernel + layer.lora_scale * (a @ b)
        taken = [merged, *others, *((a, b) if layer._traced else ())]  # what a user writes as `call` knows them all
        outputs, jacobians = type(layer).linearize(layer, inputs, *(one.value for one in taken), **context)
        end = trace.note(layer, outputs, jacobians, [data.slot, *(one.slot for one in taken)])
        whole = trace.jacobians(end)
        whole.state, whole.mask = jacobians.state, jacobians.mask
        return outputs, whole


class Lowered:
    """`linearize` of a layer with a policy of 16 bits, in place of the method of its class.

    Inputs, trainable parameters and outputs are rounded to the type of the policy and stay arrays of float32: what the
    layer adds up in between, and its derivatives, are float32. Rounding counts as the identity.

    Args:
        layer: whose policy it is.
        run: what computes the outputs; None for the method of the class.
    """

    def __init__(self, layer: "Layer", run: Any = None) -> None:
        self.layer, self.run = layer, run

    def __call__(self, inputs: Any, *parameters: np.ndarray, **context: Any) -> tuple[Any, Any]:
        layer: Any = self.layer
        kind = np.dtype(layer.compute_dtype)
        values = [
            rounded(value, kind) if parameter.shown_type is not None or not parameter.is_state else value
            for parameter, value in zip(layer.parameters, parameters, strict=True)
        ]
        run = self.run or MethodType(type(layer).linearize, layer)
        outputs, jacobians = run(rounded(inputs, kind), *values, **context)
        return rounded(outputs, kind), jacobians


def rounded(arrays: Any, kind: np.dtype) -> Any:
    """Floating-point numbers, in a tuple or alone, rounded to the dtype `kind`, in arrays of their own dtype."""
    if isinstance(arrays, tuple):
        return tuple(rounded(array, kind) for array in arrays)
    if arrays.dtype.kind != "f":
        return arrays
    with np.errstate(over="ignore"):  # beyond its range there is infinity
        return arrays.astype(kind).astype(arrays.dtype)


def returned(arrays: Any, kinds: Sequence[str]) -> Any:
    """Outputs of a call, already rounded, cast to their dtypes, or to a single one; symbols and records unchanged."""
    if isinstance(arrays, tuple):
        kinds = kinds if len(kinds) > 1 else [kinds[0]] * len(arrays)
        return tuple(returned(array, (kind,)) for array, kind in zip(arrays, kinds, strict=True))
    is_number = isinstance(arrays, np.ndarray) and arrays.dtype.kind == "f"
    return arrays.astype(kinds[0], copy=False) if is_number else arrays


def values_of(ends: Sequence, data: Sequence, kind: str) -> Any:
    """The values of `ends`; if integers are among `data`, of which NumPy makes 64-bit numbers, in the dtype `kind`.

    In `floatx()` if that is of integers.
    """
    values = tuple(end.value for end in ends) if len(ends) > 1 else ends[0].value
    if not any(item.value.dtype.kind in "biu" for item in data):
        return values
    return returned(values, (kind if is_floating(np.dtype(kind)) else floatx(),))


@property
def returned_dtypes(self: Any) -> Sequence[str]:
    """The dtypes of a call's outputs, or a single one for all: the compute dtype of a mixed policy for numbers."""
    kind = self._output_dtype or self.dtype
    return (self.compute_dtype if kind == self.dtype else kind,)


def keeps_type(layer: Any, *kinds: str) -> bool:
    """Whether a layer computes with integers or booleans of these types as they are, in a graph."""
    letters = {"bool": "b", "int": "i", "uint": "u"}
    return not layer._traced and all(letters.get(kind.rstrip("0123456789"), "f") in layer._kept_kinds for kind in kinds)


def dtype_of_value(symbol: Any) -> str:
    """The dtype of a value of a graph: where a layer only moves integers, that of what it takes."""
    path = [symbol]
    while path[-1].layer._keeps_values and path[-1].inputs:  # a graph may be deeper than calls of Python
        path.append(path[-1].inputs[0])
    dtype = ""
    for value in reversed(path):
        layer = value.layer
        if not dtype or not keeps_type(layer, dtype):
            dtype = layer._returned_dtypes[value.index % len(layer._returned_dtypes)].replace("object", "string")
    return dtype


def as_returned(self: Any, output: Any) -> Any:
    """The result of a call in the structure that `call` returned, from the output of `linearize`."""
    output = returned(output, self._returned_dtypes) if self._lowers else output
    if self._structure is None:
        return output
    return arranged_as(self._structure, output if isinstance(output, tuple) else (output,))


def of_call(self: Any, call: Any, output: Any) -> Any:
    """The output as a call returns it, in memory of its own."""
    several = isinstance(call.inputs, tuple) or (self.takes_several and isinstance(call.inputs, list))
    arrays = call.inputs if several else (call.inputs,)
    if isinstance(output, tuple):
        return self._as_returned(own_memory(output, *arrays))
    shared = any(np.may_share_memory(output, item) for item in arrays)
    return self._as_returned(output.copy() if shared else output)


def copied(self: Any) -> Any:
    """A copy of the layer, for `copy.copy`, whose wrapper of `linearize` refers to the copy."""
    twin = object.__new__(type(self))
    twin.__setstate__(self.__getstate__())
    if "linearize" in vars(twin):
        put_around(twin)
    return twin


def copied_whole(self: Any, memo: dict[int, Any]) -> Any:
    """A copy of the layer and of all that it keeps, for `copy.deepcopy`, under the same name."""
    twin = memo[id(self)] = object.__new__(type(self))
    state = {**self.__getstate__(), "_made_name": None if self._given_name else self.name}
    twin.__setstate__(copy.deepcopy(state, memo))
    return twin


def read_policy(layer: Any, dtype: Any) -> Any:
    """The argument `dtype` in stored form: the name of a policy, of an instance of one, or of Keras's dict of one.

    For None it is that of `set_dtype_policy` where this is a mixed one or a map.
    """
    if dtype is None and layer._takes_policies:
        dtype = default_for(layer)
    elif isinstance(dtype, DTypePolicy):
        dtype = dtype.for_layer(layer)
    elif isinstance(dtype, Mapping):
        dtype = DTypePolicy.from_spec(dtype).name
    elif isinstance(dtype, (type, np.dtype)):
        dtype = dtype_of(dtype).name
    load_type(dtype, f"{type(layer).__name__}.dtype")
    return dtype


def show_half(layer: Any) -> None:
    """Let the parameters of a layer with a policy of 16 bits alone, such as `"float16"`, show its type."""
    if layer.variable_dtype != layer.dtype:
        for parameter in layer.parameters:
            parameter.shown_type = np.dtype(layer.variable_dtype) if parameter.value.dtype.kind == "f" else None


def put_around(layer: Any) -> None:
    """Wrap `linearize` and the faster paths as the layer's policy and regularizer require."""
    run = None
    if layer._adapter is not None:
        run = Adapted(layer)
        vars(layer).update(linearize=run, at_inference=AtInference(layer), _dense_part=_nothing, infer=None)
    if layer.compute_dtype != layer.dtype and not layer._builds_itself:
        layer._lowers, run = True, Lowered(layer, run)
        vars(layer).update(linearize=run, at_inference=_nothing, _dense_part=_nothing)
    if layer.activity_regularizer is not None:
        layer._penalizes = True
        vars(layer)["linearize"] = Regularized(layer, run)


class AtInference:
    """`at_inference` of a layer with an adapter: that of the merged layer."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __call__(self) -> Any:
        return self.layer.merged().at_inference()


def _nothing() -> None:
    """In the place of a faster way, there is none."""
