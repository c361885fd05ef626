"""Attention without heads and projections: by products, and by a sum under tanh."""

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite import ops
from nnlite.arrays.types import BatchShape
from nnlite.errors import ShapeError
from nnlite.layers.attention.sequences import SequencePair
from nnlite.layers.base.layer import Layer
from nnlite.layers.regularization.dropout import Dropout, drop
from nnlite.ops.attention import HIDDEN
from nnlite.ops.tracing import Trace, Traced
from nnlite.registry.field_types import BelowOne, Index

__all__ = ["AdditiveAttention", "Attention"]


class _Scored(SequencePair, Layer, abstract=True):
    """What both share: outputs = dropout(softmax(scores)) @ value; a subclass writes `scores`."""

    if TYPE_CHECKING:  # fields of both
        dropout, seed = cast(float, 0.0), cast("int | None", None)

    def build(self, input_shape: tuple) -> None:
        query, _, key = self.check_sequences(input_shape)
        if len(query) != 3 or query[-1] != key[-1]:
            raise ShapeError(
                f"{self.label} needs queries and keys (batch, steps, features) with one number of features, "
                f"got {query} and {key}"
            )
        self.add_scale(query[-1])

    def add_scale(self, features: int) -> None:
        """Declare the parameters of the scores."""

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        """How well queries fit keys, `(batch, steps, others)`, of traced values."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: tuple) -> BatchShape:
        shapes = input_shape if self.takes_several else (input_shape,)
        return (*shapes[0][:-1], shapes[self.slots_of(len(shapes)).value][-1])

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: Any = None,
        mask: Any = None,
    ) -> tuple[np.ndarray, Any]:
        data = inputs if self.takes_several else (inputs,)
        allowed, slots = self.allowed(data, mask), self.slots_of(len(data))
        trace = Trace()
        traced = [trace.variable(value) for value in (*data, *parameters)]
        scores = self.scores(traced[slots.query], traced[slots.key], *traced[len(data) :])
        if allowed is not None:
            scores = ops.where(allowed, scores, HIDDEN)
        weights = ops.softmax(scores)
        if training and self.dropout:
            one = np.ones((), np.real(scores.value).dtype)
            weights = weights * drop(Dropout(self.dropout, seed=self.seed), self.dropout, one, random, scores.shape)[0]
        outputs = weights @ traced[slots.value]
        query_mask = self.query_mask(mask)
        if query_mask is not None:
            outputs = outputs * np.asarray(query_mask)[..., None].astype(outputs.value.real.dtype)
        jacobians = trace.jacobians(outputs, data=len(data))
        jacobians.mask = query_mask
        return outputs.value, jacobians


class Attention(_Scored):
    """outputs = dropout(softmax(scores)) @ value: each query mixes the values by how well it fits their keys.

    scores = scale * query @ key.T, or concat_score_weight * sum(tanh(scale * (query + key))).

    One input attends to itself, so that the layer fits into a `Sequential` (Keras takes several only); else the
    inputs are `(query, value)` or `(query, value, key)`, the value being the key too where there is none.

    Shape: query `(batch, steps, features)`, key `(batch, others, features)`, value `(batch, others, width)`
    `-> (batch, steps, width)`.

    Masks are one for one input, else a tuple: masked values are attended to by nobody, the outputs of masked queries
    are 0. Where all values are masked, all count alike.

    Args:
        use_scale: whether a scale is learned, 1 at first.
        score_mode: `"dot"` or `"concat"`.
        dropout: fraction of the attention weights that is dropped while training, in [0, 1).
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends to itself and earlier steps alone; Keras takes it in the call.

    Reference: Luong et al. 2015, arXiv:1508.04025.
    """

    use_scale: bool = False
    score_mode: Literal["dot", "concat"] = "dot"
    dropout: BelowOne = 0.0
    seed: Index | None = None
    use_causal_mask: bool = False

    def add_scale(self, features: int) -> None:
        if self.use_scale:
            self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.add_weight((), "ones", name="concat_score_weight")

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        if self.score_mode == "dot":
            products = query @ ops.transpose(key, (0, 2, 1))
            return products * parameters[0] if self.use_scale else products
        added = query[:, :, None] + key[:, None]
        return ops.sum(ops.tanh(added * parameters[0] if self.use_scale else added), -1) * parameters[-1]


class AdditiveAttention(_Scored):
    """outputs = dropout(softmax(scores)) @ value with scores = sum(scale * tanh(query + key)).

    Inputs, masks and shapes as of `Attention`.

    Args:
        use_scale: whether a scale is learned for each feature.
        dropout: fraction of the attention weights that is dropped while training, in [0, 1).
        seed: draws dropout from a stream of its own instead of the model's.
        use_causal_mask: whether a step attends to itself and earlier steps alone; Keras takes it in the call.

    Reference: Bahdanau et al. 2014, arXiv:1409.0473.
    """

    use_scale: bool = True
    dropout: BelowOne = 0.0
    seed: Index | None = None
    use_causal_mask: bool = False

    def add_scale(self, features: int) -> None:
        if self.use_scale:
            self.add_weight((features,), "glorot_uniform", name="scale")

    def scores(self, query: Traced, key: Traced, *parameters: Traced) -> Traced:
        fits = ops.tanh(query[:, :, None] + key[:, None])
        return ops.sum(fits * parameters[0] if self.use_scale else fits, -1)
