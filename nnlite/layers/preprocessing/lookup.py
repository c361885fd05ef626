"""The index of a string, or of an integer, in a vocabulary."""

from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, Any, Literal

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.preprocessing.category_encoding import Categorical
from nnlite.layers.preprocessing.hashing import Word, hashed, salted
from nnlite.layers.preprocessing.vocabulary import Vocabulary, VocabularyType
from nnlite.registry.bounds import Index, Range
from nnlite.registry.fields import Converted, option

__all__ = ["IntegerLookup", "StringLookup"]

LookupMode = Literal["int", "one_hot", "multi_hot", "count", "tf_idf"]
Size = Annotated[int, Range(2)]


def get_build_config(self: Any) -> dict[str, Any]:
    """Nothing, as in Keras: calls build the layer, for inputs of any rank."""
    return {}


class StringLookup(Vocabulary, Categorical):
    """outputs = index of each string in a vocabulary, or an encoding of the indices.

    Shape: any, unchanged, when `output_mode` is `"int"`; `(batch, n) -> (batch, vocabulary_size())` for
    `"multi_hot"`, `"count"` and `"tf_idf"`; for `"one_hot"` `(batch,)` and `(batch, 1) -> (batch, vocabulary_size())`,
    `(batch, n) -> (batch, n, vocabulary_size())`.

    The vocabulary is part of the layer's config and so of the model file. It begins with the mask token, if there
    is one and `output_mode` is `"int"`, then come `num_oov_indices` places for strings out of the vocabulary (OOV).

    Args:
        max_tokens: upper bound of the size of the vocabulary, with mask and OOV; `adapt` keeps the most frequent
            tokens. No bound when None.
        num_oov_indices: places for unknown strings. With more than one a hash decides which one a string takes
            (that of `Hashing`); with 0 an unknown string is an error.
        mask_token: a string that gets index 0, or is left out by the modes other than `"int"`.
        oov_token: what `invert` returns, and `get_vocabulary` shows, for unknown ones.
        vocabulary: the tokens, when they are known, or the path of a text file with one per line; `adapt` finds them
            else.
        idf_weights: for `"tf_idf"` with a known vocabulary: one weight per token. OOV counts by the mean weight,
            unless weights of the special tokens come first.
        invert: from indices back to strings.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` (how often a token is there), or `"tf_idf"`
            (counts times idf_weights).
        pad_to_max_tokens: give encodings the width `max_tokens` even if the vocabulary is smaller.
        encoding: of the vocabulary's file.
        salt: as in `Hashing`, for unknown strings where there are several places for them.
        sparse: as in `Categorical`.

    Raises:
        NotReadyError: neither `vocabulary` nor a call of `adapt`.
        DataError: inputs that are not strings; an unknown one with `num_oov_indices=0`.
        ConfigError: a vocabulary with repetitions, or larger than `max_tokens`.

    >>> layer = StringLookup()
    >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> layer.get_vocabulary()
    ['[UNK]', 'd', 'z', 'c', 'b', 'a']
    >>> layer([["a", "c", "d"], ["d", "y", "b"]]).tolist()
    [[5, 3, 1], [1, 0, 4]]
    """

    max_tokens: Size | None = None
    num_oov_indices: Index = 1
    mask_token: str | None = None
    oov_token: str = "[UNK]"
    vocabulary: Converted[Sequence[str] | np.ndarray | str | None, list[str] | str | None] = option(default=None)
    idf_weights: Converted[Sequence[float] | np.ndarray | None, list[float] | None] = option(default=None)
    invert: bool = False
    output_mode: LookupMode = "int"
    pad_to_max_tokens: bool = False
    encoding: str = field(default="utf-8", kw_only=True)
    salt: tuple[Word, Word] | Word | None = field(default=None, kw_only=True)
    dtype: VocabularyType = option(default=None, kw_only=True)

    token_type, token_kind = str, "strings"
    get_build_config = get_build_config
    _further_arguments = ("vocabulary_size", "oov_method")

    def _take_further(self, arguments: dict[str, Any]) -> None:
        """Refuse an unknown `oov_method`; both known ones hash strings."""
        if (method := arguments.get("oov_method", "floormod")) not in ("floormod", "farmhash"):
            raise ConfigError(f'must be "floormod" or "farmhash", got {method!r}', ("StringLookup", "oov_method"))

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {"oov_method": "floormod", "salt": list(salted(self.salt)) or None}

    @property
    def _output_dtype(self) -> str:
        return "object" if self.invert else super()._output_dtype

    def bins(self, tokens: list, count: int) -> np.ndarray:
        """The bin of each unknown string, from 0 to `count` - 1."""
        return hashed(tokens, count, salted(self.salt))


class IntegerLookup(Vocabulary, Categorical):
    """outputs = index of each integer in a vocabulary, or an encoding of the indices.

    Shape, arguments and errors as in `StringLookup`, with integers in place of strings.

    Args:
        max_tokens, invert, output_mode, pad_to_max_tokens, idf_weights: see `StringLookup`.
        num_oov_indices: places for unknown numbers; with more than one, number % num_oov_indices decides.
        mask_token: a number that gets index 0, or is left out by the modes other than `"int"`.
        oov_token: what `invert` returns, and `get_vocabulary` shows, for unknown ones.
        vocabulary: the numbers, or a file of them; `adapt` finds them else.
        vocabulary_dtype: integer type of what `invert` returns.
        oov_method: where unknown numbers go if there are several places for them: "floormod" for number %
            num_oov_indices, "farmhash" for a hash of the number, which is that of `Hashing`.
        salt: as in `Hashing`, for "farmhash".
        sparse: as in `Categorical`.

    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
    >>> layer([[12, 1138, 42], [42, 1000, 36]]).tolist()
    [[1, 3, 4], [4, 0, 2]]
    """

    max_tokens: Size | None = None
    num_oov_indices: Index = 1
    mask_token: int | None = None
    oov_token: int = -1
    vocabulary: Converted[Sequence[int] | np.ndarray | str | None, list[int] | str | None] = option(default=None)
    idf_weights: Converted[Sequence[float] | np.ndarray | None, list[float] | None] = option(default=None)
    invert: bool = False
    output_mode: LookupMode = "int"
    pad_to_max_tokens: bool = False
    vocabulary_dtype: Literal["int64", "int32"] = field(default="int64", kw_only=True)
    oov_method: Literal["floormod", "farmhash"] = field(default="floormod", kw_only=True)
    salt: tuple[Word, Word] | Word | None = field(default=None, kw_only=True)
    dtype: VocabularyType = option(default=None, kw_only=True)

    token_type, token_kind = int, "indices"
    get_build_config = get_build_config

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {"salt": list(salted(self.salt)) or None}

    def validate(self) -> None:
        super().validate()
        if self.salt is not None and self.oov_method != "farmhash":
            raise ConfigError('is of oov_method="farmhash"', ("IntegerLookup", "salt"))

    def bins(self, tokens: list, count: int) -> np.ndarray:
        """The bin of each unknown integer, from 0 to `count` - 1."""
        if self.oov_method == "farmhash":
            return hashed([str(token) for token in tokens], count, salted(self.salt))
        return np.array(tokens) % count

    @property
    def _output_dtype(self) -> str:
        return self.vocabulary_dtype if self.invert else super()._output_dtype
