"""Layers that scale raw data; saved inside the model file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers.base.attributes import Fixed
from nnlite.layers.base.inputs import floating, gathered
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Affine
from nnlite.layers.base.symbolic import is_numbers
from nnlite.layers.normalization.moments import checked_axes
from nnlite.parameters import Parameter
from nnlite.registry.fields import Converted, option

__all__ = ["Normalization", "Rescaling"]

Numbers = float | np.ndarray | Sequence[float]


def examples_for(layer: Any, data: Any, steps: int | None = None) -> np.ndarray:
    """Read the data of `adapt`, an array or `steps` batches, in float64; the layer is built for it.

    Raises:
        DataError: empty, or with values that are not finite.
    """
    data = gathered(data, f"{layer.label}: adapt", steps)
    try:
        data = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{layer.label}: adapt needs numbers: {error}") from None
    if not data.size or not data.ndim or not np.isfinite(data).all():
        raise DataError(f"{layer.label}: adapt needs at least one example and finite values")
    if not layer.built:
        layer._ensure_built((None, *data.shape[1:]))
    layer._check_input_shape(data.shape)
    return data


def known_numbers(layer: Any, name: str, values: Any, shape: tuple[Any, ...]) -> np.ndarray:
    """The argument `name`, given in place of what `adapt` learns, as finite float64 numbers; or `ConfigError`."""
    try:
        known = np.broadcast_to(np.asarray(values, dtype=np.float64), shape)
    except (TypeError, ValueError):
        raise ConfigError(f"{layer.label}: {name} must be numbers of shape {shape}, got {values!r}") from None
    if not np.isfinite(known).all():
        raise ConfigError(f"{layer.label}: {name} must be finite, got {values!r}")
    return known


def check_adapted(layer: Any) -> None:
    """`NotReadyError` for a layer that has not been adapted."""
    if not layer.adapted:
        raise NotReadyError(
            f"{layer.label} does not know its data yet: call model.adapt(x_train) or layer.adapt(x_train) first"
        )


class Rescaling(Layer):
    """outputs = inputs * scale + offset: `scale=1/255` brings pixels into [0, 1].

    Shape: any, unchanged.

    Args:
        scale, offset: numbers, or one for each entry of the last axis.

    >>> import numpy as np
    >>> Rescaling(1 / 127.5, offset=-1)(np.array([0.0, 127.5, 255.0])).tolist()
    [-1.0, 0.0, 1.0]
    """

    scale: Converted[Numbers, float | list[float]]
    offset: Converted[Numbers, float | list[float]] = option(default=0.0)

    @property
    def _fixes(self) -> Fixed:
        return "nothing" if np.ndim(self.scale) == np.ndim(self.offset) == 0 else "shape"

    def __post_init__(self) -> None:
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(value, np.ndarray):
                setattr(self, name, value.tolist())
        super().__post_init__()

    supports_masking = True

    def at_inference(self) -> Affine | None:
        features = self.input_shape[-1]
        if not features:
            return None
        return Affine(*(np.broadcast_to(value, features).astype(np.float64) for value in (self.scale, self.offset)))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        slope, offset = (np.asarray(value, inputs.real.dtype) for value in (self.scale, self.offset))
        return inputs * slope + offset, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


class Normalization(Layer):
    """outputs = (inputs - mean) / sqrt(variance), with moments of the training data, set by `adapt`.

    Shape: any, unchanged; mean and variance have the lengths of `axis`. A constant feature becomes 0.

    Args:
        axis: the axis, or axes, whose entries each have moments of their own; None for one pair of scalars. The
            attribute is a tuple of them.
        mean, variance: known moments in place of `adapt`; both or neither. As attributes of a layer that knows its data
            they are what its inputs are compared with, `(1, ...)`, ready to broadcast.
        invert: undo instead: outputs = inputs * sqrt(variance) + mean.

    Raises:
        NotReadyError: used before `adapt`.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0], [4.0], [6.0]]))
    >>> layer(np.array([[3.0], [5.0]])).round(3).tolist()
    [[0.0], [0.8939999938011169]]
    """

    axis: int | tuple[int, ...] | None = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False

    supports_masking = True

    if TYPE_CHECKING:  # set by the attributes `mean` and `variance`
        _given = cast(dict[str, Any], None)

    def validate(self) -> None:
        if (self.mean is None) != (self.variance is None):
            raise ConfigError("Normalization takes mean and variance together, or neither")
        shapes = [np.shape(self._given[name]) for name in ("mean", "variance")]
        if shapes[0] != shapes[1]:
            raise ConfigError(f"Normalization takes mean and variance of one shape, got {shapes[0]} and {shapes[1]}")
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        self._given["axis"], self.axis = self.axis, axes
        if len(shapes[0]) > len(axes):
            raise ConfigError(f"Normalization takes numbers along its axis {self.axis}, got the shape {shapes[0]}")

    def build(self, input_shape: BatchShape) -> None:
        axes = self._axes(input_shape)
        lengths = tuple(cast(int, input_shape[axis]) for axis in axes)
        # nan says "not adapted yet"; a saved model brings its own values.
        given_moments = (self._given["mean"], self._given["variance"])
        self.moments = [self.add_weight(lengths, "zeros", trainable=False, name=name) for name in ("mean", "variance")]
        for moment, values in zip(self.moments, given_moments, strict=True):
            moment.value[...] = np.nan if values is None else known_numbers(self, moment.name, values, lengths)
            if (moment.value < 0).any() and moment.name == "variance":
                raise ConfigError(f"{self.label}: a variance must be >= 0, got {values!r}")
        if self._given["mean"] is None:
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

    def _axes(self, input_shape: BatchShape) -> tuple[int, ...]:
        axes = cast("tuple[int, ...]", self.axis)
        return tuple(checked_axes(self, axes, input_shape)) if axes else ()

    @property
    def _aligned(self) -> tuple[int, ...]:
        """The shape in which moments broadcast to inputs."""
        axes = self._axes(self.input_shape)
        return tuple(cast(int, length) if axis in axes else 1 for axis, length in enumerate(self.input_shape))

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Set mean and variance from `data`, an array or DataFrame of examples, or batches of them.

        Args:
            data: examples; a list, an iterator or a `PyDataset` of arrays is one of batches.
            steps: how many batches are taken; all when None.

        Raises:
            DataError: empty, or with values that are not finite.
        """
        data = examples_for(self, data, steps)
        axes = tuple(axis for axis in range(data.ndim) if axis not in self._axes(self.input_shape))
        # Rounding in the mean must not pass for a variance.
        variance = np.where(data.max(axis=axes) == data.min(axis=axes), 0, data.var(axis=axes))
        for moment, value in zip(self.moments, (data.mean(axis=axes), variance), strict=True):
            moment.value[...] = value

    def finalize_state(self) -> None:
        """Nothing: calls read the moments themselves, also those that `adapt_mean.assign` has changed."""

    @property
    def adapt_mean(self) -> Parameter:
        """The variable of the mean, in the shape of `axis`."""
        return self.moments[0]

    @property
    def adapt_variance(self) -> Parameter:
        """The variable of the variance."""
        return self.moments[1]

    @property
    def input_mean(self) -> Any:
        """The argument `mean`."""
        return self._given["mean"]

    @property
    def input_variance(self) -> Any:
        """The argument `variance`."""
        return self._given["variance"]

    @property
    def weights(self) -> list[Parameter]:
        """The moments set by `adapt`, and `count`, which stays 0, as in Keras; empty for moments that were given."""
        return super().weights if self._given["mean"] is None else []

    @property
    def adapted(self) -> bool:
        """Whether the moments are known."""
        return self.built and not np.isnan(self.moments[0].value).any()

    def _check_ready(self) -> None:
        check_adapted(self)

    def _as_input(self, inputs: Any) -> Any:
        single = self.built and is_numbers(inputs) and np.ndim(inputs) + 1 == len(self.input_shape)
        return super()._as_input(np.asarray(inputs)[None] if single else inputs)  # one example, as in Keras

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Affine | None:
        if self._axes(self.input_shape) != (len(self.input_shape) - 1,) or self.invert:
            return None
        mean, variance = (value.astype(np.float64).reshape(-1) for value in self.values[:2])
        scale = 1 / np.where(variance > 0, np.sqrt(variance), 1)
        return Affine(scale, -mean * scale)

    def linearize(
        self, inputs: np.ndarray, mean: np.ndarray, variance: np.ndarray, *count: np.ndarray
    ) -> tuple[np.ndarray, Jacobians]:
        inputs = floating(self, inputs)
        slopes, mean = self._slopes(variance), mean.reshape(self._aligned).astype(inputs.dtype, copy=False)
        outputs = inputs * slopes + mean if self.invert else (inputs - mean) * slopes
        return outputs, Jacobians(Diagonal(slopes, inputs.shape, inputs.shape), *[None] * (2 + len(count)))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self.linearize(inputs, *self.values)[0]

    def _slopes(self, variance: np.ndarray) -> np.ndarray:
        deviation = np.sqrt(floating(self, variance).reshape(self._aligned))
        deviation = np.where(deviation > 0, deviation, np.ones((), deviation.dtype))
        return deviation if self.invert else 1 / deviation

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {"axis": self.axis}

    def _arguments(self) -> dict[str, Any]:
        return {name: self._given.get(name, value) for name, value in super()._arguments().items()}


def _moment(name: str) -> Any:
    """The attribute `mean` or `variance` of a `Normalization`: what was given, until the layer knows its data."""

    def read(layer: Any) -> Any:
        if not layer.__dict__.get("built") or not layer.adapted:
            return layer._given[name]
        return next(moment.value.reshape(layer._aligned) for moment in layer.moments if moment.name == name)

    def give(layer: Any, value: Any) -> None:
        layer.__dict__.setdefault("_given", {})[name] = value

    return property(read, give, doc=f"The {name} of each feature, as given or as `adapt` found it.")


for _name in ("mean", "variance"):
    setattr(Normalization, _name, _moment(_name))
