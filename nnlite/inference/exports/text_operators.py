"""What is done with texts, for which ONNX has no operators: functions that an exported Python file takes along.

Those of hashes are the ones that encode tables.
"""

import string
from collections.abc import Sequence

import numpy as np

from nnlite.data.encoders.hashing import MASK, WORD, hashed_levels, hashed_text, murmurhash3, place_and_sign, scrambled

__all__ = ["CONSTANTS", "TEXT_OPERATORS", "text_codes", "tokens_of"]


def tokens_of(text: str, standardize: str | None, split: str | None, ngrams: Sequence[int] | None) -> list[str]:
    if standardize in ("lower", "lower_and_strip_punctuation"):
        text = text.lower()
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        text = text.translate(str.maketrans("", "", string.punctuation))
    words = [text] if split is None else text.split() if split == "whitespace" else list(text)
    if ngrams is None:
        return words
    return [" ".join(words[start : start + n]) for n in ngrams for start in range(len(words) - n + 1)]


def text_codes(
    texts: Sequence[str],
    words: Sequence[str],
    codes: Sequence[int],
    unknown: int,
    fill: int,
    length: int | None,
    standardize: str | None,
    split: str | None,
    ngrams: Sequence[int] | None,
) -> np.ndarray:
    known = dict(zip(words, codes, strict=True))
    rows = [tokens_of(text, standardize, split, ngrams) for text in texts]
    length = length or max([1, *map(len, rows)])
    outputs = np.full((len(rows), length), fill, np.int64)
    for row, tokens in enumerate(rows):
        outputs[row, : len(tokens)] = [known.get(token, unknown) for token in tokens[:length]]
    return outputs


TEXT_OPERATORS = {
    function.__name__: function
    for function in (tokens_of, text_codes, scrambled, murmurhash3, hashed_levels, hashed_text)
} | {"place_and_sign": place_and_sign}  # cached
CONSTANTS = {"MASK": f"MASK = {MASK}", "WORD": f"WORD = re.compile({WORD.pattern!r})"}
