"""Functions of `nnlite.ops` as layers of a graph: what operators, slices and ops on symbols become."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np

from nnlite import ops
from nnlite.errors import ConfigError, did_you_mean
from nnlite.jacobians import Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import OPERATIONS, Symbol, symbols_of
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS, Traced

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


class Operation(Layer):
    """Applies a function of `nnlite.ops`. Operators, slices and ops on what layers give for an `Input` draw it.

    Args:
        function: the name of the function.
        arguments, options: what it is called with, by position and by name, as plain values: `{"input": 0}` stands for
            the first input, `{"slice": [0, 2, None]}` for a slice, `{"array": [...], "dtype": "float32"}` for an array,
            `{"tuple": [...]}` for a tuple, `{"ellipsis": True}` for `...`.

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

    @property
    def _name_stem(self) -> str:
        return self.function

    def validate(self) -> None:
        if self.function not in FUNCTIONS and self.function not in CONSTANTS:
            known = self.function in vars(ops)
            message = (
                f"nnlite.ops.{self.function} is not applied by layers of a graph: apply it to arrays"
                if known
                else f"there is no function {self.function!r} in nnlite.ops; {did_you_mean(self.function, FUNCTIONS)}"
            )
            raise ConfigError(message, ("Operation", "function"))

    def call(self, inputs: Any) -> Any:
        """Apply the function to the inputs and the constants among its arguments."""
        given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
        arguments = [_filled(argument, given, self.dtype) for argument in self.arguments or [{"input": 0}]]
        options = {name: _filled(option, given, self.dtype) for name, option in self.options.items()}
        result = (FUNCTIONS.get(self.function) or CONSTANTS[self.function])(*arguments, **options)
        ends = [_recorded(end, given[0], self) for end in (result if isinstance(result, (list, tuple)) else [result])]
        return tuple(ends) if isinstance(result, (list, tuple)) else ends[0]

    @property
    def _output_dtype(self) -> str:
        if self.function == "cast":
            kind = self.options.get("dtype", self.arguments[-1])
            return self.dtype if "float" in str(kind) else str(kind)
        return "bool" if self.function in LOGICAL else "int64" if self.function in COUNTING else self.dtype


def _recorded(end: Any, inputs: Any, layer: Operation) -> Any:
    """A result of the function as part of the record that the inputs belong to: a constant has no derivative."""
    if isinstance(end, Traced):
        return end
    return inputs.trace.note(layer, np.asarray(end), Jacobians(), ())


def _filled(value: Any, inputs: Sequence[Any], dtype: str) -> Any:
    """An argument as the function takes it, with the inputs in their places, and arrays of numbers in this dtype."""
    if isinstance(value, (list, tuple)):
        return [_filled(item, inputs, dtype) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content), *_) = value.items()
    if kind == "input":
        return inputs[content]
    if kind == "tuple":
        return tuple(_filled(item, inputs, dtype) for item in content)
    if kind == "slice":
        return slice(*content)
    return ... if kind == "ellipsis" else np.array(content, dtype if "float" in value["dtype"] else value["dtype"])


def _plain(value: Any, inputs: list[Symbol]) -> Any:
    """An argument as a plain value; symbols in it are added to `inputs`."""
    symbol = None if isinstance(value, (list, tuple)) else symbols_of(value)
    if symbol is not None:
        places = [place for place, known in enumerate(inputs) if known.key == symbol.key]
        inputs.extend([] if places else [symbol])
        return {"input": places[0] if places else len(inputs) - 1}
    if isinstance(value, tuple):
        return {"tuple": [_plain(item, inputs) for item in value]}
    if isinstance(value, list):
        return [_plain(item, inputs) for item in value]
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    return {"ellipsis": True} if value is ... else value.item() if isinstance(value, np.generic) else value


def _cast_to(name: str, arguments: tuple, options: dict[str, Any]) -> str | None:
    """The type that `ops.cast` is asked for; None for another function."""
    return str(options.get("dtype", arguments[-1])) if name == "cast" else None


def draw(name: str, arguments: tuple, options: dict[str, Any]) -> Any:
    """Apply the function to symbols among its arguments: an `Operation` is applied to them."""
    inputs: list[Symbol] = []
    plain = [_plain(argument, inputs) for argument in arguments]
    named = {key: _plain(option, inputs) for key, option in options.items()}
    kind = _cast_to(name, arguments, options)
    lowered = kind == "float16" or (kind is None and all(symbol.dtype == "float16" for symbol in inputs))
    layer = Operation(name, plain, named, dtype="mixed_float16" if lowered else None)
    return layer(tuple(inputs) if len(inputs) > 1 else inputs[0])


OPERATIONS.append(draw)
