"""Parts that layers with several attention heads share: projections, heads, inputs and outputs."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from nnlite import ops
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Composed, Jacobians, Rearrange
from nnlite.layers.attention.projections import projection
from nnlite.layers.attention.sequences import SequencePair
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.variables import seeds
from nnlite.layers.core.einsum_dense import project
from nnlite.layers.regularization.dropout import Dropout, random_bits, threshold_and_scale
from nnlite.ops.attention import HIDDEN, attend
from nnlite.ops.tracing import Trace, Traced
from nnlite.random import RandomSource
from nnlite.regularizers import Regularizer

__all__ = []


class Heads(NamedTuple):
    """Number of heads, and the lengths of their vectors."""

    queries: int
    keys: int
    key_dim: int
    value_dim: int


class Headed(SequencePair, Layer, abstract=True):
    """Multi-head attention; a subclass has the arguments, and defines its `heads` and `given_shape`."""

    if TYPE_CHECKING:  # fields of the subclasses
        dropout, use_bias, use_gate = cast(float, 0.0), cast(bool, True), cast(bool, False)
        seed = cast("int | None", None)
        kernel_initializer, bias_initializer = cast(Initializer, None), cast(Initializer, None)
        kernel_regularizer, bias_regularizer = cast("Regularizer | None", None), cast("Regularizer | None", None)
        kernel_constraint, bias_constraint = cast("Constraint | None", None), cast("Constraint | None", None)

    attention_axes = cast(Any, None)
    _drawn_by = "dropout"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    _kernel_gain = 8
    given_shape = cast(Any, None)
    query_dense, key_dense, value_dense, output_dense = map(projection, ("query", "key", "value", "output"))

    @property
    def heads(self) -> Heads:
        """The numbers of heads and the lengths of their vectors."""
        raise NotImplementedError(f"{type(self).__name__} must define heads")

    def build(self, query_shape: tuple) -> None:
        """Create the parameters for the shape of one input, or of query, value and key."""
        query, value, key = self.check_sequences(query_shape)
        self._check_axes(query, value)
        heads, key_dim, value_dim = self.heads.queries, self.heads.key_dim, self.heads.value_dim
        self._add_projection("query", (query[-1], heads, key_dim), 1)
        self._add_projection("key", (key[-1], self.heads.keys, key_dim), 1)
        if self.use_gate:
            self._add_projection("gate", (query[-1], heads, value_dim), 1)
        self._add_projection("value", (value[-1], self.heads.keys, value_dim), 1)
        self._add_projection("output", (heads, value_dim, *(self.given_shape or query[-1:])), 2)

    def _add_projection(self, name, shape, inner):
        """A kernel, and a bias for its axes after the `inner` ones that are summed over."""
        self.add_weight(
            shape,
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name=f"{name}_kernel",
        )
        if self.use_bias:
            self.add_weight(
                shape[inner:],
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name=f"{name}_bias",
            )

    @staticmethod
    def _path_inside(parameter: str) -> str:
        projection, kind = parameter.split("_")
        return f"{'attention_output' if projection == 'output' else projection}/{kind}"  # each is a layer in Keras

    def _read_call(
        self,
        query: Any,
        value: Any = None,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool | None = None,
        training: bool | None = None,
        use_causal_mask: bool | None = None,
        mask: Any = None,
    ) -> LayerCall:
        """The arguments of a call, under Keras's names.

        Args:
            query, value, key: the sequences; `query` alone attends to itself, a tuple has them all.
            query_mask, value_mask, key_mask: which steps count, `(batch, steps)` each.
            attention_mask: which keys each query may attend to, `(batch, steps, others)`, in front of the last axes
                with one for the heads, or without the batch.
            training: whether dropout drops.
            return_attention_scores, use_causal_mask: as the arguments of the layer, for this call.
            mask: those of all inputs at once, one array for one input, else a tuple, that of pairs last.
        """
        if value is None and key is not None:
            raise ConfigError(f"{self.label} got a key without a value")
        built = len(self.input_shape) if self.built and self.takes_several else 0
        key = (value if built == 3 else None) if key is None or key is value else key
        inputs = query if value is None else (query, value) if key is None else (query, value, key)
        masks = (query_mask, value_mask, key_mask)
        if any(item is not None for item in (*masks, attention_mask)):
            mask = self._joined_masks(inputs, masks, attention_mask)
        options = {"return_attention_scores": return_attention_scores, "use_causal_mask": use_causal_mask}
        return self.call_with(inputs, training, mask, **options)

    def _joined_masks(self, inputs, masks, pairs):
        """One tuple of masks: of each input, then of pairs. The mask of keys that are the values is one of values."""
        count = len(inputs) if isinstance(inputs, (tuple, list)) else 1
        last = [item for item in masks[count - 1 :] if item is not None]
        merged = last[0] if len(last) == 1 else np.logical_and(*last[:2]) if last else None
        return (*masks[: count - 1], merged, pairs)

    def _axes(self, rank) -> tuple:
        """Order of the axes after which those attended over come last but the features."""
        attended = range(1, rank - 1) if self.attention_axes is None else np.atleast_1d(self.attention_axes).tolist()
        attended = [axis + rank if axis < 0 else axis for axis in attended]
        return [axis for axis in range(rank - 1) if axis not in attended], attended

    def _check_axes(self, query, value):
        rank = len(query)
        others, attended = self._axes(rank)
        if len(set(attended)) < len(attended) or not attended or any(not 1 <= axis < rank - 1 for axis in attended):
            raise ConfigError(f"{self.label}: attention_axes {self.attention_axes} must be axes in 1 to {rank - 2}")
        if any(None not in (query[axis], value[axis]) and query[axis] != value[axis] for axis in others):
            raise ShapeError(
                f"{self.label} needs queries and values that agree in the axes {others}, got {query}, {value}"
            )
        if rank > 3 and (self.use_causal_mask or self.sliding_window is not None):
            name = "use_causal_mask" if self.use_causal_mask else "sliding_window"
            raise ConfigError(f"{self.label}: {name} needs inputs (batch, steps, features), got {query}")

    def compute_output_shape(self, query_shape: tuple, value_shape: Any = None, key_shape: Any = None) -> Any:
        """The output shape, and that of the scores, for the shape of one input or a tuple of up to three."""
        shapes = query_shape if value_shape is None else (query_shape, value_shape, key_shape or value_shape)
        query, value, _ = self.check_sequences(shapes)
        shape = (*query[:-1], *(self.given_shape or query[-1:]))
        return (shape, self.scores_shape(query, value)) if self.return_attention_scores else shape

    def scores_shape(self, query: tuple, value: tuple) -> tuple:
        """The shape of the attention weights: batch, free axes, heads, attention axes of query and key."""
        others, attended = self._axes(len(query))
        lengths = [query[axis] for axis in attended] + [value[axis] for axis in attended]
        return (*(query[axis] for axis in others), self.heads.queries, *lengths)

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        data = inputs if isinstance(inputs, tuple) else (inputs,)
        slots, trace, size = self.slots_of(len(data)), Trace(), 2 if self.use_bias else 1
        traced = [trace.variable(value) for value in (*data, *parameters)]
        weights = [traced[index : index + size] for index in range(len(data), len(traced), size)]
        query, key, *gate, value, last = weights
        steps = [
            self._noted(trace, self._by_head, traced[slot], *arrays)
            for slot, arrays in zip((slots.query, slots.key, slots.value), (query, key, value), strict=True)
        ]
        context, *scores = self._attended(trace, steps, self._hidden(data, mask), training, random)
        if gate:
            context = context * ops.sigmoid(self._noted(trace, self._by_head, traced[slots.query], *gate[0]))
        shape = data[slots.query].shape
        outputs = self._noted(trace, lambda *arrays: self._joined(arrays[0], shape, *arrays[1:]), context, *last)
        scores = [ops.reshape(score, self.scores_shape(shape, data[slots.key].shape)) for score in scores]
        jacobians, query_mask = trace.jacobians(outputs, *scores, data=len(data)), self.query_mask(mask)
        jacobians.mask = (query_mask, None) if scores else query_mask
        return (outputs.value, scores[0].value) if scores else outputs.value, jacobians

    def _noted(self, trace: Trace, function: Any, *inputs: Traced) -> Traced:
        """The result of `function` for the inputs' values, with its Jacobians as a node of the trace."""
        output, jacobians = function(*(item.value for item in inputs))
        return trace.note(self, output, jacobians, [item.slot for item in inputs])

    def _attended(self, trace, steps, hidden, training, random):
        """The context of every head and, if they are returned, the attention weights, traced."""
        repeats, scale = self.heads.queries // self.heads.keys, 1 / math.sqrt(self.heads.key_dim)
        query, key, value = steps[0], *(_repeated(item, repeats) for item in steps[1:])
        noise, noise_scale = self._noise(training, random, query.value, key.value)
        if not self.return_attention_scores:

            def attended(query: Any, key: Any, value: Any) -> Any:
                return attend(query, key, value, scale, hidden, noise, noise_scale)

            return (self._noted(trace, attended, query, key, value),)
        axes = range(query.ndim)
        heads_first = (*axes[:-3], axes[-2], axes[-3], axes[-1])
        q, v = (ops.transpose(item, heads_first) for item in (query, value))
        scores = q * scale @ ops.transpose(key, (*axes[:-3], axes[-2], axes[-1], axes[-3]))
        weights = ops.softmax(scores if hidden is None else ops.where(hidden, HIDDEN, scores))
        kept = weights if noise is None else weights * np.multiply(noise, noise_scale, dtype=np.real(q.value).dtype)
        return ops.transpose(kept @ v, heads_first), weights

    def _hidden(self, data, mask):
        """True where a query skips a key, `(batch, ..., heads, steps, others)` or 1 for a length; None if none does."""
        if data[0].ndim > 3 and mask is not None and any(rows is not None for rows in self.masks_of(data, mask)[:-1]):
            raise ShapeError(f"{self.label} takes masks of steps for inputs (batch, steps, features) alone")
        allowed, pairs = self.allowed(data, mask) if data[0].ndim == 3 else (None, self.masks_of(data, mask)[-1])
        if allowed is not None and allowed.ndim > 2:
            allowed = allowed[:, None]
        if pairs is not None:
            pairs = self._by_scores(pairs, self.scores_shape(data[0].shape, data[-1].shape))
            allowed = pairs if allowed is None else allowed & pairs
        return None if allowed is None else ~allowed

    def _by_scores(self, pairs, shape):
        """A mask of pairs for scores of `shape`, with the axes attended over as one of queries and one of keys."""
        count = len(self._axes(len(shape) - 1)[1]) if self.attention_axes is not None else (len(shape) - 2) // 2
        while pairs.ndim < len(shape):
            pairs = np.expand_dims(pairs, max(-2 * count - 1, -pairs.ndim - 1))
        try:
            lead = np.broadcast_shapes(pairs.shape[: -2 * count], shape[: -2 * count])
            pairs = np.broadcast_to(pairs, (*pairs.shape[: -2 * count], *shape[-2 * count :]))
        except ValueError:
            lead = ()
        if lead != shape[: -2 * count]:
            raise ShapeError(f"{self.label} needs an attention_mask that fits {shape}, got {pairs.shape}")
        steps, others = (math.prod(part) for part in (shape[-2 * count : -count], shape[-count:]))
        return pairs.reshape(*pairs.shape[: -2 * count], steps, others)

    def _by_head(self, inputs, kernel, bias=None):
        """Queries, keys or values `(batch, ..., steps, heads, width)`, and the Jacobians."""
        axes = tuple(f"axis {index}" for index in range(inputs.ndim - 1))
        labels = [(*axes, "feature"), ("feature", "head", "width")]
        projected, maps = project(labels, (*axes, "head", "width"), inputs, kernel, bias)
        if inputs.ndim == 3:
            return projected, Jacobians(*maps)
        others, attended = self._axes(inputs.ndim)
        order = (*others, *attended, inputs.ndim - 1, inputs.ndim)
        moved = projected.transpose(order)
        shape = (*moved.shape[: len(others)], -1, *moved.shape[-2:])
        moved = moved.reshape(shape)
        return moved, Jacobians(*maps, outer=Rearrange(projected.shape, moved.shape, order))

    def _joined(self, context, shape, kernel, bias=None):
        """The outputs for the context of every head, and the Jacobians; `shape` is that of the queries."""
        outputs_of = [f"output {index}" for index in range(kernel.ndim - 2)]
        axes = tuple(f"axis {index}" for index in range(context.ndim - 2))
        labels = [(*axes, "head", "width"), ("head", "width", *outputs_of)]
        outputs, maps = project(labels, (*axes, *outputs_of), context, kernel, bias)
        if len(shape) == 3:
            return outputs, Jacobians(*maps)
        others, attended = self._axes(len(shape))
        split = (*(shape[axis] for axis in (*others, *attended)), *kernel.shape[2:])
        back = (*np.argsort([*others, *attended]).tolist(), *range(len(shape) - 1, len(split)))
        moved = outputs.reshape(split).transpose(back)
        split_map = Rearrange(outputs.shape, split)
        return moved, Jacobians(*maps, outer=Composed(Rearrange(split, moved.shape, back), split_map))

    def _noise(self, training, random, query, key):
        """A mask of the attention weights that are kept, None for all outside training, and their factor."""
        if not training or self.dropout == 0:
            return None, 1.0
        shape = (*query.shape[:-3], query.shape[-2], query.shape[-3], key.shape[-3])
        threshold, scale = threshold_and_scale(self.dropout)
        return random_bits(Dropout(self.dropout, seed=self.seed), random, shape) >= threshold, scale


def _repeated(steps: Traced, times: int) -> Traced:
    """Keys or values `(batch, steps, heads, width)`, each head repeated `times` times."""
    if times == 1:
        return steps
    shape = steps.shape
    return ops.reshape(ops.stack([steps] * times, axis=3), (*shape[:2], shape[2] * times, shape[3]))
