"""The outputs of a network and their derivatives with respect to its inputs; both can be trained."""

import cmath
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import StencilJacobians
from nnlite.jacobians.hessian import STEP
from nnlite.layers.base.call import layers_within
from nnlite.layers.base.columns import check_columns, known_width
from nnlite.layers.composite.branches import Pipeline
from nnlite.registry.bounds import Index
from nnlite.registry.fields import option

__all__ = ["InputDerivatives", "step_along"]

RADIUS, POINTS = 0.02, 12  # of the circle that second derivatives are read from
TRIED_ROWS, TOLERANCE = 64, 1e-5
SHARE = 0.01  # of the largest parameter: a step of differences

Shift = tuple[int, complex]  # a column, and how far it is moved


class InputDerivatives(Pipeline):
    """outputs = [u, du/dx_c for each column c, with order=2 also d2u/dx_c2 for each], u the outputs of a network.

    What the loss says of the derivatives is trained like what it says of u: fitted to slopes that are known (Sobolev
    training), held small (a gradient penalty), or bound by a differential equation (a physics-informed network).
    `Sequential(layer.layers)` is u itself, with the same weights.

    A first derivative is the imaginary part of u at `x + i h` over h = 1e-20, exact to rounding. A second one comes
    from Cauchy's formula, `2 / (12 r^2) * sum over k of u(x + r w_k) / w_k^2`, w_k the 12th roots of 1 and r = 0.02:
    to about 1e-11 where u is analytic within 0.15 of the real numbers, as with inputs of unit size and tanh layers of
    weights below 10. Both are linear in u, and so are their derivatives with respect to parameters and inputs, which
    take a pass back for each point. All is computed in float64.

    Shape: `(batch, features) -> (batch, (1 + firsts + seconds) * outputs)`, `firsts` and `seconds` the numbers of
    columns with first and with second derivatives: all of u, then all derivatives with respect to the first column, and
    so on; then the second derivatives in the same order.

    Args:
        layers: a chain of layers from `(batch, features)` to `(batch, outputs)`, that does not draw at random.
        columns: of the inputs, from 0; all when None.
        order: 1, or 2 for second derivatives as well, by one column twice.
        second_columns: those of `columns` that have second derivatives; all of them when None. Only with `order=2`.

    Raises:
        ConfigError: layers that draw at random or mix rows; `second_columns` with `order=1`, or not among `columns`;
            with `order=2` functions that are not analytic, such as relu and elu; complex inputs or parameters, which
            would be a complex step through a complex step: `hvp` and `NewtonCG` take differences of the gradient
            instead, of order 8.
        ShapeError: inputs or outputs that are not rows of numbers.

    Reference: Raissi, Perdikaris & Karniadakis 2019, "Physics-informed neural networks"; Czarnecki et al. 2017,
    arXiv:1706.04859; Lyness & Moler 1967, "Numerical differentiation of analytic functions".

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> layer = InputDerivatives([Dense(1, "tanh", kernel_initializer="ones")], order=2, dtype="float64")
    >>> layer(np.array([[0.5]])).round(4).tolist()  # t = tanh(0.5), 1 - t^2, -2 t (1 - t^2)
    [[0.4621, 0.7864, -0.7269]]
    """

    columns: list[Index] | None = option(default=None)
    order: Literal[1, 2] = 1
    second_columns: list[Index] | None = option(default=None)

    supports_masking = False

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) != 2:
            raise ShapeError(f"{self.label} needs rows of numbers, (batch, features), got {input_shape}")
        known_width(self, input_shape)
        for columns in (self.columns, self.second_columns):
            if columns is not None:
                check_columns(self, columns, input_shape)
        self._check_second_columns(input_shape[-1])
        super().build(input_shape)
        shape = self.graph.compute_output_shape(input_shape)
        if len(shape) != 2:
            raise ShapeError(f"{self.label} needs layers that end in (batch, outputs), they give {shape}")
        for layer in layers_within(self):
            if "random" in layer._context or layer._penalizes:
                raise ConfigError(
                    f"{self.label}: {layer.label} draws at random or adds to the loss, at each point again"
                )
        if self.order == 2:
            self._check_analytic(input_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        batch, outputs = self.graph.compute_output_shape(input_shape)
        return (batch, (1 + sum(map(len, self._columns(known_width(self, input_shape))))) * outputs)

    def _columns(self, features: int) -> tuple[list[int], list[int]]:
        """The columns that have first derivatives, and those that have second ones."""
        firsts = list(range(features)) if self.columns is None else self.columns
        if self.order == 1:
            return firsts, []
        return firsts, firsts if self.second_columns is None else self.second_columns

    def _check_second_columns(self, features: int | None) -> None:
        """`ConfigError` for second derivatives where there are no first ones."""
        if self.second_columns is None:
            return
        if self.order == 1:
            raise ConfigError(f"{self.label}: second_columns goes with order=2", ("second_columns",))
        firsts, seconds = self._columns(features or 0)
        others = [column for column in seconds if column not in firsts]
        if others:
            raise ConfigError(f"{self.label}: second_columns {others} are not among its columns", ("second_columns",))

    def linearize(
        self, inputs: Array, *parameters: np.ndarray, training: bool = False
    ) -> tuple[np.ndarray, StencilJacobians]:
        if any(array.dtype.kind == "c" for array in (inputs, *parameters)):
            raise ConfigError(
                f"{self.label} takes complex steps of its own, so that no complex numbers can go through it"
            )
        shifts, weights = self._stencil(inputs.shape[-1], RADIUS)
        values, bundles = [], []
        for shift in shifts:
            value, bundle = self.graph.linearize(_moved(inputs, shift), *parameters, training=training)
            if bundle.mixes_rows:
                raise ConfigError(f"{self.label}: its layers mix rows, so that a row has no derivative of its own")
            values.append(value)
            bundles.append(bundle)
        kind = np.result_type(self.dtype, *(array.dtype for array in parameters))
        outputs = _terms(values, weights).reshape(len(inputs), -1).astype(kind)
        shapes = [inputs.shape, *(array.shape for array in parameters)]
        return outputs, StencilJacobians(bundles, weights, shapes, outputs.shape)

    def _stencil(self, features: int, radius: float) -> tuple[list[Shift], np.ndarray]:
        """The points, and the weight of each in each term, `(points, terms)`.

        Points below the real numbers are the conjugates of those above, which count twice.
        """
        columns, seconds = self._columns(features)
        shifts: list[Shift] = [(column, 1j * STEP) for column in columns]
        term_of, factors = [*range(1, 1 + len(columns))], [-1j / STEP] * len(columns)
        for term, column in enumerate(seconds, start=1 + len(columns)):
            for number in range(POINTS // 2 + 1):
                root, is_real = cmath.rect(1, 2 * math.pi * number / POINTS), number in (0, POINTS // 2)
                shifts.append((column, radius * (root.real if is_real else root)))
                term_of.append(term)
                factors.append((1 if is_real else 2) * 2 / POINTS / radius**2 * root**-2)
        weights = np.zeros((len(shifts), 1 + len(columns) + len(seconds)), complex)
        weights[np.arange(len(shifts)), term_of] = factors
        weights[0, 0] = 1.0  # u itself is the real part at the first point
        return shifts, weights

    def _check_analytic(self, input_shape: BatchShape) -> None:
        """`ConfigError` where circles of two sizes do not give the same second derivatives."""
        if not self.adapted:
            return
        rows = np.random.default_rng(0).normal(size=(TRIED_ROWS, known_width(self, input_shape)))
        seconds = []
        for radius in (RADIUS, RADIUS / 2):
            shifts, weights = self._stencil(rows.shape[1], radius)
            values = [self.graph.linearize(_moved(rows, shift), *self.values)[0] for shift in shifts]
            seconds.append(_terms(values, weights))
        if not np.allclose(*seconds, rtol=TOLERANCE, atol=TOLERANCE):
            raise ConfigError(
                f"{self.label}: second derivatives need analytic functions, such as tanh, sigmoid or softplus, and "
                "those of its layers are not",
                ("layers",),
            )


def step_along(model: Any, values: Sequence[Array], changes: Sequence[Array]) -> float | None:
    """The step of finite differences of a model's gradient along parameter changes; None if complex steps work.

    It moves the parameter that is changed most by a hundredth of the largest one, or of 1.
    """
    if not any(isinstance(layer, InputDerivatives) for layer in layers_within(model)):
        return None
    largest, change = (max(float(np.abs(array).max(initial=0)) for array in arrays) for arrays in (values, changes))
    return SHARE * max(largest, 1.0) / (change or 1.0)


def _terms(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The terms `(batch, terms, outputs)`, of the values at each point, `(batch, outputs)`."""
    return np.einsum("pbm,pt->btm", np.stack(values), weights).real


def _moved(inputs: np.ndarray, shift: Shift) -> np.ndarray:
    """The inputs in float64 or complex128, with a column moved."""
    column, step = shift
    moved = inputs.astype(np.result_type(np.float64, type(step)))
    moved[:, column] += step
    return moved
