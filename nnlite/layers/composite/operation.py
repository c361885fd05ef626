"""Functions of `nnlite.ops` as layers of a graph: created by operators, slices and ops on symbols."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import Any, NoReturn, get_args

import numpy as np

from nnlite import ops
from nnlite.config import WholeType, floatx
from nnlite.errors import ConfigError, did_you_mean
from nnlite.jacobians import Jacobian, Jacobians
from nnlite.layers.base.contract.structure import form_of, leaves_of
from nnlite.layers.base.inputs import check_number
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import OPERATIONS, Symbol, symbols_of
from nnlite.layers.composite.outlines import outlines
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS, UNDERIVED, Traced
from nnlite.random import RandomSource
from nnlite.tree import flatten

__all__ = ["Operation"]

# Functions whose results are booleans, and those whose results are places or counts.
LOGICAL = {
    *("all", "any", "equal", "greater", "greater_equal", "isclose", "isfinite", "isin", "isinf", "isnan"),
    *("less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "not_equal", "in_top_k"),
}
COUNTING = {
    *("argmax", "argmin", "argsort", "bincount", "count_nonzero", "digitize", "nonzero", "searchsorted"),
    "unravel_index",
}
# Options under which shapes are found, of functions that might not end on an example.
ON_EXAMPLES = {"while_loop": {"maximum_iterations": 0}}
# Functions whose results have lengths that depend on the numbers.
OF_ANY_LENGTH = {"bincount", "nonzero", "unique", *(f"segment_{name}" for name in ("max", "min", "prod", "sum"))}


class Operation(Layer):
    """Applies a function of `nnlite.ops`; created by operators, slices and ops on symbols of a graph.

    Args:
        function: the name of the function.
        arguments, options: what it is called with, by position and by name, as plain values: `{"input": 0}` stands for
            the first input, `{"slice": [0, 2, None]}` for a slice, `{"array": [...], "dtype": "float32"}` for an array,
            `{"tuple": [...]}` for a tuple, `{"dict": {...}}` for a dict, `{"ellipsis": True}` for `...`. A function
            among them is kept as it is, and cannot be saved.

    Raises:
        ConfigError: no such function.

    >>> from nnlite import Input, Model, ops
    >>> x = Input((3,))
    >>> model = Model(x, ops.exp(-x)[:, :2] * 10)
    >>> model.predict([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], verbose=0).tolist()
    [[10.0, 10.0], [10.0, 10.0]]
    """

    function: str
    arguments: list[Any] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    takes_several = None
    _takes_policies = False  # what it is given decides

    def __post_init__(self) -> None:
        self._input_types: list[str] = []  # of the symbols that it was drawn on; the layer's where none are known
        self._outlines: tuple[tuple, list[tuple[tuple, str]]] | None = None  # of the last shapes that were asked for
        super().__post_init__()

    @property
    def _name_stem(self) -> str:
        return self.function

    @property
    def input_kind(self) -> str:
        """The kind of values that it was drawn on: strings, or integers, which are not rounded, or numbers."""
        kinds = set(self._input_types)
        if kinds == {"string"}:
            return "strings"
        return "indices" if kinds and kinds.issubset(get_args(WholeType)) else "numbers"

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        symbols = symbols_of(inputs[0]) if inputs else None
        if symbols is not None:
            self._input_types = [symbol.dtype for symbol in (symbols if isinstance(symbols, tuple) else (symbols,))]
        return super().__call__(*inputs, **options)

    def validate(self) -> None:
        if not any(self.function in functions for functions in (FUNCTIONS, CONSTANTS, UNDERIVED)):
            known = self.function in vars(ops)
            message = (
                f"nnlite.ops.{self.function} is not applied by layers of a graph: apply it to arrays"
                if known
                else f"there is no function {self.function!r} in nnlite.ops; {did_you_mean(self.function, FUNCTIONS)}"
            )
            raise ConfigError(message, ("Operation", "function"))

    def get_config(self) -> dict[str, Any]:
        if any(map(callable, flatten([self.arguments, self.options]))):
            raise ConfigError(
                f"ops.{self.function} takes a function of the program, which no file holds: write a layer with call"
            )
        return super().get_config()

    def call(self, inputs: Any) -> Any:
        """Apply the function to the inputs and the constants among its arguments."""
        items = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
        plain = self.function in UNDERIVED or not any(item.value.dtype.kind in "fc" for item in items)
        result = self._applied([item.value for item in items] if plain else items)
        take = _without_derivative if self.function in UNDERIVED else _recorded
        ends = [take(end, items, self) for end in leaves_of(result)]
        return tuple(ends) if isinstance(result, (list, tuple, dict)) else ends[0]

    def _applied(self, inputs: Sequence[Any], others: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """The result of the function for the inputs and the constants among its arguments."""
        arguments = [filled(argument, inputs, self.dtype) for argument in self.arguments or [{"input": 0}]]
        options = {name: filled(option, inputs, self.dtype) for name, option in self.options.items()}
        options |= others
        name = self.function
        result = (FUNCTIONS.get(name) or CONSTANTS.get(name) or UNDERIVED[name])(*arguments, **options)
        return np.int32(result) if type(result) is int else result

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the function's output, by a trial run; None for an axis that varies with the inputs."""
        shapes = tuple(shape for shape, _ in self._outlined(input_shape))
        return shapes[0] if len(shapes) == 1 else shapes

    def _outlined(self, input_shape: tuple) -> list[tuple[tuple, str]]:
        """Shape and type of each result."""
        several = bool(input_shape) and isinstance(input_shape[0], (tuple, list))
        shapes = tuple(map(tuple, input_shape)) if several else (tuple(input_shape),)
        if self._outlines is None or self._outlines[0] != shapes:
            types = self._input_types or [self.dtype or floatx()] * len(shapes)
            varies = self.function in OF_ANY_LENGTH
            self._outlines = shapes, outlines(self.label, self._leaves, shapes, types, varies)
        return self._outlines[1]

    def _leaves(self, inputs: Sequence[Any]) -> list[Any]:
        """All results of the function; how they are nested is noted."""
        result = self._applied(inputs, ON_EXAMPLES.get(self.function, {}))
        self._structure = form_of(result) if isinstance(result, (list, tuple, dict)) else None
        return leaves_of(result)

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        """Find the output shape on first use; there are no parameters, and nothing is added to the loss."""
        if not self.built or self.input_shape is None:
            check_number(self, input_shape)
            self.dtype = self._given_dtype or floatx()
            self.input_shape, self.output_shape = tuple(input_shape), self.compute_output_shape(input_shape)
            self.built = self._build_done = True
        return self.output_shape

    @property
    def _returned_dtypes(self) -> Sequence[str]:
        return [kind for _, kind in self._outlines[1]] if self._outlines else super()._returned_dtypes

    @property
    def _output_dtype(self) -> str:
        if self.function == "cast":
            kind = self.options.get("dtype", self.arguments[-1])
            return self.dtype if "float" in str(kind) else str(kind)
        return "bool" if self.function in LOGICAL else "int64" if self.function in COUNTING else self.dtype


def _recorded(end: Any, inputs: Sequence[Any], layer: Operation) -> Any:
    """A result of the function as part of the record that the inputs belong to: a constant has no derivative."""
    if isinstance(end, Traced):
        return end
    return inputs[0].trace.note(layer, np.asarray(end), Jacobians(), ())


class _Unwritten(Jacobian):
    """The derivative of a function for which none is written: `ConfigError` where it is asked for."""

    __slots__ = ("_function",)

    def __init__(self, function: str, shapes: tuple[Any, Any]) -> None:
        super().__init__(*shapes)
        self._function = function

    def vjp(self, cotangent: np.ndarray) -> NoReturn:
        raise self._refused()

    def jvp(self, tangent: np.ndarray) -> NoReturn:
        raise self._refused()

    def _refused(self) -> ConfigError:
        return ConfigError(f"ops.{self._function} has no derivative: apply nnlite.ops.stop_gradient to what it takes")


def _without_derivative(end: Any, inputs: Sequence[Any], layer: Operation) -> Any:
    """A result of a function whose derivative is not written, as part of the record."""
    output = np.asarray(end)
    maps = [_Unwritten(layer.function, (item.shape, output.shape)) for item in inputs]
    return inputs[0].trace.note(layer, output, Jacobians(*maps), [item.slot for item in inputs])


def filled(value: Any, inputs: Sequence[Any], dtype: str) -> Any:
    """An argument in the form that the function takes, with inputs filled in and arrays of float64 in this dtype."""
    if isinstance(value, (list, tuple)):
        return [filled(item, inputs, dtype) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content), *_) = value.items()
    if kind == "input":
        return inputs[content]
    if kind == "tuple":
        return tuple(filled(item, inputs, dtype) for item in content)
    if kind == "slice":
        return slice(*content)
    if kind == "dict":
        return {name: filled(item, inputs, dtype) for name, item in content.items()}
    return ... if kind == "ellipsis" else np.array(content, dtype if value["dtype"] == "float64" else value["dtype"])


def _plain(value: Any, inputs: list[Symbol]) -> Any:
    """An argument as a plain value; symbols in it are added to `inputs`."""
    symbol = None if isinstance(value, (list, tuple)) else symbols_of(value)
    if symbol is not None:
        places = [index for index, known in enumerate(inputs) if known.key == symbol.key]
        inputs.extend([] if places else [symbol])
        return {"input": places[0] if places else len(inputs) - 1}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, inputs) for item in value]}
    if isinstance(value, list):
        return [_plain(item, inputs) for item in value]
    if isinstance(value, dict):
        return {"dict": {name: _plain(item, inputs) for name, item in value.items()}}
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return {"ellipsis": True} if value is ... else value.item() if isinstance(value, np.generic) else value


def draw(name: str, arguments: tuple, options: dict[str, Any]) -> Any:
    """Apply the function to symbols among its arguments, by a new `Operation`."""
    inputs: list[Symbol] = []
    plain = [_plain(argument, inputs) for argument in arguments]
    named = {key: _plain(option, inputs) for key, option in options.items()}
    layer = Operation(name, plain, named)
    layer._input_types = [symbol.dtype for symbol in inputs]
    layer._ensure_built(tuple(symbol.shape for symbol in inputs) if len(inputs) > 1 else inputs[0].shape)
    return layer(tuple(inputs) if len(inputs) > 1 else inputs[0])


OPERATIONS.append(draw)
