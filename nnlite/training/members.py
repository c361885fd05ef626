"""Training of ensemble members, each on its own rows, and their evaluation on their folds."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnlite.callbacks import CallbackList
from nnlite.callbacks.members import member_parameters
from nnlite.data.batches import check_finite, check_lengths, count_rows, is_batches
from nnlite.data.members import MemberBatches
from nnlite.data.partition import hold_out, random_folds
from nnlite.distributed import current_team
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers.base.inputs import read_inputs
from nnlite.losses.masks import weight_of_rows
from nnlite.losses.members import MemberLoss
from nnlite.random import stream
from nnlite.registry.bounds import Count
from nnlite.training.epoch import Batches, run_test
from nnlite.training.inputs import (
    ADAPTED_ROWS,
    batch_length,
    built_inputs,
    labels_of,
    rows_of_batch,
    target_arrays,
    training_batches,
    validation_batches,
    with_balanced_classes,
)
from nnlite.training.sharded import ShardedSteps, check_same, check_sharded, sharded
from nnlite.training.written.batches import written_evaluation
from nnlite.training.written.steps import WrittenSteps

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

Folds = Count | Literal["all"] | Sequence[tuple[Any, Any]] | None
Validation = Callable[[CallbackList], dict[str, float]] | None
Rows = list[tuple[np.ndarray, np.ndarray]]  # of each member: those it is trained on, those it is judged on
CHUNK, LEAST_CHUNK = 256, 64  # rows of a member that are predicted at once: more leave the cache
CHUNK_CELLS = 2**23  # numbers of all members' rows; above this, fewer are taken at once


class Judgement:
    """The loss and the metrics of each member on its own rows.

    Args:
        trainer: of the model.
        arrays: `(x, y, sample_weight)` with one row per example.
        rows: the row numbers that each member is judged on.
    """

    def __init__(self, trainer: "Trainer", arrays: tuple, rows: Sequence[np.ndarray]) -> None:
        self.trainer, self.arrays, self.rows = trainer, arrays, rows

    def __call__(self, callbacks: CallbackList) -> dict[str, float]:
        """Means over the members; the trainer keeps each member's values as `member_logs`."""
        callbacks.on_test_begin({})
        trainer, (x, *others) = self.trainer, self.arrays
        self.judged = [  # targets, raw outputs and weights of each member's rows
            (others[0].take(rows, axis=0), output, None if others[1] is None else others[1].take(rows, axis=0))
            for rows, output in zip(self.rows, member_outputs(trainer, x, self.rows), strict=True)
        ]
        figures = {"loss": [loss + self._penalty(member) for member, loss in enumerate(self.losses())]}
        figures |= {str(metric.name): [] for metric in trainer.metrics}
        for batch in self.judged:
            for metric in trainer.metrics:
                metric.reset_state()
            trainer.update_metrics(*batch)
            for metric in trainer.metrics:
                figures[str(metric.name)].append(metric.result())
        trainer.judgement = self
        trainer.member_logs = (trainer.member_logs or {}) | {f"val_{name}": np.array(v) for name, v in figures.items()}
        logs = {name: float(np.mean(values)) for name, values in figures.items()}
        callbacks.on_test_end(logs)
        trainer.judgement, self.judged = None, []
        return logs

    def losses(self, temperature: float = 1.0) -> list[float]:
        """The loss of each member, without penalties; a `temperature` divides what a softmax takes."""
        steps = self.trainer.bare_steps()
        if temperature != 1 and not steps.ends_in_softmax:
            raise ConfigError(f"temperature={temperature} divides what a softmax takes: the model ends in none")
        return [steps.loss.linearize(y, output / temperature, weights)[0] for y, output, weights in self.judged]

    def _penalty(self, member: int) -> float:
        """The penalties of the parameters that belong to the member, and of those that all share."""
        steps = self.trainer.bare_steps()
        if not steps.regularized:
            return 0.0
        apart = set(map(id, member_parameters(self.trainer.model)))
        return sum(p.regularizer.penalty(p.value[member] if id(p) in apart else p.value) for p in steps.regularized)


def training_plan(trainer: "Trainer", data: tuple, options: dict[str, Any]) -> tuple[Batches, Validation]:
    """Training batches, and the validation after an epoch, if any, by the arguments of `fit`."""
    trainer.folds, trainer.member_logs, team = None, None, current_team()
    if team is not None:
        check_sharded(trainer, options)
        trainer.model.seed = team.broadcast(trainer.model.seed)
    if options["folds"] is not None:
        if trainer.model._writes_steps:
            raise ConfigError("folds trains by steps of its own; this model writes its own", ("folds",))
        return _member_plan(trainer, data, options)
    batches, held = training_batches(trainer, data, options)
    validation, steps = options["validation_data"] if held is None else held, trainer.ready_steps
    if team is not None:
        batches, steps = sharded(batches, team), partial(ShardedSteps, trainer, team)
    if validation is None:
        return batches, None
    size = options["validation_batch_size"] or batch_length(batches, options["batch_size"])
    if trainer.model._writes_evaluation and team is None:
        return batches, written_evaluation(trainer.model, validation, size, options["validation_steps"])
    validation = validation_batches(trainer, validation, size, options["validation_steps"])
    validation = validation if team is None else sharded(validation, team)
    return batches, lambda callbacks: run_test(trainer, validation, steps().validate, callbacks)


@contextmanager
def training_step(trainer: "Trainer", batches: Batches) -> Iterator[Callable]:
    """The training step, in a context in which it takes the loss of each member separately, if there are any."""
    team, steps = current_team(), trainer.ready_steps()
    if team is not None:
        check_same(trainer, team)
        yield ShardedSteps(trainer, team).train
        return
    step = partial(steps.train, batch_size=batches.batch_size)
    if not isinstance(batches, MemberBatches) or isinstance(steps, WrittenSteps):
        yield step
        return

    def train(x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> tuple[float, np.ndarray]:
        value, outputs = step(x, y, sample_weight)
        steps.mask = weight_of_rows(batches.real, outputs.shape[:-1])  # for metrics, to which a member's row is a row
        return value, outputs

    steps.trained_loss, steps.members = MemberLoss(steps.loss), len(batches.rows)
    try:
        yield train
    finally:
        steps.trained_loss, steps.members = steps.loss, 1


def _member_plan(trainer: "Trainer", data: tuple, options: dict[str, Any]) -> tuple[MemberBatches, Judgement | None]:
    folds, validation = options["folds"], options["validation_data"]
    if is_batches(*data[:2]) or is_batches(validation, None):
        raise ConfigError("folds needs arrays: an iterable yields batches in an order of its own")
    if folds != "all" and (validation is not None or options["validation_split"]):
        raise ConfigError('folds say what members are judged on; validation data go with folds="all"')
    if validation is not None and options["validation_split"]:
        raise ConfigError("validation_split and validation_data exclude one another")
    members = _member_count(trainer.model, folds)
    balanced = options["class_weight"] == "balanced"
    arrays = _read(trainer, members, data, None if balanced else options["class_weight"])
    if balanced:
        arrays = with_balanced_classes(trainer, arrays)
    trainer.folds, trainer.member_logs = _rows(trainer, arrays, members, options), {}
    trained, judged = map(list, zip(*trainer.folds, strict=True))
    _adapt_first_weights(trainer.model, arrays[0], trained)
    size = rows_of_batch(options["batch_size"], max(map(len, trained)))
    seed = trainer.model.seed if options["shuffle"] is True else None
    further = options["steps_per_epoch"], trainer.loss.reduction, trainer.model._output_dtype
    batches = MemberBatches(arrays, trained, size, seed, *further)
    if validation is not None:
        arrays = _read(trainer, members, validation, None)
        judged = [np.arange(count_rows(arrays[0]))] * members
    return batches, Judgement(trainer, arrays, judged) if all(map(len, judged)) else None


def member_outputs(trainer: "Trainer", x: np.ndarray, rows: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The raw outputs of each member for its rows of `x`: all members together, in large chunks."""
    longest = max(map(len, rows))
    most = min(CHUNK, max(CHUNK_CELLS // (len(rows) * max(math.prod(x.shape[1:]), 1)), LEAST_CHUNK))
    size = math.ceil(longest / math.ceil(longest / most))  # all chunks have one size, so that they share memory
    places = np.stack([np.resize(chosen, math.ceil(longest / size) * size) for chosen in rows])
    steps, chunks = trainer.bare_steps(), []
    for start in range(0, longest, size):
        inputs = x.take(places[:, start : start + size], axis=0).swapaxes(0, 1)
        chunks.append(steps.outputs(inputs).swapaxes(0, 1))
    outputs = np.concatenate(chunks, axis=1)
    return (outputs[member, : len(chosen)] for member, chosen in enumerate(rows))


def out_of_fold(trainer: "Trainer", x: Any) -> np.ndarray:
    """Predictions of members for the rows that they did not learn from; see `Trainer.out_of_fold`."""
    folds = trainer.folds
    if folds is None:
        raise NotReadyError("out_of_fold needs a fit with folds before")
    array = _read_inputs(trainer.model, x, len(folds))
    count = 1 + max(int(rows.max()) for fold in folds for rows in fold if len(rows))
    if len(array) != count:
        raise ShapeError(f"out_of_fold needs the {count} rows that the model was trained on, got {len(array)}")
    rows = [judged for _, judged in folds]
    judges = np.bincount(np.concatenate(rows), minlength=count)
    if not judges.all():
        missing = np.flatnonzero(judges == 0)
        raise DataError(f"no member was judged on row {missing[0]}, nor on {len(missing) - 1} others")
    total = np.zeros((count, *trainer.model.output_shape[2:]), trainer.model._output_dtype)
    for chosen, output in zip(rows, member_outputs(trainer, array, rows), strict=True):
        total[chosen] += trainer.bare_steps().predictions(output)
    return total / judges.reshape(-1, *(1,) * (total.ndim - 1)).astype(total.dtype)


def _member_count(model: Any, folds: Any) -> int:
    if isinstance(folds, int):
        return folds
    if folds != "all":
        return len(folds)
    counts = [layer.member_count for layer in model.layers if layer.member_count]
    if model.built and not model.takes_several and len(model.input_shape) > 1 and model.input_shape[1]:
        return model.input_shape[1]
    if counts:
        return counts[0]
    raise ConfigError('folds="all" does not say how many members there are: build the model first')


def _read(trainer: "Trainer", members: int, data: Any, class_weight: dict | None) -> tuple:
    """`(x, y, sample_weight)` for the batches, each with one row per example, for all members."""
    if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
        raise DataError("validation data must be (x, y) or (x, y, sample_weight)")
    x, y, sample_weight = (*data, None)[:3]
    inputs = _read_inputs(trainer.model, x, members)
    targets = target_arrays(inputs, y, trainer.as_targets)
    shape = (None, *trainer.model.output_shape[2:])
    arrays = trainer.with_targets(shape, inputs, targets, sample_weight, class_weight)
    if arrays[2] is not None and arrays[2].ndim > 1:
        raise DataError(
            "members are trained together with one weight for each row, sample_weight has one for each step"
        )
    return arrays


def _read_inputs(model: Any, x: Any, members: int) -> np.ndarray:
    """`x`, one row per example, as an array of the model's type; the model is built for `members` of such rows."""
    array = read_inputs(x, model.input_kind, model.label)
    check_lengths(array)
    if model.built:
        _check_members(model, array.shape, members)
    one: Any = built_inputs(model, np.broadcast_to(array[:1][:, None], (1, members, *array.shape[1:])))
    _check_members(model, array.shape, members)
    array = array.astype(one.dtype, copy=False)
    check_finite(array)
    return array


def _check_members(model: Any, shape: tuple, members: int) -> None:
    """`ShapeError` unless inputs and outputs of the model have an axis of this many members after the batch."""
    needed = (None, members, *shape[1:])
    shape_in, made = model.input_shape, model.output_shape
    fits = not isinstance(shape_in[0], tuple) and len(shape_in) == len(needed) and shape_in[1] in (None, members)
    if not fits or isinstance(made[0], tuple) or len(made) < 3 or made[1] != members:
        raise ShapeError(
            f"{model.label} has inputs of shape {shape_in} and outputs of shape {made}: to train {members} members, "
            f"it needs inputs of shape {needed} and outputs of shape (None, {members}, ...)"
        )


def _rows(trainer: "Trainer", arrays: tuple, members: int, options: dict[str, Any]) -> Rows:
    """The rows that each member is trained on, and those that it is judged on."""
    folds, count, seed = options["folds"], count_rows(arrays[0]), trainer.model.seed
    if folds == "all":
        labels = labels_of(trainer.loss, arrays[1]) if options["stratify"] else None
        split = options["validation_split"]
        everything = np.arange(count), np.arange(0)
        return [hold_out(labels, count, split, seed, options["shuffle"] is True) if split else everything] * members
    if isinstance(folds, int):
        if not 2 <= folds <= count:
            raise DataError(f"folds={folds}: {count} rows can be divided into 2 to {count} folds")
        kind = trainer.loss.target_kind
        single = kind == "categorical" or (kind != "regression" and arrays[1].size == count)
        return random_folds(count, folds, labels_of(trainer.loss, arrays[1]) if single else None, seed)
    return [
        (_row_numbers(training, count, member), _row_numbers(judged, count, member))
        for member, (training, judged) in enumerate(folds)
    ]


def _adapt_first_weights(model: Any, x: np.ndarray, trained: list[np.ndarray]) -> None:
    """Let layers whose first weights are fitted to data see rows that each member is trained on."""
    if not model.adapted:
        count = min(ADAPTED_ROWS, *map(len, trained))
        rows = [
            stream(model.seed, "adapt", member).permutation(chosen)[:count] for member, chosen in enumerate(trained)
        ]
        model.adapt(x.take(np.stack(rows), axis=0).swapaxes(0, 1))


def _row_numbers(rows: Any, count: int, member: int) -> np.ndarray:
    """Row numbers as an array; `DataError` unless they are such."""
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (count,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array) or not 0 <= array.min() <= array.max() < count:
        raise DataError(f"folds[{member}] must hold two arrays of row numbers, integers from 0 to {count - 1}")
    return array
