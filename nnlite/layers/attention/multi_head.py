"""Multi-head attention, and grouped-query attention, whose heads share keys and values."""

import math
from dataclasses import field
from typing import Any, cast

import numpy as np

from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import GraphJacobians, Node
from nnlite.layers.attention.heads import Headed, Heads
from nnlite.layers.core.einsum_dense import read_output_shape
from nnlite.ops.attention import attend
from nnlite.random import RandomSource
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["GroupQueryAttention", "MultiHeadAttention"]


class MultiHeadAttention(Headed):
    """Each head mixes the values of all steps, weighted by how well its queries match its keys.

    q, k, v = query @ query_kernel + query_bias, key @ key_kernel + key_bias, value @ value_kernel + value_bias;
    outputs = dropout(softmax(q @ k.T / sqrt(key_dim))) @ v @ output_kernel + output_bias, summed over the heads.

    One input attends to itself, so that the layer fits into a `Sequential`; else it is called as `layer(query, value)`,
    `layer(query, value, key)`, or with a tuple of these, the value being the key too if there is none. Numbers of
    steps may differ from call to call.

    Shape: query `(batch, steps, features)`, value and key `(batch, others, ...)` `-> (batch, steps, features)`, or
    `(batch, steps, *output_shape)`. Kernels `(features, heads, key_dim)`, that of the values with value_dim, output
    kernel `(heads, value_dim, features)`.

    A mask is one array for one input, else a tuple. Masked values, `(batch, steps)`, get no attention, and a mask of
    the queries is that of the outputs; a mask `(batch, steps, others)` says what each query may attend to. If nothing
    is left, all steps count alike.

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
        kernel_constraint, bias_constraint: projection of the values after each update.
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends only to itself and earlier steps; also an argument of calls.
        return_attention_scores: whether the attention weights before dropout, `(batch, heads, steps, others)`, are a
            second output; a call may say it too.
        sliding_window: a query attends to steps less than this many away; to all when None.
        use_gate: whether the outputs of the heads are multiplied by sigmoid(query @ gate_kernel + gate_bias), see Qiu
            et al. 2025, arXiv:2505.06708.
        flash_attention: accepted for Keras's sake; attention is always computed in blocks that fit into the cache.

    Raises:
        ShapeError: inputs of the wrong rank, queries and values that differ in the batch, masks of another shape.

    PyTorch keeps the transposed kernels of all heads in one matrix; its `embed_dim` is `num_heads * key_dim`.

    Reference: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.

    >>> import numpy as np
    >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> x = np.ones((2, 5, 8))
    >>> outputs, scores = layer(x, x, return_attention_scores=True)
    >>> outputs.shape, scores.shape
    ((2, 5, 8), (2, 2, 5, 5))
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
    return_attention_scores: bool = field(default=False, kw_only=True)
    sliding_window: Count | None = field(default=None, kw_only=True)
    use_gate: bool = field(default=False, kw_only=True)
    flash_attention: bool | None = field(default=None, kw_only=True)

    hides_queries = False

    def __post_init__(self) -> None:
        shape = self.output_shape  # an attribute of built layers too
        super().__post_init__()
        self.given_shape = read_output_shape(self, shape)
        self.value_dim = self.value_dim or self.key_dim

    def _arguments(self) -> dict[str, Any]:
        width = None if self.value_dim == self.key_dim else self.value_dim
        return {**super()._arguments(), "output_shape": self.given_shape, "value_dim": width}

    def _keras_arguments(self) -> dict[str, Any]:
        return {**self._arguments(), "value_dim": self.value_dim}

    @property
    def heads(self) -> Heads:
        return Heads(self.num_heads, self.num_heads, self.key_dim, cast(int, self.value_dim))

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        if self.use_gate or self.return_attention_scores:
            return super().linearize(inputs, *parameters, training=training, random=random, mask=mask)
        data = inputs if isinstance(inputs, tuple) else (inputs,)  # the same nodes as there, put down at less cost
        slots, size = self.slots_of(len(data)), 2 if self.use_bias else 1
        start = len(data) + len(parameters)
        weight_slots = range(len(data), start)
        nodes, steps = [], []
        for index, slot in enumerate((slots.query, slots.key, slots.value)):
            span = slice(index * size, (index + 1) * size)
            projected, jacobians = self._by_head(data[slot], *parameters[span])
            nodes.append(Node(jacobians, (slot, *weight_slots[span]), (start + index,), self))
            steps.append(projected)
        query, key, value = steps
        noise = self._noise(training, random, query, key)
        context, jacobians = attend(query, key, value, 1 / math.sqrt(self.key_dim), self._hidden(data, mask), *noise)
        nodes.append(Node(jacobians, (start, start + 1, start + 2), (start + 3,), self))
        outputs, jacobians = self._joined(context, data[slots.query].shape, *parameters[3 * size :])
        nodes.append(Node(jacobians, (start + 3, *weight_slots[3 * size :]), (start + 4,), self))
        shapes = [array.shape if array.dtype.kind in "fc" else None for array in (*data, *parameters)]
        ends = [(start + 4, outputs.shape)]
        return outputs, GraphJacobians(nodes, shapes, ends, len(data), mask=self.query_mask(mask))


class GroupQueryAttention(Headed, aliases=("GroupedQueryAttention",)):
    """`MultiHeadAttention` in which several query heads share one head of keys and values.

    With num_key_value_heads = 1 it is multi-query attention, with as many as there are query heads
    `MultiHeadAttention`. Query head i takes the keys and values of head i // (num_query_heads / num_key_value_heads).

    Shape: query `(batch, steps, features)`, value and key `(batch, others, ...)` `-> (batch, steps, features)`. Kernels
    `(features, heads, head_dim)`, output kernel `(num_query_heads, head_dim, features)`.

    Args:
        head_dim: length of each head's queries, keys and values.
        num_query_heads: number of heads of queries.
        num_key_value_heads: number of heads of keys and values, which divides the former.
        dropout, use_bias, ..., flash_attention: as in `MultiHeadAttention`.

    Raises:
        ConfigError: one number of heads does not divide the other.
        ShapeError: inputs that are not sequences, masks of another shape.

    Reference: Ainslie et al. 2023, arXiv:2305.13245.

    >>> import numpy as np
    >>> layer = GroupQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
    >>> layer(np.ones((2, 3, 8)), np.ones((2, 5, 8))).shape
    (2, 3, 8)
    """

    _default_name = "grouped_query_attention"
    head_dim: Count
    num_query_heads: Count
    num_key_value_heads: Count
    dropout: BelowOne = 0.0
    use_bias: bool = True
    sliding_window: Count | None = None
    flash_attention: bool | None = None
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    use_gate: bool = field(default=False, kw_only=True)
    seed: Index | None = field(default=None, kw_only=True)
    use_causal_mask: bool = field(default=False, kw_only=True)
    return_attention_scores: bool = field(default=False, kw_only=True)

    def validate(self) -> None:
        if self.num_query_heads % self.num_key_value_heads:
            message = f"must divide num_query_heads={self.num_query_heads}, got {self.num_key_value_heads}"
            raise ConfigError(message, (type(self).__name__, "num_key_value_heads"))

    @property
    def num_repeats(self) -> int:
        """The number of heads of queries that share the keys and values of a head."""
        return self.num_query_heads // self.num_key_value_heads

    @property
    def heads(self) -> Heads:
        return Heads(self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim)

    def check_sequences(self, input_shape: tuple) -> tuple:
        query, value, key = super().check_sequences(input_shape)
        if len(query) != 3:
            raise ShapeError(f"{self.label} needs inputs (batch, steps, features), got {input_shape}")
        return query, value, key
