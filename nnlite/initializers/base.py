"""Base of initializers, and deterministic ones."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.types import Shape, dtype_of
from nnlite.config import floatx
from nnlite.errors import ConfigError, ShapeError
from nnlite.random import SeedGenerator, fresh_seed, stream
from nnlite.registry import Configurable, NamedFunction

__all__ = ["Constant", "FunctionInitializer", "Initializer", "Ones", "Zeros"]


class Initializer(Configurable, family="initializer"):
    """Draws the first values of a parameter; subclasses write `draw`, or `__call__(shape, dtype=None)` as with Keras.

    A subclass may have a field `seed: Index | None = None`; once set, every call draws the same numbers,
    whatever generator is passed. With a `SeedGenerator` as the seed, each call draws new ones.

    >>> Initializer.get("he_normal")((3, 2), generator=np.random.default_rng(0)).shape
    (3, 2)
    """

    seed = cast("int | None", None)
    _seeds = cast("SeedGenerator | None", None)
    _drawn_seed = cast("int | None", None)  # of calls that have neither a seed nor a generator
    _of_functions = "FunctionInitializer"

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "seed":
            self._seeds = value if isinstance(value, SeedGenerator) else None
            value = value if self._seeds is None else None
        super().__setattr__(name, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        written = vars(cls).get("__call__")
        if written is not None and "generator" not in inspect.signature(written).parameters:
            setattr(cls, "__call__", _without_generator(written))  # noqa: B010 - the class is made

    @classmethod
    def get(cls, spec: Any) -> Any:
        """As `Configurable.get`; an array stands for its values."""
        return Constant(spec) if isinstance(spec, np.ndarray) else super().get(spec)

    def __call__(
        self, shape: Sequence[int], dtype: str | None = None, generator: np.random.Generator | None = None
    ) -> np.ndarray:
        """A new array of `shape`.

        Args:
            dtype: of the result, `nnlite.config.floatx()` by default. Numbers are drawn in float64 and then
                cast, so that a float32 and a float64 network start from the same point.
            generator: where the numbers come from, unless the initializer has its own `seed`; for None the initializer
                draws a seed once, so that all its calls give the same numbers, as with Keras.
        """
        if self._seeds is not None:
            generator = stream(int(self._seeds.seed), "initializer", int(self._seeds.next()[1]))
        elif self.seed is not None:
            generator = stream(self.seed, "initializer")
        elif generator is None:
            self._drawn_seed = fresh_seed() if self._drawn_seed is None else self._drawn_seed
            generator = stream(self._drawn_seed, "initializer")
        return np.asarray(self.draw(tuple(shape), generator), dtype_of(dtype or floatx()))

    def draw(self, shape: tuple, generator: np.random.Generator) -> np.ndarray:
        """A new float64 array of `shape`."""
        raise NotImplementedError

    def clone(self) -> "Initializer":
        """Another initializer with the same config."""
        return type(self).from_config(self.get_config())


def _without_generator(written: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """The method `__call__` of a user's class, which takes no generator, as layers call it."""

    @functools.wraps(written)
    def call(
        self: Any, shape: Sequence[int], dtype: str | None = None, generator: Any = None, **options: Any
    ) -> np.ndarray:
        return _values_of(self, functools.partial(written, self, **options), shape, dtype)

    return call


def _values_of(
    initializer: Initializer, function: Callable[..., Any], shape: Sequence[int], dtype: str | None
) -> np.ndarray:
    """The result of a user's function `(shape)` or `(shape, dtype)`, as `dtype`; `ShapeError` for another shape."""
    lengths, kind = tuple(shape), dtype_of(dtype or floatx()).name
    parameters = inspect.signature(function).parameters.values()
    takes_dtype = any(item.name == "dtype" or item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters)
    values = np.array(function(lengths, dtype=kind) if takes_dtype else function(lengths), kind)
    if values.shape != lengths:
        raise ShapeError(f"{initializer!r} must return values of the shape {lengths}, got {values.shape}")
    return values


class FunctionInitializer(Initializer):
    """The values of a user-defined function `(shape)` or `(shape, dtype=None)`.

    Args:
        function: kept in files by its name, if it is registered by `register_function`.

    >>> Initializer.get(lambda shape, dtype=None: np.full(shape, 0.5))((2,)).tolist()
    [0.5, 0.5]
    """

    function: NamedFunction

    def __call__(
        self, shape: Sequence[int], dtype: str | None = None, generator: np.random.Generator | None = None
    ) -> np.ndarray:
        """The values of the function, as `dtype`; `ShapeError` for another shape."""
        return _values_of(self, self.function.function, shape, dtype)

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return self(shape)


class Filled(Initializer, abstract=True):
    """Base of initializers that give every element the same `value`."""

    if TYPE_CHECKING:  # a field of the subclasses
        value = cast(Any, None)

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return np.full(shape, self.value)


class Zeros(Filled, aliases=("zero",)):
    """All zeros.

    >>> Zeros()((2, 3)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    value = 0.0


class Ones(Filled, aliases=("one",)):
    """All ones.

    >>> Ones()((2, 3)).tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """

    value = 1.0


class Constant(Filled):
    """Equal to `value`, a number, or an array that broadcasts to the parameter's shape.

    Args:
        value: a number, or an array.

    >>> Constant([1.0, 2.0])((2, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """

    value: Any = 0.0

    def validate(self) -> None:
        if np.asarray(self.value).dtype.kind not in "biuf":
            raise ConfigError(f"expected a number or an array of numbers, got {self.value!r}", ("Constant", "value"))

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        try:
            return super().draw(shape, generator)
        except ValueError:
            message = f"has the shape {np.shape(self.value)}, which does not broadcast to {shape}"
            raise ConfigError(message, ("Constant", "value")) from None
