"""A penalty on activities."""

import numpy as np

from nnlite.jacobians import Jacobians, Penalized
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.registry.bounds import NonNegative
from nnlite.regularizers import L1L2

__all__ = ["ActivityRegularization"]


class ActivityRegularization(Layer):
    """outputs = inputs; the loss gains `(l1 * sum(abs(inputs)) + l2 * sum(inputs ** 2)) / batch`.

    The sums go over the whole batch and are divided by the number of examples, as in Keras since 3.14 and in Keras 2.

    Args:
        l1: strength of the absolute part, >= 0.
        l2: strength of the squared part, >= 0.

    >>> import numpy as np
    >>> layer = ActivityRegularization(l1=0.5)
    >>> layer(np.array([[1.0, -3.0]])).tolist(), [float(loss) for loss in layer.losses]
    ([[1.0, -3.0]], [2.0])
    """

    l1: NonNegative = 0.0
    l2: NonNegative = 0.0

    _kept_kinds = "biu"
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _keeps_values = True
    _penalizes = True

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(Penalized(inputs, L1L2(self.l1, self.l2)))
