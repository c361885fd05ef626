"""Masks: the steps of a sequence that count."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.jacobians import Bundle

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


def step_mask(mask: Any, shape: tuple[int, ...], owner: str) -> np.ndarray:
    """`mask` as an array; `ShapeError` unless it has one boolean for each of `shape`, `(batch, steps)`."""
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape != tuple(shape):
        raise ShapeError(
            f"{owner} needs a mask of booleans of the shape {tuple(shape)}, (batch, steps), "
            f"got {mask.dtype} {mask.shape}"
        )
    return mask


def output_masks(layer: "Layer", jacobians: Bundle, masks: tuple, count: int) -> list[np.ndarray | None]:
    """The mask of each of a layer's `count` outputs: the one it sets, or that of its inputs if it supports masking.

    Args:
        masks: the masks of its inputs.
    """
    mask = masks[0] if layer._keeps_mask and not layer.takes_several else jacobians.mask
    return list(mask) if isinstance(mask, tuple) else [mask] * count


def checked_masks(layer: "Layer", inputs: Sequence[np.ndarray], mask: Any) -> list[np.ndarray | None]:
    """One mask or None for each input; `ShapeError` unless each mask's shape is a prefix of its input's shape."""
    masks = [None] * len(inputs) if mask is None else list(mask)
    if len(masks) != len(inputs):
        raise ShapeError(
            f"{layer.label} needs one mask, or None, for each of its {len(inputs)} inputs, got {len(masks)}"
        )
    masks = [None if rows is None else np.asarray(rows, bool) for rows in masks]
    for rows, array in zip(masks, inputs, strict=True):
        if rows is not None and (rows.ndim == 0 or rows.shape != array.shape[: rows.ndim]):
            raise ShapeError(
                f"{layer.label} needs a mask of shape {array.shape[:2]} for {array.shape}, got {rows.shape}"
            )
    return masks
