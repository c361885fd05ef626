"""Base of activation functions, and the identity."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from nnlite.arrays.in_place import InPlace
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.kernels.reference.dense import LINEAR
from nnlite.ops.base import Op
from nnlite.ops.tracing import FUNCTIONS, Trace, Traced, call_traced
from nnlite.registry import NamedFunction, constructor_parameters, snake_case
from nnlite.registry.functions import is_function_form
from nnlite.registry.modules import FORMS, keras_form, object_form

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ActivationFunction", "Linear", "Recorded"]

OP_OF_FUNCTION: dict[int, type["ActivationFunction"]] = {}  # by the identity of a function such as `ops.relu`


class ActivationFunction(Op, abstract=True):
    """A function of one array that keeps its shape. Piecewise ones branch on the real part of complex inputs.

    Attributes:
        keeps_order: true where the largest input is known to have the largest output, rounding included, so that a
            maximum may be taken first.
    """

    _family = "activation function"
    keeps_order: ClassVar[bool] = False
    _fast_paths: ClassVar[dict[str, tuple[str, ...]]] = {
        "kernel_code": ("linearize",),
        "keeps_order": ("linearize",),
        "in_place": ("linearize",),
    }

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any] | Callable[..., Any]") -> "Self":
        """As `Configurable.get`; a function of one array, made of functions of `nnlite.ops`, is recorded.

        A layer of one activation function, such as `layers.LeakyReLU(0.2)`, stands for that function.
        """
        if is_function_form(spec):
            spec = NamedFunction.get(spec).function
        spec = spec._as_function() if isinstance(spec, Op) else spec
        if spec == "glu":
            raise ConfigError("glu halves the last axis, which an activation keeps: use nnlite.ops.glu on the outputs")
        if isinstance(spec, (ActivationFunction, type)) or not callable(spec):
            return super().get(spec)  # type: ignore[arg-type]
        known = OP_OF_FUNCTION.get(id(spec))
        recorded: Any = cls._lookup("Recorded")
        return cast("Self", recorded(spec) if known is None else known())

    @property
    def __name__(self) -> str:
        """The function's name in Keras, or else that of the class."""
        name = keras_name(self)
        return name if isinstance(name, str) else snake_case(type(self).__name__)

    def __eq__(self, other: object) -> bool:
        """Whether `other` is the same object, or the function of Keras for what this computes."""
        return other is self or (OP_OF_FUNCTION.get(id(other)) is type(self) and isinstance(keras_name(self), str))

    __hash__ = Op.__hash__

    def kernel_code(self) -> int | None:
        """The code of the function in compiled kernels; None if they do not support it."""
        return None

    def in_place(self, like: np.ndarray) -> InPlace:
        """A version of the function that overwrites its argument, at most as large as `like`, and returns it."""

        def overwrite(x: np.ndarray) -> np.ndarray:
            x[...] = self.linearize(x)[0]
            return x

        return overwrite

    @property
    def by_element(self) -> bool:
        """Whether each output is a function of one input."""
        _, (by_input,) = self.linearize(np.zeros((1, 1)))
        return isinstance(by_input, Diagonal | Identity)

    @property
    def along_last_axis(self) -> bool:
        """Whether each output depends only on inputs along the last axis."""
        return True


OTHER_NAMES = {"exp": "exponential", "swish": "silu", "hard_swish": "hard_silu"}  # here, and in Keras's configs


def keras_name(activation: ActivationFunction) -> Any:
    """The name of an activation function in Keras; its class and arguments if these are not the defaults."""
    cls: type = type(activation)
    if cls is Recorded:
        return keras_form(activation._arguments()["function"])
    named = {
        OP_OF_FUNCTION[id(function)]: name for name, function in FUNCTIONS.items() if id(function) in OP_OF_FUNCTION
    }
    defaults = {name: parameter.default for name, parameter in constructor_parameters(cls).items()}
    if cls in named and activation.get_config() == defaults:
        return OTHER_NAMES.get(named[cls], named[cls])
    return object_form(activation)


FORMS["activation function"] = keras_name


class Linear(ActivationFunction):
    """y = x.

    >>> from nnlite.ops import Linear
    >>> Linear().forward([-1.0, 2.0]).tolist()
    [-1.0, 2.0]
    """

    def kernel_code(self) -> int | None:
        return LINEAR

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return x, Jacobians(Identity(x.shape))


class Recorded(ActivationFunction):
    """y = function(x), a function of one array that is made of operators and functions of `nnlite.ops`.

    Args:
        function: kept in files by its name, if it is registered by `register_function`.

    >>> from nnlite import ops
    >>> Recorded(lambda x: x * ops.sigmoid(1.5 * x))([0.0, 1.0]).round(4).tolist()
    [0.0, 0.8176]
    """

    function: NamedFunction

    @property
    def __name__(self) -> str:
        """The name of the function."""
        return repr(self.function)

    @property
    def along_last_axis(self) -> bool:
        return False

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        trace = Trace()
        expected = f"the function of an activation must give an array of the shape {x.shape}"
        value = trace.variable(x)
        output = call_traced(repr(self.function), expected, lambda: self.function(value))
        if not isinstance(output, Traced) or output.shape != x.shape:
            raise ShapeError(f"{self.function!r}: {expected}, made of functions of nnlite.ops, got {output!r}")
        return output.value, Jacobians(trace.jacobians(output)[0])


def kernel_code(activation: ActivationFunction | None) -> int | None:
    """The code of `activation` in compiled kernels; None is linear."""
    return LINEAR if activation is None else activation.kernel_code()
