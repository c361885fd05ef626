"""Functions of `keras.ops` that decode the outputs of networks."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.names.placed import pad, take_along_axis
from nnlite.ops.tracing import CONSTANTS, add_functions, drawable

__all__ = ["ctc_decode", "ctc_loss", "in_top_k"]

UNREACHED = -1e30  # a logarithm of 0 whose sums stay finite


@drawable
def in_top_k(targets: ArrayLike, predictions: Any, k: int) -> np.ndarray:
    """Whether the prediction for each row's class is among the k largest; False for a class out of range."""
    values, labels = convert_to_numpy(predictions), np.asarray(convert_to_numpy(targets))
    is_class = (labels >= 0) & (labels < values.shape[-1])
    chosen = np.take_along_axis(values, np.where(is_class, labels, 0)[..., None], -1)
    return is_class & ((values > chosen).sum(-1) < k)


def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The most likely class at each step, with repeats merged and blanks removed.

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


@drawable
def ctc_loss(
    target: ArrayLike, output: Any, target_length: ArrayLike, output_length: ArrayLike, mask_index: int = 0
) -> Any:
    """-log of the probability of all alignments that spell the labels; infinite if there are too few steps.

    Args:
        target: labels, `(batch, labels)`.
        output: logits, `(batch, steps, classes)`.
        target_length, output_length: how many labels and steps of each row count, `(batch,)`.
        mask_index: the class of blanks.

    Returns:
        `(batch,)`. The loss `nnlite.losses.CTC` is faster.

    Raises:
        ShapeError: arrays of other ranks.

    Reference: Graves et al. 2006, "Connectionist temporal classification".
    """
    labels, counts = np.asarray(convert_to_numpy(target)), np.asarray(convert_to_numpy(target_length))
    if labels.ndim != 2 or len(lengths(output)) != 3:
        message = "target (batch, labels) and output (batch, steps, classes)"
        raise ShapeError(f"ctc_loss takes {message}, got the shapes {labels.shape} and {lengths(output)}")
    states = np.full((len(labels), 2 * labels.shape[1] + 1), mask_index)
    states[:, 1::2] = labels
    places, ends = np.arange(states.shape[1]), 2 * counts[:, None]
    last = np.where((places == ends) | (places == np.maximum(ends - 1, 0)), 0.0, UNREACHED).astype(np.float32)
    scores = take_along_axis(ops.log_softmax(output, axis=-1), states[:, None], 2)
    reached = ops.add(_after_steps(scores, states, np.asarray(convert_to_numpy(output_length)), mask_index), last)
    chance = ops.logsumexp(reached, -1)
    return ops.where(chance > UNREACHED / 2, ops.negative(chance), np.float32(np.inf))


def _after_steps(scores: Any, states: np.ndarray, steps: np.ndarray, blank: int) -> Any:
    """log P(steps, state), `(batch, states)`, after this many steps of each row."""
    skips = np.full(states.shape, UNREACHED, np.float32)  # 0 where a state may follow the one two before it
    skips[:, 2:][(states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])] = 0.0
    first = np.where(np.arange(states.shape[1]) < 2, 0.0, UNREACHED).astype(np.float32)
    reached = ops.add(scores[:, 0], first)
    for step in range(1, lengths(scores)[1]):
        moved = [pad(reached[:, :-by], ((0, 0), (by, 0)), "constant", UNREACHED) for by in (1, 2)]
        ways = ops.stack([reached, moved[0], ops.add(moved[1], skips)], 0)
        reached = ops.where((step < steps)[:, None], ops.add(ops.logsumexp(ways, 0), scores[:, step]), reached)
    return reached


add_functions(globals(), ["ctc_loss"])
CONSTANTS["in_top_k"] = in_top_k
