"""Attention without heads and projections: scaled dot-product and additive."""

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite import ops
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers.attention.sequences import SequencePair
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.variables import seeds
from nnlite.layers.regularization.dropout import Dropout, drop
from nnlite.ops.attention import HIDDEN
from nnlite.ops.tracing import Trace, Traced
from nnlite.registry.bounds import BelowOne, Index

__all__ = ["AdditiveAttention", "Attention"]


class _Scored(SequencePair, Layer, abstract=True):
    """The base of both: outputs = dropout(softmax(scores)) @ value; a subclass writes `scores`."""

    hides_queries = False
    _drawn_by = "dropout"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random

    if TYPE_CHECKING:  # fields of both
        dropout, seed = cast(float, 0.0), cast("int | None", None)

    def build(self, input_shape: tuple) -> None:
        query, _, key = self.check_sequences(input_shape)
        if query[-1] != key[-1] or query[1:-2] != key[1:-2]:
            raise ShapeError(
                f"{self.label} needs queries and keys (batch, steps, features) with one number of features, "
                f"got {query} and {key}"
            )
        self.add_scale(query[-1])

    def add_scale(self, features: int) -> None:
        """Declare the parameters of the scores."""

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        """Scores of queries and keys, `(batch, ..., steps, others)`, of traced values."""
        raise NotImplementedError

    def _read_call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool | None = None,
        use_causal_mask: bool | None = None,
    ) -> LayerCall:
        """The arguments of a call, under Keras's names.

        Args:
            inputs: one sequence, or a list `[query, value]` or `[query, value, key]`.
            mask: one for one input, else a list with one, or None, for query and value.
            training: whether dropout drops.
            return_attention_scores, use_causal_mask: as the arguments of the layer, for this call.
        """
        if isinstance(inputs, (list, tuple)) and len(inputs) == 1:
            raise ConfigError(f"{self.label} needs [query, value] or [query, value, key], got a list of one")
        options = {"return_attention_scores": return_attention_scores, "use_causal_mask": use_causal_mask}
        return self.call_with(inputs, training, mask, **options)

    def compute_output_shape(self, input_shape: tuple) -> Any:
        query, value, key = self.check_sequences(input_shape)
        shape = (*query[:-1], value[-1])
        return (shape, (*query[:-1], key[-2])) if self.return_attention_scores else shape

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: Any = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        data = inputs if isinstance(inputs, tuple) else (inputs,)
        slots, trace = self.slots_of(len(data)), Trace()
        traced = [trace.variable(value) for value in (*data, *parameters)]
        scores = self.scores(traced[slots.query], traced[slots.key], *traced[len(data) :])
        for allowed in self.allowed(data, mask):
            if allowed is not None:
                scores = ops.where(allowed, scores, HIDDEN)
        weights = ops.softmax(scores)
        if training and self.dropout:
            one = np.ones((), np.real(scores.value).dtype)
            weights = weights * drop(Dropout(self.dropout, seed=self.seed), self.dropout, one, random, scores.shape)[0]
        outputs = weights @ traced[slots.value]
        query_mask = self.query_mask(mask, data[0].ndim)
        if query_mask is not None:
            outputs = outputs * np.asarray(query_mask)[..., None].astype(outputs.value.real.dtype)
        ends = (outputs, weights) if self.return_attention_scores else (outputs,)
        jacobians = trace.jacobians(*ends, data=len(data))
        jacobians.mask = (query_mask, None) if self.return_attention_scores else query_mask
        return (outputs.value, weights.value) if self.return_attention_scores else outputs.value, jacobians


class Attention(_Scored):
    """outputs = dropout(softmax(scores)) @ value: each query mixes the values, weighted by the match with their keys.

    scores = scale * query @ key.T, or concat_score_weight * sum(tanh(scale * (query + key))).

    One input attends to itself, so that the layer fits into a `Sequential` (Keras takes several only); else the
    inputs are `(query, value)` or `(query, value, key)`, the value being the key too if there is none.

    Shape: query `(batch, ..., steps, features)`, key `(batch, ..., others, features)`, value
    `(batch, ..., others, width)` `-> (batch, ..., steps, width)`.

    Masks are one for one input, else a tuple: masked values get no attention, the outputs of masked queries
    are 0. Where all values are masked, all count alike.

    Args:
        use_scale: whether a scale is learned, 1 at first.
        score_mode: `"dot"` or `"concat"`.
        dropout: fraction of the attention weights that is dropped while training, in [0, 1).
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends to itself and earlier steps alone; a call may say it too, as in Keras.
        return_attention_scores: whether the attention weights, `(batch, steps, others)`, are a second output; likewise.

    Reference: Luong et al. 2015, arXiv:1508.04025.

    >>> import numpy as np
    >>> query, value = np.array([[[4.0, 0.0]]]), np.array([[[4.0, 0.0], [0.0, 4.0]]])
    >>> layer = Attention()
    >>> layer([query, value]).round(2).tolist()  # the first value is like the query
    [[[4.0, 0.0]]]
    >>> layer([query, value], return_attention_scores=True)[1].shape
    (1, 1, 2)
    """

    use_scale: bool = False
    score_mode: Literal["dot", "concat"] = "dot"
    dropout: BelowOne = 0.0
    seed: Index | None = None
    use_causal_mask: bool = False
    return_attention_scores: bool = field(default=False, kw_only=True)

    def add_scale(self, features: int) -> None:
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        if self.score_mode == "dot":
            axes = range(key.ndim)
            products = query @ ops.transpose(key, (*axes[:-2], axes[-1], axes[-2]))
            return products * parameters[0] if self.use_scale else products
        added = query[..., :, None, :] + key[..., None, :, :]
        return ops.sum(ops.tanh(added * parameters[0] if self.use_scale else added), -1) * parameters[-1]


class AdditiveAttention(_Scored):
    """outputs = dropout(softmax(scores)) @ value with scores = sum(scale * tanh(query + key)).

    Inputs, masks and shapes as of `Attention`.

    Args:
        use_scale: whether a scale is learned for each feature.
        dropout: fraction of the attention weights that is dropped while training, in [0, 1).
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends to itself and earlier steps alone; a call may say it too, as in Keras.
        return_attention_scores: whether the attention weights, `(batch, steps, others)`, are a second output; likewise.

    Reference: Bahdanau et al. 2014, arXiv:1409.0473.

    >>> import numpy as np
    >>> query, value = np.ones((2, 3, 8)), np.ones((2, 5, 8))
    >>> AdditiveAttention()([query, value]).shape
    (2, 3, 8)
    """

    use_scale: bool = True
    dropout: BelowOne = 0.0
    seed: Index | None = None
    use_causal_mask: bool = False
    return_attention_scores: bool = field(default=False, kw_only=True)

    def add_scale(self, features: int) -> None:
        self.scale = self.add_weight((features,), "glorot_uniform", name="scale") if self.use_scale else None

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        fits = ops.tanh(query[..., :, None, :] + key[..., None, :, :])
        return ops.sum(fits * parameters[0] if self.use_scale else fits, -1)
