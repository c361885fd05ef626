"""The fully connected layer."""

import math
from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite import kernels
from nnlite.arrays.contraction import contract
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, DataError
from nnlite.initializers import GlorotUniform, Initializer, RandomNormal
from nnlite.jacobians import (
    Broadcast,
    Diagonal,
    EinsumJacobian,
    Jacobian,
    Jacobians,
    KernelOfRows,
    RowsTimesKernel,
)
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.kernels.reference.dense import LINEAR, RELU, DenseLayer
from nnlite.layers.base.contract.input_spec import Described, InputSpec, with_axis
from nnlite.layers.base.inputs import read_inputs
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.members import for_members, member_shape
from nnlite.layers.base.simplified import Product
from nnlite.layers.base.symbolic import fingerprint
from nnlite.layers.base.variables.low_rank import LowRank
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.bounds import Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["Dense"]

KINK_ROWS = 5  # so many examples decide where the kink of a unit lies
STACKED = ("bmf", "mfu", "bmu")  # the axes of inputs, kernel and outputs: batch, members, features, units


class Dense(Layer):
    """Fully connected layer: outputs = activation(inputs @ kernel + bias).

    Shape: `(batch, ..., features) -> (batch, ..., units)`; kernel `(features, units)`, bias `(units,)`. With members
    `(batch, members, features) -> (batch, members, units)`; kernel `(members, features, units)`, bias
    `(members, units)`.

    Args:
        units: number of outputs.
        activation: an activation function or its name; linear when None.
        use_bias: whether a bias is added.
        kernel_initializer: `glorot_uniform` keeps the variance of signals and gradients across layers.
        bias_initializer: zeros by default.
        kernel_regularizer, bias_regularizer: penalty added to the loss.
        kernel_constraint, bias_constraint: projection of the values after each update.
        activity_regularizer: penalty on the outputs, divided by the number of examples, added to the loss.
        parametrization: `"ntk"` (neural tangent kernel) computes `inputs @ kernel / sqrt(features)` in place of
            `inputs @ kernel`: the kernel is drawn from N(0, 1), unless an initializer other than the default is named,
            and one learning rate suits layers of all widths.
        data_dependent_init: whether initial weights are fitted to the data, see `adapt`; `fit` does this automatically.
        members: number of parallel dense layers, each with its own initial weights and its own row of each example.
            None for a single layer, without this axis.
        lora_rank, lora_alpha: an adapter of low rank beside a frozen kernel, see `enable_lora`.

    PyTorch's Linear keeps the transposed kernel `(units, features)` and initializes both uniformly by
    1 / sqrt(features).

    Reference: Jacot et al. 2018, arXiv:1806.07572, for `"ntk"`; Holzmüller et al. 2024, arXiv:2407.04491, for both
    together with `data_dependent_init`.

    >>> import numpy as np
    >>> ensemble = Dense(3, "selu", members=5, parametrization="ntk")
    >>> ensemble(np.ones((2, 5, 4))).shape, ensemble.kernel.shape, ensemble.bias.shape
    ((2, 5, 3), (5, 4, 3), (5, 3))
    """

    units: Count
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    activity_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    parametrization: Literal["standard", "ntk"] = "standard"
    data_dependent_init: bool = False
    members: Count | None = None
    lora_rank: Index | None = field(default=None, kw_only=True)
    lora_alpha: float | None = field(default=None, kw_only=True)

    supports_masking = True
    ends_in_activation = True
    _fixes = "last"

    input_spec = Described(lambda layer: InputSpec(min_ndim=2, axes=with_axis(layer, -1)))

    _adapts, _adapt, _build_whole = LowRank._adapts, LowRank._adapt, LowRank._build_whole
    lora_enabled, lora_scale, enable_lora = LowRank.lora_enabled, LowRank.lora_scale, LowRank.enable_lora
    merged, merged_kernel, saved_weights = LowRank.merged, LowRank.merged_kernel, LowRank.saved_weights
    save_own_variables, load_own_variables = LowRank.save_own_variables, LowRank.load_own_variables

    def validate(self) -> None:
        if self.members is not None and (self.kernel_constraint or self.bias_constraint):
            raise ConfigError("a constraint is on the weights of one network; choose it or members", ("Dense",))
        if self.parametrization == "ntk" and self.kernel_initializer.to_spec() == GlorotUniform().to_spec():
            self.kernel_initializer = RandomNormal(0.0, 1.0)

    @property
    def factor(self) -> float:
        """Factor of the kernel, 1 or 1 / sqrt(features)."""
        return 1.0 if self.parametrization == "standard" else 1 / math.sqrt(max(1, self.input_shape[-1]))

    def used_kernel(self, kernel: np.ndarray) -> np.ndarray:
        """The matrix that inputs are multiplied by, derived from the parameter `kernel`; for subclasses to override."""
        return kernel

    def at_inference(self) -> Product:
        kernel, *bias = (value.astype(np.float64) for value in self.values)
        activation = None if kernel_code(self.activation) == LINEAR else self.activation
        return Product(kernel * self.factor, bias[0] if bias else None, activation, len(self.input_shape) == 2)

    def _dense_part(self) -> DenseLayer | None:
        code = kernel_code(self.activation)
        if code is None or len(self.input_shape) != (2 if self.members is None else 3):
            return None
        features, factor, members = self.input_shape[-1], self.factor, self.members
        return DenseLayer(features, self.units, self.use_bias, code, factor=factor, members=members)

    @property
    def _compares_first(self) -> bool:
        return self.data_dependent_init

    def build(self, input_shape: tuple) -> None:
        lead = member_shape(self, self.members, input_shape)
        shapes = {"kernel": (*lead, input_shape[-1], self.units), "bias": (*lead, self.units)}
        kernel, bias = (
            for_members(self.members, initializer) for initializer in (self.kernel_initializer, self.bias_initializer)
        )
        self.kernel = self.add_weight(
            shapes["kernel"],
            kernel,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias: Any = None
        if self.use_bias:
            self.bias = self.add_weight(
                shapes["bias"], bias, regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias"
            )
        self._first = fingerprint(self) if self.data_dependent_init else None

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:-1], self.units)

    def adapt(self, data: Any) -> None:
        """Initialize the weights from `data`, examples as the layer will get them, so that units start alike in scale.

        Each unit's weights are divided by the standard deviation of what it computes of the data, before bias and
        activation, so that this has variance 1; where it does not vary they are left. Each bias becomes minus a convex
        combination of what the unit computes for 5 random examples, so that the kinks of all units lie among the data.

        Raises:
            DataError: no example, or values that are not finite.
        """
        data = read_inputs(data, self.input_kind, self.label).astype(np.float64)
        if not data.size or not np.isfinite(data).all():
            raise DataError(f"{self.label}: adapt needs at least one example and finite values")
        self._ensure_built((None, *data.shape[1:]))
        kernel = self.used_kernel(self.kernel.value.astype(np.float64))
        features, units = kernel.shape[-2:]
        rows = data.reshape(-1, self.members or 1, features).swapaxes(0, 1)
        products = np.matmul(rows, kernel.reshape(-1, features, units)) * self.factor  # (members, rows, units)
        spread = products.std(axis=1, keepdims=True)
        spread = np.where(spread > 1e-6 * np.abs(products).max(axis=1, keepdims=True), spread, 1.0)
        self.kernel.assign((kernel.reshape(-1, features, units) / spread).reshape(kernel.shape))
        if self.use_bias:
            self.bias.assign(-self._among(products / spread).reshape(self.bias.shape))
        self._first = None

    def _among(self, values):
        """For each unit a convex combination of what it computes for some rows, `(members, units)`."""
        source = self.random = self.random or RandomSource(fresh_seed())
        generator = source.generator("adapt")
        members, count, units = values.shape
        rows = generator.integers(0, count, (KINK_ROWS, members, units))
        shares = generator.exponential(size=rows.shape)
        picks = values[np.arange(members)[:, None], rows, np.arange(units)]
        return (picks * shares).sum(axis=0) / shares.sum(axis=0)

    @property
    def adapted(self) -> bool:
        """Whether the weights need no data, or have been initialized by `adapt`, set or trained."""
        if not self.data_dependent_init:
            return True
        return self.built and (self._first is None or self._first != fingerprint(self))

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        outputs, *maps = _product(inputs, kernel, self.factor)
        if bias is not None:
            maps.append(Broadcast(bias.shape, outputs.shape))
        plain = outputs.dtype.kind == "f" and (bias is None or (bias.ndim == 1 and bias.dtype == outputs.dtype))
        activation = self._activation_argument
        if plain and kernel_code(activation) == RELU:
            above = kernels.bias_relu(outputs, bias)
            return outputs, Jacobians(*maps, outer=Diagonal(above, outputs.shape, outputs.shape))
        if bias is not None:
            outputs = outputs + bias if outputs.dtype != bias.dtype else np.add(outputs, bias, out=outputs)
        outer = None
        if activation is not None:
            outputs, jacobians = activation.linearize(outputs)
            outer = jacobians[0]
        return outputs, Jacobians(*maps, outer=outer)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`, with rows multiplied member by member, in memory order."""
        kernel = self.used_kernel(self.kernel.value)
        rows = inputs if self.factor == 1 else inputs * self.factor
        outputs = rows_matmul(rows, kernel) if self.members is None else np.matmul(rows.swapaxes(0, 1), kernel)
        if self.use_bias:
            outputs += self.bias.value if self.members is None else self.bias.value[:, None]
        activation = self._activation_argument
        if activation is not None:
            outputs = activation.in_place(outputs)(outputs)
        return outputs if self.members is None else outputs.swapaxes(0, 1)


def _product(inputs: np.ndarray, kernel: np.ndarray, factor: float) -> tuple[np.ndarray, Jacobian, Jacobian]:
    """`factor * inputs @ kernel`, of each member where there are several, and its maps by inputs and by kernel."""
    rows, weights = (inputs, kernel) if factor == 1 else (inputs * factor, kernel * factor)
    if kernel.ndim == 2:
        outputs = rows_matmul(inputs, weights)
        by_inputs = RowsTimesKernel(weights, inputs.shape, outputs.shape)
        return outputs, by_inputs, KernelOfRows(rows, kernel.shape, outputs.shape)
    labels, other, wanted = STACKED
    outputs = contract((labels, other), (inputs, weights), wanted)
    by_inputs = EinsumJacobian(labels, wanted, (weights,), (other,), inputs.shape, outputs.shape)
    return outputs, by_inputs, EinsumJacobian(other, wanted, (rows,), (labels,), kernel.shape, outputs.shape)
