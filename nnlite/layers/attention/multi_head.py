"""Multi-head attention."""

import math
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import Composed, GraphJacobians, Jacobians, Node, Rearrange
from nnlite.layers.attention.sequences import SequencePair
from nnlite.layers.base.layer import Layer
from nnlite.layers.core.einsum_dense import GivenOutputShape, project
from nnlite.layers.regularization.dropout import Dropout, drop
from nnlite.ops.attention import attend
from nnlite.random import RandomSource
from nnlite.registry.field_types import BelowOne, Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(GivenOutputShape, SequencePair, Layer):
    """Each head mixes the values of all steps by how well its queries fit its keys.

    q, k, v = query @ query_kernel + query_bias, key @ key_kernel + key_bias, value @ value_kernel + value_bias;
    outputs = dropout(softmax(q @ k.T / sqrt(key_dim))) @ v @ output_kernel + output_bias, summed over the heads.

    One input attends to itself, so that the layer fits into a `Sequential`; a tuple is `(query, value)` or
    `(query, value, key)`, the value being the key too where there is none.

    Shape: query `(batch, steps, features)`, value and key `(batch, others, ...)` `-> (batch, steps, features)`, or
    `(batch, steps, *output_shape)`. Kernels `(features, heads, key_dim)`, that of the values with value_dim, output
    kernel `(heads, value_dim, features)`.

    A mask is one array for one input, else a tuple. Masked steps, `(batch, steps)`, are attended to by nobody; of
    `(batch, steps, others)` is what every query may attend to. Where nothing is left, all count alike.

    Args:
        num_heads: number of heads.
        key_dim: length of each head's queries and keys.
        value_dim: of its values; `key_dim` when None.
        dropout: fraction of the attention weights that is dropped while training, in [0, 1).
        use_bias: whether the four projections have a bias.
        output_shape: of each step of the outputs; that of the queries when None.
        attention_axes: axes of the inputs over which a query looks; all between batch and features when None.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer: penalty added to the loss.
        kernel_constraint, bias_constraint: what training brings the values back to after each update.
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends to itself and earlier steps alone. Keras takes it in the call, where a
            `Sequential` could not give it.

    Raises:
        ShapeError: inputs of the wrong rank, queries and values that differ in the batch, masks of another shape.

    PyTorch keeps the transposed kernels of all heads in one matrix; its `embed_dim` is `num_heads * key_dim`.

    Reference: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
    """

    num_heads: Count
    key_dim: Count
    value_dim: Count | None = None
    dropout: BelowOne = 0.0
    use_bias: bool = True
    output_shape: Count | tuple[Count, ...] | None = None
    attention_axes: int | tuple[int, ...] | None = None
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    seed: Index | None = None
    use_causal_mask: bool = False

    def build(self, input_shape: tuple) -> None:
        query, value, key = self.check_sequences(input_shape)
        self._check_axes(query, value)
        value_dim = self.value_dim or self.key_dim
        for name, shape, width in (
            ("query", query, self.key_dim),
            ("key", key, self.key_dim),
            ("value", value, value_dim),
        ):
            self._add_projection(name, (shape[-1], self.num_heads, width), 1)
        self._add_projection("output", (self.num_heads, value_dim, *(self.given_shape or query[-1:])), 2)

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

    def _axes(self, rank) -> tuple:
        """Order of the axes after which those attended over come last but the features."""
        own = range(1, rank - 1) if self.attention_axes is None else np.atleast_1d(self.attention_axes).tolist()
        own = [axis + rank if axis < 0 else axis for axis in own]
        return [axis for axis in range(rank - 1) if axis not in own], own

    def _check_axes(self, query, value):
        rank = len(query)
        others, own = self._axes(rank)
        if len(set(own)) < len(own) or not own or any(not 1 <= axis < rank - 1 for axis in own):
            raise ConfigError(f"{self.label}: attention_axes {self.attention_axes} must be axes in 1 to {rank - 2}")
        if any(None not in (query[axis], value[axis]) and query[axis] != value[axis] for axis in others):
            raise ShapeError(
                f"{self.label} needs queries and values that agree in the axes {others}, got {query}, {value}"
            )
        if rank > 3 and self.use_causal_mask:
            raise ConfigError(f"{self.label}: use_causal_mask needs inputs (batch, steps, features), got {query}")

    def compute_output_shape(self, input_shape: tuple) -> BatchShape:
        query = input_shape[0] if self.takes_several else input_shape
        return (*query[:-1], *(self.given_shape or query[-1:]))

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[np.ndarray, Any]:
        data = inputs if self.takes_several else (inputs,)
        slots = self.slots_of(len(data))
        own = list(range(len(data), len(data) + len(parameters)))
        size = 2 if self.use_bias else 1
        nodes, steps = [], []
        for place, slot in enumerate((slots.query, slots.key, slots.value)):
            given = slice(place * size, (place + 1) * size)
            projected, jacobians = self._by_head(data[slot], *parameters[given])
            nodes.append(Node(jacobians, (slot, *own[given]), (len(own) + len(data) + place,), self))
            steps.append(projected)
        start = len(data) + len(own)
        allowed = self.allowed(data, mask)
        hidden = None if allowed is None else ~allowed[:, None]
        noise = self._noise(training, random, steps)
        query, key, value = steps
        context, jacobians = attend(query, key, value, 1 / math.sqrt(self.key_dim), hidden, noise)
        nodes.append(Node(jacobians, (start, start + 1, start + 2), (start + 3,), self))
        outputs, jacobians = self._joined(context, data[slots.query].shape, *parameters[3 * size :])
        nodes.append(Node(jacobians, (start + 3, *own[3 * size :]), (start + 4,), self))
        shapes = [array.shape for array in (*data, *parameters)]
        return outputs, GraphJacobians(
            nodes, shapes, [(start + 4, outputs.shape)], len(data), mask=self.query_mask(mask)
        )

    def _by_head(self, inputs, kernel, bias=None):
        """Queries, keys or values `(batch, ..., steps, heads, width)`, and the Jacobians."""
        axes = tuple(f"axis {place}" for place in range(inputs.ndim - 1))
        labels = [(*axes, "feature"), ("feature", "head", "width")]
        projected, maps = project(labels, (*axes, "head", "width"), inputs, kernel, bias)
        if inputs.ndim == 3:
            return projected, Jacobians(*maps)
        others, own = self._axes(inputs.ndim)
        order = (*others, *own, inputs.ndim - 1, inputs.ndim)
        moved = projected.transpose(order)
        shape = (*moved.shape[: len(others)], -1, *moved.shape[-2:])
        moved = moved.reshape(shape)
        return moved, Jacobians(*maps, outer=Rearrange(projected.shape, moved.shape, order))

    def _joined(self, context, shape, kernel, bias=None):
        """The outputs for the context of every head, and the Jacobians; `shape` is that of the queries."""
        outputs_of = [f"output {place}" for place in range(kernel.ndim - 2)]
        axes = tuple(f"axis {place}" for place in range(context.ndim - 2))
        labels = [(*axes, "head", "width"), ("head", "width", *outputs_of)]
        outputs, maps = project(labels, (*axes, *outputs_of), context, kernel, bias)
        if len(shape) == 3:
            return outputs, Jacobians(*maps)
        others, own = self._axes(len(shape))
        split = (*(shape[axis] for axis in (*others, *own)), *kernel.shape[2:])
        back = (*np.argsort([*others, *own]).tolist(), *range(len(shape) - 1, len(split)))
        moved = outputs.reshape(split).transpose(back)
        split_map = Rearrange(outputs.shape, split)
        return moved, Jacobians(*maps, outer=Composed(Rearrange(split, moved.shape, back), split_map))

    def _noise(self, training, random, steps):
        """What the attention weights are multiplied by: zeros for those dropped; None outside training."""
        if not training or self.dropout == 0:
            return None
        query, key, _ = steps
        shape = (*query.shape[:-3], query.shape[-2], query.shape[-3], key.shape[-3])
        one = np.ones((), query.real.dtype)
        return drop(Dropout(self.dropout, seed=self.seed), self.dropout, one, random, shape)[0]
