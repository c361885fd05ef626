"""Base of layers of categories; indices as one-hot, multi-hot or count vectors; numbers in bins."""

import math
import numbers
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.config import FLOAT_TYPES, Policy, WholeType
from nnlite.errors import ConfigError, ShapeError, needed_for
from nnlite.jacobians import Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.ops.shaping import as_indices
from nnlite.registry.bounds import Count
from nnlite.registry.fields import Settled, option

__all__ = ["CategoryEncoding"]

OutputMode = Literal["int", "one_hot", "multi_hot", "count"]


class Categorical(Layer, abstract=True):
    """outputs = indices of the inputs, or an encoding of them, according to `output_mode`. There is no derivative.

    A subclass has the field `output_mode`, the property `depth` and the method `indices`. Output modes:

    - `"int"`: the indices, as 64-bit integers, of the shape of the inputs;
    - `"one_hot"`: each index becomes a vector of `depth` numbers, 1 at its place. A last axis of length 1 is
      dropped first: `(batch, 1) -> (batch, depth)`, `(batch, n) -> (batch, n, depth)`;
    - `"multi_hot"`: the last axis becomes one vector, 1 at each index that occurs: `(batch, n) -> (batch, depth)`;
    - `"count"`: the same with the number of times that each index is there;
    - `"tf_idf"`: the counts times `weights`.

    Within a model, inputs of shape `(batch,)` are one entry per example in every mode. A call of the layer by itself
    takes them as Keras does, for one example without a batch, in the modes "multi_hot", "count" and "tf_idf":
    `(n,) -> (depth,)`; a single value gives what one example of it does, and a row in the mode "one_hot". Another rank
    may be given in each call.

    Args:
        sparse: whether a call of the layer by itself returns a SciPy CSR matrix; models compute on arrays.
    """

    sparse: bool = field(default=False, kw_only=True)
    dtype: Settled[Policy | WholeType] = option(default=None, kw_only=True)

    _hashes = False  # whether `"int"` is an integer type of the layer itself, int64 unless its `dtype` is int32
    _rows_are_examples = False  # whether `(batch,)` is a batch in every mode

    if TYPE_CHECKING:  # a field of the subclasses
        output_mode = cast(str, None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._hashes and self.output_mode == "int" and self.dtype not in ("int32", "int64"):
            if self._given_dtype in (*get_args(WholeType), *FLOAT_TYPES):
                raise ConfigError(f"must be int32 or int64, got {self._given_dtype}", (type(self).__name__, "dtype"))
            self.dtype = "int64"
        if self.sparse and self.output_mode == "int":
            raise ConfigError('needs output_mode "one_hot", "multi_hot" or "count"', (type(self).__name__, "sparse"))

    @property
    def depth(self) -> int | None:
        """The number of different indices."""
        raise NotImplementedError(f"{type(self).__name__} must define depth")

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        """Integers in [0, depth), or -1 for entries that an encoding omits."""
        raise NotImplementedError(f"{type(self).__name__} must define indices(inputs)")

    def build(self, input_shape: BatchShape) -> None:
        if self.output_mode != "int":
            self._check_ready()  # the width of the outputs is what `adapt` finds

    def renew_shape(self) -> None:
        """Recompute the output shape after a change of `depth`."""
        if self.built:
            self.output_shape = self.compute_output_shape(self.input_shape)

    def _check_linearize(self) -> None:
        """Nothing to try: zeros and empty strings may be no categories of this layer."""

    @property
    def _output_dtype(self) -> str:
        whole = self.dtype in ("int32", "int64")
        return self.dtype if whole or self.output_mode != "int" else "int64"

    def _check_input_shape(self, shape: tuple) -> None:
        """Any rank will do: there are no parameters."""

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs; see `Categorical` for inputs without a batch."""
        outputs = super().__call__(inputs, training=training, mask=mask)
        return as_csr(outputs, self.label) if self.sparse and isinstance(outputs, np.ndarray) else outputs

    def _apply(self, inputs: Any, training: Any, mask: Any, runner: Any = None, values: Any = None) -> tuple[Any, Any]:
        single = isinstance(inputs, (str, numbers.Number)) or (isinstance(inputs, np.ndarray) and not inputs.ndim)
        array: Any = self._as_input(np.asarray(inputs)[None] if single else inputs)
        sums = self.output_mode in ("multi_hot", "count", "tf_idf")
        whole = sums and array.ndim == 1 and not self._rows_are_examples
        outputs, jacobians = self.linearize(array[None] if whole and not single else array)
        return outputs[0] if whole or (single and self.output_mode != "one_hot") else outputs, jacobians

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        input_shape = tuple(input_shape)
        if self.output_mode == "int":
            return input_shape
        if len(input_shape) == 1 and input_shape[0] is not None and self.output_mode != "one_hot":
            return (self.depth,)
        kept = input_shape if self.output_mode == "one_hot" and input_shape[1:][-1:] != (1,) else input_shape[:-1]
        return (*(kept or input_shape), self.depth)

    def encode(self, indices: np.ndarray) -> np.ndarray:
        """`indices` encoded according to `output_mode`."""
        return encoded(indices, self.output_mode, self.depth, self._output_dtype)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.encode(self.indices(inputs)), Jacobians(None)


def as_csr(rows: np.ndarray, owner: str) -> Any:
    """Rows as a SciPy CSR matrix."""
    with needed_for(f"sparse=True of {owner}", "scipy"):
        from scipy.sparse import csr_matrix
    if rows.ndim > 2:
        raise ShapeError(f"{owner} cannot give a sparse matrix of {rows.ndim} axes: {rows.shape}")
    return csr_matrix(np.atleast_2d(rows))


def encoded(indices: np.ndarray, mode: str, depth: Any, dtype: Any, weights: np.ndarray | None = None) -> np.ndarray:
    """`indices`, with -1 for no entry, encoded according to `mode`; see `Categorical`."""
    if mode == "int":
        return indices.astype(dtype, copy=False)
    if mode == "one_hot" and indices.shape[1:][-1:] != (1,):
        indices = indices[..., None]
    width = indices.shape[-1] if indices.ndim > 1 else 1
    rows = indices.reshape(math.prod(indices.shape[:-1]) if indices.ndim > 1 else indices.size, width)
    places = rows + depth * np.arange(len(rows))[:, None]
    counts = np.bincount(places[rows >= 0], minlength=len(rows) * depth)
    counts = counts if mode in ("count", "tf_idf") else counts > 0
    outputs = counts.astype(dtype).reshape(*(indices.shape[:-1] or indices.shape), depth)
    return outputs if weights is None else outputs * weights


class CategoryEncoding(Categorical):
    """outputs = integers in [0, num_tokens) as one-hot, multi-hot or count vectors.

    Shape: `(batch, n) -> (batch, num_tokens)`, see `output_mode`; `(batch,)` and `(batch, 1)` give
    `(batch, num_tokens)` in all modes.

    Args:
        num_tokens: number of different integers.
        sparse: as in `Categorical`.
        output_mode: `"multi_hot"`: 1 at each number that occurs; `"count"`: how often it occurs; `"one_hot"`:
            one vector per number, `(batch, n) -> (batch, n, num_tokens)`.

    Raises:
        DataError: a number that is not whole or not in [0, num_tokens).

    >>> CategoryEncoding(4, output_mode="multi_hot")([[0, 1], [0, 0], [1, 2], [3, 1]]).tolist()
    [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    num_tokens: Count | None = None
    output_mode: Literal["one_hot", "multi_hot", "count"] = "multi_hot"

    input_kind = "indices"

    def validate(self) -> None:
        if self.num_tokens is None:
            raise ConfigError("needs the number of tokens; IntegerLookup finds it", ("CategoryEncoding", "num_tokens"))

    def __call__(self, inputs: Any, count_weights: Any = None, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs; in the mode "count", each input adds its entry of `count_weights`, or 1 if these are None."""
        if count_weights is None:
            return super().__call__(inputs, training=training, mask=mask)
        if self.output_mode != "count":
            raise ConfigError(f'{self.label} takes count_weights with output_mode="count", not "{self.output_mode}"')
        indices, weights = np.asarray(inputs), np.asarray(count_weights)
        if indices.shape != weights.shape:
            raise ShapeError(f"{self.label} needs count_weights of shape {indices.shape}, got {weights.shape}")
        array: Any = self._as_input(np.atleast_1d(indices))
        places = self.indices(array)
        count = cast(int, self.num_tokens)
        counts = np.zeros((math.prod(indices.shape[:-1]), count), self.dtype)
        width = indices.shape[-1] if indices.ndim else 1
        np.add.at(counts, (np.repeat(np.arange(len(counts)), width), places.ravel()), weights.ravel())
        counts = counts.reshape(*indices.shape[:-1], count)
        return as_csr(counts, self.label) if self.sparse else counts

    @property
    def depth(self) -> int | None:
        return self.num_tokens

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        return as_indices(inputs, cast(int, self.num_tokens), self.label).astype(np.int64, copy=False)
