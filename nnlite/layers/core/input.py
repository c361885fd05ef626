"""Placeholder layers: the input of a model, the identity, and a change of dtype."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from nnlite.arrays.types import dtype_of, saturated
from nnlite.config.defaults import FLOAT_TYPES, FloatType, floatx
from nnlite.errors import ConfigError, ShapeError, WrongTypeError
from nnlite.jacobians import Identity as IdentityJacobian, Jacobians, Recast
from nnlite.layers.base.contract.keras_config import is_for_files
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.layers.base.symbolic import STAND_INS, Drawable, Symbol, symbols_of
from nnlite.random import RandomSource
from nnlite.registry.bounds import Count
from nnlite.registry.fields import Converted, change_constructor, option

__all__ = ["Cast", "Identity", "Input", "InputLayer", "KerasTensor"]


if TYPE_CHECKING:
    ShapeArgument: TypeAlias = Converted[Sequence[int | None] | None, tuple[Count | None, ...]]
else:
    ShapeArgument = tuple[Count | None, ...] | None


Other = Literal["float16", "bfloat16", "bool", "int8", "int16", "uint8", "uint16", "uint32", "uint64"]  # of data alone


class InputLayer(Layer, Drawable, aliases=("Input",)):
    """Declares the shape of one example, so that the model is built immediately; layers called on it form a graph.

    `Input` is the same class: its instance stands for its value, too.

    Args:
        shape: without the batch axis, for example `(28, 28)`; None for a length that varies.
        batch_size: examples in each batch; None for any number. It is only recorded and not enforced.
        dtype: type of the data, such as `"string"` or `"uint8"`; layers convert it as they need.
        batch_shape: `shape` and `batch_size` in one, such as `(None, 28, 28)`.
        tensor: an `Input`, which alone is returned itself; or another `KerasTensor`, whose shape and type are taken in
            place of `shape` and `dtype`.
        sparse, ragged: Keras's; false, as data are dense arrays.
        optional: Keras's; kept in configs. Data are needed all the same.

    Attributes:
        shape, batch_shape: with the batch axis, None for any number of examples.

    Raises:
        ConfigError: none or several of `shape`, `batch_shape` and `tensor`; `sparse` or `ragged` is true.

    >>> Input((8, 5)).shape, Input(batch_shape=(4, 3)).shape
    ((None, 8, 5), (4, 3))
    """

    shape: ShapeArgument = option(default=None)
    batch_size: Count | None = None
    dtype: FloatType | Literal["int32", "int64", "string"] | Other | None = field(default=None, kw_only=True)
    batch_shape: ShapeArgument = option(default=None, kw_only=True)
    optional: bool = field(default=False, kw_only=True)

    supports_masking = True
    _takes_policies = False
    _default_name = "input_layer"
    _further_arguments = ("sparse", "ragged")
    sparse = ragged = False
    record_history = Symbol.record_history

    def __post_init__(self) -> None:
        self._kind: str | None = None  # the type of a `KerasTensor`, which may be any
        super().__post_init__()
        if self.batch_shape is None and self.shape is not None:
            self.batch_shape = (self.batch_size, *self.shape)
        elif not self.batch_shape or self.shape is not None or self.batch_size is not None:
            raise ConfigError("give shape, with batch_size if it is known, or batch_shape", ("Input",))
        self.batch_size, *inner = self.batch_shape
        self.shape = self.batch_shape
        self._symbol = Symbol(self, (), self.batch_shape)
        self.input_shape = self.output_shape = (None, *inner)
        self.built = True

    def _take_further(self, arguments: dict[str, Any]) -> None:
        for name in self._further_arguments:
            if arguments.get(name):
                raise ConfigError("data are dense arrays", ("Input", name))

    def _arguments(self) -> dict[str, Any]:
        """The arguments that make the same `Input`: the shape without the batch axis."""
        arguments = {**super()._arguments(), "shape": (self.shape or ())[1:]}
        return {name: value for name, value in arguments.items() if name != "batch_shape"}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not is_for_files():
            dtype = self.dtype or floatx()
            further = dict.fromkeys(self._further_arguments, False)
            ends = {"name": self.name, "optional": self.optional}
            return {"batch_shape": self.batch_shape, "dtype": dtype, **further, **ends}
        return {name: value for name, value in config.items() if name not in ("batch_size", "optional") or value}

    @property
    def input_kind(self) -> str:
        """The kind of inputs that `dtype` stands for."""
        dtype: Any = self.dtype
        return "strings" if dtype == "string" else "numbers" if dtype in (None, *FLOAT_TYPES) else "indices"

    @property
    def _returned_dtypes(self) -> Sequence[str]:
        return super()._returned_dtypes if self._kind is None else (self._kind,)

    @property
    def _keras_history(self) -> Any:
        return cast(Symbol, self._symbol)._keras_history

    @property
    def ndim(self) -> int:
        """Number of axes, including the batch."""
        return len(self.shape or ())

    rank = ndim

    def __repr__(self) -> str:
        return repr(self._symbol)

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


def _like_tensor(construct: Callable[..., None]) -> Callable[..., None]:
    """The constructor with Keras's arguments `tensor` and `input_tensor`, whose shape and type are taken."""

    @functools.wraps(construct)
    def __init__(self: Any, *args: Any, tensor: Any = None, input_tensor: Any = None, **options: Any) -> None:
        like = input_tensor if tensor is None else tensor
        if like is self:  # see `_made`
            return
        if like is not None:
            symbol = symbols_of(like)
            if not isinstance(symbol, Symbol):
                raise WrongTypeError(f"Input: tensor must be a KerasTensor, got {like!r}")
            options = {"batch_shape": symbol.shape, "dtype": symbol.dtype, **options}
        construct(self, *args, **options)

    return __init__


def _made(cls: type, *args: Any, tensor: Any = None, input_tensor: Any = None, **options: Any) -> Any:
    """`__new__` of an `Input`: one that is all that is given is taken itself."""
    like = input_tensor if tensor is None else tensor
    return like if isinstance(like, InputLayer) and not args and not options else object.__new__(cls)


change_constructor(InputLayer, _like_tensor)
cast(Any, InputLayer).__new__ = _made
InputLayer._spec_name = "Input"  # in configs and files
Input = InputLayer


class KerasTensorType(type):
    """The class of `KerasTensor`: all stand-ins for values of a graph are its instances."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Drawable)


class KerasTensor(metaclass=KerasTensorType):
    """A stand-in for a value of a graph, with known shape and type.

    What `Input` makes, and what a layer or an op makes of it, are instances. One that is made by hand tells the shape
    and the type of what ops give for such values.

    Args:
        shape: with the batch axis, `()` for a single number; None for a length that varies.
        dtype: the name of any type of NumPy; `config.floatx()` when None.
        sparse, ragged: Keras's; false, as data are dense arrays.
        record_history: Keras's; without effect.
        name: for display.

    Raises:
        ShapeError: lengths that are not numbers or None, or negative.

    >>> from nnlite import ops
    >>> from nnlite.layers import Dense
    >>> isinstance(Dense(2)(Input((3,))), KerasTensor), KerasTensor((None, 3)).shape
    (True, (None, 3))
    >>> ops.matmul(KerasTensor((2, 3)), KerasTensor((3, 4))).shape, ops.argmax(KerasTensor((None, 3)), 1).dtype
    ((2, 4), 'int32')
    """

    def __new__(  # type: ignore[misc]
        cls,
        shape: Sequence[int | None],
        dtype: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
    ) -> Symbol:
        whole = isinstance(shape, (list, tuple)) and all(isinstance(one, (int, np.integer, NoneType)) for one in shape)
        if not whole or any(length is not None and length < 0 for length in shape):
            raise ShapeError(f"KerasTensor: expected a tuple of lengths >= 0 or None, got {shape!r}")
        shape = [None if length is None else int(length) for length in shape]
        if sparse or ragged:
            raise ConfigError("data are dense arrays", ("KerasTensor", "sparse" if sparse else "ragged"))
        strings = "string" if dtype == "string" else None
        layer = Input(batch_shape=(None, *shape[1:]), dtype=strings, name=name)
        layer._kind = None if dtype is None or strings else dtype_of(dtype).name
        symbol = Symbol(layer, (), tuple(shape))
        symbol.name = name or "keras_tensor"
        return symbol


STAND_INS.append(KerasTensor)


class Identity(Layer):
    """outputs = inputs, of any shape; nested lists and dicts of arrays or symbols are supported.

    >>> import numpy as np
    >>> Identity()(np.array([[1.0, 2.0]])).tolist()
    [[1.0, 2.0]]
    """

    _kept_kinds = "biu"
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _keeps_values = True

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        nested = inputs[0] if inputs else None
        if isinstance(nested, Mapping) and all(map(is_part, nested.values())):
            return {key: self(item, *inputs[1:], **options) for key, item in nested.items()}
        if isinstance(nested, (list, tuple)) and nested and all(map(is_part, nested)):
            return type(nested)(self(item, *inputs[1:], **options) for item in nested)
        return super().__call__(*inputs, **options)

    def _ensure_built(self, input_shape: Any, random: RandomSource | None = None) -> tuple:
        shape = input_shape
        while isinstance(shape, Mapping) or isinstance(shape[0], (list, tuple, Mapping)):
            shape = next(iter(shape.values())) if isinstance(shape, Mapping) else shape[0]  # the others do not matter
        return super()._ensure_built(shape, random)

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


def is_part(value: Any) -> bool:
    """Whether an item of a list or dict is an input of its own: an array, a symbol, or a nested structure of them."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_part, value))
    if isinstance(value, Mapping):
        return all(map(is_part, value.values()))
    return isinstance(value, Drawable) or (isinstance(value, np.ndarray) and value.ndim > 0)


class Cast(Layer):
    """outputs = inputs in this layer's dtype; a model puts it between layers of different dtypes.

    >>> import numpy as np
    >>> Cast(dtype="float32")(np.array([1, 2])).dtype
    dtype('float32')
    """

    supports_masking = True
    _fixes = "nothing"
    _keeps_values = True

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        if self.dtype not in FLOAT_TYPES:
            return saturated(inputs, np.dtype(self.dtype)), Jacobians(None)
        outputs = inputs if inputs.dtype.kind == "c" else inputs.astype(self.dtype)
        whole = inputs.dtype.kind in "biu"  # indices have no derivative
        return outputs, Jacobians(None if whole else Recast(inputs.shape, inputs.dtype, outputs.dtype))
