"""One training of an estimator: which rows each network learns from, and the results."""

from typing import Any, NamedTuple

import numpy as np

from nnlite.callbacks import BestMembers, Callback
from nnlite.data.batches import select_rows
from nnlite.data.partition import shuffled_by_class
from nnlite.errors import DataError
from nnlite.estimators.fitting.policies import stopping
from nnlite.estimators.fitting.recipe import Recipe
from nnlite.estimators.specs.stacks import adapt_waiting
from nnlite.models import Sequential

__all__ = ["Judged", "Lesson", "Outcome", "learn", "rows_at_once"]

MOST_AT_ONCE, LEAST_AT_ONCE = 1024, 64  # rows
CELLS_AT_ONCE = 2**21
VALIDATED_AT_ONCE = 256  # rows in each epoch, in memory that the layers keep


class Lesson(NamedTuple):
    """Training data of a network.

    Args:
        x: `(rows, columns)`, scaled.
        y: targets as the loss takes them, one row each.
        weights: one for each row; None if all are 1.
        labels: the class of each row, whose mix parts keep; None for any mix.
        judges: `(x, y)` of rows that judge each epoch and are not learned from; None to set some apart.
    """

    x: Any
    y: np.ndarray
    weights: np.ndarray | None
    labels: np.ndarray | None
    judges: tuple[Any, np.ndarray] | None

    def taken(self, rows: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """`(x, y, weights)` of some rows."""
        return select_rows(self.x, rows), self.y[rows], None if self.weights is None else self.weights[rows]


class Judged(NamedTuple):
    """Outputs of networks for rows that they did not learn from.

    Args:
        outputs: `(rows, outputs)`, or `(rows, members, outputs)` where each member judged every row.
        y, weights: of these rows.
        rows: which rows of the lesson they are; None for rows of the judges.
        members: the member whose outputs each row has, which did not learn from it; None without folds.
    """

    outputs: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    rows: np.ndarray | None
    members: np.ndarray | None = None


class Outcome(NamedTuple):
    """Result of a training.

    Args:
        history: the logs of each epoch.
        best_epoch: whose weights were kept, by the mean over the members; the last one where None.
        judged: the outputs that tell how good the networks are; None if all rows were learned from.
        ended: whether something ended it before, or at, its last epoch.
    """

    history: dict[str, list[float]]
    best_epoch: int | None
    judged: Judged | None
    ended: bool


def rows_at_once(width: int) -> int:
    """The number of rows per chunk of outputs: 1,024, fewer if a row has more than 2,048 numbers."""
    return min(max(CELLS_AT_ONCE // width, LEAST_AT_ONCE), MOST_AT_ONCE)


def learn(network: Sequential, lesson: Lesson, recipe: Recipe, listeners: list[Callback]) -> Outcome:
    """Train a compiled network according to the recipe.

    Where rows judge the epochs, each member ends with the weights of its best epoch: a fold of its own for each of
    several members, a part of the rows for a single one, or rows that the lesson brings along.
    """
    splits = recipe.sets_apart and lesson.judges is None
    arguments: dict[str, Any] = {"x": lesson.x, "y": lesson.y, "sample_weight": lesson.weights}
    apart = np.zeros(0, int)
    if recipe.n_members > 1:
        arguments["folds"] = recipe.n_members if splits else "all"
    elif splits:
        apart = _held_out(len(lesson.y), recipe.validation_fraction, lesson.labels, network.seed)
        arguments |= dict(zip(arguments, lesson.taken(np.setdiff1d(np.arange(len(lesson.y)), apart)), strict=True))
        arguments["validation_data"] = lesson.taken(apart)
    if lesson.judges is not None:
        arguments["validation_data"] = lesson.judges
    judged = splits or lesson.judges is not None
    judging = judged, recipe.averaged_epochs, recipe.judging_temperature
    rules = [] if recipe.online else stopping(recipe.parameters, *judging)
    adapt_waiting(network, arguments["x"])
    arguments |= recipe.fit_arguments() | {"validation_batch_size": VALIDATED_AT_ONCE}
    history = network.fit(**arguments, callbacks=[*rules, *recipe.callbacks(), *listeners])
    outputs = None
    if lesson.judges is not None:
        outputs = _judged_by(network, lesson.judges, recipe.n_members)
    elif splits:
        rows = apart if recipe.n_members == 1 else np.arange(len(lesson.y))
        outputs = _set_apart(network, lesson, rows, recipe.n_members)
    best = [round(rule.best_epochs.mean()) for rule in rules if isinstance(rule, BestMembers)]
    return Outcome(history.history, best[0] if best else None, outputs, network.trainer.stop_training)


def _judged_by(network: Sequential, judges: tuple[Any, np.ndarray], n_members: int) -> Judged:
    x, y = judges
    step = rows_at_once(x.shape[1] * n_members)
    if n_members == 1:
        return Judged(network.predict(x, step, verbose=0), y, None, None)
    chunks = (x[start : start + step] for start in range(0, len(y), step))  # each member sees every row
    outputs = [network.predict(np.repeat(rows[:, None], n_members, axis=1), step, verbose=0) for rows in chunks]
    return Judged(np.concatenate(outputs), np.repeat(y[:, None], n_members, axis=1), None, None)


def _set_apart(network: Sequential, lesson: Lesson, rows: np.ndarray, n_members: int) -> Judged:
    x, y, weights = lesson.taken(rows)
    if n_members == 1:
        return Judged(network.predict(x, rows_at_once(x.shape[1]), verbose=0), y, weights, rows)
    members = np.empty(len(rows), np.intp)
    for member, (_, judged) in enumerate(network.trainer.folds or ()):
        members[judged] = member
    return Judged(network.trainer.out_of_fold(x), y, weights, rows, members)


def _held_out(count: int, share: float, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """Rows to set apart, with the mix of classes of all rows as nearly as whole rows allow; ascending."""
    if not 0.5 <= count * share < count - 0.5:
        raise DataError(
            f"validation_fraction={share!r} of {count} rows sets {round(count * share)} apart; at least one must be, "
            f"and one must be left"
        )
    marks = np.floor(np.arange(count + 1) * share + 0.5)
    return np.sort(shuffled_by_class(count, labels, seed, "held_out")[np.diff(marks) > 0])
