"""Categories without a vocabulary: their hash determines the index."""

import re
from typing import Annotated, Any, Literal

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ShapeError
from nnlite.layers.base.inputs import read_inputs, variant_for
from nnlite.layers.base.layer import Layer
from nnlite.layers.preprocessing.category_encoding import Categorical, OutputMode
from nnlite.layers.preprocessing.fingerprints import farm_hash, hash_of_several, sip_hash
from nnlite.registry.bounds import Count, Range

__all__ = ["HashedCrossing", "Hashing"]

WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # the spelling of an integer of 64 bits
Word = Annotated[int, Range(0, 2**64 - 1)]


def hashed(strings: list[str], bins: int, salt: tuple = ()) -> np.ndarray:
    """The bin of each string: its hash modulo `bins`, FarmHash64 or, keyed by `salt`, SipHash64.

    It is the same on every machine and in every run, and in Keras.
    """
    distinct = sorted(set(strings))
    hashes = sip_hash(distinct, salt) if salt else farm_hash(distinct)
    bin_of = dict(zip(distinct, (hashes % np.uint64(bins)).tolist(), strict=True))
    return np.array([bin_of[string] for string in strings], dtype=np.int64)


def salted(salt: tuple[int, int] | int | None) -> tuple[int, ...]:
    """The argument `salt` in the form that `hashed` takes: a single number is used twice."""
    return () if salt is None else (salt, salt) if isinstance(salt, int) else tuple(salt)


class Hashing(Categorical):
    """outputs = hash(inputs) % num_bins: a bin for each string or integer, without a vocabulary.

    The hash is FarmHash64 or, with salt, SipHash64, as in Keras: the bins are the same across runs, machines and both
    libraries. A number and its decimal spelling fall into the same bin.

    Shape: any, unchanged, when `output_mode` is `"int"`.

    Args:
        num_bins: number of bins, with the one of `mask_value`. Different values may share a bin: the more bins, the
            fewer do.
        mask_value: what alone falls into bin 0; no value is special when None.
        salt: one or two integers in [0, 2**64) that choose another hash function.
        output_mode: `"int"`, or an encoding: `"one_hot"`, `"multi_hot"`, `"count"`.
        dtype: of the encodings, or "int32" for indices of 32 bits.
        sparse: as in `Categorical`.

    Raises:
        DataError: inputs that are neither strings nor integers.

    Reference: Weinberger et al. 2009, "Feature hashing for large scale multitask learning", arXiv:0902.2206.

    >>> layer = Hashing(num_bins=3)
    >>> layer([["A"], ["B"], ["C"], ["D"], ["A"]]).ravel().tolist()  # equal strings share a bin
    [1, 0, 1, 1, 1]
    """

    num_bins: Count
    mask_value: str | int | None = None
    salt: tuple[Word, Word] | Word | None = None
    output_mode: OutputMode = "int"

    input_kind, _hashes = "categories", True

    @property
    def strong_hash(self) -> bool:
        """Whether the hash is SipHash64, as it is with a salt."""
        return self.salt is not None

    @property
    def depth(self) -> int | None:
        return self.num_bins

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {"salt": list(salted(self.salt)) or None}

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        strings = read_inputs(inputs, self.input_kind, self.label)
        flat: list[str] = strings.ravel().tolist()
        salt = salted(self.salt)
        if self.mask_value is None or self.num_bins == 1:
            return hashed(flat, self.num_bins, salt).reshape(strings.shape)
        bins = 1 + hashed(flat, self.num_bins - 1, salt)
        mask = str(self.mask_value)
        return np.where([string == mask for string in flat], 0, bins).reshape(strings.shape)


class HashedCrossing(Categorical):
    """outputs = hash(all features of an example) % num_bins: one category for each combination.

    Shape: `(batch, features) -> (batch,)` when `output_mode` is `"int"`, `(batch, num_bins)` when `"one_hot"`. A
    layer that is called by itself also takes a tuple or list of features, `(batch,)` or `(batch, 1)` each, as in Keras.

    Args:
        num_bins: number of bins; different combinations may share one.
        output_mode: `"int"` or `"one_hot"`.

    The bins are those of Keras: strings count with their FarmHash64, integers with their value. Here an integer and its
    decimal spelling are the same.

    >>> crossing = HashedCrossing(5)
    >>> crossing((["A", "B", "A"], [101, 101, 101])).tolist() == crossing([["A", 101], ["B", 101], ["A", 101]]).tolist()
    True
    """

    num_bins: Count
    output_mode: Literal["int", "one_hot"] = "int"

    input_kind, _hashes = "categories", True
    takes_several = None  # or one array of all features

    def build(self, input_shape: tuple) -> None:
        self._check_input_shape(input_shape)

    def _check_input_shape(self, shape: tuple) -> None:
        if isinstance(shape[0], (tuple, list)):
            fits = len(shape) > 1 and len(set(map(tuple, shape))) == 1 and tuple(shape[0][1:]) in ((), (1,), (None,))
        else:
            fits = len(shape) > 1 and (shape[-1] or 0) > 1
        if not fits:
            raise ShapeError(
                f"{self.label} needs two or more features, (batch, features) or each (batch,) or (batch, 1): {shape}"
            )

    @property
    def depth(self) -> int | None:
        return self.num_bins

    def _as_input(self, inputs: Any) -> Any:
        several = isinstance(inputs, list) and all(isinstance(column, np.ndarray) for column in inputs)
        if several or isinstance(inputs, tuple):
            inputs = tuple(inputs)
        else:  # rows of features, also in lists
            inputs = read_inputs(inputs, self.input_kind, self.label)
        return Layer._as_input(variant_for(self, inputs), inputs)

    def compute_output_shape(self, input_shape: tuple) -> BatchShape:
        """The shape for features side by side, `(batch, features)`, or for a list of the shapes of each."""
        several = isinstance(input_shape[0], (tuple, list))
        return super().compute_output_shape(input_shape[0] if several else input_shape[:-1])

    def indices(self, inputs: Any) -> np.ndarray:
        if isinstance(inputs, tuple) and len(inputs) == 1:  # of a graph, where the layer was built for several
            (inputs,) = inputs
        if isinstance(inputs, tuple):
            columns = [read_inputs(column, self.input_kind, self.label) for column in inputs]
            inputs = np.stack([column.astype(object) for column in columns], axis=-1)
        strings = read_inputs(inputs, self.input_kind, self.label)
        cells = np.array(strings, dtype=str).ravel()
        numbers = farm_hash(cells.tolist())
        whole = np.flatnonzero([WHOLE.fullmatch(cell) is not None for cell in cells])
        numbers[whole] = cells[whole].astype(np.int64).view(np.uint64)
        crossed = hash_of_several(numbers.reshape(-1, strings.shape[-1])) % np.uint64(self.num_bins)
        return crossed.astype(np.int64).reshape(strings.shape[:-1])
