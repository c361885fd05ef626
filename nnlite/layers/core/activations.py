"""Activation functions as layers."""

from typing import TYPE_CHECKING, cast

import numpy as np

from nnlite.arrays.types import Array
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.kernels.reference.dense import LINEAR
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Activated, DenseActivation, Simplified, Unchanged
from nnlite.ops import activations
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.registry.field_types import NonNegative
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class _Activated(Layer, abstract=True):
    """What the layers of one activation function share: outputs = activation(inputs)."""

    if TYPE_CHECKING:  # a field of `Activation`, made of fields by the others
        activation = cast(ActivationFunction, None)

    supports_masking = True
    _fixes = "nothing"

    @property
    def _final_activation(self) -> ActivationFunction:
        """The activation function."""
        return self.activation

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.activation.linearize(inputs)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self.activation.in_place(inputs)(inputs.copy())

    def at_inference(self) -> Simplified:
        linear = kernel_code(self.activation) == LINEAR
        return Unchanged() if linear else Activated(self, self.activation)

    def _dense_part(self) -> DenseActivation | None:
        code = kernel_code(self.activation)
        return None if code is None else DenseActivation(code)


class Activation(_Activated):
    """outputs = activation(inputs), for any activation function or its name."""

    activation: FromSpec[ActivationFunction]

    ends_in_activation = True


class ReLU(_Activated):
    """outputs = max(inputs, 0), with the arguments of `nnlite.ops.ReLU`."""

    max_value: NonNegative | None = None
    negative_slope: NonNegative = 0.0
    threshold: NonNegative = 0.0

    def validate(self) -> None:
        self.activation = activations.ReLU(self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Activated):
    """outputs = inputs where positive, else negative_slope * inputs. PyTorch's default slope is 0.01."""

    negative_slope: NonNegative = 0.3

    def validate(self) -> None:
        self.activation = activations.LeakyReLU(self.negative_slope)


class ELU(_Activated):
    """outputs = inputs where positive, else alpha * (exp(inputs) - 1)."""

    alpha: float = 1.0

    def validate(self) -> None:
        self.activation = activations.ELU(self.alpha)


class Softmax(_Activated):
    """outputs = exp(inputs) / sum(exp(inputs)) along `axis`, one or several."""

    axis: int | tuple[int, ...] = -1

    ends_in_activation = True

    def validate(self) -> None:
        self.activation = activations.Softmax(self.axis)


class PReLU(Layer):
    """outputs = inputs where positive, else alpha * inputs, with a learned slope alpha.

    Shape: `(batch, *features) -> (batch, *features)`; alpha `features`, with length 1 along `shared_axes`.

    Args:
        alpha_initializer: zeros by default, which starts as ReLU; PyTorch starts at 0.25.
        alpha_regularizer: penalty added to the loss.
        alpha_constraint: what training brings the values back to after each update.
        shared_axes: axes (the batch is 0) along which one slope is shared.

    Reference: He et al. 2015, arXiv:1502.01852.
    """

    alpha_initializer: FromSpec[Initializer] = option(default="zeros")
    alpha_regularizer: FromSpec[Regularizer | None] = option(default=None)
    alpha_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    shared_axes: tuple[int, ...] | None = None

    supports_masking = True

    def build(self, input_shape: tuple) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            if not 1 <= axis < len(input_shape):
                raise ConfigError(f"{self.label}: shared_axes must be in 1 to {len(input_shape) - 1}, got {axis}")
            shape[axis - 1] = 1
        if None in shape:
            raise ShapeError(f"{self.label} needs known lengths, or shared_axes, after the batch, got {input_shape}")
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: Array, alpha: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        positive = inputs.real > 0
        slopes = np.where(positive, np.ones((), alpha.dtype), alpha)
        by_inputs = Diagonal(slopes, inputs.shape, inputs.shape)
        by_alpha = Diagonal(np.where(positive, np.zeros((), inputs.dtype), inputs), alpha.shape, inputs.shape)
        return inputs * slopes, Jacobians(by_inputs, by_alpha)
