"""A vocabulary inside a layer: given or learned by `adapt`, part of the layer's config."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from nnlite.config import FLOAT_TYPES, Policy, floatx
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.layers.base.attributes import InputKind
from nnlite.layers.base.inputs import as_whole, gathered, read_inputs
from nnlite.layers.preprocessing.category_encoding import encoded
from nnlite.registry.field_types import read
from nnlite.registry.fields import Settled, sought

__all__ = []

VocabularyType = Settled[Policy | Literal["int32", "int64", "string"]]  # of what is given, which changes nothing


if TYPE_CHECKING:
    from nnlite.layers.preprocessing.category_encoding import Categorical as Host
else:
    Host = object


class Vocabulary(Host):
    """Base of layers with a vocabulary; mixed into a `Categorical` with the fields of `StringLookup`.

    A layer says what its tokens are (`token_type`) and which of several places an unknown token takes (`bins`). Each
    entry of the inputs is a token (`token_kind`), or with `invert` an index; a layer that has to find the tokens in its
    inputs writes `documents` and `indices`.

    Places in it, in this order: the mask token, if there is one and `output_mode` is `"int"`; those for tokens out
    of the vocabulary (OOV); the tokens. After construction `vocabulary` holds the tokens alone; `idf_weights` may
    begin with weights for the places before them.
    """

    invert = False
    encoding = "utf-8"
    _further_arguments = ("vocabulary_size",)

    if TYPE_CHECKING:  # of the layer that this is mixed into
        token_type: ClassVar[Any]
        token_kind: ClassVar[InputKind]
        max_tokens, num_oov_indices = cast("int | None", None), cast(int, 1)
        mask_token, oov_token = cast(Any, None), cast(Any, None)
        pad_to_max_tokens = cast(bool, False)

        def bins(self, tokens: list, count: int) -> np.ndarray: ...

    def _take_further(self, arguments: dict[str, Any]) -> None:
        """Nothing: what Keras's configs say beside the arguments follows from the vocabulary."""

    def _keras_arguments(self) -> dict[str, Any]:
        size = self.vocabulary_size() if self.adapted or self._rows_are_examples else None
        return super()._keras_arguments() | {"vocabulary_size": size}

    @property
    def _token_dtype(self) -> str:
        return "string" if self.token_type is str else "int64"

    @property
    def _output_dtype(self) -> str:
        if self.output_mode != "tf_idf":
            return "int64"
        kind = self._given_dtype
        return kind if kind is not None and kind in FLOAT_TYPES else floatx()

    @property
    def input_kind(self) -> str:
        """Indices with `invert`, else tokens."""
        return "indices" if self.invert else self.token_kind

    def documents(self, data: Any, owner: str) -> list[list]:
        """The tokens of each example; `DataError` naming `owner` if they are of another kind."""
        tokens = self._read_tokens(data, owner)
        return tokens.reshape(len(tokens), -1).tolist()

    def indices(self, inputs: np.ndarray) -> np.ndarray:
        """The index of each token, or with `invert` the token of each index."""
        if self.invert:
            return self._tokens(as_whole(inputs, self.label))
        tokens = self._read_tokens(inputs, self.label)
        return self.lookup(tokens.ravel().tolist()).reshape(tokens.shape)

    def _read_tokens(self, inputs: Any, owner: str) -> np.ndarray:
        tokens = read_inputs(inputs, self.token_kind, owner)
        return as_whole(tokens, owner) if self.token_type is int else tokens

    def _tokens(self, indices: np.ndarray) -> np.ndarray:
        names = np.array(self.get_vocabulary(), dtype=self._output_dtype)
        is_known = (indices >= 0) & (indices < len(names))
        return np.where(is_known, names[np.where(is_known, indices, 0)], self.oov_token)

    def validate(self) -> None:
        """Check the arguments together; `ConfigError` if they contradict each other."""
        special = self._special_count
        for holds, needed in (
            ((self.max_tokens or np.inf) <= special, f"max_tokens above its {special} special ones"),
            (self.idf_weights is not None and self.output_mode != "tf_idf", 'output_mode="tf_idf" for idf_weights'),
            (self.idf_weights is not None and self.vocabulary is None, "vocabulary for idf_weights"),
            (self.pad_to_max_tokens and self.max_tokens is None, "max_tokens for pad_to_max_tokens"),
            (self.invert and self.output_mode != "int", 'output_mode="int" for invert'),
        ):
            if holds:
                raise ConfigError(f"{type(self).__name__} needs {needed}")
        self._table, self._column_weights = {}, None
        self.reset_state()
        if self.vocabulary is not None:
            self.set_vocabulary(self.vocabulary, self.idf_weights)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set a known vocabulary.

        Args:
            vocabulary: the tokens, or the path of a text file with one per line. It may begin with the mask and
                the OOV tokens, as `get_vocabulary` gives them.
            idf_weights: for `output_mode="tf_idf"`: one weight per entry of `vocabulary`.

        Raises:
            ConfigError: an empty vocabulary, a token that occurs twice or is a special one, more than
                `max_tokens`, weights that are missing or do not fit.
        """
        entries = self._lines(sought(vocabulary)) if isinstance(vocabulary, str) else vocabulary
        tokens, special = read(entries, list[self.token_type]), self._special_count
        if special <= len(tokens) and tokens[:special] == self._special_tokens():
            tokens = tokens[special:]
        weights = None if idf_weights is None else read(idf_weights, list[float])
        problem = self._problem(tokens) or self._problem_of_weights(weights, len(tokens))
        if problem:
            raise ConfigError(f"{self.label} needs {problem}")
        self._take(tokens, weights)

    def _problem(self, tokens) -> str | None:
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        reserved = {self.mask_token, self.oov_token if self.invert else None} & set(tokens)
        size = self._special_count + len(tokens)
        if not tokens:
            return "a vocabulary with at least one token"
        if repeated:
            return f"each token once in its vocabulary, {repeated[0]!r} occurs more than once"
        if reserved:
            return f"{reserved.pop()!r} as a special token: take it out of the vocabulary"
        if self.max_tokens is not None and size > self.max_tokens:
            return f"a vocabulary of at most max_tokens={self.max_tokens}, got {size}, special tokens included"
        return None

    def _problem_of_weights(self, weights, count) -> str | None:
        if (weights is None) == (self.output_mode == "tf_idf"):
            return 'idf_weights with its vocabulary if output_mode="tf_idf", and only then'
        if weights is not None and len(weights) not in (count, self._special_count + count):
            return f"one of idf_weights per token of its vocabulary, got {len(weights)} for {count}"
        return None

    def _take(self, tokens: list, weights: list[float] | None) -> None:
        self.vocabulary, self.idf_weights = tokens, weights
        self._column_weights = None
        start = self._special_count
        self._table = {token: index for index, token in enumerate(tokens, start)}
        if self.mask_token is not None:
            self._table[self.mask_token] = 0 if self.output_mode == "int" else -1
        self.renew_shape()

    @property
    def _special_count(self) -> int:
        return self._has_mask + self.num_oov_indices

    @property
    def _has_mask(self) -> bool:
        return self.mask_token is not None and self.output_mode == "int"

    def _special_tokens(self) -> list:
        return [self.mask_token] * self._has_mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens in the order of their indices, optionally preceded by the mask and OOV tokens."""
        return [*(self._special_tokens() if include_special_tokens else ()), *(self.vocabulary or ())]

    def vocabulary_size(self) -> int:
        """The number of tokens, with the mask and OOV tokens."""
        return self._special_count + len(self.vocabulary or ())

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from `data`: the most frequent tokens first, ties in descending order.

        Args:
            data: an array, or batches: a list, an iterator or a `PyDataset` of arrays.
            batch_size: rows of a batch, if only `steps` batches are taken from an array.
            steps: how many batches are taken; all when None.

        With `output_mode="tf_idf"` each example is a document, and
        idf_weight = log(1 + documents / (1 + documents with the token)).

        Raises:
            DataError: data of another kind, or without any token.
        """
        self.reset_state()
        self.update_state(gathered(data, f"{self.label}: adapt", steps, batch_size))
        self.finalize_state()
        self.reset_state()  # the counts are no longer needed

    def reset_state(self) -> None:
        """Forget what `update_state` was given; the vocabulary stays."""
        self._counts, self._holding, self._examples = Counter(), Counter(), 0

    def update_state(self, state: Any) -> None:
        """Count the tokens of further data, `state`, from which `finalize_state` makes the vocabulary."""
        documents = self.documents(state, f"{self.label}: adapt")
        self._examples += len(documents)
        for document in documents:
            self._counts.update(document)
            self._holding.update(set(document) if self.output_mode == "tf_idf" else ())

    def finalize_state(self) -> None:
        """Take the vocabulary of all data that `update_state` was given since `reset_state`."""
        counts = {token: n for token, n in self._counts.items() if token not in (self.mask_token, self.oov_token)}
        if not counts:
            raise DataError(f"{self.label}: adapt found no token in {self._examples} examples")
        tokens = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        room = None if self.max_tokens is None else self.max_tokens - self._special_count
        weights = None
        if self.output_mode == "tf_idf":
            weights = [float(np.log1p(self._examples / (1 + self._holding[token]))) for token in tokens[:room]]
        self._take(tokens[:room], weights)

    @property
    def adapted(self) -> bool:
        """Whether the vocabulary is known."""
        return self.vocabulary is not None

    def _check_ready(self) -> None:
        if not self.adapted:
            raise NotReadyError(
                f"{self.label} has no vocabulary yet: call model.adapt(x_train) or layer.adapt(x_train) first, "
                "or give it a vocabulary"
            )

    @property
    def depth(self) -> int:
        """Number of different outputs: the vocabulary with its special tokens."""
        return cast(int, self.max_tokens) if self.pad_to_max_tokens else self.vocabulary_size()

    def lookup(self, tokens: list) -> np.ndarray:
        """The index of each token in a flat array; -1 for a mask token where masks have no index."""
        indices = np.array([self._table.get(token, -2) for token in tokens], dtype=np.int64)
        unknown = np.flatnonzero(indices == -2)
        if unknown.size:
            if not self.num_oov_indices:
                raise DataError(
                    f"{self.label} got {tokens[unknown[0]]!r}, which is not among the {len(self.vocabulary)} tokens of "
                    "its vocabulary; num_oov_indices=1 gives unknown ones an index"
                )
            others = [tokens[index] for index in unknown]
            start = self._special_count - self.num_oov_indices
            indices[unknown] = start + (0 if self.num_oov_indices == 1 else self.bins(others, self.num_oov_indices))
        return indices

    def encode(self, indices: np.ndarray) -> np.ndarray:
        """`indices` encoded according to `output_mode`."""
        weights = None if self._weights is None else self._weights.astype(self._output_dtype)
        return encoded(indices, self.output_mode, self.depth, self._output_dtype, weights)

    @property
    def _weights(self) -> np.ndarray | None:
        """Of every column of the output: those before and after the given ones count by the mean, and not at all."""
        if self._column_weights is None and self.idf_weights is not None:
            weights = np.array(self.idf_weights)
            front = np.full(self.vocabulary_size() - len(weights), weights.mean())
            end = np.zeros(self.depth - self.vocabulary_size())
            self._column_weights = np.concatenate([front, weights, end])
        return self._column_weights

    def _lines(self, path: str) -> list:
        try:
            return [self.token_type(line) for line in Path(path).read_text(encoding=self.encoding).splitlines()]
        except (OSError, ValueError, LookupError) as error:
            raise ConfigError(
                f"{self.label} needs a vocabulary, a list or a file with one token per line in the encoding "
                f"{self.encoding}: {path} is none ({error})"
            ) from None
