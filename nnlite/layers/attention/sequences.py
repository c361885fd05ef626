"""What layers share in which one sequence attends to another, or to itself."""

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.errors import ShapeError

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer as Host
else:
    Host = object

__all__ = []


class Slots(NamedTuple):
    """Which of the inputs is what."""

    query: int
    value: int
    key: int


class SequencePair(Host):
    """Inputs and masks of a layer that takes one sequence, or `(query, value)`, or `(query, value, key)`."""

    takes_several = None
    supports_masking = False
    use_causal_mask = False

    @staticmethod
    def slots_of(count: int) -> Slots:
        """Which of `count` inputs are query, value and key."""
        return Slots(0, min(1, count - 1), min(2, count - 1))

    def check_sequences(self, input_shape: tuple) -> tuple:
        """Shapes of query, value and key; `ShapeError` where they do not fit one another."""
        shapes: Any = input_shape if self.takes_several else (input_shape,)
        slots = self.slots_of(len(shapes))
        if len(shapes) > 3 or any(len(shape) < 3 or len(shape) != len(shapes[0]) for shape in shapes):
            raise ShapeError(
                f"{self.label} needs inputs (batch, steps, features): one, or query and value, or query, value and "
                f"key, got {input_shape}"
            )
        query, value, key = (tuple(shapes[slot]) for slot in slots)
        if any(shape[-1] is None for shape in shapes):
            raise ShapeError(f"{self.label} needs a known number of features, got {input_shape}")
        if value[1:-1] != key[1:-1]:
            raise ShapeError(f"{self.label} needs as many keys as values, got values {value} and keys {key}")
        return query, value, key

    def masks_of(self, data: tuple[np.ndarray, ...], mask: Any) -> list:
        """The padding mask of each input, and what each query may attend to; None for all."""
        given = list(mask) if self.takes_several and mask is not None else [mask] * (mask is not None)
        if len(given) > len(data) + 1 or (
            self.takes_several and mask is not None and not isinstance(mask, (tuple, list))
        ):
            raise ShapeError(f"{self.label} needs one mask for each of its {len(data)} inputs, got {len(given)}")
        slots = self.slots_of(len(data))
        steps = [array.shape[:2] for array in data]
        pairs = (*steps[0], steps[slots.value][1])
        padding: list[Any] = [None] * len(data)
        allowed = None
        for place, item in enumerate(given):
            if item is None:
                continue
            item = np.asarray(item, bool)
            if data[0].ndim == 3 and item.shape == pairs:
                allowed = item if allowed is None else allowed & item
            elif data[0].ndim == 3 and place < len(data) and item.shape == steps[place]:
                padding[place] = item
            else:
                raise ShapeError(
                    f"{self.label} needs masks (batch, steps) for inputs (batch, steps, features), or {pairs} for what "
                    f"each query may attend to, got a mask of shape {item.shape} for inputs "
                    f"{', '.join(str(array.shape) for array in data)}"
                )
        return [*padding, allowed]

    def allowed(self, data: tuple[np.ndarray, ...], mask: Any) -> np.ndarray | None:
        """Which keys each query may attend to, `(batch, steps, others)` or 1 for a length; None for all.

        Masked queries may attend to nothing.
        """
        *padding, allowed = self.masks_of(data, mask)
        slots = self.slots_of(len(data))
        parts = [padding[slot][:, None] for slot in {slots.value, slots.key} if padding[slot] is not None]
        if padding[slots.query] is not None:
            parts.append(padding[slots.query][:, :, None])
        if allowed is not None:
            parts.append(allowed)
        if self.use_causal_mask:
            parts.append(np.tri(data[slots.query].shape[1], data[slots.key].shape[1], dtype=bool)[None])
        return reduce(np.logical_and, parts) if parts else None

    def query_mask(self, mask: Any) -> np.ndarray | None:
        """The mask of the outputs: that of the queries."""
        first = mask[0] if isinstance(mask, (tuple, list)) else mask
        return first if np.ndim(first) == 2 else None
