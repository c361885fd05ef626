"""Functions of `keras.ops` that decode the outputs of networks."""

import collections
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.names.placed import pad, take_along_axis
from nnlite.ops.tracing import CONSTANTS, UNDERIVED, add_functions, drawable

__all__ = ["ctc_decode", "ctc_loss", "in_top_k"]

UNREACHED = -1e30  # a logarithm of 0 whose sums stay finite


@drawable
def in_top_k(targets: ArrayLike, predictions: Any, k: int) -> np.ndarray:
    """Whether the prediction for each row's class is among the k largest; False for a class out of range."""
    values, labels = convert_to_numpy(predictions), np.asarray(convert_to_numpy(targets))
    is_class = (labels >= 0) & (labels < values.shape[-1])
    chosen = np.take_along_axis(values, np.where(is_class, labels, 0)[..., None], -1)
    return is_class & ((values > chosen).sum(-1) < k)


@drawable
def ctc_decode(
    inputs: ArrayLike,
    sequence_lengths: ArrayLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The labels that a network's outputs spell: repeats without a blank between them are one, blanks are left out.

    Args:
        inputs: logits, `(batch, steps, classes)`.
        sequence_lengths: how many steps of each row count, `(batch,)`.
        strategy: `"greedy"` reads the most likely class of each step; `"beam_search"` adds the probabilities of all
            alignments that spell the same labels, for the `beam_width` most likely beginnings.
        beam_width: beginnings that are kept from step to step; a search takes time in proportion.
        top_paths: how many results of a search are returned, most likely ones first.
        merge_repeated: whether repeats are one, for `"greedy"`; a search always merges them.
        mask_index: the class of blanks.

    Returns:
        The classes, `(paths, batch, steps)`, with -1 behind the last one; and their scores, `(batch, paths)`: minus the
        sum of the largest logits for `"greedy"`, the logarithm of the probability for `"beam_search"`.

    Raises:
        ConfigError: another strategy.

    Reference: Graves & Jaitly 2014, "Towards end-to-end speech recognition with recurrent neural networks".

    >>> logits = np.log([[[0.4, 0.6], [0.6, 0.4]]])
    >>> labels, scores = ctc_decode(logits, [2], "beam_search", beam_width=4)
    >>> labels.tolist(), np.exp(scores).round(2).tolist()  # 0.6 * 0.6 + 0.6 * 0.4 + 0.4 * 0.4
    ([[[1, -1]]], [[0.76]])
    """
    if strategy not in ("greedy", "beam_search"):
        raise ConfigError(f"must be 'greedy' or 'beam_search', got {strategy!r}", ("ctc_decode", "strategy"))
    if strategy == "beam_search":
        return _searched(inputs, sequence_lengths, beam_width, top_paths, mask_index)
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
    return decoded[None], scores.astype(np.float64 if scores.dtype == np.float64 == values.dtype else np.float32)


def _searched(
    inputs: ArrayLike, sequence_lengths: ArrayLike, beam_width: int, top_paths: int, blank: int
) -> tuple[np.ndarray, np.ndarray]:
    """The most likely labels of each row and the logarithms of their probabilities."""
    chances = np.asarray(convert_to_numpy(ops.log_softmax(inputs, axis=-1)))
    counts = np.asarray(convert_to_numpy(sequence_lengths))
    decoded = np.full((top_paths, *chances.shape[:2]), -1, np.int32)
    scores = np.full((len(chances), top_paths), -np.inf, chances.dtype)
    for row, (steps, count) in enumerate(zip(chances.tolist(), counts, strict=True)):
        for path, (labels, score) in enumerate(_most_likely(steps[:count], beam_width, blank)[:top_paths]):
            decoded[path, row, : len(labels)], scores[row, path] = labels, score
    return decoded, scores


def _most_likely(steps: list[list[float]], width: int, blank: int) -> list[tuple[tuple[int, ...], float]]:
    """The labels of a row and the logarithms of their probabilities, of the most likely ones first.

    Each beginning has the probability that it ends in a blank, and that it ends in its last label.
    """
    none = -math.inf
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, none)}
    for step in steps:
        ways: dict[tuple[int, ...], tuple[list[float], list[float]]] = collections.defaultdict(lambda: ([], []))
        for labels, (in_blank, in_label) in beams.items():
            total = _log_sum([in_blank, in_label])
            ways[labels][0].append(total + step[blank])
            for label, chance in enumerate(step):
                repeats = labels[-1:] == (label,)
                if repeats:
                    ways[labels][1].append(in_label + chance)
                if label != blank:
                    ways[(*labels, label)][1].append((in_blank if repeats else total) + chance)
        grown = {labels: (_log_sum(blanks), _log_sum(others)) for labels, (blanks, others) in ways.items()}
        beams = dict(sorted(grown.items(), key=lambda beam: -_log_sum(beam[1]))[:width])
    scored = [(labels, _log_sum(parts)) for labels, parts in beams.items()]
    return [(labels, score) for labels, score in scored if score > none]


def _log_sum(logarithms: Sequence[float]) -> float:
    """The logarithm of a sum of few numbers."""
    largest = max(logarithms, default=-math.inf)
    if len(logarithms) < 2 or largest == -math.inf:
        return largest
    return largest + math.log(sum(math.exp(one - largest) for one in logarithms))


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
UNDERIVED["ctc_decode"] = ctc_decode
