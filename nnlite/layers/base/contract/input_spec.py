"""Requirements of a layer on the shapes of its inputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnlite.arrays.types import dtype_of
from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError
from nnlite.layers.base.shapes import shapes_in

__all__ = ["InputSpec"]


@dataclass(frozen=True)
class InputSpec:
    """A requirement on the shape of an input: `self.input_spec` of a user-defined layer; a list or a dict for several.

    Args:
        dtype: of the arrays of a call, numbers in that of the layer; None for any.
        shape: with None for lengths that are free.
        ndim, min_ndim, max_ndim: the number of axes, the batch included.
        axes: axis -> its length; None for any.
        allow_last_axis_squeeze: whether a last axis of 1 may be missing in the shape, or last ones in the input.
        name, optional: as in Keras; without effect here.

    >>> import numpy as np
    >>> from nnlite.layers import Layer
    >>> class Images(Layer):
    ...     input_spec = InputSpec(ndim=4)
    ...     def call(self, inputs):
    ...         return 2 * inputs
    >>> Images()(np.ones((2, 3)))
    Traceback (most recent call last):
    nnlite.errors.ShapeError: layer Images needs inputs of 4 axes, got (None, 3)
    """

    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: dict[int, int | None] = field(default_factory=dict)
    allow_last_axis_squeeze: bool = False
    name: str | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        demands = vars(self)  # a frozen class refuses assignments
        if not isinstance(self.dtype, (str, type(None))):
            demands["dtype"] = dtype_of(self.dtype).name
        if self.shape is not None:
            if any(length is not None and length < 0 for length in self.shape):
                raise ConfigError(f"InputSpec.shape: lengths must be >= 0 or None, got {self.shape}")
            demands |= {"shape": tuple(self.shape), "ndim": len(self.shape)}
        try:  # JSON has strings as keys
            demands["axes"] = {int(axis): length for axis, length in (self.axes or {}).items()}
        except (AttributeError, TypeError, ValueError):
            raise WrongTypeError(f"InputSpec.axes: expected integers as keys, got {self.axes!r}") from None
        rank = self.ndim or self.max_ndim
        beyond = [axis for axis in demands["axes"] if rank and axis >= rank]
        if beyond:
            raise ConfigError(f"InputSpec.axes: there is no axis {beyond[0]} among {rank}")

    def __repr__(self) -> str:
        shown = [f"{name}={value}" for name, value in vars(self).items() if value and value is not True]
        return f"InputSpec({', '.join(shown)})"

    def get_config(self) -> dict[str, Any]:
        """The demands as arguments."""
        demands = vars(self)
        return {name: demands[name] for name in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "InputSpec":
        """The demands of `get_config`."""
        return cls(**config)

    def check(self, owner: str, shape: tuple) -> None:
        """`ShapeError` unless `shape` meets the requirements; unknown lengths do."""
        demanded = self.shape or ()
        if self.allow_last_axis_squeeze and demanded and len(shape) != len(demanded):
            demanded, shape = (one[:-1] if one[-1:] == (1,) else one for one in (demanded, tuple(shape)))
            shape = shape[: len(demanded)] if set(shape[len(demanded) :]) == {1} else shape
        rank = len(shape)
        demands = [
            (self.ndim is None or rank == (len(demanded) or self.ndim), f"{self.ndim} axes"),
            (self.min_ndim is None or rank >= self.min_ndim, f"at least {self.min_ndim} axes"),
            (self.max_ndim is None or rank <= self.max_ndim, f"at most {self.max_ndim} axes"),
        ]
        for met, demand in demands:
            if not met:
                raise ShapeError(f"{owner} needs inputs of {demand}, got {tuple(shape)}")
        for axis, length in {**dict(enumerate(demanded)), **self.axes}.items():
            if not -rank <= axis < rank or (None not in (length, shape[axis]) and length != shape[axis]):
                raise ShapeError(f"{owner} needs inputs with the length {length} of axis {axis}, got {tuple(shape)}")


class Described:
    """An attribute that is computed on request, until a layer sets it: `input_spec` where a class checks shapes itself.

    Args:
        describe: makes the value for a layer, such as an `InputSpec`.
    """

    def __init__(self, describe: Callable[[Any], Any]) -> None:
        self.describe = describe

    def __get__(self, layer: Any, owner: type) -> Any:
        return None if layer is None else self.describe(layer)


def with_axis(layer: Any, axis: int) -> dict[int, int | None]:
    """The required length of an axis of the inputs, fixed by the parameters of a built layer."""
    return {axis: layer.input_shape[axis]} if layer.built else {}


def spec_of_axes(layer: Any, axes: int | tuple[int, ...]) -> InputSpec | None:
    """The demands of a built layer whose parameters fix the lengths of these axes; None before."""
    if not layer.input_shape:
        return None
    lengths = {axis: layer.input_shape[axis] for axis in (axes if isinstance(axes, tuple) else (axes,))}
    return InputSpec(ndim=len(layer.input_shape), axes=lengths)


# Of layers over spatial axes whose kernels fix the number of channels.
OF_CHANNELS = Described(lambda layer: InputSpec(min_ndim=layer.rank + 2, axes=with_axis(layer, layer._fixed_axis)))


def _specs_of(layer: Any) -> list[InputSpec | None]:
    """The requirements on each of the inputs, or a single one for all."""
    spec = layer.input_spec
    if isinstance(spec, Mapping):
        return [spec.get(key) for key in layer._data_keys or spec]
    return [*spec] if isinstance(spec, (list, tuple)) else [spec]


def check_spec(layer: Any, shape: Any) -> None:
    """`ShapeError` unless the shape, or each of several, meets the layer's `input_spec`."""
    specs, shapes = _specs_of(layer), shapes_in(shape)
    if len(specs) not in (1, len(shapes)):
        raise ShapeError(f"{layer.label} needs {len(specs)} inputs, got {len(shapes)}")
    for input_shape, spec in zip(shapes, specs * len(shapes) if len(specs) == 1 else specs, strict=True):
        if spec is not None:
            spec.check(layer.label, input_shape)


def check_types(layer: Any, arrays: Sequence[Any]) -> None:
    """`DataError` unless each array that the layer computes with has the dtype of its `input_spec`, if that has one."""
    specs = _specs_of(layer)
    for spec, array in zip(specs * len(arrays) if len(specs) == 1 else specs, arrays, strict=False):
        name = layer.compute_dtype if array.dtype.kind == "f" and layer.autocast else array.dtype.name
        if spec is not None and spec.dtype not in (None, name):
            raise DataError(f"{layer.label} needs inputs of {spec.dtype}, got {name}")
