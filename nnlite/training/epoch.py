"""One pass over the data: training, validation and evaluation are the same loop with another step."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite.callbacks import Callback, CallbackList, ProgressBar, is_validated
from nnlite.callbacks.bars import errors_below_bar
from nnlite.config import is_interactive_logging_enabled
from nnlite.data.batches import ArrayBatches, Epoch, ExhaustedError, IterableBatches, count_rows, one_by_one
from nnlite.data.members import MemberBatches
from nnlite.distributed import is_first
from nnlite.errors import TrainingWarning
from nnlite.errors.caller import warn_user
from nnlite.layers.base.call import layers_within
from nnlite.metrics import Mean
from nnlite.ops.plain.numbers import Number
from nnlite.registry.fields import Spec
from nnlite.schedules import LearningRateSchedule
from nnlite.training.safety.divergence import NotFinite, check_weights, divergence
from nnlite.training.safety.session import Session
from nnlite.training.trainable import Trainable
from nnlite.training.written.steps import WrittenSteps

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

Batches = ArrayBatches | IterableBatches | MemberBatches
Verbose = Literal["auto", 0, 1, 2] | bool
Logs = Any  # a float, a list of floats or a dict of them, as `return_dict` and the number of metrics decide


def run_epoch(
    trainer: "Trainer",
    batches: Batches,
    step: Callable,
    callbacks: CallbackList,
    phase: Literal["train", "test"],
    session: Session | None = None,
) -> tuple[dict[str, float], int]:
    """Run `step` over all batches.

    Args:
        trainer: its metrics are updated; in a session its flags `stop_training` and `interrupted` end the epoch.
        batches: have `batch_size` and `epoch(step)`, which yields `(x, y, sample_weight)`.
        step: returns the loss and the raw outputs of a batch.
        callbacks: its hooks `on_<phase>_batch_begin` and `_end` are called if anybody listens, before the first and
            after the last of each `steps_per_execution` batches.
        phase: `"train"` or `"test"`.
        session: the training that this is an epoch of, which may have done a part of it already. In it a step may take
            several batches at once, consecutive in the same arrays, if nothing listens to each and metrics add up.

    Returns:
        The loss, averaged over examples, and the metrics; the number of batches.
    """
    on_begin, on_end = _batch_hooks(callbacks, phase)
    steps = trainer.ready_steps()
    written = isinstance(steps, WrittenSteps)  # it has metrics and logs of its own
    update_metrics, report = (_ignore, steps.report) if written else (trainer.update_metrics, _report)
    if written and not (session and session.batch):
        steps.begin_epoch()
    listened = on_begin or on_end or trainer.stop_training  # by a callback at the beginning: after a single batch
    together = one_by_one if listened or not all(metric.adds_up for metric in trainer.metrics) else steps.together
    batches_left, loss, done = _whole_epoch(trainer, batches) if session is None else session.begin_epoch(together)
    trainer.loss_mean = trainer.loss_mean if written else loss
    with closing(batches_left):  # prefetching stops with the epoch, for whatever reason it ends
        for x, y, sample_weight in batches_left:
            if on_begin and done % trainer.steps_per_execution == 0:
                on_begin(done, {})
            value, outputs = step(x, y, sample_weight)
            loss.update_state(value, count_rows(x))
            update_metrics(y, outputs, sample_weight)
            if on_end and (done + 1) % trainer.steps_per_execution == 0:
                on_end(done, report(loss, trainer))
            done += _count_batches(x, batches)
            if session is not None:
                session.batch = done
            if trainer.stop_evaluating if session is None else trainer.stop_training or trainer.interrupted:
                break
    if on_end and done % trainer.steps_per_execution:
        on_end(done - 1, report(loss, trainer))
    return report(loss, trainer), done


def _batch_hooks(callbacks: CallbackList, phase: str) -> list[Any]:
    """The hooks before and after a batch; None for one that nobody listens to."""
    names = (f"on_{phase}_batch_begin", f"on_{phase}_batch_end")
    return [getattr(callbacks, name) if callbacks.wants(name) else None for name in names]


def _count_batches(x: Any, batches: Batches) -> int:
    """The number of batches that the inputs of a step hold."""
    return 1 if batches.batch_size is None else math.ceil(count_rows(x) / batches.batch_size)


def _whole_epoch(trainer: "Trainer", batches: Batches) -> tuple[Epoch, Mean, int]:
    """All batches, the mean of their losses, which starts over as the metrics do, and how many are done: none."""
    assert trainer.optimizer is not None  # the model is compiled
    for metric in trainer.metrics:
        metric.reset_state()
    return batches.epoch(trainer.optimizer.batches), Mean(name="loss"), 0


def run_on_batch(trainer: "Trainer", kind: Literal["train", "test"], data: tuple, return_dict: bool) -> Logs:
    """A step of training or testing on all of `data`, the user's `(x, y, ...)`: its loss and metrics."""
    x, y, sample_weight = arrays = trainer.one_batch(*data, method=f"{kind}_on_batch")
    steps = trainer.ready_steps()
    if isinstance(steps, WrittenSteps):
        batches = ArrayBatches(arrays, count_rows(x))
        logs, _ = run_epoch(trainer, batches, getattr(steps, kind), CallbackList(), kind)
        return as_returned(trainer, logs, return_dict)
    metrics = trainer.metrics
    for metric in metrics:
        metric.reset_state()
    value, outputs = getattr(steps, kind)(x, y, sample_weight)
    mean, rows = trainer.loss_mean, count_rows(x)
    mean._total, mean._count = float(value * rows), rows  # a value of a batch needs no checks of user data
    loss = mean._total / rows
    if not metrics:
        return {"loss": loss} if return_dict else loss
    trainer.update_metrics(y, outputs, sample_weight)
    return as_returned(trainer, _logs(loss, trainer), return_dict)


@errors_below_bar()
def run_test(trainer: "Trainer", batches: Batches, step: Callable, callbacks: CallbackList) -> dict[str, float]:
    """Loss and metrics over all batches, between `on_test_begin` and `on_test_end`."""
    trainer.stop_evaluating = False
    trainer.model.make_test_function()
    callbacks.on_test_begin({})
    logs, _ = run_epoch(trainer, batches, step, callbacks, "test")
    callbacks.on_test_end(dict(logs))
    return logs


def run_training(
    session: Session,
    step: Callable,
    validate: Callable[[CallbackList], dict[str, float]] | None,
) -> None:
    """Train over the remaining epochs, validating after each `validation_freq`-th, until done or stopped.

    Raises:
        KeyboardInterrupt: `trainer.interrupted` was set, at the end of the batch.
        DivergenceError: a loss or weights are not finite, where that is to stop the training.
    """
    trainer, callbacks = session.trainer, session.callbacks
    bind_schedules(trainer, session)
    trainer.model.make_train_function()
    trainer.stop_training = False
    callbacks.on_train_begin({})
    session.take_up()
    trainer.stop_training |= session.stopped
    try:
        for epoch in () if session.stopped and not session.batch else session.epochs:
            callbacks.on_epoch_begin(epoch, {})
            if session.batch:
                session.take_up()
            done = _run_epoch_guarded(session, step, epoch)
            if trainer.interrupted:
                callbacks.on_train_interrupted(epoch, session.batch)
                raise KeyboardInterrupt
            if trainer.diverged or not done:
                break
            if validate and is_validated(epoch, session.options["validation_freq"]):
                session.logs |= {f"val_{key}": value for key, value in validate(callbacks).items()}
            session.batch = 0
            callbacks.on_epoch_end(epoch, session.logs)
            if trainer.stop_training:
                break
        assert trainer.optimizer is not None  # the model is compiled
        if trainer.optimizer.use_ema:
            trainer.ready_steps().put_averages()
    finally:
        callbacks.on_train_end(session.logs)


def _run_epoch_guarded(session: Session, step: Callable, epoch: int) -> bool:
    """Whether there were batches left for an epoch; what is to happen where a loss, or weights, are not finite."""
    trainer = session.trainer
    try:
        session.logs, done = run_epoch(trainer, session.batches, step, session.callbacks, "train", session)
        if session.guarded:
            check_weights(trainer.ready_steps())
    except NotFinite as failure:
        session.batch += failure.before
        number = session.batch + (failure.value is not None)
        error = divergence(trainer.ready_steps(), failure, epoch, number)
        if not session.restores:
            raise error from None
        session.give_back(error)
    except ExhaustedError as error:
        if epoch == session.epochs.start:
            raise
        warn_user(f"{error}; training ends after epoch {epoch}", TrainingWarning)
        return False
    else:
        session.steps = session.steps or done
        session.keep()
    return True


def _report(loss: Mean, trainer: "Trainer") -> dict[str, float]:
    return _logs(loss.result(), trainer)


def _logs(loss: float, trainer: "Trainer") -> dict[str, float]:
    logs = {"loss": float(loss)}
    for metric in trainer.metrics:
        value = metric.result()
        logs |= value if isinstance(value, dict) else {str(metric.name): value}
    if len(logs) == 1:
        return logs
    return {name: _number(value) for name, value in sorted(logs.items())}  # in Keras's order


def _ignore(*_: Any) -> None:
    """Nothing: the model has shown the batch to its metrics itself."""


def _number(value: Any) -> Any:
    """The result of a metric as a Python number, where it is one; user-defined metrics give arrays of no axis too."""
    return value.item() if isinstance(value, (np.ndarray, np.generic, Number)) and value.ndim == 0 else value


def listed_callbacks(callbacks: Any) -> Any:
    """The argument `callbacks` of `fit` as a list: one may be alone, or several in a `CallbackList`."""
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    return [callbacks] if isinstance(callbacks, Callback) else callbacks


def callback_list(
    model: Trainable, callbacks: Sequence[Spec[Callback]] | None, verbose: Verbose, **params: Any
) -> CallbackList:
    """The callbacks of a call of `fit`, `evaluate` or `predict`, with a progress bar unless `verbose=0`.

    A `CallbackList` of the model, such as that of a `fit` which validates, is used as it is.
    """
    if isinstance(callbacks, CallbackList) and callbacks.model is model:
        return callbacks
    level = (1 if is_interactive_logging_enabled() else 2) if verbose == "auto" else int(verbose)
    listeners: list[Any] = list(listed_callbacks(callbacks) or ())
    if level and not any(isinstance(one, ProgressBar) for one in listeners):
        listeners.append(ProgressBar())
    return CallbackList(listeners, model, is_first(), verbose=level, **params)


def logged_names(trainer: "Trainer", validates: bool, callbacks: Sequence[Callback]) -> list[str] | None:
    """The names that the epochs log; None if user-defined code may log others: a step, a callback or a `result`."""
    written = isinstance(trainer.ready_steps(), WrittenSteps) or (validates and trainer.model._writes_evaluation)
    writers = (*map(type, callbacks), *(type(metric).result for metric in trainer.metrics))
    if written or not all(writer.__module__.startswith("nnlite.") for writer in writers):
        return None
    names = ["loss", *(str(metric.name) for metric in trainer.metrics)]
    added = [name for callback in callbacks for name in callback.adds]
    return [*names, *(f"val_{name}" for name in names if validates), *added]


def as_returned(trainer: "Trainer", logs: dict[str, float], return_dict: bool) -> Logs:
    """Loss and metrics as `evaluate` returns them: a dict, a list, or the loss where it is alone.

    As in Keras, the list begins with the loss and the metrics of `compile`, and all others follow by their names.
    """
    if return_dict:
        return logs
    if len(logs) == 1:
        return next(iter(logs.values()))
    last = trainer.names_of_outputs
    first = ["loss", *(str(metric.name) for metric in trainer.metrics if metric.name not in last)]
    return [logs[name] for name in dict.fromkeys([*first, *sorted(logs)]) if name in logs]


def bind_schedules(trainer: "Trainer", session: Session) -> None:
    """Tell the schedules when training begins and ends.

    Epochs before the first one of the training count as done, as far as the optimizer has done them.
    """
    steps: int | None = session.batches.steps
    total = None if steps is None else session.epochs.stop * steps
    first = 0 if steps is None else max(session.begun - session.first_epoch * steps, 0)
    for schedule in schedules_of(trainer):
        schedule.bind(total, first)


def schedules_of(trainer: "Trainer") -> Iterator[LearningRateSchedule]:
    """The schedules of the optimizer and of layers, nested ones included."""
    optimizer, model = trainer.optimizer, cast(Any, trainer.model)
    assert optimizer is not None  # the model is compiled
    yield from optimizer.schedules
    for layer in (model, *layers_within(model)):
        yield from layer.schedules
