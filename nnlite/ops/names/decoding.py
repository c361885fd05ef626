"""Functions of `keras.ops` that read what networks give."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError
from nnlite.ops.names.constants import convert_to_numpy
from nnlite.ops.tracing import CONSTANTS, drawable

__all__ = ["ctc_decode", "in_top_k"]


@drawable
def in_top_k(targets: ArrayLike, predictions: Any, k: int) -> np.ndarray:
    """Whether the prediction of each row's class is among the k largest; no class out of range is."""
    values, labels = convert_to_numpy(predictions), np.asarray(convert_to_numpy(targets))
    known = (labels >= 0) & (labels < values.shape[-1])
    chosen = np.take_along_axis(values, np.where(known, labels, 0)[..., None], -1)
    return known & ((values > chosen).sum(-1) < k)


def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest class at each step, repeats merged and blanks left out.

    Args:
        inputs: `(batch, steps, classes)`.
        sequence_lengths: how many steps of each count.
        strategy: `"greedy"`; a search over beams is not written.
        mask_index: the class of blanks.

    Returns:
        The classes, `(1, batch, steps)`, -1 behind the last one, and minus the sum of the largest values, `(batch, 1)`.
    """
    if strategy != "greedy":
        raise ConfigError(f"ctc_decode has the strategy 'greedy', got {strategy!r}", ("strategy",))
    values, counts = convert_to_numpy(inputs), np.asarray(convert_to_numpy(sequence_lengths))
    counted = np.arange(values.shape[1]) < counts[:, None]
    best = np.where(counted, values.argmax(-1), mask_index)
    new = (
        best != np.pad(best, ((0, 0), (1, 0)), constant_values=-1)[:, :-1] if merge_repeated else np.ones_like(counted)
    )
    kept = new & counted & (best != mask_index)
    decoded = np.full(best.shape, -1, np.int32)
    for row, (labels, chosen) in enumerate(zip(best, kept, strict=True)):
        decoded[row, : chosen.sum()] = labels[chosen]
    scores = -np.where(counted, values.max(-1), 0).sum(-1, keepdims=True)
    return decoded[None], scores


CONSTANTS["in_top_k"] = in_top_k
