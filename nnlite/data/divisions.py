"""Parts of the rows determined by a column: by group, by time, by a hash, or by the name of the part."""

import hashlib
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from nnlite.errors import DataError

__all__ = ["check_groups", "group_folds", "group_parts", "hash_shares", "named_parts", "time_blocks"]

NAMES = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}


def group_parts(groups: np.ndarray, sizes: Mapping[str, int], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Row numbers of each part, ascending; no group is split, and the remaining rows go to `"training"`.

    Args:
        groups: the group of each row.
        sizes: rows wanted for each part; groups, in random order, are added where that comes nearer to it.
        random: decides which group goes where.

    Raises:
        DataError: fewer groups than parts.
    """
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) <= len(sizes):
        raise DataError(f"too few groups for {len(sizes) + 1} parts: {len(names)}; no group may be in two")
    left, part_of = random.permutation(len(names)), np.full(len(names), -1)
    for number, size in enumerate(sizes.values()):
        most = len(left) - (len(sizes) - number)  # a group is left for each part that follows, and for training
        indices = _groups_of_size(counts[left], size, most)
        part_of[left[indices]] = number
        left = np.delete(left, indices)
    parts = {part: np.flatnonzero(part_of[codes] == number) for number, part in enumerate(sizes)}
    return {"training": np.flatnonzero(part_of[codes] == -1), **parts}


def _groups_of_size(counts: np.ndarray, size: int, most: int) -> list[int]:
    """The first groups that together come near to `size` rows: one at least, and `most` at most."""
    indices, rows = [], 0
    for index, count in enumerate(counts.tolist()):
        if len(indices) < most and abs(rows + count - size) < abs(rows - size):
            indices.append(index)
            rows += count
    return indices or [int(np.abs(counts - size).argmin())]


def group_folds(groups: np.ndarray, folds: int, random: np.random.Generator) -> list[np.ndarray]:
    """Row numbers of each fold, ascending, of sizes as equal as the groups allow; no group is split.

    The largest group goes first, each to the fold with the fewest rows so far; among groups of one size chance
    decides.
    """
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < folds:
        raise DataError(f"{len(names)} groups cannot be divided into {folds} folds")
    shuffled = random.permutation(len(names))
    fold_of, rows = np.empty(len(names), int), np.zeros(folds)
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        fold_of[group] = rows.argmin()
        rows[fold_of[group]] += counts[group]
    return [np.flatnonzero(fold_of[codes] == fold) for fold in range(folds)]


def time_blocks(times: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    """Row numbers in time order, cut into blocks of about these lengths; rows of the same time stay together.

    Raises:
        DataError: too few distinct times for that.
    """
    order = np.argsort(times, kind="stable")
    changes = np.flatnonzero(times[order][1:] != times[order][:-1]) + 1
    cuts, least = [], 0
    for wanted in np.cumsum(lengths)[:-1]:
        possible = changes[changes > least]
        if not len(possible):
            count = len(changes) + 1
            raise DataError(f"{count} distinct times are too few for {len(lengths)} parts; rows of one stay together")
        least = int(possible[np.abs(possible - wanted).argmin()])
        cuts.append(least)
    return np.split(order, cuts)


def hash_shares(values: np.ndarray, salt: str = "") -> np.ndarray:
    """A number in [0, 1) for each value, the same for equal strings on every machine, uniformly distributed.

    It depends on the text of the value alone, so that a row stays in its part when rows are added to the file.
    """
    texts, codes = np.unique(values.astype(str), return_inverse=True)
    digests = [hashlib.blake2b(f"{salt}{text}".encode(), digest_size=8).digest() for text in texts.tolist()]
    return (np.array([int.from_bytes(digest, "big") for digest in digests], float) / 2.0**64)[codes]


def named_parts(values: np.ndarray, column: str) -> dict[str, np.ndarray]:
    """Row numbers of each part that `values` names: `train`, `validation` or `test`, in any case.

    Raises:
        DataError: another word, or no row for training.
    """
    words = np.char.lower(np.char.strip(values.astype(str)))
    unknown = np.flatnonzero(~np.isin(words, list(NAMES)))
    if len(unknown):
        raise DataError(
            f"column {column!r} says {str(values[unknown[0]])!r} in row {unknown[0]}; a part is called "
            "'train', 'validation' or 'test'"
        )
    parts = np.array([NAMES[word] for word in words.tolist()])
    rows = {part: np.flatnonzero(parts == part) for part in ("training", "validation", "test")}
    if not len(rows["training"]):
        raise DataError(f"column {column!r} names no row 'train'")
    return {part: part_rows for part, part_rows in rows.items() if len(part_rows)}


def check_groups(groups: Mapping[str, np.ndarray], column: str) -> None:
    """`DataError` naming a group that is in two parts, and these; `groups` has the group of each row by part."""
    for first, second in combinations(groups, 2):
        shared = np.intersect1d(groups[first], groups[second])
        if len(shared):
            raise DataError(
                f"{column} {str(shared[0])!r} is in the {first} and in the {second} part, as {len(shared)} of "
                f"{len(np.unique(groups[second]))} there are: the parts must not share a {column}"
            )
