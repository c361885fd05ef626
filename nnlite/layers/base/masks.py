"""Masks: the steps of a sequence that count."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.weights import EagerTensor
from nnlite.errors import ShapeError
from nnlite.jacobians import Bundle
from nnlite.layers.base.contract.structure import leaves_of

if TYPE_CHECKING:
    from nnlite.layers.base.attributes import LayerCall
    from nnlite.layers.base.layer import Layer
    from nnlite.layers.base.symbolic import Symbol

__all__ = []


def step_mask(mask: Any, shape: tuple[int, ...], owner: str) -> np.ndarray:
    """`mask` as an array; `ShapeError` unless it has one boolean, or integer, for each of `shape`, `(batch, steps)`."""
    mask = np.asarray(mask)
    mask = mask != 0 if mask.dtype.kind in "iu" else mask
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


def carried_mask(layer: "Layer", call: "LayerCall") -> Any:
    """The mask of a call: the argument, or what its inputs carry, if the layer takes masks into account."""
    if call.mask is not None or not (layer.supports_masking or "mask" in layer._context):
        return call.mask
    if not isinstance(call.inputs, (tuple, list)):
        return call.inputs._keras_mask if isinstance(call.inputs, EagerTensor) else None
    masks = tuple(item._keras_mask if isinstance(item, EagerTensor) else None for item in call.inputs)
    return None if all(mask is None for mask in masks) else masks


def carrying(layer: "Layer", mask: Any, jacobians: Bundle, outputs: Any) -> Any:
    """The outputs of a call, each array as an `EagerTensor` with its mask if it has one.

    Args:
        mask: that of the inputs, given or carried.
    """
    if mask is None and jacobians.mask is None:
        return outputs.view(EagerTensor) if type(outputs) is np.ndarray else _with_masks(outputs, repeat(None))
    masks = iter(output_masks(layer, jacobians, (mask,), len(leaves_of(outputs))))
    return _with_masks(outputs, masks)


def _with_masks(outputs: Any, masks: Iterator[np.ndarray | None]) -> Any:
    if isinstance(outputs, dict):
        return {key: _with_masks(part, masks) for key, part in outputs.items()}
    if isinstance(outputs, (tuple, list)):
        parts, kind = [_with_masks(part, masks) for part in outputs], type(outputs)
        return kind(*parts) if "_fields" in vars(kind) else kind(parts)
    mask = next(masks)
    if not isinstance(outputs, np.ndarray):
        return outputs
    tensor = outputs.view(EagerTensor)
    if mask is not None:
        tensor._keras_mask = mask
    return tensor


def mask_of(symbol: "Symbol") -> Any:
    """The symbol of the mask of a symbol, of what its layer makes of the masks of its inputs; None for none."""
    waiting = [symbol]
    while waiting:  # no recursion, as graphs may be deeper than Python's stack
        last = waiting[-1]
        before = () if last.mask is not None else last.inputs
        unknown = next((item for item in before if item._drawn_mask is item), None)
        if unknown is None:
            last._drawn_mask = _mask_made(last)
            waiting.pop()
        else:
            waiting.append(unknown)
    return symbol._drawn_mask


def _mask_made(symbol: "Symbol") -> Any:
    """The mask of a symbol whose layer is given one, or whose inputs know theirs."""
    layer, argument = symbol.layer, symbol.mask
    masks = [item._drawn_mask if argument is None else argument for item in symbol.inputs]
    none = all(mask is None for mask in masks)
    sets = layer._sets_mask or layer._writes_mask
    if not masks or not (sets or (layer.supports_masking and not none)):
        return None
    several = len(masks) > 1 or layer.takes_several
    previous = None if none else masks if several else masks[0]
    drawn = layer.compute_mask(list(symbol.inputs) if several else symbol.inputs[0], previous)
    return drawn[symbol.index] if isinstance(drawn, (tuple, list)) else drawn


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
