"""A dense layer whose sums of products are written as an einsum."""

from typing import Any

import numpy as np

from nnlite.arrays.contraction import contract
from nnlite.arrays.types import BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Broadcast, EinsumJacobian, Jacobian, Jacobians
from nnlite.layers.base.contract.input_spec import Described, InputSpec
from nnlite.layers.base.variables.low_rank import LowRank
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.einsum import expanded, read_subscripts
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import read
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["EinsumDense"]


def read_output_shape(layer: Any, argument: Any) -> tuple | None:
    """The argument `output_shape` of a layer as a tuple, or None."""
    try:
        shape = read(argument, Count | tuple[Count | None, ...] | None)
    except ConfigError as error:
        raise error.within(type(layer).__name__, "output_shape") from None
    return (shape,) if isinstance(shape, int) else shape


class EinsumDense(LowRank):
    """outputs = activation(einsum(equation, inputs, kernel) + bias).

    Shape: `(batch, ...) -> (batch, *output_shape)`, or `(batch, ..., *output_shape)` where the equation has `...`;
    the kernel has the axes that the equation gives it, the bias those from the first of `bias_axes` on.

    Args:
        equation: for example `"abc,cd->abd"`, or `"...x,xy->...y"` for any number of axes in front.
        output_shape: lengths of the result's axes, without the batch and those that `...` stands for; None for
            one that the inputs have.
        activation: an activation function or its name; linear when None.
        bias_axes: letters of the result along which the bias varies; no bias when None.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer: penalty added to the loss.
        kernel_constraint, bias_constraint: projection of the values after each update.

    Raises:
        ConfigError: an equation that cannot be read, or one that says nothing about an axis.
        ShapeError: inputs that do not fit it.

    >>> EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="d")._ensure_built((None, 5, 3))
    (None, 5, 4)
    """

    equation: str
    output_shape: Count | tuple[Count | None, ...] | None
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    bias_axes: str | None = None
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    ends_in_activation = True

    _fixes = "rank"

    def __post_init__(self) -> None:
        shape = self.output_shape  # an attribute of built layers too
        super().__post_init__()
        self.given_shape = read_output_shape(self, shape)

    @property
    def partial_output_shape(self) -> tuple[int | None, ...] | None:
        """The argument `output_shape`, as a tuple."""
        return self.given_shape

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "output_shape": self.given_shape}

    def validate(self) -> None:
        try:
            wanted: Any
            self.labels, wanted = read_subscripts(self.equation)
            self.wanted = wanted
            if len(self.labels) != 2 or not self.wanted or "..." in self.labels[1]:
                raise ConfigError(f"expected an equation 'inputs,kernel->outputs', got {self.equation!r}")
        except ConfigError as error:
            raise error.within(type(self).__name__, "equation") from None
        strangers = set(self.bias_axes or "") - set(self.wanted)
        if strangers:
            raise ConfigError(
                f"{self.equation!r} has no axis {''.join(sorted(strangers))!r} in its outputs",
                (type(self).__name__, "bias_axes"),
            )

    input_spec = Described(lambda layer: InputSpec(ndim=len(layer.input_shape)) if layer.built else None)

    def build(self, input_shape: BatchShape) -> None:
        lengths, wanted = self._lengths(input_shape)
        for label in (*self.labels[1], *(self.bias_axes or "")):
            if lengths.get(label) is None:
                raise ShapeError(
                    f"{self.label} needs to know the length of the axis {label!r}, got inputs {input_shape}"
                )
        shape = [lengths[label] for label in self.labels[1]]
        self.kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias: Any = None
        if self.bias_axes:
            last = wanted[min(map(wanted.index, self.bias_axes)) :]
            shape = [lengths[label] if label in self.bias_axes else 1 for label in last]
            self.bias = self.add_weight(
                shape,
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        lengths, wanted = self._lengths(input_shape)
        return tuple(lengths[label] for label in wanted)

    def _lengths(self, input_shape):
        """The length of every axis, and the labels of the result."""
        labels = self.labels[0]
        unnamed = len(input_shape) - len(labels) + 1 if "..." in labels else 0
        labels, wanted = expanded(labels, unnamed), expanded(self.wanted, unnamed)
        if unnamed < 0 or len(labels) != len(input_shape):
            raise ShapeError(f"{self.label} needs inputs with the axes of {self.equation!r}, got {tuple(input_shape)}")
        lengths = dict(zip(labels, input_shape, strict=True))
        named = [label for label in self.wanted if label != "..."][self.wanted[0] != "..." :]
        if len(named) != len(self.given_shape or ()):
            raise ConfigError(
                f"{self.label} needs one length in output_shape for each of {', '.join(named)}, got {self.given_shape}"
            )
        for label, length in zip(named, self.given_shape or (), strict=True):
            earlier = lengths.get(label)
            if length is not None and earlier is not None and earlier != length:
                raise ShapeError(
                    f"{self.label} needs the length {length} of the axis {label!r}, got inputs {input_shape}"
                )
            lengths[label] = earlier if length is None else length
        return lengths, wanted

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        unnamed = inputs.ndim - len(self.labels[0]) + 1
        labels, wanted = [expanded(operand, unnamed) for operand in self.labels], expanded(self.wanted, unnamed)
        outputs, maps = project(labels, wanted, inputs, kernel, bias)
        activation = self._activation_argument
        if activation is None:
            return outputs, Jacobians(*maps)
        outputs, (outer,) = activation.linearize(outputs)
        return outputs, Jacobians(*maps, outer=outer)


def project(
    labels: Any, wanted: Any, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
) -> tuple[np.ndarray, list[Jacobian]]:
    """The einsum of `inputs` and `kernel`, plus `bias`, and the map for each; labels as in `contract`."""
    outputs = contract(labels, (inputs, kernel), wanted)
    maps: list[Jacobian] = [
        EinsumJacobian(labels[0], wanted, (kernel,), labels[1:], inputs.shape, outputs.shape),
        EinsumJacobian(labels[1], wanted, (inputs,), labels[:1], kernel.shape, outputs.shape),
    ]
    if bias is not None:
        outputs = outputs + bias if outputs.dtype != bias.dtype else np.add(outputs, bias, out=outputs)
        maps.append(Broadcast(bias.shape, outputs.shape))
    return outputs, maps
