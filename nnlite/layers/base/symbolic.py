"""Values that are not there yet: what layers are called on to draw a graph."""

import zlib
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nnlite.errors import ConfigError
from nnlite.initializers.blank import allowance
from nnlite.layers.base.attributes import LayerAttributes

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = ["Symbol"]


class Symbol:
    """A value in a graph of layers: what `layer(symbol)` returns.

    Attributes:
        layer: the layer that gives it; an `Input` for an input of the graph.
        inputs: the symbols that the layer takes.
        shape: with None for the batch.
        index: which of the layer's outputs it is.
        use: the same object for all outputs of one use of the layer.
    """

    __slots__ = ("index", "inputs", "layer", "shape", "use")

    def __init__(
        self, layer: "Layer", inputs: "tuple[Symbol, ...]", shape: tuple, index: int = 0, use: object | None = None
    ):
        self.layer = layer
        self.inputs = inputs
        self.shape = shape
        self.index = index
        self.use = use or object()

    @property
    def key(self) -> tuple:
        """What tells one value of a graph from another."""
        return (id(self.use), self.index)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise ConfigError(f"{self!r} has no values yet: use layers, such as Add()([a, b]), or Lambda for a function")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __neg__ = __pow__ = __matmul__ = __rmatmul__ = __getitem__ = __array__ = _refuse

    def __repr__(self) -> str:
        return f"Symbol(shape={self.shape}, from {self.layer.label})"


def symbols_of(inputs: Any) -> Any:
    """`inputs` as symbols: one, or a tuple; None when they are data. An `Input` stands for the value it describes."""
    if isinstance(inputs, (list, tuple)) and inputs:
        found = [None if isinstance(item, (list, tuple)) else symbols_of(item) for item in inputs[:1]]
        return tuple(symbols_of(item) for item in inputs) if found[0] else None
    if isinstance(inputs, LayerAttributes):
        return inputs._symbol
    return inputs if isinstance(inputs, Symbol) else None


def fingerprint(layer: "Layer") -> tuple[int, ...]:
    """A number for each array of the layer's parameters, another one when it has changed."""
    return tuple(zlib.crc32(np.ascontiguousarray(value).data) for value in layer.values)


def apply_to_symbols(
    layer: "Layer", symbols: Symbol | tuple[Symbol, ...], training: bool | None = None, mask: Any = None
) -> Symbol | tuple[Symbol, ...]:
    """What `layer` gives for `symbols`, building it for their shapes."""
    if training is not None or mask is not None:
        raise ConfigError(
            f"{layer.label}, called on an Input, takes its inputs alone, several in one list: layer([query, value]). "
            "The model says whether it is training, and hands on masks; a layer with trainable = False stays as it is"
        )
    several = isinstance(symbols, tuple)
    shapes = tuple(symbol.shape for symbol in symbols) if several else symbols.shape
    if not layer.built:
        layer._ensure_built(shapes)
        layer._drawn = fingerprint(layer) if allowance() is None else None  # else the values follow
    layer._check_input_shape(shapes)
    output_shape = layer.compute_output_shape(shapes)
    taken = symbols if several else (symbols,)
    if not isinstance(output_shape[0], tuple):
        return Symbol(layer, taken, tuple(output_shape))
    use = object()
    return tuple(Symbol(layer, taken, tuple(shape), index, use) for index, shape in enumerate(output_shape))
