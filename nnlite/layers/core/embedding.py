"""Embedding: one learned vector per integer."""

from dataclasses import field
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import BatchShape, dtype_of, is_floating
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import (
    Composed,
    Diagonal,
    GatherRows,
    Jacobian,
    Jacobians,
    KernelOfRows,
    Rearrange,
    RowsTimesKernel,
)
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.contract.arguments import with_options
from nnlite.layers.base.contract.around import returned, rounded
from nnlite.layers.base.symbolic import symbols_of
from nnlite.layers.base.variables.low_rank import LowRank
from nnlite.ops.shaping import as_indices
from nnlite.registry.bounds import Count, Positive
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["Embedding", "ReversibleEmbedding"]


class Embedding(LowRank):
    """outputs = embeddings[inputs]: one learned vector per integer in [0, input_dim).

    Shape: `(batch, ...) -> (batch, ..., output_dim)`. The indices have no derivative.

    Args:
        input_dim: number of different indices.
        output_dim: length of each vector.
        embeddings_initializer: uniform in [-0.05, 0.05] by default.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: projection of the values after each update.
        sparse: whether a training step changes only the rows that its batch uses, which is faster for large tables.
            With SGD without momentum the result is the same; other optimizers then leave the state of unused rows
            unchanged, like PyTorch's SparseAdam.
        mask_zero: whether index 0 is padding, which layers with masks and the loss then skip. Its vector is
            looked up nevertheless.
        weights: the initial table, an array or a list of one array; it is not part of the config.

    `input_length`, which Keras no longer needs, is accepted.

    Raises:
        DataError: an index that is not an integer in [0, input_dim).
        ConfigError: `sparse` together with a regularizer, which concerns all rows.

    >>> import numpy as np
    >>> layer = Embedding(input_dim=1000, output_dim=8)
    >>> layer(np.array([[4, 10, 0], [7, 7, 999]])).shape
    (2, 3, 8)
    """

    input_dim: Count
    output_dim: Count
    embeddings_initializer: FromSpec[Initializer] = option(default="uniform")
    embeddings_regularizer: FromSpec[Regularizer | None] = option(default=None)
    embeddings_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    mask_zero: bool = field(default=False, kw_only=True)
    sparse: bool = field(default=False, kw_only=True)

    input_kind = "indices"
    _adapts = "embeddings"

    _fixes = "nothing"

    _sets_mask = True
    _further_arguments = ("weights", "input_length")
    _first_table = cast(Any, None)

    @property
    def supports_masking(self) -> bool:
        """Whether indices of 0 are masked."""
        return self.mask_zero

    def _take_further(self, arguments: dict[str, Any]) -> None:
        table = arguments.get("weights")
        if table is not None:
            self._first_table = np.asarray(table[0] if isinstance(table, (list, tuple)) else table)
            shape, wanted = self._first_table.shape, (self.input_dim, self.output_dim)
            if shape != wanted:
                raise ConfigError(f"expected the shape {wanted}, got {shape}", (type(self).__name__, "weights"))
            self.build()

    def validate(self) -> None:
        for kind, rule in (("regularizer", self.embeddings_regularizer), ("constraint", self.embeddings_constraint)):
            if self.sparse and rule is not None:
                raise ConfigError(f"a {kind} changes all rows; choose it or sparse", (type(self).__name__,))

    def build(self, input_shape: BatchShape | None = None) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
            sparse=self.sparse,
        )
        if self._first_table is not None:
            self.embeddings.assign(self._first_table)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return (*input_shape, self.output_dim)

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return symbols_of(inputs) != 0 if self.mask_zero else None

    def linearize(self, inputs: np.ndarray, embeddings: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        indices = as_indices(inputs, self.input_dim, self.label)
        outputs = embeddings.take(indices, axis=0)
        mask = indices != 0 if self.mask_zero else None
        return outputs, Jacobians(None, GatherRows(indices, -2, embeddings.shape, outputs.shape), mask=mask)


class ReversibleEmbedding(Embedding):
    """An `Embedding` that also computes logits of the indices: `outputs = inputs @ embeddings.T` with `reverse=True`.

    Shape: `(batch, ...) -> (batch, ..., output_dim)`; reversed `(batch, ..., output_dim) -> (batch, ..., input_dim)`.

    Args:
        tie_weights: whether both ways share one table; else there is a second one, `reverse_embeddings`, of the shape
            `(output_dim, input_dim)`.
        logit_soft_cap: logits become `cap * tanh(logits / cap)`; None for no cap.
        reverse_dtype: floating-point type of the logits, and to which inputs and table are rounded before the product;
            None for that of the layer. With a mixed policy the logits have no more digits than that has.

    The further arguments, and errors, are those of `Embedding`.

    Reference: Press & Wolf 2016, arXiv:1608.05859.

    >>> import numpy as np
    >>> layer = ReversibleEmbedding(5, 2)
    >>> vectors = layer(np.array([[0, 3, 4]]))
    >>> vectors.shape, layer(vectors, reverse=True).shape
    ((1, 3, 2), (1, 3, 5))
    """

    tie_weights: bool = field(default=True, kw_only=True)
    logit_soft_cap: Positive | None = field(default=None, kw_only=True)
    reverse_dtype: str | None = field(default=None, kw_only=True)

    def validate(self) -> None:
        super().validate()
        if self.reverse_dtype is not None and not is_floating(dtype_of(self.reverse_dtype)):
            message = f"logits are floating-point numbers, got {self.reverse_dtype!r}"
            raise ConfigError(message, (type(self).__name__, "reverse_dtype"))
        if self.sparse:
            message = "logits have a derivative with respect to all rows; sparse must be false"
            raise ConfigError(message, (type(self).__name__,))

    def build(self, input_shape: BatchShape | None = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight(shape, self.embeddings_initializer, name="reverse_embeddings")

    def _read_call(self, *inputs: Any, reverse: bool = False, **options: Any) -> LayerCall:
        call = super()._read_call(*inputs, **options)
        if not reverse:
            return call
        if not self.built and symbols_of(call.inputs) is None:
            self.build()
        return call._replace(runner=with_options(self, {"reverse": True}))

    def _returned(self, call: LayerCall, output: np.ndarray) -> np.ndarray:
        output = super()._returned(call, output)
        dtype = self.reverse_dtype if call.runner._options.get("reverse") else None
        return output if dtype is None else returned(output, (dtype,))

    def compute_output_shape(self, input_shape: BatchShape, reverse: bool = False) -> BatchShape:
        reverse = reverse or self._options.get("reverse", False)
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)

    def linearize(
        self, inputs: np.ndarray, embeddings: np.ndarray, *reverse_embeddings: np.ndarray
    ) -> tuple[np.ndarray, Jacobians]:
        if self._options.get("reverse"):
            return self._logits(inputs, embeddings, *reverse_embeddings)
        outputs, jacobians = super().linearize(inputs, embeddings)
        return outputs, Jacobians(*jacobians.maps, *[None] * len(reverse_embeddings), mask=jacobians.mask)

    def _logits(
        self, inputs: np.ndarray, embeddings: np.ndarray, *separate: np.ndarray
    ) -> tuple[np.ndarray, Jacobians]:
        if inputs.ndim < 2 or inputs.shape[-1] != self.output_dim:
            raise ShapeError(f"{self.label} reverses arrays (batch, ..., {self.output_dim}), got {inputs.shape}")
        inputs = inputs.astype(np.result_type(inputs.dtype.type(0), embeddings.dtype), copy=False)
        kernel, kind = separate[0] if separate else embeddings.T, np.dtype(self.reverse_dtype or inputs.dtype)
        inputs, kernel = rounded((inputs, kernel), kind) if self.reverse_dtype else (inputs, kernel)
        outputs = rows_matmul(inputs, kernel)
        by_inputs = RowsTimesKernel(kernel, inputs.shape, outputs.shape)
        by_kernel: Jacobian = KernelOfRows(inputs, kernel.shape, outputs.shape)
        turned = None if separate else Composed(by_kernel, Rearrange(embeddings.shape, kernel.shape, (1, 0)))
        outer, cap = None, self.logit_soft_cap
        if cap is not None:
            shares = np.tanh(outputs / cap)
            outputs, outer = cap * shares, Diagonal(1 - shares * shares, outputs.shape, outputs.shape)
        return outputs, Jacobians(by_inputs, turned, *[by_kernel] * len(separate), outer=outer)
