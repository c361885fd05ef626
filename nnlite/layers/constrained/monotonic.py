"""A dense layer that rises or falls with its inputs, whatever its parameters are."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Diagonal, Jacobians, Reparametrized
from nnlite.layers.base.simplified import Product
from nnlite.layers.core.dense import Dense
from nnlite.ops.activations import ActivationFunction
from nnlite.registry.fields import Converted, option

__all__ = ["MonotonicDense"]

Direction = Literal[-1, 0, 1]
GRID = np.linspace(-30, 30, 6001)  # where an activation must not fall


class MonotonicDense(Dense):
    """outputs = activation(inputs @ K + bias), which never fall, or never rise, as an input rises.

    K is `abs(kernel)` in the rows of inputs that the outputs rise with, `-abs(kernel)` in those of inputs that they
    fall with, and the kernel itself in the others. Layers after the first one have `monotonicity=1`, and the whole
    model keeps the directions of the first: by construction, at every point and after every step, with no constraint
    that training would have to restore.

    With an activation that bends both ways, such as tanh, layers in a row come as near to any monotone function as
    they like; with a convex one, such as relu, they are convex functions of all inputs.

    Shape: `(batch, ..., features) -> (batch, ..., units)`, as `Dense`, also with members.

    Args:
        monotonicity: 1 where the outputs rise with an input, -1 where they fall, 0 where they are free: one number for
            all inputs, or one for each.
        activation: one that nowhere falls, element by element: linear, tanh, sigmoid, relu, elu, softplus and others,
            but not gelu, silu, mish or softmax. It is looked at from -30 to 30.

    The further arguments are those of `Dense`.

    Raises:
        ConfigError: an activation that falls somewhere, or mixes its inputs.
        ShapeError: another number of directions than of inputs.

    Reference: Daniels & Velikova 2010, "Monotone and partially monotone neural networks"; Runje & Shankaranarayana
    2023, arXiv:2205.11775.

    >>> import numpy as np
    >>> layer = MonotonicDense(2, monotonicity=[1, -1], activation="tanh")
    >>> outputs = layer(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    >>> bool((outputs[1] > outputs[0]).all()), bool((outputs[2] < outputs[1]).all())
    (True, True)
    """

    monotonicity: Converted[Direction | Sequence[Direction], Direction | list[Direction]] = option(
        default=1, kw_only=True
    )

    def validate(self) -> None:
        super().validate()
        if self.activation is not None:
            check_rising(self.activation)

    def build(self, input_shape: BatchShape) -> None:
        features = input_shape[-1]
        if isinstance(self.monotonicity, list) and features is not None and len(self.monotonicity) != features:
            raise ShapeError(f"{self.label} has {len(self.monotonicity)} directions, the inputs {features} features")
        super().build(input_shape)

    def _signs(self, kernel: Array) -> np.ndarray:
        """Sign of each number of the kernel, 1 or -1."""
        direction = np.asarray(self.monotonicity).reshape(-1, 1)
        towards = np.where(kernel.real < 0, -direction, direction)
        return np.where(direction == 0, 1, towards).astype(kernel.real.dtype)

    def used_kernel(self, kernel: np.ndarray) -> np.ndarray:
        return kernel * self._signs(kernel)

    def at_inference(self) -> Product:
        product = super().at_inference()
        return replace(product, kernel=self.used_kernel(product.kernel))

    def _dense_part(self) -> None:
        """None: a row of dense layers trains kernels as they are."""
        return

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        signs = self._signs(kernel)
        outputs, jacobians = super().linearize(inputs, kernel * signs, bias)
        maps: list[Any] = [*jacobians.maps]
        maps[1] = Reparametrized(maps[1], Diagonal(signs, kernel.shape, kernel.shape))
        return outputs, Jacobians(*maps, outer=jacobians.outer)


def check_rising(activation: ActivationFunction) -> None:
    """`ConfigError` unless each output depends on its own input alone, and nowhere falls as that rises."""
    if not activation.by_element:
        raise ConfigError(f"{activation!r} mixes its inputs, of which none has a direction", ("activation",))
    values, jacobians = activation.linearize(GRID[:, None])
    falls = (np.diff(values[:, 0]) < -1e-12) | (jacobians.vjp(np.ones_like(values))[0][1:, 0] < 0)
    if falls.any():
        place = GRID[1:][falls][0]
        raise ConfigError(
            f"{activation!r} falls near {place:.2f}: choose one that does not, such as tanh, relu, elu or softplus",
            ("activation",),
        )
