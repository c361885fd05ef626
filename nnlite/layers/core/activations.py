"""Activation functions as layers."""

import copy
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite import ops
from nnlite.arrays.types import Array
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Composed, Diagonal, Jacobians
from nnlite.kernels.reference.dense import LINEAR, RELU
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Activated, DenseActivation, Simplified, Unchanged
from nnlite.layers.base.symbolic import symbols_of
from nnlite.ops import activations
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.registry.bounds import NonNegative
from nnlite.registry.field_types import read
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class _Activated(Layer, abstract=True):
    """Base of the layers of one activation function: outputs = activation(inputs)."""

    if TYPE_CHECKING:  # a field of `Activation`, made of fields by the others
        activation = cast(ActivationFunction, None)

    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"

    @property
    def _final_activation(self) -> ActivationFunction:
        """The activation function."""
        return self.activation

    def _as_function(self) -> ActivationFunction:
        """The activation function, which a layer as the argument `activation` stands for."""
        return self.activation

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.activation.linearize(self._taken(inputs) if inputs.dtype.kind in "biu" else inputs)

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        inputs = self._taken(inputs) if inputs.dtype.kind in "biu" else inputs
        return self.activation.in_place(inputs)(inputs.copy())

    def _taken(self, inputs: np.ndarray) -> np.ndarray:
        """Integers as floating-point numbers, but for a function that gives integers of them."""
        return inputs if kernel_code(self.activation) in (LINEAR, RELU) else floating(self, inputs)

    def at_inference(self) -> Simplified:
        linear = kernel_code(self.activation) == LINEAR
        return Unchanged() if linear else Activated(self, self.activation)

    def _dense_part(self) -> DenseActivation | None:
        code = kernel_code(self.activation)
        return None if code is None else DenseActivation(code)


class Activation(_Activated):
    """outputs = activation(inputs), for any activation function or its name; outputs = inputs for None.

    Args:
        activation: an activation function, its name, or None.

    >>> import numpy as np
    >>> Activation("relu")(np.array([-3.0, -1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 0.0, 2.0]
    """

    activation: FromSpec[ActivationFunction | None]

    ends_in_activation = True

    def validate(self) -> None:
        self.activation = self.activation or activations.Linear()


class ReLU(_Activated):
    """outputs = max(inputs, 0), with the arguments of `nnlite.ops.ReLU`.

    Args:
        max_value: largest output, >= 0; None for no bound.
        negative_slope: slope below the threshold, >= 0.
        threshold: inputs up to it count as below, >= 0.

    >>> import numpy as np
    >>> ReLU(max_value=6, negative_slope=0.5)(np.array([-4.0, 2.0, 8.0])).tolist()
    [-2.0, 2.0, 6.0]
    """

    max_value: NonNegative | None = None
    negative_slope: NonNegative = 0.0
    threshold: NonNegative = 0.0

    def validate(self) -> None:
        self.activation = activations.ReLU(self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(_Activated):
    """outputs = inputs where positive, else negative_slope * inputs. PyTorch's default slope is 0.01.

    Args:
        negative_slope: >= 0. The name that Keras gave it before, `alpha`, is accepted.

    >>> import numpy as np
    >>> LeakyReLU(negative_slope=0.5)(np.array([-3.0, -1.0, 0.0, 2.0])).tolist()
    [-1.5, -0.5, 0.0, 2.0]
    """

    negative_slope: NonNegative = 0.3

    _further_arguments = ("alpha",)

    def _take_further(self, arguments: dict[str, Any]) -> None:
        if arguments.get("alpha") is not None:
            try:
                self.negative_slope = read(arguments["alpha"], NonNegative)
            except ConfigError as error:
                raise error.within("LeakyReLU", "alpha") from None
            self.validate()

    def validate(self) -> None:
        self.activation = activations.LeakyReLU(self.negative_slope)


class ELU(_Activated):
    """outputs = inputs where positive, else alpha * (exp(inputs) - 1).

    Args:
        alpha: the outputs of negative inputs tend to -alpha.

    >>> import numpy as np
    >>> print(ELU()(np.array([-3.0, -1.0, 0.0, 2.0])).round(2))
    [-0.95 -0.63  0.    2.  ]
    """

    alpha: float = 1.0

    def validate(self) -> None:
        self.activation = activations.ELU(self.alpha)


class Softmax(_Activated):
    """outputs = exp(inputs) / sum(exp(inputs)) along `axis`, one or several.

    A call takes a `mask`, which is stretched to the inputs: where it is false, or a number up to 0.5, the output is 0,
    and the others have the sum 1.

    Args:
        axis: an axis, or several, over which the outputs have the sum 1.

    >>> import numpy as np
    >>> Softmax()(np.array([[1.0, 2.0, 1.0]]), mask=[[True, False, True]]).tolist()
    [[0.5, 0.0, 0.5]]
    """

    axis: int | tuple[int, ...] = -1

    ends_in_activation = True

    def validate(self) -> None:
        self.activation = activations.Softmax(self.axis)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        call = Layer._read_call(self, *inputs, **options)
        mask: Any = None if call.mask is None else symbols_of(call.mask)
        if mask is None:
            return super().__call__(*inputs, **options)
        mask, data = (mask if mask.dtype == "bool" else mask > 0.5), symbols_of(call.inputs)
        outputs = super().__call__(ops.where(mask, data, np.finfo(self.dtype).min / 2), training=call.training)
        return ops.where(mask, outputs, 0)

    def _read_call(self, *inputs: Any, **options: Any) -> LayerCall:
        call = super()._read_call(*inputs, **options)
        if call.mask is None:
            return call
        runner: Any = copy.copy(self)
        runner.activation = _MaskedSoftmax(self, call.mask)
        return LayerCall(runner, call.inputs, call.training)


class _MaskedSoftmax:
    """The activation function of a `Softmax` in a call with a mask."""

    def __init__(self, layer: Softmax, mask: Any) -> None:
        mask = np.asarray(mask)
        self.layer, self.mask = layer, mask if mask.dtype == bool else mask > 0.5

    def linearize(self, x: Array) -> tuple[np.ndarray, Jacobians]:
        stretched = [side in (1, length) for side, length in zip(self.mask.shape[::-1], x.shape[::-1], strict=False)]
        if self.mask.ndim > x.ndim or not all(stretched):
            raise ShapeError(f"{self.layer.label} needs a mask that stretches to {x.shape}, got {self.mask.shape}")
        lowest = x.dtype.type(np.finfo(x.real.dtype).min / 2)
        part: Any
        outputs, (part,) = self.layer.activation.linearize(np.where(self.mask, x, lowest))
        kept = Diagonal(self.mask.astype(x.real.dtype), x.shape, x.shape)
        return np.where(self.mask, outputs, x.dtype.type(0)), Jacobians(Composed(kept, part, kept))


class PReLU(Layer):
    """outputs = inputs where positive, else alpha * inputs, with a learned slope alpha.

    Shape: `(batch, *features) -> (batch, *features)`; alpha `features`, with length 1 along `shared_axes`.

    Args:
        alpha_initializer: zeros by default, which starts as ReLU; PyTorch starts at 0.25.
        alpha_regularizer: penalty added to the loss.
        alpha_constraint: projection of the values after each update.
        shared_axes: axes (the batch is 0), or a single one, along which one slope is shared.

    Reference: He et al. 2015, arXiv:1502.01852.

    >>> import numpy as np
    >>> layer = PReLU(alpha_initializer={"constant": {"value": 0.5}})
    >>> layer(np.array([[-3.0, 2.0]])).tolist(), layer.weights[0].shape
    ([[-1.5, 2.0]], (2,))
    """

    alpha_initializer: FromSpec[Initializer] = option(default="zeros")
    alpha_regularizer: FromSpec[Regularizer | None] = option(default=None)
    alpha_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    shared_axes: int | tuple[int, ...] | None = None

    supports_masking = True

    def validate(self) -> None:
        if isinstance(self.shared_axes, int):
            self.shared_axes = (self.shared_axes,)

    def build(self, input_shape: tuple) -> None:
        shape = list(input_shape[1:])
        for axis in cast(tuple, self.shared_axes or ()):
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
