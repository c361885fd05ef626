"""Layers whose block of the Gauss-Newton matrix is approximated by a Kronecker product, and its factors."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives.observed import Stage, watch
from nnlite.jacobians.maps.matmul import KernelOfRows
from nnlite.layers import Dense, Layer
from nnlite.parameters import Parameter
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.full_batch.parts import Piece
from nnlite.training.trainable import Trainable

__all__ = ["Factors", "KroneckerLayer", "LayerParameters", "kronecker_layers", "watched"]


class LayerParameters(NamedTuple):
    """The trained parameters that a layer does not share with an earlier one, and their indices among the model's.

    Of the model itself, as `layer`, they are those that none of its layers has.
    """

    layer: Layer | Trainable
    parameters: list[Parameter]
    places: np.ndarray


class KroneckerLayer:
    """A dense layer that takes one row of numbers for each example.

    Attributes:
        kernel: its parameter.
        has_bias: whether a bias is trained beside it.
        places: the numbers of kernel and bias among all trained parameters.
    """

    def __init__(self, kernel: Parameter, has_bias: bool, places: np.ndarray) -> None:
        self.kernel, self.has_bias, self.places = kernel, has_bias, places

    def stage(self, root: Stage) -> Stage | None:
        """The stage that uses the kernel; None unless there is exactly one, and it multiplies rows by the kernel."""
        uses = root.uses(self.kernel)
        if len(uses) != 1:
            return None
        kernel_map = uses[0].maps.get("kernel")
        return uses[0] if isinstance(kernel_map, KernelOfRows) and kernel_map.rows.ndim == 2 else None


def watched(whole: WholeLoss, piece: Piece) -> Stage:
    """The Jacobians of a piece, with access to what passes back through them."""
    parameters = whole.steps.parameters
    return watch(piece.jacobians, whole.steps.chain, "", [None] * piece.jacobians.data + list(parameters))


def kronecker_layers(
    whole: WholeLoss, groups: Sequence[LayerParameters]
) -> tuple[list[KroneckerLayer], list[np.ndarray]]:
    """The layers with factors, and the indices of the parameters of other layers, which keep their exact block."""
    layers, rest = [], []
    root = watched(whole, next(whole.linearized(whole.point)))
    for layer, parameters, places in groups:
        names = [parameter.name for parameter in parameters]
        if isinstance(layer, Dense) and names in (["kernel"], ["kernel", "bias"]):
            candidate = KroneckerLayer(parameters[0], len(names) > 1, places)
            if candidate.stage(root) is not None:
                layers.append(candidate)
                continue
        rest.append(places)
    return layers, rest


class Factors:
    """The two factors of a layer's block, summed over pieces of the rows.

    With the layer's inputs a (and 1, where it has a bias) and its outputs s before the activation:

        left = sum over rows of a a'        right = sum over rows of (df/ds)' H (df/ds)

    Attributes:
        layer, left, right: as said.
    """

    def __init__(self, layer: KroneckerLayer) -> None:
        inputs, outputs = layer.kernel.shape
        width = inputs + layer.has_bias
        self.layer, self.left, self.right = layer, np.zeros((width, width)), np.zeros((outputs, outputs))

    def add_inputs(self, root: Stage) -> None:
        """Add the layer's inputs of the rows that `root` belongs to."""
        stage = self.layer.stage(root)
        assert stage is not None
        rows: Array = stage.maps["kernel"].rows
        if self.layer.has_bias:
            rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
        self.left += rows.T @ rows

    def add_slopes(self, root: Stage, curvature: Any) -> None:
        """Add an output of these rows, after one cotangent for each of its entries has passed back through `root`."""
        stage = self.layer.stage(root)
        if stage is None or stage.cotangent is None:  # the output does not depend on the layer
            return
        slopes: Array = np.asarray(stage.cotangent)  # (units, rows, outputs of the layer)
        by_output = np.ascontiguousarray(slopes.transpose(2, 1, 0))
        bent = curvature.jvp(by_output.reshape(-1, *curvature.in_shape)).reshape(by_output.shape)
        product = np.tensordot(by_output, bent, axes=([1, 2], [1, 2]))
        self.right += 0.5 * (product + product.T)
