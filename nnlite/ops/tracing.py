"""Recording of computations with ops, so that no derivative has to be written."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, ParamSpec

import numpy as np

from nnlite.arrays.types import widened
from nnlite.arrays.weights import as_eager
from nnlite.errors import ConfigError, ShapeError, WrongTypeError, did_you_mean
from nnlite.jacobians import GraphJacobians, Jacobians, Node
from nnlite.ops.plain.refusals import applies_functions, call_traced as call_traced, refused

__all__ = ["Trace", "Traced"]

Arguments = ParamSpec("Arguments")

FUNCTIONS: dict[str, Callable] = {}  # the op functions by name, which `nnlite.ops.functions` adds
UNLIKE_NUMPY: set[str] = set()  # names of such that mean something else in NumPy
CONSTANTS: dict[str, Callable] = {}  # those without a derivative, which graphs of layers apply too
UNDERIVED: dict[str, Callable] = {}  # those whose derivative is not written: graphs apply them, training refuses
COMPARISONS = ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal")
NO_ARRAY = (
    "a traced value was turned into a plain array or number, which has no derivative: use functions of nnlite.ops, "
    "or nnlite.ops.stop_gradient where none is wanted"
)


class NotThere(WrongTypeError):
    """A value that does not exist yet was requested: that of a symbol in a graph of layers.

    Args:
        symbol: has `draw(name, arguments, options)`, by which an op function becomes a layer of the graph.
    """

    def __init__(self, symbol: Any) -> None:
        super().__init__(
            f"{symbol!r} has no values yet: use functions of nnlite.ops with a derivative, or layers, such as Lambda"
        )
        self.symbol = symbol


def drawable(function: Callable[Arguments, Any], name: str = "") -> Callable[Arguments, Any]:
    """A function that, if a symbol of a graph is among its arguments, creates a layer that applies it.

    Of arrays it gives an `EagerTensor`; what NumPy refuses is an error of nnlite. The layer looks it up in `FUNCTIONS`
    by `name`, by default its own.
    """

    @functools.wraps(function)
    def draw_or_compute(*arguments: Any, **options: Any) -> Any:
        try:
            return as_eager(function(*arguments, **options))
        except NotThere as error:
            return error.symbol.draw(name or draw_or_compute.__name__, arguments, options)
        except (TypeError, IndexError) as error:
            if applies_functions(arguments, options):  # whose errors are the user's
                raise
            raise refused(name or draw_or_compute.__name__, error) from error

    return draw_or_compute


def add_functions(module: dict[str, Any], names: Iterable[str], as_numpy: bool = True) -> None:
    """Let functions of a module be drawn in graphs, and those in `as_numpy` overload NumPy's, by their names."""
    UNLIKE_NUMPY.update(() if as_numpy else names)
    known = set(FUNCTIONS.values())
    for name in names:
        if module[name] not in known:
            known.add(module[name])
            module[name].__name__ = module[name].__qualname__ = name
        FUNCTIONS.setdefault(name, module[name])


class _NoMethod(ConfigError, AttributeError):
    """A method of arrays that traced values lack; `hasattr` returns False for it."""


class Trace:
    """A record of ops applied to traced values; `jacobians` is the derivative of the outputs.

    Its attribute `shown` is a type of 16 bits, that of a layer's policy, which values of float32 say they have.

    >>> import numpy as np
    >>> from nnlite import ops
    >>> trace = Trace()
    >>> x, kernel = trace.variable(np.array([[1.0, 2.0]])), trace.variable(np.array([[3.0], [4.0]]))
    >>> y = ops.exp(x @ kernel * 0.1)
    >>> [gradient.round(3).tolist() for gradient in trace.jacobians(y).vjp(np.ones((1, 1)))]
    [[[0.901, 1.202]], [[0.3], [0.601]]]
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.in_shapes: list[tuple[int, ...] | None] = []
        self._count = 0
        self.shown: np.dtype | None = None

    def variable(self, value: Any) -> "Traced":
        """A differentiable value; all variables come before the first op."""
        value = widened(np.asarray(value))
        self.in_shapes.append(value.shape if value.dtype.kind in "fc" else None)
        return self._slot(value)

    def constant(self, value: Any) -> "Traced":
        """A value that depends on no variable."""
        return self._slot(np.asarray(value))

    def record(self, op: Any, inputs: Iterable[Any]) -> "Traced":
        """Apply `op` to values of which some are traced."""
        values, slots = [], []
        for item in inputs:
            is_traced = isinstance(item, Traced)
            values.append(self._own(item).value if is_traced else item)
            slots.append(item.slot if is_traced else None)
        output, jacobians = op.linearize(*op._as_inputs(values))
        return self.note(op, output, jacobians, slots)

    def apply(self, owner: object, function: Callable[[np.ndarray], tuple[Any, Any]], traced: "Traced") -> "Traced":
        """Record `function`, which returns the output for a value and its `Jacobian` there, such as a loss."""
        value, jacobian = function(self._own(traced).value)
        return self.note(owner, np.asarray(value, traced.value.dtype), Jacobians(jacobian), (traced.slot,))

    def note(self, owner: object, output: np.ndarray, jacobians: Any, slots: Iterable[int | None]) -> "Traced":
        """Record a computed output, and its Jacobians with respect to the values in `slots`, None for constants."""
        traced = self._slot(output)
        self.nodes.append(Node(jacobians, tuple(slots), (traced.slot,), owner))
        return traced

    def jacobians(self, *outputs: "Traced", data: int = 1) -> GraphJacobians:
        """The Jacobians of `outputs` with respect to all variables; the first `data` are data, the rest parameters."""
        ends = [(self._own(output).slot, output.shape) for output in outputs]
        return GraphJacobians(self.nodes, self.in_shapes, ends, data)

    def _slot(self, value: np.ndarray) -> "Traced":
        self._count += 1
        return Traced(self, self._count - 1, value)

    def _own(self, traced: "Traced") -> "Traced":
        if traced.trace is not self:
            raise ShapeError("a traced value was used outside the call that it belongs to; return it instead")
        return traced


def in_one(item: Any) -> Any:
    """A list with traced values among its items as one of them, so that no derivative is lost; others unchanged."""
    if item is None:  # which NumPy takes for NaN
        raise WrongTypeError("expected an array or a number, got None")
    parts = list(item) if isinstance(item, (list, tuple)) else []
    traced = next((part for part in parts if isinstance(part, Traced)), None)
    return item if traced is None else traced._op("stack", parts)


def _operators(name: str) -> tuple[Callable[["Traced", Any], Any], Callable[["Traced", Any], Any]]:
    """An operator as the op function of that name: with a traced value to its left, and to its right.

    What has no derivative, such as `//`, gives a plain array, as comparisons do.
    """

    def function() -> Callable:
        return FUNCTIONS.get(name) or CONSTANTS[name]

    return lambda left, right: function()(left, right), lambda right, left: function()(left, right)


class Traced:
    """A value in a `Trace`: Python operators and NumPy functions on it are recorded as ops."""

    __slots__ = ("slot", "trace", "value")

    def __init__(self, trace: Trace, slot: int, value: np.ndarray) -> None:
        self.trace = trace
        self.slot = slot
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements; that of 16 bits for which an array of float32 stands."""
        kind, shown = self.value.dtype, self.trace.shown
        return shown if shown is not None and kind == np.float32 else kind

    @property
    def T(self) -> "Traced":
        """The value with its axes reversed."""
        return self._op("transpose", self)

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"Traced(shape={self.shape}, dtype={self.dtype})"

    def _op(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Apply the op function of that name to the arguments."""
        if name not in FUNCTIONS or name in UNLIKE_NUMPY:
            names = [one for one in FUNCTIONS if one not in UNLIKE_NUMPY]
            raise ConfigError(f"np.{name} has no derivative in nnlite.ops; {did_you_mean(name, names)}")
        return FUNCTIONS[name](*arguments, **options)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            raise ConfigError(f"np.{ufunc.__name__}.{method} of traced values has no derivative; use nnlite.ops")
        if ufunc.__name__ in COMPARISONS:
            return ufunc(*map(_real, inputs))
        return self._op({"absolute": "abs"}.get(ufunc.__name__, ufunc.__name__), *inputs)

    def __array_function__(self, function: Callable, types: Any, arguments: tuple, options: dict) -> Any:
        return self._op(function.__name__, *arguments, **options)

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        raise ConfigError(NO_ARRAY)

    __float__ = __array__

    def __getattr__(self, name: str) -> NoReturn:
        raise _NoMethod(f"traced values have no {name!r}: use functions of nnlite.ops, such as ops.max(x, axis=-1)")

    def __bool__(self) -> NoReturn:
        raise ConfigError("a traced value cannot be used as a condition: use nnlite.ops.where, maximum or minimum")

    def __getitem__(self, index: Any) -> "Traced":
        return self._op("getitem", self, index)

    def reshape(self, *shape: Any) -> "Traced":
        """The value in another shape, recorded."""
        return self._op("reshape", self, shape[0] if len(shape) == 1 and np.ndim(shape[0]) else shape)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> "Traced":
        """The sum over `axis`, recorded."""
        return self._op("sum", self, axis, keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> "Traced":
        """The mean over `axis`, recorded."""
        return self._op("mean", self, axis, keepdims)

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = _operators("subtract")
    __mul__, __rmul__ = _operators("multiply")
    __truediv__, __rtruediv__ = _operators("divide")
    __pow__, __rpow__ = _operators("power")
    __matmul__, __rmatmul__ = _operators("matmul")
    __mod__, __rmod__ = _operators("mod")
    __floordiv__, __rfloordiv__ = _operators("floor_divide")

    def __neg__(self) -> "Traced":
        return self._op("negative", self)

    def __abs__(self) -> "Traced":
        return self._op("abs", self)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> np.ndarray:  # type: ignore[override]
        return _real(self) == _real(other)

    def __ne__(self, other: object) -> np.ndarray:  # type: ignore[override]
        return _real(self) != _real(other)

    def __lt__(self, other: Any) -> np.ndarray:
        return _real(self) < _real(other)

    def __le__(self, other: Any) -> np.ndarray:
        return _real(self) <= _real(other)

    def __gt__(self, other: Any) -> np.ndarray:
        return _real(self) > _real(other)

    def __ge__(self, other: Any) -> np.ndarray:
        return _real(self) >= _real(other)


def _real(other: Any) -> Any:
    return np.real(other.value if isinstance(other, Traced) else other)
