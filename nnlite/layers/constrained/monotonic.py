"""A dense layer that is monotone in its inputs for any values of its parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError, did_you_mean
from nnlite.jacobians import Diagonal, Jacobians, Reparametrized
from nnlite.layers.base.columns import NamedColumns, OfColumns, check_columns, known_width
from nnlite.layers.base.simplified import Product
from nnlite.layers.core.dense import Dense
from nnlite.ops.activations import ActivationFunction
from nnlite.registry.bounds import Index
from nnlite.registry.fields import Converted, option

__all__ = ["MonotonicDense"]

Direction = Literal[-1, 0, 1]
Directions = Direction | Sequence[Direction] | Sequence[Sequence[Direction]] | Mapping[int | str, Direction]
GRID = np.linspace(-30, 30, 6001)  # where an activation must not fall


class MonotonicDense(OfColumns, Dense):
    """outputs = activation(inputs @ K + bias), nondecreasing or nonincreasing in each input.

    K is `abs(kernel)` in the rows of inputs that the outputs rise with, `-abs(kernel)` in those of inputs that they
    fall with, and the kernel itself in the others. Layers after the first one have `monotonicity=1`, and the whole
    model keeps the directions of the first: by construction, at every point and after every step, with no constraint
    that training would have to restore.

    With an activation that bends both ways, such as tanh, layers in a row come as near to any monotone function as
    they like; with a convex one, such as relu, they are convex functions of all inputs.

    Shape: `(batch, ..., features) -> (batch, ..., units)`, as `Dense`, also with members.

    Args:
        monotonicity: 1 where the outputs rise with an input, -1 where they fall, 0 where they are free: one number for
            all inputs, or one for each; a list of lists for a direction of each input and unit, where one row stands
            for all inputs, as in `[[-1, 1]]` before a softmax over two classes; or the directions of some columns,
            `{0: 1, 2: -1}`, the others being free. Where a config's data have names, columns of numbers have these.
        activation: one that nowhere falls, element by element: linear, tanh, sigmoid, relu, elu, softplus and others,
            but not gelu, silu, mish or softmax. It is looked at from -30 to 30.

    The further arguments are those of `Dense`.

    Raises:
        ConfigError: an activation that falls somewhere, or mixes its inputs; a column that the inputs do not have, or
            that does not hold numbers.
        ShapeError: another number of directions than of inputs, or of units.

    Reference: Daniels & Velikova 2010, "Monotone and partially monotone neural networks"; Runje & Shankaranarayana
    2023, arXiv:2205.11775.

    >>> import numpy as np
    >>> layer = MonotonicDense(2, monotonicity=[1, -1], activation="tanh")
    >>> outputs = layer(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))
    >>> bool((outputs[1] > outputs[0]).all()), bool((outputs[2] < outputs[1]).all())
    (True, True)
    """

    monotonicity: Converted[
        Directions, Direction | list[Direction] | list[list[Direction]] | dict[Index | str, Direction]
    ] = option(default=1, kw_only=True)

    ends_in_activation = True  # as in `Dense`, whose `linearize` is called with another kernel

    def validate(self) -> None:
        super().validate()
        if self._activation_argument is not None:
            check_rising(self._activation_argument)

    def build(self, input_shape: BatchShape) -> None:
        if isinstance(self.monotonicity, dict):
            self.monotonicity = self._of_all_columns(self.monotonicity, input_shape)
        rows = self.monotonicity if isinstance(self.monotonicity, list) else [self.monotonicity]
        widths = {len(row) if isinstance(row, list) else 1 for row in rows}
        if widths not in ({1}, {self.units}):
            raise ShapeError(f"{self.label} has directions of {sorted(widths)} units, and {self.units} units")
        features = input_shape[-1]
        if features is not None and len(rows) not in (1, features):
            raise ShapeError(f"{self.label} has {len(rows)} directions, the inputs {features} features")
        super().build(input_shape)

    @property
    def has_names(self) -> bool:
        return isinstance(self.monotonicity, dict) and any(isinstance(column, str) for column in self.monotonicity)

    def name_columns(self, named: NamedColumns) -> None:
        if not isinstance(self.monotonicity, dict):
            return
        places: dict[Index | str, Direction] = {}
        for column, direction in self.monotonicity.items():
            if isinstance(column, str):
                places[_place_of(self.label, column, named)] = direction
            else:
                places[column] = direction
        self.monotonicity = places

    def _of_all_columns(self, by_name: Mapping[Any, Direction], input_shape: BatchShape) -> list[Direction]:
        """A direction for each column, of those of some."""
        if self.has_names:
            raise ConfigError(
                f"{self.label} tells columns by name ({list(by_name)}), which are known where `nnlite train` reads a "
                "table; give numbers from 0"
            )
        if by_name:
            check_columns(self, list(by_name), input_shape)
        return [by_name.get(column, 0) for column in range(known_width(self, input_shape))]

    def _signs(self, kernel: Array) -> np.ndarray:
        """Sign of each number of the kernel, 1 or -1."""
        signs = np.copysign(kernel.real.dtype.type(1), kernel.real)
        if self.monotonicity == 1:  # as that of all layers but the first: no more to do for each of many numbers
            return signs
        direction = np.asarray(self.monotonicity, signs.dtype)
        direction = direction if direction.ndim == 2 else direction.reshape(-1, 1)
        np.multiply(signs, direction, out=signs)
        np.copyto(signs, 1, where=direction == 0)
        return signs

    def used_kernel(self, kernel: np.ndarray) -> np.ndarray:
        return kernel * self._signs(kernel)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return super().infer(inputs)

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


def _place_of(label: str, column: str, named: NamedColumns) -> int:
    """Position of the numbers of a column; `ConfigError` unless there are some."""
    if column not in named.places:
        hint = did_you_mean(column, named.places) if named.places else "the data have no names"
        raise ConfigError(f"{label} names a column {column!r}; {hint}", ("monotonicity",))
    numbers = [position for position in named.places[column] if position in named.amounts]
    if len(numbers) != 1:
        raise ConfigError(
            f"{label} names {column!r}, which is not a column of numbers: it has no order", ("monotonicity",)
        )
    return numbers[0]


def check_rising(activation: ActivationFunction) -> None:
    """`ConfigError` unless the activation is elementwise and nondecreasing."""
    if not activation.by_element:
        raise ConfigError(f"{activation!r} mixes its inputs, so no input has a direction", ("activation",))
    values, jacobians = activation.linearize(GRID[:, None])
    falls = (np.diff(values[:, 0]) < -1e-12) | (jacobians.vjp(np.ones_like(values))[0][1:, 0] < 0)
    if falls.any():
        point = GRID[1:][falls][0]
        raise ConfigError(
            f"{activation!r} falls near {point:.2f}: choose one that does not, such as tanh, relu, elu or softplus",
            ("activation",),
        )
