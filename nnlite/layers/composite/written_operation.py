"""Operations that users write: functions of arrays and symbols with a name, a config and no weights."""

import inspect
from abc import ABCMeta
from collections.abc import Mapping
from typing import Any

from nnlite.arrays.weights import as_eager
from nnlite.errors import ConfigError
from nnlite.layers.base.contract.naming import numbered
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import Drawable
from nnlite.registry.names import default_name
from nnlite.tree import flatten

__all__ = ["Operation"]


class Operation(metaclass=ABCMeta):
    """A function with arguments of its own and without weights; a subclass writes `call`. Layers are instances too.

    Called on arrays, it computes; called on symbols of a graph, the functions of `nnlite.ops` that `call` applies
    become part of the graph, one by one.

    Args:
        name: made of the class when None.

    Attributes:
        input, output: what it was first called on in a graph, and the result; `AttributeError` before.

    Raises:
        ConfigError: a name that is not a string, or has a slash.

    >>> import numpy as np
    >>> from nnlite import Input
    >>> class Power(Operation):
    ...     def __init__(self, exponent, name=None):
    ...         super().__init__(name=name)
    ...         self.exponent = exponent
    ...
    ...     def call(self, x):
    ...         return x**self.exponent
    >>> cube = Power(3)
    >>> cube(np.array([2.0])).tolist(), cube(Input((4,))).shape, cube.get_config()
    ([8.0], (None, 4), {'name': 'power', 'exponent': 3})
    """

    def __new__(cls, *arguments: Any, **options: Any) -> "Operation":
        operation = super().__new__(cls)
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
        names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        operation._arguments = defaults | dict(zip(names, arguments, strict=False)) | options
        operation._node = None
        return operation

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ConfigError(f"a name is a string without '/', got {name!r}", (type(self).__name__, "name"))
        self.name = name or numbered(default_name(type(self)).lstrip("_"))

    _arguments: dict[str, Any]
    _node: tuple[Any, Any] | None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        outputs = as_eager(self.call(*arguments, **options))
        if self._node is None and any(isinstance(item, Drawable) for item in flatten([arguments, options])):
            inputs = [*arguments, *options.values()]
            self._node = inputs[0] if len(inputs) == 1 else inputs, outputs
        return outputs

    def call(self, *arguments: Any, **options: Any) -> Any:
        """The result; a subclass writes it with functions of `nnlite.ops` and operators."""
        raise NotImplementedError(f"{type(self).__name__} must define call(...)")

    def compute_output_spec(self, *arguments: Any, **options: Any) -> Any:
        """The result for a `KerasTensor`, from which its shape and type can be read."""
        return self.call(*arguments, **options)

    def get_config(self) -> dict[str, Any]:
        """The name, and the arguments of the constructor, by default as they were given."""
        return {"name": self.name} | {key: value for key, value in self._arguments.items() if key != "name"}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Operation":
        """The operation with this config; `TypeError` for arguments that the constructor does not take."""
        return cls(**config)

    @property
    def input(self) -> Any:
        """The symbols that it was first called on."""
        return self._called()[0]

    @property
    def output(self) -> Any:
        """The symbols that its first call on symbols returned."""
        return self._called()[1]

    def _called(self) -> tuple[Any, Any]:
        if self._node is None:
            raise AttributeError(f"{self!r} has not been called on symbols of a graph")
        return self._node

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


Operation.register(Layer)
