"""Symbolic values: placeholders that layers are called on to build a graph."""

import weakref
import zlib
from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nnlite.errors import ConfigError
from nnlite.initializers.blank import allowance
from nnlite.layers.base.attributes import LayerAttributes, LayerCall
from nnlite.layers.base.contract.arguments import OPTIONS, with_options
from nnlite.layers.base.contract.around import dtype_of_value
from nnlite.layers.base.inputs import read_training
from nnlite.layers.base.masks import mask_of
from nnlite.layers.base.shapes import tried_on
from nnlite.ops.tracing import FUNCTIONS, NotThere, Traced

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = ["Drawable", "Symbol"]

# Makes a layer of an op function that is applied to symbols; set by the module of that layer.
OPERATIONS: list[Callable[[str, tuple, dict[str, Any]], Any]] = []
# Makes a symbol that nothing gives, of a shape and a dtype; set by the module of `Input`.
STAND_INS: list[Callable[[tuple, Any], Any]] = []
KerasHistory = namedtuple("KerasHistory", "operation node_index tensor_index")  # where a value is from, Keras's words
CONTAINERS: Any = weakref.WeakKeyDictionary()  # layer -> reference to the `Sequential` that it is in


class NotIterableError(NotThere, NotImplementedError):
    """The parts of a symbol were requested one by one."""


class Drawable:
    """Base of stand-ins for values of a graph: operators, slices and NumPy functions on it create layers."""

    __slots__ = ()

    def draw(self, name: str, arguments: tuple, options: dict[str, Any]) -> Any:
        """Apply a function of `nnlite.ops` to symbols among its arguments, as a new layer of the graph."""
        return OPERATIONS[0](name, arguments, options)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise NotThere(self)

    def __bool__(self) -> NoReturn:
        raise NotThere(self)

    __float__ = __int__ = __bool__

    def __iter__(self) -> NoReturn:
        raise NotIterableError(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in FUNCTIONS:
            raise NotThere(self)
        return self.draw(ufunc.__name__, inputs, {})

    def __add__(self, other: Any) -> Any:
        return self.draw("add", (self, other), {})

    def __radd__(self, other: Any) -> Any:
        return self.draw("add", (other, self), {})

    def __sub__(self, other: Any) -> Any:
        return self.draw("subtract", (self, other), {})

    def __rsub__(self, other: Any) -> Any:
        return self.draw("subtract", (other, self), {})

    def __mul__(self, other: Any) -> Any:
        return self.draw("multiply", (self, other), {})

    def __rmul__(self, other: Any) -> Any:
        return self.draw("multiply", (other, self), {})

    def __truediv__(self, other: Any) -> Any:
        return self.draw("divide", (self, other), {})

    def __rtruediv__(self, other: Any) -> Any:
        return self.draw("divide", (other, self), {})

    def __floordiv__(self, other: Any) -> Any:
        return self.draw("floor_divide", (self, other), {})

    def __rfloordiv__(self, other: Any) -> Any:
        return self.draw("floor_divide", (other, self), {})

    def __mod__(self, other: Any) -> Any:
        return self.draw("mod", (self, other), {})

    def __rmod__(self, other: Any) -> Any:
        return self.draw("mod", (other, self), {})

    def __pow__(self, other: Any) -> Any:
        return self.draw("power", (self, other), {})

    def __rpow__(self, other: Any) -> Any:
        return self.draw("power", (other, self), {})

    def __matmul__(self, other: Any) -> Any:
        return self.draw("matmul", (self, other), {})

    def __rmatmul__(self, other: Any) -> Any:
        return self.draw("matmul", (other, self), {})

    def __and__(self, other: Any) -> Any:
        return self.draw("logical_and", (self, other), {})

    def __or__(self, other: Any) -> Any:
        return self.draw("logical_or", (self, other), {})

    def __xor__(self, other: Any) -> Any:
        return self.draw("logical_xor", (self, other), {})

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Any:
        return self.draw("logical_not", (self,), {})

    def __round__(self, decimals: int = 0) -> Any:
        return self.draw("round", (self, decimals), {})

    def reshape(self, newshape: Any) -> Any:
        """The numbers in another shape."""
        return self.draw("reshape", (self, newshape), {})

    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of length 1."""
        return self.draw("squeeze", (self, axis), {})

    def __neg__(self) -> Any:
        return self.draw("negative", (self,), {})

    def __abs__(self) -> Any:
        return self.draw("abs", (self,), {})

    def __getitem__(self, index: Any) -> Any:
        return self.draw("getitem", (self, index), {})

    def __ne__(self, other: object) -> Any:  # as in Keras, `==` asks whether it is the same value of the graph
        return self.draw("not_equal", (self, other), {})

    def __lt__(self, other: Any) -> Any:
        return self.draw("less", (self, other), {})

    def __le__(self, other: Any) -> Any:
        return self.draw("less_equal", (self, other), {})

    def __gt__(self, other: Any) -> Any:
        return self.draw("greater", (self, other), {})

    def __ge__(self, other: Any) -> Any:
        return self.draw("greater_equal", (self, other), {})


class Symbol(Drawable):
    """A value in a graph of layers: what `layer(symbol)` returns.

    Attributes:
        layer: the layer that gives it; an `Input` for an input of the graph.
        inputs: the symbols that the layer takes.
        shape: with None for the batch, or the number of examples that an `Input` states.
        index: which of the layer's outputs it is.
        use: the same object for all outputs of one use of the layer.
        training: whether the layer is used as in training; None: as the model is.
        mask: the symbol whose values are the mask of the inputs; None: the mask that they have.
        options: what the layer's `call` is given beside data; None for nothing.
    """

    __slots__ = ("_drawn_mask", "_name", "_shape", "index", "inputs", "layer", "mask", "options", "training", "use")

    sparse = ragged = False  # Keras's: data are dense arrays
    record_history = True

    def __init__(
        self, layer: "Layer", inputs: "tuple[Symbol, ...]", shape: tuple, index: int = 0, use: object | None = None
    ):
        self.layer, self.inputs, self._shape, self.index = layer, inputs, shape, index
        self._name: str | None = None
        self.use = use or object()
        self.training: bool | None = None
        self.mask: Symbol | None = None
        self.options: dict[str, Any] | None = None
        self._drawn_mask: Any = self  # until it is asked for

    @property
    def _keras_mask(self) -> Any:
        """The symbol of the mask that the values will carry; None for none."""
        return mask_of(self) if self._drawn_mask is self else self._drawn_mask

    shape = property(lambda self: self._shape, doc="The lengths of the axes.")

    @property
    def key(self) -> tuple:
        """A key that identifies a value of a graph."""
        return (id(self.use), self.index)

    @property
    def free_shape(self) -> tuple:
        """The shape with None for the batch, even if an `Input` fixes it."""
        return (None, *self.shape[1:]) if self.shape else self.shape

    @property
    def ndim(self) -> int:
        """Number of axes, including the batch."""
        return len(self.shape)

    rank = ndim

    @property
    def dtype(self) -> str:
        """The type of the values, such as `"float32"`, `"int64"` for indices, `"string"` for strings."""
        return dtype_of_value(self)

    @property
    def _keras_history(self) -> tuple:
        """The layer that outputs it, the number of the call, and which of the outputs it is."""
        return KerasHistory(self.layer, 0, self.index)

    @property
    def name(self) -> str | None:
        """Its name, by default that of the layer that outputs it."""
        return self._name or self.layer.name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        about = f"shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, ragged={self.ragged}"
        return f"<KerasTensor {about}, name={self._name or self.layer._given_name or 'keras_tensor'}>"


def symbols_of(inputs: Any) -> Any:
    """`inputs` as symbols: one, or a tuple; None if they are data. An `Input` stands for its value."""
    if isinstance(inputs, (list, tuple)) and inputs:
        first = [None if isinstance(item, (list, tuple)) else symbols_of(item) for item in inputs[:1]]
        return tuple(symbols_of(item) for item in inputs) if first[0] is not None else None
    if isinstance(inputs, LayerAttributes):
        return inputs._symbol
    return inputs if isinstance(inputs, Symbol) else None


def is_numbers(data: Any) -> bool:
    """Whether the data of a call are numbers, as opposed to symbols of a graph or recorded values."""
    return not isinstance(data, Traced) and symbols_of(data) is None


def fingerprint(layer: "Layer") -> tuple[int, ...]:
    """A number for each of the layer's parameter arrays, which changes with the array."""
    return tuple(zlib.crc32(np.ascontiguousarray(value).data) for value in layer.values)


def apply_to_symbols(layer: "Layer", symbols: Symbol | tuple[Symbol, ...], call: LayerCall) -> Any:
    """Apply `layer` to `symbols`, building it for their shapes; the other arguments are those of the call."""
    options = None if call.runner is layer else _plain_options(call.runner)
    training, mask = None if call.training is None else read_training(call.training, layer.label), call.mask
    given_mask = None if mask is None else symbols_of(mask)
    if mask is not None and not isinstance(given_mask, Symbol):
        raise ConfigError(f"{layer.label}, called on an Input, takes another symbol for a mask, got {mask!r}")
    several = isinstance(symbols, tuple)
    shapes = tuple(symbol.shape for symbol in symbols) if several else symbols.shape
    free = tuple(symbol.free_shape for symbol in symbols) if several else symbols.free_shape
    if not layer.built or layer.input_shape is None:
        layer._built_on = shapes
        with tried_on(symbols if several else (symbols,)):
            layer._ensure_built(free)
        layer._drawn = fingerprint(layer) if allowance() is None else None  # else the values follow
    layer._check_input_shape(free)
    output_shape = with_options(layer, options).compute_output_shape(shapes)
    taken = symbols if several else (symbols,)
    several_outputs, use = isinstance(next(iter(output_shape), None), tuple), object()
    shaped = output_shape if several_outputs else [output_shape]
    outputs = [Symbol(layer, taken, tuple(shape), index, use) for index, shape in enumerate(shaped)]
    for output in outputs:
        output.training, output.mask, output.options = training, given_mask, options
    result: Any = layer._as_returned(tuple(outputs) if several_outputs else outputs[0])
    if layer._node is None:
        layer._node = symbols, result
    return result


def _plain_options(runner: "Layer") -> dict[str, Any]:
    """Options of a call beside data; `ConfigError` for what a config of the graph could not state."""
    if not runner._options:  # of a class that reads further arguments by itself
        raise ConfigError(f"{runner.label}: further arguments of a call are for arrays, not for a graph")
    for name, value in runner._options.items():
        if not isinstance(value, OPTIONS):
            raise ConfigError(
                f"{runner.label}: {name}={value!r} is for calls on arrays; in a graph, options are numbers, strings, "
                "True, False or None: let the constructor take it"
            )
    return dict(runner._options)
