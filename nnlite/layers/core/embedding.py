"""Embedding: one learned vector per integer."""

from dataclasses import field

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.jacobians import GatherRows, Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.ops.shaping import as_indices
from nnlite.registry.field_types import Count
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["Embedding"]


class Embedding(Layer):
    """outputs = embeddings[inputs]: one learned vector per integer in [0, input_dim).

    Shape: `(batch, ...) -> (batch, ..., output_dim)`. The indices have no derivative.

    Args:
        input_dim: number of different indices.
        output_dim: length of each vector.
        embeddings_initializer: uniform in [-0.05, 0.05] by default.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: what training brings the values back to after each update.
        sparse: whether a training step changes only the rows that its batch uses, which is quicker for large tables.
            SGD without momentum gives the same result; other optimizers then let the memory of a row rest while the
            row is not used, as PyTorch's SparseAdam does.
        mask_zero: whether index 0 fills up sequences: layers that heed masks and the loss leave it out. Its vector
            is looked up all the same.

    Raises:
        DataError: an index that is no integer in [0, input_dim).
        ConfigError: `sparse` together with a regularizer, which concerns all rows.
    """

    input_dim: Count
    output_dim: Count
    embeddings_initializer: FromSpec[Initializer] = option(default="uniform")
    embeddings_regularizer: FromSpec[Regularizer | None] = option(default=None)
    embeddings_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    mask_zero: bool = field(default=False, kw_only=True)
    sparse: bool = field(default=False, kw_only=True)

    input_kind = "indices"

    _fixes = "nothing"

    def validate(self) -> None:
        for kind, given in (("regularizer", self.embeddings_regularizer), ("constraint", self.embeddings_constraint)):
            if self.sparse and given is not None:
                raise ConfigError(f"a {kind} changes all rows; choose it or sparse", (type(self).__name__,))

    def build(self, input_shape: BatchShape) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
            sparse=self.sparse,
        )

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return (*input_shape, self.output_dim)

    def linearize(self, inputs: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        indices = as_indices(inputs, self.input_dim, self.label)
        outputs = embeddings.take(indices, axis=0)
        mask = indices != 0 if self.mask_zero else None
        return outputs, Jacobians(None, GatherRows(indices, -2, embeddings.shape, outputs.shape), mask=mask)
