"""Layers that move elements without changing them."""

import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Broadcast, Composed, Jacobians, Rearrange
from nnlite.layers.base.contract.input_spec import Described, InputSpec
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import View
from nnlite.registry.bounds import Count
from nnlite.registry.fields import Converted

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


class Flatten(Layer):
    """Flattens all axes after the batch. Shape: `(batch, ...) -> (batch, features)`.

    Args:
        data_format: `"channels_last"`, also for None; with `"channels_first"` the channels, the first axis after the
            batch, become the last one before, so that both give the same features.

    >>> import numpy as np
    >>> Flatten()(np.ones((2, 4, 3))).shape
    (2, 12)
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    _kept_kinds = "biu"
    _keeps_values = True
    _fixes = "nothing"

    input_spec = Described(lambda layer: InputSpec(min_ndim=1))

    def at_inference(self) -> View | None:
        return None if self.data_format == "channels_first" else View(self)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        batch, *lengths = input_shape
        return batch, None if None in lengths else math.prod(cast(list, lengths))

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        if self.data_format != "channels_first" or inputs.ndim < 3:
            outputs = inputs.reshape(len(inputs), math.prod(inputs.shape[1:]))
            return outputs, Jacobians(Rearrange(inputs.shape, outputs.shape))
        order = (0, *range(2, inputs.ndim), 1)
        outputs = inputs.transpose(order).reshape(len(inputs), math.prod(inputs.shape[1:]))
        return outputs, Jacobians(Rearrange(inputs.shape, outputs.shape, order))


class Reshape(Layer):
    """Reshapes each example; one entry of `target_shape` may be -1, a length that follows from the inputs.

    Shape: `(batch, ...) -> (batch, *target_shape)`.

    Args:
        target_shape: of one example, without the batch.

    >>> import numpy as np
    >>> Reshape((2, -1))(np.arange(6.0).reshape(1, 6)).tolist()
    [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]
    """

    target_shape: Converted[Sequence[int], tuple[int, ...]]

    _kept_kinds = "biu"
    _keeps_values = True
    _fixes = "nothing"
    _needs_no_building = True

    def validate(self) -> None:
        if self.target_shape.count(-1) > 1 or any(length < 1 and length != -1 for length in self.target_shape):
            raise ConfigError(
                f"may hold positive numbers and one -1, got {self.target_shape}", ("Reshape", "target_shape")
            )

    def build(self, input_shape: BatchShape) -> None:
        self.compute_output_shape(input_shape)

    def at_inference(self) -> View:
        return View(self)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        if None in input_shape[1:]:
            return input_shape[0], *(None if length == -1 else length for length in self.target_shape)
        size, wanted = math.prod(cast(tuple, input_shape[1:])), math.prod(map(abs, self.target_shape))
        if size % wanted or (-1 not in self.target_shape and size != wanted):
            raise ShapeError(f"{self.label} cannot bring {input_shape[1:]} into the shape {self.target_shape}")
        return input_shape[0], *(size // wanted if length == -1 else length for length in self.target_shape)

    def _check_linearize(self) -> None:
        if None not in self.input_shape[1:]:  # else a trial with ones may not fit
            super()._check_linearize()

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs = inputs.reshape(cast(tuple, self.compute_output_shape(inputs.shape)))
        return outputs, Jacobians(Rearrange(inputs.shape, outputs.shape))


class Permute(Layer):
    """Permutes the axes after the batch: output axis i is input axis `dims[i - 1]`, counted from 1.

    Shape: `(batch, ...) -> (batch, ...)`; with dims `(2, 1)`, `(batch, rows, columns) -> (batch, columns, rows)`.

    Args:
        dims: the numbers 1 to the number of axes after the batch, each once.

    >>> import numpy as np
    >>> Permute((2, 1))(np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])).tolist()
    [[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]]
    """

    dims: Converted[Sequence[int], tuple[Count, ...]]

    _kept_kinds = "biu"
    _keeps_values = True

    _fixes = "nothing"

    input_spec = Described(lambda layer: InputSpec(ndim=len(layer.dims) + 1))

    def validate(self) -> None:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ConfigError(f"Permute takes dims 1 to {len(self.dims)}, each once, got {self.dims}")

    def build(self, input_shape: BatchShape) -> None:
        self.compute_output_shape(input_shape)  # refuses inputs of another rank

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        if len(self.dims) != len(input_shape) - 1:
            raise ShapeError(
                f"{self.label} with dims {self.dims} needs inputs of {len(self.dims) + 1} axes, got {input_shape}"
            )
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        shape: Any = self.compute_output_shape(inputs.shape)
        by_inputs = Rearrange(inputs.shape, shape, (0, *self.dims))
        return by_inputs.jvp(inputs), Jacobians(by_inputs)


class RepeatVector(Layer):
    """Repeats each vector `n` times. Shape: `(batch, features) -> (batch, n, features)`.

    Args:
        n: number of repetitions.

    >>> import numpy as np
    >>> RepeatVector(3)(np.array([[1.0, 2.0]])).tolist()
    [[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]
    """

    n: Count

    _kept_kinds = "biu"
    _fixes = "nothing"

    input_spec = Described(lambda layer: InputSpec(ndim=2))

    def build(self, input_shape: BatchShape) -> None:
        self.compute_output_shape(input_shape)  # refuses inputs of another rank

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        if len(input_shape) != 2:
            raise ShapeError(f"{self.label} needs inputs of shape (batch, features), got {input_shape}")
        return (input_shape[0], self.n, input_shape[1])

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        shape: Any = self.compute_output_shape(inputs.shape)
        single = (len(inputs), 1, inputs.shape[1])
        return self.infer(inputs), Jacobians(Composed(Broadcast(single, shape), Rearrange(inputs.shape, single)))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return inputs[:, None].repeat(self.n, axis=1)
