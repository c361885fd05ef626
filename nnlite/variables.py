"""`Variable`, a parameter that belongs to no layer."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.config import floatx
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.parameters import Parameter

__all__ = ["Variable"]


class Variable(Parameter):
    """A parameter that belongs to no layer, under the arguments of Keras's `Variable`; a layer calls `add_weight`.

    Args:
        initializer: the first value, or an `Initializer`, its name, or a function `(shape)` or `(shape, dtype)`.
        shape: needed unless `initializer` is a value.
        dtype: floating-point numbers have `nnlite.config.floatx()` when None, others keep theirs.
        trainable: whether an optimizer should change it.
        name: shown in errors.

    Raises:
        ConfigError: an initializer without a shape, or a value of another shape.

    >>> from nnlite import Variable
    >>> step = Variable([1.0, 2.0], name="step")
    >>> _ = step.assign([3, 4])
    >>> step
    Variable('step', shape=(2,), dtype=float32)
    """

    __slots__ = ()

    def __init__(
        self,
        initializer: Any,
        shape: Shape | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str = "variable",
    ) -> None:
        if callable(initializer) or isinstance(initializer, (str, dict)):
            if shape is None:
                raise ConfigError(f"Variable({initializer!r}) needs the argument shape")
            spec: Any = initializer
            value = Initializer.get(spec)(shape, dtype=dtype)
        else:
            given = np.asarray(initializer)
            value = np.array(given, dtype or (floatx() if given.dtype.kind == "f" else given.dtype))
            if shape is not None and tuple(shape) != value.shape:
                raise ConfigError(f"Variable: the value has the shape {value.shape}, not {tuple(shape)}")
        super().__init__(name, value, trainable)

    def __repr__(self) -> str:
        return super().__repr__().replace("Parameter", "Variable", 1)
