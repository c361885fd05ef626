"""Texts as sequences of word indices, or as vectors of words."""

import math
import string
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Literal, cast

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers.base.inputs import read_inputs
from nnlite.layers.preprocessing.category_encoding import Categorical
from nnlite.layers.preprocessing.lookup import Size
from nnlite.layers.preprocessing.vocabulary import Vocabulary, VocabularyType
from nnlite.registry import NamedFunction
from nnlite.registry.bounds import Count
from nnlite.registry.fields import Converted, option

__all__ = ["TextVectorization"]  # exported Python files take the functions below the class along

PUNCTUATION = str.maketrans("", "", string.punctuation)


class TextVectorization(Vocabulary, Categorical):
    """outputs = indices of the words of each text, or an encoding of the indices.

    A text is standardized, split into words, words are joined to n-grams, and each of these is looked up in the
    vocabulary, which is part of the layer's config and so of the model file.

    Shape: `(batch,)` or `(batch, 1) -> (batch, length)` when `output_mode` is `"int"`, where length is
    `output_sequence_length`, else that of the longest text of the batch; `-> (batch, vocabulary_size())` in the other
    modes. Without `split` also `(batch, n)`: texts that are split already.

    Args:
        max_tokens: upper bound of the size of the vocabulary, with padding and unknown; no bound when None.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"` (the 32 signs of ASCII), None,
            or a function of an array of texts, or of one text. Letters of every alphabet become lowercase; Keras
            changes a to z only.
        split: `"whitespace"`, `"character"`, None, or a function from a text to a list of words.
        ngrams: an upper bound: n words in a row, for each n from 1 to it, are tokens; or a tuple of all n. The
            words alone when None.
        output_mode: `"int"`: 0 fills up short texts, 1 stands for unknown words; `"multi_hot"`: 1 at each word that
            occurs; `"count"`: how often; `"tf_idf"`: the counts times idf_weights.
        output_sequence_length: cut or fill up every text to that many tokens; for `"int"`.
        pad_to_max_tokens: width `max_tokens` in the other modes, even if the vocabulary is smaller.
        vocabulary: the words, when they are known, or the path of a file with one per line; `adapt` finds them else.
        idf_weights: for `"tf_idf"` with a known vocabulary: one weight per word.
        ragged: rows of unequal lengths in an array; refused, there is no such type here.
        encoding: of the vocabulary's file.
        sparse: as in `Categorical`.

    A function `standardize` gets the array of texts, as in Keras a tensor of them; one that takes a single text gets
    one at a time, as `split` does. A model with a function can be saved when that is registered by
    `nnlite.registry.register_function`.

    Raises:
        NotReadyError: neither `vocabulary` nor a call of `adapt`.
        DataError: inputs that are not strings.
        ShapeError: several texts per example.

    >>> layer = TextVectorization(max_tokens=5000, output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer([["foo qux bar"], ["qux baz"]]).tolist()
    [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    max_tokens: Size | None = None
    standardize: Converted[
        Callable[..., Any] | str | None,
        Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"] | NamedFunction | None,
    ] = option(default="lower_and_strip_punctuation")
    split: Converted[Callable[..., Any] | str | None, Literal["whitespace", "character"] | NamedFunction | None] = (
        option(default="whitespace")
    )
    ngrams: Count | tuple[Count, ...] | None = None
    output_mode: Literal["int", "multi_hot", "count", "tf_idf"] = "int"
    output_sequence_length: Count | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Converted[Sequence[str] | np.ndarray | str | None, list[str] | str | None] = option(default=None)
    idf_weights: Converted[Sequence[float] | np.ndarray | None, list[float] | None] = option(default=None)
    ragged: bool = field(default=False, kw_only=True)
    encoding: str = field(default="utf-8", kw_only=True)
    dtype: VocabularyType = option(default=None, kw_only=True)

    input_kind = cast(Any, "strings")
    token_type = str
    num_oov_indices, mask_token, oov_token = 1, "", "[UNK]"
    _rows_are_examples = True

    def validate(self) -> None:
        super().validate()
        if self.output_sequence_length is not None and self.output_mode != "int":
            raise ConfigError('TextVectorization needs output_mode="int" for output_sequence_length')
        if self.ragged:
            raise ConfigError("arrays have rows of one length: 0 fills them up", ("TextVectorization", "ragged"))

    def build(self, input_shape: BatchShape) -> None:
        self._check_shape(input_shape)
        super().build(input_shape)

    def _check_shape(self, shape):
        if self.split is not None and tuple(shape[1:]) not in ((), (1,)):
            raise ShapeError(f"{self.label} needs one text per example, (batch,) or (batch, 1), got {tuple(shape)}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        length = self.output_sequence_length if self.output_mode == "int" else self.depth
        return (input_shape[0], length)

    def documents(self, data: Any, owner: str) -> Any:
        texts = read_inputs(data, self.input_kind, owner)
        self._check_shape(texts.shape)
        if callable(self.standardize):
            rows = self._by_function(texts).reshape(len(texts), math.prod(texts.shape[1:])).tolist()
            return [self._split(row) for row in rows]
        rows = texts.reshape(len(texts), math.prod(texts.shape[1:])).tolist()
        return [self.tokens(row) for row in rows]

    def _by_function(self, texts: np.ndarray) -> np.ndarray:
        """The texts as the user's function leaves them: it gets the array, or where it cannot take that, each text."""
        function: Any = self.standardize
        try:
            changed = np.asarray(function(texts), dtype=object)
        except (TypeError, AttributeError):
            changed = None
        if changed is None or changed.shape != texts.shape:
            changed = np.array([function(str(text)) for text in texts.ravel()], dtype=object).reshape(texts.shape)
        return changed

    def tokens(self, texts: list[str]) -> list[str]:
        """The tokens of one example: of its single text, or of a sequence of words."""
        return self._split([self._standardized(text) for text in texts])

    def _split(self, texts: list[str]) -> list[str]:
        words = texts if self.split is None else self._words(texts[0])
        if self.ngrams is None:
            return words
        sizes = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return ngrams_of(words, sizes)

    def _standardized(self, text: str) -> str:
        if callable(self.standardize):
            return self.standardize(text)
        return standardized_text(text, self.standardize)

    def _words(self, text: str) -> list[str]:
        if callable(self.split):
            return list(self.split(text))
        return text.split() if self.split == "whitespace" else list(text)

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        documents = self.documents(inputs, self.label)
        length = self.output_sequence_length or max([1, *map(len, documents)])
        documents = [tokens[:length] for tokens in documents]
        indices = np.full((len(documents), length), 0 if self.output_mode == "int" else -1)
        codes = self.lookup([token for tokens in documents for token in tokens])
        indices[np.arange(length) < np.array([len(tokens) for tokens in documents])[:, None]] = codes
        return indices


def standardized_text(text: str, standardize: str | None) -> str:
    """The text in lower case, without ASCII punctuation, both, or unchanged."""
    text = text.lower() if standardize in ("lower", "lower_and_strip_punctuation") else text
    return text.translate(PUNCTUATION) if (standardize or "").endswith("strip_punctuation") else text


def ngrams_of(words: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """All runs of this many words, joined by spaces, those of the first size first."""
    return [" ".join(words[start : start + n]) for n in sizes for start in range(len(words) - n + 1)]
