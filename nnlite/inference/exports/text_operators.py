"""String functions for which ONNX has no operators: an exported Python file includes them.

Those of hashes are the ones that encode tables, those of words the ones of the layer `TextVectorization`.
"""

from collections.abc import Sequence

import numpy as np

from nnlite.data.encoders.hashing import MASK, WORD, hashed_levels, hashed_text, murmurhash3, place_and_sign, scrambled
from nnlite.layers.preprocessing.text import ngrams_of, standardized_text

__all__ = ["CONSTANTS", "TEXT_OPERATORS", "text_codes", "tokens_of"]


def tokens_of(text: str, standardize: str | None, split: str | None, ngrams: Sequence[int] | None) -> list[str]:
    text = standardized_text(text, standardize)
    words = [text] if split is None else text.split() if split == "whitespace" else list(text)
    return words if ngrams is None else ngrams_of(words, ngrams)


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
    code_by_word = dict(zip(words, codes, strict=True))
    rows = [tokens_of(text, standardize, split, ngrams) for text in texts]
    length = length or max([1, *map(len, rows)])
    outputs = np.full((len(rows), length), fill, np.int64)
    for row, tokens in enumerate(rows):
        outputs[row, : len(tokens)] = [code_by_word.get(token, unknown) for token in tokens[:length]]
    return outputs


OF_WORDS = (standardized_text, ngrams_of, tokens_of, text_codes)
OF_HASHES = (scrambled, murmurhash3, hashed_levels, hashed_text)
TEXT_OPERATORS = {function.__name__: function for function in OF_WORDS + OF_HASHES} | {
    "place_and_sign": place_and_sign  # cached
}
CONSTANTS = {
    "MASK": f"MASK = {MASK}",
    "WORD": f"WORD = re.compile({WORD.pattern!r})",
    "PUNCTUATION": 'PUNCTUATION = str.maketrans("", "", string.punctuation)',
}
