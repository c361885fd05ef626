"""Parts of layers in which one sequence attends to another, or to itself."""

import copy
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from nnlite.errors import ConfigError, ShapeError
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.inputs import shape_fits, variant_for
from nnlite.layers.base.shapes import wrong_shape
from nnlite.layers.base.symbolic import symbols_of

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer as Host
else:
    Host = object

__all__ = []


class Slots(NamedTuple):
    """The roles of the inputs."""

    query: int
    value: int
    key: int


class SequencePair(Host):
    """Inputs and masks of a layer that takes one sequence, or `(query, value)`, or `(query, value, key)`."""

    takes_several = None
    supports_masking, _sets_mask = True, True
    use_causal_mask = False
    return_attention_scores = False
    sliding_window = cast(Any, None)
    hides_queries = True  # whether masked queries attend to all alike

    @staticmethod
    def slots_of(count: int) -> Slots:
        """The indices, among `count` inputs, of query, value and key."""
        return Slots(0, min(1, count - 1), min(2, count - 1))

    def call_with(self, inputs: Any, training: Any, mask: Any, **options: bool | None) -> LayerCall:
        """A call in which each of `options` that is not None overrides the layer's argument of that name.

        In a graph there is one layer, whose arguments are changed; `ConfigError` where it was used otherwise before.
        """
        changed = {name: value for name, value in options.items() if value not in (None, getattr(self, name))}
        if not changed:
            return LayerCall(self, inputs, training, mask)
        runner: Any = self if symbols_of(inputs) is not None else copy.copy(self)
        if runner is self and self.built:
            raise ConfigError(f"{self.label} was used with another {next(iter(changed))}: take two layers")
        for name, value in changed.items():
            setattr(runner, name, bool(value))
        return LayerCall(runner, inputs, training, mask)

    def _as_input(self, inputs: Any) -> Any:
        plain: Any = super(SequencePair, variant_for(self, inputs))
        return plain._as_input(inputs)

    def check_sequences(self, input_shape: tuple) -> tuple:
        """Shapes of query, value and key; `ShapeError` if they do not match."""
        shapes: Any = input_shape if isinstance(input_shape[0], (tuple, list)) else (input_shape,)
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

    def _check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless `shape` fits; the numbers of steps may be others in each call."""
        if not isinstance(shape[0], (tuple, list)):
            super()._check_input_shape(_with_steps_of(self.input_shape, shape))
            return
        built = self.input_shape if self.takes_several else (self.input_shape,)
        if len(shape) > 3:
            raise wrong_shape(self, shape)
        for here, there in zip(self.slots_of(len(built)), self.slots_of(len(shape)), strict=True):
            if not shape_fits(built[here], _with_steps_of(built[here], shape[there])):
                raise wrong_shape(self, shape)

    def masks_of(self, data: tuple[np.ndarray, ...], mask: Any) -> list:
        """The padding mask of each input, and the steps that each query may attend to; None for all."""
        several = isinstance(mask, (tuple, list))
        masks: list[Any] = [] if mask is None else list(mask) if several else [mask]
        if len(data) > 1 and mask is not None and (not several or not 2 <= len(masks) <= len(data) + 1):
            raise ShapeError(
                f"{self.label} needs a list of one mask for each of its {len(data)} inputs, got {len(masks)}; None "
                "stands for none"
            )
        count = len(data)
        slots = self.slots_of(count)
        padding: list[Any] = [None] * count
        allowed = []
        for index, item in enumerate(masks):
            if item is None:
                continue
            item = np.asarray(item, bool)
            if index < count and item.shape == data[index].shape[:-1]:
                padding[index] = item
            elif index == count or item.shape == (*data[slots.query].shape[:-1], data[slots.value].shape[-2]):
                allowed.append(item)
            else:
                raise ShapeError(
                    f"{self.label} needs masks (batch, steps) for inputs (batch, steps, features), or (batch, steps, "
                    f"others) for what each query may attend to, got a mask of shape {item.shape} for inputs "
                    f"{', '.join(str(array.shape) for array in data)}"
                )
        return [*padding, reduce(np.logical_and, allowed) if allowed else None]

    def allowed(self, data: tuple[np.ndarray, ...], mask: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The keys that each query may attend to, None for all: by padding, causality, and an attention mask.

        Masked queries may attend to nothing, where the layer `hides_queries`.

        Shape: `(batch, ..., steps, others)`, or 1 for a length.
        """
        *padding, pairs = self.masks_of(data, mask)
        slots = self.slots_of(len(data))
        parts = [padding[slot][..., None, :] for slot in {slots.value, slots.key} if padding[slot] is not None]
        if padding[slots.query] is not None and self.hides_queries:
            parts.append(padding[slots.query][..., None])
        steps, others = data[slots.query].shape[-2], data[slots.key].shape[-2]
        if self.use_causal_mask:
            parts.append(np.tri(steps, others, dtype=bool))
        if self.sliding_window is not None:
            distance = np.arange(steps)[:, None] - np.arange(others)
            parts.append(np.abs(distance) < self.sliding_window)
        return (reduce(np.logical_and, parts) if parts else None), pairs

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = self.query_mask(previous_mask, len((inputs[0] if isinstance(inputs, (tuple, list)) else inputs).shape))
        return (mask, None) if self.return_attention_scores else mask

    def query_mask(self, mask: Any, rank: int = 3) -> np.ndarray | None:
        """The mask of the outputs: that of the queries, with this many axes."""
        first = mask[0] if isinstance(mask, (tuple, list)) else mask
        return first if np.ndim(first) == rank - 1 else None


def _with_steps_of(built: Any, shape: Any) -> Any:
    """`shape` with the lengths of `built` between batch and features."""
    if built is None or shape is None or len(built) != len(shape):
        return shape
    return (*shape[:1], *built[1:-1], *shape[-1:])
