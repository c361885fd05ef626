"""Random parts of the rows, plain or stratified by class: two, or a number of folds.

Two parts are those of scikit-learn's `train_test_split` with the same seed: NumPy's `RandomState` never changes its
streams, so that results stay what they are whether scikit-learn is there or not.
"""

import math

import numpy as np

from nnlite.errors import DataError
from nnlite.random import stream

__all__ = ["hold_out", "random_folds", "random_parts", "shuffled_by_class", "stratified_parts"]


def random_parts(count: int, held: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the part that is kept and of the part held out, each in random order.

    Args:
        count: number of rows.
        held: rows to set apart, in [0, count].
        seed: in [0, 2**32).
    """
    order = np.random.RandomState(seed).permutation(count)
    return order[held:], order[:held]


def stratified_parts(labels: np.ndarray, held: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with the mix of classes preserved in both parts, as nearly as whole rows allow.

    Args:
        labels: the class of each row.
        held: rows to set apart.
        seed: in [0, 2**32).

    Raises:
        DataError: a class with a single row, or a part with fewer rows than there are classes.
    """
    random = np.random.RandomState(seed)
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    staying = len(labels) - held
    if counts.min() < 2 or len(classes) > min(held, staying):
        raise DataError(
            f"{len(labels)} rows cannot be stratified: of {len(classes)} classes each needs a row in both parts, and "
            f"class {classes[counts.argmin()]} has {counts.min()} in all"
        )
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    stay = _shares(counts, staying, random)
    apart = _shares(counts - stay, held, random)
    drawn = [rows[random.permutation(len(rows))] for rows in members]
    parts = (
        np.concatenate([rows[:first] for rows, first in zip(drawn, stay, strict=True)]),
        np.concatenate([rows[first : first + n] for rows, first, n in zip(drawn, stay, apart, strict=True)]),
    )
    return random.permutation(parts[0]), random.permutation(parts[1])


def shuffled_by_class(count: int, labels: np.ndarray | None, seed: int, purpose: str) -> np.ndarray:
    """Row numbers in random order, sorted by class if there are labels, to be dealt out one by one.

    Args:
        purpose: names the random stream, so that orders for other purposes are independent.
    """
    order = stream(seed, purpose).permutation(count)
    return order if labels is None else order[np.argsort(labels[order], kind="stable")]


def random_folds(count: int, folds: int, labels: np.ndarray | None, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers outside and inside each of `folds` parts, which together cover all rows; ascending.

    Rows are shuffled, sorted by class if there are labels, and dealt out one by one: the sizes of the folds, and the
    numbers of a class in them, differ by at most one.

    Args:
        count: number of rows, at least `folds`.
        folds: number of parts, at least 2.
        labels: the class of each row; None for any mix of classes.
        seed: decides, with the rest, which row goes where.
    """
    order = shuffled_by_class(count, labels, seed, "folds")
    fold_of = np.empty(count, int)
    fold_of[order] = np.arange(count) % folds
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(folds)]


def _shares(counts: np.ndarray, total: int, random: np.random.RandomState) -> np.ndarray:
    """Rows of each class when `total` are divided by these sizes: the share rounded down, then one more by remainder.

    The largest remainders come first; among equal ones chance decides.
    """
    exact = counts / counts.sum() * total
    shares = np.floor(exact)
    remainders, missing = exact - shares, int(total - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing <= 0:
            break
        tied = np.flatnonzero(remainders == remainder)
        chosen = random.choice(tied, size=min(len(tied), missing), replace=False)
        shares[chosen] += 1
        missing -= len(chosen)
    return shares.astype(int)


def hold_out(
    labels: np.ndarray | None, count: int, share: float, seed: int, shuffle: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of the part that is kept and of a part, `share` of the rows rounded up, that is held out.

    Args:
        labels: class of each row, whose mix both parts keep; None for any mix.
        count: number of rows.
        share: in (0, 1).
        seed, shuffle: decides which rows; the last ones if not `shuffle` and without `labels`.
    """
    held = count - math.floor(count * (1 - share) + 1e-9)
    if not 0 < held < count:
        raise DataError(f"validation_split={share} of {count} rows leaves {held} for validation; change one of them")
    generator = stream(seed, "validation_split")
    if labels is None:
        order = generator.permutation(count) if shuffle else np.arange(count)[::-1]
        return np.sort(order[held:]), np.sort(order[:held])
    try:
        parts = stratified_parts(labels, held, int(generator.integers(2**31)))
    except DataError as error:
        raise DataError(f"validation_split={share} of {error}") from None
    return np.sort(parts[0]), np.sort(parts[1])
