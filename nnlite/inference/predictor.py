"""A model prepared for many small predictions."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.data.batches import count_rows
from nnlite.inference.dense_blocks import MANY_ROWS, joined_stages
from nnlite.inference.fold_constants import folded
from nnlite.inference.stages import stage_of
from nnlite.jacobians import Bundle
from nnlite.layers import Layer
from nnlite.registry.pickling import stamped, unstamped

if TYPE_CHECKING:
    from nnlite.data import InputEncoder

__all__ = ["Predictor"]

SHAPES_KEPT = 8  # of batches, for which a thread keeps memory


class Predictor:
    """The outputs of a chain of layers, computed with minimal overhead.

    Dropout is removed, scales and shifts are folded into kernels, activations work in place, convolutions are fused
    with the pooling after them, many rows are processed in chunks that fit into the cache, and each thread reuses its
    memory between calls. Results agree with those of the model up to rounding; numbers that are not finite, which
    `predict` refuses, may spread to neighboring outputs. The weights are those at the time of creation: make a new
    predictor after more training.

    Args:
        layers: built layers, in order.
        model: the model whose inputs they take.
        encoder: turns raw tables into these inputs; None for arrays alone.

    A predictor may be called from several threads; each call returns an array of its own.
    """

    def __init__(self, layers: list[Layer], model: Layer, encoder: "InputEncoder | None" = None) -> None:
        self.model, self.encoder = model, encoder
        self.dtype = np.dtype(model.dtype)
        self.row_shape = tuple(model.input_shape[1:])
        self.several = model.takes_several
        self.plain = model.input_kind == "numbers" and not self.several
        steps = folded(layers)
        self.stages = [stage_of(step, self.dtype) for step in steps]
        self.joined = joined_stages(steps, self.stages, self.dtype)
        self.may_alias = not self.stages or self.stages[-1].may_alias
        one_output = not isinstance(model.output_shape[0], tuple)
        self.rows_at_once: Any = min((stage.rows for stage in self.joined), default=np.inf)
        self.in_pieces = self.plain and one_output and self.rows_at_once < np.inf
        self._local = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        """The state without the per-thread memory."""
        return stamped({name: value for name, value in vars(self).items() if name != "_local"})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(unstamped(state, type(self)), _local=threading.local())

    def __call__(self, x: Any) -> np.ndarray | Any:
        """The outputs for a batch. Shape: as `model.predict`.

        Raises:
            ShapeError: `x` has not the shape that the model was built for.
        """
        return self.model._as_returned(self._outputs(x))

    def _outputs(self, x: Any) -> np.ndarray | Any:
        """The outputs for a batch: one array, or a tuple of several."""
        if self.encoder is not None and self.encoder.accepts(x):
            x = self.encoder.encode(x)
        if self.plain:
            x = np.asarray(x, self.dtype)
        if not self.plain or x.shape[1:] != self.row_shape or not x.ndim:
            x = self.model._as_input(x)
        inputs, shapes = x, tuple([part.shape for part in x]) if self.several else x.shape
        try:
            prepared = self._local.prepared[shapes]
        except (AttributeError, KeyError):
            if self.in_pieces and len(x) > (rows := self.rows_at_once):
                return np.concatenate([self._outputs(x[start : start + rows]) for start in range(0, len(x), rows)])
            prepared = self._prepare(x, shapes)
        for run, out in prepared:
            x = run(x, out)
        return self._owned(x, prepared, inputs) if self.may_alias else x

    def _prepare(self, x, shapes):
        """Each stage with the memory that this thread keeps for it, for batches shaped like x."""
        prepared, fixed = [], False
        for stage in self.joined if count_rows(x) >= MANY_ROWS else self.stages:
            run, out = stage.prepare(x, fixed)
            outputs = run(x, out)
            fixed = outputs is out or (fixed and np.may_share_memory(outputs, x))
            prepared.append((run, out))
            x = outputs
        if prepared:
            prepared[-1] = (prepared[-1][0], None)
        by_shape = vars(self._local).setdefault("prepared", {})
        if len(by_shape) == SHAPES_KEPT:
            del by_shape[next(iter(by_shape))]
        by_shape[shapes] = prepared
        return prepared

    def _owned(self, outputs, prepared, inputs):
        """The outputs in memory that neither the caller's inputs nor a stage keeps."""
        others = [*inputs] if self.several else [inputs]
        others += [out for _, out in prepared if out is not None]
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        owned = [part.copy() if shares(part, others) else part for part in parts]
        return tuple(owned) if isinstance(outputs, tuple) else owned[0]

    def __repr__(self) -> str:
        return f"Predictor({', '.join(map(repr, self.stages))})"


def shares(array: np.ndarray, others: Iterable[np.ndarray]) -> bool:
    """Whether `array` may share memory with one of `others`."""
    return any(np.may_share_memory(array, other) for other in others)


def sets_a_mask(jacobians: Any) -> bool:
    """Whether a layer sets a mask of steps, which the layers after it use."""
    inner = [part for _, part in jacobians.parts() if isinstance(part, Bundle)]
    return jacobians.mask is not None or any(map(sets_a_mask, inner))
