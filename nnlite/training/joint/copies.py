"""Kernels and biases of single members, or multiplied by a factor, assembled for compiled code."""

import numpy as np

from nnlite.kernels import DenseLayer, DenseRoom, aligned_zeros
from nnlite.layers.composite.fused_dense import ROOMS_KEPT, JoinedDense

__all__ = ["MemberCopies", "is_multiplied"]


class MemberCopies:
    """Memory in which kernels and biases of each member are contiguous, one member after another.

    Args:
        stage: layers side by side, or one with kernels that are multiplied by something.
        start: where its parameters begin among those of the model.

    Attributes:
        places: of each layer features, units, bias, whether features are scaled, its start; and the kernels' factors.
    """

    def __init__(self, stage: JoinedDense, start: int) -> None:
        self.layers = [layer._replace(members=None, factor=1.0, scaled=False) for layer in stage.layers]
        at, rows, members = start, [], stage.layers[0].members or 1
        for layer in stage.layers:
            rows.append((layer.features, layer.units, layer.bias, layer.scaled, at))
            at += members * (layer.features * layer.scaled + (layer.features + layer.bias) * layer.units)
        self.places = np.array(rows, np.int64), np.array([layer.factor for layer in stage.layers])
        size = sum((layer.features + layer.bias) * layer.units for layer in self.layers)
        self.vectors = [aligned_zeros(size, stage.values.dtype) for _ in range(2)]
        self._rooms: dict[tuple[int, bool], DenseRoom] = {}

    def room_for(self, rows: int, drops: bool) -> DenseRoom:
        """Memory for this many rows of one member, with or without dropout."""
        room = self._rooms.get((rows, drops))
        if room is None:
            if len(self._rooms) == ROOMS_KEPT:
                del self._rooms[next(iter(self._rooms))]
            layers = self.layers if drops else [layer._replace(threshold=None, scale=1.0) for layer in self.layers]
            room = self._rooms[rows, drops] = DenseRoom(layers, rows, *self.vectors)
        return room


def is_multiplied(layer: DenseLayer) -> bool:
    """Whether a kernel is used with a factor."""
    return layer.factor != 1 or layer.scaled
