"""compile, fit, evaluate and predict."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from os import PathLike
from typing import Any, Literal

import numpy as np

from nnlite.arrays.tables import as_plain_array, only_array
from nnlite.callbacks import Callback, Duration, History, MaxTime
from nnlite.data.batches import is_batches
from nnlite.layers.base.contract.structure import leaves_in
from nnlite.optimizers import FullBatchOptimizer
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.field_types import read_call
from nnlite.registry.fields import Spec
from nnlite.training.compiled.compiled import Compiled
from nnlite.training.epoch import (
    Logs,
    Verbose,
    as_returned,
    callback_list,
    listed_callbacks,
    logged_names,
    run_on_batch,
    run_test,
    run_training,
)
from nnlite.training.full_batch import FullBatchSteps, arguments_for, listeners_for, need_one_batch
from nnlite.training.inputs import (
    BatchSize,
    batch_arrays,
    batch_length,
    evaluation_batches,
    prediction_batches,
    prepared_targets,
    shape_for,
)
from nnlite.training.members import Folds, Judgement, out_of_fold, training_plan, training_step
from nnlite.training.predict import few_outputs, outputs_on_batch, run_prediction
from nnlite.training.resources import ends_early, suited
from nnlite.training.safety.checkpoint_files import checkpoint_to_continue
from nnlite.training.safety.divergence import OnDivergence
from nnlite.training.safety.session import Session
from nnlite.training.sharded import agreements
from nnlite.training.train_step import Steps
from nnlite.training.trainable import Trainable

PREDICTION_BATCH = 256


class Trainer(Compiled):
    """Training of a model: its optimizer, loss and metrics, and the loops of `fit`, `evaluate` and `predict`.

    `model.trainer` is one, and the model's methods of the same names are doors to it.

    Args:
        model: what is trained.

    Attributes:
        history: what the last `fit` returned; None before.
        to_units: turns targets and predictions into the unit that metrics are shown in; None for that of the loss.
        stop_training, stop_evaluating, stop_predicting: a callback sets it to end that after the batch.
        interrupted: a handler of a signal sets it to end the training after the batch.
        diverged: whether the last `fit` ended because a loss was not finite, and gave weights back.
        session: the running `fit`, which makes checkpoints; None in between.
        folds: `(training rows, validation rows)` of each member in the last `fit`; None unless it had `folds`.
        member_logs: what the last validation found of each member, name -> `(members,)`; None unless there are any.
        judgement: of members, in `on_test_end` after their validation; None at other times.
    """

    def __init__(self, model: Trainable):
        super().__init__(model)
        self.history: History | None = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = self.interrupted = self.diverged = False
        self.session: Session | None = None
        self.folds: list[tuple[np.ndarray, np.ndarray]] | None = None
        self.member_logs: dict[str, np.ndarray] | None = None
        self.judgement: Judgement | None = None
        self.to_units: Callable[[np.ndarray], np.ndarray] | None = None

    def as_targets(self, y: Any) -> Any:
        """`y` as an array; of a model of several outputs as a tuple of one array per output."""
        named = isinstance(y, dict) and isinstance(self.model._structure, dict)  # of the one output, by its key
        y = leaves_in(self.model._structure, y)[0] if named else y
        return as_plain_array(only_array(y, self.model.output_shape))

    def read_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: dict | None = None) -> tuple:
        """User data `(x, y, sample_weight)` in the form that the steps take; the first call builds the model."""
        inputs, targets = batch_arrays(self.model, x, y, lambda labels: self.as_targets(labels))  # of the built model
        return self.with_targets(shape_for(self.model, inputs), inputs, targets, sample_weight, class_weight)

    def with_targets(
        self, output_shape: Any, inputs: Any, targets: Any, sample_weight: Any, class_weight: Any
    ) -> tuple:
        """`(x, y, sample_weight)` for the steps; targets match outputs of this shape, of a member or all."""
        self.settle(output_shape, targets, sample_weight)
        return inputs, *prepared_targets(self, output_shape, inputs, targets, sample_weight, class_weight)

    def update_metrics(self, y: Any, outputs: Any, sample_weight: np.ndarray | None, steps: Any = None) -> None:
        """Update the metrics with targets and raw outputs of a batch; `steps` produced these, else those in use."""
        metrics, steps = self._metrics, self._steps if steps is None else steps
        if metrics.settled and steps is not None:
            predictions = outputs if metrics.take_logits and steps.ends_in_softmax else steps.predictions(outputs)
            if self.to_units is not None:
                y, predictions = self.to_units(y), self.to_units(predictions)
            metrics.update(steps.mask, y, predictions, sample_weight, self.given_shapes)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: BatchSize = None,
        epochs: Index = 1,
        verbose: Verbose = "auto",
        callbacks: Sequence[Spec[Callback]] | None = None,
        validation_split: BelowOne = 0.0,
        validation_data: Any = None,
        shuffle: bool | Literal["batch"] = True,
        class_weight: dict | Literal["balanced"] | None = None,
        sample_weight: Any = None,
        initial_epoch: Index = 0,
        steps_per_epoch: Count | None = None,
        validation_steps: Count | None = None,
        validation_batch_size: Count | None = None,
        validation_freq: Count | list[Count] = 1,
        stratify: bool = False,
        folds: Folds = None,
        max_time: Duration | None = None,
        on_divergence: OnDivergence | None = None,
        resume: str | PathLike | None = None,
        resume_anyway: bool = False,
    ) -> History:
        """Train for `epochs` passes over the data.

        Args:
            x: array or table of examples; or batches `(x, y[, sample_weight])`: an iterable, or an object that gives
                them by number, with `__len__` and `__getitem__`, such as a `PyDataset`. `y`: a row of targets for each.
            batch_size: examples per step; 32 when None. "auto" takes the largest power of two up to a sixteenth of
                the training examples, within 32 to 256.
            epochs, initial_epoch: the epoch to stop at, and the one to start at when continuing an earlier run.
            verbose: 0 is silent, 1 (and "auto") a bar, 2 a line per epoch.
            callbacks: `Callback`s, names or specs.
            validation_split: fraction of the examples used for validation: the last ones with `shuffle=False`, else,
                as files are often sorted, drawn at random with the model's seed, where Keras takes the last ones too.
            validation_data: `(x, y[, sample_weight])` or batches as for `x`, those of a generator kept in memory and
                used again in each epoch; `validation_split` is ignored then.
            shuffle: whether examples, or batches of a `PyDataset`, get a new order each epoch; "batch": batches only.
            class_weight: weight of each class number in the loss; "balanced": rows / (classes * rows of the class).
            sample_weight: weight in the loss: a number, one for each example, or one for each step inside, of shape
                `(rows, steps)`; with several outputs a list, or a dict by their names, of such.
            steps_per_epoch: batches per epoch; required for endless generators. The next epoch continues from there.
            validation_steps, validation_batch_size: as `steps_per_epoch` and `batch_size`, for validation.
            validation_freq, stratify: validate every n epochs, or in those listed; whether a split is stratified.
            folds: trains the members of a model, `(batch, members, *features) -> (batch, members, ...)`, on data of
                shape `(rows, *features)`, each independently and in its own order. A number, equal to that of the
                members, divides the rows into this many folds, stratified for classification losses: each member is
                trained on all folds but its own, and validated on that one. A list has `(training rows, validation
                rows)` for each member; "all" trains each on all rows, also with validation data. Logs are means.
            max_time: seconds, or text such as "10m" or "1h30m": training ends after the batch that passes it.
            on_divergence: reaction to a loss or weights that are not finite. "stop" raises a `DivergenceError` in the
                batch, naming the layer, and keeps the weights before it; "restore" restores the weights of the last
                finite epoch, with a warning, and ends the training; "ignore" continues, as Keras does, and so does
                None, except that `nnlite train` treats it as "stop".
            resume: a checkpoint, a folder of `callbacks.Checkpoints`, or a run folder to continue exactly from, even
                within an epoch, with the same model, data and arguments; a larger `epochs` trains for longer.
            resume_anyway: whether to continue even if model, data or arguments differ.

        Returns:
            The `History`: `history.history["loss"]` and so on, one value per epoch.

        Raises:
            NotReadyError: before `compile`.
            DataError, ShapeError: data that does not fit the model or the loss, or is not finite.
            ConfigError: a callback monitors a name that the run does not log; a checkpoint of a different training.
            ModelFileError: no checkpoint, or a damaged one.
            DivergenceError: with `on_divergence="stop"`, a loss or weights that are not finite.
        """
        self.need_steps("fit")
        callbacks = listed_callbacks(callbacks)
        options = arguments_for(self.optimizer, read_call(Trainer.fit, locals()))
        checkpoint = checkpoint_to_continue(self, resume, options["callbacks"] or ())  # may set the seed
        (batches, validate), epochs = training_plan(self, (x, y, sample_weight), options), options["epochs"]
        need_one_batch(self.optimizer, batches)
        added = [History()] if max_time is None else [MaxTime(max_time), History()]
        watching = [*agreements(self), *listeners_for(self.optimizer), *(options["callbacks"] or ()), *added]
        rare = {} if validation_freq == 1 else {"validation_freq": validation_freq}
        listeners = callback_list(self.model, watching, verbose, epochs=epochs, steps=batches.steps, **rare)
        size, count = batch_length(batches, options["batch_size"]), (epochs - initial_epoch) * (batches.steps or 0)
        resources = suited(self.model, size, count, ends_early(listeners))
        with resources, self._in_session(listeners, batches, options) as session:
            if checkpoint is not None:
                session.resume(checkpoint, resume_anyway)
            listeners.check(logged_names(self, validate is not None, listeners.callbacks))
            session.keep()
            with training_step(self, batches) as step:
                run_training(session, step, validate)
        self.history = next(callback for callback in listeners.callbacks if isinstance(callback, History))
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute loss and metrics on data without training on them; arguments as in `fit`.

        Returns:
            The loss, or `[loss, *metrics]`, or with `return_dict` a dict of them.
        """
        self.need_steps("evaluate")
        read_call(Trainer.evaluate, locals() | {"callbacks": listed_callbacks(callbacks)})
        batches = evaluation_batches(self, x if is_batches(x, y) else (x, y, sample_weight), batch_size, steps)
        listeners = callback_list(self.model, callbacks, verbose, epochs=1, steps=batches.steps)
        with suited(self.model, batch_size):
            return as_returned(self, run_test(self, batches, self.ready_steps().test, listeners), return_dict)

    def predict(
        self,
        x: Any,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_jacobian: bool = False,
    ) -> np.ndarray | Any:
        """Compute the outputs for `x`, an array, a DataFrame or an iterable of batches; nothing is cached.

        Args:
            x: examples; targets in batches are ignored. `verbose`, `steps` and `callbacks` are as in `fit`.
            batch_size: rows computed at once; 256 when None. It does not change the result.
            return_jacobian: whether to return `(outputs, jacobian)`, with the Jacobian of each row by its inputs.

        Shape: `(rows, ...) -> (rows, *output_shape[1:])`; the Jacobian `(rows, *output_shape[1:], *input_shape[1:])`.
        """
        whole = batch_size is None or (type(batch_size) is int and batch_size > 0)
        if whole and type(verbose) is int and verbose == 0 and steps is callbacks is None and not return_jacobian:
            outputs = few_outputs(self.model, x)
            if outputs is not None:
                return outputs
        read_call(Trainer.predict, locals() | {"callbacks": listed_callbacks(callbacks)})
        batches = prediction_batches(self.model, x, batch_size or PREDICTION_BATCH, steps)
        listeners = callback_list(self.model, callbacks, verbose, epochs=1, steps=batches.steps)
        with suited(self.model, batch_size or PREDICTION_BATCH):
            outputs, jacobians = run_prediction(self, batches, listeners, return_jacobian)
        return (outputs, np.concatenate(jacobians)) if return_jacobian else outputs

    def out_of_fold(self, x: Any) -> np.ndarray:
        """The outputs for the rows of `fit(folds=...)`, each from the member that did not learn from it.

        Where several were, it is their mean; `DataError` where none was. `(rows, *features) -> (rows, ...)`.
        """
        return out_of_fold(self, x)

    def predict_on_batch(self, x: Any) -> np.ndarray | Any:
        """The outputs for one batch, without callbacks and progress output."""
        return outputs_on_batch(self.model, x)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Logs:
        """One training step; returns loss and metrics of this batch, as `evaluate` does."""
        return run_on_batch(self, "train", (x, y, sample_weight, class_weight), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Logs:
        """Loss and metrics of one batch, without training."""
        return run_on_batch(self, "test", (x, y, sample_weight), return_dict)

    @contextmanager
    def _in_session(self, *call: Any) -> Iterator[Session]:
        steps, session = self.ready_steps(), Session(self, *call)
        self.session, self.diverged, steps.guarded = session, False, session.guarded
        # If the error names where divergence began, NumPy need not warn of each number.
        quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore") if session.guarded else nullcontext()
        try:
            with quiet:
                yield session
        finally:
            self.session, self.interrupted, steps.guarded = None, False, False

    def new_steps(self) -> Steps:
        """The steps of the compiled loss for the current model."""
        return (FullBatchSteps if isinstance(self.optimizer, FullBatchOptimizer) else Steps)(self)

    def __repr__(self) -> str:
        return f"Trainer(of {self.model.label}, optimizer={self.optimizer!r}, loss={self.loss!r})"
