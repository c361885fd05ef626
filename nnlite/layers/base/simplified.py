"""Simplified forms of layers at inference.

`Layer.at_inference` answers one of the forms that `compile_predict` combines: two neighbors are one step where the
form of the first has a `then` for that of the second. `Layer._dense_part` answers what a layer does among dense layers
that are trained as one. Weights are float64 here, so that combining them rounds once.
"""

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nnlite.kernels.reference.dense import DenseLayer
from nnlite.ops.activations import ActivationFunction, Linear

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = [
    "Activated",
    "Affine",
    "Convolution",
    "DenseActivation",
    "DenseDropout",
    "DensePart",
    "DenseScale",
    "Pooling",
    "Product",
    "Simplified",
    "Step",
    "Unchanged",
    "View",
]


def without_activation(self: Any) -> "tuple[Layer, ActivationFunction | None]":
    """This layer without its final activation, and that activation; parameters are shared, not copied."""
    activation = self._activation_argument if self.ends_in_activation and not self._penalizes else None
    if activation is None:
        return self, None
    bare = copy.copy(self)
    bare.activation = Linear()
    return bare, activation


@dataclass(frozen=True)
class Unchanged:
    """outputs = inputs."""


@dataclass(frozen=True)
class Affine:
    """outputs = inputs * scale + shift, per feature of the last axis. Shape: scale and shift `(features,)`."""

    scale: np.ndarray
    shift: np.ndarray

    def of(self, values: np.ndarray | None) -> np.ndarray:
        """This function applied to an array of zeros if it is None."""
        return self.shift if values is None else values * self.scale + self.shift

    def then(self, step: "Step") -> "Simplified | None":
        """This function and the step after it as one; None if they stay separate."""
        if isinstance(step, Affine):
            return Affine(self.scale * step.scale, step.of(self.shift))
        return step.after(self) if isinstance(step, Product | Convolution) else None


@dataclass(frozen=True)
class Product:
    """outputs = activation(inputs @ kernel + bias): a dense layer, with scales and shifts around it multiplied in.

    Args:
        kernel: `(features, units)`; `(members, features, units)` of an ensemble, with one for each of the inputs' rows.
        bias: `(units,)` or `(members, units)`; or None.
        activation: None if it is linear.
        matrix: whether the inputs are a matrix.
    """

    kernel: np.ndarray
    bias: np.ndarray | None
    activation: ActivationFunction | None
    matrix: bool = True

    def after(self, affine: Affine) -> "Product":
        """This product after `affine`."""
        shifted = np.matmul(affine.shift[..., None, :], self.kernel)[..., 0, :]
        bias = shifted if self.bias is None else self.bias + shifted
        return replace(self, kernel=affine.scale[..., None] * self.kernel, bias=bias)

    def then(self, step: "Step") -> "Product | None":
        """This product and the step after it as one; None if they stay separate."""
        if self.activation is not None:
            return None
        if isinstance(step, Affine):
            return replace(self, kernel=self.kernel * step.scale[..., None, :], bias=step.of(self.bias))
        return replace(self, activation=step.activation) if isinstance(step, Activated) else None


@dataclass(frozen=True)
class Pooling:
    """outputs = the largest of the inputs in each window, or the mean.

    Args:
        layer: it says how the windows lie.
    """

    layer: Any


@dataclass(frozen=True)
class Convolution:
    """outputs = activation(convolution of inputs + bias), followed by max pooling if `pool` is set.

    Args:
        layer: it says how the windows of the convolution lie.
        kernel: `(*size, channels, filters)`.
        bias: `(filters,)`, or None.
        activation: None if it is linear; it works element by element.
        pool: lengths of the windows of the pooling, which lie side by side.
    """

    layer: Any
    kernel: np.ndarray
    bias: np.ndarray | None
    activation: ActivationFunction | None
    pool: tuple[int, ...] | None = None

    def after(self, affine: Affine) -> "Convolution | None":
        """This convolution after `affine`; None if padding makes that impossible: padded cells stay 0."""
        if self.layer.channels_first or (self.layer.padding != "valid" and np.any(affine.shift)):
            return None
        shifted = (self.kernel * np.reshape(affine.shift, (-1, 1))).sum(axis=tuple(range(self.kernel.ndim - 1)))
        bias = shifted if self.bias is None else self.bias + shifted
        return replace(self, kernel=self.kernel * affine.scale[:, None], bias=bias)

    def then(self, step: "Step") -> "Convolution | None":
        """This convolution and the step after it as one; None if they stay separate."""
        if isinstance(step, Pooling):
            return replace(self, pool=step.layer.geometry[0]) if self._may_pool(step.layer) else None
        if self.activation is not None:
            return None
        if isinstance(step, Affine) and self.pool is None and not self.layer.channels_first:
            return replace(self, kernel=self.kernel * step.scale, bias=step.of(self.bias))
        if isinstance(step, Activated) and step.activation.by_element:
            return replace(self, activation=step.activation)
        return None

    def _may_pool(self, layer: Any) -> bool:
        """Whether this is the first pooling, of maxima in windows side by side, and may precede the activation."""
        size, strides = layer.geometry
        return (
            self.pool is None
            and not layer.average
            and size == strides
            and layer.padding == "valid"
            and layer.channels_first == self.layer.channels_first
            and (self.activation is None or self.activation.keeps_order)
        )


@dataclass(frozen=True)
class View:
    """outputs = the inputs in the output shape of `layer`, in the same order."""

    layer: Any


@dataclass(frozen=True)
class Activated:
    """outputs = activation(inputs), computed by `layer` unless a preceding step absorbs it."""

    layer: Any
    activation: ActivationFunction


Simplified = Unchanged | Affine | Product | Convolution | Pooling | View | Activated
Step: TypeAlias = "Simplified | Layer"  # of a prediction: the layer itself where it has no simpler form


class DenseScale(NamedTuple):
    """A learned factor for each feature, before a dense layer.

    Args:
        features: how many.
        members: of an ensemble, each with factors of its own; None for one layer.
    """

    features: int
    members: int | None = None


class DenseActivation(NamedTuple):
    """The number in compiled code of an activation that follows a dense layer."""

    code: int


class DenseDropout(NamedTuple):
    """Dropout after a dense layer: a number is kept, and scaled, if 16 random bits reach the threshold."""

    threshold: int
    scale: float


DensePart = DenseScale | DenseLayer | DenseActivation | DenseDropout
